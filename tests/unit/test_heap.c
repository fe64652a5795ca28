/* layers: base */
#include "daemon/base/heap.h"

#include <check.h>
#include <stdlib.h>

#include "tests/support/suite.h"

#define NODES 1000

static struct heap_node nodes[NODES];

static void insert(struct heap *heap, struct heap_node *node, uint64_t key)
{
    ck_assert_int_eq(heap_insert(heap, node, key), 0);
    ck_assert(heap_contains(node));
}

START_TEST(empty_heap_has_no_first)
{
    struct heap heap = {0};

    ck_assert_ptr_null(heap_first(&heap));
    heap_remove(&heap, &nodes[0]);
    ck_assert_ptr_null(heap_first(&heap));
    heap_free(&heap);
    heap_free(NULL);
}
END_TEST

START_TEST(keys_leave_in_order)
{
    struct heap heap = {0};
    uint64_t last = 0;

    for (size_t i = 0; i < NODES; i++)
        insert(&heap, &nodes[i], i * 7919 % NODES);
    for (size_t i = 0; i < NODES; i++) {
        struct heap_node *first = heap_first(&heap);

        ck_assert_uint_eq(first->key, i);
        ck_assert_uint_ge(first->key, last);
        last = first->key;
        heap_remove(&heap, first);
        ck_assert(!heap_contains(first));
    }
    ck_assert_ptr_null(heap_first(&heap));
    heap_free(&heap);
}
END_TEST

START_TEST(equal_keys_leave_in_insertion_order)
{
    struct heap heap = {0};

    for (size_t i = 0; i < NODES; i++)
        insert(&heap, &nodes[i], i % 3);
    for (size_t key = 0; key < 3; key++) {
        for (size_t i = key; i < NODES; i += 3) {
            ck_assert_ptr_eq(heap_first(&heap), &nodes[i]);
            heap_remove(&heap, &nodes[i]);
        }
    }
    heap_free(&heap);
}
END_TEST

START_TEST(greatest_key_is_a_key)
{
    struct heap heap = {0};

    insert(&heap, &nodes[0], UINT64_MAX);
    insert(&heap, &nodes[1], 0);
    ck_assert_ptr_eq(heap_first(&heap), &nodes[1]);
    heap_remove(&heap, &nodes[1]);
    ck_assert_ptr_eq(heap_first(&heap), &nodes[0]);
    heap_free(&heap);
}
END_TEST

static void check_order(const struct heap *heap)
{
    for (size_t i = 0; i < heap->count; i++) {
        ck_assert_uint_eq(heap->nodes[i]->position, i + 1);
        if (i > 0)
            ck_assert_uint_le(heap->nodes[(i + 1) / 2 - 1]->key, heap->nodes[i]->key);
    }
}

START_TEST(any_node_can_be_removed)
{
    struct heap heap = {0};
    unsigned seed = 1;
    size_t in_heap = 0;

    for (size_t round = 0; round < 20 * NODES; round++) {
        struct heap_node *node = &nodes[(size_t)rand_r(&seed) % NODES];

        if (heap_contains(node)) {
            heap_remove(&heap, node);
            ck_assert(!heap_contains(node));
            in_heap--;
        } else {
            insert(&heap, node, (uint64_t)rand_r(&seed) % 50);
            in_heap++;
        }
        ck_assert_uint_eq(heap.count, in_heap);
        if (round % 100 == 0)
            check_order(&heap);
    }
    while (heap_first(&heap)) {
        check_order(&heap);
        heap_remove(&heap, heap_first(&heap));
    }
    heap_free(&heap);
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("heap", NULL, NULL);

    tcase_add_test(tcase, empty_heap_has_no_first);
    tcase_add_test(tcase, keys_leave_in_order);
    tcase_add_test(tcase, equal_keys_leave_in_insertion_order);
    tcase_add_test(tcase, greatest_key_is_a_key);
    tcase_add_test(tcase, any_node_can_be_removed);
    return suite_run();
}

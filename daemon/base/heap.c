#include "daemon/base/heap.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_CAPACITY 16

void heap_free(struct heap *heap)
{
    if (!heap)
        return;
    free(heap->nodes);
    *heap = (struct heap){0};
}

static bool leaves_before(const struct heap_node *a, const struct heap_node *b)
{
    if (a->key != b->key)
        return a->key < b->key;
    return a->order < b->order;
}

/* Positions are 1-based, as the parent of `position` is then simply its half. */
static struct heap_node *node_at(const struct heap *heap, size_t position)
{
    return heap->nodes[position - 1];
}

static void place(struct heap *heap, struct heap_node *node, size_t position)
{
    heap->nodes[position - 1] = node;
    node->position = position;
}

static void sift_up(struct heap *heap, struct heap_node *node, size_t position)
{
    while (position > 1 && leaves_before(node, node_at(heap, position / 2))) {
        place(heap, node_at(heap, position / 2), position);
        position /= 2;
    }
    place(heap, node, position);
}

static void sift_down(struct heap *heap, struct heap_node *node, size_t position)
{
    while (position <= heap->count / 2) {
        size_t child = position * 2;

        if (child < heap->count && leaves_before(node_at(heap, child + 1), node_at(heap, child)))
            child++;
        if (!leaves_before(node_at(heap, child), node))
            break;
        place(heap, node_at(heap, child), position);
        position = child;
    }
    place(heap, node, position);
}

static int grow(struct heap *heap)
{
    size_t capacity = heap->capacity ? heap->capacity * 2 : FIRST_CAPACITY;
    struct heap_node **nodes = reallocarray(heap->nodes, capacity, sizeof(struct heap_node *));

    if (!nodes)
        return -ENOMEM;
    heap->nodes = nodes;
    heap->capacity = capacity;
    return 0;
}

int heap_insert(struct heap *heap, struct heap_node *node, uint64_t key)
{
    if (heap->count == heap->capacity) {
        int r = grow(heap);

        if (r < 0)
            return r;
    }
    node->key = key;
    node->order = heap->next_order++;
    heap->count++;
    sift_up(heap, node, heap->count);
    return 0;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    size_t position = node->position;
    struct heap_node *last;

    if (position == 0)
        return;
    last = node_at(heap, heap->count);
    heap->count--;
    node->position = 0;
    if (last == node)
        return;
    /* The last node fills the gap; it comes from another branch, so it may belong up or down. */
    if (leaves_before(last, node))
        sift_up(heap, last, position);
    else
        sift_down(heap, last, position);
}

struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count > 0 ? heap->nodes[0] : NULL;
}

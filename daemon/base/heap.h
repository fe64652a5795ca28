/* An indexed binary min-heap of nodes that live inside the caller's structures: insert, remove of
 * any node and change of key in O(log n), the least key in O(1). Equal keys leave in insertion
 * order. It never owns the nodes. One thread at a time. */
#ifndef FUTURED_BASE_HEAP_H
#define FUTURED_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory is a node that is in no heap. */
struct heap_node {
    uint64_t key;
    uint64_t order;  /* insertion number, settles equal keys */
    size_t position; /* 1-based place in the heap's array; 0: in no heap */
};

struct heap {
    struct heap_node **nodes;
    size_t count, capacity;
    uint64_t next_order;
};

/* Zeroed memory is an empty heap. heap_free releases the array, not the nodes. */
void heap_free(struct heap *heap);

/* 0 or -ENOMEM. The node must be in no heap. */
int heap_insert(struct heap *heap, struct heap_node *node, uint64_t key);

/* Takes the node out; does nothing when it is in no heap. Never fails. */
void heap_remove(struct heap *heap, struct heap_node *node);

/* The node with the least key, still in the heap; NULL when it is empty. */
struct heap_node *heap_first(const struct heap *heap);

static inline bool heap_contains(const struct heap_node *node)
{
    return node->position != 0;
}

#endif

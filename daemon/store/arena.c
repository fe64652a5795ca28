#include "daemon/store/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384
#define ALIGNMENT   16

struct arena_block {
    struct arena_block *next;
    size_t size;
    _Alignas(ALIGNMENT) char data[];
};

void *arena_take(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!block || block->size - arena->used < size) {
        size_t wanted = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        block = malloc(sizeof(*block) + wanted);
        if (!block)
            return NULL;
        block->next = arena->blocks;
        block->size = wanted;
        arena->blocks = block;
        arena->used = 0;
    }
    void *taken = block->data + arena->used;
    arena->used += size;
    return taken;
}

char *arena_text(struct arena *arena, const void *text, size_t size)
{
    char *copy = arena_take(arena, size + 1);
    if (!copy)
        return NULL;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

void arena_reset(struct arena *arena)
{
    while (arena->blocks && arena->blocks->next) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
    arena->used = 0;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
    arena->used = 0;
}

/* Memory that is given out piece by piece and freed at once. One thread at a time. */
#ifndef FUTURED_STORE_ARENA_H
#define FUTURED_STORE_ARENA_H

#include <stddef.h>

struct arena_block;

/* Zeroed memory is empty. */
struct arena {
    struct arena_block *blocks; /* the last first */
    size_t used;                /* of the first in the list */
};

/* At an address for any type; NULL: no memory. */
void *arena_take(struct arena *arena, size_t size);
/* A copy with a zero behind it. NULL: no memory. */
char *arena_text(struct arena *arena, const void *text, size_t size);
/* Takes all back and keeps one block. */
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

#endif

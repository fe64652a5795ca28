/* Where the items of a map come from: words behind `:::`, or a file that is cut into items while it
 * is read. Only map_source_fill reads. One thread. */
#ifndef FUTURED_CLIENT_MAP_SOURCE_H
#define FUTURED_CLIENT_MAP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/map/map_value.h"

struct map_source;

struct map_words {
    const char *const *words; /* borrowed */
    size_t count;
};

/* Every combination of the lists' words, the last list's changing fastest; `lists` is copied. NULL:
 * no memory. */
struct map_source *map_source_words(const struct map_words *lists, size_t list_count);
enum map_kind {
    MAP_OF_TEXT,
    MAP_OF_JSON,    /* as far as it can be put into a command */
    MAP_OF_ANY_JSON /* for other functions */
};

/* Items end with `delimiter`, or are lines of JSON. The descriptor stays the caller's. NULL: no
 * memory. */
struct map_source *map_source_file(int fd, char delimiter, enum map_kind kind);
/* Takes NULL. */
void map_source_free(struct map_source *source);

/* What to wait for before map_source_fill; -1: nothing. */
int map_source_fd(const struct map_source *source);
/* How many items there are; 0: that is not known before the end. */
uint64_t map_source_total(const struct map_source *source);

/* 1 and the next item, which is the caller's; *ret_refusal is NULL, or says (static) why it can be
 * no item. 0: none is there without reading. -ENOMEM. */
int map_source_next(struct map_source *source, struct map_value **ret_value,
                    const char **ret_refusal);
/* One read(2), when map_source_next has said 0. 1; 0 at the end: then there may be one last item;
 * -errno. */
int map_source_fill(struct map_source *source);
/* No item is left, and none will come. */
bool map_source_ended(const struct map_source *source);

#endif

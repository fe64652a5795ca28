/* Cuts a stream of bytes into the items of a map, as they arrive. Only item_reader_fill reads.
 * One thread. */
#ifndef FUTURED_CLIENT_MAP_ITEMS_H
#define FUTURED_CLIENT_MAP_ITEMS_H

#include <stdbool.h>
#include <stddef.h>

/* The kernel takes no argument that is longer. */
enum { ITEM_MAX_BYTES = 131071 };

struct item_reader;

/* `delimiter` ends an item: a line feed or NUL. The descriptor stays the caller's. NULL: no
 * memory. */
struct item_reader *item_reader_new(int fd, char delimiter);
/* Takes NULL. */
void item_reader_free(struct item_reader *reader);

/* One read(2). 1; 0 at the end; -errno. All items there are must have been taken before. */
int item_reader_fill(struct item_reader *reader);

/* True with the next whole item, borrowed until the next call of item_reader_fill. At the end the
 * last one may lack its delimiter. Of an item that is too long comes the beginning. */
bool item_reader_next(struct item_reader *reader, const char **ret_text, size_t *ret_size,
                      bool *ret_too_long);

#endif

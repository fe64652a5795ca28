/* The store that keeps nothing: durability "none". Every commit succeeds at once. With a directory
 * it keeps the counters, so that no id and no cursor is used again by the next daemon there. What
 * is written survives the end of the process; after a loss of power nobody is left who knows an id.
 * Loop thread. */
#ifndef FUTURED_STORE_NULL_STORE_H
#define FUTURED_STORE_NULL_STORE_H

#include <stddef.h>

struct store;

/* NULL: no memory. To be freed through its ops. */
struct store *null_store_new(void);
/* Takes the directory, as directory_take does, and goes on with the counters that lie in it. To be
 * called before the store is loaded. 0 or -errno, with a sentence in `message`: then it keeps
 * nothing. */
int null_store_keep_counters(struct store *store, const char *directory, char *message,
                             size_t message_size);

#endif

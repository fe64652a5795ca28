/* Tells a loader all that is in the database, once, before the store's thread is there. */
#ifndef FUTURED_STORE_LOAD_H
#define FUTURED_STORE_LOAD_H

#include <stddef.h>

struct database;
struct store_loader;

/* Also removes files that no row knows of. 0 or -errno, which may be the loader's own; where it
 * is the database's, with a sentence in `message`. */
int store_load(struct database *database, const struct store_loader *loader, char *message,
               size_t message_size);

#endif

/* The store that survives: a SQLite database in the state directory, written by a thread of its
 * own. Whatever is committed while that thread syncs goes together into its next transaction. Loop
 * thread, as daemon/core/store.h says; the thread is not seen from outside. */
#ifndef FUTURED_STORE_SQLITE_STORE_H
#define FUTURED_STORE_SQLITE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/store.h"

struct loop;

struct sqlite_store_settings {
    const char *directory;      /* made where it is not there */
    enum durability durability; /* the strongest that is given: PROCESS or FULL */
    /* How long done futures are kept. */
    uint64_t retention_count, retention_bytes, retention_s;
    /* A file of that size is given up for what must be stored on a full disk; 0: none. */
    size_t reserve_bytes;
    struct loop *loop;
    const char *vfs; /* SQLite's name of it; NULL: the usual one */
};

/* As much as the log and a large commit may take, so that the log can always be moved into the
 * database. */
#define SQLITE_STORE_RESERVE_BYTES 33554432

/* Takes the directory, opens or makes what is in it, and checks it after an end that was not clean.
 * To be freed through its ops, after `load` or without it, and before the loop. 0 or -errno
 * (-EBUSY: another daemon has the directory), with a sentence in `message`. */
int sqlite_store_open(const struct sqlite_store_settings *settings, struct store **ret_store,
                      char *message, size_t message_size);

#endif

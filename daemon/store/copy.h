/* A backup: a consistent copy of the database in a file of its own, made in steps between which
 * others may write. Texts that have a file are in the copy itself, so that it is one file, and can
 * be put into an empty state directory as its futured.db. The thread of the database. */
#ifndef FUTURED_STORE_COPY_H
#define FUTURED_STORE_COPY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct database;

/* Zeroed memory is none. */
struct copy {
    char *path, *part; /* where to, and its name until it is whole */
    sqlite3 *sqlite;
    sqlite3_backup *backup; /* NULL once all pages are there */
    uint64_t checked;       /* starts of futures up to this id */
    uint64_t filled;        /* done rows up to this cursor have their texts */
    bool attempts_filled;
};

/* `path` must not be there. 0 or -errno; after a failure nothing is left. */
int copy_begin(struct copy *copy, struct database *database, const char *path);
/* Does some of it. 1: there is more to do; 0: it is there, synced, and `copy` is zeroed; -errno:
 * nothing is left. */
int copy_step(struct copy *copy, struct database *database);
/* Gives up, where one is being made. */
void copy_abort(struct copy *copy, struct database *database);

#endif

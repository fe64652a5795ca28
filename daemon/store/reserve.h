/* The reserve: a file that only takes up room, and is given up when the disk is full, so that what
 * must be stored can be. The thread of the database. */
#ifndef FUTURED_STORE_RESERVE_H
#define FUTURED_STORE_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

struct sqlite3_vfs;

/* Zeroed memory is one of no size, which is always there. */
struct reserve {
    struct sqlite3_vfs *vfs;
    char *name; /* of the file */
    size_t bytes;
    bool there;
};

/* Makes it if there is room; that there is none is no failure. On a small file system it is smaller
 * than `bytes`. 0 or -ENOMEM. */
int reserve_open(struct reserve *reserve, const char *path, const char *vfs, size_t bytes);
void reserve_close(struct reserve *reserve);

/* Makes it where it was given up, if there is room. True: it is there. */
bool reserve_make(struct reserve *reserve);
/* False: there was none. */
bool reserve_give_up(struct reserve *reserve);

#endif

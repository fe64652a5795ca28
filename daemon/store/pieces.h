/* Large texts, each in a file of its own below output/: what a job wrote, and what it returned.
 * Written and synced before the commit that tells of them, removed after the one that forgets
 * them. All through SQLite's VFS, so that a test that plays a failing disk plays it for these too.
 * The thread of the database. */
#ifndef FUTURED_STORE_PIECES_H
#define FUTURED_STORE_PIECES_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A text above this has a file. */
#define PIECE_BYTES 65536

enum piece_kind { PIECE_RESULT, PIECE_STDOUT, PIECE_STDERR, PIECE_EARLIER };
#define PIECES 4

/* No two texts ever have the same name. */
struct piece {
    uint64_t id;
    unsigned attempt;
    enum piece_kind kind;
};

struct piece_list {
    struct piece *pieces;
    size_t count, capacity;
};

/* Zeroed memory until pieces_open. */
struct pieces {
    sqlite3_vfs *vfs;
    char *path;                /* of the directory output/ */
    int error;                 /* errno of the last failure; 0: not known */
    struct piece_list created; /* in this transaction */
    struct piece_list doomed;  /* by this transaction */
    struct piece_list removed; /* by those before, whose files are still there */
    bool keep;                 /* somebody reads them: remove none now */
};

/* `path`: the state directory. 0 or -errno. */
int pieces_open(struct pieces *pieces, const char *path, const char *vfs);
void pieces_close(struct pieces *pieces);

/* These return SQLite's codes. */
int piece_write(struct pieces *pieces, const struct piece *piece, const void *data, size_t size,
                bool sync);
/* *ret_data: malloc'd, `size` bytes and a zero. SQLITE_CANTOPEN: it is not there; SQLITE_CORRUPT:
 * it has another size. */
int piece_read(struct pieces *pieces, const struct piece *piece, size_t size, char **ret_data);
/* Its file goes when this transaction is committed, and pieces_sweep comes. */
int piece_doom(struct pieces *pieces, const struct piece *piece);

/* The transaction was committed, or rolled back. */
void pieces_committed(struct pieces *pieces);
void pieces_rolled_back(struct pieces *pieces);
/* Removes files that no transaction that may come back knows of. */
void pieces_sweep(struct pieces *pieces);

/* Calls `fn` for each file there is; where it returns false (nobody knows it), the file is removed.
 * 0 or -errno. */
int pieces_clean(struct pieces *pieces, bool (*fn)(void *arg, const struct piece *piece),
                 void *arg);

#endif

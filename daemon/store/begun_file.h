/* The file "begun" in the state directory: the marks of core/begun.h, for the daemon that comes
 * after one that was killed. Of another run of the machine they are worth nothing, and neither are
 * they if there is no file. Opened and closed by one thread. */
#ifndef FUTURED_STORE_BEGUN_FILE_H
#define FUTURED_STORE_BEGUN_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct begun_table;

struct begun_file {
    struct begun_table *table; /* NULL: there are no marks */
};

/* *ret_kept: what the daemon before has marked is there, and nothing else is. Otherwise
 * begun_file_clear must come before the marks are used. 0 or -errno: there are none then. */
int begun_file_open(const char *directory, struct begun_file *ret_file, bool *ret_kept);
/* Begins with no marks. What is in the database must not rely on the earlier ones by now. */
void begun_file_clear(struct begun_file *file);
/* Zeroed memory is allowed. */
void begun_file_close(struct begun_file *file);

/* NULL: there are none. */
_Atomic uint64_t *begun_file_marks(const struct begun_file *file);

#endif

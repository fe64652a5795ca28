/* Changes become rows. Within a transaction of database.h; the functions return SQLite's codes. The
 * thread of the database. */
#ifndef FUTURED_STORE_APPLY_H
#define FUTURED_STORE_APPLY_H

struct database;
struct output;
struct taken_change;

/* `output`: of a change that has one, else NULL. A change of a future that is not there (any more)
 * does nothing. */
int apply_change(struct database *database, const struct taken_change *taken,
                 struct output *output);

#endif

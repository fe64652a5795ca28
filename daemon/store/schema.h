/* What the tables are, and how an older database becomes one of today. The thread
 * that opens the database. */
#ifndef FUTURED_STORE_SCHEMA_H
#define FUTURED_STORE_SCHEMA_H

#include <stddef.h>

struct sqlite3;

/* The version that this daemon writes. */
#define SCHEMA_VERSION 3

/* Looks without changing anything: is it empty, or ours, and of no later version than this? 0;
 * -EPROTO with a sentence in `message`, or -EIO. */
int schema_check(struct sqlite3 *sqlite, char *message, size_t message_size);

/* Makes the tables, or brings those of an older version here, one version a transaction. Returns
 * SQLite's code. */
int schema_migrate(struct sqlite3 *sqlite);

#endif

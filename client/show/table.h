/* A table of text with aligned columns. Cells are made printable and may be cut. On a terminal it
 * fits into its width, and has its colours. One thread. */
#ifndef FUTURED_CLIENT_TABLE_H
#define FUTURED_CLIENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "client/show/terminal.h"

struct table;

/* Where the terminal is too narrow for all, the columns that can go and say nothing go first; then
 * those with the highest `go`, until the rest fits when it is cut to `min`. */
struct table_column {
    const char *title;
    bool right;   /* numbers */
    unsigned min; /* may be cut to so many characters; 0: not at all */
    unsigned go;  /* may go, higher ones sooner; 0: stays */
};

/* `columns` is borrowed until table_free. NULL: no memory. */
struct table *table_new(const struct table_column *columns, size_t count);
/* Takes NULL. */
void table_free(struct table *table);

/* The next cell, row by row; copied. Returns false where memory ran out: the table stays whole,
 * without that row. */
bool table_add(struct table *table, const char *text);
bool table_add_tone(struct table *table, const char *text, enum tone tone);
bool table_add_uint(struct table *table, unsigned long long number);

/* The titles and the rows, as wide as `terminal` is. */
void table_print(const struct table *table, FILE *out, const struct terminal *terminal);

#endif

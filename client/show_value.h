/* Any JSON value for people: indented names and values, and tables. One thread. */
#ifndef FUTURED_CLIENT_SHOW_VALUE_H
#define FUTURED_CLIENT_SHOW_VALUE_H

#include "client/cli.h"

/* An object's members on stdout, one a line; objects inside are indented. */
void show_object(const json_t *object);

/* An array of like objects as a table on stdout: a column a member of the first one, members of
 * objects inside as columns as well. 0 or an exit status. */
int show_objects(struct cli *cli, const json_t *array);

#endif

/* Any JSON value for people: indented names and values. One thread. */
#ifndef FUTURED_CLIENT_SHOW_VALUE_H
#define FUTURED_CLIENT_SHOW_VALUE_H

#include "client/cli/cli.h"

/* An object's members on stdout, one a line; objects inside are indented. */
void show_object(const json_t *object);

#endif

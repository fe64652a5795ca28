/* A notification as one line for people. One thread. */
#ifndef FUTURED_CLIENT_SHOW_EVENT_H
#define FUTURED_CLIENT_SHOW_EVENT_H

#include "client/cli/cli.h"

/* The time, the future, what is new, and its label or what it wrote. */
void show_event(const struct cli *cli, const struct future_message *notification);

#endif

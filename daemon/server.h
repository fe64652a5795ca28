/* The server: makes the layers, joins them, and takes them apart again. It decides what the
 * process does when it starts and when it ends. Loop thread only. */
#ifndef FUTURED_SERVER_H
#define FUTURED_SERVER_H

struct config;
struct server;

/* 0 or -errno; what was wrong has been logged. */
int server_new(const struct config *config, struct server **ret_server);
void server_free(struct server *server);

/* Serves until it is told to end; 0 or -errno. */
int server_run(struct server *server);

#endif

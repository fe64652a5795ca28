/* The server: makes the layers, joins them, and takes them apart again. It decides what the
 * process does when it starts and when it ends. Loop thread only. */
#ifndef FUTURED_SERVER_H
#define FUTURED_SERVER_H

struct config;
struct config_error;
struct server;

/* How a reload gets the configuration: as options_load_again. `arg` comes back. */
struct server_loader {
    int (*load)(void *arg, struct config *ret_config, struct config_error *ret_error);
    void *arg;
};

/* The configuration is borrowed until server_free; a reload changes it. 0 or -errno; what was wrong
 * has been logged. */
int server_new(struct config *config, const struct server_loader *loader,
               struct server **ret_server);
void server_free(struct server *server);

/* Serves until it is told to end; 0 or -errno. */
int server_run(struct server *server);

/* Looks at a configuration as a start would, plugins and handlers too, but serves nobody. 0;
 * -EINVAL with *ret_error; -ENOMEM. */
int server_check(const struct config *config, struct config_error *ret_error);

#endif

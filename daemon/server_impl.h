/* The inside of the server, for server.c, which makes and ends it, and server_settings.c, which
 * gives it its functions, pools and limits at the start and again at each reload. Loop thread only.
 */
#ifndef FUTURED_SERVER_IMPL_H
#define FUTURED_SERVER_IMPL_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "daemon/base/timers.h"
#include "daemon/server.h"

struct cgroups;
struct connections;
struct executor;
struct executor_settings;
struct functions;
struct identity_rules;
struct leftovers;
struct listener;
struct loop;
struct loop_signal;
struct manager;
struct places;
struct service;
struct store;

struct server {
    struct config *config; /* the caller's; a reload changes what is in it, not where it is */
    struct server_loader loader;
    char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct loop *loop;
    struct timers *timers;
    struct store *store;
    struct leftovers *leftovers; /* NULL: none */
    struct cgroups *cgroups;     /* NULL: none */
    struct executor *executor;
    struct rlimit job_open_files; /* rlim_max 0: as ours */
    struct functions *functions;
    struct places *places;
    struct service *service;
    struct connections *connections;
    struct listener *listener; /* NULL: not yet, or not any more */
    struct manager *manager;
    struct loop_signal *on_term, *on_int, *on_hup;
    struct deadline stop_deadline;     /* running jobs are ended then */
    struct deadline farewell_deadline; /* clients that do not read are left behind then */
    unsigned stops;                    /* signals so far that asked for the end */
    bool ending;
    bool failed; /* the store is broken */
};

/* The part of the executor's settings that limits are. */
void server_executor_limits(const struct config *config, struct executor_settings *settings);
void server_identity_rules(const struct config *config, struct identity_rules *ret_rules);

/* Makes functions and pools, for the first time. 0 or -errno, and the log has said why. */
int server_make_functions(struct server *server);

/* Reads the configuration again and applies what has changed, or says what is wrong with it and
 * changes nothing. */
void server_reload(struct server *server);

#endif

/* The protocol as a service over one executor: what all sessions share. It knows no sockets and no
 * functions' insides; it reads requests and writes replies and notifications. Loop thread only. */
#ifndef FUTURED_RPC_SERVICE_H
#define FUTURED_RPC_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/limits.h"

struct executor;
struct service;
struct timers;

struct service_settings {
    struct executor *executor;   /* borrowed; the service observes it */
    struct timers *timers;       /* borrowed */
    const struct limits *limits; /* borrowed */
    const char *version;         /* static */
    const char *durability;      /* static */
    uid_t uid;                   /* the daemon's own */
    /* Shut down, and nothing is left to do: the daemon may end once the replies are sent. May come
     * more than once. */
    void (*on_end)(void *arg);
    void *arg;
};

/* A limit has had its effect; unknown names are not counted. Errors that a session sends are
 * counted without it. */
void service_count_limit(struct service *service, const char *limit);

/* 0 or -ENOMEM. */
int service_new(const struct service_settings *settings, struct service **ret_service);
/* Every session must be freed before. */
void service_free(struct service *service);

#endif

/* The worker's end of the way to the daemon (proto/WORKER.md): reads calls, has them executed one
 * at a time, and tells what comes of them. It makes no functions and ends no process but by the
 * runners; when the daemon is gone it stops what runs and then the loop. Loop thread. */
#ifndef FUTURED_RUN_REMOTE_SESSION_H
#define FUTURED_RUN_REMOTE_SESSION_H

#include <stdbool.h>
#include <stddef.h>

struct function;
struct loop;
struct remote_call;
struct remote_hello;
struct remote_session;

struct remote_session_settings {
    struct loop *loop; /* borrowed */
    int in_fd, out_fd; /* borrowed, and made non-blocking */
    const char *version, *host;
    void *arg; /* comes back */
    /* The daemon has told who it is and what it wants. 0 or -errno. */
    int (*on_hello)(void *arg, const struct remote_hello *hello);
    /* The function of a call; NULL, and a sentence in `ret_why`, where there is none here. */
    const struct function *(*find)(void *arg, const struct remote_call *call, char *ret_why,
                                   size_t size);
};

/* 0 or -errno. */
int remote_session_new(const struct remote_session_settings *settings,
                       struct remote_session **ret_session);
/* Nothing may run any more. NULL is allowed. */
void remote_session_free(struct remote_session *session);

/* Ends what runs, tells nobody, and then stops the loop. */
void remote_session_end(struct remote_session *session);
/* What ran did not stop in time: only the end of the process ends it. */
bool remote_session_is_stuck(const struct remote_session *session);

#endif

/* One client of the service: lines in, lines out, and what it has under way. It has no file
 * descriptor: the connection that owns it passes lines in and takes lines out. Loop thread only. */
#ifndef FUTURED_RPC_SESSION_H
#define FUTURED_RPC_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct service;
struct session;
struct shared_text;

/* Who is at the other end, as the kernel says. */
struct peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
    bool is_master; /* root or the daemon's own user, who could end it anyway */
    bool is_admin;  /* a master, or in the admin group: sees and may change everybody's */
};

/* How a session speaks. `send` takes a reply without its LF and copies it; `notify` does the same
 * with what nobody has asked for just now; `send_shared` takes a reply whose end, its LF included,
 * is a text that others are sent too, and takes a reference to it. The order of all three is kept.
 * `held` says how many bytes wait in the session to be sent later, whenever that changes.
 * `loaded` says that session_loading is less.
 * `idle` says that session_is_idle has become true without a message. `fail` says that there is no
 * memory for what has to be said: the client must be sent away, lest it wait for it. None may free
 * the session. `arg` comes back. */
struct session_output {
    void (*send)(void *arg, const char *message, size_t size);
    void (*send_shared)(void *arg, const char *head, size_t size, struct shared_text *rest);
    void (*notify)(void *arg, const char *message, size_t size);
    void (*held)(void *arg, size_t bytes);
    void (*loaded)(void *arg);
    void (*idle)(void *arg);
    void (*fail)(void *arg);
    void *arg;
};

/* 0 or -ENOMEM. */
int session_new(struct service *service, const struct peer *peer,
                const struct session_output *output, struct session **ret_session);
/* The client is gone: its waits and subscriptions go, its futures live on unless their scope is
 * this connection. */
void session_free(struct session *session);

/* Handles one line, which need not stay; line[size] must be NUL. Empty lines are ignored. */
void session_line(struct session *session, const char *line, size_t size);

/* Handles what came after the last LF when the client has said that no more will come: as a line
 * where it is complete JSON, not at all where it is not. */
void session_fragment(struct session *session, const char *text, size_t size);

/* Answers a line that is too long to be read, or one that does not come to its end; nothing more
 * may be passed in. */
void session_line_too_long(struct session *session);
void session_line_too_slow(struct session *session);

/* How many requests wait for what the store is to bring: their replies come soon and all at once,
 * however large they are. */
uint64_t session_loading(const struct session *session);

/* The connection serves nothing any more: no reply is outstanding, no subscription can still tell
 * something, and no future would end with it. */
bool session_is_idle(const struct session *session);

#endif

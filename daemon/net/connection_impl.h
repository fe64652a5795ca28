/* The inside of the connections, for their own files. Loop thread only.
 *
 * connection.c: coming and going, reading, how a connection goes on at the end of a turn.
 * connection_write.c: what is sent and when, and what becomes of clients that do not read. */
#ifndef FUTURED_NET_CONNECTION_IMPL_H
#define FUTURED_NET_CONNECTION_IMPL_H

#include <sys/queue.h>

#include "daemon/base/timers.h"
#include "daemon/net/connection.h"
#include "proto/frame.h"

struct event;
struct event_base;
struct guests;
struct outbox;

struct connection {
    TAILQ_ENTRY(connection) link;
    TAILQ_ENTRY(connection) dirty_link;   /* where not CLEAN */
    TAILQ_ENTRY(connection) stalled_link; /* where `stalled` */
    struct connections *owner;
    int fd;
    struct event *readable, *writable;
    struct outbox *out;
    struct frame *frame;
    struct session *session;
    uint64_t held_bytes;  /* what the session will have sent later */
    uint64_t loads_ahead; /* for so many answers the store may be asked before lines wait */
    uid_t uid;
    struct deadline line_deadline;   /* for more of a line that has begun */
    struct deadline unsent_deadline; /* for unsent output to go below the mark */
    uint64_t came_ns;
    uint64_t line_ns;                  /* when more of the line came, or we cared to look */
    uint64_t stalled_ns;               /* since when the socket takes nothing, where `stalled` */
    bool watches_line, watches_unsent; /* the deadline is set */
    bool stalled; /* the socket takes nothing more: its being writable will be told */
    enum { CLEAN, DIRTY, DIRTY_LATER } dirty;
    bool heard;       /* the client has sent something */
    bool half_closed; /* the client will send no more */
    bool deaf;        /* we read no more, and close once all is sent */
    bool paused;      /* reading rests until the client has read, or the store has answered */
    bool was_full;    /* ... and too much was unsent since */
    bool gone;        /* to be closed without further ado */
};

TAILQ_HEAD(connection_list, connection);

struct connections {
    struct event_base *base;
    struct service *service;
    struct timers *timers;
    const struct limits *limits;
    struct guests *guests;
    struct connection_list list; /* by the time of their coming */
    TAILQ_HEAD(, connection) dirty, later;
    TAILQ_HEAD(, connection) stalled;   /* the one that has taken nothing for longest comes first */
    uint64_t unsent_bytes;              /* of all of them: memory, with what sessions hold */
    uint64_t complained_ns, complaints; /* the last one in the log, and how many since */
    struct frame_spare spare;           /* for whoever is read from next */
    struct event *turn_end;             /* activated by hand: flushes what is dirty */
    void (*on_drained)(void *arg);
    void *drained_arg;
};

/* ---- connection_write.c ---- */

/* To be looked at when this turn of the loop ends. */
void connection_mark_dirty(struct connection *connection);
void connection_mark_clean(struct connection *connection);

/* How the session speaks: through the connection's outbox. */
struct session_output connection_output(struct connection *connection);
/* Bytes that can be sent now. */
uint64_t connection_unsent(const struct connection *connection);
/* The same, and what its session still holds: what counts for its limits. */
uint64_t connection_waiting(const struct connection *connection);
/* So much is held by its session now. */
void connection_hold(struct connection *connection, uint64_t bytes);
/* Sends what the socket takes. */
void connection_flush(struct connection *connection);
/* The socket takes something again. */
void connection_unstall(struct connection *connection);
/* Sets or clears the deadline for unsent output: how long a client may be above the mark is counted
 * from when it goes above. */
void connection_watch_unsent(struct connection *connection);

/* Closes it at the end of the turn, not yet: its session may be at work further up. `what` is for
 * the log. */
void connection_give_up(struct connection *connection, const char *what);
/* Tells the log that a client of that user is sent away, but not each time: who floods the daemon
 * with connections must not flood the log too. */
void connections_complain(struct connections *connections, uid_t uid, const char *what);

/* As a time for a deadline. A limit can be set to any number, and a deadline cannot. */
uint64_t connection_seconds_later(uint64_t when_ns, uint64_t seconds);

#endif

/* The inside of a remote place, for remote.c, which makes it, remote_seat.c, which opens and closes
 * the ways to its workers, and remote_call.c, which executes calls on them. A place changes only
 * under its lock; a seat belongs to the worker's thread that has taken it, but for what is atomic.
 */
#ifndef FUTURED_RUN_REMOTE_IMPL_H
#define FUTURED_RUN_REMOTE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "daemon/core/place.h"
#include "daemon/run/handler_backoff.h"
#include "daemon/run/handler_keeper.h"
#include "daemon/run/handler_process.h"
#include "daemon/run/remote.h"
#include "daemon/run/remote_message.h"

#define REMOTE_TROUBLE_BYTES 400

/* Beyond its timeout a silent worker is given this time to have killed its job. */
#define REMOTE_MARGIN_MS 2000

struct command_env;

struct seat {
    SLIST_ENTRY(seat) link;
    struct remote *remote;
    unsigned number;
    char *name; /* the worker's */
    char **argv, **envp;
    char *own_variable;
    struct handler_spec spec; /* outlives the processes, as the seat does */

    struct handler_process *process; /* NULL: none */
    bool greeted;                    /* it may have calls */
    bool lost;                       /* until it is taken anew */
    uint64_t started_ns;             /* when the process was */
    uint64_t asked_ns;               /* when it was asked for a sign of life; 0: it is not */
    struct writer hello;  /* what it is told first; the part from `hello_written` on is */
    size_t hello_written; /* still to be written */

    char host[SEAT_HOST_BYTES]; /* "": not known; others read it under the place's lock */
    _Atomic pid_t pid;          /* of the process that does the work there */
    atomic_bool ready;
};

struct remote {
    struct place place;
    char *pool, *launcher, *program, *version, *plugin_dir;
    char **words; /* the launcher's, nothing filled in */
    unsigned slots;
    uint64_t timeout_ms;
    uint64_t start_ns;            /* from a launcher's start to its worker's first words, at most */
    struct handler_bounds bounds; /* of what a worker says */
    struct handler_bounds handler; /* of what a handler says there */
    uint64_t output_bytes, output_total_bytes, result_bytes;
    struct process_limit open_files;
    bool sets_open_files;
    uint64_t reset_signals;
    struct leftovers *leftovers;
    struct command_env *env;
    struct handler_keeper *keeper;
    struct handler_backoff backoff;
    atomic_bool retired;

    pthread_mutex_t lock; /* guards what follows */
    SLIST_HEAD(, seat) seats;
    char trouble[REMOTE_TROUBLE_BYTES]; /* empty: none */
};

/* ---- remote.c ---- */

/* How long a worker may be silent until it is taken as lost: by then it has ended its job. 0: for
 * ever.
 */
uint64_t remote_silence_ns(const struct remote *remote);
/* Notes what keeps seats from being opened, and logs it where it is news. */
void remote_set_trouble(struct remote *remote, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void remote_clear_trouble(struct remote *remote);

/* ---- remote_seat.c ---- */

struct seat *seat_take(struct place *place, unsigned number, const char *worker);
enum seat_state seat_look(struct seat *seat);
enum seat_state seat_prepare(struct seat *seat, int stop_fd);
void seat_leave(struct seat *seat);
#define SEAT_EXIT_BYTES 96
/* How a launcher ended, as a sentence. */
void seat_exit_text(const struct process_exit *status, char ret_text[SEAT_EXIT_BYTES]);
/* The process is gone: the seat is lost. */
void seat_lose(struct seat *seat);
void seat_free(struct seat *seat);
/* What the process has said last, made fit for JSON; the buffer holds HANDLER_LAST_WORDS_BYTES and
 * a NUL. */
void seat_last_words(const struct seat *seat, char *ret_text);

/* ---- remote_call.c ---- */

bool seat_run(struct seat *seat, const struct function *function, struct call *call);

#endif

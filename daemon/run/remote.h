/* A place (core/place.h) whose seats are remote workers: processes of `futured --worker` that are
 * reached through a *launcher*, a command that starts another one somewhere and connects its stdin
 * and stdout to ours (srun, ssh, docker run -i ...). What passes over that stands in
 * proto/WORKER.md. The engine behind the launcher places, isolates and kills; that the launcher
 * ends, however it does, says nothing about a call: only the worker's own answer does.
 *
 * Loop thread only, but for what workers call as place.h says. The process must not ignore SIGCHLD,
 * and SIGPIPE must not be able to end it. */
#ifndef FUTURED_RUN_REMOTE_H
#define FUTURED_RUN_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

struct leftovers;
struct place;
struct rlimit;

/* All is copied but for `environment`, `open_files` and `leftovers`. */
struct remote_settings {
    const char *pool;
    const char *launcher;     /* the command line, cut as handler_argv.h says; in its words
                               * {pool}, {worker} and {slots} are filled in */
    const char *program;      /* futured, as the launcher finds it there */
    unsigned slots;           /* CPUs for each worker */
    uint64_t timeout_ms;      /* of silence while a call runs; 0: none */
    uint64_t start_s;         /* until a launcher that was started must have led to a worker */
    const char *version;      /* ours, and so the worker's */
    const char *plugin_dir;   /* NULL: none */
    char *const *environment; /* NULL-ended */
    const char *socket_path;  /* for FUTURE_SOCKET; NULL: none */
    const struct rlimit *open_files; /* what the launcher gets; NULL: ours */
    struct leftovers *leftovers;     /* where launchers are written down; NULL: nowhere */
    uint64_t output_bytes, output_total_bytes, result_bytes, line_bytes, depth, values;
};

/* Looks at what can be wrong with a launcher: 0; -EINVAL with *ret_why (static); -ENOMEM. */
int remote_launcher_check(const char *launcher, const char **ret_why);

/* 0 or -errno, -EINVAL for what remote_launcher_check finds. Nothing is started yet. */
int remote_new(const struct remote_settings *settings, struct place **ret_place);
/* Its workers' threads must be gone. Blocks until the launchers are, two seconds at most where they
 * do not want to. NULL is allowed. */
void remote_free(struct place *place);

/* Another one has taken over: seats end after their calls. Loop thread. */
void remote_retire(struct place *place);
/* No worker is there any more, and no launcher: remote_free would not block. Loop thread. */
bool remote_is_left(const struct place *place);

#endif

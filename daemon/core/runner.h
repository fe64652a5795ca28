/* The interface between the executor and what executes: a function is a name, a check of its
 * arguments and a way to run it. The implementations live in `run/`, and the server registers
 * them; the executor never knows which it has. Each part says which thread calls it. */
#ifndef FUTURED_CORE_RUNNER_H
#define FUTURED_CORE_RUNNER_H

#include <stdbool.h>
#include <stddef.h>

struct call;
struct function;

/* Why arguments were refused, for the one who submitted them. */
struct check_error {
    char param[80];    /* the member, as a path below the call's params: "args.argv" */
    char message[160]; /* a sentence without a full stop */
};

struct function_ops {
    const char *kind; /* "command", "native", "plugin" or "handler" */

    /* Loop thread. 0; -EINVAL with *ret_error filled in; -ENOMEM. `is_map` tells that items will
     * be joined to these arguments. May be NULL: everything is accepted. */
    int (*check_args)(const struct function *function, const char *args, size_t args_bytes,
                      bool is_map, struct check_error *ret_error);
    /* Loop thread; one item of a map whose args passed check_args. The same returns; the error's
     * param is "items". May be NULL. */
    int (*check_item)(const struct function *function, const char *item, size_t item_bytes,
                      struct check_error *ret_error);

    /* Worker thread; blocks until the call is over and sets its outcome. Must come back soon after
     * a stop request where it can. */
    void (*run)(const struct function *function, struct call *call);

    /* Any thread: how another process can make this function, as JSON text that it understands;
     * borrowed, and lives as long as the function's set. NULL, or the member is NULL: its name is
     * enough. */
    const char *(*recipe)(const struct function *function);

    /* The result is an object that lacks the captured streams: whoever shows it adds `stdout` and
     * `stderr` (or their `_base64` forms) from the call's output. The same holds for the data of
     * the exceptions ExitStatus, Signalled, TimedOut, Terminated and OutputLimit. */
    bool streams_in_result;

    /* The member of args that is a command line, an array of words, into which items are put in the
     * places `{}`, `{1}` ..; NULL: there is none. For those who show what was called. */
    const char *command_line;

    /* A call does nothing that anybody can see but by its outcome: it may be executed again where
     * nobody knows whether it was, so its start need not be stored before it. */
    bool repeatable;

    /* And, of one that is repeatable, it is over in no time, whatever its arguments are: it may be
     * executed while its submit is on its way into the store, so that one commit has both that and
     * its end. */
    bool quick;
};

struct function {
    const char *name;
    const char *doc;    /* one line for people */
    const char *params; /* what args may hold, as JSON text for people and tools; NULL: not told */
    const struct function_ops *ops;
    void *state; /* the implementation's own */
};

#endif

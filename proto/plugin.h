/* Plugins for futured: functions in C that the daemon's workers call. This header is all that a
 * plugin needs, beside jansson (https://github.com/akheron/jansson) for its values. proto/PLUGIN.md
 * shows how one is written, built, installed and tried.
 *
 * A plugin is a shared object that defines the symbol `futured_plugin`. The daemon opens it with
 * dlopen when it starts, or when it reloads and finds a new file, checks `abi` and the sizes, calls
 * `init`, and offers the functions under their names. It stays loaded until the daemon ends.
 *
 * Threads: init and fini are called on one thread, and never while a function of the plugin runs.
 * A function is called on many worker threads at the same time. What is reached through a struct
 * futured_call is for the thread that was given it, until the function returns.
 *
 * Values: a json_t that the plugin is handed is borrowed; a json_t that the plugin hands to the
 * daemon (the result, the value of progress, the data of raise) is the daemon's from then on, with
 * all that is in it. The arguments are the call's own copy: they may be changed, and parts of them
 * may go into the result with json_incref, the whole of them too: `return json_incref(args)`. No
 * value may be kept beyond the call, or be reachable from another thread.
 *
 * A plugin shares the daemon's process. What goes through this interface can only fail the call,
 * but nothing protects the daemon from a plugin that writes where it should not. A plugin must not
 *   - end or fork the process, throw or longjmp out of a function, or call into the daemon other
 *     than through its struct futured_api;
 *   - change what belongs to the whole process: signals, locale, environment, working directory,
 *     umask, user, resource limits, descriptors that it has not opened, jansson's allocator or
 * seed;
 *   - write to descriptors 0 to 2: that is what `write` and `log` are for;
 *   - open descriptors without O_CLOEXEC, as commands are started at any time;
 *   - let a thread of its own run on when fini returns;
 *   - work on for long without asking `cancelled`: nobody can end a function but itself.
 *
 * Compatibility: within one FUTURED_PLUGIN_ABI structures only grow, at their end. The daemon takes
 * plugins that were built with a shorter struct futured_plugin or futured_function, and hands out a
 * struct futured_api that is at least as long as when the plugin was built. A plugin from a newer
 * header than the daemon's is refused. */
#ifndef FUTURED_PLUGIN_H
#define FUTURED_PLUGIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FUTURED_PLUGIN_ABI 1

struct futured_api;

/* One execution of a function. The daemon's own members follow. */
struct futured_call {
    const struct futured_api *api;
};

enum futured_stream { FUTURED_STDOUT, FUTURED_STDERR };

enum futured_log_level {
    FUTURED_LOG_ERROR,
    FUTURED_LOG_WARNING,
    FUTURED_LOG_INFO,
    FUTURED_LOG_DEBUG,
};

/* What the daemon does for a plugin. The table lives as long as the plugin is loaded. */
struct futured_api {
    uint32_t abi;  /* FUTURED_PLUGIN_ABI of the daemon */
    uint32_t size; /* bytes of this table: a member beyond it is not there */

    /* The future's id (0: the call is a pool's initializer), and the attempt, from 1. */
    uint64_t (*id)(const struct futured_call *call);
    unsigned (*attempt)(const struct futured_call *call);

    /* Whether somebody wants the call to end: cancel with terminate, its timeout, the end of the
     * daemon. Cheap. Clean up then and return NULL: the exception (Terminated, TimedOut) is the
     * daemon's matter. A function that has finished all the same may return its result. */
    bool (*cancelled)(const struct futured_call *call);
    /* A descriptor that polls readable once cancelled() is true; for poll and nothing else. */
    int (*cancel_fd)(const struct futured_call *call);

    /* Tells how far the call is, as any value; {"done": 3, "total": 7} is what people and programs
     * know best. Clients may miss all but the latest. Takes over `value`. 0; -EINVAL: the value is
     * no good; -ENOMEM, so too where `value` is NULL as memory ran out for it. */
    int (*progress)(struct futured_call *call, json_t *value);

    /* Adds to the future's stdout or stderr. 0; -EINVAL: no such stream; -ENOMEM. */
    int (*write)(struct futured_call *call, enum futured_stream stream, const void *data,
                 size_t size);

    /* One line in the daemon's log. `call` may be NULL, for init and fini. */
    void (*log)(const struct futured_call *call, enum futured_log_level level, const char *format,
                ...) __attribute__((format(printf, 3, 4)));

    /* Fails the call with an exception: a type such as "ValueError", data for programs (NULL:
     * none), which is taken over, and a sentence for people. Returns NULL, so that a function ends
     * with `return call->api->raise(...)`; whatever it returns then is dropped. The last raise
     * counts. For lack of memory raise "MemoryError". */
    json_t *(*raise)(struct futured_call *call, const char *type, json_t *data, const char *format,
                     ...) __attribute__((format(printf, 4, 5)));
};

struct futured_function {
    /* Letters, digits, "_", "-" and ".", at most 64; no other function may have it. */
    const char *name;
    /* One line for people; NULL: none. */
    const char *doc;
    /* What the arguments may be, as JSON text; NULL: anything. Calls that do not fit are refused
     * and never reach the function:
     *     {"path": {"type": "path", "required": true, "doc": "The file to read"}}
     * `type` is "string", "path" (neither empty nor with a NUL in it), "integer", "number",
     * "boolean", "object" or "array"; without it any value will do. "instead_of": "path" says that
     * this parameter may stand in the place of that one. What is not described is refused. A map
     * hands over its items as the parameter "item". */
    const char *params;
    /* Returns the result, or NULL after raise or when cancelled. Any other NULL, and a value that
     * makes no JSON (not UTF-8, a cycle, too deep or too large), raises "InvalidResult". `args` is
     * borrowed: {} where none were given, an object in any case where params are described. */
    json_t *(*run)(struct futured_call *call, json_t *args);
};

struct futured_plugin {
    /* These four are FUTURED_PLUGIN_HEADER. */
    uint32_t abi;
    uint32_t size;          /* of struct futured_plugin */
    uint32_t function_size; /* of struct futured_function */
    uint32_t reserved;      /* 0 */

    /* Ended by one whose name is NULL. */
    const struct futured_function *functions;
    /* Before any function is called. 0, or a negative errno: the plugin is not taken, and fini is
     * not called. NULL: nothing to do. */
    int (*init)(const struct futured_api *api);
    /* After all calls have ended, before the plugin is unloaded. NULL: nothing to do. */
    void (*fini)(void);
};

#define FUTURED_PLUGIN_HEADER                                                                      \
    FUTURED_PLUGIN_ABI, (uint32_t)sizeof(struct futured_plugin),                                   \
        (uint32_t)sizeof(struct futured_function), 0

/* To be defined by the plugin:
 *     const struct futured_plugin futured_plugin = {FUTURED_PLUGIN_HEADER, functions, NULL, NULL};
 */
extern const struct futured_plugin futured_plugin __attribute__((visibility("default")));

#ifdef __cplusplus
}
#endif

#endif

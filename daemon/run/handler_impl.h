/* The inside of a handler function, for handler.c, which makes it, and handler_call.c, which
 * executes its calls. A function stands for one handler after the other. Nothing of a handler
 * changes once it is made, but for the stock and the backoff, which have locks of their own; and it
 * lives as long as the set, as processes that are being ended refer to it. handler.c is the
 * loop thread's, handler_call.c the worker threads'. */
#ifndef FUTURED_RUN_HANDLER_IMPL_H
#define FUTURED_RUN_HANDLER_IMPL_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "daemon/core/runner.h"
#include "daemon/run/handler_backoff.h"
#include "daemon/run/handler_keeper.h"
#include "daemon/run/handler_process.h"
#include "proto/writer.h"

struct described_params;

struct handler_function {
    STAILQ_ENTRY(handler_function) link;
    struct function function;
    struct handler *_Atomic handler; /* the one for calls that start now */
};

struct handler {
    STAILQ_ENTRY(handler) link;
    struct handler_keeper *keeper; /* borrowed */
    struct handler_spec spec;
    char *name, *doc, *params, *cwd;
    char **argv, **envp;
    char *own_variable;                 /* FUTURE_HANDLER=NAME */
    char *recipe;                       /* as function_ops.recipe; see handler_recipe.h */
    struct described_params *described; /* NULL: anything goes */
    struct writer init;                 /* the request; empty: there is nothing to tell */
    uint64_t max_tasks;                 /* 0: any number */
    uint64_t timeout_ns;                /* 0: none */
    bool break_pool;
    struct handler_stock stock;
    struct handler_backoff backoff;
};

/* The handler of the function at this moment. */
struct handler *handler_of(const struct function *function);

/* As function_ops.run. */
void handler_run(const struct function *function, struct call *call);

#endif

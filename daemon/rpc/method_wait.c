/* wait: until all, or one, or the first failed of several futures is done. */
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/rpc/rpc_impl.h"

struct waited {
    struct future_watch watch;
    struct block block;
    struct waiting *waiting;
    uint64_t id;
    bool done;
};

struct waiting {
    struct request *request;
    enum return_when return_when;
    bool satisfied; /* by what has ended so far, whatever is still left */
    size_t count, left;
    struct waited futures[];
};

static void write_ids(struct writer *writer, const char *name, const struct waiting *waiting,
                      bool done)
{
    writer_key(writer, name);
    writer_begin_array(writer);
    for (size_t i = 0; i < waiting->count; i++)
        if (waiting->futures[i].done == done)
            writer_uint(writer, waiting->futures[i].id);
    writer_end_array(writer);
}

static void remove_watches(struct waiting *waiting)
{
    for (size_t i = 0; i < waiting->count; i++) {
        future_watch_remove(&waiting->futures[i].watch);
        block_remove(&waiting->futures[i].block);
    }
}

static void reply(struct waiting *waiting)
{
    struct request *request = waiting->request;
    remove_watches(waiting);
    struct writer *writer = request_result(request);
    writer_begin_object(writer);
    write_ids(writer, "done", waiting, true);
    write_ids(writer, "not_done", waiting, false);
    writer_end_object(writer);
    request_end(request);
}

static void take_done(struct waited *waited, bool failed)
{
    struct waiting *waiting = waited->waiting;
    block_remove(&waited->block);
    waited->done = true;
    waiting->left--;
    switch (waiting->return_when) {
    case ALL_COMPLETED:
        break;
    case FIRST_COMPLETED:
        waiting->satisfied = true;
        break;
    case FIRST_EXCEPTION:
        waiting->satisfied |= failed;
        break;
    }
}

static void on_event(struct future_watch *watch, struct future *future, enum future_event event)
{
    struct waited *waited = CONTAINER_OF(watch, struct waited, watch);
    struct waiting *waiting = waited->waiting;
    if (event != EVENT_FUTURE_DONE)
        return;
    take_done(waited, future_failed(future));
    if (waiting->left == 0 || waiting->satisfied)
        reply(waiting);
}

static void on_timeout(struct deadline *deadline)
{
    struct request *request = CONTAINER_OF(deadline, struct request, deadline);
    reply(request->state);
}

static void on_drop(struct request *request)
{
    remove_watches(request->state);
}

/* Waiting for the first of several is no deadlock as long as one of them can come. */
static void note_blocks(struct waiting *waiting)
{
    struct session *session = waiting->request->session;
    struct executor *executor = session->service->executor;
    struct future *job = session_job(session);
    if (!job || (waiting->return_when == FIRST_COMPLETED && waiting->count > 1))
        return;
    for (size_t i = 0; i < waiting->count; i++)
        if (!waiting->futures[i].done)
            block_add(executor, &waiting->futures[i].block, job, waiting->futures[i].watch.future);
    deadlock_check(executor, job);
}

static void wait_for(struct request *request, const struct wait_params *params, const uint64_t *ids,
                     size_t count)
{
    struct session *session = request->session;
    struct waiting *waiting = calloc(1, sizeof(*waiting) + count * sizeof(struct waited));
    if (!waiting) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return;
    }
    request->state = waiting;
    waiting->request = request;
    waiting->return_when = params->return_when;
    waiting->count = waiting->left = count;
    for (size_t i = 0; i < count; i++) {
        struct waited *waited = &waiting->futures[i];
        struct future *future = session_future(session, ids[i]);
        struct glance glance;
        waited->waiting = waiting;
        waited->id = ids[i];
        if (future && !future_is_done(future))
            future_watch_add(future, &waited->watch, WATCH_REPLY, on_event);
        else if (session_glance(session, ids[i], &glance))
            take_done(waited, glance.failed);
    }
    bool look_once = !params->timeout.forever && params->timeout.ns == 0;
    if (waiting->left == 0 || waiting->satisfied || look_once) {
        reply(waiting);
        return;
    }
    request->on_drop = on_drop;
    if (params->timeout.forever)
        note_blocks(waiting);
    if (!params->timeout.forever &&
        deadline_set(session->service->timers, &request->deadline,
                     clock_mono_ns() + params->timeout.ns, on_timeout) < 0) {
        remove_watches(waiting);
        request_fail(request, RPC_INTERNAL, "no memory");
    }
}

void method_wait(struct request *request)
{
    struct wait_params params;
    struct rpc_error error;
    int r = wait_params_decode(request->rpc, &params, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    uint64_t *ids;
    size_t count;
    if (resolve_ids(request, &params.ids, &ids, &count) == 0) {
        wait_for(request, &params, ids, count);
        free(ids);
    }
    id_list_clear(&params.ids);
}

#include "tests/support/core_fixture.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/timers.h"
#include "daemon/core/call.h"
#include "daemon/core/executor_impl.h"
#include "tests/support/suite.h"

/* Check writes to a pipe for each assertion that it makes; where there are hundreds of thousands
 * only the one that fails is told. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("failed: %s", #condition);                                                \
    } while (0)

int core_check(const char *name, const TTest *const *tests, size_t count)
{
    TCase *tcase = suite_tests(name, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    return suite_run();
}

/* ---- the store ---- */

struct core_commit {
    struct core_commit *newer;
    store_done_fn *done;
    void *arg;
};

static void store_put(struct store *store, const struct store_change *change)
{
    struct core_store *self = (struct core_store *)store;
    self->changes[change->kind]++;
    self->with_start += change->kind == CHANGE_SUBMITTED && change->future->not_begun;
}

static int store_reserve(struct store *store, uint64_t changes, uint64_t text_bytes)
{
    (void)changes;
    (void)text_bytes;
    return ((struct core_store *)store)->no_room ? -ENOMEM : 0;
}

static void *store_ticket(struct store *store)
{
    return ((struct core_store *)store)->no_room ? NULL : malloc(1);
}

static void store_commit(struct store *store, bool may_fail, store_done_fn *done, void *arg)
{
    struct core_store *self = (struct core_store *)store;
    (void)may_fail;
    if (self->short_of > 0) {
        self->short_of--;
        done(arg, -ENOMEM);
        return;
    }
    if (!self->holding) {
        done(arg, self->error);
        return;
    }
    struct core_commit *commit = malloc(sizeof(*commit));
    MUST(commit);
    *commit = (struct core_commit){.done = done, .arg = arg};
    if (self->newest)
        self->newest->newer = commit;
    else
        self->oldest = commit;
    self->newest = commit;
    self->held++;
}

static void store_after(struct store *store, void *ticket, store_done_fn *done, void *arg)
{
    free(ticket);
    store_commit(store, false, done, arg);
}

static void store_expect_end(struct store *store, uint64_t id)
{
    (void)id;
    ((struct core_store *)store)->expected++;
}

static struct core_commit *take_commit(struct core_store *store)
{
    struct core_commit *commit = store->oldest;
    store->oldest = commit->newer;
    if (!store->oldest)
        store->newest = NULL;
    store->held--;
    return commit;
}

void core_store_release(struct core *core, size_t count, int error)
{
    for (; count > 0 && core->store.oldest; count--) {
        struct core_commit *commit = take_commit(&core->store);
        commit->done(commit->arg, error);
        free(commit);
    }
}

/* It has nothing. */
static void store_read(struct store *store, const struct store_query *query, store_records_fn *done,
                       void *arg)
{
    (void)store;
    (void)query;
    done(arg, 0, NULL, 0, NULL);
}

struct since {
    struct future **futures;
    size_t max, count;
};

static void on_since(void *arg, int error, const struct loaded *loaded)
{
    struct since *since = arg;
    ck_assert_int_eq(error, 0);
    since->count = loaded->count;
    for (size_t i = 0; i < loaded->count && i < since->max; i++)
        since->futures[i] = loaded->futures[i];
}

size_t core_done_since(struct core *core, uint64_t cursor, struct future **ret_futures, size_t max)
{
    struct since since = {.futures = ret_futures, .max = max};
    struct store_query query = {.kind = QUERY_SINCE, .cursor = cursor, .limit = 1000};
    executor_load(core->executor, 1, &query, on_since, &since);
    return since.count;
}

static void store_retain(struct store *store, const struct store_retention *retention)
{
    (void)store;
    (void)retention;
}

static int store_load(struct store *store, const struct store_loader *loader)
{
    (void)store;
    return loader->on_counters(loader->arg, 1, 0);
}

static void store_observe(struct store *store, const struct store_observer *observer)
{
    ((struct core_store *)store)->observer = *observer;
}

static _Atomic uint64_t *store_marks(const struct store *store)
{
    return ((const struct core_store *)store)->marks;
}

static const struct store_ops durable_ops = {
    .durability = DURABILITY_FULL,
    .load = store_load,
    .observe = store_observe,
    .read = store_read,
    .put = store_put,
    .reserve = store_reserve,
    .ticket = store_ticket,
    .after = store_after,
    .commit = store_commit,
    .retain = store_retain,
    .expect_end = store_expect_end,
    .marks = store_marks,
};
static const struct store_ops other_ops = {
    .durability = DURABILITY_NONE,
    .read = store_read,
    .put = store_put,
    .reserve = store_reserve,
    .ticket = store_ticket,
    .after = store_after,
    .commit = store_commit,
    .retain = store_retain,
    .expect_end = store_expect_end,
    .marks = store_marks,
};

/* ---- jobs ---- */

static struct core *enter(const struct function *function, struct call *call)
{
    struct core *core = function->state;
    pthread_mutex_lock(&core->lock);
    if (core->body_count == core->body_capacity) {
        core->body_capacity = core->body_capacity ? core->body_capacity * 2 : 64;
        core->bodies = realloc(core->bodies, core->body_capacity * sizeof(*core->bodies));
    }
    core->bodies[core->body_count++] = call_id(call);
    pthread_cond_broadcast(&core->entered);
    pthread_mutex_unlock(&core->lock);
    return core;
}

static const char *input(const struct call *call, size_t *ret_bytes)
{
    const char *item = call_item(call, ret_bytes);
    return item ? item : call_args(call, ret_bytes);
}

static void succeed(struct call *call)
{
    size_t bytes;
    const char *text = input(call, &bytes);
    outcome_set_result(call_outcome(call), strndup(text, bytes), bytes);
}

static void raise_boom(struct call *call)
{
    outcome_set_exception(call_outcome(call), "Boom", "it went boom", NULL, 0);
}

static void ok_run(const struct function *function, struct call *call)
{
    enter(function, call);
    succeed(call);
}

static void fail_run(const struct function *function, struct call *call)
{
    enter(function, call);
    raise_boom(call);
}

static void flaky_run(const struct function *function, struct call *call)
{
    size_t bytes;
    enter(function, call);
    if (call_attempt(call) < strtoul(call_args(call, &bytes), NULL, 10))
        raise_boom(call);
    else
        succeed(call);
}

static void either_run(const struct function *function, struct call *call)
{
    size_t bytes;
    const char *text = input(call, &bytes);
    enter(function, call);
    if (bytes == 4 && memcmp(text, "fail", bytes) == 0)
        raise_boom(call);
    else
        succeed(call);
}

/* True once it is let through, false when it is asked to stop. */
static bool wait_at_gate(struct core *core, struct call *call, struct stop_request *ret_stop)
{
    struct pollfd fds[] = {
        {.fd = call_stop_fd(call), .events = POLLIN},
        {.fd = core->permits, .events = POLLIN},
    };
    for (;;) {
        eventfd_t one;
        poll(fds, 2, -1);
        if (fds[0].revents && call_stop(call, ret_stop)) {
            pthread_mutex_lock(&core->lock);
            core->stops++;
            pthread_cond_broadcast(&core->entered);
            pthread_mutex_unlock(&core->lock);
            return false;
        }
        if (fds[1].revents && eventfd_read(core->permits, &one) == 0)
            return true;
    }
}

static void gate_run(const struct function *function, struct call *call)
{
    struct core *core = enter(function, call);
    struct stop_request stop;
    if (wait_at_gate(core, call, &stop))
        succeed(call);
    else
        call_raise_stopped(call, &stop, NULL, 0);
}

static void stubborn_run(const struct function *function, struct call *call)
{
    struct core *core = enter(function, call);
    struct stop_request stop;
    while (!wait_at_gate(core, call, &stop))
        continue;
    succeed(call);
}

static const struct function_ops ok_ops = {.kind = "native", .run = ok_run, .repeatable = true};
static const struct function_ops fail_ops = {.kind = "native", .run = fail_run, .repeatable = true};
static const struct function_ops gate_ops = {.kind = "native", .run = gate_run, .repeatable = true};
static const struct function_ops stubborn_ops = {
    .kind = "native", .run = stubborn_run, .repeatable = true};
static const struct function_ops flaky_ops = {
    .kind = "native", .run = flaky_run, .repeatable = true};
/* As most functions are: a call starts once its start is stored, while the loop turns. */
static const struct function_ops once_ops = {.kind = "native", .run = gate_run};
static const struct function_ops swift_ops = {
    .kind = "native", .run = gate_run, .repeatable = true, .quick = true};
static const struct function_ops brisk_ops = {
    .kind = "native", .run = ok_run, .repeatable = true, .quick = true};
static const struct function_ops either_ops = {
    .kind = "native", .run = either_run, .repeatable = true};

void core_pass(struct core *core, unsigned count)
{
    ck_assert_int_eq(eventfd_write(core->permits, count), 0);
}

void core_await_bodies(struct core *core, size_t count)
{
    hand_out(core->executor); /* as at the end of a turn */
    pthread_mutex_lock(&core->lock);
    while (core->body_count < count)
        pthread_cond_wait(&core->entered, &core->lock);
    pthread_mutex_unlock(&core->lock);
}

size_t core_ran(struct core *core, uint64_t id)
{
    size_t count = 0;
    pthread_mutex_lock(&core->lock);
    for (size_t i = 0; i < core->body_count; i++)
        count += core->bodies[i] == id;
    pthread_mutex_unlock(&core->lock);
    return count;
}

size_t core_bodies(struct core *core)
{
    pthread_mutex_lock(&core->lock);
    size_t count = core->body_count;
    pthread_mutex_unlock(&core->lock);
    return count;
}

uint64_t core_body(struct core *core, size_t index)
{
    pthread_mutex_lock(&core->lock);
    ck_assert_uint_lt(index, core->body_count);
    uint64_t id = core->bodies[index];
    pthread_mutex_unlock(&core->lock);
    return id;
}

void core_await_stops(struct core *core, unsigned count)
{
    pthread_mutex_lock(&core->lock);
    while (core->stops < count)
        pthread_cond_wait(&core->entered, &core->lock);
    pthread_mutex_unlock(&core->lock);
}

unsigned core_stops(struct core *core)
{
    pthread_mutex_lock(&core->lock);
    unsigned stops = core->stops;
    pthread_mutex_unlock(&core->lock);
    return stops;
}

/* ---- the executor ---- */

static void record(struct core *core, const struct core_event *event)
{
    if (core->event_count == core->event_capacity) {
        core->event_capacity = core->event_capacity ? core->event_capacity * 2 : 64;
        core->events = realloc(core->events, core->event_capacity * sizeof(*core->events));
        MUST(core->events);
    }
    core->events[core->event_count++] = *event;
    core->ends += event->kind == CORE_DONE;
}

static void on_running(void *arg, struct future *future)
{
    struct core *core = arg;
    MUST(future_state(future) == FUTURE_RUNNING);
    record(core, &(struct core_event){CORE_RUNNING, future_id(future), future_state(future)});
}

static void on_done(void *arg, struct future *future)
{
    struct core *core = arg;
    MUST(future_is_done(future));
    record(core, &(struct core_event){CORE_DONE, future_id(future), future_state(future)});
    if (core->on_done)
        core->on_done(core, future);
}

static void on_drained(void *arg)
{
    struct core *core = arg;
    ck_assert(executor_is_drained(core->executor));
    core->drained++;
}

static void name_function(struct core *core, struct function *function, const char *name,
                          const struct function_ops *ops)
{
    *function = (struct function){.name = name, .doc = name, .ops = ops, .state = core};
    ck_assert_int_eq(executor_add_function(core->executor, function), 0);
}

static uint64_t or_many(uint64_t value)
{
    return value ? value : 1000000000;
}

static void make_executor(struct core *core, const struct core_options *options)
{
    struct executor_settings settings = {
        .loop = core->loop,
        .timers = core->timers,
        .store = &core->store.store,
        .output_bytes = 1 << 20,
        .pending_limit = or_many(options->pending_limit),
        .pending_per_uid = or_many(options->pending_per_uid),
        .map_items_limit = or_many(options->map_items_limit),
        .pools_limit = options->pools_limit ? options->pools_limit : 4,
        .retention_count = or_many(options->retention_count),
        .retention_bytes = options->retention_bytes ? options->retention_bytes : UINT64_MAX,
        .retention_s = or_many(options->retention_s),
        .cache_count = options->cache_count ? options->cache_count : UINT64_MAX,
        .cache_bytes = UINT64_MAX,
    };
    struct executor_observer observer = {
        .arg = core, .on_running = on_running, .on_done = on_done, .on_drained = on_drained};
    ck_assert_int_eq(executor_new(&settings, &core->executor), 0);
    executor_set_observer(core->executor, &observer);
    executor_want_running(core->executor, true);
    core->pool = executor_pool(core->executor, "default");
    ck_assert_ptr_nonnull(core->pool);
    struct pool_settings pool = *pool_settings(core->pool);
    pool.max_workers = options->max_workers ? options->max_workers : 1;
    pool.idle_timeout_ns = 3600 * NS_PER_S;
    core_set_pool(core, &pool);
}

struct core *core_new(const struct core_options *options)
{
    static const struct core_options nothing = {.max_workers = 0};
    struct core *core = calloc(1, sizeof(*core));
    ck_assert_ptr_nonnull(core);
    log_set_level(LOG_LEVEL_ERROR);
    core->store.store.ops = options && options->not_durable ? &other_ops : &durable_ops;
    core->client = (struct client){.uid = 1000, .number = 1};
    core->permits = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    ck_assert_int_ge(core->permits, 0);
    pthread_mutex_init(&core->lock, NULL);
    pthread_cond_init(&core->entered, NULL);
    ck_assert_int_eq(loop_new(&core->loop), 0);
    ck_assert_int_eq(timers_new(core->loop, &core->timers), 0);
    make_executor(core, options ? options : &nothing);
    name_function(core, &core->ok, "ok", &ok_ops);
    name_function(core, &core->fail, "fail", &fail_ops);
    name_function(core, &core->gate, "gate", &gate_ops);
    name_function(core, &core->stubborn, "stubborn", &stubborn_ops);
    name_function(core, &core->flaky, "flaky", &flaky_ops);
    name_function(core, &core->either, "either", &either_ops);
    name_function(core, &core->once, "once", &once_ops);
    name_function(core, &core->swift, "swift", &swift_ops);
    name_function(core, &core->brisk, "brisk", &brisk_ops);
    return core;
}

void core_end(struct core *core)
{
    executor_free(core->executor);
    core->executor = NULL;
}

void core_free(struct core *core)
{
    core_end(core);
    while (core->store.oldest)
        free(take_commit(&core->store));
    timers_free(core->timers);
    loop_free(core->loop);
    close(core->permits);
    pthread_cond_destroy(&core->entered);
    pthread_mutex_destroy(&core->lock);
    free(core->bodies);
    free(core->events);
    free(core);
}

void core_turn(struct core *core)
{
    ck_assert_int_ge(event_base_loop(loop_event_base(core->loop), EVLOOP_ONCE), 0);
}

void core_await_done(struct core *core, const struct future *future)
{
    while (!future_is_done(future))
        core_turn(core);
}

void core_await_running(struct core *core, const struct future *future)
{
    while (future_state(future) != FUTURE_RUNNING) {
        ck_assert(!future_is_done(future));
        core_turn(core);
    }
}

void core_await_ends(struct core *core, size_t count)
{
    while (core_ends(core) < count)
        core_turn(core);
}

void core_await_drained(struct core *core)
{
    while (!executor_is_drained(core->executor))
        core_turn(core);
}

void core_await_workers(struct core *core, const struct pool *pool, size_t count)
{
    while (pool_worker_count(pool) != count)
        core_turn(core);
}

/* ---- submitting ---- */

struct submission core_call(struct core *core, const struct function *function, const char *args)
{
    return (struct submission){
        .function = function, .pool = core->pool, .args = args, .args_bytes = strlen(args)};
}

struct submission core_map(struct core *core, const struct function *function,
                           struct submission_item *storage, const char *const *texts, size_t count)
{
    struct submission submission = core_call(core, function, "args");
    for (size_t i = 0; i < count; i++)
        storage[i] = (struct submission_item){.text = texts[i], .size = strlen(texts[i])};
    submission.is_map = true;
    submission.items = storage;
    submission.item_count = count;
    return submission;
}

struct submission core_keyed(struct core *core, const struct function *function, const char *key,
                             const char *key_call)
{
    struct submission submission = core_call(core, function, "1");
    submission.key = key;
    submission.key_call = key_call;
    return submission;
}

static void on_answer(void *arg, enum refusal refusal, const struct refusal_detail *detail,
                      struct future *future, bool duplicate)
{
    struct core_answer *answer = arg;
    answer->count++;
    answer->refusal = refusal;
    if (detail)
        answer->detail = *detail;
    answer->future = future;
    answer->id = future ? future_id(future) : 0;
    answer->duplicate = duplicate;
    if (future)
        answer->state = future_state(future);
}

void core_submit(struct core *core, const struct submission *submission,
                 const struct client *client, struct core_answer *ret_answer)
{
    *ret_answer = (struct core_answer){.count = 0};
    struct submit_answer answer = {.fn = on_answer, .arg = ret_answer};
    executor_submit(core->executor, submission, client, &answer);
    hand_out(core->executor); /* as at the end of a turn */
}

struct future *core_take(struct core *core, const struct submission *submission)
{
    struct core_answer answer;
    core_submit(core, submission, &core->client, &answer);
    MUST(answer.count == 1);
    MUST(answer.refusal == REFUSED_NOT);
    MUST(!answer.duplicate);
    MUST(answer.future);
    return answer.future;
}

struct future *core_start(struct core *core, const struct function *function, const char *args)
{
    struct submission submission = core_call(core, function, args);
    return core_take(core, &submission);
}

void core_refused(struct core *core, const struct submission *submission, enum refusal refusal,
                  struct core_answer *ret_answer)
{
    core_submit(core, submission, &core->client, ret_answer);
    ck_assert_uint_eq(ret_answer->count, 1);
    ck_assert_int_eq(ret_answer->refusal, refusal);
    ck_assert_ptr_null(ret_answer->future);
}

static void on_add_answer(void *arg, enum refusal refusal, const struct refusal_detail *detail,
                          uint64_t first, uint64_t count)
{
    struct core_add_answer *answer = arg;
    answer->count++;
    answer->refusal = refusal;
    if (detail)
        answer->detail = *detail;
    answer->first = first;
    answer->items = count;
}

void core_add(struct core *core, struct future *map, const char *const *texts, size_t count,
              struct core_add_answer *ret_answer)
{
    struct submission_item items[16];
    struct map_add_answer answer = {.fn = on_add_answer, .arg = ret_answer};
    ck_assert_uint_le(count, sizeof(items) / sizeof(items[0]));
    *ret_answer = (struct core_add_answer){.count = 0};
    (void)core_map(core, &core->ok, items, texts, count);
    executor_map_add(core->executor, map, items, count, &core->client, &answer);
}

bool core_cancel(struct core *core, struct future *future)
{
    struct cancel_options options = {.terminate = false};
    struct cancel_fate fate;
    executor_cancel(core->executor, future, &options, &fate);
    ck_assert(!fate.terminating);
    return future_state(future) == FUTURE_CANCELLED;
}

struct cancel_fate core_terminate(struct core *core, struct future *future)
{
    struct cancel_options options = {.terminate = true,
                                     .stop = {.cause = STOP_TERMINATE, .signal_number = 15}};
    struct cancel_fate fate;
    executor_cancel(core->executor, future, &options, &fate);
    return fate;
}

struct pool_settings core_pool_settings(const struct core *core)
{
    return *pool_settings(core->pool);
}

void core_set_pool(struct core *core, const struct pool_settings *settings)
{
    ck_assert_int_eq(executor_set_pool(core->executor, "default", settings), 0);
}

void core_set_queue_limit(struct core *core, uint64_t limit, bool wait)
{
    struct pool_settings settings = core_pool_settings(core);
    settings.queue_limit = limit;
    settings.on_full_wait = wait;
    core_set_pool(core, &settings);
}

/* ---- looking ---- */

enum refusal core_find(struct core *core, uint64_t id)
{
    struct future *future;
    return executor_find(core->executor, &core->client, id, &future);
}

void core_expect_result(const struct future *future, const char *text)
{
    const struct outcome *outcome = future_outcome(future);
    MUST(future_state(future) == FUTURE_FINISHED);
    if (outcome->kind == OUTCOME_EXCEPTION)
        ck_abort_msg("raised %s: %s", outcome_type(outcome), outcome_message(outcome));
    MUST(outcome->json_bytes == strlen(text));
    MUST(memcmp(outcome->json, text, strlen(text)) == 0);
}

void core_expect_exception(const struct future *future, const char *type)
{
    const struct outcome *outcome = future_outcome(future);
    ck_assert_int_eq(future_state(future), FUTURE_FINISHED);
    ck_assert_int_eq(outcome->kind, OUTCOME_EXCEPTION);
    ck_assert_str_eq(outcome_type(outcome), type);
}

void core_expect_storage_failed(const struct core_answer *answer)
{
    ck_assert_uint_eq(answer->count, 1);
    ck_assert_int_eq(answer->refusal, REFUSED_STORAGE);
    ck_assert_int_eq(answer->detail.error, -ENOSPC);
    ck_assert_ptr_null(answer->future);
}

size_t core_ends(const struct core *core)
{
    return core->ends;
}

size_t core_ends_of(const struct core *core, uint64_t id)
{
    size_t count = 0;
    for (size_t i = 0; i < core->event_count; i++)
        count += core->events[i].kind == CORE_DONE && core->events[i].id == id;
    return count;
}

struct future_info core_info(const struct future *future)
{
    struct future_info info;
    future_describe(future, &info);
    return info;
}

enum refusal core_forget(struct core *core, struct future *future)
{
    struct refusal_detail detail;
    uint64_t id = future_id(future);
    return executor_forget(core->executor, &id, 1, &detail);
}

enum refusal core_retry(struct core *core, struct future *future)
{
    struct refusal_detail detail;
    uint64_t id = future_id(future);
    return executor_retry(core->executor, &id, 1, &detail);
}

#include "daemon/core/pool.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/core/future_impl.h"
#include "daemon/core/place.h"
#include "daemon/core/statistics.h"
#include "daemon/core/work_queue.h"
#include "daemon/core/worker.h"

/* With so many ends in that time the calls are short. */
#define FAST_ENDS 4
#define FAST_NS   (10 * NS_PER_MS)

/* The loop's view of one worker. */
struct member {
    TAILQ_ENTRY(member) link;
    struct pool *pool;
    struct worker *worker;
    struct call *call; /* NULL: idle */
    unsigned number;
};

struct pool {
    char *name;
    struct pool_settings settings;
    struct completions *completions;
    struct work_queue *queue;
    TAILQ_HEAD(, member) members; /* by rising number */
    size_t member_count;
    uint64_t queued, running; /* calls, as far as the loop has been told */
    uint64_t pending;         /* futures */
    uint64_t started;         /* calls, ever */
    /* For pool_makes_progress: what it saw the last time. */
    uint64_t started_then;
    bool could_move_then;
    uint64_t ends_ns[FAST_ENDS]; /* when calls ended that wait for the store, the latest ones */
    unsigned end;                /* the oldest of these */
    bool paused, broken, closing;
    bool pushed; /* since the last pool_wake */
    struct pool_statistics statistics;
};

unsigned pool_default_max_workers(void)
{
    cpu_set_t set;
    unsigned cpus = 1;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        cpus = (unsigned)CPU_COUNT(&set);
    return cpus + 4 < 32 ? cpus + 4 : 32;
}

void pool_default_settings(const char *name, struct pool_settings *ret_settings)
{
    *ret_settings = (struct pool_settings){
        .max_workers = pool_default_max_workers(),
        .idle_timeout_ns = 60 * NS_PER_S,
        .durability = DURABILITY_FULL,
    };
    /* "default-3" would say nothing in a list of threads. */
    const char *prefix = strcmp(name, "default") == 0 ? "pool" : name;
    snprintf(ret_settings->thread_name_prefix, sizeof(ret_settings->thread_name_prefix), "%.*s",
             POOL_PREFIX_SIZE - 1, prefix);
}

static void apply_rules(struct pool *pool)
{
    const struct pool_settings *settings = &pool->settings;
    struct work_queue_rules rules = {
        .max_threads = settings->max_workers,
        .min_threads = settings->min_workers,
        .idle_ns = settings->idle_timeout_ns,
        .max_tasks = settings->max_tasks_per_worker,
        .paused = pool->paused || pool->broken,
        .closing = pool->closing || pool->broken,
    };
    work_queue_set_rules(pool->queue, &rules);
}

static int copy_settings(struct pool *pool, const struct pool_settings *settings)
{
    char *args = NULL;
    if (settings->initializer_args) {
        args = strdup(settings->initializer_args);
        if (!args)
            return -ENOMEM;
    }
    char *old = pool->settings.initializer_args;
    pool->settings = *settings;
    pool->settings.initializer_args = args;
    free(old);
    return 0;
}

int pool_new(const char *name, const struct pool_settings *settings,
             struct completions *completions, struct pool **ret_pool)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return -ENOMEM;
    TAILQ_INIT(&pool->members);
    pool->completions = completions;
    pool->name = strdup(name);
    pool->queue = work_queue_new();
    if (!pool->name || !pool->queue || copy_settings(pool, settings) < 0) {
        pool_free(pool);
        return -ENOMEM;
    }
    apply_rules(pool);
    *ret_pool = pool;
    return 0;
}

const char *pool_name(const struct pool *pool)
{
    return pool->name;
}

const struct pool_settings *pool_settings(const struct pool *pool)
{
    return &pool->settings;
}

/* ---- workers ---- */

static struct member *member_new(struct pool *pool)
{
    struct member *member = calloc(1, sizeof(*member));
    if (!member)
        return NULL;
    member->pool = pool;
    /* The lowest free number, so that names stay short and come again. */
    struct member *other;
    member->number = 1;
    TAILQ_FOREACH (other, &pool->members, link) {
        if (other->number != member->number)
            break;
        member->number++;
    }
    if (other)
        TAILQ_INSERT_BEFORE(other, member, link);
    else
        TAILQ_INSERT_TAIL(&pool->members, member, link);
    pool->member_count++;
    return member;
}

static void member_free(struct member *member)
{
    TAILQ_REMOVE(&member->pool->members, member, link);
    member->pool->member_count--;
    worker_free(member->worker);
    free(member);
}

static int start_worker(struct pool *pool)
{
    struct member *member = member_new(pool);
    if (!member)
        return -ENOMEM;
    const char *args = pool->settings.initializer_args;
    struct worker_settings settings = {
        .queue = pool->queue,
        .begin_call = future_begin_call,
        .completions = pool->completions,
        .place = pool->settings.place,
        .name_prefix = pool->settings.thread_name_prefix,
        .number = member->number,
        .initializer = pool->settings.initializer,
        .initializer_args = args ? args : "{}",
        .initializer_args_bytes = args ? strlen(args) : 2,
    };
    int r = worker_start(&settings, member, &member->worker);
    if (r < 0)
        member_free(member);
    return r;
}

/* As many threads as there are calls for, within the limit. It is the queue that knows: what the
 * workers have reported may be behind what they have done. */
static void balance(struct pool *pool)
{
    if (pool->broken || pool->closing)
        return;
    for (unsigned missing = work_queue_missing(pool->queue); missing > 0; missing--) {
        int r = start_worker(pool);
        if (r < 0) {
            log_warning("pool %s: cannot start a worker: %s", pool->name, strerror(-r));
            return;
        }
    }
}

int pool_ensure_worker(struct pool *pool)
{
    if (work_queue_threads(pool->queue) > 0)
        return 0;
    return start_worker(pool);
}

int pool_set_settings(struct pool *pool, const struct pool_settings *settings)
{
    int r = copy_settings(pool, settings);
    if (r < 0)
        return r;
    apply_rules(pool);
    balance(pool);
    return 0;
}

void pool_pause(struct pool *pool, bool paused)
{
    pool->paused = paused;
    apply_rules(pool);
    balance(pool);
}

bool pool_is_paused(const struct pool *pool)
{
    return pool->paused;
}

void pool_break(struct pool *pool)
{
    pool->broken = true;
    apply_rules(pool);
}

bool pool_is_broken(const struct pool *pool)
{
    return pool->broken;
}

struct pool *pool_of_worker(const struct worker *worker)
{
    const struct member *member = worker_owner(worker);
    return member->pool;
}

struct pool *pool_worker_exited(struct worker *worker)
{
    struct member *member = worker_owner(worker);
    struct pool *pool = member->pool;
    /* A worker that has done its share says so before its last call is announced; that call needs
     * no worker any more. */
    if (member->call)
        pool_call_finished(pool, member->call);
    worker_join(worker);
    member_free(member);
    balance(pool);
    return pool;
}

void pool_close(struct pool *pool)
{
    struct stop_request stop = {.cause = STOP_SHUTDOWN, .signal_number = SIGKILL};
    pool->closing = true;
    apply_rules(pool);
    struct member *member;
    TAILQ_FOREACH (member, &pool->members, link)
        worker_close(member->worker, &stop);
}

size_t pool_worker_count(const struct pool *pool)
{
    return pool->member_count;
}

void pool_join(struct pool *pool)
{
    struct member *member;
    TAILQ_FOREACH (member, &pool->members, link)
        worker_join(member->worker);
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    while (!TAILQ_EMPTY(&pool->members))
        member_free(TAILQ_FIRST(&pool->members));
    work_queue_free(pool->queue);
    free(pool->settings.initializer_args);
    free(pool->name);
    free(pool);
}

/* ---- calls ---- */

int pool_push(struct pool *pool, struct work *work, int64_t priority, uint32_t uid, uint64_t client)
{
    int r = work_queue_push(pool->queue, work, priority, uid, client);
    if (r < 0)
        return r;
    pool->queued++;
    pool->pushed = true;
    balance(pool);
    return 0;
}

void pool_wake(struct pool *pool)
{
    if (pool->pushed)
        work_queue_wake(pool->queue);
    pool->pushed = false;
}

int pool_move(struct pool *pool, struct work *work, int64_t priority)
{
    return work_queue_move(pool->queue, work, priority);
}

bool pool_remove(struct pool *pool, struct work *work)
{
    bool removed = work_queue_remove(pool->queue, work);
    if (removed)
        pool->queued--;
    return removed;
}

bool pool_let_begin(struct pool *pool, struct work *work)
{
    return work_queue_let_begin(pool->queue, work);
}

size_t pool_next(struct pool *pool, struct work **ret_next, size_t most)
{
    return work_queue_next(pool->queue, ret_next, most);
}

bool pool_ends_fast(struct pool *pool, uint64_t now_ns)
{
    uint64_t then_ns = pool->ends_ns[pool->end];
    pool->ends_ns[pool->end] = now_ns;
    pool->end = (pool->end + 1) % FAST_ENDS;
    return then_ns > 0 && now_ns - then_ns < FAST_NS;
}

void pool_call_started(struct pool *pool, struct call *call)
{
    struct member *member = worker_owner(call->worker);
    member->call = call;
    call->reported = true;
    /* printf would be a tenth of what an item of a map costs. */
    const char *name = worker_name(call->worker);
    size_t size = strnlen(name, sizeof(call->worker_name) - 1);
    memcpy(call->worker_name, name, size);
    call->worker_name[size] = '\0';
    pool->queued--;
    pool->running++;
    pool->started++;
}

void pool_call_finished(struct pool *pool, struct call *call)
{
    if (!call->reported)
        return;
    struct member *member = worker_owner(call->worker);
    member->call = NULL;
    call->worker = NULL;
    call->reported = false;
    pool->running--;
}

struct call *pool_call_of_pid(const struct pool *pool, pid_t pid)
{
    const struct member *member;
    TAILQ_FOREACH (member, &pool->members, link)
        if (member->call && atomic_load(&member->call->pid) == pid)
            return member->call;
    return NULL;
}

struct worker *pool_call_worker(const struct call *call)
{
    return call && call->reported ? call->worker : NULL;
}

bool pool_makes_progress(struct pool *pool)
{
    bool could_move = work_queue_could_move(pool->queue);
    bool stuck = could_move && pool->could_move_then && pool->started == pool->started_then;
    pool->could_move_then = could_move;
    pool->started_then = pool->started;
    return !stuck;
}

uint64_t pool_running(const struct pool *pool)
{
    return pool->running;
}

uint64_t pool_in_flight(const struct pool *pool)
{
    return pool->running + pool->queued - work_queue_length(pool->queue);
}

uint64_t pool_pending(const struct pool *pool)
{
    return pool->pending;
}

void pool_count_pending(struct pool *pool, int by)
{
    pool->pending += (uint64_t)(int64_t)by;
}

struct pool_statistics *pool_statistics(struct pool *pool)
{
    return &pool->statistics;
}

bool pool_has_room(const struct pool *pool, uint64_t calls)
{
    uint64_t limit = pool->settings.queue_limit;
    return limit == 0 || (calls <= limit && pool->pending <= limit - calls);
}

static void describe_seat(const struct member *member, struct seat_facts *facts,
                          struct pool_worker_info *info)
{
    struct place *place = worker_place(member->worker);
    if (!place)
        return;
    place->ops->describe(place, member->number, facts);
    info->host = facts->host[0] ? facts->host : NULL;
    info->opening = !facts->ready;
    if (info->future)
        info->pid = facts->pid;
}

void pool_each_worker(const struct pool *pool,
                      void (*fn)(const struct pool_worker_info *info, void *arg), void *arg)
{
    const struct member *member;
    TAILQ_FOREACH (member, &pool->members, link) {
        struct pool_worker_info info = {
            .name = worker_name(member->worker),
            .tid = worker_tid(member->worker),
        };
        if (member->call) {
            info.future = member->call->id;
            info.pid = atomic_load(&member->call->pid);
        }
        struct seat_facts facts;
        describe_seat(member, &facts, &info);
        fn(&info, arg);
    }
}

/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/pool.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "tests/support/core_fixture.h"

/* Stands before the library's: fails when it is told to. */
static atomic_bool no_more_threads;
static atomic_uint threads_created;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): those are reserved */
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *arg)
{
    typedef int create_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (atomic_load(&no_more_threads))
        return EAGAIN;
    union {
        void *address;
        create_fn *fn;
    } real = {.address = dlsym(RTLD_NEXT, "pthread_create")};
    atomic_fetch_add(&threads_created, 1);
    return real.fn(thread, attributes, start, arg);
}

static struct core *core_with_workers(unsigned max_workers)
{
    struct core_options options = {.max_workers = max_workers};
    atomic_store(&threads_created, 0);
    return core_new(&options);
}

/* ---- settings ---- */

START_TEST(default_settings_fit_the_machine)
{
    struct pool_settings settings;
    cpu_set_t one_cpu, before;
    ck_assert_int_eq(sched_getaffinity(0, sizeof(before), &before), 0);
    unsigned cpus = (unsigned)CPU_COUNT(&before);
    ck_assert_uint_eq(pool_default_max_workers(), cpus + 4 < 32 ? cpus + 4 : 32);
    /* Only the CPUs that the process may use count. */
    CPU_ZERO(&one_cpu);
    for (size_t i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &before)) {
            CPU_SET(i, &one_cpu);
            break;
        }
    }
    ck_assert_int_eq(sched_setaffinity(0, sizeof(one_cpu), &one_cpu), 0);
    ck_assert_uint_eq(pool_default_max_workers(), 5);
    pool_default_settings("default", &settings);
    ck_assert_uint_eq(settings.max_workers, 5);
    ck_assert_uint_eq(settings.min_workers, 0);
    ck_assert_uint_eq(settings.max_tasks_per_worker, 0);
    ck_assert_uint_eq(settings.queue_limit, 0);
    ck_assert_uint_eq(settings.idle_timeout_ns, 60 * NS_PER_S);
    ck_assert_str_eq(settings.thread_name_prefix, "pool");
    pool_default_settings("a-name-that-is-far-too-long", &settings);
    ck_assert_str_eq(settings.thread_name_prefix, "a-name-that-");
}
END_TEST

START_TEST(pools_are_found_by_name_and_limited)
{
    struct core_options options = {.pools_limit = 3};
    struct core *core = core_new(&options);
    struct pool_settings settings = core_pool_settings(core);
    ck_assert_str_eq(pool_name(executor_pool_at(core->executor, 0)), "default");
    ck_assert_int_eq(executor_set_pool(core->executor, "a", &settings), 0);
    ck_assert_int_eq(executor_set_pool(core->executor, "b", &settings), 0);
    ck_assert_int_eq(executor_set_pool(core->executor, "c", &settings), -EMFILE);
    ck_assert_int_eq(executor_set_pool(core->executor, "b", &settings), 0);
    ck_assert_ptr_null(executor_pool(core->executor, "c"));
    ck_assert_ptr_eq(executor_pool(core->executor, "b"), executor_pool_at(core->executor, 2));
    ck_assert_ptr_null(executor_pool_at(core->executor, 3));
    core_free(core);
}
END_TEST

START_TEST(functions_are_found_by_name)
{
    struct core *core = core_new(NULL);
    struct function again = {.name = "ok", .ops = core->ok.ops};
    ck_assert_ptr_eq(executor_function(core->executor, "gate"), &core->gate);
    ck_assert_ptr_null(executor_function(core->executor, "gat"));
    ck_assert_int_eq(executor_add_function(core->executor, &again), -EEXIST);
    ck_assert_ptr_eq(executor_function_at(core->executor, 0), &core->ok);
    ck_assert_ptr_null(executor_function_at(core->executor, 100));
    executor_remove_function(core->executor, &core->ok);
    ck_assert_ptr_null(executor_function(core->executor, "ok"));
    ck_assert_ptr_nonnull(executor_function(core->executor, "gate"));
    ck_assert_int_eq(executor_add_function(core->executor, &again), 0);
    ck_assert_ptr_eq(executor_function(core->executor, "ok"), &again);
    core_free(core);
}
END_TEST

START_TEST(a_function_that_is_quick_must_be_repeatable)
{
    struct core *core = core_new(NULL);
    struct function_ops ops = *core->swift.ops;
    struct function hasty = {.name = "hasty", .ops = &ops, .state = core};
    ops.repeatable = false;
    ck_assert_int_eq(executor_add_function(core->executor, &hasty), -EINVAL);
    ck_assert_ptr_null(executor_function(core->executor, "hasty"));
    ops.repeatable = true;
    ck_assert_int_eq(executor_add_function(core->executor, &hasty), 0);
    core_free(core);
}
END_TEST

/* ---- how many threads ---- */

START_TEST(no_thread_before_the_first_submit_and_one_for_ten_in_sequence)
{
    struct core *core = core_with_workers(8);
    ck_assert_uint_eq(pool_worker_count(core->pool), 0);
    for (unsigned i = 0; i < 10; i++) {
        core_await_done(core, core_start(core, &core->ok, "1"));
        ck_assert_uint_eq(pool_worker_count(core->pool), 1);
    }
    ck_assert_uint_eq(atomic_load(&threads_created), 1);
    core_free(core);
}
END_TEST

static void submit_from_within(struct core *core, struct future *future)
{
    (void)future;
    if (core_ends(core) < 10)
        (void)core_start(core, &core->ok, "next");
}

START_TEST(whoever_reacts_to_an_end_finds_the_worker_idle)
{
    struct core *core = core_with_workers(8);
    core->on_done = submit_from_within;
    (void)core_start(core, &core->ok, "first");
    core_await_ends(core, 10);
    ck_assert_uint_eq(atomic_load(&threads_created), 1);
    core_free(core);
}
END_TEST

START_TEST(load_brings_max_workers_and_not_one_more)
{
    struct core *core = core_with_workers(4);
    for (unsigned i = 0; i < 20; i++)
        (void)core_start(core, &core->gate, "1");
    core_await_bodies(core, 4);
    executor_sync(core->executor);
    ck_assert_uint_eq(pool_worker_count(core->pool), 4);
    ck_assert_uint_eq(pool_running(core->pool), 4);
    ck_assert_uint_eq(pool_in_flight(core->pool), 4);
    ck_assert_uint_eq(pool_pending(core->pool), 16);
    core_pass(core, 20);
    core_await_ends(core, 20);
    ck_assert_uint_eq(atomic_load(&threads_created), 4);
    ck_assert_uint_eq(core_bodies(core), 20);
    core_free(core);
}
END_TEST

START_TEST(idle_workers_go_down_to_min_workers)
{
    struct core *core = core_with_workers(4);
    struct pool_settings settings = core_pool_settings(core);
    for (unsigned i = 0; i < 4; i++)
        (void)core_start(core, &core->gate, "1");
    core_await_bodies(core, 4);
    core_pass(core, 4);
    core_await_ends(core, 4);
    ck_assert_uint_eq(pool_worker_count(core->pool), 4);
    settings.min_workers = 2;
    settings.idle_timeout_ns = 5 * NS_PER_MS;
    core_set_pool(core, &settings);
    core_await_workers(core, core->pool, 2);
    /* The two that stay take what comes. */
    core_await_done(core, core_start(core, &core->ok, "1"));
    ck_assert_uint_eq(pool_worker_count(core->pool), 2);
    settings.min_workers = 0;
    core_set_pool(core, &settings);
    core_await_workers(core, core->pool, 0);
    /* On a busy machine the new one might be idle for too long before it gets its first job. */
    settings.idle_timeout_ns = 3600 * NS_PER_S;
    core_set_pool(core, &settings);
    core_await_done(core, core_start(core, &core->ok, "1"));
    ck_assert_uint_eq(atomic_load(&threads_created), 5);
    core_free(core);
}
END_TEST

START_TEST(resizing_leaves_running_jobs_alone)
{
    struct core *core = core_with_workers(3);
    struct pool_settings settings = core_pool_settings(core);
    struct future *futures[6];
    for (unsigned i = 0; i < 6; i++)
        futures[i] = core_start(core, &core->gate, "1");
    core_await_bodies(core, 3);
    settings.max_workers = 1;
    core_set_pool(core, &settings);
    executor_sync(core->executor);
    ck_assert_uint_eq(pool_running(core->pool), 3);
    core_pass(core, 2);
    core_await_workers(core, core->pool, 1);
    core_await_ends(core, 2);
    ck_assert_uint_eq(core_bodies(core), 3);
    core_pass(core, 4);
    for (unsigned i = 0; i < 6; i++) {
        core_await_done(core, futures[i]);
        core_expect_result(futures[i], "1");
    }
    ck_assert_uint_eq(pool_worker_count(core->pool), 1);
    /* And up again, for what is queued already. */
    for (unsigned i = 0; i < 3; i++)
        (void)core_start(core, &core->gate, "1");
    settings.max_workers = 3;
    core_set_pool(core, &settings);
    core_await_bodies(core, 9);
    ck_assert_uint_eq(pool_worker_count(core->pool), 3);
    core_pass(core, 3);
    core_free(core);
}
END_TEST

/* ---- max_tasks_per_worker ---- */

START_TEST(a_worker_that_has_done_its_share_is_replaced_for_work_only)
{
    struct core *core = core_with_workers(1);
    struct pool_settings settings = core_pool_settings(core);
    settings.max_tasks_per_worker = 2;
    settings.min_workers = 1;
    core_set_pool(core, &settings);
    executor_pause_pool(core->executor, core->pool, true);
    for (unsigned i = 0; i < 4; i++)
        (void)core_start(core, &core->ok, "1");
    executor_pause_pool(core->executor, core->pool, false);
    core_await_ends(core, 4);
    /* Gone before its last end was announced, and nobody in its place. */
    ck_assert_uint_eq(pool_worker_count(core->pool), 0);
    ck_assert_uint_eq(atomic_load(&threads_created), 2);
    (void)core_start(core, &core->ok, "1");
    core_await_ends(core, 5);
    ck_assert_uint_eq(pool_worker_count(core->pool), 1);
    ck_assert_uint_eq(atomic_load(&threads_created), 3);
    core_free(core);
}
END_TEST

static void count_workers(struct core *core, struct future *future)
{
    (void)future;
    ck_assert_uint_eq(pool_worker_count(core->pool), 0);
    if (core_ends(core) < 20)
        (void)core_start(core, &core->ok, "1");
}

START_TEST(a_retired_worker_is_gone_before_its_last_end_is_announced)
{
    struct core *core = core_with_workers(4);
    struct pool_settings settings = core_pool_settings(core);
    settings.max_tasks_per_worker = 1;
    core_set_pool(core, &settings);
    core->on_done = count_workers;
    (void)core_start(core, &core->ok, "1");
    core_await_ends(core, 20);
    ck_assert_uint_eq(atomic_load(&threads_created), 20);
    core_free(core);
}
END_TEST

/* ---- threads that cannot be created ---- */

START_TEST(a_submit_without_any_thread_is_refused)
{
    struct core *core = core_with_workers(2);
    struct submission submission = core_call(core, &core->ok, "1");
    struct core_answer answer;
    atomic_store(&no_more_threads, true);
    core_refused(core, &submission, REFUSED_NO_THREAD, &answer);
    ck_assert_int_eq(answer.detail.error, -EAGAIN);
    ck_assert_uint_eq(pool_worker_count(core->pool), 0);
    ck_assert_uint_eq(pool_pending(core->pool), 0);
    ck_assert_uint_eq(executor_next_id(core->executor), 1);
    submission.is_map = true;
    struct submission_item items[2] = {{"1", 1}, {"2", 1}};
    submission.items = items;
    submission.item_count = 2;
    core_refused(core, &submission, REFUSED_NO_THREAD, &answer);
    ck_assert_uint_eq(executor_next_id(core->executor), 1);
    atomic_store(&no_more_threads, false);
    core_await_done(core, core_start(core, &core->ok, "1"));
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}
END_TEST

START_TEST(a_job_without_a_thread_of_its_own_waits_for_another_worker)
{
    struct core *core = core_with_workers(4);
    struct future *first = core_start(core, &core->gate, "1");
    core_await_running(core, first);
    atomic_store(&no_more_threads, true);
    struct future *second = core_start(core, &core->ok, "2");
    ck_assert_int_eq(future_state(second), FUTURE_PENDING);
    ck_assert_uint_eq(pool_worker_count(core->pool), 1);
    core_pass(core, 1);
    core_await_done(core, second);
    core_expect_result(second, "2");
    ck_assert_uint_eq(pool_worker_count(core->pool), 1);
    /* The next submit brings the threads that were missing. */
    (void)core_start(core, &core->gate, "3");
    atomic_store(&no_more_threads, false);
    (void)core_start(core, &core->gate, "4");
    core_await_bodies(core, 4);
    core_pass(core, 2);
    core_free(core);
}
END_TEST

/* ---- initializers ---- */

START_TEST(the_initializer_runs_once_in_each_worker)
{
    struct core *core = core_with_workers(3);
    struct pool_settings settings = core_pool_settings(core);
    char args[] = "{\"x\":1}";
    settings.initializer = &core->ok;
    settings.initializer_args = args;
    core_set_pool(core, &settings);
    memset(args, 'x', sizeof(args) - 1);
    ck_assert_str_eq(pool_settings(core->pool)->initializer_args, "{\"x\":1}");
    for (unsigned i = 0; i < 3; i++)
        (void)core_start(core, &core->gate, "1");
    core_await_bodies(core, 6);
    ck_assert_uint_eq(core_ran(core, 0), 3);
    ck_assert_uint_eq(core_body(core, 0), 0);
    core_pass(core, 3);
    core_await_ends(core, 3);
    core_await_done(core, core_start(core, &core->ok, "1"));
    ck_assert_uint_eq(core_ran(core, 0), 3);
    core_free(core);
}
END_TEST

START_TEST(a_failing_initializer_breaks_the_pool)
{
    struct core *core = core_with_workers(2);
    struct pool_settings settings = core_pool_settings(core);
    struct submission_item items[2];
    const char *const texts[] = {"a", "b"};
    struct core_answer answer;
    settings.initializer = &core->fail;
    ck_assert_int_eq(executor_set_pool(core->executor, "bad", &settings), 0);
    struct pool *bad = executor_pool(core->executor, "bad");
    struct submission call = core_call(core, &core->ok, "1");
    struct submission map = core_map(core, &core->ok, items, texts, 2);
    struct submission delayed = call;
    call.pool = map.pool = delayed.pool = bad;
    delayed.delay_ns = 3600 * NS_PER_S;
    executor_pause_pool(core->executor, bad, true);
    struct future *queued = core_take(core, &call);
    struct future *waiting = core_take(core, &delayed);
    struct future *of_map = core_take(core, &map);
    executor_pause_pool(core->executor, bad, false);
    core_await_ends(core, 5);
    core_expect_exception(queued, "BrokenPool");
    core_expect_exception(waiting, "BrokenPool");
    core_expect_exception(of_map, "MapFailed");
    for (uint64_t i = 0; i < 2; i++)
        core_expect_exception(future_map_item(of_map, i), "BrokenPool");
    ck_assert_uint_eq(core_bodies(core), core_ran(core, 0));
    ck_assert(pool_is_broken(bad));
    core_refused(core, &call, REFUSED_BROKEN_POOL, &answer);
    core_refused(core, &map, REFUSED_BROKEN_POOL, &answer);
    ck_assert_int_eq(core_retry(core, queued), REFUSED_BROKEN_POOL);
    core_await_workers(core, bad, 0);
    /* The other pool does not care. */
    core_await_done(core, core_start(core, &core->ok, "1"));
    core_free(core);
}
END_TEST

START_TEST(a_worker_that_was_good_finishes_its_job_in_a_broken_pool)
{
    struct core *core = core_with_workers(2);
    struct pool_settings settings = core_pool_settings(core);
    struct future *good = core_start(core, &core->gate, "1");
    core_await_running(core, good);
    settings.initializer = &core->fail;
    core_set_pool(core, &settings);
    struct future *bad = core_start(core, &core->ok, "2");
    core_await_done(core, bad);
    core_expect_exception(bad, "BrokenPool");
    ck_assert_int_eq(future_state(good), FUTURE_RUNNING);
    core_pass(core, 1);
    core_await_done(core, good);
    core_expect_result(good, "1");
    core_await_workers(core, core->pool, 0);
    core_free(core);
}
END_TEST

/* ---- pausing and looking ---- */

START_TEST(a_paused_pool_starts_nothing_and_lets_run_what_runs)
{
    struct core *core = core_with_workers(2);
    struct future *running = core_start(core, &core->gate, "1");
    core_await_running(core, running);
    executor_pause_pool(core->executor, core->pool, true);
    ck_assert(pool_is_paused(core->pool));
    struct future *held = core_start(core, &core->ok, "2");
    ck_assert_str_eq(future_waiting_name(core_info(held).waiting), "paused");
    core_pass(core, 1);
    core_await_done(core, running);
    ck_assert_int_eq(future_state(held), FUTURE_PENDING);
    executor_pause_pool(core->executor, core->pool, false);
    ck_assert_int_eq(core_info(held).waiting, WAITING_NOT);
    core_await_done(core, held);
    ck_assert_uint_eq(core_bodies(core), 2);
    core_free(core);
}
END_TEST

struct seen {
    unsigned count, busy;
    uint64_t futures[4];
    char names[4][16];
};

static void see(const struct pool_worker_info *info, void *arg)
{
    struct seen *seen = arg;
    ck_assert_int_gt(info->tid, 0);
    ck_assert_int_eq(info->pid, 0);
    snprintf(seen->names[seen->count], sizeof(seen->names[0]), "%s", info->name);
    seen->futures[seen->count++] = info->future;
    seen->busy += info->future != 0;
}

START_TEST(workers_are_seen_with_what_they_do)
{
    struct core *core = core_with_workers(2);
    struct seen seen = {.count = 0};
    struct future *one = core_start(core, &core->gate, "1");
    struct future *two = core_start(core, &core->gate, "1");
    core_await_running(core, one);
    core_await_running(core, two);
    pool_each_worker(core->pool, see, &seen);
    ck_assert_uint_eq(seen.count, 2);
    ck_assert_uint_eq(seen.futures[0] + seen.futures[1], future_id(one) + future_id(two));
    ck_assert_str_eq(seen.names[0], "pool-1");
    ck_assert_str_eq(seen.names[1], "pool-2");
    core_pass(core, 1);
    core_await_ends(core, 1);
    seen = (struct seen){.count = 0};
    pool_each_worker(core->pool, see, &seen);
    ck_assert_uint_eq(seen.busy, 1);
    core_pass(core, 1);
    core_free(core);
}
END_TEST

START_TEST(a_pool_goes_with_jobs_in_it)
{
    struct core *core = core_with_workers(2);
    for (unsigned i = 0; i < 5; i++)
        (void)core_start(core, &core->gate, "1");
    core_await_bodies(core, 2);
    /* What runs is asked to stop, what is queued is let go. */
    core_end(core);
    ck_assert_uint_eq(core_stops(core), 2);
    ck_assert_uint_eq(core_bodies(core), 2);
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        default_settings_fit_the_machine,
        pools_are_found_by_name_and_limited,
        functions_are_found_by_name,
        a_function_that_is_quick_must_be_repeatable,
        no_thread_before_the_first_submit_and_one_for_ten_in_sequence,
        whoever_reacts_to_an_end_finds_the_worker_idle,
        load_brings_max_workers_and_not_one_more,
        idle_workers_go_down_to_min_workers,
        resizing_leaves_running_jobs_alone,
        a_worker_that_has_done_its_share_is_replaced_for_work_only,
        a_retired_worker_is_gone_before_its_last_end_is_announced,
        a_submit_without_any_thread_is_refused,
        a_job_without_a_thread_of_its_own_waits_for_another_worker,
        the_initializer_runs_once_in_each_worker,
        a_failing_initializer_breaks_the_pool,
        a_worker_that_was_good_finishes_its_job_in_a_broken_pool,
        a_paused_pool_starts_nothing_and_lets_run_what_runs,
        workers_are_seen_with_what_they_do,
        a_pool_goes_with_jobs_in_it,
    };
    return CORE_CHECK("pool", tests);
}

/* layers: core base */
/* extra: tests/support/core_fixture.c */
/* Workers that stand still: a wake-up that gets lost between the queue and an idle thread, as it
 * can only by a mistake of ours, or of the system. */
#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "daemon/core/executor.h"
#include "daemon/core/pool.h"
#include "tests/support/core_fixture.h"
#include "tests/support/suite.h"

int __real_pthread_cond_signal(pthread_cond_t *condition);
int __wrap_pthread_cond_signal(pthread_cond_t *condition);
int __real_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock,
                                  const struct timespec *until);
int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock,
                                  const struct timespec *until);

static atomic_bool lose_signals;
static sem_t idle; /* posted by a thread that is about to wait, with the lock held */

int __wrap_pthread_cond_signal(pthread_cond_t *condition)
{
    return atomic_load(&lose_signals) ? 0 : __real_pthread_cond_signal(condition);
}

int __wrap_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *lock,
                                  const struct timespec *until)
{
    sem_post(&idle);
    return __real_pthread_cond_timedwait(condition, lock, until);
}

/* A pool with one worker, which is idle. */
static struct core *core_with_idle_worker(void)
{
    sem_init(&idle, 0, 0);
    struct core *core = core_new(NULL);
    core_await_done(core, core_start(core, &core->ok, "first"));
    sem_wait(&idle);
    return core;
}

START_TEST(a_call_that_no_idle_thread_takes_is_no_progress)
{
    struct core *core = core_with_idle_worker();
    ck_assert(executor_makes_progress(core->executor));
    atomic_store(&lose_signals, true);
    struct future *future = core_start(core, &core->ok, "lost");
    /* It may be on its way the first time. */
    ck_assert(executor_makes_progress(core->executor));
    ck_assert(!executor_makes_progress(core->executor));
    ck_assert(!pool_makes_progress(core->pool));
    atomic_store(&lose_signals, false);
    /* Other rules wake all threads. */
    executor_pause_pool(core->executor, core->pool, false);
    core_await_done(core, future);
    ck_assert(executor_makes_progress(core->executor));
    ck_assert(executor_makes_progress(core->executor));
    core_free(core);
}
END_TEST

START_TEST(to_wait_for_good_reasons_is_no_standstill)
{
    struct core *core = core_with_idle_worker();
    executor_pause_pool(core->executor, core->pool, true);
    struct future *held = core_start(core, &core->ok, "paused");
    for (int i = 0; i < 3; i++)
        ck_assert(executor_makes_progress(core->executor));
    executor_pause_pool(core->executor, core->pool, false);
    core_await_done(core, held);
    core_free(core);
}
END_TEST

START_TEST(long_jobs_are_no_standstill)
{
    struct core *core = core_new(NULL);
    struct pool_settings settings = *pool_settings(core->pool);
    settings.max_workers = 1;
    ck_assert_int_eq(executor_set_pool(core->executor, "default", &settings), 0);
    struct future *running = core_start(core, &core->gate, "long");
    core_await_running(core, running);
    struct future *queued = core_start(core, &core->ok, "behind it");
    for (int i = 0; i < 3; i++)
        ck_assert(executor_makes_progress(core->executor));
    core_pass(core, 1);
    core_await_done(core, queued);
    core_free(core);
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("pool_progress", NULL, NULL);

    tcase_add_test(tcase, a_call_that_no_idle_thread_takes_is_no_progress);
    tcase_add_test(tcase, to_wait_for_good_reasons_is_no_standstill);
    tcase_add_test(tcase, long_jobs_are_no_standstill);
    return suite_run();
}

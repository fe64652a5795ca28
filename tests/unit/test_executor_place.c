/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/place.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/core/outcome.h"
#include "tests/support/core_fixture.h"

enum { SEATS = 4 };

/* A place in this process: its seats are opened, and lost, as the test says. */
struct seat {
    struct fake *fake;
    unsigned number;
    _Atomic enum seat_state state;
};

struct fake {
    struct place place;
    struct seat seats[SEATS];
    atomic_uint may_open; /* seats by number: bit 1 is the first */
    atomic_uint prepares, takes, leaves, runs;
    _Atomic(int) lose; /* so many calls: the seat is lost on them */
    atomic_bool unseen;
    uint64_t rest_ns;
};

static struct seat *fake_take(struct place *place, unsigned number, const char *worker)
{
    struct fake *fake = (struct fake *)place;
    struct seat *seat = &fake->seats[number - 1];
    ck_assert_ptr_nonnull(strchr(worker, '-'));
    seat->fake = fake;
    seat->number = number;
    seat->state = SEAT_NOT_YET;
    fake->takes++;
    return seat;
}

static enum seat_state fake_look(struct seat *seat)
{
    return seat->state;
}

static enum seat_state fake_prepare(struct seat *seat, int stop_fd)
{
    struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
    seat->fake->prepares++;
    if (seat->fake->may_open & (1u << seat->number))
        seat->state = SEAT_READY;
    else
        poll(&stop, 1, 1);
    return seat->state;
}

static bool fake_run(struct seat *seat, const struct function *function, struct call *call)
{
    struct fake *fake = seat->fake;
    fake->runs++;
    if (fake->lose == 0) {
        function->ops->run(function, call);
        return true;
    }
    fake->lose--;
    outcome_set_exception(call_outcome(call), "WorkerLost", "gone", NULL, 0);
    call_lost(call, fake->unseen, fake->rest_ns);
    seat->state = SEAT_LOST;
    return false;
}

static void fake_leave(struct seat *seat)
{
    if (seat)
        seat->fake->leaves++;
}

static void fake_describe(struct place *place, unsigned number, struct seat_facts *ret_facts)
{
    const struct fake *fake = (const struct fake *)place;
    *ret_facts =
        (struct seat_facts){.ready = fake->seats[number - 1].state == SEAT_READY, .host = "n1"};
}

static bool fake_trouble(struct place *place, char *ret_text, size_t size)
{
    (void)place;
    (void)ret_text;
    (void)size;
    return false;
}

static const struct place_ops fake_ops = {
    .take = fake_take,
    .look = fake_look,
    .prepare = fake_prepare,
    .run = fake_run,
    .leave = fake_leave,
    .describe = fake_describe,
    .trouble = fake_trouble,
};

/* An executor whose default pool has that place. */
static struct core *start(struct fake *fake, unsigned workers, unsigned may_open)
{
    struct core *core = core_new(&(struct core_options){.max_workers = workers});
    *fake = (struct fake){.place = {.ops = &fake_ops, .launcher = "fake"}, .may_open = may_open};
    struct pool_settings settings = core_pool_settings(core);
    settings.place = &fake->place;
    core_set_pool(core, &settings);
    return core;
}

static void await(const atomic_uint *count, unsigned least)
{
    while (*count < least)
        sched_yield();
}

/* ---- ready or not ---- */

START_TEST(a_call_is_pending_until_its_seat_is_ready)
{
    struct fake fake;
    struct core *core = start(&fake, 1, 0);
    struct future *future = core_start(core, &core->ok, "1");
    await(&fake.prepares, 3);
    executor_sync(core->executor);
    ck_assert_int_eq(future_state(future), FUTURE_PENDING);
    ck_assert_uint_eq(core_bodies(core), 0);
    fake.may_open = ~0u;
    core_await_done(core, future);
    core_expect_result(future, "1");
    ck_assert_uint_eq(fake.runs, 1);
    core_free(core);
    ck_assert_uint_eq(fake.leaves, fake.takes);
}
END_TEST

START_TEST(what_no_seat_can_execute_can_be_cancelled)
{
    struct fake fake;
    struct core *core = start(&fake, 1, 0);
    struct future *future = core_start(core, &core->ok, "1");
    await(&fake.prepares, 1);
    ck_assert(core_cancel(core, future));
    fake.may_open = ~0u;
    core_await_done(core, core_start(core, &core->ok, "2"));
    ck_assert_uint_eq(fake.runs, 1);
    core_free(core);
}
END_TEST

/* The second worker never gets a seat: all it was woken for the first one does. */
START_TEST(who_has_a_seat_does_the_work_of_those_without)
{
    struct fake fake;
    struct core *core = start(&fake, 2, 1u << 1);
    core_await_done(core, core_start(core, &core->ok, "1"));
    struct future *gate = core_start(core, &core->gate, "2");
    struct future *behind = core_start(core, &core->ok, "3");
    await(&fake.prepares, 3);
    core_pass(core, 1);
    core_await_done(core, gate);
    core_await_done(core, behind);
    for (int i = 0; i < 50; i++)
        core_await_done(core, core_start(core, &core->ok, "4"));
    ck_assert_uint_eq(fake.runs, 53);
    core_free(core);
}
END_TEST

START_TEST(the_initializer_waits_for_the_seat_and_runs_there)
{
    struct fake fake;
    struct core *core = start(&fake, 1, 0);
    struct pool_settings settings = core_pool_settings(core);
    settings.initializer = &core->ok;
    core_set_pool(core, &settings);
    struct future *future = core_start(core, &core->ok, "1");
    await(&fake.prepares, 2);
    ck_assert_uint_eq(core_bodies(core), 0);
    fake.may_open = ~0u;
    core_await_done(core, future);
    ck_assert_uint_eq(fake.runs, 2);
    core_free(core);
}
END_TEST

START_TEST(the_end_does_not_wait_for_a_seat)
{
    struct fake fake;
    struct core *core = start(&fake, 2, 0);
    core_start(core, &core->ok, "1");
    core_start(core, &core->ok, "2");
    await(&fake.prepares, 2);
    core_free(core);
    ck_assert_uint_eq(fake.runs, 0);
    ck_assert_uint_eq(fake.leaves, 2);
}
END_TEST

/* ---- lost ---- */

START_TEST(a_lost_seat_fails_its_call_and_no_other)
{
    struct fake fake;
    struct core *core = start(&fake, 1, ~0u);
    fake.lose = 1;
    struct future *lost = core_start(core, &core->ok, "1");
    struct future *other = core_start(core, &core->ok, "2");
    core_await_done(core, lost);
    core_await_done(core, other);
    core_expect_exception(lost, "WorkerLost");
    core_expect_result(other, "2");
    ck_assert_uint_eq(fake.takes, 2);
    ck_assert_uint_eq(core_bodies(core), 1);
    core_free(core);
}
END_TEST

START_TEST(what_may_be_run_again_is)
{
    struct fake fake;
    struct core *core = start(&fake, 1, ~0u);
    fake.lose = 2;
    fake.rest_ns = 8 * NS_PER_MS;
    struct submission submission = core_call(core, &core->ok, "1");
    submission.rerun_on_crash = true;
    submission.retry_delay_ns = 1;
    submission.retry_backoff = 1;
    uint64_t since_ns = clock_mono_ns();
    struct future *future = core_take(core, &submission);
    core_await_done(core, future);
    core_expect_result(future, "1");
    ck_assert_uint_eq(core_info(future).attempt, 3);
    ck_assert_uint_eq(core_bodies(core), 1);
    /* Not before nothing can be left of the lost ones. */
    ck_assert_uint_ge(clock_mono_ns() - since_ns, 2 * fake.rest_ns);
    core_free(core);
}
END_TEST

START_TEST(what_nobody_has_seen_is_run_by_another)
{
    struct fake fake;
    struct core *core = start(&fake, 1, ~0u);
    fake.unseen = true;
    fake.lose = 1;
    struct future *future = core_start(core, &core->ok, "1");
    core_await_done(core, future);
    core_expect_result(future, "1");
    core_free(core);
}
END_TEST

START_TEST(a_seat_lost_between_two_calls_is_replaced)
{
    struct fake fake;
    struct core *core = start(&fake, 1, ~0u);
    core_await_done(core, core_start(core, &core->ok, "1"));
    fake.seats[0].state = SEAT_LOST;
    struct future *future = core_start(core, &core->ok, "2");
    core_await_done(core, future);
    core_expect_result(future, "2");
    ck_assert_uint_eq(fake.takes, 2);
    core_free(core);
}
END_TEST

START_TEST(an_initializer_that_was_lost_with_its_seat_breaks_nothing)
{
    struct fake fake;
    struct core *core = start(&fake, 1, ~0u);
    struct pool_settings settings = core_pool_settings(core);
    settings.initializer = &core->ok;
    core_set_pool(core, &settings);
    fake.lose = 1;
    struct future *future = core_start(core, &core->ok, "1");
    core_await_done(core, future);
    core_expect_result(future, "1");
    ck_assert(!pool_is_broken(core->pool));
    core_free(core);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_call_is_pending_until_its_seat_is_ready,
        what_no_seat_can_execute_can_be_cancelled,
        who_has_a_seat_does_the_work_of_those_without,
        the_initializer_waits_for_the_seat_and_runs_there,
        the_end_does_not_wait_for_a_seat,
        a_lost_seat_fails_its_call_and_no_other,
        what_may_be_run_again_is,
        what_nobody_has_seen_is_run_by_another,
        a_seat_lost_between_two_calls_is_replaced,
        an_initializer_that_was_lost_with_its_seat_breaks_nothing,
    };
    return CORE_CHECK("executor_place", tests);
}

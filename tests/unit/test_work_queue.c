/* layers: core base */
#include "daemon/core/work_queue.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/core/call_impl.h"
#include "tests/support/suite.h"

#define HOUR_NS (3600 * NS_PER_S)

static const struct work_queue_rules open_rules = {.max_threads = 8, .idle_ns = HOUR_NS};

static struct work_queue *queue_with(const struct work_queue_rules *rules, unsigned threads)
{
    struct work_queue *queue = work_queue_new();
    ck_assert_ptr_nonnull(queue);
    work_queue_set_rules(queue, rules);
    for (; threads > 0; threads--)
        work_queue_enter(queue);
    return queue;
}

static void push(struct work_queue *queue, struct work *call, int64_t priority, uint32_t uid,
                 uint64_t client)
{
    if (work_queue_push(queue, call, priority, uid, client) != 0)
        ck_abort_msg("no memory to push");
    work_queue_wake(queue);
}

/* Takes as many as there are pushed; must never block. */
static struct work *take(struct work_queue *queue)
{
    ck_assert_uint_gt(work_queue_length(queue), 0);
    struct work *call = work_queue_take(queue);
    ck_assert_ptr_nonnull(call);
    return call;
}

/* ---- order ---- */

START_TEST(higher_priority_leaves_first)
{
    static const int64_t priorities[] = {0, -1, INT64_MIN, INT64_MAX,     1,
                                         7, -7, 0,         INT64_MIN + 1, INT64_MAX - 1};
    static const size_t order[] = {3, 9, 5, 4, 0, 7, 1, 6, 8, 2};
    enum { COUNT = sizeof(order) / sizeof(order[0]) };
    struct work calls[COUNT] = {0};
    struct work_queue *queue = queue_with(&open_rules, 1);
    for (size_t i = 0; i < COUNT; i++)
        push(queue, &calls[i], priorities[i], 1, 1);
    for (size_t i = 0; i < COUNT; i++)
        ck_assert_ptr_eq(take(queue), &calls[order[i]]);
    ck_assert_uint_eq(work_queue_length(queue), 0);
    work_queue_free(queue);
}
END_TEST

START_TEST(calls_of_a_client_leave_in_their_order)
{
    struct work calls[100] = {0};
    struct work_queue *queue = queue_with(&open_rules, 1);
    for (size_t i = 0; i < 100; i++)
        push(queue, &calls[i], 5, 1, 1);
    ck_assert_uint_eq(work_queue_length(queue), 100);
    for (size_t i = 0; i < 100; i++)
        ck_assert_ptr_eq(take(queue), &calls[i]);
    work_queue_free(queue);
}
END_TEST

/* Pushes `who` ("AAAB": a letter a client, lower case of another user) and expects `order`. */
static void expect_turns(const char *who, const char *order)
{
    struct work calls[64] = {0};
    struct work_queue *queue = queue_with(&open_rules, 1);
    for (size_t i = 0; who[i] != '\0'; i++) {
        push(queue, &calls[i], 0, who[i] >= 'a' ? 2 : 1, (uint64_t)who[i]);
    }
    for (size_t i = 0; order[i] != '\0'; i++)
        ck_assert_msg(who[take(queue) - calls] == order[i], "%s: turn %zu", who, i);
    ck_assert_uint_eq(work_queue_length(queue), 0);
    work_queue_free(queue);
}

START_TEST(clients_of_a_user_take_turns)
{
    expect_turns("AAAAABB", "ABABAAA");
    expect_turns("AAAABBCC", "ABCABCAA");
}
END_TEST

START_TEST(users_take_turns_before_clients_do)
{
    /* User 2 has one client and gets every second turn. */
    expect_turns("AAABBBCCCaaa", "AaBaCaABCABC");
    expect_turns("ABCab", "AaBbC");
}
END_TEST

START_TEST(a_newcomer_waits_for_one_turn_only)
{
    struct work calls[10] = {0};
    struct work late = {0};
    struct work_queue *queue = queue_with(&open_rules, 1);
    for (size_t i = 0; i < 10; i++)
        push(queue, &calls[i], 0, 1, 1);
    ck_assert_ptr_eq(take(queue), &calls[0]);
    push(queue, &late, 0, 1, 2);
    ck_assert_ptr_eq(take(queue), &calls[1]);
    ck_assert_ptr_eq(take(queue), &late);
    ck_assert_ptr_eq(take(queue), &calls[2]);
    work_queue_free(queue);
}
END_TEST

START_TEST(turns_at_one_priority_are_not_those_at_another)
{
    struct work high[4] = {0}, low[4] = {0};
    struct work_queue *queue = queue_with(&open_rules, 1);
    for (size_t i = 0; i < 4; i++) {
        push(queue, &low[i], -1, 1, 1 + i % 2);
        push(queue, &high[i], 1, 1, 1 + i / 2);
    }
    /* Clients 1 1 2 2 above, 1 2 1 2 below. */
    static const size_t turns[] = {0, 2, 1, 3};
    for (size_t i = 0; i < 4; i++)
        ck_assert_ptr_eq(take(queue), &high[turns[i]]);
    for (size_t i = 0; i < 4; i++)
        ck_assert_ptr_eq(take(queue), &low[i]);
    work_queue_free(queue);
}
END_TEST

/* ---- removing ---- */

START_TEST(a_removed_call_never_leaves)
{
    static const size_t removed[] = {0, 4, 9};
    struct work calls[10] = {0};
    struct work_queue *queue = queue_with(&open_rules, 1);
    for (size_t i = 0; i < 10; i++)
        push(queue, &calls[i], 0, 1, 1);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(work_queue_remove(queue, &calls[removed[i]]));
        ck_assert(!work_queue_remove(queue, &calls[removed[i]]));
    }
    ck_assert_uint_eq(work_queue_length(queue), 7);
    for (size_t i = 0; i < 10; i++)
        if (i != 0 && i != 4 && i != 9)
            ck_assert_ptr_eq(take(queue), &calls[i]);
    ck_assert(!work_queue_remove(queue, &calls[1]));
    ck_assert_uint_eq(work_queue_length(queue), 0);
    work_queue_free(queue);
}
END_TEST

START_TEST(a_lane_that_empties_can_be_filled_again)
{
    struct work calls[3] = {0};
    struct work_queue *queue = queue_with(&open_rules, 1);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < 3; i++)
            push(queue, &calls[i], (int64_t)i - 1, 1 + (uint32_t)i, 1);
        ck_assert(work_queue_remove(queue, &calls[1]));
        ck_assert_ptr_eq(take(queue), &calls[2]);
        ck_assert_ptr_eq(take(queue), &calls[0]);
    }
    work_queue_free(queue);
}
END_TEST

START_TEST(a_moved_call_has_its_new_place)
{
    struct work a = {0}, b = {0}, c = {0};
    struct work_queue *queue = queue_with(&open_rules, 1);
    push(queue, &a, 0, 1, 1);
    push(queue, &b, 0, 1, 1);
    push(queue, &c, 5, 2, 2);
    ck_assert_int_eq(work_queue_move(queue, &b, 9), 0);
    /* Alone in its lane, which goes with it; and to where it is already, at the end of it. */
    ck_assert_int_eq(work_queue_move(queue, &c, -1), 0);
    ck_assert_int_eq(work_queue_move(queue, &c, -1), 0);
    ck_assert_uint_eq(work_queue_length(queue), 3);
    ck_assert_ptr_eq(take(queue), &b);
    ck_assert_ptr_eq(take(queue), &a);
    ck_assert_ptr_eq(take(queue), &c);
    ck_assert_int_eq(work_queue_move(queue, &b, 1), -ESRCH);
    ck_assert_uint_eq(work_queue_length(queue), 0);
    work_queue_free(queue);
}
END_TEST

START_TEST(a_moved_call_is_the_last_of_its_client)
{
    struct work a = {0}, b = {0}, c = {0};
    struct work_queue *queue = queue_with(&open_rules, 1);
    push(queue, &a, 0, 1, 1);
    push(queue, &b, 1, 1, 1);
    push(queue, &c, 1, 1, 1);
    ck_assert_int_eq(work_queue_move(queue, &a, 1), 0);
    ck_assert_ptr_eq(take(queue), &b);
    ck_assert_ptr_eq(take(queue), &c);
    ck_assert_ptr_eq(take(queue), &a);
    work_queue_free(queue);
}
END_TEST

START_TEST(a_queue_goes_with_calls_in_it)
{
    struct work calls[5] = {0};
    struct work_queue *queue = queue_with(&open_rules, 0);
    for (size_t i = 0; i < 5; i++)
        push(queue, &calls[i], (int64_t)i, (uint32_t)i / 2, i);
    work_queue_free(queue);
    work_queue_free(NULL);
}
END_TEST

/* ---- rules ---- */

START_TEST(paused_hands_out_nothing)
{
    struct work_queue_rules rules = {.max_threads = 1, .idle_ns = NS_PER_MS, .paused = true};
    struct work call = {0};
    struct work_queue *queue = queue_with(&rules, 1);
    push(queue, &call, 0, 1, 1);
    /* The thread leaves for having been idle, though there is a call. */
    ck_assert_ptr_null(work_queue_take(queue));
    ck_assert_uint_eq(work_queue_threads(queue), 0);
    ck_assert_uint_eq(work_queue_length(queue), 1);
    rules.paused = false;
    work_queue_set_rules(queue, &rules);
    work_queue_enter(queue);
    ck_assert_ptr_eq(take(queue), &call);
    work_queue_free(queue);
}
END_TEST

START_TEST(closing_sends_every_thread_away)
{
    struct work_queue_rules rules = {.max_threads = 2, .min_threads = 2, .closing = true};
    struct work call = {0};
    struct work_queue *queue = queue_with(&rules, 2);
    push(queue, &call, 0, 1, 1);
    ck_assert_ptr_null(work_queue_take(queue));
    ck_assert_ptr_null(work_queue_take(queue));
    ck_assert_uint_eq(work_queue_threads(queue), 0);
    ck_assert_uint_eq(work_queue_length(queue), 1);
    work_queue_free(queue);
}
END_TEST

START_TEST(one_thread_too_many_leaves_and_not_two)
{
    struct work_queue_rules rules = {.max_threads = 2, .idle_ns = HOUR_NS};
    struct work calls[2] = {0};
    struct work_queue *queue = queue_with(&rules, 2);
    push(queue, &calls[0], 0, 1, 1);
    push(queue, &calls[1], 0, 1, 1);
    rules.max_threads = 1;
    work_queue_set_rules(queue, &rules);
    ck_assert_ptr_null(work_queue_take(queue));
    ck_assert_uint_eq(work_queue_threads(queue), 1);
    ck_assert_ptr_eq(take(queue), &calls[0]);
    ck_assert_ptr_eq(take(queue), &calls[1]);
    ck_assert_uint_eq(work_queue_threads(queue), 1);
    work_queue_free(queue);
}
END_TEST

START_TEST(an_idle_thread_leaves_after_its_time)
{
    struct work_queue_rules rules = {.max_threads = 1, .idle_ns = 2 * NS_PER_MS};
    struct work_queue *queue = queue_with(&rules, 1);
    uint64_t since_ns = clock_mono_ns();
    ck_assert_ptr_null(work_queue_take(queue));
    ck_assert_uint_ge(clock_mono_ns() - since_ns, 2 * NS_PER_MS);
    ck_assert_uint_eq(work_queue_threads(queue), 0);
    /* So long a time that its end is past the end of the clock. */
    struct work call = {0};
    rules.idle_ns = UINT64_MAX;
    work_queue_set_rules(queue, &rules);
    work_queue_enter(queue);
    push(queue, &call, 0, 1, 1);
    ck_assert_ptr_eq(take(queue), &call);
    work_queue_free(queue);
}
END_TEST

START_TEST(a_thread_retires_after_its_share)
{
    struct work_queue_rules rules = {.max_threads = 2, .idle_ns = HOUR_NS};
    struct work calls[4] = {0};
    struct work_queue *queue = queue_with(&rules, 2);
    bool more;
    for (size_t i = 0; i < 4; i++) {
        push(queue, &calls[i], 0, 1, 1);
        (void)take(queue);
    }
    ck_assert(!work_queue_retire(queue, UINT64_MAX, false, &more));
    rules.max_tasks = 3;
    work_queue_set_rules(queue, &rules);
    ck_assert(!work_queue_retire(queue, 2, false, &more));
    ck_assert_uint_eq(work_queue_threads(queue), 2);
    ck_assert(work_queue_retire(queue, 3, false, &more));
    ck_assert(!more);
    ck_assert_uint_eq(work_queue_threads(queue), 1);
    /* The share was cut while it worked. */
    ck_assert(work_queue_retire(queue, 5, false, &more));
    ck_assert_uint_eq(work_queue_threads(queue), 0);
    work_queue_free(queue);
}
END_TEST

START_TEST(threads_are_missing_for_calls_that_none_is_free_for)
{
    struct work_queue_rules rules = {.max_threads = 3, .idle_ns = HOUR_NS};
    struct work calls[6] = {0};
    struct work_queue *queue = queue_with(&rules, 0);
    bool more;
    ck_assert_uint_eq(work_queue_missing(queue), 0);
    push(queue, &calls[0], 0, 1, 1);
    ck_assert_uint_eq(work_queue_missing(queue), 1);
    work_queue_enter(queue);
    ck_assert_uint_eq(work_queue_missing(queue), 0);
    (void)take(queue);
    ck_assert_uint_eq(work_queue_missing(queue), 0);
    for (size_t i = 1; i < 6; i++)
        push(queue, &calls[i], 0, 1, 1);
    ck_assert_uint_eq(work_queue_missing(queue), 2);
    rules.paused = true;
    work_queue_set_rules(queue, &rules);
    ck_assert_uint_eq(work_queue_missing(queue), 0);
    rules.paused = false;
    rules.max_threads = 2;
    rules.max_tasks = 1;
    work_queue_set_rules(queue, &rules);
    ck_assert_uint_eq(work_queue_missing(queue), 1);
    /* The one that has the call leaves after it, and is missing too. */
    ck_assert(work_queue_retire(queue, 1, false, &more));
    ck_assert(more);
    ck_assert_uint_eq(work_queue_missing(queue), 2);
    work_queue_free(queue);
}
END_TEST

/* ---- threads that wait ---- */

struct taker {
    pthread_t thread;
    struct work_queue *queue;
    int report; /* pipe: one byte for each return of take */
    struct work *got;
};

static void *take_one(void *arg)
{
    struct taker *taker = arg;
    taker->got = work_queue_take(taker->queue);
    ck_assert_int_eq(write(taker->report, "x", 1), 1);
    return NULL;
}

static void taker_start(struct taker *taker, struct work_queue *queue, int report)
{
    *taker = (struct taker){.queue = queue, .report = report};
    work_queue_enter(queue);
    ck_assert_int_eq(pthread_create(&taker->thread, NULL, take_one, taker), 0);
}

static void await_report(int fd)
{
    char byte;
    ck_assert_int_eq(read(fd, &byte, 1), 1);
}

/* Each takes one call and no more, so a call that nobody is woken for stays. */
START_TEST(each_call_wakes_a_thread_in_the_end)
{
    struct work_queue_rules rules = {.max_threads = 3, .idle_ns = HOUR_NS};
    struct work_queue *queue = queue_with(&rules, 0);
    struct taker takers[3];
    int report[2];
    ck_assert_int_eq(pipe(report), 0);
    for (int round = 0; round < 300; round++) {
        struct work calls[3] = {0};
        for (size_t i = 0; i < 3; i++)
            taker_start(&takers[i], queue, report[1]);
        for (int turns = round % 3; turns > 0; turns--)
            sched_yield();
        for (size_t i = 0; i < 3; i++)
            push(queue, &calls[i], 0, 1, 1);
        for (size_t i = 0; i < 3; i++) {
            await_report(report[0]);
            work_queue_leave(queue);
        }
        for (size_t i = 0; i < 3; i++)
            pthread_join(takers[i].thread, NULL);
        ck_assert_uint_eq(work_queue_length(queue), 0);
    }
    work_queue_free(queue);
}
END_TEST

/* A push wakes nobody, as more may come with it; but many do not wait. */
START_TEST(many_calls_wake_a_thread_without_being_asked_to)
{
    struct work_queue_rules rules = {.max_threads = 1, .idle_ns = HOUR_NS};
    struct work_queue *queue = queue_with(&rules, 0);
    struct work calls[100] = {0};
    struct taker taker;
    int report[2];
    ck_assert_int_eq(pipe(report), 0);
    taker_start(&taker, queue, report[1]);
    for (size_t i = 0; i < 100; i++)
        ck_assert_int_eq(work_queue_push(queue, &calls[i], 0, 1, 1), 0);
    await_report(report[0]);
    pthread_join(taker.thread, NULL);
    ck_assert_ptr_eq(taker.got, &calls[0]);
    work_queue_free(queue);
}
END_TEST

START_TEST(the_last_threads_stay)
{
    struct work_queue_rules rules = {.max_threads = 2, .min_threads = 1, .idle_ns = NS_PER_MS};
    struct work_queue *queue = queue_with(&rules, 0);
    struct taker takers[2];
    struct work call = {0};
    int report[2];
    ck_assert_int_eq(pipe(report), 0);
    taker_start(&takers[0], queue, report[1]);
    taker_start(&takers[1], queue, report[1]);
    await_report(report[0]);
    ck_assert_uint_eq(work_queue_threads(queue), 1);
    /* One has left; the other one is there for the call. */
    push(queue, &call, 0, 1, 1);
    await_report(report[0]);
    for (size_t i = 0; i < 2; i++)
        pthread_join(takers[i].thread, NULL);
    ck_assert((takers[0].got == &call && !takers[1].got) ||
              (takers[1].got == &call && !takers[0].got));
    ck_assert_uint_eq(work_queue_threads(queue), 1);
    work_queue_free(queue);
}
END_TEST

START_TEST(new_rules_reach_idle_threads_at_once)
{
    struct work_queue_rules rules = {.max_threads = 3, .idle_ns = HOUR_NS};
    struct work_queue *queue = queue_with(&rules, 0);
    struct taker takers[3];
    struct work call = {0};
    int report[2];
    ck_assert_int_eq(pipe(report), 0);
    for (size_t i = 0; i < 3; i++)
        taker_start(&takers[i], queue, report[1]);
    rules.max_threads = 2;
    work_queue_set_rules(queue, &rules);
    await_report(report[0]);
    ck_assert_uint_eq(work_queue_threads(queue), 2);
    rules.idle_ns = 0;
    rules.min_threads = 1;
    work_queue_set_rules(queue, &rules);
    await_report(report[0]);
    ck_assert_uint_eq(work_queue_threads(queue), 1);
    rules.paused = true;
    work_queue_set_rules(queue, &rules);
    push(queue, &call, 0, 1, 1);
    rules.paused = false;
    work_queue_set_rules(queue, &rules);
    await_report(report[0]);
    size_t got = 0;
    for (size_t i = 0; i < 3; i++) {
        pthread_join(takers[i].thread, NULL);
        got += takers[i].got == &call;
    }
    ck_assert_uint_eq(got, 1);
    work_queue_free(queue);
}
END_TEST

/* ---- all at once ---- */

#define STORM_CALLS   40000
#define STORM_THREADS 4

struct storm_call {
    struct work call;
    atomic_uint taken;
    bool removed;
};

static void *take_all(void *arg)
{
    struct work *call;
    bool more;
    while ((call = work_queue_take(arg))) {
        atomic_fetch_add(&((struct storm_call *)call)->taken, 1);
        (void)work_queue_retire(arg, 1, false, &more);
    }
    return NULL;
}

START_TEST(every_call_leaves_exactly_once)
{
    struct work_queue_rules rules = {.max_threads = STORM_THREADS, .idle_ns = HOUR_NS};
    struct storm_call *calls = calloc(STORM_CALLS, sizeof(*calls));
    struct work_queue *queue = queue_with(&rules, STORM_THREADS);
    pthread_t threads[STORM_THREADS];
    unsigned seed = 42;
    size_t removed = 0;
    for (size_t i = 0; i < STORM_THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_all, queue), 0);
    for (size_t i = 0; i < STORM_CALLS; i++) {
        unsigned dice = (unsigned)rand_r(&seed);
        push(queue, &calls[i].call, (int)(dice % 3) - 1, dice % 2, dice % 5);
        struct storm_call *other = &calls[i - dice / 7 % 50 % (i + 1)];
        if (dice % 2 && !other->removed && work_queue_remove(queue, &other->call)) {
            other->removed = true;
            removed++;
        }
        if (dice % 1000 == 0) {
            rules.paused = true;
            work_queue_set_rules(queue, &rules);
            rules.paused = false;
            work_queue_set_rules(queue, &rules);
        }
    }
    /* What is left is removed here, in a race with the threads. */
    for (size_t i = 0; i < STORM_CALLS; i++) {
        if (!calls[i].removed && work_queue_remove(queue, &calls[i].call)) {
            calls[i].removed = true;
            removed++;
        }
    }
    ck_assert_uint_eq(work_queue_length(queue), 0);
    rules.closing = true;
    work_queue_set_rules(queue, &rules);
    for (size_t i = 0; i < STORM_THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(work_queue_threads(queue), 0);
    size_t right = 0;
    for (size_t i = 0; i < STORM_CALLS; i++)
        right += atomic_load(&calls[i].taken) + calls[i].removed == 1;
    ck_assert_uint_eq(right, STORM_CALLS);
    ck_assert_uint_gt(removed, 0);
    work_queue_free(queue);
    free(calls);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        higher_priority_leaves_first,
        calls_of_a_client_leave_in_their_order,
        clients_of_a_user_take_turns,
        users_take_turns_before_clients_do,
        a_newcomer_waits_for_one_turn_only,
        turns_at_one_priority_are_not_those_at_another,
        a_removed_call_never_leaves,
        a_lane_that_empties_can_be_filled_again,
        a_moved_call_has_its_new_place,
        a_moved_call_is_the_last_of_its_client,
        a_queue_goes_with_calls_in_it,
        paused_hands_out_nothing,
        closing_sends_every_thread_away,
        one_thread_too_many_leaves_and_not_two,
        an_idle_thread_leaves_after_its_time,
        a_thread_retires_after_its_share,
        threads_are_missing_for_calls_that_none_is_free_for,
        each_call_wakes_a_thread_in_the_end,
        many_calls_wake_a_thread_without_being_asked_to,
        the_last_threads_stay,
        new_rules_reach_idle_threads_at_once,
        every_call_leaves_exactly_once,
    };
    TCase *tcase = suite_tests("work_queue", NULL, NULL);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(tcase, tests[i]);
    return suite_run();
}

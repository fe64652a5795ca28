/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/completion.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "daemon/base/loop.h"
#include "tests/support/core_fixture.h"

struct inbox {
    struct loop *loop;
    struct completions *completions;
    struct message *taken; /* at the last wakeup */
    unsigned wakeups;
};

static void on_wakeup(void *arg)
{
    struct inbox *inbox = arg;
    inbox->wakeups++;
    inbox->taken = completions_take(inbox->completions);
    loop_stop(inbox->loop);
}

static void inbox_open(struct inbox *inbox)
{
    *inbox = (struct inbox){.wakeups = 0};
    ck_assert_int_eq(loop_new(&inbox->loop), 0);
    ck_assert_int_eq(completions_new(inbox->loop, on_wakeup, inbox, &inbox->completions), 0);
}

static void inbox_close(struct inbox *inbox)
{
    completions_free(inbox->completions);
    loop_free(inbox->loop);
}

START_TEST(messages_come_in_the_order_of_posting)
{
    struct message messages[5] = {0};
    struct inbox inbox;
    inbox_open(&inbox);
    ck_assert_ptr_null(completions_take(inbox.completions));
    for (size_t i = 0; i < 5; i++)
        completions_post(inbox.completions, &messages[i], WAKE_NOT);
    struct message *message = completions_take(inbox.completions);
    for (size_t i = 0; i < 5; i++, message = message->next)
        ck_assert_ptr_eq(message, &messages[i]);
    ck_assert_ptr_null(message);
    ck_assert_ptr_null(completions_take(inbox.completions));
    inbox_close(&inbox);
}
END_TEST

START_TEST(a_post_that_wakes_brings_the_silent_ones_along)
{
    struct message silent = {0}, loud = {0};
    struct inbox inbox;
    inbox_open(&inbox);
    completions_post(inbox.completions, &silent, WAKE_NOT);
    completions_post(inbox.completions, &loud, WAKE_NOW);
    ck_assert_int_eq(loop_run(inbox.loop), 0);
    ck_assert_uint_eq(inbox.wakeups, 1);
    ck_assert_ptr_eq(inbox.taken, &silent);
    ck_assert_ptr_eq(inbox.taken->next, &loud);
    inbox_close(&inbox);
}
END_TEST

START_TEST(what_comes_soon_comes_together)
{
    struct message first = {0}, second = {0}, third = {0};
    struct inbox inbox;
    inbox_open(&inbox);
    completions_post(inbox.completions, &first, WAKE_SOON);
    completions_post(inbox.completions, &second, WAKE_SOON);
    ck_assert_int_eq(loop_run(inbox.loop), 0);
    ck_assert_uint_eq(inbox.wakeups, 1);
    ck_assert_ptr_eq(inbox.taken, &first);
    ck_assert_ptr_eq(inbox.taken->next, &second);
    /* And again. */
    completions_post(inbox.completions, &third, WAKE_SOON);
    ck_assert_int_eq(loop_run(inbox.loop), 0);
    ck_assert_ptr_eq(inbox.taken, &third);
    inbox_close(&inbox);
}
END_TEST

START_TEST(every_post_wakes_where_that_is_wanted)
{
    struct message one = {0}, two = {0};
    struct inbox inbox;
    inbox_open(&inbox);
    completions_wake_always(inbox.completions, true);
    completions_post(inbox.completions, &one, WAKE_NOT);
    ck_assert_int_eq(loop_run(inbox.loop), 0);
    ck_assert_ptr_eq(inbox.taken, &one);
    completions_wake_always(inbox.completions, false);
    completions_post(inbox.completions, &one, WAKE_NOT);
    completions_post(inbox.completions, &two, WAKE_NOW);
    ck_assert_int_eq(loop_run(inbox.loop), 0);
    ck_assert_uint_eq(inbox.wakeups, 2);
    ck_assert_ptr_eq(inbox.taken, &one);
    inbox_close(&inbox);
}
END_TEST

START_TEST(messages_left_behind_are_forgotten)
{
    struct message message = {0};
    struct inbox inbox;
    inbox_open(&inbox);
    completions_post(inbox.completions, &message, WAKE_NOW);
    inbox_close(&inbox);
    completions_free(NULL);
}
END_TEST

/* ---- many posters ---- */

#define POSTERS  4
#define MESSAGES 20000

struct numbered {
    struct message message;
    unsigned poster, number;
};

struct poster {
    struct completions *completions;
    struct numbered *messages;
    unsigned index;
};

static void *post_all(void *arg)
{
    struct poster *poster = arg;
    for (unsigned i = 0; i < MESSAGES; i++) {
        poster->messages[i].poster = poster->index;
        poster->messages[i].number = i;
        /* Only the last one surely wakes; what the others leave must come with it. */
        completions_post(poster->completions, &poster->messages[i].message,
                         i == MESSAGES - 1 ? WAKE_NOW : (enum wake)(i % 3));
    }
    return NULL;
}

struct counting {
    struct inbox inbox;
    unsigned next[POSTERS]; /* number expected of each */
    size_t count;
};

static void count_messages(void *arg)
{
    struct counting *counting = arg;
    struct message *message = completions_take(counting->inbox.completions);
    for (; message; message = message->next) {
        struct numbered *numbered = (struct numbered *)message;
        if (numbered->number != counting->next[numbered->poster])
            ck_abort_msg("message %u of poster %u came out of turn", numbered->number,
                         numbered->poster);
        counting->next[numbered->poster]++;
        counting->count++;
    }
    if (counting->count == POSTERS * MESSAGES)
        loop_stop(counting->inbox.loop);
}

START_TEST(nothing_is_lost_or_overtaken_among_many_posters)
{
    struct counting counting = {.count = 0};
    struct poster posters[POSTERS];
    pthread_t threads[POSTERS];
    struct inbox *inbox = &counting.inbox;
    ck_assert_int_eq(loop_new(&inbox->loop), 0);
    ck_assert_int_eq(completions_new(inbox->loop, count_messages, &counting, &inbox->completions),
                     0);
    for (unsigned i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.completions = inbox->completions, .index = i};
        posters[i].messages = calloc(MESSAGES, sizeof(*posters[i].messages));
        ck_assert_ptr_nonnull(posters[i].messages);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    ck_assert_int_eq(loop_run(inbox->loop), 0);
    ck_assert_uint_eq(counting.count, POSTERS * MESSAGES);
    for (unsigned i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
        free(posters[i].messages);
    }
    inbox_close(inbox);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        messages_come_in_the_order_of_posting, a_post_that_wakes_brings_the_silent_ones_along,
        what_comes_soon_comes_together,        every_post_wakes_where_that_is_wanted,
        messages_left_behind_are_forgotten,    nothing_is_lost_or_overtaken_among_many_posters,
    };
    return CORE_CHECK("completion", tests);
}

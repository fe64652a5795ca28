/* layers: store core base */
/* In which order the store's thread gets what the loop has for it, and what waits for an end. */
#include <check.h>
#include <stdint.h>
#include <string.h>

#include "daemon/base/loop.h"
#include "daemon/store/hand_over.h"
#include "tests/support/suite.h"

struct desk {
    struct loop *loop;
    struct hand_over hand_over;
    struct commit commits[8];
    struct task other;
    char
        given[32]; /* in their order: a commit by its digit, the other as x, the end of each turn */
};

static void note(struct desk *desk, char what)
{
    size_t length = strlen(desk->given);
    ck_assert_uint_lt(length + 1, sizeof(desk->given));
    desk->given[length] = what;
}

static void take(void *arg, struct task_list *tasks)
{
    struct desk *desk = arg;
    struct task *task;
    while ((task = STAILQ_FIRST(tasks))) {
        STAILQ_REMOVE_HEAD(tasks, link);
        note(desk, task == &desk->other ? 'x' : (char)('0' + (commit_of(task) - desk->commits)));
    }
    note(desk, '.');
    loop_stop(desk->loop);
}

static void desk_init(struct desk *desk)
{
    *desk = (struct desk){.hand_over = {.give = take, .arg = desk}};
    for (size_t i = 0; i < 8; i++)
        desk->commits[i].task.kind = TASK_COMMIT;
    desk->other.kind = TASK_READ;
    ck_assert_int_eq(loop_new(&desk->loop), 0);
    ck_assert_int_eq(hand_over_open(&desk->hand_over, desk->loop), 0);
}

static void desk_free(struct desk *desk)
{
    hand_over_close(&desk->hand_over);
    loop_free(desk->loop);
}

static void put_commit(struct desk *desk, size_t which, uint64_t awaits)
{
    hand_over_commit(&desk->hand_over, &desk->commits[which], awaits);
}

static void put_end(struct desk *desk, size_t which, uint64_t id)
{
    hand_over_end(&desk->hand_over, &desk->commits[which], id);
}

/* Runs until something is given. */
static void expect_given(struct desk *desk, const char *wanted)
{
    memset(desk->given, 0, sizeof(desk->given));
    ck_assert_int_eq(loop_run(desk->loop), 0);
    ck_assert_str_eq(desk->given, wanted);
}

START_TEST(all_of_a_turn_is_given_at_its_end)
{
    struct desk desk;
    desk_init(&desk);
    put_commit(&desk, 0, 0);
    put_end(&desk, 1, 77);
    hand_over_other(&desk.hand_over, &desk.other);
    put_commit(&desk, 2, 0);
    expect_given(&desk, "x012.");
    put_commit(&desk, 3, 0);
    expect_given(&desk, "3.");
    desk_free(&desk);
}
END_TEST

START_TEST(an_end_goes_behind_the_submit_that_awaits_it)
{
    struct desk desk;
    desk_init(&desk);
    put_commit(&desk, 0, 1);
    put_commit(&desk, 1, 0);
    put_commit(&desk, 2, 2);
    put_commit(&desk, 3, 0);
    put_end(&desk, 4, 1);
    expect_given(&desk, "041.");
    put_end(&desk, 5, 2);
    expect_given(&desk, "253.");
    desk_free(&desk);
}
END_TEST

START_TEST(no_end_overtakes_another_one)
{
    struct desk desk;
    desk_init(&desk);
    put_commit(&desk, 0, 1);
    put_end(&desk, 1, 0); /* of several */
    put_commit(&desk, 2, 2);
    put_end(&desk, 3, 1);
    /* Its submit stands before that end, which stands where it was given. */
    put_end(&desk, 4, 2);
    put_commit(&desk, 5, 3);
    put_end(&desk, 6, 3);
    expect_given(&desk, "0123456.");
    desk_free(&desk);
}
END_TEST

START_TEST(what_does_not_come_is_given_up)
{
    struct desk desk;
    desk_init(&desk);
    put_commit(&desk, 0, 1);
    put_commit(&desk, 1, 0);
    hand_over_other(&desk.hand_over, &desk.other);
    expect_given(&desk, "x.");
    expect_given(&desk, "01.");
    put_end(&desk, 2, 1);
    expect_given(&desk, "2.");
    desk_free(&desk);
}
END_TEST

START_TEST(an_end_that_takes_the_place_of_another_one_gives_that_up)
{
    struct desk desk;
    desk_init(&desk);
    put_commit(&desk, 0, 1);
    put_commit(&desk, 1, 1 + AWAITED_MAX);
    put_end(&desk, 2, 1 + AWAITED_MAX);
    put_end(&desk, 3, 1);
    expect_given(&desk, "0123.");
    desk_free(&desk);
}
END_TEST

START_TEST(at_the_end_all_is_given)
{
    struct desk desk;
    desk_init(&desk);
    put_commit(&desk, 0, 1);
    put_commit(&desk, 1, 2);
    hand_over_all(&desk.hand_over);
    ck_assert_str_eq(desk.given, "01.");
    desk_free(&desk);
}
END_TEST

int main(void)
{
    TCase *tcase = suite_tests("hand_over", NULL, NULL);
    tcase_add_test(tcase, all_of_a_turn_is_given_at_its_end);
    tcase_add_test(tcase, an_end_goes_behind_the_submit_that_awaits_it);
    tcase_add_test(tcase, no_end_overtakes_another_one);
    tcase_add_test(tcase, what_does_not_come_is_given_up);
    tcase_add_test(tcase, an_end_that_takes_the_place_of_another_one_gives_that_up);
    tcase_add_test(tcase, at_the_end_all_is_given);
    return suite_run();
}

/* layers: core base */
/* extra: tests/support/core_fixture.c */
#include "daemon/core/single.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/loop.h"
#include "daemon/core/call.h"
#include "daemon/core/outcome.h"
#include "daemon/core/output.h"
#include "tests/support/core_fixture.h"

/* What was told of the calls. */
struct told {
    struct loop *loop;
    struct single *single;
    unsigned outputs, finished;
    char progress[64], type[64], result[64];
    size_t result_bytes;
    bool break_pool;
    const struct single_call *next; /* to be started from within the end of the one before */
};

static void on_output(void *arg)
{
    struct told *told = arg;
    told->outputs++;
}

static void on_progress(void *arg, const char *json)
{
    struct told *told = arg;
    snprintf(told->progress, sizeof(told->progress), "%s", json);
}

static void on_finished(void *arg, const struct outcome *outcome, bool break_pool)
{
    struct told *told = arg;
    const struct single_call *next = told->next;
    told->finished++;
    told->break_pool = break_pool;
    snprintf(told->type, sizeof(told->type), "%s",
             outcome->kind == OUTCOME_EXCEPTION ? outcome_type(outcome) : "");
    told->result_bytes = outcome->json_bytes;
    if (outcome->json)
        memcpy(told->result, outcome->json, outcome->json_bytes);
    told->next = NULL;
    if (next)
        ck_assert_int_eq(single_start(told->single, next), 0);
    else
        loop_stop(told->loop);
}

static void desk_open(struct told *told)
{
    struct single_hooks hooks = {.arg = told,
                                 .on_output = on_output,
                                 .on_progress = on_progress,
                                 .on_finished = on_finished};
    *told = (struct told){.finished = 0};
    ck_assert_int_eq(loop_new(&told->loop), 0);
    ck_assert_int_eq(single_new(told->loop, "worker", 3, 10, &hooks, &told->single), 0);
}

static void desk_close(struct told *told)
{
    single_free(told->single);
    loop_free(told->loop);
}

/* ---- functions ---- */

static void run_echo(const struct function *function, struct call *call)
{
    size_t args_bytes, item_bytes;
    const char *args = call_args(call, &args_bytes);
    const char *item = call_item(call, &item_bytes);
    char *text = malloc(args_bytes + item_bytes);
    (void)function;
    memcpy(text, args, args_bytes);
    if (item)
        memcpy(text + args_bytes, item, item_bytes);
    ck_assert_uint_eq(call_id(call), 17);
    ck_assert_uint_eq(call_attempt(call), 2);
    output_append(call_output(call), OUTPUT_STDOUT, "more than ten", 13);
    call_progress(call, "[1]", 3);
    call_set_pid(call, 4711);
    outcome_set_result(call_outcome(call), text, args_bytes + item_bytes);
}

/* Runs until it is told to stop. */
static void run_wait(const struct function *function, struct call *call)
{
    struct pollfd stop = {.fd = call_stop_fd(call), .events = POLLIN};
    struct stop_request request;
    (void)function;
    while (!call_stop(call, &request))
        poll(&stop, 1, -1);
    call_break_pool(call);
    call_raise_stopped(call, &request, NULL, 0);
}

static const struct function_ops echo_ops = {.kind = "native", .run = run_echo};
static const struct function_ops wait_ops = {.kind = "native", .run = run_wait};
static const struct function echo = {.name = "echo", .ops = &echo_ops};
static const struct function waits = {.name = "waits", .ops = &wait_ops};

static struct single_call call_of(const struct function *function)
{
    return (struct single_call){.function = function,
                                .id = 17,
                                .attempt = 2,
                                .args = "{}garbage",
                                .args_bytes = 2,
                                .item = "7garbage",
                                .item_bytes = 1};
}

/* ---- tests ---- */

START_TEST(a_call_is_told_of)
{
    struct told told;
    struct single_call call = call_of(&echo);
    uint64_t kept;
    bool ended;
    desk_open(&told);
    ck_assert(!single_is_busy(told.single));
    ck_assert_int_eq(single_start(told.single, &call), 0);
    ck_assert(single_is_busy(told.single));
    ck_assert_int_eq(loop_run(told.loop), 0);
    ck_assert(!single_is_busy(told.single));
    ck_assert_uint_eq(told.finished, 1);
    ck_assert_mem_eq(told.result, "{}7", 3);
    ck_assert_str_eq(told.progress, "[1]");
    /* The cap of the streams, and the end of both. */
    output_read(single_output(told.single), OUTPUT_STDOUT, 0, NULL, 0, &kept, &ended);
    ck_assert_uint_eq(kept, 10);
    ck_assert(ended && output_truncated(single_output(told.single)));
    ck_assert_int_eq(single_pid(told.single), 0);
    desk_close(&told);
}
END_TEST

START_TEST(a_call_may_follow_from_within)
{
    struct told told;
    struct single_call call = call_of(&echo), next = call_of(&echo);
    next.item = NULL;
    next.item_bytes = 0;
    desk_open(&told);
    told.next = &next;
    ck_assert_int_eq(single_start(told.single, &call), 0);
    ck_assert_int_eq(loop_run(told.loop), 0);
    ck_assert_uint_eq(told.finished, 2);
    ck_assert_uint_eq(told.result_bytes, 2);
    desk_close(&told);
}
END_TEST

/* Whether the worker has it already or not. */
START_TEST(a_call_is_stopped_at_once)
{
    struct told told;
    struct single_call call = call_of(&waits);
    struct stop_request stop = {.cause = STOP_TIMEOUT, .signal_number = 15};
    desk_open(&told);
    single_stop(told.single, &stop); /* nothing runs */
    for (unsigned i = 1; i <= 100; i++) {
        ck_assert_int_eq(single_start(told.single, &call), 0);
        single_stop(told.single, &stop);
        ck_assert_int_eq(loop_run(told.loop), 0);
        ck_assert_uint_eq(told.finished, i);
        ck_assert_str_eq(told.type, "TimedOut");
        ck_assert(told.break_pool);
    }
    desk_close(&told);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_call_is_told_of, a_call_may_follow_from_within,
                                  a_call_is_stopped_at_once};
    return CORE_CHECK("single", tests);
}

/* layers: run proto core base */
/* extra: tests/support/fake_call.c tests/support/handler_fixture.c */
/* The processes of a handler: their start, their life, their replacement. */
#include "daemon/run/handler.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "tests/support/handler_fixture.h"
#include "tests/support/suite.h"

/* ---- the start ---- */

START_TEST(init_comes_once_and_first)
{
    settings.init = "{\"model\":\"x\",\n\"do\":[]}";
    make_function();
    for (int i = 1; i < 4; i++) {
        json_t *result = ask("[]");

        check_json(json_object_get(result, "init"), "{'model':'x','do':[]}");
        ck_assert_int_eq(int_at(result, "tasks"), i);
        json_decref(result);
    }
}
END_TEST

START_TEST(an_init_that_is_refused)
{
    settings.init = "{\"do\":[[\"error\",{\"code\":5,\"message\":\"no model\"}]]}";
    make_function();
    expect("[]", "HandlerDied", "the handler refused to start: no model",
           "{'reason':'init','error':{'code':5,'message':'no model'}}");
}
END_TEST

START_TEST(an_init_that_crashes)
{
    settings.init = "{\"do\":[[\"exit\",4]]}";
    make_function();
    expect("[]", "HandlerDied", "the handler exited with status 4 while it started",
           "{'reason':'exit','exit_code':4,'signal':null}");
}
END_TEST

START_TEST(an_init_that_hangs)
{
    settings.init = "{\"do\":[[\"hang\"]]}";
    settings.timeout_ms = 50;
    make_function();
    expect("[]", "TimedOut", "the handler was silent for 0.05 s while it started",
           "{'reason':'silence','timeout':0.05}");
}
END_TEST

START_TEST(a_program_that_is_not_there)
{
    char missing[] = "/nowhere/at/all";

    argv[0] = missing;
    make_function();
    expect("[]", "SpawnError", "cannot run /nowhere/at/all: No such file or directory",
           "{'errno':'ENOENT','step':'exec','path':'/nowhere/at/all'}");
}
END_TEST

START_TEST(a_directory_that_is_not_there)
{
    settings.cwd = "/nowhere";
    make_function();
    expect("[]", "SpawnError", "cannot change to directory /nowhere: No such file or directory",
           "{'errno':'ENOENT','step':'chdir','path':'/nowhere'}");
}
END_TEST

START_TEST(a_program_that_ends_at_once)
{
    char list[] = "[[\"stamp\",\"starts\"],[\"exit\",1]]";

    argv[1] = list;
    make_function();
    for (int i = 0; i < 4; i++)
        expect("[]", "HandlerDied", "the handler exited with status 1",
               "{'reason':'exit','exit_code':1,'signal':null}");
    /* Each start waited for twice the time of the one before. */
    for (int i = 0; i < 3; i++)
        ck_assert_int_ge(number_in("starts", i + 1) - number_in("starts", i),
                         (INT64_C(90) << i) * (int64_t)NS_PER_MS);
}
END_TEST

START_TEST(a_call_that_waits_for_a_start_can_be_stopped)
{
    struct call *call = fake_call_new("{}", NULL, CAP_BYTES);
    char list[] = "[[\"stamp\",\"starts\"],[\"exit\",1]]";

    argv[1] = list;
    make_function();
    for (int i = 0; i < 3; i++)
        expect("[]", "HandlerDied", "the handler exited with status 1",
               "{'reason':'exit','exit_code':1,'signal':null}");
    fake_call_stop(call, STOP_TERMINATE, SIGTERM, NEVER_MS);
    fake_call_run(call, function);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "Terminated");
    fake_call_free(call);
    /* There was no fourth start. */
    FILE *file = fopen("starts", "re");
    int64_t number;
    int lines = 0;
    while (fscanf(file, "%" SCNd64, &number) == 1)
        lines++;
    fclose(file);
    ck_assert_int_eq(lines, 3);
}
END_TEST

/* ---- the life of a process ---- */

START_TEST(max_tasks_replaces_a_process)
{
    pid_t first, second;

    settings.max_tasks = 2;
    make_function();
    first = ask_pid("[]");
    ck_assert_int_eq(ask_pid("[]"), first);
    second = ask_pid("[]");
    ck_assert_int_ne(second, first);
    await_gone(first);
    ck_assert_int_eq(ask_pid("[]"), second);
}
END_TEST

START_TEST(an_idle_process_ends)
{
    pid_t pid;

    settings.idle_timeout_ms = 30;
    make_function();
    pid = ask_pid("[]");
    await_gone(pid);
    ck_assert_int_ne(ask_pid("[]"), pid);
}
END_TEST

START_TEST(an_idle_process_that_does_not_want_to_end)
{
    pid_t pid;

    settings.idle_timeout_ms = 30;
    make_function();
    /* It sees neither the end of its stdin nor TERM. */
    pid = ask_pid("[['answer'],['ignore',15],['hang']]");
    await_gone(pid);
}
END_TEST

START_TEST(who_dies_between_calls_is_replaced)
{
    pid_t pid;

    make_function();
    for (int i = 0; i < 20; i++) {
        pid = ask_pid("[]");
        kill(pid, SIGKILL);
        await_gone(pid);
        ck_assert_int_ne(ask_pid("[]"), pid);
    }
}
END_TEST

START_TEST(who_dies_before_it_reads_is_replaced)
{
    struct call *call = fake_call_new("{}", NULL, CAP_BYTES);
    json_t *result;
    pid_t pid;

    make_function();
    pid = ask_pid("[['answer'],['kill',19]]");
    /* It stands still, so it takes the call and does not read it. */
    fake_call_start(call, function);
    ck_assert_int_eq(fake_call_await_pid(call), pid);
    kill(pid, SIGKILL);
    fake_call_join(call);
    result = result_of(call);
    ck_assert_int_ne(int_at(result, "pid"), pid);
    json_decref(result);
    fake_call_free(call);
}
END_TEST

START_TEST(who_dies_between_calls_is_reaped)
{
    char path[64];
    pid_t pid;

    make_function();
    pid = ask_pid("[['answer'],['exit',0]]");
    await_gone(pid);
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    while (access(path, F_OK) == 0)
        poll(NULL, 0, 1);
}
END_TEST

START_TEST(what_is_written_between_calls)
{
    pid_t pid;

    make_gate("gate");
    make_function();
    catch_log();
    pid = ask_pid("[['answer'],['wait','gate'],['stderr','idle words'],"
                  "['log','warning','idle log']]");
    open_gate("gate");
    await_log("idle words\n");
    await_log("warning: handler act[");
    await_log("idle log\n");
    ck_assert_int_eq(ask_pid("[]"), pid);
}
END_TEST

START_TEST(garbage_between_calls_fails_none)
{
    pid_t pid;

    make_gate("gate");
    make_function();
    catch_log();
    pid = ask_pid("[['answer'],['line','garbage']]");
    await_gone(pid);
    await_log("wrote a line that is no JSON between two calls, and is replaced\n");
    pid = ask_pid("[['answer'],['wait','gate'],['answer']]");
    open_gate("gate");
    await_gone(pid);
    await_log("answered what nobody asked, and is replaced\n");
    ck_assert_int_ne(ask_pid("[]"), pid);
}
END_TEST

/* ---- other settings ---- */

static const struct function *make_draft(void)
{
    const struct function *live = function;
    const struct function *draft;

    make_function();
    draft = function;
    function = live;
    return draft;
}

START_TEST(other_settings_are_for_calls_that_start_later)
{
    struct call *call = fake_call_new("{\"do\":[[\"wait\",\"gate\"]]}", NULL, CAP_BYTES);
    json_t *result;
    pid_t pid, idle;

    make_gate("gate");
    settings.init = "[1]";
    make_function();
    fake_call_start(call, function);
    pid = fake_call_await_pid(call);
    idle = ask_pid("[]");
    settings.init = "[2]";
    settings.doc = "anew";
    settings.params = "{\"do\":{}}";
    handlers_replace(handlers, function, make_draft());
    await_gone(idle);
    ck_assert_str_eq(function->name, "act");
    ck_assert_str_eq(function->doc, "anew");
    ck_assert_str_eq(function->params, "{\"do\":{}}");
    ck_assert_int_eq(function->ops->check_args(function, "{\"x\":1}", 7, false,
                                               &(struct check_error){.param = ""}),
                     -EINVAL);
    result = ask("[]");
    check_json(json_object_get(result, "init"), "[2]");
    json_decref(result);
    /* The call that runs ends as it began, and its process goes with it. */
    open_gate("gate");
    fake_call_join(call);
    result = result_of(call);
    check_json(json_object_get(result, "init"), "[1]");
    ck_assert_int_eq(int_at(result, "pid"), pid);
    json_decref(result);
    fake_call_free(call);
    await_gone(pid);
}
END_TEST

START_TEST(settings_may_change_again_and_again)
{
    make_function();
    for (int i = 0; i < 20; i++) {
        pid_t pid = ask_pid("[]");

        handlers_replace(handlers, function, make_draft());
        await_gone(pid);
    }
}
END_TEST

START_TEST(what_was_never_called_can_be_thrown_away)
{
    const struct function *draft;

    make_function();
    ck_assert_int_gt(ask_pid("[]"), 0);
    settings.name = "draft";
    draft = make_draft();
    ck_assert_str_eq(draft->name, "draft");
    handlers_discard(handlers, draft);
    settings.name = "act";
    handlers_discard(handlers, make_draft());
    ck_assert_int_gt(ask_pid("[]"), 0);
}
END_TEST

START_TEST(the_log_is_not_flooded)
{
    /* Each of the lines has to be told from the others. */
    char list[4000] = "[['answer'],['wait','gate']", *end = list + strlen(list);
    int lines = 0;

    for (int i = 0; i < 100; i++)
        end += sprintf(end, ",['stderr','line %d']%s", i, i == 99 ? "]" : "");
    make_gate("gate");
    make_function();
    catch_log();
    pid_t pid = ask_pid(list);
    open_gate("gate");
    await_log("line 5\n");
    ck_assert_int_eq(ask_pid("[]"), pid);
    for (const char *text = log_text(); (text = strstr(text, "handler act[")); text++)
        lines++;
    /* All lines came at once, or nearly. */
    ck_assert_int_ge(lines, 6);
    ck_assert_int_lt(lines, 90);
}
END_TEST

START_TEST(a_log_during_a_call)
{
    make_function();
    catch_log();
    json_decref(ask("[['log','error','hot']]"));
    ck_assert_ptr_nonnull(strstr(log_text(), "error: handler act["));
    ck_assert_ptr_nonnull(strstr(log_text(), "]: hot\n"));
}
END_TEST

START_TEST(memory_is_limited)
{
    settings.memory_limit_bytes = 100000000;
    make_function();
    expect("[['allocate',200000000]]", "MemoryError", "no memory", "{'type':'MemoryError'}");
    json_decref(ask("[['allocate',20000000]]"));
}
END_TEST

START_TEST(a_crash_breaks_the_pool_where_it_shall)
{
    for (int breaks = 0; breaks < 2; breaks++) {
        static const char *const lists[] = {
            "{\"do\":[[\"exit\",1]]}",
            "{\"do\":[[\"line\",\"garbage\"]]}",
        };

        settings.name = breaks ? "breaks" : "fails";
        settings.break_pool = breaks;
        make_function();
        for (size_t i = 0; i < 2; i++) {
            struct call *call = fake_call_new(lists[i], NULL, CAP_BYTES);

            fake_call_run(call, function);
            ck_assert_str_eq(outcome_type(call_outcome(call)), "HandlerDied");
            ck_assert_int_eq(fake_call_breaks_pool(call), breaks);
            fake_call_free(call);
        }
        struct call *call =
            fake_call_new("{\"do\":[[\"error\",{\"code\":1,\"message\":\"m\"}]]}", NULL, CAP_BYTES);
        fake_call_run(call, function);
        ck_assert(!fake_call_breaks_pool(call));
        fake_call_free(call);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        init_comes_once_and_first,
        an_init_that_is_refused,
        an_init_that_crashes,
        an_init_that_hangs,
        a_program_that_is_not_there,
        a_directory_that_is_not_there,
        a_program_that_ends_at_once,
        a_call_that_waits_for_a_start_can_be_stopped,
        max_tasks_replaces_a_process,
        an_idle_process_ends,
        an_idle_process_that_does_not_want_to_end,
        who_dies_between_calls_is_replaced,
        who_dies_before_it_reads_is_replaced,
        who_dies_between_calls_is_reaped,
        what_is_written_between_calls,
        garbage_between_calls_fails_none,
        other_settings_are_for_calls_that_start_later,
        settings_may_change_again_and_again,
        what_was_never_called_can_be_thrown_away,
        the_log_is_not_flooded,
        a_log_during_a_call,
        memory_is_limited,
        a_crash_breaks_the_pool_where_it_shall,
        NULL,
    };
    TCase *tcase = suite_tests("handler_life", set_up, tear_down);

    for (size_t i = 0; tests[i]; i++)
        tcase_add_test(tcase, tests[i]);
    return suite_run();
}

/* layers: run proto core base */
/* extra: tests/support/fake_call.c tests/support/handler_fixture.c */
/* Calls of a handler: how they go well, raise, and are stopped. */
#include "daemon/run/handler.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/handler_fixture.h"
#include "tests/support/suite.h"

/* ---- a call that goes well ---- */

START_TEST(a_call_is_a_request_and_its_answer)
{
    struct call *call;
    json_t *result;

    settings.doc = "Acts";
    make_function();
    ck_assert_str_eq(function->name, "act");
    ck_assert_str_eq(function->doc, "Acts");
    ck_assert_ptr_null(function->params);
    ck_assert_str_eq(function->ops->kind, "handler");
    ck_assert(!function->ops->streams_in_result);

    call = fake_call_new("{\"a\":[1,2.5,\"\\u00fc\"]}", NULL, CAP_BYTES);
    fake_call_run(call, function);
    result = result_of(call);
    ck_assert_int_eq(int_at(result, "id"), FAKE_CALL_ID);
    check_json(json_object_get(result, "method"), "'act'");
    check_json(json_object_get(result, "params"), "{'a':[1,2.5,'\\u00fc']}");
    check_json(json_object_get(result, "init"), "null");
    json_decref(result);
    check_stderr(call, "");
    fake_call_free(call);
}
END_TEST

START_TEST(a_process_serves_many_calls)
{
    pid_t pid;

    make_function();
    pid = ask_pid("[]");
    for (int i = 2; i < 100; i++) {
        json_t *result = ask("[]");

        ck_assert_int_eq(int_at(result, "pid"), pid);
        ck_assert_int_eq(int_at(result, "tasks"), i);
        json_decref(result);
    }
}
END_TEST

START_TEST(no_arguments_are_an_empty_object)
{
    struct call *call = fake_call_new("", NULL, CAP_BYTES);
    json_t *result;

    make_function();
    fake_call_run(call, function);
    result = result_of(call);
    check_json(json_object_get(result, "params"), "{}");
    json_decref(result);
    fake_call_free(call);
}
END_TEST

START_TEST(an_item_is_joined_to_the_arguments)
{
    struct call *call = fake_call_new("{\"a\":1}", "[2,3]", CAP_BYTES);
    json_t *result;

    make_function();
    fake_call_run(call, function);
    result = result_of(call);
    check_json(json_object_get(result, "params"), "{'a':1,'item':[2,3]}");
    json_decref(result);
    fake_call_free(call);
}
END_TEST

START_TEST(the_process_has_a_clean_environment)
{
    json_t *result;

    settings.cwd = "/usr";
    make_function();
    result = ask("[]");
    check_json(json_object_get(result, "fds"), "[0,1,2]");
    check_json(json_object_get(result, "handler"), "'act'");
    check_json(json_object_get(result, "cwd"), "'/usr'");
    json_decref(result);
}
END_TEST

START_TEST(the_pid_is_named)
{
    struct call *call = fake_call_new("{\"do\":[[\"wait\",\"gate\"]]}", NULL, CAP_BYTES);
    json_t *result;
    pid_t pid;

    make_gate("gate");
    make_function();
    fake_call_start(call, function);
    pid = fake_call_await_pid(call);
    open_gate("gate");
    fake_call_join(call);
    result = result_of(call);
    ck_assert_int_eq(int_at(result, "pid"), pid);
    json_decref(result);
    fake_call_free(call);
}
END_TEST

START_TEST(progress_is_passed_on)
{
    struct call *call = fake_call_new("{\"do\":[[\"progress\",0.5],"
                                      "[\"line\",\"{\\\"jsonrpc\\\":\\\"2.0\\\",\\\"method\\\":"
                                      "\\\"progress\\\",\\\"params\\\":{\\\"id\\\":1,"
                                      "\\\"value\\\":\\\"late\\\"}}\"],"
                                      "[\"progress\",{\"done\":2}]]}",
                                      NULL, CAP_BYTES);
    unsigned count;

    make_function();
    fake_call_run(call, function);
    json_decref(result_of(call));
    ck_assert_str_eq(fake_call_progress(call, &count), "{\"done\":2}");
    ck_assert_uint_eq(count, 2);
    fake_call_free(call);
}
END_TEST

START_TEST(stderr_belongs_to_the_call_that_runs)
{
    struct call *first =
        fake_call_new("{\"do\":[[\"stderr\",\"one\"],[\"stderr\",\"more\"]]}", NULL, CAP_BYTES);
    struct call *second = fake_call_new("{\"do\":[[\"stderr\",\"two\"]]}", NULL, CAP_BYTES);

    make_function();
    fake_call_run(first, function);
    fake_call_run(second, function);
    check_stderr(first, "one\nmore\n");
    check_stderr(second, "two\n");
    fake_call_free(first);
    fake_call_free(second);
}
END_TEST

START_TEST(much_goes_in_and_out)
{
    size_t size = 90000;
    char *args = long_args(size);
    struct call *call;
    json_t *result;

    make_function();
    call = fake_call_new(args, NULL, CAP_BYTES);
    fake_call_run(call, function);
    result = result_of(call);
    ck_assert_uint_eq(
        json_string_length(json_object_get(json_object_get(result, "params"), "text")), size);
    json_decref(result);
    fake_call_free(call);
    free(args);
}
END_TEST

START_TEST(a_handler_may_write_before_it_reads)
{
    /* More than a pipe holds. */
    static const char list[] = "[['answer'],['lines',10000,'{\\'jsonrpc\\':\\'2.0\\',"
                               "\\'method\\':\\'x\\'}']]";
    pid_t pid;

    make_function();
    pid = ask_pid(list);
    /* What comes behind the answer is read before, and while, the next call is sent. */
    ck_assert_int_eq(ask_pid(list), pid);
    ck_assert_int_eq(ask_pid("[]"), pid);
}
END_TEST

START_TEST(calls_at_once_have_a_process_each)
{
    struct call *calls[4];
    pid_t pids[4];

    make_gate("gate");
    make_function();
    for (int i = 0; i < 4; i++) {
        calls[i] = fake_call_new("{\"do\":[[\"wait\",\"gate\"]]}", NULL, CAP_BYTES);
        fake_call_start(calls[i], function);
        pids[i] = fake_call_await_pid(calls[i]);
        for (int k = 0; k < i; k++)
            ck_assert_int_ne(pids[k], pids[i]);
    }
    for (int i = 0; i < 4; i++)
        fake_call_stop(calls[i], STOP_TERMINATE, SIGKILL, 0);
    for (int i = 0; i < 4; i++) {
        fake_call_join(calls[i]);
        fake_call_free(calls[i]);
    }
}
END_TEST

/* ---- exceptions ---- */

START_TEST(an_error_becomes_an_exception)
{
    pid_t pid;

    make_function();
    pid = ask_pid("[]");
    expect("[['error',{'code':1,'message':'no good','data':{'type':'ValueError','x':[1]}}]]",
           "ValueError", "no good", "{'type':'ValueError','x':[1]}");
    expect("[['error',{'code':-32601,'message':'m'}]]", "HandlerError", "m", "{'code':-32601}");
    expect("[['error',{'code':-32602,'message':'m','data':null}]]", "InvalidArguments", "m",
           "null");
    /* The process has done nothing wrong. */
    ck_assert_int_eq(ask_pid("[]"), pid);
}
END_TEST

START_TEST(a_crash_fails_one_call_and_one_process)
{
    pid_t pid;

    make_function();
    pid = ask_pid("[]");
    expect("[['exit',3]]", "HandlerDied", "the handler exited with status 3",
           "{'reason':'exit','exit_code':3,'signal':null}");
    ck_assert_int_ne(ask_pid("[]"), pid);
    expect("[['kill',9]]", "HandlerDied", "the handler was killed by SIGKILL",
           "{'reason':'exit','exit_code':null,'signal':'SIGKILL'}");
    expect("[['exit',0]]", "HandlerDied", "the handler exited with status 0",
           "{'reason':'exit','exit_code':0,'signal':null}");
    json_decref(ask("[]"));
}
END_TEST

START_TEST(the_last_words_are_kept)
{
    struct call *call =
        fake_call_new("{\"do\":[[\"stderr\",\"Traceback\"],[\"exit\",1]]}", NULL, CAP_BYTES);

    make_function();
    fake_call_run(call, function);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "HandlerDied");
    check_stderr(call, "Traceback\n");
    fake_call_free(call);
}
END_TEST

START_TEST(an_answer_counts_though_the_process_ends_behind_it)
{
    pid_t pid;

    make_function();
    pid = ask_pid("[['answer'],['exit',1]]");
    ck_assert_int_ne(ask_pid("[]"), pid);
}
END_TEST

START_TEST(a_garbage_line)
{
    pid_t pid;

    make_function();
    pid = ask_pid("[]");
    expect("[['line','hello world']]", "HandlerDied", "the handler wrote a line that is no JSON",
           "{'reason':'garbage','line':'hello world'}");
    await_gone(pid);
    expect("[['line','']]", "HandlerDied", "the handler wrote a line that is no JSON",
           "{'reason':'garbage','line':''}");
    expect("[['line','{}']]", "HandlerDied",
           "the handler wrote JSON that is no JSON-RPC 2.0 message",
           "{'reason':'garbage','line':'{}'}");
    json_decref(ask("[]"));
}
END_TEST

START_TEST(a_long_garbage_line_is_quoted_in_part)
{
    const struct outcome *outcome;
    struct call *call = fake_call_new("{\"do\":[[\"big\",5000]]}", NULL, CAP_BYTES);
    json_t *data;

    make_function();
    fake_call_run(call, function);
    outcome = call_outcome(call);
    ck_assert_str_eq(outcome_type(outcome), "HandlerDied");
    data = outcome_json(call);
    ck_assert_uint_eq(json_string_length(json_object_get(data, "line")), 200);
    json_decref(data);
    fake_call_free(call);
}
END_TEST

START_TEST(an_oversize_line)
{
    make_function();
    expect("[['big',100001],['hang']]", "HandlerDied",
           "the handler wrote a line of more than 100000 bytes (line_bytes)",
           "{'reason':'oversize','limit':100000}");
    expect(
        "[['big',100000],['hang']]", "HandlerDied", "the handler wrote a line that is no JSON",
        "{'reason':'garbage','line':'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}");
}
END_TEST

START_TEST(a_wrong_id)
{
    make_function();
    expect("[['line','{\\'jsonrpc\\':\\'2.0\\',\\'id\\':43,\\'result\\':1}'],['hang']]",
           "HandlerDied", "the handler wrote an answer to something else",
           "{'reason':'wrong_id','line':'{\\'jsonrpc\\':\\'2.0\\',\\'id\\':43,\\'result\\':1}'}");
    json_decref(ask("[]"));
}
END_TEST

START_TEST(a_closed_stdout)
{
    pid_t pid;

    make_function();
    pid = ask_pid("[]");
    expect("[['close',1],['hang']]", "HandlerDied", "the handler closed its stdout",
           "{'reason':'closed'}");
    await_gone(pid);
}
END_TEST

START_TEST(children_go_with_the_process)
{
    make_function();
    expect("[['child','child'],['exit',2]]", "HandlerDied", "the handler exited with status 2",
           "{'reason':'exit','exit_code':2,'signal':null}");
    /* It held the pipes, which did not matter, and its parent was not there to reap it. */
    await_gone((pid_t)number_in("child", 0));
}
END_TEST

/* ---- silence and stop requests ---- */

START_TEST(silence_is_an_end)
{
    pid_t pid;

    settings.timeout_ms = 1000; /* in which a process starts on a busy machine, too */
    make_function();
    pid = ask_pid("[]");
    expect("[['hang']]", "TimedOut", "the handler was silent for 1 s",
           "{'reason':'silence','timeout':1.0}");
    await_gone(pid);
    json_decref(ask("[]"));
}
END_TEST

START_TEST(a_process_that_does_not_read_is_silent)
{
    char list[] = "[[\"hang\"]]";
    size_t size = 300000;
    char *args = long_args(size);
    struct call *call;

    /* The action at the start of the process comes before it reads anything. */
    argv[1] = list;
    settings.timeout_ms = 50;
    make_function();
    call = fake_call_new(args, NULL, CAP_BYTES);
    fake_call_run(call, function);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "TimedOut");
    fake_call_free(call);
    free(args);
}
END_TEST

START_TEST(a_stop_request_ends_the_process)
{
    struct call *call = fake_call_new("{\"do\":[[\"progress\",1],[\"hang\"]]}", NULL, CAP_BYTES);
    pid_t pid;

    make_function();
    fake_call_start(call, function);
    pid = fake_call_await_pid(call);
    fake_call_await_progress(call);
    fake_call_stop(call, STOP_TERMINATE, SIGTERM, NEVER_MS);
    fake_call_join(call);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "Terminated");
    await_gone(pid);
    fake_call_free(call);
    /* That was no failure of the handler: the next one starts at once. */
    ck_assert_int_ne(ask_pid("[]"), pid);
}
END_TEST

START_TEST(who_ignores_the_signal_is_killed)
{
    struct call *call =
        fake_call_new("{\"do\":[[\"ignore\",15],[\"progress\",1],[\"hang\"]]}", NULL, CAP_BYTES);

    make_function();
    fake_call_start(call, function);
    fake_call_await_progress(call);
    fake_call_stop(call, STOP_TIMEOUT, SIGTERM, 20);
    fake_call_join(call);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "TimedOut");
    fake_call_free(call);
}
END_TEST

START_TEST(a_second_request_is_obeyed)
{
    struct call *call =
        fake_call_new("{\"do\":[[\"ignore\",15],[\"progress\",1],[\"hang\"]]}", NULL, CAP_BYTES);

    make_function();
    fake_call_start(call, function);
    fake_call_await_progress(call);
    fake_call_stop(call, STOP_TERMINATE, SIGTERM, NEVER_MS);
    fake_call_stop(call, STOP_TERMINATE, SIGKILL, NEVER_MS);
    fake_call_join(call);
    ck_assert_str_eq(outcome_type(call_outcome(call)), "Terminated");
    fake_call_free(call);
}
END_TEST

/* ---- checks ---- */

static void check_refused(const char *args, bool is_map, const char *param)
{
    struct check_error error = {0};

    ck_assert_msg(function->ops->check_args(function, args, strlen(args), is_map, &error) ==
                      -EINVAL,
                  "not refused: %s", args);
    ck_assert_str_eq(error.param, param);
}

static void check_accepted(const char *args, bool is_map)
{
    struct check_error error = {0};

    ck_assert_msg(function->ops->check_args(function, args, strlen(args), is_map, &error) == 0,
                  "refused: %s: %s", args, error.message);
}

START_TEST(arguments_are_checked)
{
    make_function();
    check_accepted("{}", false);
    check_accepted("{\"any\":[]}", true);
    check_accepted("[1,2]", false);
    check_refused("17", false, "args");
    check_refused("\"x\"", false, "args");
    check_refused("[1,2]", true, "args");
    check_refused("{\"item\":1}", true, "args.item");
}
END_TEST

START_TEST(described_arguments_are_checked)
{
    struct check_error error = {0};

    settings.params = "{\"path\":{\"type\":\"path\",\"required\":true},\"item\":{\"type\":"
                      "\"string\"}}";
    make_function();
    ck_assert_str_eq(function->params, settings.params);
    check_accepted("{\"path\":\"/x\"}", false);
    check_accepted("{\"path\":\"/x\"}", true);
    check_refused("{\"path\":1}", false, "args.path");
    check_refused("{\"path\":\"/x\",\"other\":1}", false, "args.other");
    check_refused("[1]", false, "args");
    ck_assert_int_eq(function->ops->check_item(function, "\"x\"", 3, &error), 0);
    ck_assert_int_eq(function->ops->check_item(function, "17", 2, &error), -EINVAL);
    ck_assert_str_eq(error.param, "items");
}
END_TEST

static void check_settings_refused(const char *param)
{
    struct check_error error = {0};

    ck_assert_int_eq(handlers_add(handlers, &settings, &function, &error), -EINVAL);
    ck_assert_str_eq(error.param, param);
}

START_TEST(settings_are_checked)
{
    settings.init = "{";
    check_settings_refused("init");
    settings.init = "17";
    check_settings_refused("init");
    settings.init = NULL;
    settings.params = "{\"x\":{\"type\":\"thing\"}}";
    check_settings_refused("params.x.type");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_call_is_a_request_and_its_answer,
        a_process_serves_many_calls,
        no_arguments_are_an_empty_object,
        an_item_is_joined_to_the_arguments,
        the_process_has_a_clean_environment,
        the_pid_is_named,
        progress_is_passed_on,
        stderr_belongs_to_the_call_that_runs,
        much_goes_in_and_out,
        a_handler_may_write_before_it_reads,
        calls_at_once_have_a_process_each,
        an_error_becomes_an_exception,
        a_crash_fails_one_call_and_one_process,
        the_last_words_are_kept,
        an_answer_counts_though_the_process_ends_behind_it,
        a_garbage_line,
        a_long_garbage_line_is_quoted_in_part,
        an_oversize_line,
        a_wrong_id,
        a_closed_stdout,
        children_go_with_the_process,
        silence_is_an_end,
        a_process_that_does_not_read_is_silent,
        a_stop_request_ends_the_process,
        who_ignores_the_signal_is_killed,
        a_second_request_is_obeyed,
        arguments_are_checked,
        described_arguments_are_checked,
        settings_are_checked,
        NULL,
        NULL,
    };
    TCase *tcase = suite_tests("handler", set_up, tear_down);

    for (size_t i = 0; tests[i]; i++)
        tcase_add_test(tcase, tests[i]);
    return suite_run();
}

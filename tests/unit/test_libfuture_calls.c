/* layers: future */
/* extra: tests/support/fake_server.c tests/support/libfuture_fixture.c */
/* Submits, maps and results: what goes over the wire, and what becomes of the answer. */
#include "client/future.h"

#include <signal.h>
#include <string.h>

#include "tests/support/libfuture_fixture.h"
#include "tests/support/suite.h"

/* ---- submit ---- */

START_TEST(submit_of_a_command)
{
    static const char *const argv[] = {"printf", "%s\n", "\"gr\xc3\xbcn\"", NULL};
    struct future_job job = {.size = sizeof(job), .argv = argv};
    uint64_t id = 0;

    answer(1, "{'id':17,'state':'PENDING'}");
    ck_assert_int_eq(future_submit(client, &job, LONG_MS, &id), 0);
    ck_assert_uint_eq(id, 17);
    fake_server_expect(server, "{'jsonrpc':'2.0','id':'c1','method':'submit','params':{'fn':'exec',"
                               "'args':{'argv':['printf','%s\\n','\\u0022gr\xc3\xbcn\\u0022']}}}");
}
END_TEST

START_TEST(submit_with_everything)
{
    static const char *const argv[] = {"a", NULL};
    static const char *const env[] = {"A=1", "B \"=x=y", "C=", NULL};
    static const struct future_dependency after[] = {{7, FUTURE_ON_RESULT}, {8, FUTURE_ON_DONE}};
    struct future_job job = {
        .size = sizeof(job),
        .argv = argv,
        .cwd = "/tmp",
        .env = env,
        .stdin_data = "in\n",
        .stdin_size = 3,
        .clean_env = true,
        .merge_stderr = true,
        .no_check = true,
        .pool = "gpu",
        .label = "nightly",
        .key = "k",
        .priority = -5,
        .after = after,
        .after_count = 2,
        .delay_ms = 1500,
        .timeout_ms = 60000,
        .retry_max = 3,
        .retry_delay_ms = 10,
        .retry_backoff = 1.5,
        .rerun_on_crash = true,
        .scope_connection = true,
        .subscribe = true,
    };
    uint64_t id;

    answer(1, "{'id':17,'state':'FINISHED','duplicate':true}");
    ck_assert_int_eq(future_submit(client, &job, LONG_MS, &id), 1);
    fake_server_expect_call(
        server, "submit",
        "{'fn':'exec','args':{'argv':['a'],'cwd':'/tmp','env':{'A':'1','B \\u0022':'x=y','C':''},"
        "'stdin':'in\\n','clean_env':true,'merge_stderr':true,'check':false},'pool':'gpu',"
        "'label':'nightly','key':'k','priority':-5,"
        "'after':[{'id':7,'on':'result'},{'id':8,'on':'done'}],'delay':1.5,'timeout':60.0,"
        "'retry':{'max':3,'delay':0.01,'backoff':1.5},'on_crash':'rerun','scope':'connection',"
        "'subscribe':true}");
}
END_TEST

START_TEST(submit_of_a_function)
{
    struct future_job job = {.size = sizeof(job), .fn = "resize", .args = "{\"w\":\n[1,2]}"};
    uint64_t id;

    answer(1, "{'id':1,'state':'PENDING'}");
    ck_assert_int_eq(future_submit(client, &job, LONG_MS, &id), 0);
    fake_server_expect_call(server, "submit", "{'fn':'resize','args':{'w':[1,2]}}");
    job.args = NULL;
    answer(2, "{'id':2,'state':'PENDING'}");
    ck_assert_int_eq(future_submit(client, &job, LONG_MS, &id), 0);
    fake_server_expect_call(server, "submit", "{'fn':'resize'}");
    job = (struct future_job){.size = sizeof(job), .args = "{\"argv\":[\"a\"]}"};
    answer(3, "{'id':3,'state':'PENDING'}");
    ck_assert_int_eq(future_submit(client, &job, LONG_MS, &id), 0);
    fake_server_expect_call(server, "submit", "{'fn':'exec','args':{'argv':['a']}}");
}
END_TEST

START_TEST(stdin_may_be_any_bytes)
{
    static const char *const argv[] = {"a", NULL};
    static const char *const wanted[] = {"AA==", "/w==", "YQBi"};
    static const struct future_bytes bytes[] = {{"\0", 1}, {"\xff", 1}, {"a\0b", 3}};

    for (int i = 0; i < 3; i++) {
        struct future_job job = {.size = sizeof(job),
                                 .argv = argv,
                                 .stdin_data = bytes[i].data,
                                 .stdin_size = bytes[i].size};
        json_t *request;
        uint64_t id;

        answer(i + 1, "{'id':1,'state':'PENDING'}");
        ck_assert_int_eq(future_submit(client, &job, LONG_MS, &id), 0);
        request = fake_server_read(server);
        ck_assert_str_eq(
            json_string_value(json_object_get(
                json_object_get(json_object_get(request, "params"), "args"), "stdin_base64")),
            wanted[i]);
        json_decref(request);
    }
}
END_TEST

/* A job that is wrong in one member, and that member's name. */
static const char *const good_argv[] = {"a", NULL};
static const char *const bad_argv[] = {"a", "\xff", NULL};
static const char *const bad_env[] = {"A", NULL};
static const char *const worse_env[] = {"=A", NULL};
static const struct future_dependency bad_after[] = {{0, FUTURE_ON_DONE}};
static const struct {
    struct future_job job;
    const char *param;
} bad_jobs[] = {
    {{.size = 0, .argv = good_argv}, "size"},
    {{.size = sizeof(struct future_job)}, "argv"},
    {{.size = sizeof(struct future_job), .argv = bad_argv}, "argv"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .args = "{}"}, "args"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .fn = "echo"}, "args"},
    {{.size = sizeof(struct future_job), .fn = "echo", .args = "{}}"}, "args"},
    {{.size = sizeof(struct future_job), .fn = "echo", .args = "{},\"method\":\"shutdown\""},
     "args"},
    {{.size = sizeof(struct future_job), .fn = "echo", .args = ""}, "args"},
    {{.size = sizeof(struct future_job), .fn = "ech\xc3"}, "fn"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .cwd = "\xff"}, "cwd"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .env = bad_env}, "env"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .env = worse_env}, "env"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .pool = "\xff"}, "pool"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .label = "\xff"}, "label"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .key = "\xff"}, "key"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .delay_ms = -1}, "delay"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .timeout_ms = -1}, "timeout"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .after = bad_after, .after_count = 1},
     "after"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .retry_max = 1, .retry_backoff = -1},
     "retry_backoff"},
    {{.size = sizeof(struct future_job), .argv = good_argv, .retry_max = 1, .retry_delay_ms = -1},
     "delay"},
};

START_TEST(a_bad_job_is_not_sent)
{
    struct future_items items = {.size = sizeof(items), .json = "[1]"};
    uint64_t id = 99;

    ck_assert_int_eq(future_submit(client, &bad_jobs[_i].job, LONG_MS, &id), FUTURE_BAD_ARGUMENT);
    expect_error(FUTURE_BAD_ARGUMENT, 0, bad_jobs[_i].param);
    ck_assert_int_eq(future_send_submit(client, &bad_jobs[_i].job, &id), FUTURE_BAD_ARGUMENT);
    expect_error(FUTURE_BAD_ARGUMENT, 0, bad_jobs[_i].param);
    ck_assert_int_eq(future_map(client, &bad_jobs[_i].job, &items, LONG_MS, &id, NULL),
                     FUTURE_BAD_ARGUMENT);
    ck_assert_uint_eq(id, 99);
    fake_server_expect_silence(server);
}
END_TEST

/* A program that was built with a later header. */
START_TEST(a_longer_structure)
{
    struct {
        struct future_job job;
        uint64_t later;
    } longer = {.job = {.size = sizeof(longer), .argv = good_argv}};
    uint64_t id;

    answer(1, "{'id':1,'state':'PENDING'}");
    ck_assert_int_eq(future_submit(client, &longer.job, LONG_MS, &id), 0);
    longer.later = 1;
    ck_assert_int_eq(future_submit(client, &longer.job, LONG_MS, &id), FUTURE_BAD_ARGUMENT);
    expect_error(FUTURE_BAD_ARGUMENT, 0, "size");
}
END_TEST

START_TEST(a_refusal_is_told_in_full)
{
    struct future_job job = {.size = sizeof(job), .argv = good_argv};
    const struct future_error *error = future_last_error(client);
    uint64_t id = 99;

    refuse(1, -32602, ",'data':{'param':'args.argv'}");
    ck_assert_int_eq(future_submit(client, &job, LONG_MS, &id), FUTURE_REFUSED);
    expect_error(FUTURE_REFUSED, FUTURE_CODE_INVALID_PARAMS, "args.argv");
    ck_assert_str_eq(error->message, "no (args.argv)");
    refuse(2, -32005, ",'data':{'limit':'pending','value':12}");
    ck_assert_int_eq(future_submit(client, &job, LONG_MS, &id), FUTURE_REFUSED);
    expect_error(FUTURE_REFUSED, FUTURE_CODE_LIMIT_EXCEEDED, NULL);
    ck_assert_str_eq(error->limit, "pending");
    ck_assert_uint_eq(error->limit_value, 12);
    ck_assert_uint_eq(id, 99);
    /* It stays until another one takes its place. */
    answer(3, "{'id':5,'state':'PENDING'}");
    ck_assert_int_eq(future_submit(client, &job, LONG_MS, &id), 0);
    ck_assert_str_eq(error->limit, "pending");
    ck_assert_int_eq(future_submit(client, &job, 0, &id), FUTURE_TIMED_OUT);
    expect_error(FUTURE_TIMED_OUT, 0, NULL);
    ck_assert_ptr_null(error->limit);
}
END_TEST

/* ---- map ---- */

START_TEST(map_and_more_items)
{
    static const char *const texts[] = {"a", "\xc3\xbc"};
    struct future_job job = {.size = sizeof(job), .argv = good_argv};
    struct future_items items = {.size = sizeof(items),
                                 .texts = texts,
                                 .count = 2,
                                 .open = true,
                                 .fail_fast = true,
                                 .window = 9};
    uint64_t id = 0, first = 0, count = 0;

    answer(1, "{'id':1,'first':2,'count':2,'state':'PENDING'}");
    ck_assert_int_eq(future_map(client, &job, &items, LONG_MS, &id, &first), 0);
    ck_assert_uint_eq(id, 1);
    ck_assert_uint_eq(first, 2);
    fake_server_expect_call(server, "map",
                            "{'fn':'exec','args':{'argv':['a']},'items':['a','\xc3\xbc'],"
                            "'open':true,'fail_fast':true,'window':9}");
    answer(2, "{'first':4,'count':2}");
    ck_assert_int_eq(future_map_add(client, 1, &items, LONG_MS, &first), 0);
    ck_assert_uint_eq(first, 4);
    fake_server_expect_call(server, "map.add", "{'id':1,'items':['a','\xc3\xbc']}");
    items = (struct future_items){.size = sizeof(items), .json = "[1,\n{\"x\":[]}]"};
    answer(3, "{'first':6,'count':2}");
    ck_assert_int_eq(future_map_add(client, 1, &items, LONG_MS, NULL), 0);
    fake_server_expect_call(server, "map.add", "{'id':1,'items':[1,{'x':[]}]}");
    answer(4, "{'count':6}");
    ck_assert_int_eq(future_map_close(client, 1, LONG_MS, &count), 0);
    ck_assert_uint_eq(count, 6);
    fake_server_expect_call(server, "map.close", "{'id':1}");
}
END_TEST

START_TEST(bad_items_are_not_sent)
{
    static const char *const texts[] = {"\xff"};
    const struct future_items bad[] = {
        {.size = sizeof(struct future_items), .json = "{}"},
        {.size = sizeof(struct future_items), .json = "[1"},
        {.size = sizeof(struct future_items), .json = "[]", .texts = good_argv, .count = 1},
        {.size = sizeof(struct future_items), .texts = texts, .count = 1},
    };
    uint64_t first;

    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(future_map_add(client, 1, &bad[i], LONG_MS, &first), FUTURE_BAD_ARGUMENT);
        expect_error(FUTURE_BAD_ARGUMENT, 0, "items");
    }
    fake_server_expect_silence(server);
}
END_TEST

/* ---- result ---- */

START_TEST(a_command_that_succeeded)
{
    struct future_outcome *outcome;

    answer(1, "{'id':7,'state':'FINISHED','result':{'exit_code':0,'signal':null,'stdout':'a\\u0000"
              "b','stderr_base64':'/wA=','truncated':true,'rusage':{'utime':0.001,'stime':2.5,"
              "'maxrss_kb':3456,'wall':0.0000014}}}");
    ck_assert_int_eq(future_result(client, 7, -1, &outcome), 0);
    fake_server_expect_call(server, "result", "{'id':7}");
    /* It stands for itself. */
    future_close(client);
    client = NULL;
    ck_assert_uint_eq(outcome->id, 7);
    ck_assert_int_eq(outcome->state, FUTURE_FINISHED);
    ck_assert_int_eq(outcome->kind, FUTURE_RETURNED);
    ck_assert_ptr_null(outcome->exception);
    ck_assert_int_eq(outcome->exec->exit_code, 0);
    ck_assert_int_eq(outcome->exec->signal, 0);
    ck_assert_ptr_null(outcome->exec->signal_name);
    ck_assert_uint_eq(outcome->exec->out.size, 3);
    ck_assert_mem_eq(outcome->exec->out.data, "a\0b\0", 4);
    ck_assert_uint_eq(outcome->exec->err.size, 2);
    ck_assert_mem_eq(outcome->exec->err.data, "\xff\0\0", 3);
    ck_assert(outcome->exec->truncated);
    ck_assert_int_eq(outcome->exec->utime_us, 1000);
    ck_assert_int_eq(outcome->exec->stime_us, 2500000);
    ck_assert_int_eq(outcome->exec->wall_us, 1);
    ck_assert_int_eq(outcome->exec->maxrss_kb, 3456);
    future_outcome_free(outcome);
}
END_TEST

START_TEST(a_function_that_succeeded)
{
    static const char *const values[] = {"null", "[1, 2]",          "'text'",
                                         "1.50", "{'exit_code':1}", "{'result':{'result':2}}"};

    for (int i = 0; i < 6; i++) {
        struct future_outcome *outcome;
        char reply[100], wanted[40];

        snprintf(reply, sizeof(reply), "{'id':7,'state':'FINISHED','result':%s}", values[i]);
        answer(i + 1, reply);
        ck_assert_int_eq(future_result(client, 7, 250, &outcome), 0);
        fake_server_expect_call(server, "result", "{'id':7,'timeout':0.25}");
        ck_assert_int_eq(outcome->kind, FUTURE_RETURNED);
        ck_assert_ptr_null(outcome->exec);
        ck_assert_ptr_nonnull(outcome->result);
        /* The text is as it came, to the letter. */
        snprintf(wanted, sizeof(wanted), "%s", values[i]);
        for (char *c = wanted; *c; c++)
            *c = *c == '\'' ? '"' : *c;
        ck_assert_uint_eq(outcome->result_size, strlen(wanted));
        ck_assert_mem_eq(outcome->result_text, wanted, strlen(wanted));
        future_outcome_free(outcome);
    }
}
END_TEST

START_TEST(a_command_that_failed)
{
    struct future_outcome *outcome;

    answer(1, "{'id':7,'state':'FINISHED','exception':{'type':'Signalled','message':'killed',"
              "'data':{'exit_code':null,'signal':'SIGKILL','stdout':'out','stderr':'','truncated':"
              "false,'rusage':{}}}}");
    ck_assert_int_eq(future_result(client, 7, 0, &outcome), 0);
    fake_server_expect_call(server, "result", "{'id':7,'timeout':0.0}");
    ck_assert_int_eq(outcome->kind, FUTURE_RAISED);
    ck_assert_str_eq(outcome->exception->type, "Signalled");
    ck_assert_str_eq(outcome->exception->message, "killed");
    ck_assert_ptr_null(outcome->result);
    ck_assert_ptr_null(outcome->result_text);
    ck_assert_int_eq(outcome->exec->exit_code, -1);
    ck_assert_int_eq(outcome->exec->signal, SIGKILL);
    ck_assert_str_eq(outcome->exec->signal_name, "SIGKILL");
    ck_assert_str_eq(outcome->exec->out.data, "out");
    future_outcome_free(outcome);
    answer(2, "{'id':7,'state':'FINISHED','exception':{'type':'Mine','message':'','data':null}}");
    ck_assert_int_eq(future_exception(client, 7, -1, &outcome), 0);
    ck_assert_ptr_null(outcome->exception->data);
    ck_assert_ptr_null(outcome->exec);
    future_outcome_free(outcome);
}
END_TEST

START_TEST(an_outcome_without_a_value)
{
    struct future_outcome *outcome;

    answer(1, "{'id':7,'state':'CANCELLED'}");
    ck_assert_int_eq(future_result(client, 7, -1, &outcome), 0);
    ck_assert_int_eq(outcome->kind, FUTURE_WAS_CANCELLED);
    ck_assert_int_eq(outcome->state, FUTURE_CANCELLED);
    ck_assert_ptr_null(outcome->result);
    future_outcome_free(outcome);
    answer(2, "{'id':7,'state':'FINISHED','exception':null}");
    ck_assert_int_eq(future_exception(client, 7, -1, &outcome), 0);
    ck_assert_int_eq(outcome->kind, FUTURE_RETURNED);
    ck_assert_ptr_null(outcome->result);
    ck_assert_ptr_null(outcome->exception);
    future_outcome_free(outcome);
    future_outcome_free(NULL);
}
END_TEST

START_TEST(a_result_that_is_not_there_in_time)
{
    struct future_outcome *outcome;

    refuse(1, -32001, "");
    ck_assert_int_eq(future_result(client, 7, 10, &outcome), FUTURE_TIMED_OUT);
    expect_error(FUTURE_TIMED_OUT, FUTURE_CODE_TIMEOUT, NULL);
    refuse(2, -32002, "");
    ck_assert_int_eq(future_result(client, 7, 10, &outcome), FUTURE_REFUSED);
    expect_error(FUTURE_REFUSED, FUTURE_CODE_NOT_FOUND, NULL);
}
END_TEST

/* Replies of another shape than asked for. */
static const char *const misshapen[] = {
    "1",
    "{}",
    "{'id':7}",
    "{'id':7,'state':'DONE'}",
    "{'id':-7,'state':'CANCELLED'}",
    "{'id':7,'state':'RUNNING','result':1}",
    "{'id':7,'state':'FINISHED'}",
    "{'id':7,'state':'FINISHED','exception':{'type':'x'}}",
    "{'id':7,'state':'FINISHED','exception':{'message':'x'}}",
    ("{'id':7,'state':'FINISHED','result':{'exit_code':0,'signal':null,'rusage':{},"
     "'stdout_base64':'?'}}"),
};

START_TEST(a_misshapen_outcome)
{
    struct future_outcome *outcome = NULL;
    uint64_t id;
    struct future_job job = {.size = sizeof(job), .argv = good_argv};

    answer(1, misshapen[_i]);
    ck_assert_int_eq(future_result(client, 7, -1, &outcome), FUTURE_BAD_PROTOCOL);
    expect_error(FUTURE_BAD_PROTOCOL, 0, NULL);
    ck_assert_ptr_null(outcome);
    /* The line as such was sound, so the client goes on. */
    answer(2, "{'id':3,'state':'PENDING'}");
    ck_assert_int_eq(future_submit(client, &job, LONG_MS, &id), 0);
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("libfuture calls", setup, teardown);

    tcase_add_test(tests, submit_of_a_command);
    tcase_add_test(tests, submit_with_everything);
    tcase_add_test(tests, submit_of_a_function);
    tcase_add_test(tests, stdin_may_be_any_bytes);
    tcase_add_loop_test(tests, a_bad_job_is_not_sent, 0, sizeof(bad_jobs) / sizeof(bad_jobs[0]));
    tcase_add_test(tests, a_longer_structure);
    tcase_add_test(tests, a_refusal_is_told_in_full);
    tcase_add_test(tests, map_and_more_items);
    tcase_add_test(tests, bad_items_are_not_sent);
    tcase_add_test(tests, a_command_that_succeeded);
    tcase_add_test(tests, a_function_that_succeeded);
    tcase_add_test(tests, a_command_that_failed);
    tcase_add_test(tests, an_outcome_without_a_value);
    tcase_add_test(tests, a_result_that_is_not_there_in_time);
    tcase_add_loop_test(tests, a_misshapen_outcome, 0, sizeof(misshapen) / sizeof(misshapen[0]));
    return suite_run();
}

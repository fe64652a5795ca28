/* layers: future */
/* extra: tests/support/fake_server.c */
/* Every typed call: what goes over the wire, and what becomes of the answer. */
#include "client/future.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "proto/methods.h"
#include "tests/support/fake_server.h"
#include "tests/support/suite.h"

/* A wait that ought to end by itself. */
enum { LONG_MS = 50000 };

static struct fake_server *server;
static struct future_client *client;

static void setup(void)
{
    server = fake_server_new(&client);
}

static void teardown(void)
{
    future_close(client);
    fake_server_free(server);
}

/* The answer to the first, or the nth, call. */
#define answer(n, json) fake_server_say(server, "{'id':'c%d','result':%s}", n, json)

static void refuse(int call, int code, const char *data)
{
    fake_server_say(server, "{'id':'c%d','error':{'code':%d,'message':'no'%s}}", call, code, data);
}

static void expect_error(int failure, int code, const char *param)
{
    const struct future_error *error = future_last_error(client);

    ck_assert_int_eq(error->failure, failure);
    ck_assert_int_eq(error->code, code);
    if (param)
        ck_assert_str_eq(error->param, param);
    else
        ck_assert_ptr_null(error->param);
}

/* ---- submit ---- */

#define SHOWN                                                                                      \
    "'fn':'exec','pool':'default','label':null,'priority':0,'attempt':1,"                          \
    "'submitted':1764000000.123456,'started':null,'finished':null,'uid':1000,'waiting':null"

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
    ck_assert_str_eq(error->message, "no");
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

/* ---- status ---- */

START_TEST(status_of_one)
{
    struct future_info *info;

    answer(1, "{'id':17,'state':'FINISHED','fn':'exec','pool':'gpu','label':'l','priority':-3,"
              "'attempt':2,'submitted':1764000000.123456,'started':1764000000.2,"
              "'finished':1764000001,'uid':4294967295,'waiting':null,'failed':true,'item_of':9,"
              "'index':4,'new':1}");
    ck_assert_int_eq(future_status(client, 17, LONG_MS, &info), 0);
    fake_server_expect_call(server, "status", "{'id':17}");
    ck_assert_uint_eq(info->id, 17);
    ck_assert_int_eq(info->state, FUTURE_FINISHED);
    ck_assert_str_eq(info->fn, "exec");
    ck_assert_str_eq(info->pool, "gpu");
    ck_assert_str_eq(info->label, "l");
    ck_assert_int_eq(info->priority, -3);
    ck_assert_uint_eq(info->attempt, 2);
    ck_assert_int_eq(info->submitted_us, 1764000000123456);
    ck_assert_int_eq(info->started_us, 1764000000200000);
    ck_assert_int_eq(info->finished_us, 1764000001000000);
    ck_assert_uint_eq(info->uid, 4294967295);
    ck_assert_ptr_null(info->waiting);
    ck_assert(info->failed);
    ck_assert_ptr_null(info->map);
    ck_assert_uint_eq(info->item_of, 9);
    ck_assert_uint_eq(info->index, 4);
    ck_assert_int_eq(json_integer_value(json_object_get(info->json, "new")), 1);
    future_info_free(info);
    future_info_free(NULL);
}
END_TEST

START_TEST(status_of_a_map)
{
    struct future_info *info;

    answer(1, "{'id':1,'state':'RUNNING'," SHOWN ",'map':{'first':2,'count':10,'pending':1,"
              "'running':2,'finished':3,'cancelled':4,'failed':1,'open':true}}");
    ck_assert_int_eq(future_status(client, 1, LONG_MS, &info), 0);
    ck_assert_ptr_null(info->label);
    ck_assert_int_eq(info->started_us, 0);
    ck_assert_uint_eq(info->map->first, 2);
    ck_assert_uint_eq(info->map->count, 10);
    ck_assert_uint_eq(info->map->pending, 1);
    ck_assert_uint_eq(info->map->running, 2);
    ck_assert_uint_eq(info->map->finished, 3);
    ck_assert_uint_eq(info->map->cancelled, 4);
    ck_assert_uint_eq(info->map->failed, 1);
    ck_assert(info->map->open);
    future_info_free(info);
}
END_TEST

START_TEST(status_of_many)
{
    struct future_filter filter = {.size = sizeof(filter),
                                   .states = 1u << FUTURE_PENDING | 1u << FUTURE_CANCELLED,
                                   .pool = "p",
                                   .label = "l",
                                   .no_items = true,
                                   .limit = 2,
                                   .before = 30};
    static const struct future_span spans[] = {{1, 1}, {3, 9}};
    struct future_page *list;

    answer(1, "{'futures':[{'id':5,'state':'PENDING'," SHOWN "},{'id':3,'state':'CANCELLED'," SHOWN
              "}],'next':3,'counts':{'PENDING':1,'RUNNING':2,'CANCELLED':3,'FINISHED':4}}");
    ck_assert_int_eq(future_list(client, &filter, LONG_MS, &list), 0);
    fake_server_expect_call(server, "status",
                            "{'state':['PENDING','CANCELLED'],'pool':'p','label':'l','items':false,"
                            "'limit':2,'before':30}");
    ck_assert_uint_eq(list->count, 2);
    ck_assert_uint_eq(list->futures[0]->id, 5);
    ck_assert_int_eq(list->futures[1]->state, FUTURE_CANCELLED);
    ck_assert_uint_eq(list->next, 3);
    ck_assert_uint_eq(list->counts[FUTURE_RUNNING], 2);
    ck_assert_uint_eq(list->counts[FUTURE_FINISHED], 4);
    future_page_free(list);

    answer(2, "{'futures':[],'next':null,'counts':{}}");
    filter = (struct future_filter){.size = sizeof(filter), .spans = spans, .span_count = 2};
    ck_assert_int_eq(future_list(client, &filter, LONG_MS, &list), 0);
    fake_server_expect_call(server, "status", "{'ids':[1,[3,9]]}");
    ck_assert_uint_eq(list->count, 0);
    ck_assert_uint_eq(list->next, 0);
    future_page_free(list);

    answer(3, "{'futures':[],'next':null,'counts':{}}");
    ck_assert_int_eq(future_list(client, NULL, LONG_MS, &list), 0);
    fake_server_expect_call(server, "status", "{}");
    future_page_free(list);
    future_page_free(NULL);

    filter = (struct future_filter){.size = sizeof(filter), .states = 16};
    ck_assert_int_eq(future_list(client, &filter, LONG_MS, &list), FUTURE_BAD_ARGUMENT);
    expect_error(FUTURE_BAD_ARGUMENT, 0, "states");
    answer(4, "{'futures':[{'id':5}],'next':null,'counts':{}}");
    ck_assert_int_eq(future_list(client, NULL, LONG_MS, &list), FUTURE_BAD_PROTOCOL);
}
END_TEST

/* ---- the others ---- */

START_TEST(waiting_for_many)
{
    static const struct future_span spans[] = {{1, 3}, {7, 7}};
    struct future_waited *waited;

    answer(1, "{'done':[1,7],'not_done':[2]}");
    ck_assert_int_eq(future_wait(client, spans, 2, FUTURE_FIRST_COMPLETED, 1500, &waited), 0);
    fake_server_expect_call(server, "wait",
                            "{'ids':[[1,3],7],'timeout':1.5,'return_when':'FIRST_COMPLETED'}");
    ck_assert_uint_eq(waited->done_count, 2);
    ck_assert_uint_eq(waited->done[1], 7);
    ck_assert_uint_eq(waited->not_done_count, 1);
    ck_assert_uint_eq(waited->not_done[0], 2);
    future_waited_free(waited);
    answer(2, "{'done':[],'not_done':[]}");
    ck_assert_int_eq(future_wait(client, NULL, 0, FUTURE_ALL_COMPLETED, -1, &waited), 0);
    fake_server_expect_call(server, "wait", "{'ids':[],'return_when':'ALL_COMPLETED'}");
    ck_assert_uint_eq(waited->done_count, 0);
    future_waited_free(waited);
    answer(3, "{'done':['x'],'not_done':[]}");
    ck_assert_int_eq(future_wait(client, NULL, 0, FUTURE_ALL_COMPLETED, -1, &waited),
                     FUTURE_BAD_PROTOCOL);
    ck_assert_int_eq(future_wait(client, NULL, 0, (enum future_when)9, -1, &waited),
                     FUTURE_BAD_ARGUMENT);
    expect_error(FUTURE_BAD_ARGUMENT, 0, "when");
}
END_TEST

#define REFUSES(what, call)                                                                        \
    do {                                                                                           \
        ck_assert_int_eq(call, FUTURE_BAD_ARGUMENT);                                               \
        expect_error(FUTURE_BAD_ARGUMENT, 0, what);                                                \
    } while (0)

START_TEST(what_is_not_there_is_not_sent)
{
    static const char *const texts[] = {"a", NULL};
    struct future_job job = {.size = sizeof(job), .argv = good_argv};
    struct future_items items = {.size = sizeof(items), .texts = texts, .count = 2};
    struct future_filter filter = {.size = sizeof(filter), .span_count = 1};
    struct future_outcome *outcome;
    struct future_message *message;
    struct future_waited *waited;
    struct future_page *list;
    uint64_t id;

    REFUSES("job", future_submit(client, NULL, -1, &id));
    REFUSES("job", future_send_submit(client, NULL, &id));
    REFUSES("items", future_map(client, &job, NULL, -1, &id, NULL));
    REFUSES("items", future_map(client, &job, &items, -1, &id, NULL));
    items.texts = NULL;
    REFUSES("items", future_map_add(client, 1, &items, -1, &id));
    job.stdin_size = 1;
    REFUSES("stdin_data", future_submit(client, &job, -1, &id));
    job.stdin_size = 0;
    job.after_count = 1;
    REFUSES("after", future_submit(client, &job, -1, &id));
    REFUSES("ids", future_wait(client, NULL, 1, FUTURE_ALL_COMPLETED, -1, &waited));
    REFUSES("ids", future_list(client, &filter, -1, &list));
    REFUSES("subscription", future_subscribe(client, NULL, -1, &id));
    REFUSES("path", future_backup(client, NULL, -1));
    REFUSES("method", future_call(client, NULL, NULL, -1, &message));
    REFUSES("method", future_send(client, NULL, NULL, &id));
    /* Nor is a number that JSON cannot hold. */
    REFUSES("id", future_result(client, UINT64_MAX, -1, &outcome));
    REFUSES("limit", future_dump(client, 1, UINT64_MAX, -1, &message));
    fake_server_expect_silence(server);
}
END_TEST

START_TEST(bad_spans_are_not_sent)
{
    static const struct future_span bad[] = {{0, 1}, {2, 1}, {1, UINT64_MAX}};
    struct future_completed *completed;
    struct future_waited *waited;
    uint64_t count;

    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(future_wait(client, &bad[i], 1, FUTURE_ALL_COMPLETED, -1, &waited),
                         FUTURE_BAD_ARGUMENT);
        ck_assert_int_eq(future_forget(client, &bad[i], 1, -1, &count), FUTURE_BAD_ARGUMENT);
        ck_assert_int_eq(future_retry(client, &bad[i], 1, -1), FUTURE_BAD_ARGUMENT);
        ck_assert_int_eq(future_as_completed(client, &bad[i], 1, -1, &completed),
                         FUTURE_BAD_ARGUMENT);
        expect_error(FUTURE_BAD_ARGUMENT, 0, "ids");
    }
    fake_server_expect_silence(server);
}
END_TEST

START_TEST(cancelling)
{
    struct future_cancelling how = {.size = sizeof(how),
                                    .terminate = true,
                                    .signal = SIGINT,
                                    .grace_ms = 100,
                                    .reason = "too slow"};
    enum future_cancel_answer got;

    answer(1, "{'id':7,'cancelled':true,'state':'CANCELLED'}");
    ck_assert_int_eq(future_cancel(client, 7, NULL, LONG_MS, &got), 0);
    ck_assert_int_eq(got, FUTURE_IS_CANCELLED);
    fake_server_expect_call(server, "cancel", "{'id':7}");
    answer(2, "{'id':7,'cancelled':false,'state':'RUNNING','terminating':true}");
    ck_assert_int_eq(future_cancel(client, 7, &how, LONG_MS, &got), 0);
    ck_assert_int_eq(got, FUTURE_TERMINATING);
    fake_server_expect_call(server, "cancel",
                            "{'id':7,'terminate':true,'signal':2,'grace':0.1,'reason':'too slow'}");
    answer(3, "{'id':7,'cancelled':false,'state':'RUNNING'}");
    how = (struct future_cancelling){.size = sizeof(how), .grace_ms = -1};
    ck_assert_int_eq(future_cancel(client, 7, &how, LONG_MS, &got), 0);
    ck_assert_int_eq(got, FUTURE_NOT_CANCELLED);
    fake_server_expect_call(server, "cancel", "{'id':7,'grace':0.0}");
    how.signal = -1;
    ck_assert_int_eq(future_cancel(client, 7, &how, LONG_MS, &got), FUTURE_BAD_ARGUMENT);
    expect_error(FUTURE_BAD_ARGUMENT, 0, "signal");
    answer(4, "{}");
    ck_assert_int_eq(future_cancel(client, 7, NULL, LONG_MS, &got), FUTURE_BAD_PROTOCOL);
}
END_TEST

START_TEST(retrying_and_forgetting)
{
    static const struct future_span span = {3, 4};
    uint64_t count;

    answer(1, "{'futures':[]}");
    ck_assert_int_eq(future_retry(client, &span, 1, LONG_MS), 0);
    fake_server_expect_call(server, "retry", "{'ids':[[3,4]]}");
    answer(2, "{'forgotten':2}");
    ck_assert_int_eq(future_forget(client, &span, 1, LONG_MS, &count), 0);
    ck_assert_uint_eq(count, 2);
    fake_server_expect_call(server, "forget", "{'ids':[[3,4]]}");
    refuse(3, -32007, "");
    ck_assert_int_eq(future_forget(client, &span, 1, LONG_MS, NULL), FUTURE_REFUSED);
    expect_error(FUTURE_REFUSED, FUTURE_CODE_INVALID_STATE, NULL);
}
END_TEST

START_TEST(reading_output)
{
    struct future_chunk *chunk;

    answer(1, "{'offset':5,'next':8,'eof':true,'data_base64':'AP8B'}");
    ck_assert_int_eq(future_output(client, 7, FUTURE_STDERR, 5, 100, 2000, &chunk), 0);
    fake_server_expect_call(server, "output",
                            "{'id':7,'stream':'stderr','offset':5,'limit':100,'wait':2.0}");
    ck_assert_uint_eq(chunk->offset, 5);
    ck_assert_uint_eq(chunk->next, 8);
    ck_assert(chunk->end);
    ck_assert_uint_eq(chunk->bytes.size, 3);
    ck_assert_mem_eq(chunk->bytes.data, "\0\xff\1", 3);
    future_chunk_free(chunk);
    answer(2, "{'offset':0,'next':0,'eof':false,'data':''}");
    ck_assert_int_eq(future_output(client, 7, FUTURE_STDOUT, 0, 0, 0, &chunk), 0);
    fake_server_expect_call(server, "output", "{'id':7,'stream':'stdout','offset':0,'wait':0.0}");
    ck_assert(!chunk->end);
    ck_assert_uint_eq(chunk->bytes.size, 0);
    future_chunk_free(chunk);
    future_chunk_free(NULL);
    ck_assert_int_eq(future_output(client, 7, (enum future_stream)0, 0, 0, 0, &chunk),
                     FUTURE_BAD_ARGUMENT);
    expect_error(FUTURE_BAD_ARGUMENT, 0, "stream");
}
END_TEST

START_TEST(shutting_down)
{
    answer(1, "{'terminated':true,'cancelled':0}");
    ck_assert_int_eq(future_shutdown(client, 0, -1), 1);
    fake_server_expect_call(server, "shutdown", "{}");
    answer(2, "{'terminated':false,'cancelled':3}");
    ck_assert_int_eq(future_shutdown(client,
                                     FUTURE_SHUTDOWN_CANCEL | FUTURE_SHUTDOWN_KEEP_PENDING |
                                         FUTURE_SHUTDOWN_NO_WAIT,
                                     500),
                     0);
    fake_server_expect_call(
        server, "shutdown",
        "{'cancel_futures':true,'keep_pending':true,'timeout':0.5,'wait':false}");
    ck_assert_int_eq(future_shutdown(client, 8, -1), FUTURE_BAD_ARGUMENT);
    expect_error(FUTURE_BAD_ARGUMENT, 0, "flags");
}
END_TEST

/* Each of the protocol has its name in future.h. */
START_TEST(every_error_has_a_code)
{
    static const int codes[] = {
        FUTURE_CODE_PARSE_ERROR,    FUTURE_CODE_INVALID_REQUEST,   FUTURE_CODE_METHOD_NOT_FOUND,
        FUTURE_CODE_INVALID_PARAMS, FUTURE_CODE_INTERNAL_ERROR,    FUTURE_CODE_TIMEOUT,
        FUTURE_CODE_NOT_FOUND,      FUTURE_CODE_SHUT_DOWN,         FUTURE_CODE_EXPIRED,
        FUTURE_CODE_LIMIT_EXCEEDED, FUTURE_CODE_PERMISSION_DENIED, FUTURE_CODE_INVALID_STATE,
        FUTURE_CODE_KEY_CONFLICT,   FUTURE_CODE_STORAGE_FAILED,    FUTURE_CODE_BROKEN_POOL,
    };
    static const int errors[] = {
#define X(symbol, number, text) (number),
        RPC_ERRORS(X)
#undef X
    };
    ck_assert_uint_eq(sizeof(codes), sizeof(errors));
    ck_assert_mem_eq(codes, errors, sizeof(errors));
}
END_TEST

START_TEST(dumping_and_backing_up)
{
    struct future_message *page = NULL;
    answer(1, "{'futures':[{'id':3,'args':{'a':[1]}}],'next':9}");
    ck_assert_int_eq(future_dump(client, 3, 1, LONG_MS, &page), 0);
    fake_server_expect_call(server, "dump", "{'from':3,'limit':1}");
    ck_assert_int_eq(json_integer_value(json_object_get(page->result, "next")), 9);
    future_message_free(page);
    answer(2, "{'next':null}");
    ck_assert_int_eq(future_dump(client, 1, 0, LONG_MS, &page), FUTURE_BAD_PROTOCOL);
    fake_server_expect_call(server, "dump", "{'from':1}");
    answer(3, "{}");
    ck_assert_int_eq(future_backup(client, "/var/copy", LONG_MS), 0);
    fake_server_expect_call(server, "backup", "{'path':'/var/copy'}");
    refuse(4, -32009, "");
    ck_assert_int_eq(future_backup(client, "/var/copy", LONG_MS), FUTURE_REFUSED);
    expect_error(FUTURE_REFUSED, FUTURE_CODE_STORAGE_FAILED, NULL);
    fake_server_expect_call(server, "backup", "{'path':'/var/copy'}");
    ck_assert_int_eq(future_backup(client, "/a\xff", LONG_MS), FUTURE_BAD_ARGUMENT);
    expect_error(FUTURE_BAD_ARGUMENT, 0, "path");
}
END_TEST

/* ---- events ---- */

static struct future_event *next_event(void)
{
    struct future_message *message;
    struct future_event *event;

    ck_assert_int_eq(future_receive(client, LONG_MS, &message), 0);
    ck_assert_int_eq(future_read_event(message, &event), 0);
    future_message_free(message);
    return event;
}

START_TEST(subscribing)
{
    static const struct future_span spans[] = {{1, 3}};
    struct future_subscription subscription = {.size = sizeof(subscription),
                                               .spans = spans,
                                               .span_count = 1,
                                               .events = FUTURE_DONE | FUTURE_PROGRESS,
                                               .has_since = true};
    uint64_t number;

    answer(1, "{'subscription':4,'cursor':9}");
    ck_assert_int_eq(future_subscribe(client, &subscription, LONG_MS, &number), 0);
    ck_assert_uint_eq(number, 4);
    fake_server_expect_call(server, "subscribe",
                            "{'ids':[[1,3]],'events':['done','progress'],'since':0}");
    answer(2, "{'subscription':5,'cursor':9}");
    subscription =
        (struct future_subscription){.size = sizeof(subscription), .pool = "p", .label = "l"};
    ck_assert_int_eq(future_subscribe(client, &subscription, LONG_MS, &number), 0);
    fake_server_expect_call(server, "subscribe", "{'all':true,'pool':'p','label':'l'}");
    answer(3, "true");
    ck_assert_int_eq(future_unsubscribe(client, 4, LONG_MS), 0);
    fake_server_expect_call(server, "unsubscribe", "{'subscription':4}");
    subscription.events = 32;
    ck_assert_int_eq(future_subscribe(client, &subscription, LONG_MS, &number),
                     FUTURE_BAD_ARGUMENT);
    expect_error(FUTURE_BAD_ARGUMENT, 0, "events");
}
END_TEST

START_TEST(events_of_each_kind)
{
    struct future_event *event;

    fake_server_say(server, "{'method':'future.done','params':{'subscription':4,'cursor':10,"
                            "'future':{'id':3,'state':'FINISHED'," SHOWN ",'failed':false}}}");
    event = next_event();
    ck_assert_int_eq(event->kind, FUTURE_DONE);
    ck_assert_uint_eq(event->subscription, 4);
    ck_assert_uint_eq(event->cursor, 10);
    ck_assert_uint_eq(event->id, 3);
    ck_assert_int_eq(event->info->state, FUTURE_FINISHED);
    future_event_free(event);
    fake_server_say(server, "{'method':'future.running','params':{'subscription':4,'cursor':11,"
                            "'future':{'id':3,'state':'RUNNING'," SHOWN "}}}");
    event = next_event();
    ck_assert_int_eq(event->kind, FUTURE_STARTED);
    future_event_free(event);
    fake_server_say(server, "{'method':'future.output','params':{'subscription':4,'id':3,"
                            "'stream':'stderr','offset':12,'data_base64':'AP8='}}");
    event = next_event();
    ck_assert_int_eq(event->kind, FUTURE_OUTPUT);
    ck_assert_int_eq(event->stream, FUTURE_STDERR);
    ck_assert_uint_eq(event->offset, 12);
    ck_assert_uint_eq(event->bytes.size, 2);
    ck_assert_mem_eq(event->bytes.data, "\0\xff", 2);
    ck_assert_ptr_null(event->info);
    future_event_free(event);
    fake_server_say(server, "{'method':'future.progress','params':{'subscription':4,'id':3,"
                            "'value':0.5}}");
    event = next_event();
    ck_assert_int_eq(event->kind, FUTURE_PROGRESS);
    ck_assert(json_number_value(event->value) == 0.5);
    ck_assert_uint_eq(event->id, 3);
    future_event_free(event);
    future_event_free(NULL);
}
END_TEST

static const char *const no_events[] = {
    "{'method':'future.later','params':{'subscription':4}}",
    "{'method':'future.done'}",
    "{'method':'future.done','params':{'subscription':4}}",
    "{'method':'future.done','params':{'subscription':4,'cursor':1,'future':{'id':1}}}",
    "{'method':'future.output','params':{'subscription':4,'id':1,'stream':'stdout'}}",
    "{'method':'future.output','params':{'subscription':4,'id':1,'offset':1}}",
    "{'method':'future.progress','params':{'subscription':4}}",
    "{'id':1,'result':1}",
};

START_TEST(messages_that_are_no_events)
{
    struct future_message *message;
    struct future_event *event = NULL;

    fake_server_say(server, "%s", no_events[_i]);
    ck_assert_int_eq(future_receive(client, LONG_MS, &message), 0);
    ck_assert_int_eq(future_read_event(message, &event), FUTURE_BAD_PROTOCOL);
    ck_assert_ptr_null(event);
    future_message_free(message);
}
END_TEST

/* ---- without waiting ---- */

START_TEST(requests_under_way)
{
    static const struct future_span span = {1, 2};
    struct future_job job = {.size = sizeof(job), .argv = good_argv};
    struct future_items items = {.size = sizeof(items), .json = "[1]"};
    struct future_subscription subscription = {.size = sizeof(subscription)};
    uint64_t ids[9], id, first, count, number;
    enum future_cancel_answer got;
    struct future_message *replies[9];
    struct future_outcome *outcome;
    struct future_waited *waited;
    struct future_info *info;

    ck_assert_int_eq(future_send_submit(client, &job, &ids[0]), 0);
    ck_assert_int_eq(future_send_map(client, &job, &items, &ids[1]), 0);
    ck_assert_int_eq(future_send_map_add(client, 2, &items, &ids[2]), 0);
    ck_assert_int_eq(future_send_map_close(client, 2, &ids[3]), 0);
    ck_assert_int_eq(future_send_result(client, 1, 500, &ids[4]), 0);
    ck_assert_int_eq(future_send_wait(client, &span, 1, FUTURE_FIRST_EXCEPTION, -1, &ids[5]), 0);
    ck_assert_int_eq(future_send_cancel(client, 1, NULL, &ids[6]), 0);
    ck_assert_int_eq(future_send_status(client, 1, &ids[7]), 0);
    ck_assert_int_eq(future_send_subscribe(client, &subscription, &ids[8]), 0);
    fake_server_expect_call(server, "submit", "{'fn':'exec','args':{'argv':['a']}}");
    fake_server_expect_call(server, "map", "{'fn':'exec','args':{'argv':['a']},'items':[1]}");
    fake_server_expect_call(server, "map.add", "{'id':2,'items':[1]}");
    fake_server_expect_call(server, "map.close", "{'id':2}");
    fake_server_expect_call(server, "result", "{'id':1,'timeout':0.5}");
    fake_server_expect_call(server, "wait", "{'ids':[[1,2]],'return_when':'FIRST_EXCEPTION'}");
    fake_server_expect_call(server, "cancel", "{'id':1}");
    fake_server_expect_call(server, "status", "{'id':1}");
    fake_server_expect_call(server, "subscribe", "{'all':true}");

    fake_server_say(server, "{'id':9,'result':{'subscription':4,'cursor':9}}");
    fake_server_say(server, "{'id':8,'result':{'id':1,'state':'PENDING'," SHOWN "}}");
    fake_server_say(server, "{'id':7,'result':{'id':1,'cancelled':true,'state':'CANCELLED'}}");
    fake_server_say(server, "{'id':6,'result':{'done':[1],'not_done':[]}}");
    fake_server_say(server, "{'id':5,'error':{'code':-32001,'message':'Timeout'}}");
    fake_server_say(server, "{'id':4,'result':{'count':3}}");
    fake_server_say(server, "{'id':3,'result':{'first':4,'count':1}}");
    fake_server_say(server, "{'id':2,'result':{'id':2,'first':3,'count':1,'duplicate':true}}");
    fake_server_say(server, "{'id':1,'result':{'id':1,'state':'PENDING'}}");
    for (int i = 8; i >= 0; i--) {
        ck_assert_int_eq(future_receive(client, LONG_MS, &replies[i]), 0);
        ck_assert_uint_eq(replies[i]->request_id, ids[i]);
    }
    ck_assert_int_eq(future_read_submitted(replies[0], &id, &first, &count), 0);
    ck_assert_uint_eq(id, 1);
    ck_assert_uint_eq(first, 0);
    ck_assert_int_eq(future_read_submitted(replies[1], &id, &first, &count), 1);
    ck_assert_uint_eq(first, 3);
    ck_assert_int_eq(future_read_submitted(replies[2], &id, &first, &count), 0);
    ck_assert_uint_eq(id, 0);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(future_read_submitted(replies[3], &id, &first, &count), FUTURE_BAD_PROTOCOL);
    ck_assert_int_eq(future_read_outcome(replies[4], &outcome), FUTURE_TIMED_OUT);
    ck_assert_int_eq(future_read_waited(replies[5], &waited), 0);
    ck_assert_uint_eq(waited->done[0], 1);
    future_waited_free(waited);
    ck_assert_int_eq(future_read_cancelled(replies[6], &got), 0);
    ck_assert_int_eq(got, FUTURE_IS_CANCELLED);
    ck_assert_int_eq(future_read_info(replies[7], &info), 0);
    ck_assert_int_eq(info->state, FUTURE_PENDING);
    ck_assert_int_eq(future_read_subscribed(replies[8], &number), 0);
    ck_assert_uint_eq(number, 4);
    for (int i = 0; i < 9; i++)
        future_message_free(replies[i]);
    ck_assert_str_eq(info->fn, "exec"); /* it holds on to what it points to */
    future_info_free(info);
    ck_assert_int_eq(future_last_error(client)->failure, 0);
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("calls", setup, teardown);

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
    tcase_add_test(tests, status_of_one);
    tcase_add_test(tests, status_of_a_map);
    tcase_add_test(tests, status_of_many);
    tcase_add_test(tests, waiting_for_many);
    tcase_add_test(tests, bad_spans_are_not_sent);
    tcase_add_test(tests, what_is_not_there_is_not_sent);
    tcase_add_test(tests, cancelling);
    tcase_add_test(tests, retrying_and_forgetting);
    tcase_add_test(tests, reading_output);
    tcase_add_test(tests, every_error_has_a_code);
    tcase_add_test(tests, dumping_and_backing_up);
    tcase_add_test(tests, shutting_down);
    tcase_add_test(tests, subscribing);
    tcase_add_test(tests, events_of_each_kind);
    tcase_add_loop_test(tests, messages_that_are_no_events, 0,
                        sizeof(no_events) / sizeof(no_events[0]));
    tcase_add_test(tests, requests_under_way);
    return suite_run();
}

/* Bad params: every case names the member that is wrong, and nothing of the call is applied. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/fixture.h"
#include "tests/support/text.h"

static struct fixture f;

static void setup(void)
{
    fixture_start(&f, NULL);
}

static void teardown(void)
{
    fixture_stop(&f);
}

struct bad_call {
    const char *method, *params, *named;
};

#define EXEC(rest) "{'fn':'exec','args':{" rest "}}"
#define ECHO(rest) "{'fn':'echo'," rest "}"
#define MAP(rest)  "{'fn':'echo','items':[1]," rest "}"

static const struct bad_call submits[] = {
    {"submit", "{}", "fn"},
    {"submit", "{'args':{}}", "fn"},
    {"submit", "{'fn':null}", "fn"},
    {"submit", "{'fn':''}", "fn"},
    {"submit", "{'fn':7}", "fn"},
    {"submit", "{'fn':'nope'}", "fn"},
    {"submit", "{'fn':'exec\\u0000'}", "fn"},
    {"submit", ECHO("'function':1"), "function"},
    {"submit", ECHO("'Pool':'default'"), "Pool"},
    {"submit", ECHO("'':1"), ""},
    {"submit", ECHO("'items':[]"), "items"},
    {"submit", ECHO("'chunksize':1"), "chunksize"},
    {"submit", ECHO("'pool':'nope'"), "pool"},
    {"submit", ECHO("'pool':''"), "pool"},
    {"submit", ECHO("'pool':1"), "pool"},
    {"submit", ECHO("'priority':1.5"), "priority"},
    {"submit", ECHO("'priority':'1'"), "priority"},
    {"submit", ECHO("'priority':true"), "priority"},
    {"submit", ECHO("'label':1"), "label"},
    {"submit", ECHO("'label':'a\\u0000b'"), "label"},
    {"submit", ECHO("'key':1"), "key"},
    {"submit", ECHO("'key':''"), "key"},
    {"submit", ECHO("'after':1"), "after"},
    {"submit", ECHO("'after':[0]"), "after"},
    {"submit", ECHO("'after':[-1]"), "after"},
    {"submit", ECHO("'after':[1.5]"), "after"},
    {"submit", ECHO("'after':[true]"), "after"},
    {"submit", ECHO("'after':['1']"), "after"},
    {"submit", ECHO("'after':[[1,2]]"), "after"},
    {"submit", ECHO("'after':[{}]"), "after"},
    {"submit", ECHO("'after':[{'id':1,'on':'failure'}]"), "after"},
    {"submit", ECHO("'after':[{'id':1,'On':'done'}]"), "after"},
    {"submit", ECHO("'delay':-1"), "delay"},
    {"submit", ECHO("'delay':'1'"), "delay"},
    {"submit", ECHO("'delay':true"), "delay"},
    {"submit", ECHO("'timeout':'1'"), "timeout"},
    {"submit", ECHO("'timeout':-1"), "timeout"},
    {"submit", ECHO("'timeout':false"), "timeout"},
    {"submit", ECHO("'timeout':[]"), "timeout"},
    {"submit", ECHO("'retry':3"), "retry"},
    {"submit", ECHO("'retry':{}"), "retry.max"},
    {"submit", ECHO("'retry':{'max':-1}"), "retry.max"},
    {"submit", ECHO("'retry':{'max':true}"), "retry.max"},
    {"submit", ECHO("'retry':{'max':1.5}"), "retry.max"},
    {"submit", ECHO("'retry':{'max':1,'delay':-1}"), "retry.delay"},
    {"submit", ECHO("'retry':{'max':1,'backoff':0.5}"), "retry.backoff"},
    {"submit", ECHO("'retry':{'max':1,'jitter':1}"), "retry.jitter"},
    {"submit", ECHO("'on_crash':'retry'"), "on_crash"},
    {"submit", ECHO("'on_crash':true"), "on_crash"},
    {"submit", ECHO("'scope':'client'"), "scope"},
    {"submit", ECHO("'scope':null,'durable':1"), "durable"},
    {"submit", ECHO("'durable':'yes'"), "durable"},
    {"submit", ECHO("'subscribe':1"), "subscribe"},
    {"submit", "{'fn':'sleep'}", "args.seconds"},
    {"submit", "{'fn':'sleep','args':{'seconds':'1'}}", "args.seconds"},
    {"submit", "{'fn':'sleep','args':{'seconds':-1}}", "args.seconds"},
    {"submit", "{'fn':'sleep','args':{'seconds':true}}", "args.seconds"},
    {"submit", "{'fn':'sleep','args':{'seconds':1,'x':1}}", "args.x"},
    {"map", "{'fn':'echo'}", "items"},
    {"map", "{'fn':'echo','items':{}}", "items"},
    {"map", "{'fn':'echo','items':3}", "items"},
    {"map", MAP("'chunksize':0"), "chunksize"},
    {"map", MAP("'chunksize':-1"), "chunksize"},
    {"map", MAP("'chunksize':1.5"), "chunksize"},
    {"map", MAP("'fail_fast':1"), "fail_fast"},
    {"map", MAP("'open':'yes'"), "open"},
    {"map", MAP("'window':0,'open':true"), "window"},
    {"map", MAP("'item':1"), "item"},
    {"map", MAP("'timeout':'1'"), "timeout"},
    {"map", "{'fn':'nope','items':[]}", "fn"},
    {"map", "{'fn':'echo','pool':'nope','items':[]}", "pool"},
};

static const struct bad_call execs[] = {
    {"submit", "{'fn':'exec'}", "args.argv"},
    {"submit", EXEC(""), "args.argv"},
    {"submit", EXEC("'argv':[]"), "args.argv"},
    {"submit", EXEC("'argv':null"), "args.argv"},
    {"submit", EXEC("'argv':'true'"), "args.argv"},
    {"submit", EXEC("'argv':[1]"), "args.argv"},
    {"submit", EXEC("'argv':['true',null]"), "args.argv"},
    {"submit", EXEC("'argv':['']"), "args.argv"},
    {"submit", EXEC("'argv':['true','a\\u0000b']"), "args.argv"},
    {"submit", EXEC("'argv':['tr\\u0000ue']"), "args.argv"},
    {"submit", EXEC("'argv':['true'],'cwd':'/\\u0000'"), "args.cwd"},
    {"submit", EXEC("'argv':['true'],'cwd':1"), "args.cwd"},
    {"submit", EXEC("'argv':['true'],'env':[]"), "args.env"},
    {"submit", EXEC("'argv':['true'],'env':{'A':1}"), "args.env"},
    {"submit", EXEC("'argv':['true'],'env':{'A':'x\\u0000'}"), "args.env"},
    {"submit", EXEC("'argv':['true'],'env':{'A=B':'x'}"), "args.env"},
    {"submit", EXEC("'argv':['true'],'env':{'':'x'}"), "args.env"},
    {"submit", EXEC("'argv':['true'],'clean_env':1"), "args.clean_env"},
    {"submit", EXEC("'argv':['true'],'stdin':1"), "args.stdin"},
    {"submit", EXEC("'argv':['true'],'stdin_base64':'###'"), "args.stdin_base64"},
    {"submit", EXEC("'argv':['true'],'stdin_base64':'AAA'"), "args.stdin_base64"},
    {"submit", EXEC("'argv':['true'],'check':'yes'"), "args.check"},
    {"submit", EXEC("'argv':['true'],'check':0"), "args.check"},
    {"submit", EXEC("'argv':['true'],'merge_stderr':1"), "args.merge_stderr"},
    {"submit", EXEC("'argv':['true'],'limits':1"), "args.limits"},
    {"submit", EXEC("'argv':['true'],'limits':{'cpu':-1}"), "args.limits.cpu"},
    {"submit", EXEC("'argv':['true'],'limits':{'cpu':true}"), "args.limits.cpu"},
    {"submit", EXEC("'argv':['true'],'limits':{'stack':1}"), "args.limits.stack"},
    {"submit", EXEC("'argv':['true'],'nice':'1'"), "args.nice"},
    {"submit", EXEC("'argv':['true'],'nice':1.5"), "args.nice"},
    {"submit", EXEC("'argv':['true'],'shell':true"), "args.shell"},
    {"map", "{'fn':'exec','args':{'argv':[]},'items':[1]}", "args.argv"},
    {"map", "{'fn':'exec','args':{'argv':['true']},'items':['a\\u0000']}", "items"},
    {"map", "{'fn':'exec','args':{'argv':['true']},'items':['a',{}]}", "items"},
    {"map", "{'fn':'exec','args':{'argv':['true']},'items':[true]}", "items"},
    {"map", "{'fn':'exec','args':{'argv':['true']},'items':[null]}", "items"},
};

#define MANY_IDS(method, more)                                                                     \
    {method, "{'ids':7" more "}", "ids"}, {method, "{'ids':{}" more "}", "ids"},                   \
        {method, "{'ids':[0]" more "}", "ids"}, {method, "{'ids':[-1]" more "}", "ids"},           \
        {method, "{'ids':['1']" more "}", "ids"}, {method, "{'ids':[1.5]" more "}", "ids"},        \
        {method, "{'ids':[true]" more "}", "ids"}, {method, "{'ids':[null]" more "}", "ids"},      \
        {method, "{'ids':[[1]]" more "}", "ids"}, {method, "{'ids':[[1,2,3]]" more "}", "ids"},    \
        {method, "{'ids':[[2,1]]" more "}", "ids"}, {method, "{'ids':[[0,1]]" more "}", "ids"},    \
        {method, "{'ids':[[1,[2]]]" more "}", "ids"}, {method, "{'ids':[1],'nope':1}", "nope"},    \
    {                                                                                              \
        method, "[[1]]", "params"                                                                  \
    }
#define ONE_ID(method)                                                                             \
    {method, "{'id':0}", "id"}, {method, "{'id':-1}", "id"}, {method, "{'id':'1'}", "id"},         \
        {method, "{'id':1.5}", "id"}, {method, "{'id':true}", "id"}, {method, "{'id':[1]}", "id"}, \
        {method, "{'id':1,'nope':1}", "nope"},                                                     \
    {                                                                                              \
        method, "[1]", "params"                                                                    \
    }

static const struct bad_call others[] = {
    {"ping", "{'x':1}", "x"},
    {"ping", "[1]", "params"},
    {"info", "{'x':1}", "x"},
    ONE_ID("result"),
    {"result", "{}", "id"},
    {"result", "{'id':1,'timeout':'1'}", "timeout"},
    {"result", "{'id':1,'timeout':true}", "timeout"},
    {"result", "{'id':1,'timeout':[]}", "timeout"},
    ONE_ID("exception"),
    {"exception", "{'timeout':1}", "id"},
    {"exception", "{'id':1,'timeout':{}}", "timeout"},
    MANY_IDS("wait", ""),
    {"wait", "{}", "ids"},
    {"wait", "{'ids':[1],'timeout':'1'}", "timeout"},
    {"wait", "{'ids':[1],'timeout':false}", "timeout"},
    {"wait", "{'ids':[1],'return_when':'ANY'}", "return_when"},
    {"wait", "{'ids':[1],'return_when':1}", "return_when"},
    {"wait", "{'ids':[1],'return_when':'all_completed'}", "return_when"},
    ONE_ID("cancel"),
    MANY_IDS("cancel", ""),
    {"cancel", "{}", "id"},
    {"cancel", "{'id':1,'ids':[1]}", "ids"},
    {"cancel", "{'id':1,'terminate':1}", "terminate"},
    {"cancel", "{'id':1,'terminate':true,'signal':'NOPE'}", "signal"},
    {"cancel", "{'id':1,'terminate':true,'signal':true}", "signal"},
    {"cancel", "{'id':1,'terminate':true,'grace':-1}", "grace"},
    {"cancel", "{'id':1,'terminate':true,'grace':'1'}", "grace"},
    {"cancel", "{'id':1,'terminate':true,'reason':1}", "reason"},
    ONE_ID("status"),
    MANY_IDS("status", ""),
    {"status", "{'id':1,'ids':[1]}", "ids"},
    {"status", "{'id':1,'label':'x'}", "label"},
    {"status", "{'ids':[1],'limit':1}", "limit"},
    {"status", "{'state':'PENDING'}", "state"},
    {"status", "{'state':['pending']}", "state"},
    {"status", "{'state':['DONE']}", "state"},
    {"status", "{'state':[1]}", "state"},
    {"status", "{'pool':1}", "pool"},
    {"status", "{'label':1}", "label"},
    {"status", "{'limit':-1}", "limit"},
    {"status", "{'limit':'1'}", "limit"},
    {"status", "{'limit':true}", "limit"},
    {"status", "{'before':0}", "before"},
    {"status", "{'before':'1'}", "before"},
    MANY_IDS("subscribe", ""),
    {"subscribe", "{}", "ids"},
    {"subscribe", "{'all':false}", "ids"},
    {"subscribe", "{'all':1}", "all"},
    {"subscribe", "{'all':true,'ids':[1]}", "ids"},
    {"subscribe", "{'ids':[1],'pool':'default'}", "pool"},
    {"subscribe", "{'ids':[1],'label':'x'}", "label"},
    {"subscribe", "{'all':true,'pool':1}", "pool"},
    {"subscribe", "{'all':true,'events':'done'}", "events"},
    {"subscribe", "{'all':true,'events':['nope']}", "events"},
    {"subscribe", "{'all':true,'events':[1]}", "events"},
    {"subscribe", "{'all':true,'since':-1}", "since"},
    {"subscribe", "{'all':true,'since':'1'}", "since"},
    {"subscribe", "{'all':true,'since':1.5}", "since"},
    {"unsubscribe", "{}", "subscription"},
    {"unsubscribe", "{'subscription':'1'}", "subscription"},
    {"unsubscribe", "{'subscription':1,'id':1}", "id"},
    ONE_ID("output"),
    {"output", "{'id':1,'stream':'stdin'}", "stream"},
    {"output", "{'id':1,'stream':1}", "stream"},
    {"output", "{'id':1,'offset':-1}", "offset"},
    {"output", "{'id':1,'offset':'0'}", "offset"},
    {"output", "{'id':1,'limit':0}", "limit"},
    {"output", "{'id':1,'limit':true}", "limit"},
    {"output", "{'id':1,'wait':-1}", "wait"},
    {"output", "{'id':1,'wait':true}", "wait"},
    MANY_IDS("forget", ""),
    {"forget", "{}", "ids"},
    MANY_IDS("retry", ""),
    {"retry", "{}", "ids"},
    ONE_ID("map.close"),
    {"map.close", "{}", "id"},
    {"map.add", "{'items':[]}", "id"},
    {"map.add", "{'id':1}", "items"},
    {"map.add", "{'id':1,'items':1}", "items"},
    {"map.add", "{'id':1,'items':[]}", "id"},
    {"map.close", "{'id':1}", "id"},
    {"pool.list", "{'pool':'nope'}", "pool"},
    {"pool.list", "{'pool':1}", "pool"},
    {"pool.pause", "{}", "pool"},
    {"pool.pause", "{'pool':'nope'}", "pool"},
    {"pool.resume", "{}", "pool"},
    {"pool.resume", "{'pool':'nope'}", "pool"},
    {"pool.set", "{}", "pool"},
    {"pool.set", "{'pool':''}", "pool"},
    {"pool.set", "{'pool':1}", "pool"},
    {"pool.set", "{'pool':'default','max_workers':0}", "max_workers"},
    {"pool.set", "{'pool':'default','max_workers':-1}", "max_workers"},
    {"pool.set", "{'pool':'default','max_workers':true}", "max_workers"},
    {"pool.set", "{'pool':'default','max_workers':1.5}", "max_workers"},
    {"pool.set", "{'pool':'default','max_workers':10001}", "max_workers"},
    {"pool.set", "{'pool':'default','max_workers':2,'min_workers':3}", "min_workers"},
    {"pool.set", "{'pool':'new','max_workers':2,'min_workers':3}", "min_workers"},
    {"pool.set", "{'pool':'default','min_workers':9999}", "min_workers"},
    {"pool.set", "{'pool':'default','max_workers':7,'idle_timeout':-1}", "idle_timeout"},
    {"pool.set", "{'pool':'default','max_workers':7,'idle_timeout':'1'}", "idle_timeout"},
    {"pool.set", "{'pool':'default','max_workers':7,'max_tasks_per_worker':-1}",
     "max_tasks_per_worker"},
    {"pool.set", "{'pool':'default','max_workers':7,'queue_limit':-1}", "queue_limit"},
    {"pool.set", "{'pool':'default','max_workers':7,'on_full':'drop'}", "on_full"},
    {"pool.set", "{'pool':'default','max_workers':7,'thread_name_prefix':''}",
     "thread_name_prefix"},
    {"pool.set", "{'pool':'default','max_workers':7,'thread_name_prefix':'abcdefghijklmnop'}",
     "thread_name_prefix"},
    {"pool.set", "{'pool':'default','max_workers':7,'initializer':'true'}", "initializer"},
    {"pool.set", "{'pool':'default','max_workers':7,'initializer':{}}", "initializer.fn"},
    {"pool.set", "{'pool':'default','max_workers':7,'initializer':{'fn':'nope'}}",
     "initializer.fn"},
    {"pool.set", "{'pool':'default','max_workers':7,'initializer':{'fn':'exec'}}",
     "initializer.args.argv"},
    {"pool.set", "{'pool':'new','size':3}", "size"},
    {"dump", "{'from':0}", "from"},
    {"dump", "{'limit':0}", "limit"},
    {"dump", "{'all':true}", "all"},
    {"backup", "{}", "path"},
    {"backup", "{'path':7}", "path"},
    {"backup", "{'path':''}", "path"},
    {"backup", "{'path':'copy.db'}", "path"},
    {"backup", "{'path':'/tmp/a','over':true}", "over"},
    {"shutdown", "{'wait':1}", "wait"},
    {"shutdown", "{'cancel_futures':'yes'}", "cancel_futures"},
    {"shutdown", "{'keep_pending':1}", "keep_pending"},
    {"shutdown", "{'timeout':'1'}", "timeout"},
    {"shutdown", "{'timeout':true}", "timeout"},
    {"shutdown", "{'now':true}", "now"},
    {"shutdown", "[true]", "params"},
};

/* What a client can see of the daemon's state; the pools stand in `info`. */
static json_t *snapshot(void)
{
    json_t *futures = client_result(f.client, "status", "{'limit':1000}");
    json_t *info = client_result(f.client, "info", "{}");
    json_t *all = json_pack("[o, o]", futures, info);

    ck_assert_ptr_nonnull(all);
    return all;
}

static void expect_all_refused(const struct bad_call *calls, size_t count)
{
    /* One future of each state but RUNNING; what runs here stands still. */
    json_int_t held = fixture_hold(&f);
    ck_assert_int_eq(held, 1);
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{}}"), "{}");
    client_submit(f.client, "{'fn':'echo','after':[%lld]}", held);
    json_int_t cancelled = client_submit(f.client, "{'fn':'echo','after':[%lld]}", held);
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", cancelled));
    json_t *before = snapshot();

    for (size_t i = 0; i < count; i++) {
        char *params = text_print("%s", calls[i].params);
        for (char *mark = strchr(params, '\''); mark; mark = strchr(mark, '\''))
            *mark = '"';
        /* A name that is empty cannot be told from none. */
        if (calls[i].named[0])
            expect_refused(f.client, calls[i].method, calls[i].named, "%s", params);
        else
            ck_assert_int_eq(client_error(f.client, calls[i].method, "%s", params), -32602);
        free(params);
    }
    json_t *after = snapshot();
    ck_assert_msg(json_equal(before, after), "something was applied: %s",
                  json_dumps(after, JSON_COMPACT));
    json_decref(before);
    json_decref(after);
    expect_quiet(f.client);
    gate_pass(f.gate, 1);
    /* The next id is the next one. */
    ck_assert_int_eq(client_submit(f.client, "{'fn':'echo'}"), cancelled + 1);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(bad_submits)
{
    expect_all_refused(submits, COUNT(submits));
}
END_TEST

START_TEST(bad_execs)
{
    expect_all_refused(execs, COUNT(execs));
}
END_TEST

START_TEST(bad_others)
{
    expect_all_refused(others, COUNT(others));
}
END_TEST

START_TEST(a_bad_call_in_a_batch_of_good_ones)
{
    client_send_line(
        f.client, "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"map\",\"params\":{\"fn\":\"exec\","
                  "\"args\":{\"argv\":[\"echo\"]},\"items\":[\"a\",\"b\",{}]}},"
                  "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"map\",\"params\":{\"fn\":\"echo\","
                  "\"items\":[1,2]}}]");
    json_t *batch = client_read(f.client), *element;
    size_t index;

    json_array_foreach (batch, index, element) {
        if (json_int_at(element, "id") == 1)
            json_expect(element, "error.data.param", "'items'");
        else
            json_expect(element, "result.count", "2");
    }
    json_decref(batch);
    json_t *list = client_result(f.client, "status", "{}");
    ck_assert_uint_eq(json_count_at(list, "futures"), 3);
    json_decref(list);
}
END_TEST

START_TEST(an_unknown_id_names_itself_as_not_found)
{
    static const char *const calls[][2] = {
        {"status", "{'id':99}"},
        {"status", "{'ids':[1,99]}"},
        {"result", "{'id':99}"},
        {"exception", "{'id':99}"},
        {"wait", "{'ids':[1,99]}"},
        {"cancel", "{'id':99}"},
        {"cancel", "{'ids':[1,99]}"},
        {"subscribe", "{'ids':[1,99]}"},
        {"unsubscribe", "{'subscription':99}"},
        {"output", "{'id':99}"},
        {"forget", "{'ids':[1,99]}"},
        {"retry", "{'ids':[1,99]}"},
        {"map.add", "{'id':99,'items':[]}"},
        {"map.close", "{'id':99}"},
        {"submit", "{'fn':'echo','after':[1,99]}"},
        {"map", "{'fn':'echo','items':[1],'after':[{'id':99,'on':'done'}]}"},
        {"wait", "{'ids':[[90,99]]}"},
    };

    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{}}"), "{}");
    json_int_t held = fixture_hold(&f);
    json_t *before = snapshot();
    for (size_t i = 0; i < COUNT(calls); i++) {
        char *params = text_print("%s", calls[i][1]);
        for (char *mark = strchr(params, '\''); mark; mark = strchr(mark, '\''))
            *mark = '"';
        int code = client_error(f.client, calls[i][0], "%s", params);
        ck_assert_msg(code == -32002, "%s %s: %d", calls[i][0], params, code);
        free(params);
    }
    json_t *after = snapshot();
    ck_assert(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    expect_state(f.client, held, "RUNNING");
    gate_pass(f.gate, 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        bad_submits,
        bad_execs,
        bad_others,
        a_bad_call_in_a_batch_of_good_ones,
        an_unknown_id_names_itself_as_not_found,
        NULL,
    };

    return fixture_run("bad params", setup, teardown, tests);
}

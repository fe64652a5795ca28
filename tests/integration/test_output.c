/* output: what a job has written so far, in pieces, waiting for more. */
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

static json_int_t run(const char *script)
{
    json_int_t id =
        client_submit(f.client, "{'fn':'exec','args':{'argv':['sh','-c','%s']}}", script);

    json_decref(client_call(f.client, "result", "{'id':%lld}", id));
    return id;
}

START_TEST(of_a_done_one)
{
    json_int_t id = run("echo out; echo err >&2");
    json_t *reply = client_result(f.client, "output", "{'id':%lld}", id);
    json_expect(reply, "", "{'offset':0,'next':4,'eof':true,'data':'out\\n'}");
    json_decref(reply);
    reply = client_result(f.client, "output", "{'id':%lld,'stream':'stdout','offset':2}", id);
    json_expect(reply, "", "{'offset':2,'next':4,'eof':true,'data':'t\\n'}");
    json_decref(reply);
    reply = client_result(f.client, "output", "{'id':%lld,'stream':'stderr'}", id);
    json_expect(reply, "", "{'offset':0,'next':4,'eof':true,'data':'err\\n'}");
    json_decref(reply);
    reply = client_result(f.client, "output", "{'id':%lld,'limit':2}", id);
    json_expect(reply, "", "{'offset':0,'next':2,'eof':false,'data':'ou'}");
    json_decref(reply);
    reply = client_result(f.client, "output", "{'id':%lld,'offset':4,'wait':3600}", id);
    json_expect(reply, "", "{'offset':4,'next':4,'eof':true,'data':''}");
    json_decref(reply);
    reply = client_result(f.client, "output", "{'id':%lld,'offset':1000,'wait':3600}", id);
    json_expect(reply, "data", "''");
    json_expect(reply, "eof", "true");
    json_decref(reply);
}
END_TEST

START_TEST(of_one_that_writes_nothing)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");
    expect_result(f.client, id, "{}");
    json_t *reply = client_result(f.client, "output", "{'id':%lld,'wait':3600}", id);
    json_expect(reply, "", "{'offset':0,'next':0,'eof':true,'data':''}");
    json_decref(reply);
    json_int_t pending = client_submit(f.client, "{'fn':'echo','delay':3600}");
    reply = client_result(f.client, "output", "{'id':%lld}", pending);
    json_expect(reply, "", "{'offset':0,'next':0,'eof':false,'data':''}");
    json_decref(reply);
    json_int_t request = client_request(f.client, "output", "{'id':%lld,'wait':3600}", pending);
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", pending));
    reply = client_reply(f.client, request);
    json_expect(reply, "result", "{'offset':0,'next':0,'eof':true,'data':''}");
    json_decref(reply);
}
END_TEST

START_TEST(while_it_runs)
{
    /* One line of the FIFO lets it write one more. */
    json_int_t id =
        client_submit(f.client,
                      "{'fn':'exec','args':{'argv':['sh','-c','exec 3<>\\\"$1\\\"; echo first; "
                      "read x <&3; echo second; read x <&3','sh','%s/gate.pass']}}",
                      daemon_directory(f.daemon));
    json_t *reply = client_result(f.client, "output", "{'id':%lld,'wait':3600}", id);
    json_expect(reply, "", "{'offset':0,'next':6,'eof':false,'data':'first\\n'}");
    json_decref(reply);
    reply = client_result(f.client, "output", "{'id':%lld,'offset':6}", id);
    json_expect(reply, "", "{'offset':6,'next':6,'eof':false,'data':''}");
    json_decref(reply);
    reply = client_result(f.client, "output", "{'id':%lld,'offset':6,'wait':0.02}", id);
    json_expect(reply, "", "{'offset':6,'next':6,'eof':false,'data':''}");
    json_decref(reply);
    json_int_t request =
        client_request(f.client, "output", "{'id':%lld,'offset':6,'wait':3600}", id);
    json_decref(client_result(f.client, "ping", "{}"));
    gate_pass(f.gate, 1);
    reply = client_reply(f.client, request);
    json_expect(reply, "result", "{'offset':6,'next':13,'eof':false,'data':'second\\n'}");
    json_decref(reply);
    request = client_request(f.client, "output", "{'id':%lld,'offset':13,'wait':3600}", id);
    json_int_t other =
        client_request(f.client, "output", "{'id':%lld,'stream':'stderr','wait':3600}", id);
    json_decref(client_result(f.client, "ping", "{}"));
    gate_pass(f.gate, 1);
    reply = client_reply(f.client, request);
    json_expect(reply, "result", "{'offset':13,'next':13,'eof':true,'data':''}");
    json_decref(reply);
    reply = client_reply(f.client, other);
    json_expect(reply, "result", "{'offset':0,'next':0,'eof':true,'data':''}");
    json_decref(reply);
}
END_TEST

START_TEST(binary)
{
    json_int_t id = run("printf \\\"a\\\\\\\\377b\\\"");
    json_t *reply = client_result(f.client, "output", "{'id':%lld}", id);
    json_expect(reply, "", "{'offset':0,'next':3,'eof':true,'data_base64':'Yf9i'}");
    json_decref(reply);
}
END_TEST

START_TEST(characters_are_not_cut)
{
    /* Three bytes each. */
    json_int_t id = run("printf \\\"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\\\"");
    char *text = text_print("%s", "");
    json_int_t offset = 0;
    bool eof;
    do {
        json_t *reply =
            client_result(f.client, "output", "{'id':%lld,'offset':%lld,'limit':4}", id, offset);
        char *longer = text_print("%s%s", text, json_text_at(reply, "data"));
        free(text);
        text = longer;
        ck_assert_int_gt(json_int_at(reply, "next"), offset);
        offset = json_int_at(reply, "next");
        eof = json_bool_at(reply, "eof");
        json_decref(reply);
    } while (!eof);
    ck_assert_str_eq(text, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac");
    free(text);
}
END_TEST

START_TEST(a_lot_in_pieces)
{
    json_int_t id = run("seq 1 300000"), offset = 0;
    json_t *result = client_result(f.client, "result", "{'id':%lld}", id);
    const char *whole = json_text_at(result, "result.stdout");
    bool eof;
    do {
        json_t *reply = client_result(f.client, "output",
                                      "{'id':%lld,'offset':%lld,'limit':100000000}", id, offset);
        const char *data = json_text_at(reply, "data");
        ck_assert_int_le((json_int_t)strlen(data), 1048576);
        ck_assert_int_eq(json_int_at(reply, "next") - offset, (json_int_t)strlen(data));
        ck_assert_int_eq(strncmp(whole + offset, data, strlen(data)), 0);
        offset = json_int_at(reply, "next");
        eof = json_bool_at(reply, "eof");
        json_decref(reply);
    } while (!eof);
    ck_assert_int_eq(offset, (json_int_t)strlen(whole));
    json_decref(result);
    json_t *reply = client_result(f.client, "output", "{'id':%lld}", id);
    json_expect(reply, "next", "65536");
    json_decref(reply);
}
END_TEST

START_TEST(followed_to_its_end)
{
    json_int_t id = client_submit(
        f.client, "{'fn':'exec','args':{'argv':['sh','-c','for i in 1 2 3 4 5 6 7 8 9; do echo $i; "
                  "sleep 0.01; done']}}");
    char text[200] = "";
    json_int_t offset = 0;
    bool eof;
    do {
        json_t *reply =
            client_result(f.client, "output", "{'id':%lld,'offset':%lld,'wait':60}", id, offset);
        strncat(text, json_text_at(reply, "data"), sizeof(text) - strlen(text) - 1);
        offset = json_int_at(reply, "next");
        eof = json_bool_at(reply, "eof");
        json_decref(reply);
    } while (!eof);
    ck_assert_str_eq(text, "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    expect_state(f.client, id, "FINISHED");
}
END_TEST

START_TEST(of_a_failed_and_a_timed_out_one)
{
    json_int_t id = run("echo before; exit 3");
    json_t *reply = client_result(f.client, "output", "{'id':%lld}", id);
    json_expect(reply, "data", "'before\\n'");
    json_decref(reply);
    id = client_submit(f.client, "{'fn':'exec','timeout':2,'args':{'argv':['sh','-c',"
                                 "'echo before; exec sleep 3600']}}");
    reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "exception.type", "'TimedOut'");
    json_expect(reply, "exception.data.stdout", "'before\\n'");
    json_decref(reply);
    reply = client_result(f.client, "output", "{'id':%lld}", id);
    json_expect(reply, "data", "'before\\n'");
    json_expect(reply, "eof", "true");
    json_decref(reply);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        of_a_done_one,
        of_one_that_writes_nothing,
        while_it_runs,
        binary,
        characters_are_not_cut,
        a_lot_in_pieces,
        followed_to_its_end,
        of_a_failed_and_a_timed_out_one,
        NULL,
    };

    return fixture_run("output", setup, teardown, tests);
}

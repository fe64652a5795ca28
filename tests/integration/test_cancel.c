/* cancel: what is pending never runs; terminate ends what runs. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/support/deadline.h"
#include "tests/support/fixture.h"
#include "tests/support/text.h"

static struct fixture f;

static void setup(void)
{
    static const char *const args[] = {"--max-workers", "1", NULL};
    static const struct daemon_options options = {.args = args};

    fixture_start(&f, &options);
}

static void teardown(void)
{
    fixture_stop(&f);
}

static json_int_t queue_gated(void)
{
    return client_submit(f.client, "{'fn':'exec','args':{'argv':%s}}", gate_argv(f.gate));
}

START_TEST(a_pending_one_never_runs)
{
    json_int_t held = fixture_hold(&f), id = queue_gated();
    json_t *reply = client_result(f.client, "cancel", "{'id':%lld}", id);
    json_expect(reply, "", "{'id':%lld,'cancelled':true,'state':'CANCELLED'}", id);
    json_decref(reply);
    expect_state(f.client, id, "CANCELLED");
    gate_pass(f.gate, 2);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld,%lld]}", held, id));
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{}}"), "{}");
    ck_assert(!gate_has_visitor(f.gate));
    expect_state(f.client, id, "CANCELLED");
}
END_TEST

START_TEST(a_second_cancel_answers_true)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','delay':3600}");
    for (int i = 0; i < 3; i++) {
        json_t *reply = client_result(f.client, "cancel", "{'id':%lld}", id);
        json_expect(reply, "", "{'id':%lld,'cancelled':true,'state':'CANCELLED'}", id);
        json_decref(reply);
    }
    json_t *reply = client_result(f.client, "cancel", "{'id':%lld,'terminate':true}", id);
    json_expect(reply, "", "{'id':%lld,'cancelled':true,'state':'CANCELLED'}", id);
    json_decref(reply);
}
END_TEST

START_TEST(a_running_one_goes_on)
{
    json_int_t id = fixture_hold(&f);
    json_t *reply = client_result(f.client, "cancel", "{'id':%lld}", id);
    json_expect(reply, "", "{'id':%lld,'cancelled':false,'state':'RUNNING'}", id);
    json_decref(reply);
    reply = client_result(f.client, "cancel", "{'id':%lld,'terminate':false}", id);
    json_expect(reply, "", "{'id':%lld,'cancelled':false,'state':'RUNNING'}", id);
    json_decref(reply);
    gate_pass(f.gate, 1);
    reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "result.stdout", "'passed\\n'");
    json_decref(reply);
}
END_TEST

START_TEST(a_done_one_stays_done)
{
    json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");
    expect_result(f.client, id, "{}");
    json_t *reply = client_result(f.client, "cancel", "{'id':%lld}", id);
    json_expect(reply, "", "{'id':%lld,'cancelled':false,'state':'FINISHED'}", id);
    json_decref(reply);
    reply = client_result(f.client, "cancel", "{'id':%lld,'terminate':true}", id);
    json_expect(reply, "", "{'id':%lld,'cancelled':false,'state':'FINISHED'}", id);
    json_decref(reply);
    expect_result(f.client, id, "{}");
}
END_TEST

START_TEST(many_at_once)
{
    json_int_t done = client_submit(f.client, "{'fn':'echo','args':{}}");
    expect_result(f.client, done, "{}");
    json_int_t held = fixture_hold(&f);
    json_int_t first = queue_gated(), second = queue_gated(), last = queue_gated();
    json_t *reply = client_result(f.client, "cancel", "{'ids':[%lld,[%lld,%lld],%lld]}", done,
                                  first, second, held);
    json_expect(reply, "",
                "{'futures':[{'id':%lld,'cancelled':false,'state':'FINISHED'},"
                "{'id':%lld,'cancelled':true,'state':'CANCELLED'},"
                "{'id':%lld,'cancelled':true,'state':'CANCELLED'},"
                "{'id':%lld,'cancelled':false,'state':'RUNNING'}]}",
                done, first, second, held);
    json_decref(reply);
    reply = client_result(f.client, "cancel", "{'ids':[]}");
    json_expect(reply, "", "{'futures':[]}");
    json_decref(reply);
    reply = client_result(f.client, "cancel", "{'ids':[%lld,%lld]}", first, first);
    ck_assert_uint_eq(json_count_at(reply, "futures"), 1);
    json_decref(reply);
    expect_state(f.client, last, "PENDING");
    gate_pass(f.gate, 2);
    json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", last));
    gate_wait_running(f.gate);
    ck_assert(!gate_has_visitor(f.gate));
}
END_TEST

/* ---- terminate ---- */

START_TEST(terminate_ends_what_runs)
{
    json_int_t id = fixture_hold(&f);
    json_t *reply =
        client_result(f.client, "cancel", "{'id':%lld,'terminate':true,'reason':'enough'}", id);
    json_expect(reply, "", "{'id':%lld,'cancelled':false,'state':'RUNNING','terminating':true}",
                id);
    json_decref(reply);
    reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "state", "'FINISHED'");
    json_expect(reply, "exception.type", "'Terminated'");
    ck_assert_ptr_nonnull(strstr(json_text_at(reply, "exception.message"), "enough"));
    json_expect(reply, "exception.data.signal", "'SIGTERM'");
    json_expect(reply, "exception.data.exit_code", "null");
    json_decref(reply);
    /* The worker goes on. */
    expect_result(f.client, client_submit(f.client, "{'fn':'echo','args':{}}"), "{}");
}
END_TEST

START_TEST(terminate_cancels_what_is_pending)
{
    json_int_t held = fixture_hold(&f), id = queue_gated();
    json_t *reply =
        client_result(f.client, "cancel", "{'ids':[%lld,%lld],'terminate':true}", held, id);
    json_expect(reply, "",
                "{'futures':[{'id':%lld,'cancelled':false,'state':'RUNNING','terminating':true},"
                "{'id':%lld,'cancelled':true,'state':'CANCELLED'}]}",
                held, id);
    json_decref(reply);
    expect_exception(f.client, held, "Terminated");
    ck_assert(!gate_has_visitor(f.gate));
}
END_TEST

/* Far more of them than the loop can cancel before the worker has lost its call. */
#define QUEUED 3000

/* Submits sleeps of which the one worker runs that with priority 1, and returns the first id. */
static json_int_t submit_sleeps(struct client *client, int runs, const char *scope)
{
    json_t *batch = json_array();
    json_decref(client_result(f.client, "subscribe", "{'all':true,'events':['running']}"));
    json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));
    for (int i = 0; i < QUEUED; i++)
        json_array_append_new(
            batch, json_pack("{s:s, s:i, s:s, s:{s:s, s:{s:i}, s:b, s:i, s:s}}", "jsonrpc", "2.0",
                             "id", i, "method", "submit", "params", "fn", "sleep", "args",
                             "seconds", 3600, "durable", 0, "priority", i == runs, "scope", scope));
    char *line = json_dumps(batch, JSON_COMPACT);
    json_decref(batch);
    client_send_line(client, line);
    free(line);
    json_t *replies = client_read(client);
    json_int_t first = json_int_at(json_array_get(replies, 0), "result.id");
    json_decref(replies);
    json_decref(client_result(f.client, "pool.resume", "{'pool':'default'}"));
    json_t *note = client_notification(f.client);
    json_expect(note, "params.future.id", "%lld", first + runs);
    json_decref(note);
    return first;
}

START_TEST(terminate_of_many_starts_none_of_them)
{
    json_int_t first = submit_sleeps(f.client, 0, "daemon");
    json_t *reply = client_result(f.client, "cancel", "{'ids':[[%lld,%lld]],'terminate':true}",
                                  first, first + QUEUED - 1);
    json_t *futures = json_object_get(reply, "futures"), *each;
    size_t i;
    ck_assert_uint_eq(json_array_size(futures), QUEUED);
    json_array_foreach (futures, i, each)
        json_expect(each, "cancelled", i > 0 ? "true" : "false");
    json_decref(reply);
    expect_exception(f.client, first, "Terminated");
    expect_quiet(f.client);
}
END_TEST

START_TEST(a_client_that_goes_starts_none_of_its_own)
{
    struct client *other = fixture_client(&f);
    json_int_t last = QUEUED - 1;
    json_int_t first = submit_sleeps(other, (int)last, "connection");
    client_close(other);
    expect_exception(f.client, first + last, "Terminated");
    json_decref(client_result(f.client, "wait", "{'ids':[[%lld,%lld]]}", first, first + last));
    expect_quiet(f.client);
}
END_TEST

START_TEST(the_signal_can_be_chosen)
{
    static const char *const signals[] = {"'INT'", "'SIGUSR1'", "9", "'HUP'"};
    static const char *const names[] = {"SIGINT", "SIGUSR1", "SIGKILL", "SIGHUP"};

    for (size_t i = 0; i < 4; i++) {
        char *shown = text_print("%s", signals[i]);
        for (char *mark = strchr(shown, '\''); mark; mark = strchr(mark, '\''))
            *mark = '"';
        json_int_t id = fixture_hold(&f);
        json_decref(client_result(f.client, "cancel", "{'id':%lld,'terminate':true,'signal':%s}",
                                  id, shown));
        json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
        json_expect(reply, "exception.type", "'Terminated'");
        json_expect(reply, "exception.data.signal", "'%s'", names[i]);
        json_decref(reply);
        free(shown);
    }
}
END_TEST

START_TEST(a_job_may_end_in_its_own_way)
{
    json_int_t id = client_submit(
        f.client, "{'fn':'exec','args':{'argv':['sh','-c','trap \\\"echo bye; exit 3\\\" TERM; "
                  "echo ready; while :; do sleep 3600 & wait; done']}}");
    /* It says when its trap is set. */
    json_t *output = client_result(f.client, "output", "{'id':%lld,'wait':60}", id);
    json_expect(output, "data", "'ready\\n'");
    json_decref(output);
    json_decref(client_result(f.client, "cancel", "{'id':%lld,'terminate':true}", id));
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "exception.type", "'Terminated'");
    json_expect(reply, "exception.data.exit_code", "3");
    json_expect(reply, "exception.data.stdout", "'ready\\nbye\\n'");
    json_decref(reply);
}
END_TEST

START_TEST(a_job_that_ignores_term_dies_by_kill)
{
    json_int_t id = client_submit(
        f.client, "{'fn':'exec','args':{'argv':['sh','-c','trap \\\"\\\" TERM; echo ready; "
                  "exec sleep 3600']}}");
    json_decref(client_result(f.client, "output", "{'id':%lld,'wait':60}", id));
    json_decref(client_result(f.client, "cancel", "{'id':%lld,'terminate':true,'grace':0.1}", id));
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "exception.type", "'Terminated'");
    json_expect(reply, "exception.data.signal", "'SIGKILL'");
    json_decref(reply);
}
END_TEST

START_TEST(the_whole_group_goes)
{
    json_int_t id = client_submit(f.client, "{'fn':'exec','args':{'argv':['sh','-c','sleep 3600 & "
                                            "sleep 3600 & echo $!; wait']}}");
    json_t *output = client_result(f.client, "output", "{'id':%lld,'wait':60}", id);
    pid_t pid = (pid_t)strtol(json_text_at(output, "data"), NULL, 10);
    json_decref(output);
    int grandchild = (int)syscall(SYS_pidfd_open, pid, 0);
    ck_assert_int_ge(grandchild, 0);
    json_decref(client_result(f.client, "cancel", "{'id':%lld,'terminate':true}", id));
    expect_exception(f.client, id, "Terminated");
    deadline_wait(grandchild, POLLIN, "the end of the grandchild");
    close(grandchild);
}
END_TEST

START_TEST(a_second_request_may_be_harder)
{
    json_int_t id = client_submit(
        f.client, "{'fn':'exec','args':{'argv':['sh','-c','trap \\\"\\\" TERM; echo ready; "
                  "exec sleep 3600']}}");
    json_decref(client_result(f.client, "output", "{'id':%lld,'wait':60}", id));
    json_decref(client_result(f.client, "cancel", "{'id':%lld,'terminate':true,'grace':3600}", id));
    expect_state(f.client, id, "RUNNING");
    json_decref(
        client_result(f.client, "cancel", "{'id':%lld,'terminate':true,'signal':'KILL'}", id));
    expect_exception(f.client, id, "Terminated");
}
END_TEST

START_TEST(the_reason_stays_where_a_second_request_has_none)
{
    json_int_t id = client_submit(
        f.client, "{'fn':'exec','args':{'argv':['sh','-c','trap \\\"\\\" TERM; echo ready; "
                  "exec sleep 3600']}}");
    json_decref(client_result(f.client, "output", "{'id':%lld,'wait':60}", id));
    json_decref(
        client_result(f.client, "cancel", "{'id':%lld,'terminate':true,'reason':'enough'}", id));
    json_decref(
        client_result(f.client, "cancel", "{'id':%lld,'terminate':true,'signal':'KILL'}", id));
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "exception.message", "'terminated: enough'");
    json_decref(reply);
}
END_TEST

START_TEST(a_native_function_is_asked)
{
    json_int_t id = client_submit(f.client, "{'fn':'sleep','args':{'seconds':3600}}");
    json_decref(client_result(f.client, "subscribe", "{'ids':[%lld],'events':['running']}", id));
    json_t *future = client_result(f.client, "status", "{'id':%lld}", id);
    if (strcmp(json_text_at(future, "state"), "PENDING") == 0)
        json_decref(client_notification(f.client));
    json_decref(future);
    json_t *reply = client_result(f.client, "cancel", "{'id':%lld,'terminate':true}", id);
    json_expect(reply, "cancelled", "false");
    json_expect(reply, "state", "'RUNNING'");
    json_expect(reply, "terminating", "true");
    json_decref(reply);
    expect_exception(f.client, id, "Terminated");
}
END_TEST

START_TEST(the_race_has_one_winner)
{
    /* Cancel at once what a worker may just be taking: the answer and the end agree. */
    for (int i = 0; i < 500; i++) {
        json_int_t id = client_submit(f.client, "{'fn':'echo','args':{}}");
        json_t *reply = client_result(f.client, "cancel", "{'id':%lld}", id);
        json_t *end = client_result(f.client, "result", "{'id':%lld}", id);
        bool cancelled = json_bool_at(reply, "cancelled");
        ck_assert_str_eq(json_text_at(end, "state"), cancelled ? "CANCELLED" : "FINISHED");
        ck_assert_int_eq(json_has(end, "result"), !cancelled);
        if (!cancelled)
            ck_assert_str_ne(json_text_at(reply, "state"), "PENDING");
        json_decref(end);
        json_decref(reply);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_pending_one_never_runs,
        a_second_cancel_answers_true,
        a_running_one_goes_on,
        a_done_one_stays_done,
        many_at_once,
        terminate_ends_what_runs,
        terminate_cancels_what_is_pending,
        terminate_of_many_starts_none_of_them,
        a_client_that_goes_starts_none_of_its_own,
        the_signal_can_be_chosen,
        a_job_may_end_in_its_own_way,
        a_job_that_ignores_term_dies_by_kill,
        the_whole_group_goes,
        a_second_request_may_be_harder,
        the_reason_stays_where_a_second_request_has_none,
        a_native_function_is_asked,
        the_race_has_one_winner,
        NULL,
    };

    return fixture_run("cancel", setup, teardown, tests);
}

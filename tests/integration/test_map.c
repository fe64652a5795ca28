/* map: one call over many items. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/deadline.h"
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

static json_int_t map(const char *params)
{
    char *text = text_print("%s", params);

    for (char *mark = strchr(text, '\''); mark; mark = strchr(mark, '\''))
        *mark = '"';
    json_t *reply = client_result(f.client, "map", "%s", text);
    json_int_t id = json_int_at(reply, "id");
    json_decref(reply);
    free(text);
    return id;
}

START_TEST(the_reply_and_the_futures)
{
    json_t *reply = client_result(f.client, "map",
                                  "{'fn':'echo','args':{'a':1},'items':[10,'x',[1,2],null,{'k':1}],"
                                  "'label':'m','priority':2}");
    json_int_t id = json_int_at(reply, "id"), first = json_int_at(reply, "first");
    ck_assert_int_gt(first, id);
    json_expect(reply, "count", "5");
    json_decref(reply);
    reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "",
                "{'id':%lld,'state':'FINISHED','result':[{'a':1,'item':10},{'a':1,'item':'x'},"
                "{'a':1,'item':[1,2]},{'a':1,'item':null},{'a':1,'item':{'k':1}}]}",
                id);
    json_decref(reply);
    expect_result(f.client, first + 1, "{'a':1,'item':'x'}");

    json_t *future = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(future, "map.first", "%lld", first);
    json_expect(future, "map.count", "5");
    json_expect(future, "map.pending", "0");
    json_expect(future, "map.running", "0");
    json_expect(future, "map.finished", "5");
    json_expect(future, "map.cancelled", "0");
    json_expect(future, "map.failed", "0");
    json_expect(future, "label", "'m'");
    json_expect(future, "priority", "2");
    json_expect(future, "state", "'FINISHED'");
    json_expect(future, "failed", "false");
    ck_assert(json_is_real(json_at(future, "started")));
    ck_assert(!json_has(future, "item_of"));
    json_decref(future);

    future = client_result(f.client, "status", "{'id':%lld}", first + 3);
    json_expect(future, "item_of", "%lld", id);
    json_expect(future, "index", "3");
    json_expect(future, "fn", "'echo'");
    json_expect(future, "label", "'m'");
    ck_assert(!json_has(future, "map"));
    json_decref(future);
}
END_TEST

START_TEST(an_empty_map_is_done)
{
    json_t *reply = client_result(f.client, "map",
                                  "{'fn':'exec','args':{'argv':['true']},"
                                  "'items':[]}");
    json_int_t id = json_int_at(reply, "id");
    json_expect(reply, "count", "0");
    ck_assert(json_is_integer(json_at(reply, "first")));
    json_decref(reply);
    expect_result(f.client, id, "[]");
}
END_TEST

/* ---- placeholders ---- */

START_TEST(items_in_argv)
{
    static const struct {
        const char *argv, *item, *out;
    } cases[] = {
        {"['echo']", "'a b'", "a b\\n"},
        {"['echo','{}']", "'a b'", "a b\\n"},
        {"['echo','<{}>','{}{}']", "'x'", "<x> xx\\n"},
        {"['echo','{}']", "7", "7\\n"},
        {"['echo','{}']", "-1.50", "-1.50\\n"},
        {"['echo','{1}-{2}','{2}']", "['a','b c']", "a-b c b c\\n"},
        {"['echo','{1}']", "[1,2]", "1\\n"},
        {"['echo','{3}{1}']", "['a','b',3]", "3a\\n"},
        {"['echo','{1}']", "'solo'", "solo\\n"},
        {"['echo','{}']", "'{}'", "{}\\n"},
        {"['echo','{1} {2}']", "['{2}','y']", "{2} y\\n"},
        {"['echo','{}']", "'$HOME; *'", "$HOME; *\\n"},
        {"['echo','{x}','{ }']", "'i'", "{x} { } i\\n"},
        {"['printf','%s|']", "['a','b']", "a|b|"},
        {"['printf','%s|','{}']", "''", "|"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = text_print("{'fn':'exec','args':{'argv':%s},'items':[%s]}", cases[i].argv,
                                cases[i].item);
        json_int_t id = map(text);
        json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
        json_t *wanted = json_parse("\"%s\"", cases[i].out);
        const char *out = json_text_at(reply, "result.0.stdout");
        ck_assert_msg(strcmp(out, json_string_value(wanted)) == 0, "%s: %s", text, out);
        json_decref(wanted);
        json_decref(reply);
        free(text);
    }
}
END_TEST

/* ---- order and numbers ---- */

START_TEST(results_stand_in_item_order)
{
    /* The first ones end last. */
    json_int_t id = map("{'fn':'exec','args':{'argv':['sh','-c','sleep $1; echo $1','sh','{}']},"
                        "'items':['0.2','0.1','0.05','0']}");
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "result.0.stdout", "'0.2\\n'");
    json_expect(reply, "result.1.stdout", "'0.1\\n'");
    json_expect(reply, "result.2.stdout", "'0.05\\n'");
    json_expect(reply, "result.3.stdout", "'0\\n'");
    json_decref(reply);
}
END_TEST

START_TEST(chunksize_changes_nothing_that_can_be_seen)
{
    static const int sizes[] = {1, 2, 3, 7, 100, 1000000};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *text =
            text_print("{'fn':'echo','items':[0,1,2,3,4,5,6,7,8,9],'chunksize':%d}", sizes[i]);
        json_int_t id = map(text);
        json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
        for (int k = 0; k < 10; k++) {
            char *path = text_print("result.%d.item", k);
            json_expect(reply, path, "%d", k);
            free(path);
        }
        json_decref(reply);
        reply = client_result(f.client, "status", "{'id':%lld}", id + 10);
        json_expect(reply, "item_of", "%lld", id);
        json_decref(reply);
        free(text);
    }
}
END_TEST

START_TEST(a_hundred_thousand_items)
{
    const int count = 100000 / (int)test_slowness();
    json_t *items = json_array();

    for (int i = 0; i < count; i++)
        json_array_append_new(items, json_integer(i * 3));
    char *text = json_dumps(items, JSON_COMPACT);
    json_t *reply = client_result(f.client, "map",
                                  "{'fn':'echo','items':%s,'subscribe':true,'label':'big'}", text);
    json_int_t id = json_int_at(reply, "id"), first = json_int_at(reply, "first");
    json_expect(reply, "count", "%d", count);
    json_decref(reply);
    /* One message tells of the whole. */
    expect_done(f.client, id);
    expect_quiet(f.client);
    reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_t *result = json_at(reply, "result");
    ck_assert_uint_eq(json_array_size(result), (size_t)count);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(json_int_at(json_array_get(result, (size_t)i), "item"), i * 3);
    json_decref(reply);
    expect_result(f.client, first + count - 1, "{'item':%d}", (count - 1) * 3);
    reply = client_result(f.client, "status", "{'limit':0}");
    json_expect(reply, "counts", "{'PENDING':0,'RUNNING':0,'CANCELLED':0,'FINISHED':%d}",
                count + 1);
    json_decref(reply);
    free(text);
    json_decref(items);
}
END_TEST

/* Lines of a command's output, at most `max`. */
static json_t *lines_of(const char *command, size_t max)
{
    json_t *lines = json_array();
    FILE *pipe = popen(command, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t count;

    ck_assert_ptr_nonnull(pipe);
    while (json_array_size(lines) < max && (count = getline(&line, &size, pipe)) > 0) {
        line[count - 1] = '\0';
        json_array_append_new(lines, json_string(line));
    }
    while (getline(&line, &size, pipe) > 0)
        continue;
    free(line);
    pclose(pipe);
    return lines;
}

START_TEST(as_xargs_does_it)
{
    const size_t wanted = 5000 / test_slowness();
    char *list =
        text_print("find /usr/include /usr/share/doc /usr/lib/python3* -type f -size -200k "
                   "2>/dev/null | sort | head -n %zu | tee %s/files",
                   wanted, daemon_directory(f.daemon));
    json_t *files = lines_of(list, wanted);
    char *xargs = text_print("xargs -d '\\n' -n1 -P2 sha256sum <%s/files | sort -k2",
                             daemon_directory(f.daemon));
    ck_assert_uint_ge(json_array_size(files), wanted / 2);
    char *text = json_dumps(files, JSON_COMPACT);
    json_t *reply = client_result(
        f.client, "map", "{'fn':'exec','args':{'argv':['sha256sum','{}']},'items':%s}", text);
    json_int_t id = json_int_at(reply, "id");
    json_decref(reply);
    json_t *sums = lines_of(xargs, wanted), *by_name = json_object(), *sum;
    size_t index;
    json_array_foreach (sums, index, sum)
        json_object_set(by_name, json_string_value(sum) + 66, sum);
    ck_assert_uint_eq(json_object_size(by_name), json_array_size(files));
    /* It takes its time; the client waits for one line no longer than the deadline. */
    do {
        reply = client_result(f.client, "wait", "{'ids':[%lld],'timeout':10}", id);
        index = json_count_at(reply, "done");
        json_decref(reply);
    } while (index == 0);
    reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_array_foreach (json_at(reply, "result"), index, sum) {
        json_t *name = json_array_get(files, index);
        const char *line = json_string_value(json_object_get(by_name, json_string_value(name)));
        char *expected = text_print("%s\n", line);
        ck_assert_str_eq(json_text_at(sum, "stdout"), expected);
        free(expected);
    }
    ck_assert_uint_eq(json_count_at(reply, "result"), json_array_size(files));
    json_decref(reply);
    json_decref(by_name);
    json_decref(sums);
    json_decref(files);
    free(text);
    free(xargs);
    free(list);
}
END_TEST

/* ---- failing and cancelling ---- */

START_TEST(failing_items)
{
    json_int_t id = map("{'fn':'exec','args':{'argv':['sh','-c','exit $1','sh','{}']},"
                        "'items':[0,3,0,4]}");
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "state", "'FINISHED'");
    json_expect(reply, "exception.type", "'MapFailed'");
    json_expect(reply, "exception.data", "{'failed':2,'first':%lld}", id + 2);
    json_decref(reply);
    reply = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(reply, "failed", "true");
    json_expect(reply, "map.failed", "2");
    json_expect(reply, "map.finished", "4");
    json_decref(reply);
    reply = client_result(f.client, "result", "{'id':%lld}", id + 4);
    json_expect(reply, "exception.data.exit_code", "4");
    json_decref(reply);
    reply = client_result(f.client, "result", "{'id':%lld}", id + 3);
    json_expect(reply, "result.exit_code", "0");
    json_decref(reply);
}
END_TEST

START_TEST(fail_fast_cancels_the_rest)
{
    json_decref(client_result(f.client, "pool.set", "{'pool':'one','max_workers':1}"));
    json_int_t id = map("{'fn':'exec','pool':'one','fail_fast':true,"
                        "'args':{'argv':['test','{}','!=','1']},'items':[0,1,2,3]}");
    json_t *reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "exception.type", "'MapFailed'");
    json_expect(reply, "exception.data", "{'failed':1,'first':%lld}", id + 2);
    json_decref(reply);
    reply = client_result(f.client, "status", "{'id':%lld}", id);
    json_int_t cancelled = json_int_at(reply, "map.cancelled");
    json_int_t finished = json_int_at(reply, "map.finished");
    ck_assert_int_ge(cancelled, 1); /* one more may have been taken just before */
    ck_assert_int_eq(cancelled + finished, 4);
    json_decref(reply);
    expect_state(f.client, id + 4, "CANCELLED");
}
END_TEST

START_TEST(without_fail_fast_all_run)
{
    json_int_t id = map("{'fn':'exec','args':{'argv':['false']},'items':[1,2,3]}");
    json_t *reply = client_result(f.client, "exception", "{'id':%lld}", id);
    json_expect(reply, "exception.data.failed", "3");
    json_decref(reply);
}
END_TEST

START_TEST(partly_cancelled)
{
    json_int_t held = fixture_hold(&f);
    json_decref(client_result(f.client, "pool.set", "{'pool':'default','max_workers':1}"));
    json_int_t id = map("{'fn':'echo','items':[1,2,3]}");
    json_decref(client_result(f.client, "cancel", "{'id':%lld}", id + 2));
    json_t *reply = client_result(f.client, "status", "{'id':%lld}", id);
    json_expect(reply, "state", "'PENDING'");
    json_expect(reply, "map.pending", "2");
    json_expect(reply, "map.cancelled", "1");
    json_decref(reply);
    gate_pass(f.gate, 1);
    expect_exception(f.client, id, "CancelledError");
    expect_result(f.client, id + 1, "{'item':1}");
    expect_state(f.client, id + 2, "CANCELLED");
    expect_result(f.client, id + 3, "{'item':3}");
    expect_state(f.client, held, "FINISHED");
}
END_TEST

START_TEST(cancelling_the_map)
{
    fixture_hold(&f);
    json_decref(client_result(f.client, "pool.set", "{'pool':'default','max_workers':1}"));
    json_int_t id = map("{'fn':'echo','items':[1,2,3],'subscribe':true}");
    json_t *reply = client_result(f.client, "cancel", "{'id':%lld}", id);
    json_expect(reply, "cancelled", "true");
    json_expect(reply, "state", "'CANCELLED'");
    json_decref(reply);
    expect_done(f.client, id);
    for (int i = 1; i <= 3; i++)
        expect_state(f.client, id + i, "CANCELLED");
    reply = client_result(f.client, "result", "{'id':%lld}", id);
    json_expect(reply, "", "{'id':%lld,'state':'CANCELLED'}", id);
    json_decref(reply);
    expect_quiet(f.client);
    gate_pass(f.gate, 1);
}
END_TEST

START_TEST(cancelling_a_map_that_runs)
{
    json_decref(client_result(f.client, "pool.set", "{'pool':'one','max_workers':1}"));
    json_t *reply = client_result(f.client, "map",
                                  "{'fn':'exec','pool':'one','args':{'argv':%s},"
                                  "'items':[1,2,3]}",
                                  gate_argv(f.gate));
    json_int_t id = json_int_at(reply, "id");
    json_decref(reply);
    gate_wait_running(f.gate);
    expect_state(f.client, id, "RUNNING");
    reply = client_result(f.client, "cancel", "{'id':%lld}", id);
    json_expect(reply, "cancelled", "false");
    json_expect(reply, "state", "'RUNNING'");
    json_decref(reply);
    expect_state(f.client, id + 1, "RUNNING");
    expect_state(f.client, id + 2, "CANCELLED");
    reply = client_result(f.client, "cancel", "{'id':%lld,'terminate':true}", id);
    json_expect(reply, "cancelled", "false");
    json_expect(reply, "terminating", "true");
    json_decref(reply);
    expect_exception(f.client, id, "MapFailed");
    expect_exception(f.client, id + 1, "Terminated");
    ck_assert(!gate_has_visitor(f.gate));
}
END_TEST

START_TEST(after_a_map)
{
    json_int_t good = map("{'fn':'echo','items':[1,2]}");
    json_int_t bad = map("{'fn':'exec','args':{'argv':['false']},'items':[1,2]}");
    json_int_t next = client_submit(f.client, "{'fn':'echo','args':{},'after':[%lld]}", good);
    json_int_t never = client_submit(f.client, "{'fn':'echo','args':{},'after':[%lld]}", bad);
    expect_result(f.client, next, "{}");
    expect_exception(f.client, never, "DependencyFailed");
    json_t *reply =
        client_result(f.client, "map", "{'fn':'echo','items':[5],'after':[%lld]}", next);
    expect_result(f.client, json_int_at(reply, "id"), "[{'item':5}]");
    json_decref(reply);
    reply = client_result(f.client, "map", "{'fn':'echo','items':[5],'after':[%lld]}", never);
    expect_exception(f.client, json_int_at(reply, "id"), "DependencyFailed");
    expect_exception(f.client, json_int_at(reply, "first"), "DependencyFailed");
    json_decref(reply);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_reply_and_the_futures,
        an_empty_map_is_done,
        items_in_argv,
        results_stand_in_item_order,
        chunksize_changes_nothing_that_can_be_seen,
        a_hundred_thousand_items,
        as_xargs_does_it,
        failing_items,
        fail_fast_cancels_the_rest,
        without_fail_fast_all_run,
        partly_cancelled,
        cancelling_the_map,
        cancelling_a_map_that_runs,
        after_a_map,
        NULL,
    };

    return fixture_run("map", setup, teardown, tests);
}

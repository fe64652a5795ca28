/* layers: future */
/* extra: tests/support/fake_server.c tests/support/libfuture_fixture.c */
/* The other typed calls, and events: what goes over the wire, and what becomes of the answer. */
#include "client/future.h"

#include <signal.h>

#include "proto/methods.h"
#include "tests/support/libfuture_fixture.h"
#include "tests/support/suite.h"

static const char *const good_argv[] = {"a", NULL};

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
    TCase *tests = suite_tests("libfuture queries", setup, teardown);

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

/* layers: future */
/* extra: tests/support/fake_server.c */
/* Memory that runs out at each place where it can: every function says so, leaks nothing, loses
 * nothing, and the client goes on. Linked with --wrap for malloc, calloc and realloc. */
#include "client/future.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/fake_server.h"
#include "tests/support/suite.h"

/* A wait that ought to end by itself. */
enum { LONG_MS = 50000 };

/* ---- allocations that fail ---- */

static int allocations_left = -1; /* below 0: all succeed */
static bool fails_once;
static bool has_failed;

static bool fails(void)
{
    if (allocations_left < 0 || allocations_left-- > 0)
        return false;
    has_failed = true;
    allocations_left = fails_once ? -1 : 0;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

/* ---- what is tried ---- */

static struct fake_server *server;
static struct future_client *client;

static const char *const argv[] = {"cat", "\"", NULL};
static const struct future_span span = {1, 3};

#define FUTURE "{'id':7,'state':'FINISHED','fn':'exec','pool':'default','label':'l','failed':false}"

/* The reply to the first call and what comes behind it; then what is done with it. */
struct trial {
    const char *reply;
    const char *more; /* NULL: nothing */
    int (*run)(void);
};

static int try_submit(void)
{
    struct future_job job = {.size = sizeof(job),
                             .argv = argv,
                             .stdin_data = "\0",
                             .stdin_size = 1,
                             .label = "a label",
                             .retry_max = 2};
    uint64_t id;

    return future_submit(client, &job, LONG_MS, &id);
}

static int try_map(void)
{
    struct future_job job = {.size = sizeof(job), .fn = "echo", .args = "{\"a\":1}"};
    struct future_items items = {.size = sizeof(items), .json = "[1,2,[3]]"};
    uint64_t id;

    return future_map(client, &job, &items, LONG_MS, &id, NULL);
}

static int try_result(void)
{
    struct future_outcome *outcome;
    int r = future_result(client, 7, -1, &outcome);

    if (r == 0)
        future_outcome_free(outcome);
    return r;
}

static int try_status(void)
{
    struct future_info *info;
    int r = future_status(client, 7, LONG_MS, &info);

    if (r == 0)
        future_info_free(info);
    return r;
}

static int try_list(void)
{
    struct future_page *list;
    int r = future_list(client, NULL, LONG_MS, &list);

    if (r == 0)
        future_page_free(list);
    return r;
}

static int try_wait(void)
{
    struct future_waited *waited;
    int r = future_wait(client, &span, 1, FUTURE_ALL_COMPLETED, -1, &waited);

    if (r == 0)
        future_waited_free(waited);
    return r;
}

static int try_output(void)
{
    struct future_chunk *chunk;
    int r = future_output(client, 7, FUTURE_STDOUT, 0, 0, -1, &chunk);

    if (r == 0)
        future_chunk_free(chunk);
    return r;
}

static int try_completed(void)
{
    struct future_completed *completed;
    struct future_info *info;
    int r = future_as_completed(client, &span, 1, LONG_MS, &completed);

    if (r < 0)
        return r;
    r = future_completed_next(completed, LONG_MS, &info);
    if (r == 1)
        future_info_free(info);
    future_completed_free(completed);
    return r == 1 ? 0 : r;
}

static int try_event(void)
{
    struct future_subscription subscription = {.size = sizeof(subscription)};
    struct future_message *message;
    struct future_event *event;
    uint64_t number;
    int r = future_subscribe(client, &subscription, LONG_MS, &number);

    if (r == 0)
        r = future_receive(client, LONG_MS, &message);
    if (r != 0)
        return r;
    r = future_read_event(message, &event);
    if (r == 0)
        future_event_free(event);
    future_message_free(message);
    return r;
}

static int try_call(void)
{
    struct future_message *message;
    int r = future_call(client, "a method", "{\"with\":\"params\"}", LONG_MS, &message);

    if (r == 0)
        future_message_free(message);
    return r;
}

static const struct trial trials[] = {
    {"{'id':7,'state':'PENDING'}", NULL, try_submit},
    {"{'id':7,'first':8,'count':3}", NULL, try_map},
    {"{'id':7,'state':'FINISHED','result':{'exit_code':0,'signal':null,'rusage':{},"
     "'stdout_base64':'AP8B','stderr_base64':'AP8B'}}",
     NULL, try_result},
    {FUTURE, NULL, try_status},
    {"{'futures':[" FUTURE "," FUTURE "],'next':null,'counts':{}}", NULL, try_list},
    {"{'done':[1,2],'not_done':[3]}", NULL, try_wait},
    {"{'offset':0,'next':3,'eof':true,'data_base64':'AP8B'}", NULL, try_output},
    {"{'subscription':4,'cursor':1,'count':3}",
     "{'method':'future.done','params':{'subscription':4,'cursor':2,'future':" FUTURE "}}",
     try_completed},
    {"{'subscription':4,'cursor':1}",
     "{'method':'future.output','params':{'subscription':4,'id':7,'stream':'stdout','offset':0,"
     "'data_base64':'AP8B'}}",
     try_event},
    {"null", NULL, try_call},
};
enum { TRIALS = sizeof(trials) / sizeof(trials[0]) };

/* ---- trying it ---- */

/* The client serves the next call, whichever number that has. */
static void expect_sound(void)
{
    for (int call = 1; call <= 4; call++)
        fake_server_say(server, "{'id':'c%d','result':'sound'}", call);
    ck_assert_int_eq(try_call(), 0);
}

/* With so many allocations that succeed. Returns whether one has failed. */
static bool run_with(const struct trial *trial, int successes, bool once)
{
    int r;

    server = fake_server_new(&client);
    fake_server_say(server, "{'id':'c1','result':%s}", trial->reply);
    if (trial->more)
        fake_server_say(server, "%s", trial->more);
    fails_once = once;
    has_failed = false;
    allocations_left = successes;
    r = trial->run();
    allocations_left = -1;
    ck_assert_int_eq(r, has_failed && r != 0 ? FUTURE_NO_MEMORY : 0);
    if (r < 0 && trial->run != try_event) /* future_read_event leaves it alone */
        ck_assert_int_eq(future_last_error(client)->failure, FUTURE_NO_MEMORY);
    expect_sound();
    future_close(client);
    fake_server_free(server);
    return has_failed;
}

START_TEST(every_function_says_so)
{
    int successes = 0;

    for (; run_with(&trials[_i], successes, true); successes++)
        run_with(&trials[_i], successes, false);
    ck_assert_int_gt(successes, 3);
}
END_TEST

/* A message that there was no memory for is there when there is some. */
START_TEST(nothing_is_lost)
{
    struct future_message *message;
    int received = 0, failed = 0;

    server = fake_server_new(&client);
    for (int i = 1; i <= 50; i++)
        fake_server_say(server, "{'id':%d,'result':%d}", i, i);
    fails_once = true;
    while (received < 50) {
        int r;

        allocations_left = failed % 5;
        r = future_receive(client, LONG_MS, &message);
        allocations_left = -1;
        if (r < 0) {
            ck_assert_int_eq(r, FUTURE_NO_MEMORY);
            failed++;
            continue;
        }
        failed++;
        ck_assert_uint_eq(message->request_id, (uint64_t)++received);
        future_message_free(message);
    }
    ck_assert_int_gt(failed, 60);
    future_close(client);
    fake_server_free(server);
}
END_TEST

/* Half a request would spoil all that come behind it. */
START_TEST(nothing_is_half_sent)
{
    char params[3000];
    uint64_t id = 0, sent = 0;

    memset(params, ' ', sizeof(params));
    memcpy(params, "{\"a\":", 5);
    memcpy(params + sizeof(params) - 4, "1}", 3);
    server = fake_server_new(&client);
    for (int successes = 0; successes < 40; successes++) {
        int r;

        fails_once = true;
        allocations_left = successes % 4;
        r = future_send(client, "m", params, &id);
        allocations_left = -1;
        ck_assert(r == 0 || r == FUTURE_NO_MEMORY);
        if (r == 0)
            ck_assert_uint_eq(id, ++sent);
        ck_assert_uint_eq(id, sent);
    }
    ck_assert_uint_lt(sent, 40);
    for (uint64_t i = 1; i <= sent; i++) {
        json_t *request = fake_server_read(server);

        ck_assert_uint_eq((uint64_t)json_integer_value(json_object_get(request, "id")), i);
        json_decref(request);
    }
    fake_server_expect_silence(server);
    future_close(client);
    fake_server_free(server);
}
END_TEST

START_TEST(connecting)
{
    for (int successes = 0; successes < 2; successes++) {
        int ends[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        fails_once = true;
        allocations_left = successes;
        ck_assert_int_eq(future_connect_fd(ends[0], &client), FUTURE_NO_MEMORY);
        allocations_left = -1;
        ck_assert_int_eq(fcntl(ends[0], F_GETFD), -1);
        close(ends[1]);
    }
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("memory", NULL, NULL);

    tcase_add_loop_test(tests, every_function_says_so, 0, TRIALS);
    tcase_add_test(tests, nothing_is_lost);
    tcase_add_test(tests, nothing_is_half_sent);
    tcase_add_test(tests, connecting);
    return suite_run();
}

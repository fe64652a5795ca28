/* libfuture against the real daemon: every function, waits that others end, threads, and the loss
 * of the daemon. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/future.h"
#include "tests/support/fixture.h"

/* A wait that ought to end by itself. */
enum { LONG_MS = 50000 };

static struct fixture f;
static struct future_client *future;

static void setup(void)
{
    fixture_start(&f, NULL);
    ck_assert_int_eq(future_connect(daemon_socket(f.daemon), LONG_MS, &future), 0);
}

static void teardown(void)
{
    future_close(future);
    fixture_stop(&f);
}

static void teardown_without_daemon(void)
{
    future_close(future);
}

/* ---- what most tests need ---- */

static uint64_t submit_to(struct future_client *client, const struct future_job *job)
{
    uint64_t id = 0;
    int r = future_submit(client, job, LONG_MS, &id);

    ck_assert_msg(r >= 0, "%s (%s)", future_last_error(client)->message,
                  future_last_error(client)->param);
    return id;
}

static uint64_t submit(const char *const *argv)
{
    struct future_job job = {.size = sizeof(job), .argv = argv};

    return submit_to(future, &job);
}

#define COMMAND(...) submit((const char *const[]){__VA_ARGS__, NULL})

static uint64_t submit_pending(void)
{
    struct future_job job = {.size = sizeof(job), .fn = "echo", .delay_ms = 3600000};

    return submit_to(future, &job);
}

static struct future_outcome *outcome_of(uint64_t id)
{
    struct future_outcome *outcome;

    ck_assert_int_eq(future_result(future, id, -1, &outcome), 0);
    ck_assert_uint_eq(outcome->id, id);
    return outcome;
}

static void expect_code(int code)
{
    ck_assert_int_eq(future_last_error(future)->code, code);
}

/* ---- results ---- */

START_TEST(a_result)
{
    struct future_outcome *outcome =
        outcome_of(COMMAND("sh", "-c", "printf 'a\\0b'; echo err >&2"));

    ck_assert_int_eq(outcome->kind, FUTURE_RETURNED);
    ck_assert_int_eq(outcome->exec->exit_code, 0);
    ck_assert_uint_eq(outcome->exec->out.size, 3);
    ck_assert_mem_eq(outcome->exec->out.data, "a\0b", 3);
    ck_assert_str_eq(outcome->exec->err.data, "err\n");
    ck_assert_int_gt(outcome->exec->wall_us, 0);
    ck_assert_int_gt(outcome->exec->maxrss_kb, 0);
    ck_assert(!outcome->exec->truncated);
    future_outcome_free(outcome);
}
END_TEST

START_TEST(any_bytes_go_in_and_out)
{
    static const char *const argv[] = {"cat", NULL};
    enum { SIZE = 300000 };
    unsigned char *bytes = malloc(SIZE);
    struct future_job job = {
        .size = sizeof(job), .argv = argv, .stdin_data = bytes, .stdin_size = SIZE};
    struct future_outcome *outcome;

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(i * 2654435761u >> 13);
    outcome = outcome_of(submit_to(future, &job));
    ck_assert_uint_eq(outcome->exec->out.size, SIZE);
    ck_assert_int_eq(memcmp(outcome->exec->out.data, bytes, SIZE), 0);
    future_outcome_free(outcome);
    free(bytes);
}
END_TEST

START_TEST(where_and_with_what_it_runs)
{
    static const char *const argv[] = {"sh", "-c", "pwd; echo \"$A\"; echo e >&2; exit 3", NULL};
    static const char *const env[] = {"A=x=y", NULL};
    struct future_job job = {.size = sizeof(job),
                             .argv = argv,
                             .cwd = "/usr",
                             .env = env,
                             .merge_stderr = true,
                             .no_check = true};
    struct future_outcome *outcome = outcome_of(submit_to(future, &job));

    ck_assert_int_eq(outcome->kind, FUTURE_RETURNED);
    ck_assert_int_eq(outcome->exec->exit_code, 3);
    ck_assert_str_eq(outcome->exec->out.data, "/usr\nx=y\ne\n");
    future_outcome_free(outcome);
}
END_TEST

START_TEST(exceptions)
{
    struct future_outcome *outcome = outcome_of(COMMAND("sh", "-c", "echo out; exit 7"));

    ck_assert_int_eq(outcome->kind, FUTURE_RAISED);
    ck_assert_str_eq(outcome->exception->type, "ExitStatus");
    ck_assert_int_eq(outcome->exec->exit_code, 7);
    ck_assert_str_eq(outcome->exec->out.data, "out\n");
    future_outcome_free(outcome);
    outcome = outcome_of(COMMAND("sh", "-c", "kill -SEGV $$"));
    ck_assert_str_eq(outcome->exception->type, "Signalled");
    ck_assert_int_eq(outcome->exec->signal, SIGSEGV);
    ck_assert_int_eq(outcome->exec->exit_code, -1);
    future_outcome_free(outcome);
    outcome = outcome_of(COMMAND("/no/such/program"));
    ck_assert_str_eq(outcome->exception->type, "SpawnError");
    ck_assert_ptr_null(outcome->exec);
    ck_assert_str_eq(json_string_value(json_object_get(outcome->exception->data, "errno")),
                     "ENOENT");
    future_outcome_free(outcome);
}
END_TEST

START_TEST(an_exception_alone)
{
    struct future_outcome *outcome;

    ck_assert_int_eq(future_exception(future, COMMAND("echo", "hi"), -1, &outcome), 0);
    ck_assert_int_eq(outcome->kind, FUTURE_RETURNED);
    ck_assert_ptr_null(outcome->result);
    future_outcome_free(outcome);
    ck_assert_int_eq(future_exception(future, COMMAND("false"), -1, &outcome), 0);
    ck_assert_str_eq(outcome->exception->type, "ExitStatus");
    future_outcome_free(outcome);
}
END_TEST

START_TEST(a_value)
{
    struct future_job job = {.size = sizeof(job), .fn = "echo", .args = "{\"a\": [1.50, null]}"};
    struct future_outcome *outcome = outcome_of(submit_to(future, &job));

    ck_assert_ptr_null(outcome->exec);
    ck_assert(json_is_array(json_object_get(outcome->result, "a")));
    ck_assert_uint_gt(outcome->result_size, 0);
    ck_assert_int_eq(outcome->result_text[0], '{');
    ck_assert_int_eq(outcome->result_text[outcome->result_size - 1], '}');
    future_outcome_free(outcome);
}
END_TEST

START_TEST(time_runs_out)
{
    struct future_outcome *outcome;
    uint64_t id = submit_pending();

    ck_assert_int_eq(future_result(future, id, 0, &outcome), FUTURE_TIMED_OUT);
    expect_code(FUTURE_CODE_TIMEOUT);
    ck_assert_int_eq(future_result(future, id, 20, &outcome), FUTURE_TIMED_OUT);
    expect_code(FUTURE_CODE_TIMEOUT);
    ck_assert_int_eq(future_result(future, 4711, 0, &outcome), FUTURE_REFUSED);
    expect_code(FUTURE_CODE_NOT_FOUND);
}
END_TEST

START_TEST(a_key_makes_it_repeatable)
{
    struct future_job job = {.size = sizeof(job), .fn = "echo", .key = "order-17"};
    uint64_t first, second;

    ck_assert_int_eq(future_submit(future, &job, LONG_MS, &first), 0);
    ck_assert_int_eq(future_submit(future, &job, LONG_MS, &second), 1);
    ck_assert_uint_eq(first, second);
    job.args = "[1]";
    ck_assert_int_eq(future_submit(future, &job, LONG_MS, &second), FUTURE_REFUSED);
    expect_code(FUTURE_CODE_KEY_CONFLICT);
}
END_TEST

START_TEST(one_after_another)
{
    struct future_dependency after = {.on = FUTURE_ON_EXCEPTION};
    struct future_job job = {.size = sizeof(job), .fn = "echo", .after = &after, .after_count = 1};
    struct future_outcome *outcome;

    after.id = COMMAND("false");
    outcome = outcome_of(submit_to(future, &job));
    ck_assert_int_eq(outcome->kind, FUTURE_RETURNED);
    future_outcome_free(outcome);
    after.on = FUTURE_ON_RESULT;
    outcome = outcome_of(submit_to(future, &job));
    ck_assert_str_eq(outcome->exception->type, "DependencyFailed");
    future_outcome_free(outcome);
}
END_TEST

START_TEST(attempts)
{
    static const char *const argv[] = {"sh", "-c", "test $FUTURE_ATTEMPT -eq 3", NULL};
    struct future_job job = {.size = sizeof(job),
                             .argv = argv,
                             .retry_max = 2,
                             .retry_delay_ms = 1,
                             .retry_backoff = 1.5};
    uint64_t id = submit_to(future, &job);
    struct future_outcome *outcome = outcome_of(id);
    struct future_info *info;

    ck_assert_int_eq(outcome->kind, FUTURE_RETURNED);
    future_outcome_free(outcome);
    ck_assert_int_eq(future_status(future, id, LONG_MS, &info), 0);
    ck_assert_uint_eq(info->attempt, 3);
    future_info_free(info);
}
END_TEST

/* ---- maps ---- */

START_TEST(a_map)
{
    static const char *const argv[] = {"echo", "<{}>", NULL};
    static const char *const texts[] = {"a", "b c", ""};
    struct future_job job = {.size = sizeof(job), .argv = argv};
    struct future_items items = {.size = sizeof(items), .texts = texts, .count = 3};
    struct future_outcome *outcome;
    struct future_info *info;
    uint64_t id, first;

    ck_assert_int_eq(future_map(future, &job, &items, LONG_MS, &id, &first), 0);
    outcome = outcome_of(id);
    ck_assert_uint_eq(json_array_size(outcome->result), 3);
    future_outcome_free(outcome);
    for (size_t i = 0; i < 3; i++) {
        char wanted[20];

        snprintf(wanted, sizeof(wanted), "<%s>\n", texts[i]);
        outcome = outcome_of(first + i);
        ck_assert_str_eq(outcome->exec->out.data, wanted);
        future_outcome_free(outcome);
    }
    ck_assert_int_eq(future_status(future, id, LONG_MS, &info), 0);
    ck_assert_uint_eq(info->map->first, first);
    ck_assert_uint_eq(info->map->finished, 3);
    ck_assert(!info->map->open);
    future_info_free(info);
    ck_assert_int_eq(future_status(future, first + 2, LONG_MS, &info), 0);
    ck_assert_uint_eq(info->item_of, id);
    ck_assert_uint_eq(info->index, 2);
    future_info_free(info);
}
END_TEST

START_TEST(an_open_map)
{
    struct future_job job = {.size = sizeof(job), .fn = "echo"};
    struct future_items items = {.size = sizeof(items), .open = true, .window = 100};
    struct future_outcome *outcome;
    uint64_t id, first = 0, count, next;

    ck_assert_int_eq(future_map(future, &job, &items, LONG_MS, &id, NULL), 0);
    items.json = "[1,2]";
    ck_assert_int_eq(future_map_add(future, id, &items, LONG_MS, &first), 0);
    items.json = "[3]";
    ck_assert_int_eq(future_map_add(future, id, &items, LONG_MS, &next), 0);
    ck_assert_uint_eq(next, first + 2);
    ck_assert_int_eq(future_map_close(future, id, LONG_MS, &count), 0);
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(future_map_add(future, id, &items, LONG_MS, NULL), FUTURE_REFUSED);
    expect_code(FUTURE_CODE_INVALID_STATE);
    outcome = outcome_of(id);
    ck_assert_uint_eq(json_array_size(outcome->result), 3);
    future_outcome_free(outcome);
}
END_TEST

/* ---- many ---- */

START_TEST(waiting_for_many)
{
    uint64_t pending = submit_pending(), done = COMMAND("true");
    struct future_span spans[] = {{pending, pending}, {done, done}};
    struct future_waited *waited;

    ck_assert_int_eq(future_wait(future, spans, 2, FUTURE_FIRST_COMPLETED, -1, &waited), 0);
    ck_assert_uint_eq(waited->done_count, 1);
    ck_assert_uint_eq(waited->done[0], done);
    ck_assert_uint_eq(waited->not_done_count, 1);
    ck_assert_uint_eq(waited->not_done[0], pending);
    future_waited_free(waited);
    ck_assert_int_eq(future_wait(future, spans, 2, FUTURE_ALL_COMPLETED, 10, &waited), 0);
    ck_assert_uint_eq(waited->not_done_count, 1);
    future_waited_free(waited);
}
END_TEST

START_TEST(as_they_are_completed)
{
    static const struct future_span all = {1, 1000};
    struct future_completed *completed;
    struct future_info *info;
    uint64_t held = (uint64_t)fixture_hold(&f), done = COMMAND("true"), failed;

    future_outcome_free(outcome_of(done));
    failed = COMMAND("false");
    ck_assert_int_eq(future_as_completed(future, &all, 1, LONG_MS, &completed), 0);
    ck_assert_uint_eq(future_completed_left(completed), 3);
    ck_assert_int_eq(future_completed_next(completed, -1, &info), 1);
    ck_assert_uint_eq(info->id, done);
    ck_assert(!info->failed);
    future_info_free(info);
    ck_assert_int_eq(future_completed_next(completed, -1, &info), 1);
    ck_assert_uint_eq(info->id, failed);
    ck_assert(info->failed);
    future_info_free(info);
    ck_assert_int_eq(future_completed_next(completed, 10, &info), FUTURE_TIMED_OUT);
    gate_pass(f.gate, 1);
    ck_assert_int_eq(future_completed_next(completed, -1, &info), 1);
    ck_assert_uint_eq(info->id, held);
    future_info_free(info);
    ck_assert_int_eq(future_completed_next(completed, -1, &info), 0);
    future_completed_free(completed);
}
END_TEST

START_TEST(thousands_as_they_are_completed)
{
    enum { COUNT = 1000 };
    struct future_job job = {.size = sizeof(job), .fn = "echo"};
    char json[COUNT * 5 + 10] = "[";
    struct future_items items = {.size = sizeof(items), .json = json};
    struct future_completed *completed;
    struct future_info *info;
    struct future_span span;
    static bool seen[COUNT];
    uint64_t id, first;
    int r, count = 0;

    for (size_t i = 0, end = 1; i < COUNT; i++)
        end +=
            (size_t)snprintf(json + end, sizeof(json) - end, "%zu%s", i, i + 1 < COUNT ? "," : "]");
    ck_assert_int_eq(future_map(future, &job, &items, LONG_MS, &id, &first), 0);
    span = (struct future_span){first, first + COUNT - 1};
    ck_assert_int_eq(future_as_completed(future, &span, 1, LONG_MS, &completed), 0);
    while ((r = future_completed_next(completed, -1, &info)) == 1) {
        ck_assert(!seen[info->index]);
        seen[info->index] = true;
        count++;
        future_info_free(info);
    }
    ck_assert_int_eq(r, 0);
    ck_assert_int_eq(count, COUNT);
    future_completed_free(completed);
}
END_TEST

/* The daemon bounds the subscriptions of a connection. */
START_TEST(subscriptions_are_given_back)
{
    static const char config[] = "[limits]\nsubscriptions = 2\n";
    struct daemon *small = daemon_start(&(struct daemon_options){.config = config});
    struct future_job job = {.size = sizeof(job), .fn = "echo"};
    struct future_client *client;
    struct future_span span;

    ck_assert_int_eq(future_connect(daemon_socket(small), LONG_MS, &client), 0);
    span.first = span.last = submit_to(client, &job);
    for (int i = 0; i < 10; i++) {
        struct future_completed *completed;
        struct future_info *info;

        ck_assert_int_eq(future_as_completed(client, &span, 1, LONG_MS, &completed), 0);
        ck_assert_int_eq(future_completed_next(completed, -1, &info), 1);
        future_info_free(info);
        future_completed_free(completed);
    }
    future_close(client);
    daemon_stop(small);
}
END_TEST

START_TEST(a_list)
{
    struct future_filter filter = {.size = sizeof(filter), .states = 1u << FUTURE_PENDING};
    uint64_t pending = submit_pending();
    struct future_page *list;

    future_outcome_free(outcome_of(COMMAND("true")));
    ck_assert_int_eq(future_list(future, &filter, LONG_MS, &list), 0);
    ck_assert_uint_eq(list->count, 1);
    ck_assert_uint_eq(list->futures[0]->id, pending);
    ck_assert_str_eq(list->futures[0]->waiting, "delay");
    ck_assert_uint_eq(list->counts[FUTURE_PENDING], 1);
    ck_assert_uint_eq(list->counts[FUTURE_FINISHED], 1);
    ck_assert_uint_eq(list->next, 0);
    future_page_free(list);
    filter = (struct future_filter){.size = sizeof(filter), .limit = 1};
    ck_assert_int_eq(future_list(future, &filter, LONG_MS, &list), 0);
    ck_assert_uint_eq(list->count, 1);
    filter.before = list->next;
    future_page_free(list);
    ck_assert_uint_gt(filter.before, 0);
    ck_assert_int_eq(future_list(future, &filter, LONG_MS, &list), 0);
    ck_assert_uint_eq(list->futures[0]->id, pending);
    future_page_free(list);
}
END_TEST

/* ---- acting ---- */

START_TEST(cancelling)
{
    struct future_cancelling how = {
        .size = sizeof(how), .terminate = true, .signal = SIGKILL, .reason = "too slow"};
    uint64_t pending = submit_pending(), held = (uint64_t)fixture_hold(&f);
    struct future_outcome *outcome;
    enum future_cancel_answer answer;

    ck_assert_int_eq(future_cancel(future, pending, NULL, LONG_MS, &answer), 0);
    ck_assert_int_eq(answer, FUTURE_IS_CANCELLED);
    outcome = outcome_of(pending);
    ck_assert_int_eq(outcome->kind, FUTURE_WAS_CANCELLED);
    future_outcome_free(outcome);
    ck_assert_int_eq(future_cancel(future, held, NULL, LONG_MS, &answer), 0);
    ck_assert_int_eq(answer, FUTURE_NOT_CANCELLED);
    ck_assert_int_eq(future_cancel(future, held, &how, LONG_MS, &answer), 0);
    ck_assert_int_eq(answer, FUTURE_TERMINATING);
    outcome = outcome_of(held);
    ck_assert_str_eq(outcome->exception->type, "Terminated");
    ck_assert_ptr_nonnull(strstr(outcome->exception->message, "too slow"));
    ck_assert_int_eq(outcome->exec->signal, SIGKILL);
    future_outcome_free(outcome);
}
END_TEST

START_TEST(again_and_away)
{
    uint64_t id = COMMAND("sh", "-c", "exit $((2 - FUTURE_ATTEMPT))"), count = 0;
    struct future_span span = {id, id};
    struct future_outcome *outcome = outcome_of(id);

    ck_assert_int_eq(outcome->kind, FUTURE_RAISED);
    future_outcome_free(outcome);
    ck_assert_int_eq(future_retry(future, &span, 1, LONG_MS), 0);
    outcome = outcome_of(id);
    ck_assert_int_eq(outcome->kind, FUTURE_RETURNED);
    future_outcome_free(outcome);
    ck_assert_int_eq(future_forget(future, &span, 1, LONG_MS, &count), 0);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(future_result(future, id, 0, &outcome), FUTURE_REFUSED);
    expect_code(FUTURE_CODE_NOT_FOUND);
}
END_TEST

START_TEST(output_as_it_comes)
{
    char fifo[200], script[300];
    struct future_chunk *chunk;
    uint64_t id;
    int fd;

    snprintf(fifo, sizeof(fifo), "%s/fifo", daemon_directory(f.daemon));
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    snprintf(script, sizeof(script), "printf one; read line <'%s'; printf two", fifo);
    id = COMMAND("sh", "-c", script);
    ck_assert_int_eq(future_output(future, id, FUTURE_STDOUT, 0, 0, -1, &chunk), 0);
    ck_assert_str_eq(chunk->bytes.data, "one");
    ck_assert_uint_eq(chunk->next, 3);
    ck_assert(!chunk->end);
    future_chunk_free(chunk);
    ck_assert_int_eq(future_output(future, id, FUTURE_STDOUT, 3, 0, 10, &chunk), 0);
    ck_assert_uint_eq(chunk->bytes.size, 0);
    ck_assert(!chunk->end);
    future_chunk_free(chunk);
    fd = open(fifo, O_WRONLY | O_CLOEXEC);
    ck_assert_int_eq(write(fd, "\n", 1), 1);
    close(fd);
    ck_assert_int_eq(future_output(future, id, FUTURE_STDOUT, 3, 0, -1, &chunk), 0);
    ck_assert_str_eq(chunk->bytes.data, "two");
    future_chunk_free(chunk);
    ck_assert_int_eq(future_output(future, id, FUTURE_STDOUT, 6, 0, -1, &chunk), 0);
    ck_assert_uint_eq(chunk->bytes.size, 0);
    ck_assert(chunk->end);
    future_chunk_free(chunk);
}
END_TEST

/* ---- events ---- */

static struct future_event *next_event(uint64_t number)
{
    struct future_message *message;
    struct future_event *event;

    ck_assert_int_eq(future_receive(future, LONG_MS, &message), 0);
    ck_assert_int_eq(future_read_event(message, &event), 0);
    ck_assert_uint_eq(event->subscription, number);
    future_message_free(message);
    return event;
}

START_TEST(events)
{
    struct future_subscription all = {.size = sizeof(all),
                                      .label = "watched",
                                      .events = FUTURE_STARTED | FUTURE_OUTPUT | FUTURE_DONE};
    static const char *const argv[] = {"printf", "\\377", NULL};
    struct future_job job = {.size = sizeof(job), .argv = argv, .label = "watched"};
    struct future_message *message;
    struct future_event *event;
    uint64_t number, id, cursor;

    ck_assert_int_eq(future_subscribe(future, &all, LONG_MS, &number), 0);
    COMMAND("true"); /* not watched */
    id = submit_to(future, &job);
    event = next_event(number);
    ck_assert_int_eq(event->kind, FUTURE_STARTED);
    ck_assert_int_eq(event->info->state, FUTURE_RUNNING);
    cursor = event->cursor;
    future_event_free(event);
    event = next_event(number);
    ck_assert_int_eq(event->kind, FUTURE_OUTPUT);
    ck_assert_int_eq(event->stream, FUTURE_STDOUT);
    ck_assert_uint_eq(event->id, id);
    ck_assert_uint_eq(event->bytes.size, 1);
    ck_assert_mem_eq(event->bytes.data, "\xff", 1);
    future_event_free(event);
    event = next_event(number);
    ck_assert_int_eq(event->kind, FUTURE_DONE);
    ck_assert_uint_eq(event->id, id);
    ck_assert_uint_gt(event->cursor, cursor);
    cursor = event->cursor;
    future_event_free(event);

    ck_assert_int_eq(future_unsubscribe(future, number, LONG_MS), 0);
    future_outcome_free(outcome_of(submit_to(future, &job)));
    ck_assert_int_eq(future_receive(future, 0, &message), FUTURE_TIMED_OUT);
    /* What was missed is told from a cursor on. */
    all = (struct future_subscription){
        .size = sizeof(all), .label = "watched", .has_since = true, .since = cursor};
    ck_assert_int_eq(future_subscribe(future, &all, LONG_MS, &number), 0);
    event = next_event(number);
    ck_assert_uint_gt(event->id, id);
    future_event_free(event);
    ck_assert_int_eq(future_receive(future, 0, &message), FUTURE_TIMED_OUT);
}
END_TEST

/* ---- many at a time ---- */

struct tally {
    int replies, done;
};

static int count_message(void *context, struct future_message *message)
{
    struct tally *tally = context;

    ck_assert_int_ne(message->kind, FUTURE_ERROR);
    tally->replies += message->kind == FUTURE_REPLY;
    tally->done += message->kind == FUTURE_NOTIFICATION;
    future_message_free(message);
    return 0;
}

START_TEST(an_event_loop_with_thousands)
{
    enum { COUNT = 2000 };
    struct future_job job = {.size = sizeof(job), .fn = "echo", .subscribe = true};
    struct tally tally = {0};
    int sent = 0;

    future_set_nonblocking(future, true);
    while (tally.done < COUNT) {
        struct pollfd ready = {.fd = future_fd(future), .events = future_events(future)};

        while (sent < COUNT && future_send_submit(future, &job, NULL) == 0)
            sent++;
        ready.events = future_events(future);
        ck_assert_int_eq(poll(&ready, 1, LONG_MS), 1);
        ck_assert_int_eq(future_dispatch(future, count_message, &tally), 0);
    }
    ck_assert_int_eq(tally.replies, COUNT);
    ck_assert_int_eq(tally.done, COUNT);
}
END_TEST

/* Nobody reads while 15 MB of replies are asked for: the daemon stops reading, we stop sending. */
START_TEST(full_buffers)
{
    enum { COUNT = 150, SIZE = 100000 };
    char *args = malloc(SIZE + 10);
    struct future_job job = {.size = sizeof(job), .fn = "echo", .args = args};
    struct future_message *message;
    uint64_t id;

    memset(args, 'x', SIZE);
    args[0] = args[SIZE - 1] = '"';
    args[SIZE] = '\0';
    id = submit_to(future, &job);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(future_send_result(future, id, -1, NULL), 0);
        ck_assert_int_eq(future_send_submit(future, &job, NULL), 0);
    }
    for (int i = 0; i < 2 * COUNT; i++) {
        ck_assert_int_eq(future_receive(future, LONG_MS, &message), 0);
        ck_assert_int_eq(message->kind, FUTURE_REPLY);
        future_message_free(message);
    }
    free(args);
}
END_TEST

static void *use_a_client(void *context)
{
    struct future_client *client;

    (void)context;
    ck_assert_int_eq(future_connect(daemon_socket(f.daemon), LONG_MS, &client), 0);
    for (int i = 0; i < 50; i++) {
        struct future_job job = {.size = sizeof(job), .fn = "echo", .args = "[1,2]"};
        struct future_outcome *outcome;
        uint64_t id = submit_to(client, &job);

        ck_assert_int_eq(future_result(client, id, -1, &outcome), 0);
        ck_assert_uint_eq(json_array_size(outcome->result), 2);
        future_outcome_free(outcome);
    }
    future_close(client);
    return NULL;
}

START_TEST(a_client_a_thread)
{
    pthread_t threads[8];

    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_a_client, NULL), 0);
    for (size_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

static void *read_an_outcome(void *context)
{
    struct future_outcome *outcome = context;

    ck_assert_str_eq(outcome->exec->out.data, "hi\n");
    future_outcome_free(outcome);
    return NULL;
}

/* What the library gives out may go to another thread while the client goes on. */
START_TEST(an_outcome_for_another_thread)
{
    struct future_message *message;
    struct future_outcome *outcome;
    pthread_t thread;

    ck_assert_int_eq(future_send_result(future, COMMAND("echo", "hi"), -1, NULL), 0);
    ck_assert_int_eq(future_receive(future, LONG_MS, &message), 0);
    ck_assert_int_eq(future_read_outcome(message, &outcome), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, read_an_outcome, outcome), 0);
    future_message_free(message);
    future_close(future);
    future = NULL;
    pthread_join(thread, NULL);
}
END_TEST

/* ---- the end of the daemon ---- */

START_TEST(shutting_down)
{
    struct future_job job = {.size = sizeof(job), .fn = "echo"};
    uint64_t id;

    fixture_hold(&f);
    ck_assert_int_eq(future_shutdown(future, FUTURE_SHUTDOWN_CANCEL, 10), 0);
    ck_assert_int_eq(future_submit(future, &job, LONG_MS, &id), FUTURE_REFUSED);
    expect_code(FUTURE_CODE_SHUT_DOWN);
    gate_pass(f.gate, 1);
    ck_assert_int_eq(future_shutdown(future, 0, -1), 1);
    fixture_join(&f);
}
END_TEST

static void *kill_daemon(void *context)
{
    struct future_info *info = NULL;
    struct future_client *client;
    uint64_t *id = context;

    /* When the other one's request is there, so is its wait, or it will hear of the end at once. */
    ck_assert_int_eq(future_connect(daemon_socket(f.daemon), LONG_MS, &client), 0);
    ck_assert_int_eq(future_status(client, *id, LONG_MS, &info), 0);
    future_info_free(info);
    daemon_kill(f.daemon);
    future_close(client);
    return NULL;
}

START_TEST(the_daemon_is_killed)
{
    struct future_outcome *outcome;
    struct future_client *late;
    uint64_t id = submit_pending();
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, kill_daemon, &id), 0);
    ck_assert_int_eq(future_result(future, id, -1, &outcome), FUTURE_DISCONNECTED);
    pthread_join(thread, NULL);
    ck_assert_int_eq(future_result(future, id, -1, &outcome), FUTURE_DISCONNECTED);
    daemon_restart(f.daemon);
    ck_assert_int_eq(future_connect(daemon_socket(f.daemon), LONG_MS, &late), 0);
    future_close(late);
    client_close(f.client);
    gate_free(f.gate);
    daemon_stop(f.daemon);
}
END_TEST

/* A daemon that is stopped in the middle, as by SIGSTOP, answers nothing. */
START_TEST(the_daemon_is_silent)
{
    struct future_info *info;

    kill(daemon_pid(f.daemon), SIGSTOP);
    ck_assert_int_eq(future_status(future, 1, 20, &info), FUTURE_TIMED_OUT);
    expect_code(FUTURE_CODE_NONE);
    kill(daemon_pid(f.daemon), SIGCONT);
    future_outcome_free(outcome_of(COMMAND("true")));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_result,
                                  any_bytes_go_in_and_out,
                                  where_and_with_what_it_runs,
                                  exceptions,
                                  an_exception_alone,
                                  a_value,
                                  time_runs_out,
                                  a_key_makes_it_repeatable,
                                  one_after_another,
                                  attempts,
                                  a_map,
                                  an_open_map,
                                  waiting_for_many,
                                  as_they_are_completed,
                                  thousands_as_they_are_completed,
                                  subscriptions_are_given_back,
                                  a_list,
                                  cancelling,
                                  again_and_away,
                                  output_as_it_comes,
                                  events,
                                  an_event_loop_with_thousands,
                                  full_buffers,
                                  a_client_a_thread,
                                  an_outcome_for_another_thread,
                                  the_daemon_is_silent,
                                  NULL};
    const TTest *const ends[] = {shutting_down, the_daemon_is_killed, NULL};
    int status = fixture_run("libfuture", setup, teardown, tests);

    return fixture_run("libfuture: the end", setup, teardown_without_daemon, ends) | status;
}

/* The daemon is killed at any moment, under a load of submits, maps, cancels and ends, and while it
 * starts; the jobs write to a ledger that is the test's. Then what a store of many futures costs:
 * the time to be ready again, and memory. FUTURED_LONG=1 does all of it in full. */
#include <check.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/client.h"
#include "tests/support/daemon.h"
#include "tests/support/deadline.h"
#include "tests/support/fixture.h"
#include "tests/support/json.h"
#include "tests/support/text.h"

#define WORKERS 4
/* A kill interrupts all that had begun and whose end was not stored: of each worker the call it
 * executes, and those with a start stored ahead by two commits that it has been through since. */
#define BEGUN_PER_WORKER 5
#define MAP_ITEMS        3
#define OPS_MAX          130
#define IDS_MAX          200000

static struct fixture f;

static void setup(void)
{
    static const struct daemon_options options = {.config = "[pool default]\nmax_workers = 4\n"
                                                            "[limits]\nretention_count = 3000000\n"
                                                            "pending = 3000000\n"};
    fixture_start(&f, &options);
}

static void teardown(void)
{
    fixture_stop(&f);
}

static bool is_long(void)
{
    return getenv("FUTURED_LONG") != NULL;
}

/* ---- what was asked, and what was answered ---- */

enum op_kind { OP_SUBMIT, OP_RERUN, OP_MAP, OP_CANCEL };

struct op {
    enum op_kind kind;
    json_int_t id; /* of a cancel */
};

/* What is known of a future that was acknowledged. */
struct known {
    bool there, rerun, cancel_sent, cancelled;
};

struct story {
    struct known known[IDS_MAX];
    json_int_t newest;
    unsigned runs[IDS_MAX];
    unsigned kills;
    char *ledger;
};

/* A connection that may break in the middle of a line. */
struct wire {
    int fd;
    FILE *in;
};

static struct wire wire_open(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct wire wire = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon_socket(f.daemon));
    ck_assert_int_ge(wire.fd, 0);
    ck_assert_int_eq(connect(wire.fd, (struct sockaddr *)&address, sizeof(address)), 0);
    wire.in = fdopen(wire.fd, "r");
    ck_assert_ptr_nonnull(wire.in);
    return wire;
}

static void wire_send(const struct wire *wire, size_t number, const char *method,
                      const char *params)
{
    char *line = text_print("{\"jsonrpc\":\"2.0\",\"id\":%zu,\"method\":\"%s\",\"params\":%s}\n",
                            number, method, params);
    ck_assert_int_eq(send(wire->fd, line, strlen(line), MSG_NOSIGNAL), (ssize_t)strlen(line));
    free(line);
}

static void send_op(const struct wire *wire, size_t number, struct story *story, struct op *op)
{
    static const char job[] = "{\"fn\":\"exec\",\"args\":{\"argv\":[\"sh\",\"-c\",\"echo "
                              "$FUTURE_ID >>\\\"$0\\\"\",\"%s\"]}%s}";
    static const char *const rest[] = {
        [OP_SUBMIT] = "", [OP_RERUN] = ",\"on_crash\":\"rerun\"", [OP_MAP] = ",\"items\":[1,2,3]"};
    static const enum op_kind kinds[] = {OP_SUBMIT, OP_SUBMIT, OP_SUBMIT, OP_SUBMIT, OP_SUBMIT,
                                         OP_RERUN,  OP_MAP,    OP_MAP,    OP_CANCEL, OP_CANCEL};
    char *params;
    op->kind = kinds[rand() % 10];
    if (op->kind == OP_CANCEL && story->newest == 0)
        op->kind = OP_SUBMIT;
    if (op->kind == OP_CANCEL) {
        op->id = story->newest - rand() % (story->newest < 40 ? story->newest : 40);
        story->known[op->id].cancel_sent = true;
        params = text_print("{\"id\":%lld}", (long long)op->id);
    } else {
        params = text_print(job, story->ledger, rest[op->kind]);
    }
    wire_send(wire, number,
              op->kind == OP_CANCEL ? "cancel"
              : op->kind == OP_MAP  ? "map"
                                    : "submit",
              params);
    free(params);
}

static void take_reply(struct story *story, const struct op *ops, const char *line)
{
    json_t *reply = json_loads(line, 0, NULL);
    ck_assert_msg(reply != NULL, "no JSON: %s", line);
    const struct op *op = &ops[json_int_at(reply, "id")];
    if (!json_has(reply, "result")) {
        /* The future to cancel was not acknowledged, and is not there. */
        ck_assert_msg(op->kind == OP_CANCEL, "%s", line);
    } else if (op->kind == OP_CANCEL) {
        if (json_bool_at(reply, "result.cancelled"))
            story->known[op->id].cancelled = true;
    } else {
        json_int_t id = json_int_at(reply, "result.id");
        for (json_int_t i = id; i <= id + (op->kind == OP_MAP ? MAP_ITEMS : 0); i++) {
            ck_assert_int_lt(i, IDS_MAX);
            ck_assert_msg(!story->known[i].there, "the id %lld twice", (long long)i);
            story->known[i].there = true;
            story->known[i].rerun = op->kind == OP_RERUN;
            story->newest = i > story->newest ? i : story->newest;
        }
    }
    json_decref(reply);
}

/* A half line is what the kill has left of a reply: nothing was said. */
static bool take_line(struct story *story, const struct wire *wire, const struct op *ops)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size = getline(&line, &capacity, wire->in);
    bool whole = size > 0 && line[size - 1] == '\n';
    if (whole)
        take_reply(story, ops, line);
    free(line);
    return whole;
}

/* ---- a round ---- */

/* A copy, as the kill has left it: opening the database itself would change it. */
static void expect_integrity(void)
{
    const char *directory = daemon_directory(f.daemon);
    char *copy = text_print("rm -rf '%s/copy' && cp -r '%s/state' '%s/copy'", directory, directory,
                            directory);
    char *name = text_print("%s/copy/futured.db", directory);
    sqlite3 *sqlite;
    sqlite3_stmt *row;
    ck_assert_int_eq(system(copy), 0);
    ck_assert_int_eq(sqlite3_open(name, &sqlite), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(sqlite, "PRAGMA integrity_check", -1, &row, NULL),
                     SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
    ck_assert_str_eq((const char *)sqlite3_column_text(row, 0), "ok");
    sqlite3_finalize(row);
    sqlite3_close(sqlite);
    free(copy);
    free(name);
}

/* The moments are what the test is about; nothing depends on which they are. */
static void let_pass_up_to_us(unsigned most_us)
{
    struct timespec time = {.tv_nsec = (long)((unsigned)rand() % most_us) * 1000};
    nanosleep(&time, NULL);
}

static void play_round(struct story *story)
{
    struct op ops[OPS_MAX];
    struct wire wire = wire_open();
    size_t count = 30 + (size_t)(rand() % (OPS_MAX - 30)), answers = (size_t)rand() % count;
    for (size_t i = 0; i < count; i++)
        send_op(&wire, i, story, &ops[i]);
    for (size_t i = 0; i < answers; i++)
        ck_assert(take_line(story, &wire, ops));
    let_pass_up_to_us(3000);
    daemon_kill(f.daemon);
    story->kills++;
    while (take_line(story, &wire, ops))
        continue;
    fclose(wire.in);
}

static void play(struct story *story, int rounds)
{
    for (int round = 0; round < rounds; round++) {
        play_round(story);
        if (round % 10 == 0 || round == rounds - 1)
            expect_integrity();
        /* While it starts as well, twice running. */
        for (int i = 0; round % 3 == 0 && i < 2; i++) {
            daemon_restart(f.daemon);
            let_pass_up_to_us(30000);
            daemon_kill(f.daemon);
            story->kills++;
        }
        daemon_restart(f.daemon);
    }
}

/* ---- what has come of it ---- */

static void read_ledger(struct story *story)
{
    FILE *file = fopen(story->ledger, "re");
    long long id;
    ck_assert_ptr_nonnull(file);
    while (fscanf(file, "%lld", &id) == 1) {
        ck_assert(id > 0 && id < IDS_MAX);
        story->runs[id]++;
    }
    ck_assert(feof(file));
    fclose(file);
}

/* Returns whether it was interrupted. */
static bool expect_kept(const struct story *story, json_int_t id)
{
    const struct known *known = &story->known[id];
    unsigned runs = story->runs[id];
    json_t *reply = client_result(f.client, "exception", "{'id':%lld}", id);
    const char *type =
        json_has(reply, "exception.type") ? json_text_at(reply, "exception.type") : "";
    bool cancelled = strcmp(json_text_at(reply, "state"), "CANCELLED") == 0;
    bool interrupted = strcmp(type, "Interrupted") == 0;
    char *text = json_dumps(reply, 0);
    json_t *shown = client_result(f.client, "status", "{'id':%lld}", id);
    bool is_map = json_has(shown, "map");
    /* What was interrupted and is to run again may be cancelled before it does. */
    unsigned before = known->rerun ? (unsigned)json_int_at(shown, "attempt") - 1 : 0;
    if (known->cancelled && !is_map)
        ck_assert_msg(cancelled && runs <= before, "future %lld, run %u times: %s", (long long)id,
                      runs, text);
    else if (cancelled)
        ck_assert_msg(runs <= before, "future %lld, run %u times: %s", (long long)id, runs, text);
    else if (is_map)
        ck_assert_msg(runs == 0 && !interrupted, "map %lld: %s", (long long)id, text);
    else if (known->rerun)
        ck_assert_msg(runs >= 1 && type[0] == '\0', "future %lld, run %u times: %s", (long long)id,
                      runs, text);
    else if (interrupted)
        ck_assert_msg(runs <= 1, "future %lld, run %u times: %s", (long long)id, runs, text);
    else
        ck_assert_msg(runs == 1 && type[0] == '\0', "future %lld, run %u times: %s", (long long)id,
                      runs, text);
    json_decref(shown);
    json_decref(reply);
    free(text);
    return interrupted;
}

/* Nobody was told of these, but what runs does so once all the same. */
static void expect_once(json_int_t id)
{
    json_t *shown = client_result(f.client, "status", "{'id':%lld}", id);
    ck_assert_int_gt(json_int_at(shown, "attempt"), 1);
    json_decref(shown);
}

START_TEST(nothing_acknowledged_is_lost_or_run_twice)
{
    const int rounds = is_long() ? 200 : 12;
    struct story *story = calloc(1, sizeof(*story));
    unsigned interrupted = 0, kept = 0;
    ck_assert_ptr_nonnull(story);
    story->ledger = text_print("%s/ledger", daemon_directory(f.daemon));
    client_close(f.client);
    srand(1);
    play(story, rounds);
    f.client = fixture_client(&f);
    for (json_int_t id = 1; id <= story->newest; id += 200)
        json_decref(client_result(f.client, "wait", "{'ids':[[%lld,%lld]]}", id, id + 199));
    read_ledger(story);
    for (json_int_t id = 1; id < IDS_MAX; id++) {
        if (story->known[id].there) {
            interrupted += expect_kept(story, id);
            kept++;
        } else if (story->runs[id] > 1) {
            expect_once(id);
        }
    }
    ck_assert_uint_gt(kept, (unsigned)rounds * 10);
    ck_assert_uint_le(interrupted, story->kills * WORKERS * BEGUN_PER_WORKER);
    free(story->ledger);
    free(story);
}
END_TEST

/* ---- many futures ---- */

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Hands in maps of 1,000 calls that only return, and waits for them; or not. */
static void submit_many(unsigned maps, bool wait)
{
    json_t *items = json_array();
    for (int i = 0; i < 1000; i++)
        json_array_append_new(items, json_integer(i));
    for (unsigned i = 0; i < maps; i++) {
        json_t *params = json_pack("{s:s,s:O}", "fn", "echo", "items", items);
        json_int_t number = client_request_json(f.client, "map", params);
        json_t *reply = client_reply(f.client, number);
        json_int_t id = json_int_at(reply, "result.id");
        json_decref(reply);
        if (wait)
            json_decref(client_result(f.client, "wait", "{'ids':[%lld]}", id));
    }
    json_decref(items);
}

START_TEST(it_is_ready_again_in_two_seconds)
{
    const unsigned maps = is_long() ? 50 : 5;
    submit_many(maps, true);
    json_decref(client_result(f.client, "pool.pause", "{'pool':'default'}"));
    submit_many(maps, false);
    client_close(f.client);
    /* The best of some: the machine may do other things as well. */
    double took = 1e9;
    for (int i = 0; i < 4; i++) {
        daemon_kill(f.daemon);
        double begun = now_s();
        daemon_restart(f.daemon);
        daemon_wait_ready(f.daemon);
        took = fmin(took, now_s() - begun);
    }
    f.client = fixture_client(&f);
    json_t *stats = client_result(f.client, "stats", "{}");
    ck_assert_int_eq(json_int_at(stats, "futures.PENDING"), maps * 1001);
    ck_assert_int_eq(json_int_at(stats, "futures.FINISHED"), maps * 1001);
    json_decref(stats);
    ck_assert_msg(took < 2 * test_slowness(), "it took %.3f s", took);
    if (is_long())
        printf("ready with %u futures in %.3f s\n", maps * 2002, took);
}
END_TEST

static long memory_kib(void)
{
    char *name = text_print("/proc/%d/status", (int)daemon_pid(f.daemon));
    char *status = text_of_file(name);
    const char *line = strstr(status, "VmRSS:");
    ck_assert_ptr_nonnull(line);
    long kib = strtol(line + strlen("VmRSS:"), NULL, 10);
    free(status);
    free(name);
    return kib;
}

START_TEST(what_is_done_takes_no_memory)
{
    submit_many(1, true);
    long few = memory_kib();
    submit_many(is_long() ? 999 : 20, true);
    long many = memory_kib();
    /* What is freed stays with the address sanitizer for a while. */
    if (test_slowness() == 1)
        ck_assert_msg(many - few < 32 * 1024, "%ld KiB after 1,000, %ld KiB after many", few, many);
    if (is_long())
        printf("%ld KiB after 1,000 futures, %ld KiB after 1,000,000\n", few, many);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        nothing_acknowledged_is_lost_or_run_twice,
        it_is_ready_again_in_two_seconds,
        what_is_done_takes_no_memory,
        NULL,
    };
    return fixture_run("kill", setup, teardown, tests);
}

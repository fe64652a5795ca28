/* explain: why is it not running? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"
#include "client/show/format.h"

enum { QUEUE_PAGE = 10000, RUNNING_SHOWN = 10 };

/* Where the future stands, as far as the daemon tells. */
struct place {
    uint64_t ahead;  /* in its pool's queue; users and connections take turns, so about */
    json_t *running; /* of its pool, an array */
    json_t *after;   /* what it waits for: [{"id","on","state"}]; NULL: nothing */
};

static int call(struct cli *cli, const char *method, const char *member, const json_t *value,
                struct future_message **ret_reply)
{
    json_t *params = json_pack("{s:O}", member, value);
    char *text = params ? json_dumps(params, JSON_COMPACT) : NULL;
    struct writer writer = {0};

    if (text)
        writer_raw(&writer, text, strlen(text));
    else
        writer.failed = true;
    free(text);
    json_decref(params);
    return cli_call(cli, method, &writer, ret_reply);
}

/* ---- the queue ---- */

static bool is_before(const json_t *other, const json_t *future)
{
    json_int_t own = json_integer_value(json_object_get(future, "priority"));
    json_int_t others = json_integer_value(json_object_get(other, "priority"));

    if (!json_is_null(json_object_get(other, "waiting")))
        return false;
    return others > own || (others == own && cli_uint(other, "id") < cli_uint(future, "id"));
}

static int list(struct cli *cli, const char *pool, const char *state, uint64_t limit,
                uint64_t before, struct future_message **ret_reply)
{
    struct writer params = {0};

    writer_begin_object(&params);
    writer_key(&params, "pool");
    writer_cstring(&params, pool);
    writer_key(&params, "state");
    cli_write_words(&params, state, true);
    writer_key(&params, "limit");
    writer_uint(&params, limit);
    if (before > 0) {
        writer_key(&params, "before");
        writer_uint(&params, before);
    }
    writer_key(&params, "describe");
    writer_bool(&params, strcmp(state, "RUNNING") == 0);
    writer_end_object(&params);
    return cli_call(cli, "status", &params, ret_reply);
}

static int count_ahead(struct cli *cli, const json_t *future, uint64_t *ret_ahead)
{
    uint64_t before = 0, ahead = 0;

    do {
        struct future_message *reply;
        const json_t *other;
        size_t i;
        int status =
            list(cli, cli_string(future, "pool", ""), "PENDING", QUEUE_PAGE, before, &reply);

        if (status != 0)
            return status;
        json_array_foreach (json_object_get(reply->result, "futures"), i, other)
            ahead += is_before(other, future);
        before = cli_uint(reply->result, "next");
        future_message_free(reply);
    } while (before > 0);
    *ret_ahead = ahead;
    return 0;
}

static int find_place(struct cli *cli, const json_t *future, struct place *ret_place)
{
    struct future_message *reply;
    int status = list(cli, cli_string(future, "pool", ""), "RUNNING", RUNNING_SHOWN, 0, &reply);

    if (status != 0)
        return status;
    ret_place->running = json_incref(json_object_get(reply->result, "futures"));
    future_message_free(reply);
    return count_ahead(cli, future, &ret_place->ahead);
}

/* ---- what it waits for ---- */

static int ask_status(struct cli *cli, uint64_t id, struct future_message **ret_reply)
{
    json_t *number = json_integer((json_int_t)id);
    int status = call(cli, "status", "id", number, ret_reply);

    json_decref(number);
    return status;
}

/* A copy of `after` with the states. */
static int add_states(struct cli *cli, const json_t *after, json_t **ret_after)
{
    json_t *copy = json_deep_copy(after), *one;
    size_t i;
    int status = copy ? 0 : cli_fail_errno(cli, -ENOMEM, "the answer");

    json_array_foreach (copy, i, one) {
        struct future_message *reply;

        if (status == 0)
            status = ask_status(cli, cli_uint(one, "id"), &reply);
        if (status != 0)
            break;
        json_object_set(one, "state", json_object_get(reply->result, "state"));
        future_message_free(reply);
    }
    if (status == 0)
        *ret_after = copy;
    else
        json_decref(copy);
    return status;
}

/* An item waits for what its map waits for. */
static int find_after(struct cli *cli, const json_t *future, struct place *place)
{
    struct future_message *map = NULL;
    const json_t *after = json_object_get(future, "after");
    int status = 0;

    if (!after && cli_uint(future, "item_of") > 0) {
        status = ask_status(cli, cli_uint(future, "item_of"), &map);
        if (status == 0)
            after = json_object_get(map->result, "after");
    }
    if (status == 0 && after)
        status = add_states(cli, after, &place->after);
    future_message_free(map);
    return status;
}

/* ---- the reason ---- */

/* One word, which --json and scripts rely on. */
static const char *reason_of(const json_t *future, const json_t *pool, const struct place *place)
{
    const char *state = cli_string(future, "state", "");

    if (strcmp(state, "RUNNING") == 0)
        return "running";
    if (strcmp(state, "PENDING") != 0)
        return "done";
    if (json_is_true(json_object_get(future, "deadlock")))
        return "deadlock";
    if (json_is_string(json_object_get(future, "waiting")))
        return cli_string(future, "waiting", "");
    if (json_is_true(json_object_get(pool, "broken")))
        return "broken";
    if (json_is_true(json_object_get(pool, "paused")))
        return "paused";
    if (cli_uint(pool, "running") >= cli_uint(pool, "max_workers"))
        return "workers";
    if (json_is_string(json_object_get(pool, "trouble")))
        return "launcher";
    return place->ahead > 0 ? "queue" : "starting";
}

static void print_after(const struct place *place)
{
    const json_t *one;
    size_t i;

    puts("It waits for other futures (--after):");
    json_array_foreach (place->after, i, one) {
        const char *on = cli_string(one, "on", "");

        printf("  future %llu, which is %s, must %s\n", (unsigned long long)cli_uint(one, "id"),
               cli_string(one, "state", "?"),
               strcmp(on, "done") == 0        ? "end"
               : strcmp(on, "exception") == 0 ? "fail"
                                              : "succeed");
    }
}

static void print_running(const struct place *place)
{
    const json_t *other;
    char since[32], command[256];
    size_t i;

    json_array_foreach (place->running, i, other) {
        const char *text = cli_string(other, "description", "");

        cli_printable(text, strlen(text), command, sizeof(command));
        time_span_text(time_now() - json_number_value(json_object_get(other, "started")), since,
                       sizeof(since));
        printf("  future %llu runs for %s: %s\n", (unsigned long long)cli_uint(other, "id"), since,
               command);
    }
}

static void print_done(const json_t *future)
{
    unsigned long long id = cli_uint(future, "id");
    const json_t *failed = json_object_get(future, "failed");

    if (strcmp(cli_string(future, "state", ""), "CANCELLED") == 0)
        printf("It was cancelled; `future retry %llu` runs it after all.\n", id);
    else if (json_is_true(failed))
        printf("It failed: `future exception %llu` says why, `future retry %llu` tries again.\n",
               id, id);
    else
        printf("It has succeeded: `future result %llu` shows its result.\n", id);
}

static void print_words(const json_t *future, const json_t *pool, const struct place *place,
                        const char *reason)
{
    const char *name = cli_string(future, "pool", "?");
    unsigned long long id = cli_uint(future, "id");
    unsigned long long workers = cli_uint(pool, "max_workers");

    printf("Future %llu is %s, in the pool %s.\n", id, cli_string(future, "state", "?"), name);
    if (strcmp(reason, "done") == 0)
        print_done(future);
    else if (strcmp(reason, "running") == 0)
        printf("It runs: `future follow %llu` shows what it writes.\n", id);
    else if (strcmp(reason, "delay") == 0)
        puts("Its --delay is not over.");
    else if (strcmp(reason, "retry") == 0)
        printf("Attempt %llu has failed, and the pause before the next one is not over.\n",
               (unsigned long long)cli_uint(future, "attempt") - 1);
    else if (strcmp(reason, "after") == 0)
        print_after(place);
    else if (strcmp(reason, "paused") == 0)
        printf("The pool is paused: `future resume %s` lets it go on.\n", name);
    else if (strcmp(reason, "broken") == 0)
        puts("The pool is broken: its initializer has failed.");
    else if (strcmp(reason, "deadlock") == 0)
        printf("The pool stands still: each of its %llu workers runs a job that waits for a future "
               "behind it.\nMore workers (`future pool set %s max_workers=%llu`), --after or a "
               "second pool end that.\n",
               workers, name, workers + 1);
    else if (strcmp(reason, "workers") == 0)
        printf("All %llu workers are at work, and about %llu futures come before it.\n", workers,
               (unsigned long long)place->ahead);
    else if (strcmp(reason, "launcher") == 0)
        printf("The pool's launcher is in trouble, and tries again: %s.\n",
               cli_string(pool, "trouble", "?"));
    else if (strcmp(reason, "queue") == 0)
        printf("About %llu futures come before it.\n", (unsigned long long)place->ahead);
    else
        puts("It is next, and starts in a moment.");
    if (strcmp(reason, "workers") == 0 || strcmp(reason, "deadlock") == 0)
        print_running(place);
}

static int explain(struct cli *cli, const json_t *future, const json_t *pool)
{
    struct place place = {0};
    const char *reason;
    json_t *answer;
    int status = 0;

    if (strcmp(cli_string(future, "state", ""), "PENDING") == 0)
        status = find_place(cli, future, &place);
    if (status == 0)
        status = find_after(cli, future, &place);
    if (status != 0)
        goto out;
    reason = reason_of(future, pool, &place);
    if (!cli->json && !cli->format) {
        print_words(future, pool, &place, reason);
        goto out;
    }
    answer = json_pack("{s:I, s:s, s:s, s:s, s:I, s:I, s:I}", "id",
                       (json_int_t)cli_uint(future, "id"), "state", cli_string(future, "state", ""),
                       "pool", cli_string(future, "pool", ""), "reason", reason, "ahead",
                       (json_int_t)place.ahead, "running", (json_int_t)cli_uint(pool, "running"),
                       "max_workers", (json_int_t)cli_uint(pool, "max_workers"));
    if (answer && place.after && json_object_set(answer, "after", place.after) < 0) {
        json_decref(answer);
        answer = NULL;
    }
    if (!answer)
        status = cli_fail_errno(cli, -ENOMEM, "the answer");
    else if (cli->json)
        cli_print_json(answer);
    else
        format_print(cli->format, answer, stdout);
    json_decref(answer);
out:
    json_decref(place.after);
    json_decref(place.running);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {CLI_FORMAT_OPTION, CLI_COMMON_OPTIONS};
    struct future_message *future = NULL, *pools = NULL;
    uint64_t id;
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":h", longs)) != -1)
        return cli_stop(cli, option);
    status = cli_one_id(cli, argc, argv, &id);
    if (status != 0)
        return status;
    status = ask_status(cli, id, &future);
    if (status == 0)
        status = call(cli, "pool.list", "pool", json_object_get(future->result, "pool"), &pools);
    if (status == 0)
        status = explain(cli, future->result,
                         json_array_get(json_object_get(pools->result, "pools"), 0));
    future_message_free(future);
    future_message_free(pools);
    return status;
}

const struct command cmd_explain = {
    .name = "explain",
    .usage = "explain ID",
    .summary = "Say why a future is not running",
    .help =
        "Tells what it waits for, its place in the queue (users take turns, so it may come\n"
        "sooner or later), and what its pool is busy with.\n\n"
        "      --json             id, state, pool, reason (done, running, delay, after, retry,\n"
        "                         paused, broken, deadlock, workers, launcher, queue or\n"
        "                         starting), ahead, running, max_workers, and after where it "
        "waits\n"
        "                         for others\n"
        "      --format TEMPLATE  a line made of it, as '{id} {reason}'\n\n"
        "  future explain last\n",
    .run = run,
};

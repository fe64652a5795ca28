#include "client/show/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli_ids.h"
#include "client/show/terminal.h"

enum { QUEUE_PAGE = 10000, RUNNING_SHOWN = 10 };

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

static int find_place(struct cli *cli, const json_t *future, struct explanation *explanation)
{
    struct future_message *reply;
    int status = list(cli, cli_string(future, "pool", ""), "RUNNING", RUNNING_SHOWN, 0, &reply);

    if (status != 0)
        return status;
    explanation->running = json_incref(json_object_get(reply->result, "futures"));
    future_message_free(reply);
    return count_ahead(cli, future, &explanation->ahead);
}

/* ---- what it waits for ---- */

/* A copy of `after` with the states. */
static int add_states(struct cli *cli, const json_t *after, json_t **ret_after)
{
    json_t *copy = json_deep_copy(after), *one;
    size_t i;
    int status = copy ? 0 : cli_fail_errno(cli, -ENOMEM, "the answer");

    json_array_foreach (copy, i, one) {
        struct future_message *reply;

        if (status == 0)
            status = cli_call_id(cli, "status", cli_uint(one, "id"), &reply);
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
static int find_after(struct cli *cli, const json_t *future, struct explanation *explanation)
{
    struct future_message *map = NULL;
    const json_t *after = json_object_get(future, "after");
    int status = 0;

    if (!after && cli_uint(future, "item_of") > 0) {
        status = cli_call_id(cli, "status", cli_uint(future, "item_of"), &map);
        if (status == 0)
            after = json_object_get(map->result, "after");
    }
    if (status == 0 && after)
        status = add_states(cli, after, &explanation->after);
    future_message_free(map);
    return status;
}

/* ---- the reason ---- */

static const char *find_reason(const struct explanation *explanation)
{
    const json_t *future = explanation->future, *pool = explanation->pool;
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
    return explanation->ahead > 0 ? "queue" : "starting";
}

static int ask_pool(struct cli *cli, const char *pool, struct future_message **ret_reply)
{
    struct writer params = {0};

    writer_begin_object(&params);
    writer_key(&params, "pool");
    writer_cstring(&params, pool);
    writer_end_object(&params);
    return cli_call(cli, "pool.list", &params, ret_reply);
}

int explain(struct cli *cli, const json_t *future, struct explanation *ret_explanation)
{
    struct explanation explanation = {.future = future};
    int status = 0;

    if (strcmp(cli_string(future, "state", ""), "PENDING") == 0)
        status = find_place(cli, future, &explanation);
    if (status == 0)
        status = find_after(cli, future, &explanation);
    if (status == 0)
        status = ask_pool(cli, cli_string(future, "pool", ""), &explanation.pools);
    if (status != 0) {
        explanation_clear(&explanation);
        return status;
    }
    explanation.pool = json_array_get(json_object_get(explanation.pools->result, "pools"), 0);
    explanation.reason = find_reason(&explanation);
    *ret_explanation = explanation;
    return 0;
}

void explanation_clear(struct explanation *explanation)
{
    json_decref(explanation->running);
    json_decref(explanation->after);
    future_message_free(explanation->pools);
    *explanation = (struct explanation){0};
}

/* ---- in words ---- */

static void print_after(const struct explanation *explanation)
{
    const json_t *one;
    size_t i;

    puts("It waits for other futures (--after):");
    json_array_foreach (explanation->after, i, one) {
        const char *on = cli_string(one, "on", "");

        printf("  future %llu, which is %s, must %s\n", (unsigned long long)cli_uint(one, "id"),
               cli_string(one, "state", "?"),
               strcmp(on, "done") == 0        ? "end"
               : strcmp(on, "exception") == 0 ? "fail"
                                              : "succeed");
    }
}

static void print_running(const struct explanation *explanation)
{
    const json_t *other;
    char since[32], command[256];
    size_t i;

    json_array_foreach (explanation->running, i, other) {
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

void explanation_print(const struct explanation *explanation)
{
    const json_t *future = explanation->future, *pool = explanation->pool;
    const char *reason = explanation->reason;
    const char *name = cli_string(future, "pool", "?");
    unsigned long long id = cli_uint(future, "id");
    unsigned long long workers = cli_uint(pool, "max_workers");

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
        print_after(explanation);
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
               (unsigned long long)explanation->ahead);
    else if (strcmp(reason, "launcher") == 0)
        printf("The pool's launcher is in trouble, and tries again: %s.\n",
               cli_string(pool, "trouble", "?"));
    else if (strcmp(reason, "queue") == 0)
        printf("About %llu futures come before it.\n", (unsigned long long)explanation->ahead);
    else
        puts("It is next, and starts in a moment.");
    if (strcmp(reason, "workers") == 0 || strcmp(reason, "deadlock") == 0)
        print_running(explanation);
}

/* ---- for machines ---- */

json_t *explanation_json(const struct explanation *explanation)
{
    const json_t *future = explanation->future, *pool = explanation->pool;
    json_t *answer =
        json_pack("{s:I, s:s, s:s, s:s, s:I, s:I, s:I}", "id", (json_int_t)cli_uint(future, "id"),
                  "state", cli_string(future, "state", ""), "pool", cli_string(future, "pool", ""),
                  "reason", explanation->reason, "ahead", (json_int_t)explanation->ahead, "running",
                  (json_int_t)cli_uint(pool, "running"), "max_workers",
                  (json_int_t)cli_uint(pool, "max_workers"));

    if (answer && explanation->after && json_object_set(answer, "after", explanation->after) < 0) {
        json_decref(answer);
        answer = NULL;
    }
    return answer;
}

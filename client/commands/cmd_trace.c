/* trace: what the workers did, in the format of Chrome's trace viewer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"
#include "proto/text.h"

enum { OPTION_SINCE = CLI_OWN, OPTION_POOL, OPTION_LABEL };
enum { PAGE = 10000 };

struct trace {
    struct cli *cli;
    const char *pool, *label; /* NULL: any */
    double from, now;         /* Unix time; what ended before is left out */
    struct writer text;       /* written, and not yet on stdout */
    json_t *rows;             /* pool -> worker -> true: those that have been named */
    bool comma;
};

/* ---- rows ---- */

/* A pool is a process of the trace, a worker a thread of it: the numbers that stand for them. */
static int64_t worker_number(const char *worker)
{
    const char *dash = strrchr(worker, '-');

    return dash ? atoll(dash + 1) : 0;
}

static void begin_event(struct trace *trace)
{
    if (trace->comma)
        writer_raw(&trace->text, ",\n", 2);
    trace->comma = true;
    trace->text.comma = false;
    writer_begin_object(&trace->text);
}

static void write_text(struct writer *writer, const char *name, const char *text)
{
    writer_key(writer, name);
    writer_cstring(writer, text);
}

static void name_row(struct trace *trace, const char *what, int64_t pid, int64_t tid,
                     const char *name)
{
    struct writer *writer = &trace->text;

    begin_event(trace);
    write_text(writer, "ph", "M");
    write_text(writer, "name", what);
    writer_key(writer, "pid");
    writer_int(writer, pid);
    writer_key(writer, "tid");
    writer_int(writer, tid);
    writer_key(writer, "args");
    writer_begin_object(writer);
    write_text(writer, "name", name);
    writer_end_object(writer);
    writer_end_object(writer);
}

/* The pool's number, counted from 1 as they come; names what is new. 0: no memory. */
static int64_t row_of(struct trace *trace, const char *pool, const char *worker)
{
    json_t *seen = json_object_get(trace->rows, pool);
    json_t *number;

    if (!seen) {
        int64_t pid = (int64_t)json_object_size(trace->rows) + 1;

        seen = json_pack("{s:{}, s:I}", "workers", "pid", (json_int_t)pid);
        if (!seen || json_object_set_new(trace->rows, pool, seen) < 0)
            return 0;
        name_row(trace, "process_name", pid, 0, pool);
    }
    number = json_object_get(seen, "pid");
    if (!json_object_get(json_object_get(seen, "workers"), worker)) {
        if (json_object_set_new(json_object_get(seen, "workers"), worker, json_true()) < 0)
            return 0;
        name_row(trace, "thread_name", json_integer_value(number), worker_number(worker), worker);
    }
    return json_integer_value(number);
}

/* ---- futures ---- */

static double time_of(const json_t *future, const char *name)
{
    return json_number_value(json_object_get(future, name));
}

static int64_t microseconds(double seconds)
{
    return (int64_t)(seconds * 1e6 + 0.5);
}

static void write_args(struct writer *writer, const json_t *future)
{
    static const char *const copied[] = {"id",      "state",     "failed", "attempt", "priority",
                                         "item_of", "exit_code", "signal", NULL};

    writer_key(writer, "args");
    writer_begin_object(writer);
    for (size_t i = 0; copied[i]; i++) {
        const json_t *value = json_object_get(future, copied[i]);
        char *text = value && !json_is_null(value) ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

        if (!text)
            continue;
        writer_key(writer, copied[i]);
        writer_json(writer, text, strlen(text));
        free(text);
    }
    writer_key(writer, "waited");
    writer_seconds(writer, microseconds(time_of(future, "started") - time_of(future, "submitted")));
    writer_end_object(writer);
}

/* What has run, or runs, and on which worker: a bar from its start to its end, or to now. */
static int add(struct trace *trace, const json_t *future)
{
    const char *worker = cli_string(future, "worker", NULL);
    double started = time_of(future, "started"), finished = time_of(future, "finished");
    struct writer *writer = &trace->text;
    int64_t pid;

    if (finished == 0)
        finished = trace->now > started ? trace->now : started;
    if (started == 0 || finished < trace->from || json_object_get(future, "map"))
        return 0;
    if (!worker)
        worker = "not known";
    pid = row_of(trace, cli_string(future, "pool", ""), worker);
    if (pid == 0)
        return -ENOMEM;
    begin_event(trace);
    write_text(writer, "ph", "X");
    write_text(writer, "name", cli_string(future, "label", cli_string(future, "fn", "")));
    write_text(writer, "cat", cli_string(future, "fn", ""));
    writer_key(writer, "pid");
    writer_int(writer, pid);
    writer_key(writer, "tid");
    writer_int(writer, worker_number(worker));
    writer_key(writer, "ts");
    writer_int(writer, microseconds(started));
    writer_key(writer, "dur");
    writer_int(writer, microseconds(finished - started));
    write_args(writer, future);
    writer_end_object(writer);
    return 0;
}

/* ---- pages ---- */

static int flush(struct trace *trace)
{
    int r;

    if (writer_failed(&trace->text))
        return cli_fail_errno(trace->cli, -ENOMEM, "the trace");
    r = cli_write(STDOUT_FILENO, trace->text.data, trace->text.size);
    writer_reset(&trace->text);
    return r < 0 ? cli_fail_errno(trace->cli, r, "writing the trace") : 0;
}

static int ask(struct trace *trace, uint64_t before, struct future_message **ret_reply)
{
    struct writer params = {0};

    writer_begin_object(&params);
    writer_key(&params, "state");
    cli_write_words(&params, "RUNNING,FINISHED", false);
    if (trace->pool) {
        writer_key(&params, "pool");
        writer_cstring(&params, trace->pool);
    }
    if (trace->label) {
        writer_key(&params, "label");
        writer_cstring(&params, trace->label);
    }
    writer_key(&params, "limit");
    writer_uint(&params, PAGE);
    if (before > 0) {
        writer_key(&params, "before");
        writer_uint(&params, before);
    }
    writer_end_object(&params);
    return cli_call(trace->cli, "status", &params, ret_reply);
}

/* Page by page, so that the memory does not grow with the futures. */
static int print(struct trace *trace)
{
    static const char head[] = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n", tail[] = "\n]}\n";
    uint64_t before = 0;
    int status = 0;

    writer_raw(&trace->text, head, sizeof(head) - 1);
    do {
        struct future_message *reply;
        const json_t *future;
        size_t i;

        status = ask(trace, before, &reply);
        if (status != 0)
            return status;
        json_array_foreach (json_object_get(reply->result, "futures"), i, future)
            if (status == 0 && add(trace, future) < 0)
                status = cli_fail_errno(trace->cli, -ENOMEM, "the trace");
        before = cli_uint(reply->result, "next");
        future_message_free(reply);
        if (status == 0 && before == 0)
            writer_raw(&trace->text, tail, sizeof(tail) - 1);
        if (status == 0)
            status = flush(trace);
    } while (status == 0 && before > 0);
    return status;
}

static int take_option(struct trace *trace, int option, const char *value)
{
    struct cli *cli = trace->cli;
    int64_t since_us;
    int status;

    switch (option) {
    case OPTION_SINCE:
        status = cli_duration(cli, "since", value, &since_us);
        trace->from = trace->now - (double)since_us / 1e6;
        return status;
    case OPTION_POOL:
    case OPTION_LABEL:
        if (!utf8_valid(value, strlen(value)))
            return cli_bad_usage(cli, "the value of a filter is not valid UTF-8");
        *(option == OPTION_POOL ? &trace->pool : &trace->label) = value;
        return 0;
    default:
        return cli_stop(cli, option);
    }
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"since", required_argument, NULL, OPTION_SINCE},
                                          {"pool", required_argument, NULL, OPTION_POOL},
                                          {"label", required_argument, NULL, OPTION_LABEL},
                                          CLI_COMMON_OPTIONS};
    struct trace trace = {.cli = cli, .now = time_now()};
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":h", longs)) != -1) {
        status = take_option(&trace, option, optarg);
        if (status != 0 || option == CLI_HELP)
            return status;
    }
    if (optind < argc)
        return cli_bad_usage(cli, "%s: trace takes options only", argv[optind]);
    trace.rows = json_object();
    status = trace.rows ? print(&trace) : cli_fail_errno(cli, -ENOMEM, "the trace");
    json_decref(trace.rows);
    writer_free(&trace.text);
    return status;
}

const struct command cmd_trace = {
    .name = "trace",
    .never_starts = true,
    .usage = "trace [OPTIONS]",
    .summary = "Print what the workers did, for Perfetto or chrome://tracing",
    .help = "One process for each pool, one row for each worker, one bar for each future: of its\n"
            "last attempt, as far as the future is still kept. What runs ends now.\n\n"
            "      --since DURATION   only what ran in the last 10m, 2h and so on\n"
            "      --pool NAME        only futures of this pool\n"
            "      --label TEXT       only futures with this label\n\n"
            "  future trace --since 1h >trace.json   # and open it at https://ui.perfetto.dev\n",
    .run = run,
};

/* show: all that is known of a future. */
#include <errno.h>
#include <stdio.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"
#include "client/show/explain.h"
#include "client/show/format.h"
#include "client/show/show_future.h"

struct shower {
    struct cli *cli;
    size_t shown;
};

/* The record with the one word of `explain`. */
static int show_for_machine(struct cli *cli, json_t *future)
{
    struct explanation explanation;
    json_t *reason;
    int r, status = explain(cli, future, &explanation);

    if (status != EXIT_FINE)
        return status;
    reason = json_string(explanation.reason);
    explanation_clear(&explanation);
    r = json_object_set_new(future, "reason", reason);
    if (r < 0)
        return cli_fail_errno(cli, -ENOMEM, "the answer");
    if (cli->json)
        cli_print_json(future);
    else
        format_print(cli->format, future, stdout);
    return EXIT_FINE;
}

static int show_one(struct shower *shower, json_t *future)
{
    struct cli *cli = shower->cli;

    if (cli->json || cli->format)
        return show_for_machine(cli, future);
    if (shower->shown++ > 0)
        putchar('\n');
    return show_future(cli, future);
}

/* The next futures from *from on, up to `last`; *from becomes 0 where there are no more. */
static int show_page(struct shower *shower, uint64_t *from, uint64_t last)
{
    struct writer params = {0};
    struct future_message *reply;
    json_t *future;
    size_t i;
    int status;

    writer_begin_object(&params);
    writer_key(&params, "from");
    writer_uint(&params, *from);
    writer_key(&params, "limit");
    writer_uint(&params, last > *from ? 100 : 1);
    writer_end_object(&params);
    status = cli_call(shower->cli, "dump", &params, &reply);
    if (status != EXIT_FINE)
        return status;
    *from = cli_uint(reply->result, "next");
    json_array_foreach (json_object_get(reply->result, "futures"), i, future) {
        if (cli_uint(future, "id") <= last)
            status = show_one(shower, future);
        if (status != EXIT_FINE)
            break;
    }
    future_message_free(reply);
    return status;
}

static int show_span(struct shower *shower, struct id_span span)
{
    uint64_t from = span.first;
    struct future_message *reply;
    int status = EXIT_FINE;

    /* `dump` says nothing of one that is not there, or not there any more. */
    if (span.first == span.last) {
        status = cli_call_id(shower->cli, "status", span.first, &reply);
        if (status != EXIT_FINE)
            return status;
        future_message_free(reply);
    }
    while (status == EXIT_FINE && from > 0 && from <= span.last)
        status = show_page(shower, &from, span.last);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {CLI_FORMAT_OPTION, CLI_COMMON_OPTIONS};
    struct shower shower = {.cli = cli};
    struct id_spans ids = {0};
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":h", longs)) != -1)
        return cli_stop(cli, option);
    status = cli_ids(cli, argc, argv, NULL, &ids);
    for (size_t i = 0; status == EXIT_FINE && i < ids.count; i++)
        status = show_span(&shower, ids.spans[i]);
    id_spans_clear(&ids);
    return status;
}

const struct command cmd_show = {
    .name = "show",
    .usage = "show ID...",
    .summary = "Show all that is known of futures, one after another",
    .help = "What was submitted, by whom and when; how it goes, or how it ended; why it does not\n"
            "run; and the last lines of its output. `future status` is the table.\n\n"
            "      --json             what `future dump` prints, with the `reason` of explain\n"
            "      --format TEMPLATE  a line made of it, as '{id} {args.cwd}'\n\n"
            "  future show last\n",
    .run = run,
};

/* exception: why a future failed. */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"
#include "client/show/outcome.h"
#include "client/show/show_result.h"

/* The exception of one future on stdout, behind its id where `numbered`. */
static int show_exception(struct cli *cli, uint64_t id, int64_t timeout_us, bool numbered)
{
    struct writer params = {0};
    struct future_message *reply;
    char text[2048];
    bool cancelled;
    int status;

    writer_begin_object(&params);
    writer_key(&params, "id");
    writer_uint(&params, id);
    if (timeout_us != SHOW_RESULT_FOREVER) {
        writer_key(&params, "timeout");
        writer_seconds(&params, timeout_us);
    }
    writer_end_object(&params);
    status = cli_call(cli, "exception", &params, &reply);
    if (status != 0)
        return status;
    outcome_describe(reply->result, text, sizeof(text));
    cancelled = strcmp(cli_string(reply->result, "state", ""), "CANCELLED") == 0;
    if (cli_print_for_machine(cli, reply, NULL)) {
        status = cancelled ? EXIT_OURS : EXIT_FINE;
    } else if (cancelled) {
        status = cli_fail(cli, "future %llu was cancelled", (unsigned long long)id);
    } else if (json_is_object(json_object_get(reply->result, "exception"))) {
        if (numbered)
            printf("%llu ", (unsigned long long)id);
        printf("%s\n", text);
    }
    future_message_free(reply);
    return status;
}

static int show_all(struct cli *cli, const struct id_spans *ids, int64_t timeout_us)
{
    int all = EXIT_FINE;

    for (size_t i = 0; i < ids->count; i++) {
        for (uint64_t id = ids->spans[i].first; id <= ids->spans[i].last; id++) {
            int status = show_exception(cli, id, timeout_us, !id_spans_single(ids));

            if (status == EXIT_NO_DAEMON)
                return status;
            if (status != EXIT_FINE)
                all = status;
        }
    }
    return all;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct id_spans ids;
    int64_t timeout_us;
    int status;

    if (show_result_arguments(cli, argc, argv, &ids, &timeout_us, &status)) {
        status = show_all(cli, &ids, timeout_us);
        id_spans_clear(&ids);
    }
    return status;
}

const struct command cmd_exception = {
    .name = "exception",
    .usage = "exception [--timeout DUR] ID...",
    .summary = "Wait for a future and say why it failed",
    .help =
        "Prints `TYPE: message`, or nothing where the future succeeded; exit status 0 for both,\n"
        "125 where it was cancelled. For several futures the id stands before it.\n\n"
        "  -t, --timeout DUR      wait no longer than that, then exit with 124; 0 only looks\n"
        "      --json             print the daemon's reply, with the exception's data\n"
        "      --format TEMPLATE  a line made of it, as '{id} {exception.type}'\n\n"
        "  future exception 7\n",
    .run = run,
};

/* explain: why is it not running? */
#include <errno.h>
#include <stdio.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"
#include "client/show/explain.h"
#include "client/show/format.h"

static int show(struct cli *cli, const struct explanation *explanation)
{
    json_t *answer = explanation_json(explanation);

    if (!answer)
        return cli_fail_errno(cli, -ENOMEM, "the answer");
    if (cli->json) {
        cli_print_json(answer);
    } else if (cli->format) {
        format_print(cli->format, answer, stdout);
    } else {
        printf("Future %llu is %s, in the pool %s.\n", (unsigned long long)cli_uint(answer, "id"),
               cli_string(answer, "state", "?"), cli_string(answer, "pool", "?"));
        explanation_print(explanation);
    }
    json_decref(answer);
    return EXIT_FINE;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {CLI_FORMAT_OPTION, CLI_COMMON_OPTIONS};
    struct future_message *future;
    struct explanation explanation;
    uint64_t id;
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":h", longs)) != -1)
        return cli_stop(cli, option);
    status = cli_one_id(cli, argc, argv, &id);
    if (status != 0)
        return status;
    status = cli_call_id(cli, "status", id, &future);
    if (status != 0)
        return status;
    status = explain(cli, future->result, &explanation);
    if (status == 0) {
        status = show(cli, &explanation);
        explanation_clear(&explanation);
    }
    future_message_free(future);
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

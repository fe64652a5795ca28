/* forget: drop done futures with their results. */
#include <stdio.h>

#include "client/cli_ids.h"
#include "client/command.h"

static int forget(struct cli *cli, const struct id_spans *ids)
{
    struct writer params = {0};
    struct future_message *reply;
    int status;

    writer_begin_object(&params);
    writer_key(&params, "ids");
    id_spans_write(ids, &params);
    writer_end_object(&params);
    status = cli_call(cli, "forget", &params, &reply);
    if (status != 0)
        return status;
    if (cli->json)
        cli_print_raw_result(reply);
    else
        printf("%llu\n", (unsigned long long)cli_uint(reply->result, "forgotten"));
    future_message_free(reply);
    return EXIT_FINE;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct id_spans ids = {0};
    int status;

    if (cli_no_options(cli, argc, argv, &status))
        return status;
    status = cli_ids(cli, argc, argv, &ids);
    if (status == 0)
        status = forget(cli, &ids);
    id_spans_clear(&ids);
    return status;
}

const struct command cmd_forget = {
    .name = "forget",
    .usage = "forget ID...",
    .summary = "Drop done futures with their results and outputs",
    .help = "Prints how many were dropped. A future that is not done is refused.\n\n"
            "      --json             print the daemon's reply\n\n"
            "  future forget 7-12\n",
    .run = run,
};

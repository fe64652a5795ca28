/* retry: new attempts of done futures. */
#include <stdio.h>

#include "client/cli_ids.h"
#include "client/command.h"

static int retry(struct cli *cli, const struct id_spans *ids)
{
    struct writer params = {0};
    struct future_message *reply;
    const json_t *future;
    size_t i;
    int status;

    writer_begin_object(&params);
    writer_key(&params, "ids");
    id_spans_write(ids, &params);
    writer_end_object(&params);
    status = cli_call(cli, "retry", &params, &reply);
    if (status != 0)
        return status;
    if (cli->json)
        cli_print_raw_result(reply);
    else
        json_array_foreach (json_object_get(reply->result, "futures"), i, future)
            printf("%llu\n", (unsigned long long)cli_uint(future, "id"));
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
        status = retry(cli, &ids);
    id_spans_clear(&ids);
    return status;
}

const struct command cmd_retry = {
    .name = "retry",
    .usage = "retry ID...",
    .summary = "Run done futures again, under the same ids",
    .help = "Prints the id of each new attempt.\n\n"
            "      --json             print the daemon's reply\n\n"
            "  future retry 7 && future result 7\n",
    .run = run,
};

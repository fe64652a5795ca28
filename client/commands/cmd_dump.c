/* dump: everything that the daemon knows of its futures, as JSON lines. */
#include <stdio.h>

#include "client/cli/command.h"

static int ask_page(struct cli *cli, uint64_t from, struct future_message **ret_reply)
{
    struct writer params = {0};

    writer_begin_object(&params);
    writer_key(&params, "from");
    writer_uint(&params, from);
    writer_end_object(&params);
    return cli_call(cli, "dump", &params, ret_reply);
}

static int run(struct cli *cli, int argc, char **argv)
{
    uint64_t from = 1;
    int status = 0;

    if (cli_no_options(cli, argc, argv, &status))
        return status;
    if (optind < argc)
        return cli_bad_usage(cli, "%s: dump takes no arguments", argv[optind]);
    while (from > 0 && status == 0) {
        struct future_message *reply;
        const json_t *future;
        size_t i;

        status = ask_page(cli, from, &reply);
        if (status != 0)
            break;
        json_array_foreach (json_object_get(reply->result, "futures"), i, future)
            cli_print_json(future);
        from = cli_uint(reply->result, "next");
        future_message_free(reply);
    }
    return status;
}

const struct command cmd_dump = {
    .name = "dump",
    .usage = "dump",
    .summary = "Print everything that is known of all futures, as JSON lines",
    .help = "A line for each future that is kept, oldest first: what `status` shows, what was\n"
            "submitted, and the result or the exception. What is submitted meanwhile is there or\n"
            "not. `future backup` makes a copy that a daemon can start from.\n\n"
            "  future dump | jq -c 'select(.failed) | {id, args, exception}'\n",
    .run = run,
};

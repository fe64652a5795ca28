/* rpc: any method of the protocol. */
#include "client/cli/command.h"
#include "client/cli/json_word.h"

static int run(struct cli *cli, int argc, char **argv)
{
    struct writer params = {0};
    struct future_message *reply;
    int status = 0;

    if (cli_no_options(cli, argc, argv, &status))
        return status;
    if (argc - optind < 1 || argc - optind > 2)
        return cli_bad_usage(cli, "give a method, and its params as one word of JSON");
    if (argc - optind == 2)
        status = json_word_write(cli, argv[optind + 1], "the params", false, &params);
    if (status == 0)
        status = cli_call(cli, argv[optind], argc - optind == 2 ? &params : NULL, &reply);
    if (status == 0) {
        cli_print_raw_result(reply);
        future_message_free(reply);
    }
    writer_free(&params);
    return status;
}

const struct command cmd_rpc = {
    .name = "rpc",
    .usage = "rpc METHOD [JSON]",
    .summary = "Call any method of the protocol",
    .help = "Prints the result as one line of JSON; an error is told on stderr, with exit status\n"
            "125. JSON is an object with the params; - reads it from stdin.\n\n"
            "  future rpc submit '{\"fn\":\"sleep\",\"args\":{\"seconds\":1}}'\n",
    .run = run,
};

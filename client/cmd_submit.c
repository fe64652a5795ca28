/* submit: hand a command to the daemon. */
#include <stdio.h>

#include "client/call_options.h"
#include "client/command.h"
#include "client/show_result.h"

static int print_submitted(const struct cli *cli, const struct future_message *reply)
{
    if (cli->json)
        cli_print_raw_result(reply);
    else
        printf("%llu\n", (unsigned long long)cli_uint(reply->result, "id"));
    return EXIT_FINE;
}

static int submit(struct cli *cli, struct call_options *options, bool wait, char **argv,
                  size_t argc)
{
    struct writer params = {0};
    struct future_message *reply;
    int status;

    writer_begin_object(&params);
    status = call_options_write(cli, options, argv, argc, &params);
    if (status != 0) {
        writer_free(&params);
        return status;
    }
    writer_end_object(&params);
    status = cli_call(cli, "submit", &params, &reply);
    if (status != 0)
        return status;
    if (wait)
        status = show_result(cli, cli_uint(reply->result, "id"), SHOW_RESULT_FOREVER);
    else
        status = print_submitted(cli, reply);
    future_message_free(reply);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"wait", no_argument, NULL, 'w'}, CALL_OPTIONS, CLI_COMMON_OPTIONS};
    struct call_options options = {0};
    bool wait = false;
    int option, status = EXIT_FINE;

    while ((option = cli_getopt(cli, argc, argv, "+:hw" CALL_OPTIONS_SHORT, longs)) != -1) {
        if (option == 'w') {
            wait = true;
            continue;
        }
        if (option == CLI_ERROR || option == CLI_HELP)
            status = cli_stop(cli, option);
        else
            status = call_options_take(cli, &options, option, optarg);
        if (option == CLI_HELP || status != EXIT_FINE)
            goto out;
    }
    if (optind == argc)
        status = cli_bad_usage(cli, "which command? Write it last: future submit -- make -j4");
    else
        status = submit(cli, &options, wait, argv + optind, (size_t)(argc - optind));
out:
    call_options_clear(&options);
    return status;
}

const struct command cmd_submit = {
    .name = "submit",
    .usage = "submit [OPTIONS] [--] COMMAND [ARGUMENT...]",
    .summary = "Hand a command to the daemon and print the future's id",
    .help =
        "The command runs without a shell; name one where you want it, as in the last example.\n\n"
        "  -w, --wait             wait, and end as `future result` does: the command's output and\n"
        "                         its exit status become those of `future`\n" CALL_OPTIONS_HELP "\n"
        "  future submit -- make -j4\n"
        "  future submit --wait --timeout 10m --env LANG=C -- ./configure\n"
        "  future submit --after 7 -l report -- sh -c 'sort log | uniq -c >report'\n",
    .run = run,
};

/* run: a command as if it were run here: submit, follow and wait in one. */
#include "client/cli/call_options.h"
#include "client/cli/command.h"
#include "client/cli/follow.h"

/* The id of the new future. It ends with this connection, whatever happens to us. */
static int submit(struct cli *cli, struct call_options *options, char **argv, size_t argc,
                  uint64_t *ret_id)
{
    struct writer params = {0};
    struct future_message *reply;
    int status;

    writer_begin_object(&params);
    status = call_options_write(cli, options, argv, argc, &params);
    writer_key(&params, "scope");
    writer_cstring(&params, "connection");
    writer_end_object(&params);
    if (status == 0)
        status = cli_call(cli, "submit", &params, &reply);
    writer_free(&params);
    if (status != 0)
        return status;
    *ret_id = cli_uint(reply->result, "id");
    future_message_free(reply);
    return 0;
}

static int submit_and_follow(struct cli *cli, struct call_options *options, char **argv,
                             size_t argc)
{
    struct interrupts interrupts = {.fd = -1};
    uint64_t id = 0;
    int status = submit(cli, options, argv, argc, &id);
    int r;

    if (status != 0)
        return status;
    r = interrupts_begin(&interrupts);
    status = r < 0 ? cli_fail_errno(cli, r, "signals") : follow_future(cli, id, &interrupts);
    interrupts_end(&interrupts);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {CALL_OPTIONS, CLI_COMMON_OPTIONS};
    struct call_options options = {0};
    int option, status = EXIT_FINE;

    while ((option = cli_getopt(cli, argc, argv, "+:h" CALL_OPTIONS_SHORT, longs)) != -1) {
        if (option == CLI_ERROR || option == CLI_HELP)
            status = cli_stop(cli, option);
        else
            status = call_options_take(cli, &options, option, optarg);
        if (option == CLI_HELP || status != EXIT_FINE)
            goto out;
    }
    if (optind == argc)
        status = cli_bad_usage(cli, "which command? Write it last: future run -- make -j4");
    else
        status = submit_and_follow(cli, &options, argv + optind, (size_t)(argc - optind));
out:
    call_options_clear(&options);
    return status;
}

const struct command cmd_run = {
    .name = "run",
    .usage = "run [OPTIONS] [--] COMMAND [ARGUMENT...]",
    .summary = "Run a command in the daemon as if it ran here",
    .help =
        "Its output appears as it is written, and its exit status becomes that of `future`.\n"
        "Ctrl-C ends the command (a second one does not wait for that), and so does the end of\n"
        "`future` itself. What shall go on without it is for `future submit`.\n\n"
        "      --json             print the daemon's notifications instead, one a "
        "line\n" CALL_OPTIONS_HELP "\n"
        "  future run --pool gpu -- ./train --epochs 3\n",
    .run = run,
};

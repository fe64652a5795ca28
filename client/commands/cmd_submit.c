/* submit: hand a command to the daemon. */
#include <errno.h>
#include <stdio.h>

#include "client/cli/call_options.h"
#include "client/cli/command.h"
#include "client/show/show_result.h"

static void print_submitted(const struct cli *cli, const struct future_message *reply)
{
    unsigned long long id = cli_uint(reply->result, "id");

    if (cli_print_for_machine(cli, reply, NULL))
        ;
    else if (cli->out.is_terminal)
        printf("Future %llu is %s%s. `future follow %llu` shows what it writes.\n", id,
               cli_string(reply->result, "state", "there"),
               json_is_true(json_object_get(reply->result, "duplicate")) ? ", and was before" : "",
               id);
    else
        printf("%llu\n", id);
    cli_flush_id(cli, id);
}

/* What would be sent. */
static int print_params(const struct cli *cli, struct writer *params)
{
    if (writer_failed(params))
        return cli_fail_errno(cli, -ENOMEM, "composing the request");
    fwrite(params->data, 1, params->size, stdout);
    putchar('\n');
    writer_free(params);
    return EXIT_FINE;
}

struct submit_options {
    struct call_options call;
    bool wait, dry_run;
};

static int submit(struct cli *cli, struct submit_options *options, char **argv, size_t argc)
{
    struct writer params = {0};
    struct future_message *reply;
    int status;

    writer_begin_object(&params);
    status = call_options_write(cli, &options->call, argv, argc, &params);
    if (status != 0) {
        writer_free(&params);
        return status;
    }
    writer_end_object(&params);
    if (options->dry_run)
        return print_params(cli, &params);
    status = cli_call(cli, "submit", &params, &reply);
    if (status != 0)
        return status;
    if (options->wait)
        status = show_result(cli, cli_uint(reply->result, "id"), SHOW_RESULT_FOREVER);
    else
        print_submitted(cli, reply);
    future_message_free(reply);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"wait", no_argument, NULL, 'w'},
                                          {"dry-run", no_argument, NULL, 'n'},
                                          CALL_OPTIONS,
                                          CLI_FORMAT_OPTION,
                                          CLI_COMMON_OPTIONS};
    struct submit_options options = {0};
    int option, status = EXIT_FINE;

    while ((option = cli_getopt(cli, argc, argv, "+:hwn" CALL_OPTIONS_SHORT, longs)) != -1) {
        if (option == 'w' || option == 'n') {
            *(option == 'w' ? &options.wait : &options.dry_run) = true;
            continue;
        }
        if (option == CLI_ERROR || option == CLI_HELP)
            status = cli_stop(cli, option);
        else
            status = call_options_take(cli, &options.call, option, optarg);
        if (option == CLI_HELP || status != EXIT_FINE)
            goto out;
    }
    if (optind == argc)
        status = cli_bad_usage(cli, "which command? Write it last: future submit -- make -j4");
    else
        status = submit(cli, &options, argv + optind, (size_t)(argc - optind));
out:
    call_options_clear(&options.call);
    return status;
}

const struct command cmd_submit = {
    .name = "submit",
    .aliases = {"add"},
    .usage = "submit [OPTIONS] [--] COMMAND [ARGUMENT...]",
    .summary = "Hand a command to the daemon and print the future's id",
    .help =
        "The command runs without a shell; name one where you want it, as in the last example.\n\n"
        "  -w, --wait             wait, and end as `future result` does: the command's output and\n"
        "                         its exit status become those of `future`\n"
        "  -n, --dry-run          print the call as JSON, and submit nothing\n"
        "      --json             print the daemon's reply\n"
        "      --format TEMPLATE  a line made of it, as '{id} {state}'\n" CALL_OPTIONS_HELP "\n"
        "  future submit -- make -j4\n"
        "  future submit --wait --timeout 10m --env LANG=C -- ./configure\n"
        "  future submit --after 7 -l report -- sh -c 'sort log | uniq -c >report'\n",
    .run = run,
};

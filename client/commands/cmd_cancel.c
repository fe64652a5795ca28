/* cancel: futures that wait do not run, and with --terminate running ones end. */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"

enum { OPTION_SIGNAL = CLI_OWN, OPTION_GRACE, OPTION_REASON };

struct cancel_options {
    bool terminate, dry_run;
    const char *signal, *reason; /* NULL: none */
    int64_t grace_us;            /* -1: as usual */
};

static int take_option(struct cli *cli, struct cancel_options *options, int option,
                       const char *value)
{
    switch (option) {
    case 't':
        options->terminate = true;
        return 0;
    case 'n':
        options->dry_run = true;
        return 0;
    case OPTION_SIGNAL:
    case OPTION_REASON:
        return cli_text(cli, option == OPTION_SIGNAL ? &options->signal : &options->reason, value);
    case OPTION_GRACE:
        return cli_duration(cli, "grace", value, &options->grace_us);
    default:
        return cli_stop(cli, option);
    }
}

static int check(struct cli *cli, const struct cancel_options *options)
{
    if (options->terminate || (!options->signal && options->grace_us < 0))
        return 0;
    return cli_bad_usage(cli, "--signal and --grace say how to end what runs: give --terminate as "
                              "well, or use `future kill`");
}

static void write_options(const struct cancel_options *options, struct writer *params)
{
    uint64_t number;

    if (options->terminate) {
        writer_key(params, "terminate");
        writer_bool(params, true);
    }
    if (options->signal) {
        writer_key(params, "signal");
        if (parse_uint(options->signal, &number) == 0)
            writer_uint(params, number);
        else
            writer_cstring(params, options->signal);
    }
    if (options->reason) {
        writer_key(params, "reason");
        writer_cstring(params, options->reason);
    }
    if (options->grace_us >= 0) {
        writer_key(params, "grace");
        writer_seconds(params, options->grace_us);
    }
}

/* One line a future. Returns whether it is cancelled or about to end. */
static bool tell_fate(bool quiet, const json_t *fate)
{
    bool cancelled = json_is_true(json_object_get(fate, "cancelled"));
    bool terminating = json_is_true(json_object_get(fate, "terminating"));
    const char *state = cli_string(fate, "state", "?");
    unsigned long long id = cli_uint(fate, "id");

    if (quiet)
        return cancelled || terminating;
    if (cancelled)
        printf("%llu cancelled\n", id);
    else if (terminating)
        printf("%llu terminating\n", id);
    else if (strcmp(state, "RUNNING") == 0)
        printf("%llu not cancelled: it is running (--terminate ends it)\n", id);
    else
        printf("%llu not cancelled: it is done already\n", id);
    return cancelled || terminating;
}

static int cancel(struct cli *cli, const struct id_spans *ids, const struct cancel_options *options)
{
    struct writer params = {0};
    struct future_message *reply;
    const json_t *fate;
    bool all = true, quiet;
    size_t i;
    int status;

    writer_begin_object(&params);
    write_options(options, &params);
    writer_key(&params, "ids");
    id_spans_write(ids, &params);
    writer_end_object(&params);
    status = cli_call(cli, "cancel", &params, &reply);
    if (status != 0)
        return status;
    quiet = cli_print_for_machine(cli, reply, "futures");
    json_array_foreach (json_object_get(reply->result, "futures"), i, fate)
        all = tell_fate(quiet, fate) && all;
    future_message_free(reply);
    return all ? EXIT_FINE : EXIT_NOT_ALL;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"terminate", no_argument, NULL, 't'},
                                          {"signal", required_argument, NULL, OPTION_SIGNAL},
                                          {"grace", required_argument, NULL, OPTION_GRACE},
                                          {"reason", required_argument, NULL, OPTION_REASON},
                                          {"dry-run", no_argument, NULL, 'n'},
                                          CLI_FORMAT_OPTION,
                                          CLI_COMMON_OPTIONS};
    const struct id_filter alive = {.states = STATES_ALIVE};
    struct cancel_options options = {.terminate = strcmp(argv[0], "kill") == 0, .grace_us = -1};
    struct id_spans ids = {0};
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":htn", longs)) != -1) {
        status = take_option(cli, &options, option, optarg);
        if (status != 0 || option == CLI_HELP)
            return status;
    }
    status = check(cli, &options);
    if (status == 0)
        status = cli_ids(cli, argc, argv, &alive, &ids);
    if (status == 0 && options.dry_run)
        cli_print_ids(&ids);
    else if (status == 0)
        status = cancel(cli, &ids, &options);
    id_spans_clear(&ids);
    return status;
}

const struct command cmd_cancel = {
    .name = "cancel",
    .aliases = {"kill"},
    .usage = "cancel [OPTIONS] ID...",
    .summary = "Cancel futures that have not started, or end running ones",
    .help = "Tells the fate of each. Exit status 0 when all are cancelled or terminating, else 1.\n"
            "`kill` is `cancel --terminate`. `all` and @label mean those that are not done.\n\n"
            "  -t, --terminate        end those that run: signal, then KILL after the grace\n"
            "      --signal NAME      the first signal (TERM)\n"
            "      --grace DUR        how long it may take (10s)\n"
            "      --reason TEXT      shown in the exception of a terminated one\n"
            "  -n, --dry-run          print the ids, and cancel none\n"
            "      --json             print the daemon's reply\n"
            "      --format TEMPLATE  a line for each, as '{id} {cancelled}'\n\n"
            "  future cancel --terminate --grace 2s 7\n",
    .run = run,
};

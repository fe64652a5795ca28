/* forget: drop done futures with their results. */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"

enum { OPTION_FAILED = CLI_OWN, OPTION_SUCCEEDED, OPTION_POOL, OPTION_LABEL, OPTION_OLDER };

struct forget_options {
    struct id_filter filter;
    bool filtered, dry_run;
};

static int take_option(struct cli *cli, struct forget_options *options, int option,
                       const char *value)
{
    int64_t age_us;
    int status;

    options->filtered = options->filtered || option != 'n';
    switch (option) {
    case 'n':
        options->dry_run = true;
        return 0;
    case OPTION_FAILED:
        options->filter.outcome = OUTCOME_BAD;
        return 0;
    case OPTION_SUCCEEDED:
        options->filter.outcome = OUTCOME_GOOD;
        return 0;
    case OPTION_POOL:
    case OPTION_LABEL:
        return cli_text(cli, option == OPTION_POOL ? &options->filter.pool : &options->filter.label,
                        value);
    case OPTION_OLDER:
        status = cli_duration(cli, "older-than", value, &age_us);
        options->filter.done_before = status == 0 ? time_now() - (double)age_us / 1e6 : 0;
        return status;
    default:
        return cli_stop(cli, option);
    }
}

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
    if (!cli_print_for_machine(cli, reply, NULL))
        printf("%llu\n", (unsigned long long)cli_uint(reply->result, "forgotten"));
    future_message_free(reply);
    return EXIT_FINE;
}

static int find_and_forget(struct cli *cli, const struct forget_options *options, bool clean,
                           int argc, char **argv)
{
    struct id_spans ids = {0};
    bool given;
    int status = cli_ids_if_any(cli, argc, argv, &options->filter, &ids, &given);

    if (status == 0 && !given && (options->filtered || clean))
        status = cli_find(cli, &options->filter, &ids);
    else if (status == 0 && !given)
        status = cli_bad_usage(cli, "which future? Give an id, as 7, 7,9-12, last, all or @label, "
                                    "or a filter, as --failed");
    if (status == 0 && options->dry_run)
        cli_print_ids(&ids);
    else if (status == 0)
        status = forget(cli, &ids);
    id_spans_clear(&ids);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"failed", no_argument, NULL, OPTION_FAILED},
                                          {"succeeded", no_argument, NULL, OPTION_SUCCEEDED},
                                          {"pool", required_argument, NULL, OPTION_POOL},
                                          {"label", required_argument, NULL, OPTION_LABEL},
                                          {"older-than", required_argument, NULL, OPTION_OLDER},
                                          {"dry-run", no_argument, NULL, 'n'},
                                          CLI_FORMAT_OPTION,
                                          CLI_COMMON_OPTIONS};
    struct forget_options options = {.filter = {.states = STATES_DONE}};
    bool clean = strcmp(argv[0], "clean") == 0;
    int option;

    while ((option = cli_getopt(cli, argc, argv, ":hn", longs)) != -1) {
        int status = take_option(cli, &options, option, optarg);

        if (status != 0 || option == CLI_HELP)
            return status;
    }
    return find_and_forget(cli, &options, clean, argc, argv);
}

const struct command cmd_forget = {
    .name = "forget",
    .aliases = {"clean"},
    .usage = "forget [OPTIONS] [ID...]",
    .summary = "Drop done futures with their results and outputs",
    .help =
        "Prints how many were dropped. A future that is not done is refused; `all`, @label and\n"
        "the filters mean done ones only. `clean` without ids or filters drops all that are\n"
        "done.\n\n"
        "      --failed           those that failed or were cancelled\n"
        "      --succeeded        those that succeeded\n"
        "      --pool NAME        those of this pool\n"
        "      --label TEXT       those with this label\n"
        "      --older-than DUR   those that are done for longer than that\n"
        "  -n, --dry-run          print their ids, and drop none\n"
        "      --json             print the daemon's reply\n"
        "      --format TEMPLATE  a line made of it, as '{forgotten}'\n\n"
        "  future forget 7-12\n"
        "  future clean --succeeded --older-than 1d\n",
    .run = run,
};

/* call: any function, with arguments as JSON. */
#include <stdio.h>

#include "client/cli/call_options.h"
#include "client/cli/command.h"
#include "client/cli/follow.h"
#include "client/cli/json_word.h"

static int submit(struct cli *cli, const struct call_options *options, char **words, size_t count,
                  bool detach, struct future_message **ret_reply)
{
    struct writer params = {0};
    int status = 0;

    writer_begin_object(&params);
    writer_key(&params, "fn");
    writer_cstring(&params, words[0]);
    if (count > 1) {
        writer_key(&params, "args");
        status = json_word_write(cli, words[1], "the arguments", true, &params);
    }
    if (status == 0)
        status = call_options_write_shared(cli, options, &params);
    if (!detach) {
        writer_key(&params, "scope");
        writer_cstring(&params, "connection");
    }
    writer_end_object(&params);
    if (status == 0)
        status = cli_call(cli, "submit", &params, ret_reply);
    writer_free(&params);
    return status;
}

static int follow(struct cli *cli, uint64_t id)
{
    struct interrupts interrupts = {.fd = -1};
    int r = interrupts_begin(&interrupts);
    int status = r < 0 ? cli_fail_errno(cli, r, "signals") : follow_future(cli, id, &interrupts);

    interrupts_end(&interrupts);
    return status;
}

static int call(struct cli *cli, const struct call_options *options, char **words, size_t count,
                bool detach)
{
    struct future_message *reply;
    uint64_t id;
    int status = submit(cli, options, words, count, detach, &reply);

    if (status != 0)
        return status;
    id = cli_uint(reply->result, "id");
    if (detach && !cli_print_for_machine(cli, reply, NULL))
        printf("%llu\n", (unsigned long long)id);
    if (detach)
        cli_flush_id(cli, id);
    future_message_free(reply);
    return detach ? EXIT_FINE : follow(cli, id);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"detach", no_argument, NULL, 'd'}, CALL_SHARED_OPTIONS, CLI_COMMON_OPTIONS};
    struct call_options options = {0};
    bool detach = false;
    int option, status = EXIT_FINE;

    while ((option = cli_getopt(cli, argc, argv, "+:hd" CALL_OPTIONS_SHORT, longs)) != -1) {
        if (option == 'd')
            detach = true;
        else if (option == CLI_ERROR || option == CLI_HELP)
            status = cli_stop(cli, option);
        else
            status = call_options_take(cli, &options, option, optarg);
        if (option == CLI_HELP || status != EXIT_FINE)
            goto out;
    }
    if (argc - optind < 1 || argc - optind > 2)
        status = cli_bad_usage(cli, "give a function, and its arguments as one word of JSON");
    else
        status = call(cli, &options, argv + optind, (size_t)(argc - optind), detach);
out:
    call_options_clear(&options);
    return status;
}

const struct command cmd_call = {
    .name = "call",
    .usage = "call [OPTIONS] [--] FUNCTION [JSON]",
    .summary = "Call a function and print what it returns",
    .help =
        "`future info` tells which functions there are. JSON is an object with the arguments; - "
        "reads\n"
        "it from stdin. The result is printed as JSON; an exception is told on stderr, with exit\n"
        "status 125. What the function writes to stderr appears as it is written, and so does on "
        "a\n"
        "terminal how far it is. Ctrl-C ends the call, and so does the end of `future` itself.\n\n"
        "  -d, --detach           print the future's id and leave it alone\n"
        "      --json             print the daemon's notifications instead, one a line\n" //
    CALL_SHARED_OPTIONS_HELP "\n"
        "  future call digest '{\"path\":\"/etc/hostname\"}'\n"
        "  jq -n '{seconds: 1}' | future call sleep -\n",
    .run = run,
};

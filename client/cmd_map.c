/* map: one command over many items. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/call_options.h"
#include "client/command.h"
#include "client/map_run.h"
#include "proto/text.h"

enum { OPTION_FAIL_FAST = OPTION_FIRST_FREE };

struct map_options {
    struct call_options call;
    const char *arg_file; /* NULL: stdin, or `items` */
    char delimiter;
    bool detach, fail_fast;
    char **argv;
    size_t argc;
    char **items; /* NULL: from a file */
    size_t item_count;
};

static int take_option(struct cli *cli, struct map_options *options, int option)
{
    switch (option) {
    case 'a':
        options->arg_file = optarg;
        return 0;
    case '0':
        options->delimiter = '\0';
        return 0;
    case 'd':
        options->detach = true;
        return 0;
    case OPTION_FAIL_FAST:
        options->fail_fast = true;
        return 0;
    default:
        return call_options_take(cli, &options->call, option, optarg);
    }
}

/* Parts the words behind the options at `:::`. */
static int split_words(struct cli *cli, struct map_options *options, int argc, char **argv)
{
    int i = optind;

    while (i < argc && strcmp(argv[i], ":::") != 0)
        i++;
    options->argv = argv + optind;
    options->argc = (size_t)(i - optind);
    if (options->argc == 0)
        return cli_bad_usage(cli, "which command? As in: future map -- sha256sum {} ::: *.c");
    if (i < argc) {
        options->items = argv + i + 1;
        options->item_count = (size_t)(argc - i - 1);
    }
    if (options->items && options->arg_file)
        return cli_bad_usage(cli, "items come from -a FILE or stand behind `:::`, not both");
    for (size_t n = 0; options->items && n < options->item_count; n++) {
        if (strcmp(options->items[n], ":::") == 0)
            return cli_bad_usage(cli, "`:::` stands once, before the items");
        if (!utf8_valid(options->items[n], strlen(options->items[n])))
            return cli_bad_usage(cli, "item %zu is not valid UTF-8", n);
    }
    if (!options->items && !options->arg_file && options->call.stdin_path &&
        strcmp(options->call.stdin_path, "-") == 0)
        return cli_bad_usage(cli, "stdin gives the items: --stdin - needs `:::` or -a FILE");
    return 0;
}

/* A map without a client that waits for it is the daemon's own; in the foreground it ends with the
 * client, as with xargs. */
static int create(struct cli *cli, struct map_options *options, struct future_message **ret_reply)
{
    struct writer params = {0};
    int status;

    writer_begin_object(&params);
    status = call_options_write(cli, &options->call, options->argv, options->argc, &params);
    writer_key(&params, "items");
    writer_begin_array(&params);
    for (size_t i = 0; options->items && i < options->item_count; i++)
        writer_cstring(&params, options->items[i]);
    writer_end_array(&params);
    if (!options->items) {
        writer_key(&params, "open");
        writer_bool(&params, true);
    }
    if (!options->detach) {
        writer_key(&params, "scope");
        writer_cstring(&params, "connection");
    }
    if (options->fail_fast) {
        writer_key(&params, "fail_fast");
        writer_bool(&params, true);
    }
    writer_end_object(&params);
    if (status == 0)
        status = cli_call(cli, "map", &params, ret_reply);
    writer_free(&params);
    return status;
}

/* The id stands there before the last item is read: an endless input can be cancelled by it. */
static int detach(struct cli *cli, struct map_run *run, const struct future_message *reply)
{
    if (cli->json)
        cli_print_raw_result(reply);
    else
        printf("%llu\n", (unsigned long long)cli_uint(reply->result, "id"));
    fflush(stdout);
    return map_run_feed(run);
}

static int run_map(struct cli *cli, struct map_options *options, int input)
{
    struct future_message *reply;
    struct map_run *run;
    int status = create(cli, options, &reply);

    if (status != 0)
        return status;
    run = map_run_new(cli, cli_uint(reply->result, "id"), input, options->delimiter);
    if (!run || (!options->detach && map_run_items(run, options->items, options->item_count,
                                                   cli_uint(reply->result, "first")) < 0))
        status = cli_fail_errno(cli, -ENOMEM, "the map");
    else if (options->detach)
        status = detach(cli, run, reply);
    else
        status = map_run_finish(run);
    map_run_free(run);
    future_message_free(reply);
    return status;
}

/* Opens what gives the items, before anything is asked of the daemon. */
static int open_and_run(struct cli *cli, struct map_options *options)
{
    bool from_file = options->arg_file && strcmp(options->arg_file, "-") != 0;
    int input = options->items ? -1 : STDIN_FILENO;
    int status;

    if (from_file) {
        input = open(options->arg_file, O_RDONLY | O_CLOEXEC);
        if (input < 0)
            return cli_fail_errno(cli, -errno, options->arg_file);
    }
    if (input == STDIN_FILENO && isatty(input))
        cli_warn(cli, "reading items from the terminal, one a line");
    status = run_map(cli, options, input);
    if (from_file)
        close(input);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"null", no_argument, NULL, '0'},
                                          {"arg-file", required_argument, NULL, 'a'},
                                          {"detach", no_argument, NULL, 'd'},
                                          {"fail-fast", no_argument, NULL, OPTION_FAIL_FAST},
                                          CALL_OPTIONS,
                                          CLI_COMMON_OPTIONS};
    struct map_options options = {.delimiter = '\n'};
    int option, status = EXIT_FINE;

    while ((option = cli_getopt(cli, argc, argv, "+:h0a:d" CALL_OPTIONS_SHORT, longs)) != -1) {
        status = take_option(cli, &options, option);
        if (option == CLI_HELP || status != EXIT_FINE)
            goto out;
    }
    status = split_words(cli, &options, argc, argv);
    if (status == EXIT_FINE)
        status = open_and_run(cli, &options);
out:
    call_options_clear(&options.call);
    return status;
}

const struct command cmd_map = {
    .name = "map",
    .usage = "map [OPTIONS] [--] COMMAND [ARGUMENT...] [::: ITEM...]",
    .summary = "Run a command for each of many items, and write the outputs in input order",
    .help =
        "`{}` in the command stands for the item; where there is none, the item is added at the\n"
        "end. Without `:::` items come from stdin, one a line, kept as they are with their spaces\n"
        "and quotes; they start while more are read. Exit status 0, or 123 when an item failed:\n"
        "stderr says which and why. When `future` is stopped the map is stopped as well, unless\n"
        "it is detached.\n\n"
        "  -a, --arg-file FILE    read the items there\n"
        "  -0, --null             items end with NUL, as from find -print0\n"
        "  -d, --detach           print the map's id once it is known, feed it and leave\n"
        "      --fail-fast        the first failure cancels the items that wait\n"
        "      --json             one line of JSON an item: index, item, and the reply to "
        "`result`\n" CALL_OPTIONS_HELP "\n"
        "  future map -- gzip -9 {} ::: *.log\n"
        "  find /usr/include -name '*.h' | future map -- sha256sum {}\n",
    .run = run,
};

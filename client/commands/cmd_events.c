/* events: what happens, as it happens. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"
#include "client/show/format.h"
#include "client/show/show_event.h"

enum { OPTION_ALL = CLI_OWN, OPTION_EVENTS, OPTION_SINCE, OPTION_POOL, OPTION_LABEL, OPTION_MAP };

/* NULL: not given. */
struct events_options {
    const char *events, *pool, *label, *map;
    uint64_t since, count; /* count 0: no end */
    bool all, has_since;
};

static int take_option(struct cli *cli, struct events_options *options, int option,
                       const char *value)
{
    int status;

    switch (option) {
    case OPTION_ALL:
        options->all = true;
        return 0;
    case OPTION_EVENTS:
        return cli_text(cli, &options->events, value);
    case OPTION_SINCE:
        options->has_since = true;
        return cli_count(cli, "since", value, &options->since);
    case OPTION_MAP:
        options->map = value;
        return 0;
    case OPTION_POOL:
        return cli_text(cli, &options->pool, value);
    case OPTION_LABEL:
        return cli_text(cli, &options->label, value);
    case 'n':
        status = cli_count(cli, "count", value, &options->count);
        if (status == 0 && options->count == 0)
            return cli_bad_usage(cli, "--count 0: write how many events to wait for, as 1");
        return status;
    default:
        return cli_stop(cli, option);
    }
}

static int write_options(struct cli *cli, const struct events_options *options,
                         struct writer *params)
{
    if (options->events) {
        writer_key(params, "events");
        cli_write_words(params, options->events, false);
    }
    if (options->has_since) {
        writer_key(params, "since");
        writer_uint(params, options->since);
    }
    if (options->pool) {
        writer_key(params, "pool");
        writer_cstring(params, options->pool);
    }
    if (options->label) {
        writer_key(params, "label");
        writer_cstring(params, options->label);
    }
    return cli_write_id(cli, params, "map", "item_of", options->map);
}

/* Waits for the daemon, and for the reader of stdout to go: it would be noticed only at the next
 * event, which may never come. Returns false when there is nobody to write for. */
static bool sleep_for_news(const struct cli *cli)
{
    struct pollfd ready[2] = {{.fd = future_fd(cli->client), .events = future_events(cli->client)},
                              {.fd = STDOUT_FILENO, .events = 0}};

    return (poll(ready, 2, -1) >= 0 || errno == EINTR) && !(ready[1].revents & POLLERR);
}

/* Shows one notification. Returns whether it says that one of the ids asked for is done. */
static bool show(const struct cli *cli, const struct future_message *message,
                 const struct id_spans *ids)
{
    const json_t *future = json_object_get(message->params, "future");

    if (cli->format) {
        format_print(cli->format, message->params, stdout);
    } else if (cli->out.is_terminal && !cli->json) {
        show_event(cli, message);
    } else {
        fwrite(message->text, 1, message->text_size, stdout);
        putchar('\n');
    }
    return strcmp(message->method, "future.done") == 0 &&
           id_spans_contain(ids, cli_uint(future, "id"));
}

/* Until `count` are shown (0: no end), or all of the ids are done, of which there are `left`. */
static int follow(struct cli *cli, uint64_t count, bool given, const struct id_spans *ids,
                  uint64_t left)
{
    uint64_t shown = 0;

    while ((count == 0 || shown < count) && (!given || left > 0)) {
        struct future_message *message;
        int r = future_receive(cli->client, 0, &message);

        if (r == -ETIMEDOUT) {
            if (!sleep_for_news(cli))
                return EXIT_FINE;
            continue;
        }
        /* The daemon has ended, and so have its events; but not the futures that were waited for.
         */
        if (r == -ECONNRESET && count == 0 && !given)
            return EXIT_FINE;
        if (r < 0)
            return cli_tell_failure(cli, r);
        if (message->kind == FUTURE_NOTIFICATION) {
            left -= show(cli, message, ids);
            shown++;
        }
        future_message_free(message);
        if (fflush(stdout) != 0)
            return EXIT_OURS; /* told when stdout is closed */
    }
    return EXIT_FINE;
}

static int subscribe(struct cli *cli, const struct events_options *options, struct id_spans *ids,
                     bool given)
{
    struct writer params = {0};
    struct future_message *reply;
    uint64_t left = id_spans_merge(ids);
    int status;

    if (options->all && given)
        return cli_bad_usage(cli, "give ids or --all, not both");
    writer_begin_object(&params);
    status = write_options(cli, options, &params);
    writer_key(&params, given ? "ids" : "all");
    if (given)
        id_spans_write(ids, &params);
    else
        writer_bool(&params, true);
    writer_end_object(&params);
    if (status == 0)
        status = cli_call(cli, "subscribe", &params, &reply);
    writer_free(&params);
    if (status != 0)
        return status;
    future_message_free(reply);
    return follow(cli, options->count, given, ids, left);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"all", no_argument, NULL, OPTION_ALL},
                                          {"events", required_argument, NULL, OPTION_EVENTS},
                                          {"since", required_argument, NULL, OPTION_SINCE},
                                          {"pool", required_argument, NULL, OPTION_POOL},
                                          {"label", required_argument, NULL, OPTION_LABEL},
                                          {"map", required_argument, NULL, OPTION_MAP},
                                          {"count", required_argument, NULL, 'n'},
                                          CLI_FORMAT_OPTION,
                                          CLI_COMMON_OPTIONS};
    struct events_options options = {0};
    struct id_spans ids = {0};
    bool given;
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":hn:", longs)) != -1) {
        status = take_option(cli, &options, option, optarg);
        if (status != 0 || option == CLI_HELP)
            return status;
    }
    status = cli_ids_if_any(cli, argc, argv, NULL, &ids, &given);
    if (status == 0)
        status = subscribe(cli, &options, &ids, given);
    id_spans_clear(&ids);
    return status;
}

const struct command cmd_events = {
    .name = "events",
    .usage = "events [OPTIONS] [--all | ID...]",
    .summary = "Print what happens to futures as lines of JSON, as it happens",
    .help = "Each line is one notification of the protocol: future.done, future.running,\n"
            "future.output or future.progress; on a terminal, without --json, it is in words.\n"
            "Without ids it is about all futures. A future that is done already is told at once.\n"
            "Ends when all the ids given are done, or with the daemon.\n\n"
            "      --all              about all futures, as without ids\n"
            "      --events LIST      of done,running,output,progress (done)\n"
            "      --since CURSOR     first what was done since then\n"
            "      --pool NAME        only futures of this pool\n"
            "      --label TEXT       only futures with this label\n"
            "      --map ID           only the items of this map\n"
            "  -n, --count N          end after N lines\n"
            "      --json             lines of JSON on a terminal as well\n"
            "      --format TEMPLATE  a line for each, as '{future.id} {future.state}'\n\n"
            "  future events --events done,running --label nightly\n",
    .run = run,
};

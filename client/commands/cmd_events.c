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
#include "proto/text.h"

enum { OPTION_ALL = CLI_OWN, OPTION_EVENTS, OPTION_SINCE, OPTION_POOL, OPTION_LABEL, OPTION_MAP };

struct events_options {
    bool all;
    const char *map; /* its id as it was written; NULL: none */
    uint64_t count;  /* 0: no end */
};

static int take_option(struct cli *cli, struct events_options *options, struct writer *params,
                       int option, const char *value)
{
    uint64_t cursor = 0;
    int status;

    switch (option) {
    case OPTION_ALL:
        options->all = true;
        return 0;
    case OPTION_EVENTS:
        writer_key(params, "events");
        cli_write_words(params, value, false);
        return 0;
    case OPTION_SINCE:
        status = cli_count(cli, "since", value, &cursor);
        writer_key(params, "since");
        writer_uint(params, status == 0 ? cursor : 0);
        return status;
    case OPTION_MAP:
        options->map = value;
        return 0;
    case OPTION_POOL:
    case OPTION_LABEL:
        if (!utf8_valid(value, strlen(value)))
            return cli_bad_usage(cli, "the value of a filter is not valid UTF-8");
        writer_key(params, option == OPTION_POOL ? "pool" : "label");
        writer_cstring(params, value);
        return 0;
    case 'n':
        status = cli_count(cli, "count", value, &options->count);
        if (status == 0 && options->count == 0)
            return cli_bad_usage(cli, "--count 0: write how many events to wait for, as 1");
        return status;
    default:
        return cli_stop(cli, option);
    }
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
        if (r == -ECONNRESET)
            return EXIT_FINE; /* the daemon has ended, and so have its events */
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
                     bool given, struct writer *params)
{
    struct future_message *reply;
    uint64_t left = id_spans_merge(ids);
    int status;

    if (options->all && given)
        return cli_bad_usage(cli, "give ids or --all, not both");
    if (given) {
        writer_key(params, "ids");
        id_spans_write(ids, params);
    } else {
        writer_key(params, "all");
        writer_bool(params, true);
    }
    status = cli_write_id(cli, params, "map", "item_of", options->map);
    if (status != 0)
        return status;
    writer_end_object(params);
    status = cli_call(cli, "subscribe", params, &reply);
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
    struct writer params = {0};
    struct id_spans ids = {0};
    bool given;
    int option, status;

    writer_begin_object(&params);
    while ((option = cli_getopt(cli, argc, argv, ":hn:", longs)) != -1) {
        status = take_option(cli, &options, &params, option, optarg);
        if (status != 0 || option == CLI_HELP)
            goto out;
    }
    status = cli_ids_if_any(cli, argc, argv, NULL, &ids, &given);
    if (status == 0)
        status = subscribe(cli, &options, &ids, given, &params);
out:
    id_spans_clear(&ids);
    writer_free(&params);
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
            "      --events LIST      of done,running,output,progress (done)\n"
            "      --since CURSOR     first what was done since then\n"
            "      --pool NAME        only futures of this pool\n"
            "      --label TEXT       only futures with this label\n"
            "      --map ID           only the items of this map\n"
            "  -n, --count N          end after N lines\n\n"
            "  future events --events done,running --label nightly\n",
    .run = run,
};

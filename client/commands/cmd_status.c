/* status: which futures there are, and how they are. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"
#include "client/show/show_futures.h"

enum {
    OPTION_STATE = CLI_OWN,
    OPTION_POOL,
    OPTION_LABEL,
    OPTION_MAP,
    OPTION_LIMIT,
    OPTION_BEFORE,
    OPTION_ITEMS,
    OPTION_NO_ITEMS,
    OPTION_FAILED
};

/* NULL: not given. */
struct filters {
    const char *state, *pool, *label, *map, *before;
    uint64_t limit;
    bool limited, items, filtered; /* items of maps are wanted; not all futures are */
    bool failed;                   /* those that failed or were cancelled */
};

static bool is_state(const char *word, size_t size)
{
    for (int state = FUTURE_PENDING; state <= FUTURE_FINISHED; state++) {
        const char *name = future_state_name((enum future_state)state);

        if (strlen(name) == size && strncasecmp(name, word, size) == 0)
            return true;
    }
    return false;
}

static int take_state(struct cli *cli, struct filters *filters, const char *value)
{
    for (const char *word = value;; word++) {
        size_t size = strcspn(word, ",");

        if (!is_state(word, size))
            return cli_bad_usage(cli,
                                 "--state %s: write pending, running, finished or cancelled, or "
                                 "several with commas; --failed lists what failed",
                                 value);
        word += size;
        if (!*word)
            break;
    }
    filters->state = value;
    return 0;
}

static int take_filter(struct cli *cli, struct filters *filters, int option, const char *value)
{
    filters->filtered |= option != OPTION_ITEMS && option != OPTION_NO_ITEMS;
    switch (option) {
    case OPTION_STATE:
        return take_state(cli, filters, value);
    case OPTION_POOL:
        return cli_text(cli, &filters->pool, value);
    case OPTION_LABEL:
        return cli_text(cli, &filters->label, value);
    case OPTION_LIMIT:
        filters->limited = true;
        return cli_count(cli, "limit", value, &filters->limit);
    case OPTION_MAP:
        filters->map = value;
        filters->items = true;
        return 0;
    case OPTION_BEFORE:
        filters->before = value;
        return 0;
    case OPTION_FAILED:
        filters->failed = true;
        return 0;
    case OPTION_ITEMS:
    case OPTION_NO_ITEMS:
        filters->items = option == OPTION_ITEMS;
        return 0;
    default:
        return cli_stop(cli, option);
    }
}

static bool has_map(const json_t *futures)
{
    const json_t *future;
    size_t i;

    json_array_foreach (futures, i, future)
        if (json_object_get(future, "map"))
            return true;
    return false;
}

/* For people at a terminal only: scripts read the table alone. */
static void print_footer(const struct cli *cli, const json_t *result, bool items)
{
    const json_t *counts = json_object_get(result, "counts");
    const json_t *futures = json_object_get(result, "futures");

    if (!cli->out.is_terminal || !counts)
        return;
    printf("%llu pending, %llu running, %llu finished, %llu cancelled\n",
           (unsigned long long)cli_uint(counts, "PENDING"),
           (unsigned long long)cli_uint(counts, "RUNNING"),
           (unsigned long long)cli_uint(counts, "FINISHED"),
           (unsigned long long)cli_uint(counts, "CANCELLED"));
    if (!items && has_map(futures))
        puts("The items of maps are counted: --items shows them.");
    if (cli_uint(result, "next"))
        printf("There are older ones: future status --before %llu\n",
               (unsigned long long)cli_uint(result, "next"));
}

/* People are told so, and how there will be one. */
static bool tell_nothing(const struct cli *cli, const json_t *futures, bool filtered)
{
    if (!cli->out.is_terminal || json_array_size(futures) > 0)
        return false;
    puts(filtered ? "There are no such futures."
                  : "There are no futures. `future submit -- COMMAND` makes one.");
    return true;
}

static int show(struct cli *cli, const struct filters *filters, bool given,
                const struct future_message *reply)
{
    const json_t *futures = json_object_get(reply->result, "futures");
    json_t *one;
    int status;

    if (cli_print_for_machine(cli, reply, "futures") ||
        (futures && tell_nothing(cli, futures, given || filters->filtered)))
        return EXIT_FINE;
    if (futures) {
        status = show_futures(cli, futures);
        print_footer(cli, reply->result, given || filters->items);
        return status;
    }
    one = json_pack("[O]", reply->result);
    status = show_futures(cli, one);
    json_decref(one);
    if (status == EXIT_FINE && cli->out.is_terminal)
        printf("`future show %llu` tells the rest.\n",
               (unsigned long long)cli_uint(reply->result, "id"));
    return status;
}

/* How many lines of the table are seen at once, with its title, the footer and the next prompt. */
static uint64_t lines_that_fit(const struct cli *cli)
{
    enum { AROUND = 4, LEAST = 5 };
    size_t height = cli->out.height;

    return height > LEAST + AROUND ? height - AROUND : LEAST;
}

static void write_limit(const struct cli *cli, const struct filters *filters, struct writer *params)
{
    bool table = cli->out.is_terminal && !cli->json && !cli->format;

    if (!filters->limited && !table)
        return;
    writer_key(params, "limit");
    writer_uint(params, filters->limited ? filters->limit : lines_that_fit(cli));
}

/* Of a list of those that match; beside ids the daemon refuses them. */
static int write_filters(struct cli *cli, const struct filters *filters, bool given,
                         struct writer *params)
{
    int status = cli_write_id(cli, params, "map", "item_of", filters->map);

    if (status == 0)
        status = cli_write_id(cli, params, "before", "before", filters->before);
    if (status != 0)
        return status;
    if (filters->state) {
        writer_key(params, "state");
        cli_write_words(params, filters->state, true);
    }
    if (filters->pool) {
        writer_key(params, "pool");
        writer_cstring(params, filters->pool);
    }
    if (filters->label) {
        writer_key(params, "label");
        writer_cstring(params, filters->label);
    }
    if (!given) {
        writer_key(params, "items");
        writer_bool(params, filters->items);
    }
    if (!given || filters->limited)
        write_limit(cli, filters, params);
    return 0;
}

static int ask(struct cli *cli, const struct id_spans *ids, bool given,
               const struct filters *filters)
{
    struct writer params = {0};
    struct future_message *reply;
    int status;

    writer_begin_object(&params);
    status = write_filters(cli, filters, given, &params);
    if (id_spans_single(ids) && !filters->failed) {
        writer_key(&params, "id");
        writer_uint(&params, ids->spans[0].first);
    } else if (given) {
        writer_key(&params, "ids");
        id_spans_write(ids, &params);
    }
    writer_key(&params, "describe");
    writer_bool(&params, true);
    writer_end_object(&params);
    if (status == 0)
        status = cli_call(cli, "status", &params, &reply);
    writer_free(&params);
    if (status != 0)
        return status;
    status = show(cli, filters, given, reply);
    future_message_free(reply);
    return status;
}

/* The daemon does not list by how a future ended: the ids are found here, and then asked for. */
static int find_failed(struct cli *cli, const struct filters *filters, bool given,
                       struct id_spans *ids)
{
    enum { USUAL = 100 }; /* the daemon's own for its lists */
    bool table = cli->out.is_terminal && !cli->json && !cli->format;
    struct id_filter filter = {.states = STATES_DONE,
                               .pool = filters->pool,
                               .label = filters->label,
                               .outcome = OUTCOME_BAD,
                               .most = filters->limited ? filters->limit
                                       : table          ? lines_that_fit(cli)
                                                        : USUAL};
    int status;

    if (given || filters->state || (filters->items && !filters->map))
        return cli_bad_usage(cli, "--failed, or ids, --state or --items: not both");
    status = cli_option_id(cli, "map", filters->map, &filter.item_of);
    if (status == 0)
        status = cli_option_id(cli, "before", filters->before, &filter.before);
    if (status != 0 || filter.most == 0)
        return status;
    return cli_find(cli, &filter, ids);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"state", required_argument, NULL, OPTION_STATE},
                                          {"pool", required_argument, NULL, OPTION_POOL},
                                          {"label", required_argument, NULL, OPTION_LABEL},
                                          {"map", required_argument, NULL, OPTION_MAP},
                                          {"limit", required_argument, NULL, OPTION_LIMIT},
                                          {"before", required_argument, NULL, OPTION_BEFORE},
                                          {"items", no_argument, NULL, OPTION_ITEMS},
                                          {"no-items", no_argument, NULL, OPTION_NO_ITEMS},
                                          {"failed", no_argument, NULL, OPTION_FAILED},
                                          CLI_FORMAT_OPTION,
                                          CLI_COMMON_OPTIONS};
    struct filters filters = {0};
    struct id_spans ids = {0};
    bool given;
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":h", longs)) != -1) {
        status = take_filter(cli, &filters, option, optarg);
        if (status != 0 || option == CLI_HELP)
            return status;
    }
    status = cli_ids_if_any(cli, argc, argv, NULL, &ids, &given);
    if (status == 0 && filters.failed)
        status = find_failed(cli, &filters, given, &ids);
    if (status == 0 && filters.failed)
        status = ask(cli, &ids, true, &(struct filters){.filtered = true, .failed = true});
    else if (status == 0)
        status = ask(cli, &ids, given, &filters);
    id_spans_clear(&ids);
    return status;
}

const struct command cmd_status = {
    .name = "status",
    .usage = "status [OPTIONS] [ID...]",
    .summary = "List futures, newest first, or those with the given ids",
    .help = "A bare `future` is `future status`.\n\n"
            "      --state LIST       only these: PENDING,RUNNING,FINISHED,CANCELLED\n"
            "      --failed           only those that failed or were cancelled\n"
            "      --pool NAME        only those of this pool\n"
            "      --label TEXT       only those with this label\n"
            "      --map ID           only the items of this map\n"
            "      --limit N          at most so many (100; on a terminal, as many as fit)\n"
            "      --before ID        only older ones\n"
            "      --items, --no-items  with or without the items of maps (without)\n"
            "      --format TEMPLATE  a line for each, as '{id} {state} {label}'\n"
            "      --json             print the daemon's reply\n\n"
            "  future status --state pending,running\n"
            "  future status --failed --map last\n"
            "  future status last\n"
            "  future status 7,9-12 @nightly --format '{id} {failed}'\n",
    .run = run,
};

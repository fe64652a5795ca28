/* drain: until nothing is left to do. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"

/* One round ends when all those futures are done that were there at its beginning. */
static int wait_round(struct cli *cli, const struct id_spans *ids, int64_t timeout_us,
                      size_t *ret_left)
{
    struct writer params = {0};
    struct future_message *reply;
    int status;

    writer_begin_object(&params);
    writer_key(&params, "ids");
    id_spans_write(ids, &params);
    if (timeout_us >= 0) {
        writer_key(&params, "timeout");
        writer_seconds(&params, timeout_us);
    }
    writer_end_object(&params);
    status = cli_call(cli, "wait", &params, &reply);
    if (status != 0)
        return status;
    *ret_left = json_array_size(json_object_get(reply->result, "not_done"));
    future_message_free(reply);
    return 0;
}

/* A pool that is not there would have nothing to do. */
static int check_pool(struct cli *cli, const char *pool)
{
    struct writer params = {0};
    struct future_message *reply;
    int status;

    writer_begin_object(&params);
    writer_key(&params, "pool");
    writer_cstring(&params, pool);
    writer_end_object(&params);
    status = cli_call(cli, "pool.list", &params, &reply);
    if (status == 0)
        future_message_free(reply);
    return status;
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* `timeout_us` < 0: no end. */
static int drain(struct cli *cli, const char *pool, int64_t timeout_us)
{
    const struct id_filter alive = {.states = STATES_ALIVE, .pool = pool};
    int64_t end_us = now_us() + timeout_us;

    for (;;) {
        struct id_spans ids = {0};
        int64_t left_us = timeout_us < 0 ? -1 : end_us - now_us();
        size_t left = 0;
        int status = cli_find(cli, &alive, &ids);
        size_t found = ids.count;

        if (timeout_us >= 0 && left_us < 0)
            left_us = 0;
        if (status == 0 && found > 0)
            status = wait_round(cli, &ids, left_us, &left);
        id_spans_clear(&ids);
        if (status != 0 || found == 0)
            return status;
        if (left > 0) {
            cli_warn(cli, "timed out: %zu are not done", left);
            return EXIT_TIMED_OUT;
        }
    }
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"timeout", required_argument, NULL, 't'},
                                          CLI_COMMON_OPTIONS};
    int64_t timeout_us = -1;
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":ht:", longs)) != -1) {
        if (option != 't')
            return cli_stop(cli, option);
        status = cli_duration(cli, "timeout", optarg, &timeout_us);
        if (status != 0)
            return status;
    }
    if (argc - optind > 1)
        return cli_bad_usage(cli, "name one pool, or none for all");
    if (optind == argc)
        return drain(cli, NULL, timeout_us);
    status = check_pool(cli, argv[optind]);
    return status != 0 ? status : drain(cli, argv[optind], timeout_us);
}

const struct command cmd_drain = {
    .name = "drain",
    .usage = "drain [--timeout DUR] [POOL]",
    .summary = "Wait until a pool, or all of them, have nothing left to do",
    .help =
        "New work is still taken, and waited for as well; `future shutdown` refuses it. Says\n"
        "nothing of success or failure.\n\n"
        "  -t, --timeout DUR      wait no longer than that, then exit with 124; 0 only looks\n\n"
        "  future drain gpu && future pool set gpu max_workers=1\n",
    .run = run,
};

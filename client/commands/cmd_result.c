/* result: what a future gave. */
#include "client/cli/cli_ids.h"
#include "client/cli/command.h"
#include "client/show/show_result.h"

/* One id gives its own status; of several, 123 says that some failed. */
static int show_all(struct cli *cli, const struct id_spans *ids, int64_t timeout_us)
{
    int all = EXIT_FINE;

    for (size_t i = 0; i < ids->count; i++) {
        for (uint64_t id = ids->spans[i].first; id <= ids->spans[i].last; id++) {
            int status = show_result(cli, id, timeout_us);

            if (id_spans_single(ids) || status == EXIT_NO_DAEMON)
                return status;
            if (status != EXIT_FINE)
                all = status == EXIT_TIMED_OUT ? EXIT_TIMED_OUT : EXIT_SOME_FAILED;
        }
    }
    return all;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct id_spans ids;
    int64_t timeout_us;
    int status;

    if (show_result_arguments(cli, argc, argv, &ids, &timeout_us, &status)) {
        status = show_all(cli, &ids, timeout_us);
        id_spans_clear(&ids);
    }
    return status;
}

const struct command cmd_result = {
    .name = "result",
    .usage = "result [--timeout DUR] ID...",
    .summary = "Wait for a future and show its result",
    .help =
        "A command's stdout and stderr become those of `future`, and so does its exit status\n"
        "(128+N for signal N, 127 and 126 where it could not be started). The result of any other\n"
        "function is printed as JSON. An exception is told on stderr, with exit status 125; so is\n"
        "a future that was cancelled. Of several futures, 123 says that some failed.\n\n"
        "  -t, --timeout DUR      wait no longer than that, then exit with 124; 0 only looks\n"
        "      --json             print the daemon's reply instead\n"
        "      --format TEMPLATE  a line made of it, as '{id} {result.exit_code}'\n\n"
        "  future result 7 >out 2>err\n",
    .run = run,
};

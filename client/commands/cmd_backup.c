/* backup: a copy of the store. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "client/cli/command.h"

/* The daemon has a working directory of its own. */
static int make_absolute(const char *path, char *ret_absolute, size_t size)
{
    char directory[PATH_MAX];
    int length;

    if (path[0] == '/')
        length = snprintf(ret_absolute, size, "%s", path);
    else if (!getcwd(directory, sizeof(directory)))
        return -errno;
    else
        length = snprintf(ret_absolute, size, "%s/%s", directory, path);
    return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct writer params = {0};
    struct future_message *reply;
    char path[PATH_MAX];
    int status = 0, r;

    if (cli_no_options(cli, argc, argv, &status))
        return status;
    if (argc - optind != 1 || !argv[optind][0])
        return cli_bad_usage(cli, "give the file to write");
    r = make_absolute(argv[optind], path, sizeof(path));
    if (r < 0)
        return cli_fail_errno(cli, r, argv[optind]);
    writer_begin_object(&params);
    writer_key(&params, "path");
    writer_cstring(&params, path);
    writer_end_object(&params);
    status = cli_call(cli, "backup", &params, &reply);
    if (status != 0)
        return status;
    if (cli->json)
        cli_print_raw_result(reply);
    future_message_free(reply);
    return EXIT_FINE;
}

const struct command cmd_backup = {
    .name = "backup",
    .never_starts = true,
    .usage = "backup FILE",
    .summary = "Write a consistent copy of the store to a new file",
    .help = "The daemon goes on working meanwhile. It writes the file itself, as its own user and\n"
            "with mode 0600, and never over one that is there; only root and its own user may ask\n"
            "for it. futured(8) tells how to start from the copy.\n\n"
            "      --json             print the daemon's reply\n\n"
            "  future backup /var/lib/futured/before-upgrade.db\n",
    .run = run,
};

#include "client/cli/hint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/cli/start.h"
#include "proto/endpoint.h"
#include "proto/methods.h"
#include "proto/rpc.h"

enum { ASK_MS = 2000 };

/* ---- no daemon ---- */

static bool is_other_file(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && !S_ISSOCK(status.st_mode);
}

int hint_no_daemon(const struct cli *cli, int error)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    bool named = cli->socket_path || getenv("FUTURE_SOCKET");

    if (endpoint_path(cli->socket_path, 1, path, sizeof(path)) < 0) {
        cli_warn(cli, "the path of the socket is empty or longer than %zu bytes", sizeof(path) - 1);
        return EXIT_BAD_USAGE;
    }
    cli_warn(cli, "no daemon at %s: %s", path, strerror(-error));
    if (error == -EACCES)
        fputs("It is another user's, or you are not in its group.\n", stderr);
    if (error != -ENOENT && error != -ECONNREFUSED)
        return EXIT_NO_DAEMON;
    if (is_other_file(path))
        fputs("That is no socket: name the daemon's with --socket or FUTURE_SOCKET.\n", stderr);
    else if (!named && start_has_unit())
        fputs("Start it with `systemctl --user start futured.socket`.\n", stderr);
    else
        fprintf(stderr,
                "Start one with `futured%s%s &`, or name a running one's socket with --socket or "
                "FUTURE_SOCKET.\n",
                named ? " --socket " : "", named ? path : "");
    return EXIT_NO_DAEMON;
}

/* ---- command lines ---- */

void hint_shell(const struct cli *cli, char **argv, size_t argc)
{
    if (argc != 1 || !strpbrk(argv[0], " \t|&;<>") || access(argv[0], X_OK) == 0)
        return;
    cli_warn(cli,
             "`%s` is one word, and taken for the name of a program; the shell runs a line: "
             "sh -c '...'",
             argv[0]);
}

/* ---- errors ---- */

/* The newest future below `before` (0: of all). NULL where there is none, or nobody answers. */
static struct future_message *newest(struct cli *cli, uint64_t before)
{
    struct future_message *reply = NULL;
    char params[80];

    if (before > 0)
        snprintf(params, sizeof(params), "{\"limit\":1,\"before\":%llu}",
                 (unsigned long long)before);
    else
        snprintf(params, sizeof(params), "{\"limit\":1}");
    if (!cli->client || future_call(cli->client, "status", params, ASK_MS, &reply) < 0)
        return NULL;
    if (reply->kind == FUTURE_REPLY &&
        json_array_size(json_object_get(reply->result, "futures")) == 1)
        return reply;
    future_message_free(reply);
    return NULL;
}

static void tell_one(const char *which, const struct future_message *reply)
{
    const json_t *future = json_array_get(json_object_get(reply->result, "futures"), 0);
    char label[64];

    cli_printable(cli_string(future, "label", ""), strlen(cli_string(future, "label", "")), label,
                  sizeof(label));
    fprintf(stderr, "The %s is %llu (%s%s%s).\n", which, (unsigned long long)cli_uint(future, "id"),
            cli_string(future, "state", "?"), label[0] ? ", " : "", label);
}

/* "... future 17": the number at the end. 0: there is none. */
static uint64_t id_in(const char *message)
{
    const char *word = strstr(message, "future ");

    return word ? strtoull(word + strlen("future "), NULL, 10) : 0;
}

static void hint_nearest(struct cli *cli, uint64_t id)
{
    struct future_message *nearest = id > 0 ? newest(cli, id) : NULL;
    struct future_message *last = nearest ? NULL : newest(cli, 0);

    if (nearest)
        tell_one("nearest one before it", nearest);
    else if (last)
        tell_one("newest one", last);
    else
        fputs("There are no futures; `future submit -- COMMAND` makes one.\n", stderr);
    future_message_free(nearest);
    future_message_free(last);
}

static void hint_params(const struct future_message *error)
{
    const char *param = cli_string(error->error.data, "param", "");

    if (strcmp(param, "pool") == 0)
        fputs("`future pool` lists the pools; `future pool set NAME max_workers=4` makes one.\n",
              stderr);
    else if (strcmp(param, "fn") == 0)
        fputs("`future info` lists the functions.\n", stderr);
}

void hint_error(struct cli *cli, const struct future_message *error)
{
    static const struct {
        int code;
        const char *text;
    } hints[] = {
        {RPC_SHUT_DOWN, "It ends when its futures are done; start it anew then."},
        {RPC_EXPIRED, "`future info` shows under `limits` how long done futures are kept."},
        {RPC_LIMIT_EXCEEDED, "`future info` shows the limits, `future pool` the queues."},
        {RPC_PERMISSION_DENIED, "futured(8) tells whom the daemon obeys."},
        {RPC_STORAGE_FAILED, "Nothing was changed. Where the disk is full `future stats` says so."},
        {RPC_BROKEN_POOL, "`future pool set NAME initializer=...` mends it; see `future pool`."},
        {RPC_KEY_CONFLICT, "Take another --key, or submit the very same call."},
        {RPC_TIMEOUT, "`future explain ID` says what it waits for."},
    };
    int code = error->error.code;

    if (code == RPC_NOT_FOUND)
        hint_nearest(cli, id_in(error->error.message));
    else if (code == RPC_INVALID_PARAMS)
        hint_params(error);
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        if (hints[i].code == code)
            fprintf(stderr, "%s\n", hints[i].text);
}

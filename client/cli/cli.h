/* What the commands of `future` share: the context of one run, exit statuses, options, and calls
 * to the daemon whose failures have been told to the user already. stdout is for data, stderr for
 * people. One thread. */
#ifndef FUTURED_CLIENT_CLI_H
#define FUTURED_CLIENT_CLI_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/future.h"
#include "client/show/terminal.h"
#include "proto/writer.h"

/* The exit statuses, as `future help` documents them. A job's own status, and 128+N for a signal,
 * come beside these. */
enum {
    EXIT_FINE = 0,
    EXIT_NOT_ALL = 1, /* cancel: some future was not cancelled */
    EXIT_BAD_USAGE = 64,
    EXIT_NO_DAEMON = 69,
    EXIT_SOME_FAILED = 123,
    EXIT_TIMED_OUT = 124,
    EXIT_OURS = 125, /* the client or the call failed, or the future was cancelled */
    EXIT_NOT_EXECUTABLE = 126,
    EXIT_NOT_FOUND = 127,
    EXIT_SIGNAL = 128
};

/* The version of what --json prints, as future(1) documents it: another number where a member went
 * away or means something else. */
#define CLI_SCHEMA 1

/* One run of the program. */
struct cli {
    const char *command;     /* for messages; NULL before it is known */
    const char *usage;       /* of the command */
    const char *socket_path; /* --socket; NULL: none */
    const char *format;      /* --format; NULL: none */
    bool json;               /* --json */
    bool listed;             /* the options were listed, in place of the help */
    bool no_start;           /* --no-start, or a command that asks about the daemon itself */
    int signal;              /* that ended the command, for the program to end by it; 0: none */
    struct terminal out;     /* stdout */
    struct future_client *client;
};

/* ---- messages ---- */

/* `future: COMMAND: ...` on stderr. The second returns EXIT_OURS; the third tells how the command
 * is used as well, and returns EXIT_BAD_USAGE; the fourth is for -errno values. */
void cli_warn(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cli_fail(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cli_bad_usage(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int cli_fail_errno(const struct cli *cli, int error, const char *what);

/* ---- options ---- */

enum {
    CLI_ERROR = '?', /* told already: return EXIT_BAD_USAGE */
    CLI_HELP = 'h',  /* return cli_help */
    CLI_FIRST_LONG = 256,
    CLI_JSON = CLI_FIRST_LONG,
    CLI_SOCKET,
    CLI_NO_START,
    CLI_FORMAT,
    CLI_LIST_OPTIONS,
    CLI_OWN /* a command's own long options start here */
};

/* The end of every command's table of long options. --options prints that table, a name a
 * line: it is for the tests, which hold help, manual and completion against it. */
/* clang-format off */
#define CLI_COMMON_OPTIONS                                                                         \
    {"json", no_argument, NULL, CLI_JSON}, {"socket", required_argument, NULL, CLI_SOCKET},        \
    {"no-start", no_argument, NULL, CLI_NO_START}, {"help", no_argument, NULL, CLI_HELP},          \
    {"options", no_argument, NULL, CLI_LIST_OPTIONS}, {NULL, 0, NULL, 0}
/* Of commands whose results are objects. */
#define CLI_FORMAT_OPTION {"format", required_argument, NULL, CLI_FORMAT}
/* clang-format on */

/* As getopt_long, with the options of all commands taken in here and mistakes told in our own
 * words. `shorts` must start with ":" or "+:". Returns -1 at the end, CLI_ERROR or CLI_HELP, or the
 * command's own option. */
int cli_getopt(struct cli *cli, int argc, char **argv, const char *shorts,
               const struct option *longs);
/* What a command returns for any option that is not its own: help on stdout, or a usage error
 * that was told. */
int cli_stop(const struct cli *cli, int option);
/* For commands that have no options of their own: 0, or the status in *ret_status and 1. */
int cli_no_options(struct cli *cli, int argc, char **argv, int *ret_status);

/* ---- calls ---- */

/* Connects, where that has not been done; starts a daemon first where one of the user's own is
 * wanted and not there. 0, or an exit status. */
int cli_connect(struct cli *cli);
/* Calls `method` with the text in `params` (NULL: none; freed here). 0 and the reply, which the
 * caller frees, or an exit status after the failure was told. */
int cli_call(struct cli *cli, const char *method, struct writer *params,
             struct future_message **ret_reply);
/* The same where `id` is all that is to be said. */
int cli_call_id(struct cli *cli, const char *method, uint64_t id,
                struct future_message **ret_reply);
/* Sends a request and leaves its reply to come. `params` as above. 0 or an exit status. */
int cli_send(struct cli *cli, const char *method, struct writer *params, uint64_t *ret_request_id);
/* Waits for the next message, whatever it is. 0 or an exit status. */
int cli_receive(struct cli *cli, struct future_message **ret_message);
/* Tells the daemon's error, and what to do about it, and returns the exit status it stands for. */
int cli_tell_error(struct cli *cli, const struct future_message *error);
/* Tells a failure of libfuture (-errno) and returns its exit status. */
int cli_tell_failure(const struct cli *cli, int error);

/* ---- output ---- */

/* The `result` member of a reply, as the daemon wrote it, as one line on stdout. */
void cli_print_raw_result(const struct future_message *reply);
/* For --json and --format: true where the reply was printed. A template is filled in with each
 * element of the result's member `list`, or with the result itself where that is NULL or not
 * there. */
bool cli_print_for_machine(const struct cli *cli, const struct future_message *reply,
                           const char *list);
/* Behind the output that tells the id of a new future: flushes it, and where that fails tells the
 * id on stderr, as it would be lost. The program's end tells why, and is a failure. */
void cli_flush_id(const struct cli *cli, uint64_t id);
/* A value as one line of JSON on stdout. */
void cli_print_json(const json_t *value);
/* All the bytes to the descriptor, behind what stdio holds. 0 or -errno. */
int cli_write(int fd, const void *data, size_t size);
/* Text from elsewhere without control characters and bytes that are no UTF-8 (each becomes '?'),
 * cut to `size`. */
void cli_printable(const char *text, size_t length, char *ret_text, size_t size);
/* A member that is a string, else `otherwise`. */
const char *cli_string(const json_t *object, const char *name, const char *otherwise);
/* A member that is a positive integer, else 0. */
uint64_t cli_uint(const json_t *object, const char *name);

#endif

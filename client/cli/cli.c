#include "client/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/command.h"
#include "client/cli/hint.h"
#include "client/cli/names.h"
#include "client/cli/start.h"
#include "client/show/format.h"
#include "proto/json_text.h"
#include "proto/methods.h"
#include "proto/text.h"

/* ---- messages ---- */

static void warn(const struct cli *cli, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void warn(const struct cli *cli, const char *format, va_list arguments)
{
    /* What stdout got so far shall stand before it where both are one terminal. */
    fflush(stdout);
    fputs("future: ", stderr);
    if (cli->command)
        fprintf(stderr, "%s: ", cli->command);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void cli_warn(const struct cli *cli, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    warn(cli, format, arguments);
    va_end(arguments);
}

int cli_fail(const struct cli *cli, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    warn(cli, format, arguments);
    va_end(arguments);
    return EXIT_OURS;
}

int cli_bad_usage(const struct cli *cli, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    warn(cli, format, arguments);
    va_end(arguments);
    if (cli->usage)
        fprintf(stderr, "usage: future %s\n", cli->usage);
    if (cli->command)
        fprintf(stderr, "`future help %s` tells more.\n", cli->command);
    else
        fputs("`future help` lists the commands.\n", stderr);
    return EXIT_BAD_USAGE;
}

int cli_fail_errno(const struct cli *cli, int error, const char *what)
{
    return cli_fail(cli, "%s: %s", what, strerror(-error));
}

/* ---- options ---- */

static const char *option_as_written(int option, char **argv, char *buffer)
{
    bool is_long = strncmp(argv[optind - 1], "--", 2) == 0;

    if (option > 0 && option < CLI_FIRST_LONG && !is_long) {
        buffer[0] = '-';
        buffer[1] = (char)option;
        buffer[2] = '\0';
        return buffer;
    }
    return argv[optind - 1];
}

static int take_format(struct cli *cli, const char *format)
{
    const char *problem = format_problem(format);

    cli->format = format;
    return problem ? cli_bad_usage(cli, "--format %s: %s", format, problem) : 0;
}

/* Those that are the command's own, and --format. */
static void list_options(const struct option *longs)
{
    for (; longs->name; longs++) {
        bool is_letter = longs->val < CLI_FIRST_LONG && longs->val != CLI_HELP;

        if (is_letter || longs->val >= CLI_OWN || longs->val == CLI_FORMAT)
            puts(longs->name);
    }
}

int cli_getopt(struct cli *cli, int argc, char **argv, const char *shorts,
               const struct option *longs)
{
    char buffer[3];
    int option;

    opterr = 0;
    for (;;) {
        option = getopt_long(argc, argv, shorts, longs, NULL);
        switch (option) {
        case CLI_JSON:
            cli->json = true;
            break;
        case CLI_SOCKET:
            cli->socket_path = optarg;
            break;
        case CLI_NO_START:
            cli->no_start = true;
            break;
        case CLI_LIST_OPTIONS:
            list_options(longs);
            cli->listed = true;
            return CLI_HELP;
        case CLI_FORMAT:
            if (take_format(cli, optarg) != 0)
                return CLI_ERROR;
            break;
        case ':':
            cli_bad_usage(cli, "%s needs a value", option_as_written(optopt, argv, buffer));
            return CLI_ERROR;
        case '?':
            /* A long option that is known here is one that got a value it does not take. */
            if (optopt && strncmp(argv[optind - 1], "--", 2) == 0 && strchr(argv[optind - 1], '='))
                cli_bad_usage(cli, "%s: this option takes no value", argv[optind - 1]);
            else
                names_unknown_option(cli, option_as_written(optopt, argv, buffer), longs);
            return CLI_ERROR;
        default:
            return option;
        }
    }
}

int cli_stop(const struct cli *cli, int option)
{
    const struct command *command = command_find(cli->command);

    if (option != CLI_HELP || !command)
        return EXIT_BAD_USAGE;
    if (!cli->listed)
        command_print_help(command);
    return EXIT_FINE;
}

int cli_no_options(struct cli *cli, int argc, char **argv, int *ret_status)
{
    static const struct option longs[] = {CLI_COMMON_OPTIONS};
    int option = cli_getopt(cli, argc, argv, ":h", longs);

    if (option == -1)
        return 0;
    *ret_status = cli_stop(cli, option);
    return 1;
}

/* ---- calls ---- */

int cli_connect(struct cli *cli)
{
    int r = cli->client ? 0 : future_connect(cli->socket_path, -1, &cli->client);

    if ((r == -ENOENT || r == -ECONNREFUSED) && start_is_wanted(cli)) {
        int status = start_daemon(cli);

        if (status != 0)
            return status;
        r = future_connect(cli->socket_path, -1, &cli->client);
    }
    return r < 0 ? hint_no_daemon(cli, r) : 0;
}

int cli_tell_failure(const struct cli *cli, int error)
{
    if (error == -ECONNRESET || error == -EPIPE) {
        cli_warn(cli, "the daemon closed the connection");
        fputs("It may have ended: `future status` tells what became of the futures.\n", stderr);
        return EXIT_NO_DAEMON;
    }
    if (error == -EBADMSG)
        return cli_fail(cli, "what answers at the socket does not speak futured's protocol");
    return cli_fail_errno(cli, error, "talking to the daemon");
}

int cli_tell_error(struct cli *cli, const struct future_message *error)
{
    const char *param = cli_string(error->error.data, "param", "");
    char text[512], name[128];

    cli_printable(error->error.message, strlen(error->error.message), text, sizeof(text));
    cli_printable(param, strlen(param), name, sizeof(name));
    if (name[0] && !strstr(text, name))
        cli_warn(cli, "%s (%s)", text, name);
    else
        cli_warn(cli, "%s", text);
    hint_error(cli, error);
    return error->error.code == RPC_TIMEOUT ? EXIT_TIMED_OUT : EXIT_OURS;
}

/* The writer's text; NULL params stay NULL. 0 or an exit status. */
static int take_params(const struct cli *cli, struct writer *params, char **ret_text)
{
    *ret_text = NULL;
    if (!params)
        return 0;
    *ret_text = writer_take(params, NULL);
    return *ret_text ? 0 : cli_fail_errno(cli, -ENOMEM, "composing the request");
}

int cli_call(struct cli *cli, const char *method, struct writer *params,
             struct future_message **ret_reply)
{
    struct future_message *reply;
    char *text;
    int status = take_params(cli, params, &text);
    int r;

    if (status != 0)
        return status;
    status = cli_connect(cli);
    if (status != 0)
        goto out;
    r = future_call(cli->client, method, text, -1, &reply);
    if (r < 0) {
        status = cli_tell_failure(cli, r);
    } else if (reply->kind == FUTURE_ERROR) {
        status = cli_tell_error(cli, reply);
        future_message_free(reply);
    } else {
        *ret_reply = reply;
    }
out:
    free(text);
    return status;
}

int cli_call_id(struct cli *cli, const char *method, uint64_t id, struct future_message **ret_reply)
{
    struct writer params = {0};

    writer_begin_object(&params);
    writer_key(&params, "id");
    writer_uint(&params, id);
    writer_end_object(&params);
    return cli_call(cli, method, &params, ret_reply);
}

int cli_send(struct cli *cli, const char *method, struct writer *params, uint64_t *ret_request_id)
{
    char *text;
    int status = take_params(cli, params, &text);

    if (status == 0)
        status = cli_connect(cli);
    if (status == 0) {
        int r = future_send(cli->client, method, text, ret_request_id);

        if (r < 0)
            status = cli_tell_failure(cli, r);
    }
    free(text);
    return status;
}

int cli_receive(struct cli *cli, struct future_message **ret_message)
{
    int r = future_receive(cli->client, -1, ret_message);

    return r < 0 ? cli_tell_failure(cli, r) : 0;
}

/* ---- output ---- */

void cli_print_raw_result(const struct future_message *reply)
{
    struct slice text = {reply->text, reply->text_size}, result;

    if (json_text_member(text, "result", &result))
        fwrite(result.text, 1, result.size, stdout);
    putchar('\n');
}

bool cli_print_for_machine(const struct cli *cli, const struct future_message *reply,
                           const char *list)
{
    const json_t *elements = list ? json_object_get(reply->result, list) : NULL;
    const json_t *element;
    size_t i;

    if (cli->json)
        cli_print_raw_result(reply);
    else if (cli->format && json_is_array(elements))
        json_array_foreach (elements, i, element)
            format_print(cli->format, element, stdout);
    else if (cli->format)
        format_print(cli->format, reply->result, stdout);
    return cli->json || cli->format;
}

void cli_flush_id(const struct cli *cli, uint64_t id)
{
    if (fflush(stdout) != 0 || ferror(stdout))
        cli_warn(cli, "future %llu was submitted, and goes on", (unsigned long long)id);
}

void cli_print_json(const json_t *value)
{
    json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(16));
    putchar('\n');
}

int cli_write(int fd, const void *data, size_t size)
{
    const char *from = data;

    fflush(fd == STDERR_FILENO ? stderr : stdout);
    while (size > 0) {
        ssize_t wrote = write(fd, from, size);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -errno;
        from += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

void cli_printable(const char *text, size_t length, char *ret_text, size_t size)
{
    size_t n = length < size - 1 ? length : size - 1;
    bool utf8 = utf8_valid(text, length);

    while (n < length && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--; /* never half a character */
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];

        ret_text[i] = c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8) ? '?' : (char)c;
        /* U+0080 to U+009F are control characters as well. */
        if (i > 0 && (unsigned char)ret_text[i - 1] == 0xc2 && c >= 0x80 && c < 0xa0)
            ret_text[i - 1] = ret_text[i] = '?';
    }
    ret_text[n] = '\0';
}

const char *cli_string(const json_t *object, const char *name, const char *otherwise)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value) ? json_string_value(value) : otherwise;
}

uint64_t cli_uint(const json_t *object, const char *name)
{
    json_int_t value = json_integer_value(json_object_get(object, name));

    return value > 0 ? (uint64_t)value : 0;
}

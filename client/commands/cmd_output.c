/* output: what a command has written so far. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"
#include "proto/text.h"

enum { OPTION_STREAM = CLI_OWN };
enum { CHUNK_BYTES = 262144, FOLLOW_WAIT_S = 3600 };

struct output_options {
    const char *stream;
    bool follow;
};

static int ask(struct cli *cli, const struct output_options *options, uint64_t id, uint64_t offset,
               struct future_message **ret_reply)
{
    struct writer params = {0};

    writer_begin_object(&params);
    writer_key(&params, "id");
    writer_uint(&params, id);
    writer_key(&params, "stream");
    writer_cstring(&params, options->stream);
    writer_key(&params, "offset");
    writer_uint(&params, offset);
    writer_key(&params, "limit");
    writer_uint(&params, CHUNK_BYTES);
    if (options->follow) {
        writer_key(&params, "wait");
        writer_uint(&params, FOLLOW_WAIT_S);
    }
    writer_end_object(&params);
    return cli_call(cli, "output", &params, ret_reply);
}

static int write_chunk(const json_t *chunk)
{
    const json_t *text = json_object_get(chunk, "data");
    const json_t *base64 = json_object_get(chunk, "data_base64");
    void *data;
    size_t size;
    int r;

    if (json_is_string(text))
        return cli_write(1, json_string_value(text), json_string_length(text));
    if (!json_is_string(base64))
        return 0;
    r = base64_decode(json_string_value(base64), json_string_length(base64), &data, &size);
    if (r < 0)
        return r;
    r = cli_write(1, data, size);
    free(data);
    return r;
}

/* Writes one chunk. *offset moves on; *ret_end is set where there is no more to ask for. */
static int show_chunk(struct cli *cli, const struct output_options *options, uint64_t id,
                      uint64_t *offset, bool *ret_end)
{
    struct future_message *reply;
    uint64_t next;
    int status = ask(cli, options, id, *offset, &reply);
    int r = 0;

    if (status != 0)
        return status;
    next = cli_uint(reply->result, "next");
    if (cli->json)
        cli_print_raw_result(reply);
    else
        r = write_chunk(reply->result);
    fflush(stdout);
    *ret_end = json_is_true(json_object_get(reply->result, "eof")) ||
               (!options->follow && next <= *offset);
    if (next > *offset)
        *offset = next;
    future_message_free(reply);
    return r < 0 ? cli_fail_errno(cli, r, "writing the output") : 0;
}

static int show_output(struct cli *cli, const struct output_options *options, uint64_t id)
{
    uint64_t offset = 0;
    bool end = false;
    int status = EXIT_FINE;

    while (status == EXIT_FINE && !end)
        status = show_chunk(cli, options, id, &offset, &end);
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"stream", required_argument, NULL, OPTION_STREAM},
                                          {"follow", no_argument, NULL, 'f'},
                                          CLI_COMMON_OPTIONS};
    struct output_options options = {.stream = "stdout"};
    uint64_t id;
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":hf", longs)) != -1) {
        if (option == 'f')
            options.follow = true;
        else if (option == OPTION_STREAM)
            options.stream = optarg;
        else
            return cli_stop(cli, option);
    }
    if (strcmp(options.stream, "stdout") != 0 && strcmp(options.stream, "stderr") != 0)
        return cli_bad_usage(cli, "--stream %s: it is stdout or stderr", options.stream);
    status = cli_one_id(cli, argc, argv, &id);
    return status == 0 ? show_output(cli, &options, id) : status;
}

const struct command cmd_output = {
    .name = "output",
    .aliases = {"log"},
    .usage = "output [OPTIONS] ID",
    .summary = "Print what a command has written so far, byte for byte",
    .help = "      --stream NAME      stdout (default) or stderr\n"
            "  -f, --follow           go on until the command has ended\n"
            "      --json             print the daemon's replies, one for each piece\n\n"
            "  future output --follow 7\n",
    .run = run,
};

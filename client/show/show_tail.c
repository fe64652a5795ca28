#include "client/show/show_tail.h"

#include <stdio.h>
#include <string.h>

enum { LINES = 10, TAIL_BYTES = 8192, CHUNK_BYTES = 262144 };

/* The end of a stream. */
struct tail {
    char bytes[TAIL_BYTES];
    size_t size;
    bool cut; /* there was more before it */
};

static void add(struct tail *tail, const char *data, size_t size)
{
    size_t from = size > TAIL_BYTES ? size - TAIL_BYTES : 0;
    size_t drop;

    data += from;
    size -= from;
    drop = tail->size + size > TAIL_BYTES ? tail->size + size - TAIL_BYTES : 0;
    memmove(tail->bytes, tail->bytes + drop, tail->size - drop);
    memcpy(tail->bytes + tail->size - drop, data, size);
    tail->size += size - drop;
    tail->cut = tail->cut || from > 0 || drop > 0;
}

/* 0 or an exit status. */
static int read_stream(struct cli *cli, uint64_t id, enum future_stream stream, struct tail *tail)
{
    uint64_t offset = 0;
    bool more = true;

    while (more) {
        struct future_chunk *chunk;
        int r = future_output(cli->client, id, stream, offset, CHUNK_BYTES, 0, &chunk);

        if (r < 0)
            return cli_tell_failure(cli, r);
        add(tail, chunk->bytes.data, chunk->bytes.size);
        offset = chunk->next;
        more = !chunk->end && chunk->bytes.size > 0;
        future_chunk_free(chunk);
    }
    return 0;
}

/* Where the last LINES lines begin. */
static size_t last_lines(const struct tail *tail)
{
    size_t at = tail->size, lines = 0;

    if (at > 0 && tail->bytes[at - 1] == '\n')
        at--;
    for (; at > 0; at--)
        if (tail->bytes[at - 1] == '\n' && ++lines == LINES)
            break;
    return at;
}

static void print(const char *title, const struct tail *tail)
{
    size_t at = last_lines(tail);
    char text[TAIL_BYTES];

    if (tail->size == 0)
        return;
    printf("\n%s%s:\n", at > 0 || tail->cut ? "The end of its " : "Its ", title);
    while (at < tail->size) {
        const char *end = memchr(tail->bytes + at, '\n', tail->size - at);
        size_t size = (end ? (size_t)(end - tail->bytes) : tail->size) - at;

        cli_printable(tail->bytes + at, size, text, sizeof(text));
        printf("    %s\n", text);
        at += size + 1;
    }
}

int show_tail(struct cli *cli, uint64_t id)
{
    struct tail out = {.size = 0}, err = {.size = 0};
    int status = read_stream(cli, id, FUTURE_STDOUT, &out);

    if (status == 0)
        status = read_stream(cli, id, FUTURE_STDERR, &err);
    if (status != 0)
        return status;
    print("stdout", &out);
    print("stderr", &err);
    return 0;
}

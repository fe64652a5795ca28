/* layers: proto */
/* The framing: however a stream is cut into reads, the lines are those that the stream itself says.
 * The input: how the stream is cut, the longest line, and the stream. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proto/frame.h"
#include "tests/fuzz/fuzz.h"

/* The stream as it is, to compare with. */
struct stream {
    const char *text;
    size_t size, at;
    size_t max_line;
};

/* What frame_next ought to say once everything has come, by the shortest way there is. */
static int next_line(struct stream *stream, const char **ret_line, size_t *ret_size)
{
    const char *line = stream->text + stream->at;
    size_t left = stream->size - stream->at;
    const char *end = left > 0 ? memchr(line, '\n', left) : NULL;
    size_t size = end ? (size_t)(end - line) : left;
    size_t whole = size;

    if (size > 0 && line[size - 1] == '\r')
        size--;
    if (size > stream->max_line)
        return -EMSGSIZE;
    if (!end)
        return 0;
    stream->at += whole + 1;
    *ret_line = line;
    *ret_size = size;
    return 1;
}

static void compare_lines(struct frame *frame, struct stream *stream, bool all_there)
{
    char *line;
    const char *wanted;
    size_t size, wanted_size;
    int r;

    while ((r = frame_next(frame, &line, &size)) == 1) {
        MUST(next_line(stream, &wanted, &wanted_size) == 1);
        MUST(size == wanted_size && line[size] == '\0');
        MUST(memcmp(line, wanted, size) == 0);
    }
    if (r < 0) {
        MUST(r == -EMSGSIZE && next_line(stream, &wanted, &wanted_size) == -EMSGSIZE);
        MUST(frame_next(frame, &line, &size) == -EMSGSIZE);
    } else if (all_there) {
        MUST(next_line(stream, &wanted, &wanted_size) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    size_t first_cut = data[0], cut_step = data[1];
    struct stream stream = {.text = (const char *)data + 3, .size = size - 3, .max_line = data[2]};
    struct frame *frame = frame_new(stream.max_line);
    char *text;

    MUST(frame);
    size_t cut = first_cut;
    for (size_t at = 0; at < stream.size;) {
        char *room;
        size_t room_size, piece = cut % 61 + 1;

        cut += cut_step;
        if (piece > stream.size - at)
            piece = stream.size - at;
        MUST(frame_room(frame, piece, &room, &room_size) == 0 && room_size >= piece);
        memcpy(room, stream.text + at, piece);
        frame_added(frame, piece);
        at += piece;
        compare_lines(frame, &stream, at == stream.size);
    }
    frame_rest(frame, &text, &size);
    MUST(text[size] == '\0');
    MUST(size == 0 ||
         (size == stream.size - stream.at && memcmp(text, stream.text + stream.at, size) == 0));
    frame_free(frame);
    return 0;
}

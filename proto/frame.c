#include "proto/frame.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A larger buffer is not kept as the spare one: it served one long line. */
#define SPARE_MAX_BYTES 131072

struct frame {
    char *data;
    size_t capacity; /* 0 or more than `end`: a NUL always has room behind the bytes */
    size_t start;    /* the first byte that was not handed out as a line */
    size_t scanned;  /* from start to here there is no LF; no byte is searched twice */
    size_t end;
    uint64_t max_line_bytes;
    struct frame_spare *spare; /* NULL: none; not ours */
    bool too_long;
    char nothing; /* what an empty rest points to: always NUL */
};

struct frame *frame_new(uint64_t max_line_bytes)
{
    struct frame *frame = calloc(1, sizeof(*frame));

    if (frame != NULL)
        frame->max_line_bytes = max_line_bytes;
    return frame;
}

void frame_free(struct frame *frame)
{
    if (frame == NULL)
        return;
    free(frame->data);
    free(frame);
}

void frame_share_spare(struct frame *frame, struct frame_spare *spare)
{
    frame->spare = spare;
}

void frame_spare_clear(struct frame_spare *spare)
{
    free(spare->data);
    *spare = (struct frame_spare){0};
}

/* A buffer of at least *capacity bytes, which says then how many it has. NULL: no memory. */
static char *buffer_new(struct frame *frame, size_t *capacity)
{
    struct frame_spare *spare = frame->spare;
    char *data;

    if (spare == NULL || spare->capacity < *capacity)
        return malloc(*capacity);
    data = spare->data;
    *capacity = spare->capacity;
    *spare = (struct frame_spare){0};
    return data;
}

static void buffer_free(struct frame *frame, char *data, size_t capacity)
{
    struct frame_spare *spare = frame->spare;

    if (data == NULL)
        return;
    if (spare == NULL || spare->data != NULL || capacity > SPARE_MAX_BYTES)
        free(data);
    else
        *spare = (struct frame_spare){.data = data, .capacity = capacity};
}

/* The live bytes move to the buffer's front. */
static void frame_rebase(struct frame *frame, char *data)
{
    size_t live = frame->end - frame->start;

    if (live > 0)
        memmove(data, frame->data + frame->start, live);
    frame->scanned -= frame->start;
    frame->start = 0;
    frame->end = live;
}

static int frame_grow(struct frame *frame, size_t want)
{
    size_t live = frame->end - frame->start;
    size_t capacity;
    char *data;

    if (want > SIZE_MAX / 4 || live > SIZE_MAX / 4)
        return -ENOMEM;
    /* More than asked for, in proportion: growing stays linear in the bytes, even one at a time. */
    capacity = live + live / 2 + want + want / 4 + 1;
    data = buffer_new(frame, &capacity);
    if (data == NULL)
        return -ENOMEM;
    frame_rebase(frame, data);
    buffer_free(frame, frame->data, frame->capacity);
    frame->data = data;
    frame->capacity = capacity;
    return 0;
}

int frame_room(struct frame *frame, size_t want, char **ret_room, size_t *ret_size)
{
    size_t live = frame->end - frame->start;
    int rc;

    /* Bytes are moved only when at least as many were handed out before: linear again. */
    if (frame->capacity > 0 && frame->start >= live)
        frame_rebase(frame, frame->data);
    if (frame->capacity == 0 || frame->capacity - frame->end - 1 < want) {
        rc = frame_grow(frame, want);
        if (rc < 0)
            return rc;
    }
    *ret_room = frame->data + frame->end;
    *ret_size = frame->capacity - frame->end - 1;
    return 0;
}

void frame_added(struct frame *frame, size_t size)
{
    /* What follows a line that was too long is of no use to anybody. */
    if (!frame->too_long)
        frame->end += size;
}

static void frame_release(struct frame *frame)
{
    buffer_free(frame, frame->data, frame->capacity);
    frame->data = NULL;
    frame->capacity = frame->start = frame->scanned = frame->end = 0;
}

static int frame_fail(struct frame *frame)
{
    frame_release(frame);
    frame->too_long = true;
    return -EMSGSIZE;
}

/* Without its LF a line is known to be too long only when the one byte that it has too many
 * cannot be the CR of its end. */
static bool frame_part_too_long(const struct frame *frame)
{
    size_t size = frame->end - frame->start;

    if (size <= frame->max_line_bytes)
        return false;
    return size - 1 > frame->max_line_bytes || frame->data[frame->end - 1] != '\r';
}

int frame_next(struct frame *frame, char **ret_line, size_t *ret_size)
{
    char *line, *end = NULL;
    size_t size;

    if (frame->too_long)
        return -EMSGSIZE;
    if (frame->scanned < frame->end)
        end = memchr(frame->data + frame->scanned, '\n', frame->end - frame->scanned);
    if (end == NULL) {
        frame->scanned = frame->end;
        if (frame_part_too_long(frame))
            return frame_fail(frame);
        if (frame->start == frame->end)
            frame_release(frame);
        return 0;
    }
    line = frame->data + frame->start;
    size = (size_t)(end - line);
    if (size > 0 && line[size - 1] == '\r')
        size--;
    if (size > frame->max_line_bytes)
        return frame_fail(frame);
    frame->start = frame->scanned = (size_t)(end - frame->data) + 1;
    line[size] = '\0';
    *ret_line = line;
    *ret_size = size;
    return 1;
}

void frame_rest(struct frame *frame, char **ret_text, size_t *ret_size)
{
    *ret_text = &frame->nothing;
    *ret_size = frame->end - frame->start;
    if (*ret_size == 0)
        return;
    frame->data[frame->end] = '\0';
    *ret_text = frame->data + frame->start;
}

size_t frame_memory(const struct frame *frame)
{
    return sizeof(*frame) + frame->capacity;
}

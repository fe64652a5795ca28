/* Bytes in, lines out: cuts a stream into lines ended by LF (a CR before it is dropped), linear
 * in the bytes however they are cut into reads. No I/O. One thread at a time. */
#ifndef FUTURED_PROTO_FRAME_H
#define FUTURED_PROTO_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct frame;

/* NULL: no memory. `max_line_bytes` does not count the line's end. */
struct frame *frame_new(uint64_t max_line_bytes);
void frame_free(struct frame *frame);

/* A buffer that an empty frame leaves to the next one that needs one. Frames of one thread may
 * share it; it must outlive them. Zeroed memory is none. */
struct frame_spare {
    char *data;
    size_t capacity;
};

void frame_share_spare(struct frame *frame, struct frame_spare *spare);
void frame_spare_clear(struct frame_spare *spare);

/* Room for at least `want` more bytes: write there and tell frame_added how many came. The
 * pointer is good until the next call with this frame. 0 or -ENOMEM. */
int frame_room(struct frame *frame, size_t want, char **ret_room, size_t *ret_size);
void frame_added(struct frame *frame, size_t size);

/* 1 and the next line (may be empty), 0 when no whole line is there, -EMSGSIZE when the line is too
 * long: after that always. The line is followed by a NUL; it is borrowed until the next frame_room,
 * or until frame_next says anything but 1. */
int frame_next(struct frame *frame, char **ret_line, size_t *ret_size);

/* What is left without its LF, after frame_next said 0; a NUL follows. Borrowed until the next
 * frame_room. Nothing is left of a line that was too long. */
void frame_rest(struct frame *frame, char **ret_text, size_t *ret_size);

/* Bytes of memory that the frame holds; an empty frame gives its buffer back, or leaves it as
 * the spare one. */
size_t frame_memory(const struct frame *frame);

#endif

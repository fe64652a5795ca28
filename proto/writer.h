/* Writes JSON text into one growing buffer, without a tree. The caller keeps the grammar right
 * (commas are put by the writer, nesting is the caller's). A failed allocation is remembered, and
 * everything after it does nothing: check writer_failed once at the end. One thread at a time. */
#ifndef FUTURED_PROTO_WRITER_H
#define FUTURED_PROTO_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory is an empty writer. */
struct writer {
    char *data;
    size_t size, capacity;
    bool comma; /* the next value or member needs a comma before it */
    bool failed;
};

void writer_free(struct writer *writer);
/* Forgets the text, keeps the buffer and clears the failure. */
void writer_reset(struct writer *writer);
/* Room for so many bytes in all, so that no more than those need an allocation. 0 or -ENOMEM, which
 * is not remembered. */
int writer_reserve(struct writer *writer, size_t bytes);
/* Gives back what it holds beyond so many bytes, and forgets the text. */
void writer_shrink(struct writer *writer, size_t bytes);
bool writer_failed(const struct writer *writer);
/* The text, malloc'd, owned by the caller, NUL behind it; NULL if it failed. Leaves it empty. */
char *writer_take(struct writer *writer, size_t *ret_size);

void writer_begin_object(struct writer *writer);
void writer_end_object(struct writer *writer);
void writer_begin_array(struct writer *writer);
void writer_end_array(struct writer *writer);
/* A member's name; the next call writes its value. `name` needs no escapes. */
void writer_key(struct writer *writer, const char *name);

void writer_null(struct writer *writer);
void writer_bool(struct writer *writer, bool value);
void writer_int(struct writer *writer, int64_t value);
void writer_uint(struct writer *writer, uint64_t value);
/* Seconds with six digits behind the point, from microseconds. */
void writer_seconds(struct writer *writer, int64_t microseconds);
/* A moment, counted from 1970; 0, for one that is not there so far, is null. */
void writer_time(struct writer *writer, int64_t microseconds);
/* A string of valid UTF-8 that needs not be NUL-terminated; escapes what JSON wants escaped. */
void writer_string(struct writer *writer, const char *text, size_t size);
/* NUL-terminated; NULL writes null. */
void writer_cstring(struct writer *writer, const char *text);
/* Bytes as a string of base64 (RFC 4648, padded). */
void writer_base64(struct writer *writer, const void *data, size_t size);
/* JSON text that is there already. */
void writer_json(struct writer *writer, const char *text, size_t size);
/* Bytes as they are: no comma, no check. For framing and for putting pieces together. */
void writer_raw(struct writer *writer, const char *text, size_t size);

#endif

/* Numbers and texts one behind the other in one growing piece of memory: how a change crosses from
 * the loop to the store's thread, and how futures lie in a bundle. What is taken must be what was
 * put, in the same order. One thread at a time. */
#ifndef FUTURED_STORE_BYTES_H
#define FUTURED_STORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory is empty. */
struct bytes {
    char *data;
    size_t size, capacity;
    bool failed; /* there was no memory: something is missing */
};

void bytes_free(struct bytes *bytes);
/* Keeps the memory. */
void bytes_empty(struct bytes *bytes);

/* So many bytes more find memory. 0 or -ENOMEM. */
int bytes_reserve(struct bytes *bytes, size_t size);
/* As bytes_put_uint, of any size. */
void bytes_put_long(struct bytes *bytes, uint64_t value);

/* Seven bits a byte, the lowest first. Most numbers are small, and most find room. */
static inline void bytes_put_uint(struct bytes *bytes, uint64_t value)
{
    if (value < 0x80 && bytes->size < bytes->capacity && !bytes->failed)
        bytes->data[bytes->size++] = (char)value;
    else
        bytes_put_long(bytes, value);
}

/* The sign goes into the lowest bit, so that small numbers stay short. */
static inline void bytes_put_int(struct bytes *bytes, int64_t value)
{
    bytes_put_uint(bytes, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

void bytes_put_double(struct bytes *bytes, double value);
/* `text` may be NULL. It may hold zeroes, and is taken with one behind it. */
void bytes_put_text(struct bytes *bytes, const char *text, size_t size);
/* The same for a string. */
void bytes_put_string(struct bytes *bytes, const char *string);
/* Structures, which are taken at an address that suits any type. */
void bytes_put_block(struct bytes *bytes, const void *block, size_t size);
/* Bytes that were put elsewhere before, as they are. */
void bytes_put_raw(struct bytes *bytes, const void *data, size_t size);

/* Zeroed but for `data` and `size`: before the first. */
struct bytes_reader {
    char *data;
    size_t size, at;
    bool failed; /* what was to be taken is not there; nothing is left to be taken then */
};

uint64_t bytes_take_uint(struct bytes_reader *reader);
int64_t bytes_take_int(struct bytes_reader *reader);
double bytes_take_double(struct bytes_reader *reader);
/* NULL where NULL was put. Lives as long as the bytes; `ret_size` may be NULL. */
char *bytes_take_text(struct bytes_reader *reader, size_t *ret_size);
void *bytes_take_block(struct bytes_reader *reader, size_t *ret_size);

#endif

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
void bytes_put_uint(struct bytes *bytes, uint64_t value);
void bytes_put_int(struct bytes *bytes, int64_t value);
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

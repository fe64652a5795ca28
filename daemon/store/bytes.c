#include "daemon/store/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 512
#define VARINT_MAX     10
#define ALIGNMENT      16

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

void bytes_empty(struct bytes *bytes)
{
    bytes->size = 0;
    bytes->failed = false;
}

int bytes_reserve(struct bytes *bytes, size_t size)
{
    size_t needed = bytes->size + size;
    size_t capacity = bytes->capacity ? bytes->capacity : FIRST_CAPACITY;
    if (needed <= bytes->capacity)
        return 0;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(bytes->data, capacity);
    if (!data)
        return -ENOMEM;
    bytes->data = data;
    bytes->capacity = capacity;
    return 0;
}

/* Where so many bytes more may be written; NULL: no memory. */
static char *room(struct bytes *bytes, size_t size)
{
    if (bytes->capacity - bytes->size < size || bytes->failed)
        bytes->failed = bytes->failed || bytes_reserve(bytes, size) < 0;
    return bytes->failed ? NULL : bytes->data + bytes->size;
}

static void append(struct bytes *bytes, const void *data, size_t size)
{
    char *to = room(bytes, size);
    if (!to || size == 0)
        return;
    memcpy(to, data, size);
    bytes->size += size;
}

void bytes_put_long(struct bytes *bytes, uint64_t value)
{
    char *to = room(bytes, VARINT_MAX);
    size_t size = 0;
    if (!to)
        return;
    for (; value >= 0x80; value >>= 7)
        to[size++] = (char)(unsigned char)(value | 0x80);
    to[size++] = (char)(unsigned char)value;
    bytes->size += size;
}

void bytes_put_double(struct bytes *bytes, double value)
{
    append(bytes, &value, sizeof(value));
}

void bytes_put_text(struct bytes *bytes, const char *text, size_t size)
{
    bytes_put_uint(bytes, text ? (uint64_t)size + 1 : 0);
    if (!text)
        return;
    char *to = room(bytes, size + 1);
    if (!to)
        return;
    memcpy(to, text, size);
    to[size] = '\0';
    bytes->size += size + 1;
}

void bytes_put_string(struct bytes *bytes, const char *string)
{
    bytes_put_text(bytes, string, string ? strlen(string) : 0);
}

void bytes_put_block(struct bytes *bytes, const void *block, size_t size)
{
    static const char zeroes[ALIGNMENT];
    bytes_put_uint(bytes, size);
    append(bytes, zeroes, -bytes->size % ALIGNMENT);
    append(bytes, block, size);
}

void bytes_put_raw(struct bytes *bytes, const void *data, size_t size)
{
    append(bytes, data, size);
}

/* NULL: so many are not there. */
static char *take(struct bytes_reader *reader, uint64_t size)
{
    char *data = reader->data + reader->at;
    if (size > reader->size - reader->at) {
        reader->failed = true;
        reader->at = reader->size;
        return NULL;
    }
    reader->at += (size_t)size;
    return data;
}

uint64_t bytes_take_uint(struct bytes_reader *reader)
{
    uint64_t value = 0;
    size_t at = reader->at;
    for (unsigned shift = 0; shift < 7 * VARINT_MAX && at < reader->size; shift += 7) {
        unsigned char byte = (unsigned char)reader->data[at++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            reader->at = at;
            return value;
        }
    }
    reader->failed = true;
    reader->at = reader->size;
    return 0;
}

int64_t bytes_take_int(struct bytes_reader *reader)
{
    uint64_t value = bytes_take_uint(reader);
    return (int64_t)((value >> 1) ^ (value & 1 ? UINT64_MAX : 0));
}

double bytes_take_double(struct bytes_reader *reader)
{
    double value = 0;
    const char *data = take(reader, sizeof(value));
    if (data)
        memcpy(&value, data, sizeof(value));
    return value;
}

char *bytes_take_text(struct bytes_reader *reader, size_t *ret_size)
{
    uint64_t size = bytes_take_uint(reader);
    char *text = size > 0 ? take(reader, size) : NULL;
    if (text && text[size - 1] != '\0') {
        reader->failed = true;
        reader->at = reader->size;
        text = NULL;
    }
    if (ret_size)
        *ret_size = text ? (size_t)size - 1 : 0;
    return text;
}

void *bytes_take_block(struct bytes_reader *reader, size_t *ret_size)
{
    uint64_t size = bytes_take_uint(reader);
    (void)take(reader, -reader->at % ALIGNMENT);
    void *block = take(reader, size);
    *ret_size = block ? (size_t)size : 0;
    return block;
}

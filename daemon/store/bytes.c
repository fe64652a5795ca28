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

static char *reserve(struct bytes *bytes, size_t size)
{
    bytes->failed = bytes->failed || bytes_reserve(bytes, size) < 0;
    return bytes->failed ? NULL : bytes->data + bytes->size;
}

static void append(struct bytes *bytes, const void *data, size_t size)
{
    char *to = reserve(bytes, size);
    if (!to || size == 0)
        return;
    memcpy(to, data, size);
    bytes->size += size;
}

/* Seven bits a byte, the lowest first. */
void bytes_put_uint(struct bytes *bytes, uint64_t value)
{
    unsigned char buffer[VARINT_MAX];
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        buffer[size++] = (unsigned char)(value | 0x80);
    buffer[size++] = (unsigned char)value;
    append(bytes, buffer, size);
}

/* The sign goes into the lowest bit, so that small numbers stay short. */
void bytes_put_int(struct bytes *bytes, int64_t value)
{
    bytes_put_uint(bytes, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
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
    append(bytes, text, size);
    append(bytes, "", 1);
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

uint64_t bytes_take_uint(struct bytes_reader *reader)
{
    uint64_t value = 0;
    unsigned shift = 0;
    unsigned char byte;
    do {
        byte = (unsigned char)reader->data[reader->at++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    return value;
}

int64_t bytes_take_int(struct bytes_reader *reader)
{
    uint64_t value = bytes_take_uint(reader);
    return (int64_t)((value >> 1) ^ (value & 1 ? UINT64_MAX : 0));
}

double bytes_take_double(struct bytes_reader *reader)
{
    double value;
    memcpy(&value, reader->data + reader->at, sizeof(value));
    reader->at += sizeof(value);
    return value;
}

char *bytes_take_text(struct bytes_reader *reader, size_t *ret_size)
{
    uint64_t size = bytes_take_uint(reader);
    char *text = size > 0 ? reader->data + reader->at : NULL;
    reader->at += (size_t)size;
    if (ret_size)
        *ret_size = size > 0 ? (size_t)size - 1 : 0;
    return text;
}

void *bytes_take_block(struct bytes_reader *reader, size_t *ret_size)
{
    size_t size = (size_t)bytes_take_uint(reader);
    reader->at += -reader->at % ALIGNMENT;
    void *block = reader->data + reader->at;
    reader->at += size;
    *ret_size = size;
    return block;
}

#include "proto/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256

static bool grow(struct writer *writer, size_t more)
{
    size_t capacity = writer->capacity > 0 ? writer->capacity : FIRST_CAPACITY;
    char *data;

    if (writer->failed)
        return false;
    if (more >= SIZE_MAX / 2 - writer->size)
        goto fail;
    while (capacity - writer->size <= more)
        capacity *= 2;
    data = realloc(writer->data, capacity);
    if (data == NULL)
        goto fail;
    writer->data = data;
    writer->capacity = capacity;
    return true;

fail:
    writer->failed = true;
    return false;
}

/* Room for `more` bytes and a NUL. */
static inline bool make_room(struct writer *writer, size_t more)
{
    if (more < writer->capacity - writer->size && !writer->failed)
        return true;
    return grow(writer, more);
}

void writer_raw(struct writer *writer, const char *text, size_t size)
{
    if (size == 0 || !make_room(writer, size))
        return;
    memcpy(writer->data + writer->size, text, size);
    writer->size += size;
}

static void put_char(struct writer *writer, char c)
{
    if (make_room(writer, 1))
        writer->data[writer->size++] = c;
}

static void begin_value(struct writer *writer)
{
    if (writer->comma)
        put_char(writer, ',');
    writer->comma = true;
}

void writer_free(struct writer *writer)
{
    if (writer == NULL)
        return;
    free(writer->data);
    *writer = (struct writer){0};
}

void writer_reset(struct writer *writer)
{
    writer->size = 0;
    writer->comma = false;
    writer->failed = false;
}

int writer_reserve(struct writer *writer, size_t bytes)
{
    char *data;

    if (bytes <= writer->capacity)
        return 0;
    data = realloc(writer->data, bytes);
    if (data == NULL)
        return -ENOMEM;
    writer->data = data;
    writer->capacity = bytes;
    return 0;
}

void writer_shrink(struct writer *writer, size_t bytes)
{
    char *data;

    writer_reset(writer);
    if (bytes == 0 || bytes >= writer->capacity)
        return;
    data = realloc(writer->data, bytes);
    if (data == NULL)
        return;
    writer->data = data;
    writer->capacity = bytes;
}

bool writer_failed(const struct writer *writer)
{
    return writer->failed;
}

char *writer_take(struct writer *writer, size_t *ret_size)
{
    char *data;

    if (!make_room(writer, 0)) {
        writer_free(writer);
        return NULL;
    }
    data = writer->data;
    data[writer->size] = '\0';
    if (ret_size != NULL)
        *ret_size = writer->size;
    *writer = (struct writer){0};
    return data;
}

void writer_begin_object(struct writer *writer)
{
    begin_value(writer);
    put_char(writer, '{');
    writer->comma = false;
}

void writer_end_object(struct writer *writer)
{
    put_char(writer, '}');
    writer->comma = true;
}

void writer_begin_array(struct writer *writer)
{
    begin_value(writer);
    put_char(writer, '[');
    writer->comma = false;
}

void writer_end_array(struct writer *writer)
{
    put_char(writer, ']');
    writer->comma = true;
}

void writer_key(struct writer *writer, const char *name)
{
    size_t size = strlen(name);
    char *to;

    if (!make_room(writer, size + 4))
        return;
    to = writer->data + writer->size;
    if (writer->comma)
        *to++ = ',';
    *to++ = '"';
    memcpy(to, name, size);
    to += size;
    *to++ = '"';
    *to++ = ':';
    writer->size = (size_t)(to - writer->data);
    writer->comma = false;
}

void writer_null(struct writer *writer)
{
    writer_json(writer, "null", 4);
}

void writer_bool(struct writer *writer, bool value)
{
    if (value)
        writer_json(writer, "true", 4);
    else
        writer_json(writer, "false", 5);
}

/* The digits of `value`, at least `width` of them, at the end of the buffer; returns where they
 * start. Two at a time: a division costs more than all the rest. */
static char *put_digits(char *end, uint64_t value, unsigned width)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    char *digit = end;

    for (; value >= 100; value /= 100) {
        digit -= 2;
        memcpy(digit, &pairs[value % 100 * 2], 2);
    }
    do
        *--digit = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while ((unsigned)(end - digit) < width)
        *--digit = '0';
    return digit;
}

/* Safe for INT64_MIN, whose negation does not fit. */
static uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

void writer_uint(struct writer *writer, uint64_t value)
{
    char buffer[24];
    char *end = buffer + sizeof(buffer);
    char *start = put_digits(end, value, 1);

    writer_json(writer, start, (size_t)(end - start));
}

void writer_int(struct writer *writer, int64_t value)
{
    char buffer[24];
    char *end = buffer + sizeof(buffer);
    char *start = put_digits(end, magnitude(value), 1);

    if (value < 0)
        *--start = '-';
    writer_json(writer, start, (size_t)(end - start));
}

void writer_seconds(struct writer *writer, int64_t microseconds)
{
    char buffer[32];
    char *end = buffer + sizeof(buffer);
    char *start = put_digits(end, magnitude(microseconds) % 1000000, 6);

    *--start = '.';
    start = put_digits(start, magnitude(microseconds) / 1000000, 1);
    if (microseconds < 0)
        *--start = '-';
    writer_json(writer, start, (size_t)(end - start));
}

void writer_time(struct writer *writer, int64_t microseconds)
{
    if (microseconds == 0)
        writer_null(writer);
    else
        writer_seconds(writer, microseconds);
}

static bool needs_escape(char c)
{
    return (unsigned char)c < 0x20 || c == '"' || c == '\\';
}

static void put_escape(struct writer *writer, char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: the character, its escape */
    char text[6] = {'\\', 'u', '0', '0', hex[(c >> 4) & 0xf], hex[c & 0xf]};

    for (size_t i = 0; i + 1 < sizeof(names); i += 2) {
        if (names[i] == c) {
            text[1] = names[i + 1];
            writer_raw(writer, text, 2);
            return;
        }
    }
    writer_raw(writer, text, sizeof(text));
}

void writer_string(struct writer *writer, const char *text, size_t size)
{
    size_t i = 0;

    begin_value(writer);
    put_char(writer, '"');
    /* Mostly there is nothing to escape, and one look for room is enough. */
    if (!make_room(writer, size + 2))
        return;
    while (i < size) {
        size_t start = i;

        while (i < size && !needs_escape(text[i]))
            i++;
        writer_raw(writer, text + start, i - start);
        if (i < size)
            put_escape(writer, text[i++]);
    }
    put_char(writer, '"');
}

void writer_cstring(struct writer *writer, const char *text)
{
    if (text == NULL)
        writer_null(writer);
    else
        writer_string(writer, text, strlen(text));
}

void writer_base64(struct writer *writer, const void *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = data;
    char *out;

    begin_value(writer);
    put_char(writer, '"');
    /* The reservation is checked for overflow only as a number that has not wrapped already. */
    if (size > SIZE_MAX / 4)
        writer->failed = true;
    if (!make_room(writer, (size + 2) / 3 * 4))
        return;
    out = writer->data + writer->size;
    for (size_t i = 0; i < size; i += 3) {
        size_t have = size - i;
        unsigned group = (unsigned)bytes[i] << 16;

        if (have > 1)
            group |= (unsigned)bytes[i + 1] << 8;
        if (have > 2)
            group |= bytes[i + 2];
        *out++ = digits[group >> 18];
        *out++ = digits[(group >> 12) & 63];
        *out++ = digits[(group >> 6) & 63];
        *out++ = digits[group & 63];
        if (have < 3)
            out[-1] = '=';
        if (have < 2)
            out[-2] = '=';
    }
    writer->size = (size_t)(out - writer->data);
    put_char(writer, '"');
}

void writer_json(struct writer *writer, const char *text, size_t size)
{
    begin_value(writer);
    writer_raw(writer, text, size);
}

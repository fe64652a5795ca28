#include "proto/json_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Every function here that takes `p` and `end` stays inside of them, whatever the bytes are. */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && is_space(*p))
        p++;
    return p;
}

/* From behind the opening quote to behind the closing one; to the end where none closes. Linear:
 * the backslashes before a quote are counted back to the quote before it at most. */
static const char *skip_string(const char *p, const char *end)
{
    const char *begin = p;

    while (p < end) {
        const char *quote = memchr(p, '"', (size_t)(end - p));
        const char *back = quote;

        if (quote == NULL)
            return end;
        while (back > begin && back[-1] == '\\')
            back--;
        p = quote + 1;
        if ((quote - back) % 2 == 0)
            return p;
    }
    return end;
}

/* A number or a literal: up to whatever ends one. */
static const char *skip_scalar(const char *p, const char *end)
{
    while (p < end && !is_space(*p) && *p != ',' && *p != ':' && *p != ']' && *p != '}' &&
           *p != '[' && *p != '{' && *p != '"')
        p++;
    return p;
}

/* From the opening bracket to behind the closing one. */
static const char *skip_container(const char *p, const char *end)
{
    size_t depth = 0;

    while (p < end) {
        char c = *p++;

        if (c == '"')
            p = skip_string(p, end);
        else if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && --depth == 0)
            return p;
    }
    return end;
}

static const char *skip_value(const char *p, const char *end)
{
    if (p == end)
        return end;
    if (*p == '"')
        return skip_string(p + 1, end);
    if (*p == '[' || *p == '{')
        return skip_container(p, end);
    return skip_scalar(p, end);
}

/* One token of json_text_bounds: moves on and says whether a value began. */
static bool take_token(const char **p, const char *end, uint64_t *depth)
{
    char c = **p;

    switch (c) {
    case '"':
        *p = skip_space(skip_string(*p + 1, end), end);
        return *p == end || **p != ':';
    case '[':
    case '{':
        (*depth)++;
        (*p)++;
        return true;
    case ']':
    case '}':
        if (*depth > 0)
            (*depth)--;
        (*p)++;
        return false;
    case ',':
    case ':':
        (*p)++;
        return false;
    default:
        *p = skip_scalar(*p, end);
        return true;
    }
}

enum json_bounds json_text_bounds(const char *text, size_t size, uint64_t max_depth,
                                  uint64_t max_values)
{
    const char *end = text + size;
    const char *p = skip_space(text, end);
    uint64_t depth = 0;
    uint64_t values = 0;

    if (memchr(text, '\0', size) != NULL)
        return JSON_HAS_NUL;
    while (p < end) {
        if (take_token(&p, end, &depth) && ++values > max_values)
            return JSON_TOO_MANY_VALUES;
        if (depth > max_depth)
            return JSON_TOO_DEEP;
        p = skip_space(p, end);
    }
    return JSON_WITHIN_BOUNDS;
}

/* The value of four hexadecimal digits; -1 where there are none. */
static long parse_hex4(const char *p, const char *end)
{
    long value = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];

        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            value = value * 16 + (c - 'A' + 10);
        else
            return -1;
    }
    return value;
}

static size_t encode_utf8(unsigned long code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* One escape, `p` behind its backslash: its UTF-8 goes to `out`. Returns where it ends, NULL where
 * it is none. */
static const char *decode_escape(const char *p, const char *end, char out[4], size_t *ret_size)
{
    static const char names[] = "\"\"\\\\//b\bf\fn\nr\rt\t"; /* pairs: the escape, its character */
    long code, low;

    if (p == end)
        return NULL;
    for (size_t i = 0; i + 1 < sizeof(names); i += 2) {
        if (names[i] == *p) {
            out[0] = names[i + 1];
            *ret_size = 1;
            return p + 1;
        }
    }
    if (*p != 'u' || (code = parse_hex4(p + 1, end)) < 0)
        return NULL;
    p += 5;
    if (code >= 0xd800 && code <= 0xdbff) {
        low = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? parse_hex4(p + 2, end) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return NULL;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    *ret_size = encode_utf8((unsigned long)code, out);
    return p;
}

/* The character at `p`, or what an escape there stands for. Returns where it ends, NULL where there
 * is none. */
static const char *decode_character(const char *p, const char *end, char out[4], size_t *ret_size)
{
    if (*p == '\\')
        return decode_escape(p + 1, end, out, ret_size);
    *ret_size = 0;
    do
        out[(*ret_size)++] = *p++;
    while (p < end && *ret_size < 4 && ((unsigned char)*p & 0xc0) == 0x80);
    return p;
}

size_t json_text_string(struct slice string, char *ret_text, size_t size)
{
    const char *p = string.text + 1, *end = string.text + string.size - 1;
    size_t used = 0;

    if (string.size < 2 || *string.text != '"')
        return 0;
    while (p < end) {
        char piece[4];
        size_t piece_size;

        p = decode_character(p, end, piece, &piece_size);
        if (p == NULL || piece_size > size - used)
            break;
        memcpy(ret_text + used, piece, piece_size);
        used += piece_size;
    }
    return used;
}

/* Is the string between its quotes the same as `name`, escapes resolved? */
static bool string_equals(struct slice string, const char *name, size_t size)
{
    const char *p = string.text;
    const char *end = p + string.size;
    size_t at = 0;

    if (memchr(p, '\\', string.size) == NULL)
        return string.size == size && memcmp(p, name, size) == 0;
    while (p < end) {
        char piece[4] = {*p};
        size_t piece_size = 1;

        p = *p == '\\' ? decode_escape(p + 1, end, piece, &piece_size) : p + 1;
        if (p == NULL || piece_size > size - at || memcmp(name + at, piece, piece_size) != 0)
            return false;
        at += piece_size;
    }
    return at == size;
}

bool json_text_member(struct slice object, const char *name, struct slice *ret_value)
{
    size_t name_size = strlen(name);

    /* Its text may be NULL, to which nothing can be added. */
    if (object.size == 0)
        return false;
    const char *end = object.text + object.size;
    const char *p = skip_space(object.text, end);
    if (p == end || *p != '{')
        return false;
    p = skip_space(p + 1, end);
    while (p < end && *p == '"') {
        const char *key = p + 1;
        const char *value;
        struct slice key_text;

        p = skip_string(key, end);
        key_text = (struct slice){key, (size_t)(p - key) - (p > key ? 1 : 0)};
        p = skip_space(p, end);
        if (p == end || *p != ':')
            return false;
        value = skip_space(p + 1, end);
        p = skip_value(value, end);
        if (string_equals(key_text, name, name_size)) {
            *ret_value = (struct slice){value, (size_t)(p - value)};
            return true;
        }
        p = skip_space(p, end);
        if (p < end && *p == ',')
            p = skip_space(p + 1, end);
    }
    return false;
}

static int append(struct slice **elements, size_t *count, size_t *capacity, struct slice element)
{
    if (*count == *capacity) {
        size_t more = *capacity > 0 ? *capacity * 2 : 16;
        struct slice *grown = reallocarray(*elements, more, sizeof(*grown));

        if (grown == NULL)
            return -ENOMEM;
        *elements = grown;
        *capacity = more;
    }
    (*elements)[(*count)++] = element;
    return 0;
}

int json_text_elements(struct slice array, struct slice **ret_elements, size_t *ret_count)
{
    const char *end = array.text + array.size;
    const char *p = skip_space(array.text, end);
    struct slice *elements = NULL;
    size_t count = 0;
    size_t capacity = 0;
    int rc;

    if (p == end || *p != '[')
        return -EINVAL;
    p = skip_space(p + 1, end);
    while (p < end && *p != ']') {
        const char *value = p;

        rc = -EINVAL;
        p = skip_value(value, end);
        if (p == value)
            goto fail;
        rc = append(&elements, &count, &capacity, (struct slice){value, (size_t)(p - value)});
        if (rc < 0)
            goto fail;
        p = skip_space(p, end);
        if (p < end && *p == ',')
            p = skip_space(p + 1, end);
    }
    rc = -EINVAL;
    if (p == end)
        goto fail;
    *ret_elements = elements;
    *ret_count = count;
    return 0;

fail:
    free(elements);
    return rc;
}

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

/* From behind the opening quote to behind the closing one; NULL where none closes. Linear: the
 * backslashes before a quote are counted back to the quote before it at most. */
static const char *close_string(const char *p, const char *end)
{
    const char *begin = p;

    while (p < end) {
        const char *quote = memchr(p, '"', (size_t)(end - p));
        const char *back = quote;

        if (quote == NULL)
            return NULL;
        while (back > begin && back[-1] == '\\')
            back--;
        p = quote + 1;
        if ((quote - back) % 2 == 0)
            return p;
    }
    return NULL;
}

/* The same; to the end where none closes. */
static const char *skip_string(const char *p, const char *end)
{
    const char *behind = close_string(p, end);

    return behind != NULL ? behind : end;
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

/* ---- the form of a text ---- */

/* What may come next. */
enum expected { A_VALUE, A_VALUE_OR_END, A_NAME, A_NAME_OR_END, A_COLON, A_COMMA_OR_END };

struct form {
    const char *p, *end;
    size_t depth;
    unsigned char *objects; /* a bit for each open container: it is an object */
    enum expected expected;
};

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static bool is_number(const char *p, const char *end)
{
    const char *digits = p < end && *p == '-' ? ++p : p;

    p = skip_digits(p, end);
    if (p == digits || (*digits == '0' && p > digits + 1))
        return false;
    if (p < end && *p == '.') {
        digits = ++p;
        p = skip_digits(p, end);
        if (p == digits)
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        if (++p < end && (*p == '+' || *p == '-'))
            p++;
        digits = p;
        p = skip_digits(p, end);
        if (p == digits)
            return false;
    }
    return p == end;
}

static bool form_scalar(struct form *form)
{
    const char *p = form->p;
    size_t size;

    form->p = skip_scalar(p, form->end);
    size = (size_t)(form->p - p);
    form->expected = A_COMMA_OR_END;
    return (size == 4 && (memcmp(p, "true", 4) == 0 || memcmp(p, "null", 4) == 0)) ||
           (size == 5 && memcmp(p, "false", 5) == 0) || is_number(p, form->p);
}

static bool form_string(struct form *form, enum expected next)
{
    const char *behind = *form->p == '"' ? close_string(form->p + 1, form->end) : NULL;

    if (behind == NULL)
        return false;
    form->p = behind;
    form->expected = next;
    return true;
}

static void form_open(struct form *form)
{
    unsigned char bit = (unsigned char)(1u << form->depth % 8);
    bool object = *form->p++ == '{';

    if (object)
        form->objects[form->depth / 8] |= bit;
    else
        form->objects[form->depth / 8] &= (unsigned char)~bit;
    form->depth++;
    form->expected = object ? A_NAME_OR_END : A_VALUE_OR_END;
}

static bool in_object(const struct form *form)
{
    size_t last = form->depth - 1;

    return form->depth > 0 && (form->objects[last / 8] >> last % 8 & 1) != 0;
}

/* A comma, or what closes the innermost container. */
static bool form_go_on(struct form *form)
{
    char c = *form->p;

    if (form->depth == 0)
        return false;
    if (c == ',' && form->expected == A_COMMA_OR_END) {
        form->expected = in_object(form) ? A_NAME : A_VALUE;
    } else if (c == (in_object(form) ? '}' : ']')) {
        form->depth--;
        form->expected = A_COMMA_OR_END;
    } else {
        return false;
    }
    form->p++;
    return true;
}

static bool form_value(struct form *form)
{
    if (*form->p == '"')
        return form_string(form, A_COMMA_OR_END);
    if (*form->p != '[' && *form->p != '{')
        return form_scalar(form);
    form_open(form);
    return true;
}

/* One token; false where it may not stand here. */
static bool form_token(struct form *form)
{
    switch (form->expected) {
    case A_VALUE:
        return form_value(form);
    case A_VALUE_OR_END:
        return form_go_on(form) || form_value(form);
    case A_NAME:
        return form_string(form, A_COLON);
    case A_NAME_OR_END:
        return form_go_on(form) || form_string(form, A_COLON);
    case A_COLON:
        form->expected = A_VALUE;
        return *form->p++ == ':';
    case A_COMMA_OR_END:
        return form_go_on(form);
    }
    return false;
}

int json_text_complete(const char *text, size_t size)
{
    struct form form = {.p = text, .end = text + size, .expected = A_VALUE};
    bool good = true;

    form.objects = calloc(size / 8 + 1, 1);
    if (form.objects == NULL)
        return -ENOMEM;
    form.p = skip_space(form.p, form.end);
    while (good && form.p < form.end) {
        good = form_token(&form);
        form.p = skip_space(form.p, form.end);
    }
    free(form.objects);
    return good && form.depth == 0 && form.expected == A_COMMA_OR_END;
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

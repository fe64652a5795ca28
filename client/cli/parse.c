#include "client/cli/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The digits at *text, which moves behind them. -EINVAL where there are none. */
static int take_uint(const char **text, uint64_t *ret_value)
{
    const char *c = *text;
    uint64_t value = 0;

    if (!isdigit((unsigned char)*c))
        return -EINVAL;
    for (; isdigit((unsigned char)*c); c++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
            return -ERANGE;
    *text = c;
    *ret_value = value;
    return 0;
}

int parse_uint(const char *text, uint64_t *ret_value)
{
    uint64_t value;
    int r = take_uint(&text, &value);

    if (r < 0)
        return r;
    if (*text)
        return -EINVAL;
    *ret_value = value;
    return 0;
}

int parse_int(const char *text, int64_t *ret_value)
{
    bool negative = *text == '-';
    uint64_t value;
    int r = parse_uint(text + (*text == '-' || *text == '+'), &value);

    if (r < 0)
        return r;
    if (value > INT64_MAX)
        return -ERANGE;
    *ret_value = negative ? -(int64_t)value : (int64_t)value;
    return 0;
}

/* A unit's name at *text, which moves behind it, as microseconds. */
static int take_unit(const char **text, uint64_t *ret_us)
{
    static const struct {
        const char *name;
        uint64_t us;
    } units[] = {
        {"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", 3600000000}, {"d", 86400000000}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        size_t length = strlen(units[i].name);

        if (strncmp(*text, units[i].name, length) == 0) {
            *text += length;
            *ret_us = units[i].us;
            return 0;
        }
    }
    return -EINVAL;
}

/* `.25` at *text as millionths; digits past the sixth are dropped. */
static int take_fraction(const char **text, uint64_t *ret_millionths)
{
    uint64_t digit_value = 100000, millionths = 0;
    const char *c = *text;

    if (*c == '.') {
        if (!isdigit((unsigned char)*++c))
            return -EINVAL;
        for (; isdigit((unsigned char)*c); c++, digit_value /= 10)
            millionths += (uint64_t)(*c - '0') * digit_value;
    }
    *text = c;
    *ret_millionths = millionths;
    return 0;
}

/* One number with its unit; the unit may be missing where `alone`. */
static int take_part(const char **text, bool alone, uint64_t *ret_us)
{
    uint64_t whole = 0, millionths, unit_us = 1000000;
    int r = **text == '.' ? 0 : take_uint(text, &whole);

    if (r < 0)
        return r;
    r = take_fraction(text, &millionths);
    if (r < 0)
        return r;
    if (!alone || **text) {
        r = take_unit(text, &unit_us);
        if (r < 0)
            return r;
    }
    if (__builtin_mul_overflow(whole, unit_us, ret_us))
        return -ERANGE;
    /* Below one unit, and a unit is at most a day: no overflow. */
    *ret_us += millionths * (unit_us / 1000) / 1000;
    return 0;
}

int parse_duration(const char *text, int64_t *ret_us)
{
    uint64_t sum_us = 0, part_us;
    bool alone = true;

    do {
        int r = take_part(&text, alone, &part_us);

        if (r < 0)
            return r;
        if (__builtin_add_overflow(sum_us, part_us, &sum_us) || sum_us > INT64_MAX)
            return -ERANGE;
        alone = false;
    } while (*text);
    *ret_us = (int64_t)sum_us;
    return 0;
}

/* `7` or `9-12` at *text, which moves behind it. */
static int take_span(const char **text, struct id_span *ret_span)
{
    struct id_span span;
    int r = take_uint(text, &span.first);

    if (r < 0)
        return r;
    span.last = span.first;
    if (**text == '-') {
        ++*text;
        r = take_uint(text, &span.last);
        if (r < 0)
            return r;
    }
    if (span.first < 1 || span.last < span.first || span.last > INT64_MAX)
        return -ERANGE;
    *ret_span = span;
    return 0;
}

int id_spans_append(struct id_spans *ids, struct id_span span)
{
    struct id_span *spans;

    /* Powers of two are full. */
    if (!ids->spans || (ids->count & (ids->count - 1)) == 0) {
        size_t room = ids->count ? ids->count * 2 : 1;

        spans = reallocarray(ids->spans, room, sizeof(*spans));
        if (!spans)
            return -ENOMEM;
        ids->spans = spans;
    }
    ids->spans[ids->count++] = span;
    return 0;
}

int id_spans_add(struct id_spans *ids, const char *text)
{
    for (;;) {
        struct id_span span;
        int r = take_span(&text, &span);

        if (r == 0)
            r = id_spans_append(ids, span);
        if (r < 0)
            return r;
        if (!*text)
            return 0;
        if (*text++ != ',')
            return -EINVAL;
    }
}

int id_spans_add_below(struct id_spans *ids, uint64_t id)
{
    struct id_span *last = ids->count ? &ids->spans[ids->count - 1] : NULL;

    if (last && last->first == id + 1) {
        last->first = id;
        return 0;
    }
    return id_spans_append(ids, (struct id_span){id, id});
}

void id_spans_clear(struct id_spans *ids)
{
    free(ids->spans);
    *ids = (struct id_spans){0};
}

bool id_spans_single(const struct id_spans *ids)
{
    return ids->count == 1 && ids->spans[0].first == ids->spans[0].last;
}

static int compare_spans(const void *left, const void *right)
{
    const struct id_span *a = left, *b = right;

    return (a->first > b->first) - (a->first < b->first);
}

uint64_t id_spans_merge(struct id_spans *ids)
{
    uint64_t total = 0;
    size_t merged = 0;

    if (ids->count == 0)
        return 0;
    qsort(ids->spans, ids->count, sizeof(*ids->spans), compare_spans);
    for (size_t i = 1; i < ids->count; i++) {
        struct id_span *last = &ids->spans[merged];

        if (ids->spans[i].first > last->last)
            ids->spans[++merged] = ids->spans[i];
        else if (ids->spans[i].last > last->last)
            last->last = ids->spans[i].last;
    }
    ids->count = merged + 1;
    for (size_t i = 0; i < ids->count; i++)
        total += ids->spans[i].last - ids->spans[i].first + 1;
    return total;
}

bool id_spans_contain(const struct id_spans *ids, uint64_t id)
{
    for (size_t i = 0; i < ids->count; i++)
        if (id >= ids->spans[i].first && id <= ids->spans[i].last)
            return true;
    return false;
}

void id_spans_write(const struct id_spans *ids, struct writer *writer)
{
    writer_begin_array(writer);
    for (size_t i = 0; i < ids->count; i++) {
        if (ids->spans[i].first == ids->spans[i].last) {
            writer_uint(writer, ids->spans[i].first);
            continue;
        }
        writer_begin_array(writer);
        writer_uint(writer, ids->spans[i].first);
        writer_uint(writer, ids->spans[i].last);
        writer_end_array(writer);
    }
    writer_end_array(writer);
}

const char *parse_condition(const char *text, size_t *size)
{
    static const char *const conditions[] = {"result", "exception", "done"};

    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        size_t length = strlen(conditions[i]);

        if (*size > length && text[*size - length - 1] == ':' &&
            memcmp(text + *size - length, conditions[i], length) == 0) {
            *size -= length + 1;
            return conditions[i];
        }
    }
    return NULL;
}

/* What people type, as values: ids, durations, numbers. No I/O, no messages. Any thread. */
#ifndef FUTURED_CLIENT_PARSE_H
#define FUTURED_CLIENT_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/writer.h"

struct id_span {
    uint64_t first, last; /* both included; 1 <= first <= last */
};

struct id_spans {
    struct id_span *spans; /* malloc'd: id_spans_clear */
    size_t count;
};

/* All decimal digits. -EINVAL; -ERANGE. */
int parse_uint(const char *text, uint64_t *ret_value);
/* The same with an optional sign. */
int parse_int(const char *text, int64_t *ret_value);

/* `90`, `0.5`, `90s`, `5m`, `2h`, `1d`, `250ms`, `1h30m`, in microseconds. A plain number is
 * seconds. -EINVAL; -ERANGE. */
int parse_duration(const char *text, int64_t *ret_us);

/* Adds the ids of one word: `7` or `7,9-12`. -EINVAL; -ERANGE for a number too large or a range
 * that runs backwards; -ENOMEM. */
int id_spans_add(struct id_spans *ids, const char *text);
int id_spans_append(struct id_spans *ids, struct id_span span);
/* Adds an id to spans that fall: to the last one where it is the next one below. */
int id_spans_add_below(struct id_spans *ids, uint64_t id);
void id_spans_clear(struct id_spans *ids);
/* True where there is one id and no more. */
bool id_spans_single(const struct id_spans *ids);
/* How many different ids there are; the spans are put in order and merged. */
uint64_t id_spans_merge(struct id_spans *ids);
bool id_spans_contain(const struct id_spans *ids, uint64_t id);
/* The array that the protocol takes as `ids`. */
void id_spans_write(const struct id_spans *ids, struct writer *writer);

/* The kind of end that is wanted, behind the last `:` of `7:done`: cuts it off *size and returns
 * it; NULL: none is named there. Static. */
const char *parse_condition(const char *text, size_t *size);

#endif

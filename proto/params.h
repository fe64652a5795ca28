/* Reads the members of one request's params by name and type; the decoders of messages*.c are
 * written with it, nobody else includes it. It knows no method. A refusal is remembered, and
 * everything after it does nothing: check `rc` once at the end. An optional member that is null
 * counts as absent; outputs are untouched where a member is absent. One thread at a time. */
#ifndef FUTURED_PROTO_PARAMS_H
#define FUTURED_PROTO_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"
#include "proto/rpc.h"

struct params {
    json_t *object;                    /* borrowed; NULL: no members at all, or no tree so far */
    const struct rpc_request *request; /* where `shape` is set */
    struct rpc_shape *shape;           /* the members without a tree; NULL: all is in `object` */
    struct slice text;                 /* its raw text */
    const char *prefix;                /* "retry." for the members of a member, else "" */
    struct rpc_error *error;           /* the caller's */
    int rc;                            /* 0, -EINVAL (then *error is set) or -ENOMEM */
};

/* Starts with the params of `request`, which may have the members `names` (ended by NULL). */
void params_open(struct params *params, const struct rpc_request *request,
                 const char *const names[], struct rpc_error *error);

/* The same for the object under `name`; `prefix` is `name` with a dot behind it. False where it is
 * absent or refused. Hand what became of it back with params_close_member. */
bool params_open_member(struct params *parent, const char *name, const char *prefix,
                        const char *const names[], struct params *ret_member);
void params_close_member(struct params *parent, const struct params *member);

/* Refuses the member `name`: "<name> <message>". The first refusal stays. */
void params_refuse(struct params *params, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Was it given (and is not null)? */
bool params_has(const struct params *params, const char *name);

/* Refuses that it is absent; `what` says in words what it must be. */
void params_require(struct params *params, const char *name, const char *what);

/* The member's value, NULL where absent. It takes a tree, which the functions below do without
 * where all is well. */
json_t *params_value(struct params *params, const char *name);
/* The same, but null is a value like any other. */
json_t *params_value_or_null(struct params *params, const char *name);

/* Copies at most `size` - 1 bytes of what a client sent, to be quoted in an error; returns `out`.
 */
const char *params_quote(const char *text, char *out, size_t size);

/* A positive id that must be there. */
void params_id(struct params *params, const char *name, uint64_t *ret_id);
/* An integer of min..max. */
void params_uint(struct params *params, const char *name, uint64_t min, uint64_t max,
                 uint64_t *ret_value);
void params_int(struct params *params, const char *name, int64_t *ret_value);
void params_bool(struct params *params, const char *name, bool *ret_value);
/* A number of `min` or more. */
void params_double(struct params *params, const char *name, double min, double *ret_value);

/* A string of min..max bytes, without NUL characters; max 0: any size. */
void params_string(struct params *params, const char *name, size_t min, size_t max,
                   const char **ret_text);
/* The string's place in `words` (ended by NULL). */
void params_word(struct params *params, const char *name, const char *const words[],
                 unsigned *ret_index);

/* Seconds >= 0, as nanoseconds; what is beyond 292 years is 292 years (PARAMS_MAX_NS). */
#define PARAMS_MAX_NS ((uint64_t)INT64_MAX)
void params_seconds(struct params *params, const char *name, uint64_t *ret_ns);
/* How long a call waits: absent or huge for ever, negative 0. */
void params_wait_time(struct params *params, struct wait_time *ret_time);

/* The raw text of a member; null is a text like any other. */
void params_raw(struct params *params, const char *name, struct slice *ret_text);
/* An array of at most `max` elements (limit_name names the limit) as raw texts: malloc'd, the
 * caller's, also after a refusal. */
void params_raw_array(struct params *params, const char *name, const char *limit_name, uint64_t max,
                      struct slice **ret_elements, size_t *ret_count);
/* The member "ids": malloc'd, the caller's, also after a refusal. */
void params_ids(struct params *params, struct id_list *ret_ids);

/* Is it an integer of 1 or more? Then *ret_id is set. */
bool json_is_id(const json_t *value, uint64_t *ret_id);

/* One string of a list of words, by its place; false where it is none of them. */
bool word_find(const json_t *value, const char *const words[], unsigned *ret_index);
/* "a, b, c" for an error's text; returns `out`. */
const char *word_list(const char *const words[], char *out, size_t size);

#endif

/* Reads a request's JSON in one pass and without building a tree: says that a text is valid, and
 * where the members of its object are. It knows the common case only and is careful about it: what
 * it does not know it does not take, valid or not, and a real parser has to look at it. So whatever
 * it takes jansson takes as well, with JSON_REJECT_DUPLICATES, and finds the same in it. No
 * allocation. Any thread.
 *
 * Not known: escapes in names, \u escapes of surrogates and of NUL, objects of more than
 * JSON_SCAN_MEMBERS members, numbers with an exponent or of more than 18 digits. */
#ifndef FUTURED_PROTO_JSON_SCAN_H
#define FUTURED_PROTO_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/json_text.h"

#define JSON_SCAN_MEMBERS 24

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_FALSE,
    JSON_KIND_TRUE,
    JSON_KIND_INTEGER,
    JSON_KIND_REAL,
    JSON_KIND_STRING,
    JSON_KIND_ESCAPED, /* a string with escapes in it */
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT,
};

struct json_member {
    struct slice name;  /* what stands between the quotes */
    struct slice value; /* its text, a string's with the quotes */
    enum json_kind kind;
};

struct json_members {
    uint64_t initials; /* a bit for the first byte of each name, modulo 64: most of what is asked
                          for is not there, and that is seen at once */
    size_t count;
    struct json_member *list; /* the caller's */
};

/* True where `text` is one object that it knows, nested at most `max_depth` deep and with at most
 * `max_values` values (as json_text_bounds counts them): *ret_members are its members, and
 * *ret_inner those of the member `inner` if that is an object; the list of each has room for
 * JSON_SCAN_MEMBERS. A NUL must stand at text[size].
 * Where it is false both may have been written to. */
bool json_scan_object(const char *text, size_t size, uint64_t max_depth, uint64_t max_values,
                      const char *inner, struct json_members *ret_members,
                      struct json_members *ret_inner);

/* NULL: there is none. */
const struct json_member *json_members_find(const struct json_members *members, const char *name);

/* The number of a member of JSON_KIND_INTEGER. */
int64_t json_member_integer(const struct json_member *member);

#endif

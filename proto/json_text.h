/* Looks into JSON text without building a tree: a bounds check before anything is parsed, and the
 * raw text of members and elements. No allocation but where it is said. Any thread. */
#ifndef FUTURED_PROTO_JSON_TEXT_H
#define FUTURED_PROTO_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of somebody else's text. */
struct slice {
    const char *text;
    size_t size;
};

enum json_bounds { JSON_WITHIN_BOUNDS, JSON_HAS_NUL, JSON_TOO_DEEP, JSON_TOO_MANY_VALUES };

/* One linear pass over any bytes, valid JSON or not: raw NUL bytes, nesting and the number of
 * values. Counts strings, numbers, literals, objects and arrays, member names not. */
enum json_bounds json_text_bounds(const char *text, size_t size, uint64_t max_depth,
                                  uint64_t max_values);

/* Whether any bytes have the form of one JSON value, however deep, with nothing missing and nothing
 * behind it. What stands inside of strings, and whether a name comes twice or a number is too
 * large, is not looked at. 1 or 0; -ENOMEM. */
int json_text_complete(const char *text, size_t size);

/* The functions below take text that a parser has accepted, or none at all. */

/* The value of the member `name` of an object, without the white space around it. False where
 * there is none, or the text is no object. Names written with escapes are found as well. */
bool json_text_member(struct slice object, const char *name, struct slice *ret_value);

/* The characters of a string, escapes resolved, as far as whole ones fit into `size` bytes; no NUL
 * behind them. How many bytes these are; 0 also where it is no string. */
size_t json_text_string(struct slice string, char *ret_text, size_t size);

/* Cuts an array into its elements: *ret_elements is malloc'd and the caller's (NULL for an empty
 * array). 0; -EINVAL when it is no array; -ENOMEM. */
int json_text_elements(struct slice array, struct slice **ret_elements, size_t *ret_count);

#endif

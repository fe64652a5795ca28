/* --format: a template that is filled in with the members of JSON objects, as '{id} {state}'.
 * `{map.count}` is a member of a member, `{{` and `}}` are braces, `\t`, `\n` and `\\` as in C.
 * What is not there is empty. Any thread. */
#ifndef FUTURED_CLIENT_FORMAT_H
#define FUTURED_CLIENT_FORMAT_H

#include <stdbool.h>
#include <stdio.h>
#include <jansson.h>

/* NULL, or what is wrong with it, in words. */
const char *format_problem(const char *format);

/* The template filled in, as one line. Strings as they are, numbers and the rest as JSON. */
void format_print(const char *format, const json_t *object, FILE *out);

#endif

/* Reading JSON replies in tests: a value is named by its path, as in "result.futures.0.state".
 * Every getter fails the test, with the whole document in the message, where the path leads
 * nowhere or to a value of another type. Any thread. */
#ifndef FUTURED_TESTS_JSON_H
#define FUTURED_TESTS_JSON_H

#include <jansson.h>
#include <stdbool.h>

/* The text as a value, which the caller owns. Apostrophes stand for quotes. */
json_t *json_parse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The value at `path`, borrowed; "" is the document itself. NULL where there is none. */
json_t *json_find(json_t *document, const char *path);

/* The same, but failing the test where there is none. */
json_t *json_at(json_t *document, const char *path);

bool json_has(json_t *document, const char *path);
json_int_t json_int_at(json_t *document, const char *path);
double json_number_at(json_t *document, const char *path); /* an integer or a real */
bool json_bool_at(json_t *document, const char *path);
const char *json_text_at(json_t *document, const char *path); /* borrowed from the document */
size_t json_count_at(json_t *document, const char *path);     /* members of an array or object */
bool json_null_at(json_t *document, const char *path);

/* Fails the test unless the value at `path` equals the JSON text, which is written as for
 * json_parse. */
void json_expect(json_t *document, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

#include "tests/support/json.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/text.h"

static json_t *parse(char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    if (!value)
        ck_abort_msg("the test's own JSON is wrong: %s: %s", error.text, text);
    free(text);
    return value;
}

json_t *json_parse(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = text_vjson(format, args);
    va_end(args);
    return parse(text);
}

/* The member of an object or the element of an array, by the first `size` bytes of `name`. */
static json_t *member(json_t *value, const char *name, size_t size)
{
    if (json_is_array(value) && size > 0 && strspn(name, "0123456789") >= size)
        return json_array_get(value, strtoul(name, NULL, 10));

    char *key = text_print("%.*s", (int)size, name);
    json_t *found = json_object_get(value, key);
    free(key);
    return found;
}

json_t *json_find(json_t *document, const char *path)
{
    json_t *value = document;

    while (value && *path) {
        size_t size = strcspn(path, ".");
        value = member(value, path, size);
        path += size + (path[size] == '.');
    }
    return value;
}

static void complain(json_t *document, const char *path, const char *what)
{
    char *text = document ? json_dumps(document, JSON_ENCODE_ANY) : NULL;

    ck_abort_msg("\"%s\" is not %s in: %s", path, what, text ? text : "(nothing)");
}

json_t *json_at(json_t *document, const char *path)
{
    json_t *value = json_find(document, path);

    if (!value)
        complain(document, path, "there");
    return value;
}

bool json_has(json_t *document, const char *path)
{
    return json_find(document, path) != NULL;
}

json_int_t json_int_at(json_t *document, const char *path)
{
    json_t *value = json_at(document, path);

    if (!json_is_integer(value))
        complain(document, path, "an integer");
    return json_integer_value(value);
}

double json_number_at(json_t *document, const char *path)
{
    json_t *value = json_at(document, path);

    if (!json_is_number(value))
        complain(document, path, "a number");
    return json_number_value(value);
}

bool json_bool_at(json_t *document, const char *path)
{
    json_t *value = json_at(document, path);

    if (!json_is_boolean(value))
        complain(document, path, "a boolean");
    return json_is_true(value);
}

const char *json_text_at(json_t *document, const char *path)
{
    json_t *value = json_at(document, path);

    if (!json_is_string(value))
        complain(document, path, "a string");
    return json_string_value(value);
}

size_t json_count_at(json_t *document, const char *path)
{
    json_t *value = json_at(document, path);

    if (!json_is_array(value) && !json_is_object(value))
        complain(document, path, "an array or object");
    return json_is_array(value) ? json_array_size(value) : json_object_size(value);
}

bool json_null_at(json_t *document, const char *path)
{
    return json_is_null(json_at(document, path));
}

void json_expect(json_t *document, const char *path, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = text_vjson(format, args);
    va_end(args);

    json_t *value = json_at(document, path);
    json_t *wanted = parse(text_print("%s", text));
    if (!json_equal(value, wanted))
        complain(document, path, text);
    json_decref(wanted);
    free(text);
}

#include "client/show/show_value.h"

#include <stdio.h>

enum { INDENT = 2 };

static void scalar_text(const json_t *value, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    if (!value)
        return;
    switch (json_typeof(value)) {
    case JSON_STRING:
        cli_printable(json_string_value(value), json_string_length(value), ret_text, size);
        return;
    case JSON_INTEGER:
        snprintf(ret_text, size, "%lld", (long long)json_integer_value(value));
        return;
    case JSON_REAL:
        snprintf(ret_text, size, "%.10g", json_real_value(value));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        snprintf(ret_text, size, "%s", json_is_true(value) ? "yes" : "no");
        return;
    case JSON_NULL:
        snprintf(ret_text, size, "-");
        return;
    case JSON_OBJECT:
    case JSON_ARRAY:
        snprintf(ret_text, size, "...");
        return;
    }
}

static void show_members(const json_t *object, int indent, bool listed);

/* Scalars side by side, objects as a list of blocks. */
static void show_array(const json_t *array, int indent)
{
    bool objects = json_is_object(json_array_get(array, 0));
    const json_t *element;
    char text[256];
    size_t i;

    if (objects)
        putchar('\n');
    json_array_foreach (array, i, element) {
        if (json_is_object(element)) {
            show_members(element, indent + INDENT, true);
            continue;
        }
        scalar_text(element, text, sizeof(text));
        printf(" %s", text);
    }
    if (!objects)
        putchar('\n');
}

/* `listed`: a dash marks the first member. */
static void show_members(const json_t *object, int indent, bool listed)
{
    const char *mark = listed ? "- " : "";
    int inner = indent + (listed ? INDENT : 0);
    const char *name;
    json_t *value;
    char text[256];

    /* The iterator takes no const, and changes nothing. */
    for (void *at = json_object_iter((json_t *)(uintptr_t)object); at;
         at = json_object_iter_next((json_t *)(uintptr_t)object, at)) {
        name = json_object_iter_key(at);
        value = json_object_iter_value(at);
        printf("%*s%s%s:", indent, "", mark, name);
        mark = listed ? "  " : "";
        if (json_is_object(value)) {
            putchar('\n');
            show_members(value, inner + INDENT, false);
        } else if (json_is_array(value)) {
            show_array(value, inner);
        } else {
            scalar_text(value, text, sizeof(text));
            printf(" %s\n", text);
        }
    }
}

void show_object(const json_t *object)
{
    show_members(object, 0, false);
}

#include "client/show_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/table.h"

enum { COLUMNS_MAX = 24, INDENT = 2 };

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

/* One column: a member, or a member of a member. */
struct column {
    const char *outer, *inner; /* outer NULL: none */
    char title[40];
};

static void add_columns(const json_t *object, const char *outer, struct column *columns,
                        size_t *count)
{
    json_t *from = (json_t *)(uintptr_t)object;

    for (void *at = json_object_iter(from); at; at = json_object_iter_next(from, at)) {
        const json_t *value = json_object_iter_value(at);
        struct column *column = &columns[*count];

        if (json_is_object(value) && !outer) {
            add_columns(value, json_object_iter_key(at), columns, count);
            continue;
        }
        if (json_is_object(value) || json_is_array(value) || *count == COLUMNS_MAX)
            continue;
        column->outer = outer;
        column->inner = json_object_iter_key(at);
        snprintf(column->title, sizeof(column->title), "%s", column->inner);
        for (char *c = column->title; *c; c++)
            *c = (char)toupper((unsigned char)*c);
        ++*count;
    }
}

static void add_row(struct table *table, const struct column *columns, size_t count,
                    const json_t *object)
{
    char text[256];

    for (size_t i = 0; i < count; i++) {
        const json_t *from = columns[i].outer ? json_object_get(object, columns[i].outer) : object;
        const json_t *value = json_object_get(from, columns[i].inner);

        snprintf(text, sizeof(text), "-");
        if (value)
            scalar_text(value, text, sizeof(text));
        table_add(table, text);
    }
}

int show_objects(struct cli *cli, const json_t *array)
{
    struct table_column shapes[COLUMNS_MAX];
    struct column columns[COLUMNS_MAX];
    const json_t *first = json_array_get(array, 0), *object;
    struct table *table;
    size_t count = 0, i;

    if (!first)
        return EXIT_FINE;
    add_columns(first, NULL, columns, &count);
    for (i = 0; i < count; i++) {
        const json_t *from = columns[i].outer ? json_object_get(first, columns[i].outer) : first;

        shapes[i].title = columns[i].title;
        shapes[i].right = json_is_number(json_object_get(from, columns[i].inner));
    }
    table = table_new(shapes, count);
    if (!table)
        return cli_fail_errno(cli, -ENOMEM, "the table");
    json_array_foreach (array, i, object)
        add_row(table, columns, count, object);
    table_print(table, stdout);
    table_free(table);
    return EXIT_FINE;
}

#include "client/map/map_value.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

/* Room for the text and the parts; the parts are left to the caller. */
static struct map_value *new_value(size_t text_size, size_t count)
{
    struct map_value *value = calloc(1, sizeof(*value) + count * sizeof(value->parts[0]));

    if (!value)
        return NULL;
    value->text = malloc(text_size + 1);
    if (!value->text) {
        free(value);
        return NULL;
    }
    value->text[text_size] = '\0';
    value->size = text_size;
    value->count = count;
    return value;
}

static struct map_value *from_parts(const struct map_part *parts, size_t count)
{
    size_t size = count > 0 ? count - 1 : 0, at = 0;
    struct map_value *value;

    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    value = new_value(size, count);
    if (!value)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            value->text[at++] = ' ';
        memcpy(value->text + at, parts[i].text, parts[i].size);
        value->parts[i] = (struct map_part){value->text + at, parts[i].size};
        at += parts[i].size;
    }
    return value;
}

struct map_value *map_value_text(const char *text, size_t size)
{
    const struct map_part part = {text, size};

    return from_parts(&part, 1);
}

struct map_value *map_value_words(const char *const *words, size_t count)
{
    struct map_part *parts = calloc(count + 1, sizeof(*parts));
    struct map_value *value = NULL;

    for (size_t i = 0; parts && i < count; i++)
        parts[i] = (struct map_part){words[i], strlen(words[i])};
    if (parts)
        value = from_parts(parts, count);
    free(parts);
    return value;
}

void map_value_free(struct map_value *value)
{
    if (!value)
        return;
    json_decref(value->object);
    free(value->text);
    free(value);
}

/* ---- JSON ---- */

/* A scalar as text, malloc'd; strings as they are. NULL: no memory. */
static char *scalar_text(const json_t *scalar, size_t *ret_size)
{
    char *text;

    if (!json_is_string(scalar)) {
        text = json_dumps(scalar, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(16));
        *ret_size = text ? strlen(text) : 0;
        return text;
    }
    *ret_size = json_string_length(scalar);
    text = malloc(*ret_size + 1);
    if (text)
        memcpy(text, json_string_value(scalar), *ret_size + 1);
    return text;
}

static struct map_value *from_array(const json_t *array)
{
    size_t count = json_array_size(array);
    struct map_part *parts = calloc(count + 1, sizeof(*parts));
    struct map_value *value = NULL;
    size_t i = 0;

    for (; parts && i < count; i++) {
        parts[i].text = scalar_text(json_array_get(array, i), &parts[i].size);
        if (!parts[i].text)
            break;
    }
    if (parts && i == count)
        value = from_parts(parts, count);
    while (parts && i > 0)
        free((void *)(uintptr_t)parts[--i].text);
    free(parts);
    return value;
}

static const char *array_problem(const json_t *array)
{
    const json_t *element;
    size_t i;

    json_array_foreach (array, i, element)
        if (json_is_object(element) || json_is_array(element) || json_is_null(element))
            return "a part of the item is neither text nor a number";
    return NULL;
}

static struct map_value *from_json(const char *line, size_t size, json_t *tree,
                                   const char **ret_problem)
{
    struct map_value *value;
    char *text;

    if (json_is_null(tree))
        *ret_problem = "the item is null";
    else if (json_is_array(tree))
        *ret_problem = array_problem(tree);
    if (*ret_problem)
        return map_value_text(line, size);
    if (json_is_array(tree))
        return from_array(tree);
    if (json_is_object(tree)) {
        value = map_value_text(line, size);
        if (value)
            value->object = json_incref(tree);
        return value;
    }
    text = scalar_text(tree, &size);
    value = text ? map_value_text(text, size) : NULL;
    free(text);
    return value;
}

struct map_value *map_value_json(const char *line, size_t size, const char **ret_problem)
{
    json_t *tree = json_loadb(line, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    struct map_value *value;

    *ret_problem = tree ? NULL : "the item is not valid JSON";
    value = tree ? from_json(line, size, tree, ret_problem) : map_value_text(line, size);
    json_decref(tree);
    return value;
}

struct map_value *map_value_any_json(const char *line, size_t size, const char **ret_problem)
{
    json_t *tree =
        json_loadb(line, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    struct map_value *value = map_value_text(line, size);

    *ret_problem = tree ? NULL : "the item is not valid JSON";
    if (value)
        value->is_json = tree != NULL;
    json_decref(tree);
    return value;
}

/* ---- paths ---- */

/* Behind the last slash. */
static struct map_part base_of(struct map_part part)
{
    const char *slash = memrchr(part.text, '/', part.size);
    size_t skipped = slash ? (size_t)(slash + 1 - part.text) : 0;

    return (struct map_part){part.text + skipped, part.size - skipped};
}

static struct map_part without_extension(struct map_part part)
{
    struct map_part base = base_of(part);
    const char *dot = memrchr(base.text, '.', base.size);

    if (dot)
        part.size = (size_t)(dot - part.text);
    return part;
}

/* As dirname(1). */
static struct map_part directory_of(struct map_part part)
{
    const char *slash = memrchr(part.text, '/', part.size);

    if (!slash)
        return (struct map_part){".", 1};
    part.size = slash == part.text ? 1 : (size_t)(slash - part.text);
    return part;
}

struct map_part map_part_form(struct map_part part, enum map_form form)
{
    switch (form) {
    case FORM_WHOLE:
    case FORM_SEQUENCE:
        return part;
    case FORM_NO_EXTENSION:
        return without_extension(part);
    case FORM_BASE:
        return base_of(part);
    case FORM_DIRECTORY:
        return directory_of(part);
    case FORM_BARE:
        return without_extension(base_of(part));
    }
    return part;
}

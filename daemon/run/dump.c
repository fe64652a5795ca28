#include "daemon/run/dump.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* ---- freeing ---- */

/* Adds a child that may hold more. Without memory for that it is lost: better than the stack. */
static void keep_child(json_t *stack, json_t *child)
{
    if ((json_is_array(child) || json_is_object(child)) && json_array_append(stack, child) < 0)
        json_incref(child);
}

/* Takes the children out of a container, so that freeing it goes no deeper. */
static void empty(json_t *container, json_t *stack)
{
    const char *key;
    json_t *child;
    size_t i;

    json_array_foreach (container, i, child)
        keep_child(stack, child);
    json_array_clear(container);
    json_object_foreach (container, key, child)
        keep_child(stack, child);
    json_object_clear(container);
}

void dump_discard(json_t *value)
{
    json_t *stack = json_array();
    size_t count;

    /* As above: without memory it is lost. */
    if (!value || !stack || json_array_append(stack, value) < 0)
        goto out;
    json_decref(value);
    while ((count = json_array_size(stack)) > 0) {
        json_t *top = json_incref(json_array_get(stack, count - 1));

        json_array_remove(stack, count - 1);
        empty(top, stack);
        json_decref(top);
    }
out:
    json_decref(stack);
}

/* ---- writing ---- */

struct measure {
    size_t values_left; /* a value is at least one byte of text */
    int error;
};

/* Goes through the value as far as the bounds let it; shared parts count as often as they show. */
static bool fits(json_t *value, unsigned depth_left, struct measure *measure)
{
    const char *key;
    json_t *child;
    size_t i;

    if (measure->values_left == 0) {
        measure->error = -E2BIG;
        return false;
    }
    measure->values_left--;
    if (!json_is_array(value) && !json_is_object(value))
        return true;
    if (depth_left == 0) {
        measure->error = -ELOOP;
        return false;
    }
    json_array_foreach (value, i, child)
        if (!fits(child, depth_left - 1, measure))
            return false;
    json_object_foreach (value, key, child)
        if (!fits(child, depth_left - 1, measure))
            return false;
    return true;
}

struct text {
    char *data;
    size_t size, capacity, max;
    int error; /* the first one */
};

static int append(const char *data, size_t size, void *arg)
{
    struct text *text = arg;

    if (size > text->max - text->size) {
        text->error = -E2BIG;
        return -1;
    }
    if (size > text->capacity - text->size) {
        size_t capacity = 2 * (text->size + size) + 64;
        char *grown = realloc(text->data, capacity);

        if (!grown) {
            text->error = -ENOMEM;
            return -1;
        }
        text->data = grown;
        text->capacity = capacity;
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
    return 0;
}

int dump_value(json_t *value, size_t max_bytes, char **ret_text, size_t *ret_bytes)
{
    struct measure measure = {.values_left = max_bytes};
    struct text text = {.max = max_bytes};

    if (!value)
        return -EINVAL;
    if (!fits(value, DUMP_DEPTH, &measure)) {
        dump_discard(value);
        return measure.error;
    }
    if (json_dump_callback(value, append, &text, JSON_COMPACT | JSON_ENCODE_ANY) < 0) {
        json_decref(value);
        free(text.data);
        return text.error < 0 ? text.error : -EINVAL;
    }
    json_decref(value);
    *ret_text = text.data;
    *ret_bytes = text.size;
    return 0;
}

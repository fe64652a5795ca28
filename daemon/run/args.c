#include "daemon/run/args.h"

#include "daemon/core/runner.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEM_MEMBER "\"item\":"

/* Takes away the first bytes of a character whose last ones did not fit. */
static void drop_partial_character(char *text)
{
    size_t size = strlen(text);
    size_t tail = 0;
    unsigned char lead;

    while (tail < size && tail < 3 && ((unsigned char)text[size - 1 - tail] & 0xc0) == 0x80)
        tail++;
    if (tail == size)
        return;
    lead = (unsigned char)text[size - 1 - tail];
    if ((lead >= 0xc0 && tail < 1) || (lead >= 0xe0 && tail < 2) || (lead >= 0xf0 && tail < 3))
        text[size - 1 - tail] = '\0';
}

int args_refuse(struct check_error *ret_error, const char *param, const char *format, ...)
{
    va_list arguments;

    snprintf(ret_error->param, sizeof(ret_error->param), "%s", param);
    drop_partial_character(ret_error->param);
    va_start(arguments, format);
    vsnprintf(ret_error->message, sizeof(ret_error->message), format, arguments);
    va_end(arguments);
    drop_partial_character(ret_error->message);
    return -EINVAL;
}

int args_refuse_member(struct check_error *ret_error, const char *object, const char *name)
{
    char param[sizeof(ret_error->param)];

    snprintf(param, sizeof(param), "%s.%s", object, name);
    return args_refuse(ret_error, param, "there is no such member");
}

int args_parse(const char *text, size_t bytes, const char *param, json_t **ret_value,
               struct check_error *ret_error)
{
    json_error_t error = {.line = 0};
    json_t *value;

    if (bytes == 0) {
        text = "{}";
        bytes = 2;
    }
    value =
        json_loadb(text, bytes, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!value) {
        /* It has a text for all that is wrong with JSON, and mostly none for lack of memory. */
        if (json_error_code(&error) == json_error_out_of_memory || error.text[0] == '\0')
            return -ENOMEM;
        return args_refuse(ret_error, param, "is no valid JSON: %s", error.text);
    }
    *ret_value = value;
    return 0;
}

int args_parse_object(const char *text, size_t bytes, json_t **ret_object,
                      struct check_error *ret_error)
{
    json_t *value = NULL;
    int r = args_parse(text, bytes, "args", &value, ret_error);

    if (r < 0)
        return r;
    if (!json_is_object(value)) {
        json_decref(value);
        return args_refuse(ret_error, "args", "must be an object");
    }
    *ret_object = value;
    return 0;
}

int args_check_map(const char *text, size_t bytes, struct check_error *ret_error)
{
    json_t *object;
    int r = args_parse_object(text, bytes, &object, ret_error);

    if (r < 0)
        return r;
    if (json_object_get(object, "item"))
        r = args_refuse(ret_error, "args.item", "is where the items of the map will be");
    json_decref(object);
    return r;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int args_join_item(const char *args, size_t args_bytes, const char *item, size_t item_bytes,
                   char **ret_text, size_t *ret_bytes)
{
    size_t open = 0;
    size_t last; /* of what stands before the closing brace */
    char *text, *end;

    if (args_bytes == 0) {
        args = "{}";
        args_bytes = 2;
    }
    while (args[open] != '{')
        open++;
    last = args_bytes - 1;
    while (args[last] != '}')
        last--;
    do {
        last--;
    } while (is_space(args[last]));

    text = malloc(last + 1 + strlen("," ITEM_MEMBER "}") + item_bytes);
    if (!text)
        return -ENOMEM;
    end = mempcpy(text, args, last + 1);
    if (last != open)
        *end++ = ',';
    end = mempcpy(end, ITEM_MEMBER, strlen(ITEM_MEMBER));
    end = mempcpy(end, item, item_bytes);
    *end++ = '}';
    *ret_text = text;
    *ret_bytes = (size_t)(end - text);
    return 0;
}

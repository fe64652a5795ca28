#include "daemon/run/command_argv.h"

#include "daemon/run/args.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The kernel takes 6 MiB of arguments and environment at most, whatever the limits say.
 * Placeholders can multiply a long item, so this is checked before any memory is asked for. */
#define ARGV_MAX_BYTES ((size_t)6 << 20)

/* An integer of so many digits fits into 64 bits. */
#define MAX_PLAIN_DIGITS 18

/* --- items --------------------------------------------------------------------------------- */

static int refuse_item(struct check_error *ret_error)
{
    return args_refuse(ret_error, "items",
                       "an item must be a string, a number, or an array of at least one of these");
}

/* The raw text of a number that starts at `text`, which the parser has accepted. */
static size_t number_bytes(const char *text, const char *end)
{
    const char *c = text;

    while (c < end && *c != '\0' && strchr("+-.0123456789eE", *c))
        c++;
    return (size_t)(c - text);
}

/* Goes to the next value of a flat array; the cursor stands before it or on its separator. */
static const char *next_value(const char *c)
{
    while (strchr(" \t\r\n,[", *c))
        c++;
    return c;
}

static const char *skip_string(const char *c)
{
    for (c++; *c != '"'; c++) {
        if (*c == '\\')
            c++;
    }
    return c + 1;
}

/* Fills in one part and moves the cursor behind it. A number is taken from the text and not from
 * the parsed value, as 1.50 is to stay 1.50. */
static int take_part(const json_t *value, const char **cursor, const char *end,
                     struct command_part *ret_part, struct check_error *ret_error)
{
    const char *text;

    if (!json_is_number(value) && !json_is_string(value))
        return refuse_item(ret_error);
    text = next_value(*cursor);
    if (json_is_number(value)) {
        *ret_part = (struct command_part){text, number_bytes(text, end)};
        *cursor = text + ret_part->bytes;
        return 0;
    }
    *ret_part = (struct command_part){json_string_value(value), json_string_length(value)};
    if (memchr(ret_part->text, '\0', ret_part->bytes))
        return args_refuse(ret_error, "items", "an item has a NUL character");
    *cursor = skip_string(text);
    return 0;
}

static int take_parts(struct command_item *item, const char *text, const char *end,
                      struct check_error *ret_error)
{
    bool is_array = json_is_array(item->root);
    size_t count = is_array ? json_array_size(item->root) : 1;

    if (count == 0)
        return refuse_item(ret_error);
    item->parts = calloc(count, sizeof(*item->parts));
    if (!item->parts)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = is_array ? json_array_get(item->root, i) : item->root;
        int r = take_part(value, &text, end, &item->parts[i], ret_error);

        if (r < 0)
            return r;
    }
    item->part_count = count;
    return 0;
}

/* The part that a plain item is: a string without escapes, or an integer. False: a parser has to
 * look at it. */
static bool plain_part(const char *text, size_t bytes, struct command_part *ret_part)
{
    size_t i = 0;

    if (bytes >= 2 && text[0] == '"' && text[bytes - 1] == '"') {
        for (i = 1; i < bytes - 1; i++) {
            if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e || text[i] == '"' ||
                text[i] == '\\')
                return false;
        }
        *ret_part = (struct command_part){text + 1, bytes - 2};
        return true;
    }
    while (i < bytes && text[i] >= '0' && text[i] <= '9')
        i++;
    if (i == 0 || i < bytes || bytes > MAX_PLAIN_DIGITS || (text[0] == '0' && bytes > 1))
        return false;
    *ret_part = (struct command_part){text, bytes};
    return true;
}

/* 1: the item is plain, and was taken; 0: it is not; -ENOMEM. */
static int take_plain(struct command_item *item, const char *text, size_t bytes)
{
    struct command_part part;

    if (!plain_part(text, bytes, &part))
        return 0;
    item->parts = malloc(sizeof(*item->parts));
    if (!item->parts)
        return -ENOMEM;
    item->parts[0] = part;
    item->part_count = 1;
    return 1;
}

int command_item_parse(const char *text, size_t bytes, struct command_item *ret_item,
                       struct check_error *ret_error)
{
    struct command_item item = {0};
    int r = take_plain(&item, text, bytes);

    if (r > 0)
        *ret_item = item;
    if (r != 0)
        return r < 0 ? r : 0;
    r = args_parse(text, bytes, "items", &item.root, ret_error);
    if (r < 0)
        return r;
    r = take_parts(&item, text, text + bytes, ret_error);
    if (r < 0) {
        command_item_clear(&item);
        return r;
    }
    *ret_item = item;
    return 0;
}

void command_item_clear(struct command_item *item)
{
    json_decref(item->root);
    free(item->parts);
    *item = (struct command_item){0};
}

/* --- the vector ---------------------------------------------------------------------------- */

/* Counts what is put in; writes it too where there is memory to write to. */
struct sink {
    char *memory; /* NULL: only count */
    size_t bytes;
};

static void put(struct sink *sink, const char *text, size_t bytes)
{
    if (sink->memory && bytes > 0)
        memcpy(sink->memory + sink->bytes, text, bytes);
    sink->bytes += bytes;
}

/* The length of a placeholder at `text`, 0 where there is none. *ret_part is 0 for `{}`. */
static size_t placeholder(const char *text, size_t *ret_part)
{
    size_t part = 0;
    const char *c = text + 1;

    if (*text != '{' || *c == '0')
        return 0;
    for (; isdigit((unsigned char)*c); c++) {
        /* No item has that many parts: stop counting before it overflows. */
        if (part < SIZE_MAX / 100)
            part = part * 10 + (size_t)(*c - '0');
    }
    if (*c != '}')
        return 0;
    *ret_part = part;
    return (size_t)(c + 1 - text);
}

static void put_part(struct sink *sink, const struct command_item *item, size_t part)
{
    if (part > 0) {
        if (part <= item->part_count)
            put(sink, item->parts[part - 1].text, item->parts[part - 1].bytes);
        return;
    }
    for (size_t i = 0; i < item->part_count; i++) {
        if (i > 0)
            put(sink, " ", 1);
        put(sink, item->parts[i].text, item->parts[i].bytes);
    }
}

/* Puts one string in, with its NUL; true if it had a placeholder. */
static bool put_string(struct sink *sink, const char *text, const struct command_item *item)
{
    bool found = false;

    while (item->part_count > 0 && sink->bytes <= ARGV_MAX_BYTES) {
        size_t literal_bytes = strcspn(text, "{");
        size_t part, skip;

        if (text[literal_bytes] == '\0')
            break;
        skip = placeholder(text + literal_bytes, &part);
        if (skip == 0) {
            put(sink, text, literal_bytes + 1);
            text += literal_bytes + 1;
            continue;
        }
        found = true;
        put(sink, text, literal_bytes);
        put_part(sink, item, part);
        text += literal_bytes + skip;
    }
    put(sink, text, strlen(text) + 1);
    return found;
}

/* Puts all strings in, noting in `vector` (if not NULL) where each starts. Returns their number. */
static size_t put_strings(struct sink *sink, char **vector, const json_t *argv,
                          const struct command_item *item)
{
    const json_t *string;
    bool found = false;
    size_t count;

    json_array_foreach (argv, count, string) {
        if (vector)
            vector[count] = sink->memory + sink->bytes;
        found = put_string(sink, json_string_value(string), item) || found;
    }
    for (size_t i = 0; i < item->part_count && !found; i++) {
        if (vector)
            vector[count] = sink->memory + sink->bytes;
        put(sink, item->parts[i].text, item->parts[i].bytes);
        put(sink, "", 1);
        count++;
    }
    return count;
}

int command_argv_build(const json_t *argv, const struct command_item *item, char ***ret_argv)
{
    struct sink sink = {0};
    size_t count = put_strings(&sink, NULL, argv, item);
    char **vector;

    if (sink.bytes > ARGV_MAX_BYTES)
        return -E2BIG;
    vector = malloc((count + 1) * sizeof(*vector) + sink.bytes);
    if (!vector)
        return -ENOMEM;
    sink = (struct sink){.memory = (char *)(vector + count + 1)};
    put_strings(&sink, vector, argv, item);
    vector[count] = NULL;
    *ret_argv = vector;
    return 0;
}

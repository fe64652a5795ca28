/* What was called, in a line for people: the words of a command as a shell would take them, with an
 * item in its place, or the name of the function and its arguments. It is looked up in the text of
 * the arguments, which may be large, and never parsed as a whole. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/runner.h"
#include "daemon/rpc/rpc_impl.h"
#include "proto/text.h"

/* What the document says that it is cut to. */
enum { DESCRIPTION_BYTES = 200 };

struct line {
    char text[DESCRIPTION_BYTES];
    size_t size;
    bool cut;
};

static void put(struct line *line, const char *text, size_t size)
{
    size_t room = sizeof(line->text) - line->size;
    if (size > room) {
        line->cut = true;
        size = utf8_cut(text, room);
    }
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

/* A string's characters, or the text of what is none. */
static void put_value(struct line *line, struct slice value)
{
    char text[DESCRIPTION_BYTES + 4]; /* a character more, to see that there is more */
    if (value.size > 0 && *value.text == '"')
        put(line, text, json_text_string(value, text, sizeof(text)));
    else
        put(line, value.text, value.size);
}

/* ---- items ---- */

struct item {
    struct slice *parts; /* malloc'd */
    size_t count;        /* 0: there is no item */
    struct slice whole;  /* the one part of an item that is no array */
};

static void read_item(const struct future *future, struct item *ret_item)
{
    struct item item = {0};
    item.whole.text = future_item(future, &item.whole.size);
    if (item.whole.text && json_text_elements(item.whole, &item.parts, &item.count) < 0) {
        item.parts = NULL;
        item.count = 1;
    }
    *ret_item = item;
}

static void put_part(struct line *line, const struct item *item, size_t index)
{
    if (index < item->count)
        put_value(line, item->parts ? item->parts[index] : item->whole);
}

static void put_item(struct line *line, const struct item *item)
{
    for (size_t i = 0; i < item->count; i++) {
        if (i > 0)
            put(line, " ", 1);
        put_part(line, item, i);
    }
}

/* The length of the place for an item at `text`, 0 where there is none. *ret_part is 0 for `{}`. */
static size_t place(const char *text, size_t size, size_t *ret_part)
{
    size_t at = 1;
    *ret_part = 0;
    if (size < 2 || text[0] != '{' || text[1] == '0')
        return 0;
    for (; at < size && isdigit((unsigned char)text[at]) && at < 10; at++)
        *ret_part = *ret_part * 10 + (size_t)(text[at] - '0');
    return at < size && text[at] == '}' ? at + 1 : 0;
}

/* ---- words ---- */

/* In single quotes where a shell would see more than text in it. */
static void put_quoted(struct line *line, const struct line *word)
{
    bool plain = word->size > 0;
    for (size_t i = 0; i < word->size; i++)
        plain &= isalnum((unsigned char)word->text[i]) || strchr("_-./:=@%+,", word->text[i]) ||
                 (unsigned char)word->text[i] >= 0x80;
    if (plain) {
        put(line, word->text, word->size);
    } else {
        put(line, "'", 1);
        for (size_t i = 0; i < word->size; i++)
            put(line, word->text[i] == '\'' ? "'\\''" : word->text + i,
                word->text[i] == '\'' ? 4 : 1);
        put(line, "'", 1);
    }
    line->cut |= word->cut;
}

/* One word with the item in its places. True where it had one. */
static bool fill_word(struct line *word, struct slice value, const struct item *item)
{
    struct line raw = {.size = 0};
    bool found = false;
    put_value(&raw, value);
    for (size_t i = 0; i < raw.size;) {
        size_t part, size = place(raw.text + i, raw.size - i, &part);
        if (size == 0 || item->count == 0) {
            put(word, raw.text + i++, 1);
            continue;
        }
        found = true;
        if (part == 0)
            put_item(word, item);
        else
            put_part(word, item, part - 1);
        i += size;
    }
    word->cut |= raw.cut;
    return found;
}

static void put_word(struct line *line, const struct line *word)
{
    if (line->size > 0)
        put(line, " ", 1);
    put_quoted(line, word);
}

static void put_command(struct line *line, struct slice argv, const struct item *item)
{
    struct slice *words;
    size_t count;
    bool found = false;
    if (json_text_elements(argv, &words, &count) < 0)
        return;
    for (size_t i = 0; i < count && !line->cut; i++) {
        struct line word = {.size = 0};
        found |= fill_word(&word, words[i], item);
        put_word(line, &word);
    }
    free(words);
    if (!found && item->count > 0 && !line->cut) {
        struct line word = {.size = 0};
        put_item(&word, item);
        put_word(line, &word);
    }
}

/* ---- the line ---- */

void describe_call(struct writer *writer, const struct future *future)
{
    const struct function *function = future_function(future);
    const char *member = function->ops->command_line;
    struct line line = {.size = 0};
    struct slice args, argv;
    struct item item;
    args.text = future_args(future, &args.size);
    read_item(future, &item);
    if (member && json_text_member(args, member, &argv)) {
        put_command(&line, argv, &item);
    } else {
        struct slice what = item.count > 0 ? item.whole : args;
        put(&line, function->name, strlen(function->name));
        if (what.size > strlen("{}")) {
            put(&line, " ", 1);
            put(&line, what.text, what.size);
        }
    }
    free(item.parts);
    if (line.cut) {
        line.size = utf8_cut(line.text,
                             line.size < DESCRIPTION_BYTES - 3 ? line.size : DESCRIPTION_BYTES - 3);
        put(&line, "...", 3);
    }
    writer_key(writer, "description");
    writer_string(writer, line.text, line.size);
}

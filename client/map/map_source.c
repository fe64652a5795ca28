#include "client/map/map_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/map/map_items.h"
#include "proto/text.h"

struct map_source {
    /* words */
    struct map_words *lists;
    size_t list_count;
    uint64_t next, total;
    /* a file */
    struct item_reader *reader;
    int fd;
    enum map_kind kind;
    bool at_end, dry; /* dry: at the end, and the last item was taken */
};

struct map_source *map_source_words(const struct map_words *lists, size_t list_count)
{
    struct map_source *source = calloc(1, sizeof(*source));

    if (!source)
        return NULL;
    source->fd = -1;
    source->lists = calloc(list_count, sizeof(*lists));
    if (!source->lists) {
        free(source);
        return NULL;
    }
    memcpy(source->lists, lists, list_count * sizeof(*lists));
    source->list_count = list_count;
    source->total = 1;
    for (size_t i = 0; i < list_count; i++)
        source->total *= lists[i].count;
    return source;
}

struct map_source *map_source_file(int fd, char delimiter, enum map_kind kind)
{
    struct map_source *source = calloc(1, sizeof(*source));

    if (!source)
        return NULL;
    source->fd = fd;
    source->kind = kind;
    source->reader = item_reader_new(fd, delimiter);
    if (!source->reader) {
        free(source);
        return NULL;
    }
    return source;
}

void map_source_free(struct map_source *source)
{
    if (!source)
        return;
    item_reader_free(source->reader);
    free(source->lists);
    free(source);
}

int map_source_fd(const struct map_source *source)
{
    return source->fd;
}

uint64_t map_source_total(const struct map_source *source)
{
    return source->total;
}

static int next_words(struct map_source *source, struct map_value **ret_value)
{
    uint64_t rest = source->next;
    const char **words;

    if (source->next == source->total)
        return 0;
    words = calloc(source->list_count, sizeof(*words));
    if (!words)
        return -ENOMEM;
    for (size_t i = source->list_count; i-- > 0; rest /= source->lists[i].count)
        words[i] = source->lists[i].words[rest % source->lists[i].count];
    *ret_value = map_value_words(words, source->list_count);
    free(words);
    if (!*ret_value)
        return -ENOMEM;
    source->next++;
    return 1;
}

static const char *refusal(const char *text, size_t size, bool too_long)
{
    if (too_long)
        return "the item is longer than an argument may be";
    if (memchr(text, '\0', size))
        return "the item holds a NUL byte";
    return utf8_valid(text, size) ? NULL : "the item is not valid UTF-8";
}

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
            return false;
    return true;
}

static int next_of_file(struct map_source *source, struct map_value **ret_value,
                        const char **ret_refusal)
{
    const char *text;
    size_t size;
    bool too_long;

    do {
        if (!item_reader_next(source->reader, &text, &size, &too_long)) {
            source->dry = source->at_end;
            return 0;
        }
        /* An empty line is an item, but no JSON. */
    } while (source->kind != MAP_OF_TEXT && is_blank(text, size));
    *ret_refusal = refusal(text, size, too_long);
    if (source->kind == MAP_OF_JSON && !*ret_refusal)
        *ret_value = map_value_json(text, size, ret_refusal);
    else if (source->kind == MAP_OF_ANY_JSON && !*ret_refusal)
        *ret_value = map_value_any_json(text, size, ret_refusal);
    else
        *ret_value = map_value_text(text, size);
    if (*ret_value && !*ret_refusal && memchr((*ret_value)->text, '\0', (*ret_value)->size))
        *ret_refusal = "the item holds a NUL character";
    return *ret_value ? 1 : -ENOMEM;
}

int map_source_next(struct map_source *source, struct map_value **ret_value,
                    const char **ret_refusal)
{
    *ret_refusal = NULL;
    if (source->reader)
        return next_of_file(source, ret_value, ret_refusal);
    return next_words(source, ret_value);
}

int map_source_fill(struct map_source *source)
{
    int r = source->reader ? item_reader_fill(source->reader) : 0;

    source->at_end = r == 0;
    return r;
}

bool map_source_ended(const struct map_source *source)
{
    return source->reader ? source->dry : source->next == source->total;
}

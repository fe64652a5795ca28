#include "client/map/map_template.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/show/shell_words.h"

enum { PART_MAX = 9999 };

/* One form that occurs, wherever it does. */
struct slot {
    enum map_form form;
    size_t part;      /* from 1; 0: the whole item */
    const char *name; /* of a JSON object's member, not terminated; NULL: none */
    size_t name_size;
};

struct map_template {
    const char *fn; /* a function, and then there is nothing below; NULL: a command */
    struct slot *slots;
    size_t slot_count;
    char **argv; /* with `{}`, or `{1}` and so on for the slots */
    size_t argc;
};

/* ---- reading ---- */

static bool read_form(const char *text, size_t size, enum map_form *ret_form)
{
    static const struct {
        const char *text;
        enum map_form form;
    } forms[] = {{"", FORM_WHOLE},       {".", FORM_NO_EXTENSION}, {"/", FORM_BASE},
                 {"//", FORM_DIRECTORY}, {"/.", FORM_BARE},        {"#", FORM_SEQUENCE}};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (strlen(forms[i].text) == size && memcmp(forms[i].text, text, size) == 0) {
            *ret_form = forms[i].form;
            return true;
        }
    }
    return false;
}

static bool is_name(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '-')
            return false;
    return size > 0 && !isdigit((unsigned char)text[0]);
}

/* What is at `text`, which begins with a brace. Returns its length, 0 where it is just text. */
static size_t read_slot(const char *text, bool named, struct slot *ret_slot)
{
    size_t size = strcspn(text + 1, "{}"), digits = 0;
    const char *inside = text + 1;
    struct slot slot = {0};

    if (inside[size] != '}')
        return 0;
    for (; digits < size && isdigit((unsigned char)inside[digits]); digits++)
        if (slot.part <= PART_MAX)
            slot.part = slot.part * 10 + (size_t)(inside[digits] - '0');
    if (named && is_name(inside, size)) {
        slot.name = inside;
        slot.name_size = size;
    } else if (!read_form(inside + digits, size - digits, &slot.form) ||
               (digits > 0 && (slot.part == 0 || slot.part > PART_MAX)) ||
               (digits > 0 && slot.form == FORM_SEQUENCE)) {
        return 0;
    }
    *ret_slot = slot;
    return size + 2;
}

static bool same_slot(const struct slot *a, const struct slot *b)
{
    return a->form == b->form && a->part == b->part && a->name_size == b->name_size &&
           (a->name_size == 0 || memcmp(a->name, b->name, a->name_size) == 0);
}

/* The slot's number, from 1. 0: no memory. */
static size_t find_slot(struct map_template *template, const struct slot *slot)
{
    struct slot *slots;

    for (size_t i = 0; i < template->slot_count; i++)
        if (same_slot(&template->slots[i], slot))
            return i + 1;
    slots = reallocarray(template->slots, template->slot_count + 1, sizeof(*slots));
    if (!slots)
        return 0;
    template->slots = slots;
    slots[template->slot_count++] = *slot;
    return template->slot_count;
}

/* One word with its slots by number: `{1}` even where it is the only one, so far. */
static int rewrite_word(struct map_template *template, const char *word, bool named)
{
    struct writer text = {0};

    while (*word) {
        struct slot slot;
        size_t size = *word == '{' ? read_slot(word, named, &slot) : 0;
        char number[32];

        if (size == 0) {
            writer_raw(&text, word++, 1);
            continue;
        }
        snprintf(number, sizeof(number), "{%zu}", find_slot(template, &slot));
        writer_raw(&text, number, strlen(number));
        word += size;
    }
    template->argv[template->argc] = text.size > 0 ? writer_take(&text, NULL) : strdup("");
    writer_free(&text);
    return template->argv[template->argc++] ? 0 : -ENOMEM;
}

/* `{}` alone: a word for each part. */
static int rewrite_all(struct map_template *template, size_t parts)
{
    char number[32] = "{}";
    int r = 0;

    if (parts <= 1)
        return rewrite_word(template, "{}", false);
    for (size_t i = 1; i <= parts && r == 0; i++) {
        snprintf(number, sizeof(number), "{%zu}", i);
        r = rewrite_word(template, number, false);
    }
    return r;
}

/* A command with one slot gets it as `{}`, for an item that is no array. */
static void rename_single(struct map_template *template)
{
    for (size_t i = 0; i < template->argc; i++) {
        char *to = template->argv[i];

        for (const char *from = template->argv[i]; (*to = *from); to++, from++) {
            if (strncmp(from, "{1}", 3) == 0) {
                *to++ = '{';
                *to = '}';
                from += 2;
            }
        }
    }
}

int map_template_new(char **argv, size_t argc, size_t parts, bool named,
                     struct map_template **ret_template)
{
    struct map_template *template = calloc(1, sizeof(*template));
    int r = 0;

    if (!template)
        return -ENOMEM;
    template->argv = calloc((argc + 1) * (parts > 1 ? parts : 1) + 1, sizeof(*template->argv));
    if (!template->argv)
        r = -ENOMEM;
    for (size_t i = 0; i < argc && r == 0; i++)
        r = strcmp(argv[i], "{}") == 0 ? rewrite_all(template, parts)
                                       : rewrite_word(template, argv[i], named);
    if (r == 0 && template->slot_count == 0)
        r = rewrite_all(template, parts);
    if (r < 0) {
        map_template_free(template);
        return r;
    }
    if (template->slot_count == 1)
        rename_single(template);
    *ret_template = template;
    return 0;
}

int map_template_of_function(const char *fn, struct map_template **ret_template)
{
    struct map_template *template = calloc(1, sizeof(*template));

    if (!template)
        return -ENOMEM;
    template->fn = fn;
    *ret_template = template;
    return 0;
}

void map_template_free(struct map_template *template)
{
    if (!template)
        return;
    for (size_t i = 0; template->argv && i < template->argc; i++)
        free(template->argv[i]);
    free(template->argv);
    free(template->slots);
    free(template);
}

char **map_template_argv(const struct map_template *template, size_t *ret_argc)
{
    *ret_argc = template->argc;
    return template->argv;
}

/* ---- filling in ---- */

/* Calls `put` with what stands for the slot. */
static void with_value(const struct slot *slot, const struct map_value *value, uint64_t sequence,
                       struct writer *writer,
                       void (*put)(struct writer *writer, const char *text, size_t size))
{
    struct map_part part = {value->text, value->size};
    char number[24];

    if (slot->form == FORM_SEQUENCE) {
        snprintf(number, sizeof(number), "%llu", (unsigned long long)sequence);
        put(writer, number, strlen(number));
        return;
    }
    if (slot->name) {
        const json_t *member = json_object_getn(value->object, slot->name, slot->name_size);
        char *text = NULL;

        if (member && !json_is_string(member) && !json_is_null(member))
            text = json_dumps(member, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(16));
        if (json_is_string(member))
            put(writer, json_string_value(member), json_string_length(member));
        else
            put(writer, text ? text : "", text ? strlen(text) : 0);
        free(text);
        return;
    }
    if (slot->part > 0)
        part = slot->part <= value->count ? value->parts[slot->part - 1] : (struct map_part){"", 0};
    part = map_part_form(part, slot->form);
    put(writer, part.text, part.size);
}

/* As it is: JSON, or text, or an array of the texts from several lists. */
static void write_value(const struct map_value *value, struct writer *writer)
{
    if (value->is_json) {
        writer_json(writer, value->text, value->size);
        return;
    }
    if (value->count <= 1) {
        writer_string(writer, value->text, value->size);
        return;
    }
    writer_begin_array(writer);
    for (size_t i = 0; i < value->count; i++)
        writer_string(writer, value->parts[i].text, value->parts[i].size);
    writer_end_array(writer);
}

void map_template_write(const struct map_template *template, const struct map_value *value,
                        uint64_t sequence, struct writer *writer)
{
    if (template->fn) {
        write_value(value, writer);
        return;
    }
    if (template->slot_count == 1) {
        with_value(&template->slots[0], value, sequence, writer, writer_string);
        return;
    }
    writer_begin_array(writer);
    for (size_t i = 0; i < template->slot_count; i++)
        with_value(&template->slots[i], value, sequence, writer, writer_string);
    writer_end_array(writer);
}

/* One word with all that stands in it filled in. */
static void fill_word(const struct map_template *template, const char *word,
                      const struct map_value *value, uint64_t sequence, struct writer *writer)
{
    while (*word) {
        bool whole = template->slot_count == 1 && strncmp(word, "{}", 2) == 0;
        char *end = NULL;
        unsigned long number = 0;

        if (!whole && *word == '{' && isdigit((unsigned char)word[1]))
            number = strtoul(word + 1, &end, 10);
        if (whole) {
            with_value(&template->slots[0], value, sequence, writer, writer_raw);
            word += 2;
        } else if (end && *end == '}' && number >= 1 && number <= template->slot_count) {
            with_value(&template->slots[number - 1], value, sequence, writer, writer_raw);
            word = end + 1;
        } else {
            writer_raw(writer, word++, 1);
        }
    }
}

void map_template_command(const struct map_template *template, const struct map_value *value,
                          uint64_t sequence, struct writer *writer)
{
    struct writer word = {0};

    if (template->fn) {
        write_value(value, &word);
        writer_raw(writer, template->fn, strlen(template->fn));
        writer_raw(writer, " ", 1);
        if (!writer_failed(&word))
            shell_word(word.data, word.size, writer);
    }
    for (size_t i = 0; i < template->argc; i++) {
        writer_reset(&word);
        fill_word(template, template->argv[i], value, sequence, &word);
        if (i > 0)
            writer_raw(writer, " ", 1);
        if (!writer_failed(&word))
            shell_word(word.data ? word.data : "", word.size, writer);
    }
    writer_free(&word);
}

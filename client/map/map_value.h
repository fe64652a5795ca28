/* One item of a map: its text, its parts, and what the forms of `{}` make of them. No I/O. Any
 * thread. */
#ifndef FUTURED_CLIENT_MAP_VALUE_H
#define FUTURED_CLIENT_MAP_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

struct map_part {
    const char *text; /* inside of the value */
    size_t size;
};

struct map_value {
    char *text; /* what `{}` stands for: the parts with blanks between them; NUL behind it */
    size_t size;
    json_t *object; /* of an item that is a JSON object: what `{name}` is looked up in; else NULL */
    bool is_json;   /* the text is JSON, and is sent as such to a function that is no command */
    size_t count;
    struct map_part parts[]; /* what `{1}` and so on stand for */
};

/* Each is the caller's: map_value_free. NULL: no memory. */
struct map_value *map_value_text(const char *text, size_t size);
struct map_value *map_value_words(const char *const *words, size_t count);
/* A JSON value: text, a number, true or false, an array of these, or an object. *ret_problem, which
 * is static, says what is wrong with the line; its value is then its text. */
struct map_value *map_value_json(const char *line, size_t size, const char **ret_problem);
/* Any JSON value, as it is, for a function that is no command. *ret_problem as above. */
struct map_value *map_value_any_json(const char *line, size_t size, const char **ret_problem);
/* Takes NULL. */
void map_value_free(struct map_value *value);

enum map_form {
    FORM_WHOLE,        /* {}   a/b.tar.gz */
    FORM_NO_EXTENSION, /* {.}  a/b.tar */
    FORM_BASE,         /* {/}  b.tar.gz */
    FORM_DIRECTORY,    /* {//} a */
    FORM_BARE,         /* {/.} b.tar */
    FORM_SEQUENCE      /* {#}  the item's number, from 1 */
};

/* The form of a path, cut out of `part`. Not for FORM_SEQUENCE. */
struct map_part map_part_form(struct map_part part, enum map_form form);

#endif

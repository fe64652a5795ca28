/* The argument vector of a command: the strings of `args.argv`, and in a map what becomes of them
 * with an item. `{}` stands for the whole item (the parts of an array joined by a space), `{1}`,
 * `{2}` .. for its parts, and for nothing past the last one; where no string has a placeholder the
 * item is appended. What was put in is not looked at again. Any thread. */
#ifndef FUTURED_RUN_COMMAND_ARGV_H
#define FUTURED_RUN_COMMAND_ARGV_H

#include <jansson.h>
#include <stddef.h>

struct check_error;

/* An item of a map. Zeroed memory is no item. */
struct command_item {
    json_t *root;
    struct command_part {
        const char *text; /* of a string its characters, of a number its JSON text */
        size_t bytes;
    } * parts;
    size_t part_count; /* 1 where the item is no array; 0: no item */
};

/* Parses an item: a string, a number, or an array of at least one of these. It borrows `text`. 0;
 * -EINVAL with *ret_error filled in; -ENOMEM. */
int command_item_parse(const char *text, size_t bytes, struct command_item *ret_item,
                       struct check_error *ret_error);
void command_item_clear(struct command_item *item);

/* Makes the argument vector, NULL-ended and in one piece: free() is enough. `argv` is a checked
 * array of strings. 0; -E2BIG when it is more than the kernel would take; -ENOMEM. */
int command_argv_build(const json_t *argv, const struct command_item *item, char ***ret_argv);

#endif

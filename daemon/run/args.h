/* What the functions' runners share about arguments and items, which come as JSON text: parsing,
 * refusing, and joining an item to the arguments of a map. It knows no particular function. Any
 * thread; no JSON value outlives the call that parsed it or is shared. */
#ifndef FUTURED_RUN_ARGS_H
#define FUTURED_RUN_ARGS_H

#include <jansson.h>
#include <stddef.h>

struct check_error;

/* Fills in *ret_error and returns -EINVAL. `param` and `format` make the member's path and the
 * sentence; both are cut to what fits, never inside a UTF-8 character. */
int args_refuse(struct check_error *ret_error, const char *param, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Refuses the member `name` of the object `object`, say "xyz" of "args". */
int args_refuse_member(struct check_error *ret_error, const char *object, const char *name);

/* Parses any JSON value; `param` names it in a refusal. No text at all is an empty object. The
 * caller owns *ret_value. 0; -EINVAL with *ret_error filled in; -ENOMEM. */
int args_parse(const char *text, size_t bytes, const char *param, json_t **ret_value,
               struct check_error *ret_error);

/* The same for arguments that must be an object. */
int args_parse_object(const char *text, size_t bytes, json_t **ret_object,
                      struct check_error *ret_error);

/* Checks the arguments of a map: an object that has no member `item` yet. The same returns. */
int args_check_map(const char *text, size_t bytes, struct check_error *ret_error);

/* Adds the member `item` to arguments that args_check_map accepted. *ret_text is malloc'd, not
 * NUL-terminated and the caller's. 0 or -ENOMEM. */
int args_join_item(const char *args, size_t args_bytes, const char *item, size_t item_bytes,
                   char **ret_text, size_t *ret_bytes);

#endif

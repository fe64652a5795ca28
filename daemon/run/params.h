/* Described parameters: what a function says about its arguments, as JSON text that `info` shows,
 * and the check of a call's arguments against it. A description is an object with one member for
 * each parameter, all of whose members may be left out:
 *
 *     {"path":  {"type": "path", "required": true, "doc": "The file to read"},
 *      "level": {"type": "integer", "doc": "1 to 9"},
 *      "item":  {"type": "path", "instead_of": "path", "doc": "In a map: the path"}}
 *
 * `type` is "string", "path" (a string that can be one: not empty, no NUL), "integer", "number"
 * (an integer or a real), "boolean", "object" or "array"; without it any value will do. Members
 * that are not described are refused. `instead_of` names the parameter in whose place this one may
 * stand: never both, and a required one may then be missing. A function whose description has no
 * `item` takes no maps. Nothing is said about ranges and the like: that is the function's business.
 *
 * Any thread; a description never changes once it is made. */
#ifndef FUTURED_RUN_PARAMS_H
#define FUTURED_RUN_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

struct check_error;
struct described_params;

/* Takes a description apart; `text` is NUL-terminated. 0; -EINVAL with *ret_error filled in, whose
 * param is the place in the description ("params.path.type"); -ENOMEM. */
int described_params_new(const char *text, struct described_params **ret_params,
                         struct check_error *ret_error);
void described_params_free(struct described_params *params);

/* What function_ops.check_args and check_item ask for. Where `params` is NULL everything is
 * accepted that a function can be called with: a map's arguments are an object without `item`.
 * 0; -EINVAL with *ret_error filled in; -ENOMEM. */
int described_params_check_args(const struct described_params *params, const char *args,
                                size_t args_bytes, bool is_map, struct check_error *ret_error);
int described_params_check_item(const struct described_params *params, const char *item,
                                size_t item_bytes, struct check_error *ret_error);

#endif

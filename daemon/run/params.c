#include "daemon/run/params.h"

#include "daemon/core/runner.h"
#include "daemon/run/args.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEM   "item"
#define NOBODY SIZE_MAX

enum param_type {
    TYPE_ANY,
    TYPE_STRING,
    TYPE_PATH,
    TYPE_INTEGER,
    TYPE_NUMBER,
    TYPE_BOOLEAN,
    TYPE_OBJECT,
    TYPE_ARRAY,
};

static const struct {
    const char *name;
    const char *wanted; /* of whoever gave something else */
} types[] = {
    [TYPE_ANY] = {"", ""},
    [TYPE_STRING] = {"string", "must be a string"},
    [TYPE_PATH] = {"path", "must be a path: a string that is not empty and holds no NUL"},
    [TYPE_INTEGER] = {"integer", "must be an integer"},
    [TYPE_NUMBER] = {"number", "must be a number"},
    [TYPE_BOOLEAN] = {"boolean", "must be true or false"},
    [TYPE_OBJECT] = {"object", "must be an object"},
    [TYPE_ARRAY] = {"array", "must be an array"},
};

struct described_param {
    char *name;
    enum param_type type;
    bool required;
    size_t instead_of; /* index of the other one, or NOBODY */
};

struct described_params {
    size_t count;
    struct described_param all[];
};

/* ---- the description ---- */

static int refuse_description(struct check_error *ret_error, const char *name, const char *member,
                              const char *message)
{
    char param[sizeof(ret_error->param)];

    snprintf(param, sizeof(param), "params.%s%s%s", name, member ? "." : "", member ? member : "");
    return args_refuse(ret_error, param, "%s", message);
}

static int find_type(const json_t *value, enum param_type *ret_type)
{
    const char *name = json_string_value(value);

    for (size_t i = TYPE_STRING; name && i < sizeof(types) / sizeof(*types); i++) {
        if (strcmp(name, types[i].name) == 0) {
            *ret_type = (enum param_type)i;
            return 0;
        }
    }
    return -EINVAL;
}

static size_t find_param(const struct described_params *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->all[i].name, name) == 0)
            return i;
    return NOBODY;
}

/* One member of what is said about a parameter; `instead_of` is left for later. */
static int read_member(struct described_param *param, const char *member, const json_t *value,
                       struct check_error *ret_error)
{
    if (strcmp(member, "type") == 0)
        return find_type(value, &param->type) == 0
                   ? 0
                   : refuse_description(ret_error, param->name, member, "is no type");
    if (strcmp(member, "required") == 0) {
        param->required = json_is_true(value);
        return json_is_boolean(value)
                   ? 0
                   : refuse_description(ret_error, param->name, member, types[TYPE_BOOLEAN].wanted);
    }
    if (strcmp(member, "doc") == 0 || strcmp(member, "instead_of") == 0)
        return json_is_string(value)
                   ? 0
                   : refuse_description(ret_error, param->name, member, types[TYPE_STRING].wanted);
    return refuse_description(ret_error, param->name, member, "there is no such member");
}

static int read_param(struct described_param *param, json_t *said, struct check_error *ret_error)
{
    const char *member;
    json_t *value;

    if (!json_is_object(said))
        return refuse_description(ret_error, param->name, NULL, types[TYPE_OBJECT].wanted);
    json_object_foreach (said, member, value) {
        int r = read_member(param, member, value, ret_error);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Once all names are known. */
static int link_param(struct described_params *params, struct described_param *param,
                      const json_t *said, struct check_error *ret_error)
{
    const json_t *other = json_object_get(said, "instead_of");

    if (!other)
        return 0;
    param->instead_of = find_param(params, json_string_value(other));
    if (param->instead_of == NOBODY || &params->all[param->instead_of] == param)
        return refuse_description(ret_error, param->name, "instead_of",
                                  "must name another parameter");
    if (param->required)
        return refuse_description(ret_error, param->name, "required",
                                  "belongs to the parameter in whose place this one stands");
    return 0;
}

static int read_description(struct described_params *params, json_t *root,
                            struct check_error *ret_error)
{
    const char *name;
    json_t *said;
    int r = 0;

    json_object_foreach (root, name, said) {
        struct described_param *param = &params->all[params->count];

        *param = (struct described_param){.name = strdup(name), .instead_of = NOBODY};
        if (!param->name)
            return -ENOMEM;
        params->count++;
        r = read_param(param, said, ret_error);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; r == 0 && i < params->count; i++)
        r = link_param(params, &params->all[i], json_object_get(root, params->all[i].name),
                       ret_error);
    return r;
}

int described_params_new(const char *text, struct described_params **ret_params,
                         struct check_error *ret_error)
{
    struct described_params *params = NULL;
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    int r = -ENOMEM;

    if (!root)
        return error.text[0] == '\0' /* it has a text for all that is wrong with JSON */
                   ? -ENOMEM
                   : args_refuse(ret_error, "params", "is no valid JSON: %s", error.text);
    if (!json_is_object(root)) {
        r = args_refuse(ret_error, "params", "%s", types[TYPE_OBJECT].wanted);
        goto out;
    }
    params = calloc(1, sizeof(*params) + json_object_size(root) * sizeof(params->all[0]));
    if (params)
        r = read_description(params, root, ret_error);
    if (r == 0) {
        *ret_params = params;
        params = NULL;
    }
out:
    described_params_free(params);
    json_decref(root);
    return r;
}

void described_params_free(struct described_params *params)
{
    if (!params)
        return;
    for (size_t i = 0; i < params->count; i++)
        free(params->all[i].name);
    free(params);
}

/* ---- the check ---- */

static bool has_type(const json_t *value, enum param_type type)
{
    switch (type) {
    case TYPE_ANY:
        return true;
    case TYPE_STRING:
        return json_is_string(value);
    case TYPE_PATH:
        return json_string_length(value) > 0 &&
               strlen(json_string_value(value)) == json_string_length(value);
    case TYPE_INTEGER:
        return json_is_integer(value);
    case TYPE_NUMBER:
        return json_is_number(value);
    case TYPE_BOOLEAN:
        return json_is_boolean(value);
    case TYPE_OBJECT:
        return json_is_object(value);
    case TYPE_ARRAY:
        return json_is_array(value);
    }
    return false;
}

static int refuse_param(const char *name, const char *message, struct check_error *ret_error)
{
    char param[sizeof(ret_error->param)];

    snprintf(param, sizeof(param), "args.%s", name);
    return args_refuse(ret_error, param, "%s", message);
}

static int check_given(const struct described_params *params, json_t *args,
                       struct check_error *ret_error)
{
    const char *name;
    json_t *value;

    json_object_foreach (args, name, value) {
        size_t i = find_param(params, name);

        if (i == NOBODY)
            return args_refuse_member(ret_error, "args", name);
        if (!has_type(value, params->all[i].type))
            return refuse_param(name, types[params->all[i].type].wanted, ret_error);
    }
    return 0;
}

/* Will the function see it? The items of a map are joined later, but are as good as there. */
static bool is_given(const struct described_param *param, const json_t *args, bool is_map)
{
    return (is_map && strcmp(param->name, ITEM) == 0) || json_object_get(args, param->name);
}

/* The one that stands in the place of the parameter with this index; NULL: none does. */
static const struct described_param *stand_in(const struct described_params *params, size_t index,
                                              const json_t *args, bool is_map)
{
    for (size_t i = 0; i < params->count; i++)
        if (params->all[i].instead_of == index && is_given(&params->all[i], args, is_map))
            return &params->all[i];
    return NULL;
}

static int check_missing(const struct described_params *params, const json_t *args, bool is_map,
                         struct check_error *ret_error)
{
    for (size_t i = 0; i < params->count; i++) {
        const struct described_param *param = &params->all[i];
        const struct described_param *other = stand_in(params, i, args, is_map);
        bool given = is_given(param, args, is_map);

        if (given && other) {
            char message[sizeof(ret_error->message)];
            snprintf(message, sizeof(message), "cannot go together with \"%s\"", other->name);
            return refuse_param(param->name, message, ret_error);
        }
        if (param->required && !given && !other)
            return refuse_param(param->name, "is missing", ret_error);
    }
    return 0;
}

int described_params_check_args(const struct described_params *params, const char *args,
                                size_t args_bytes, bool is_map, struct check_error *ret_error)
{
    json_t *object;
    int r;

    if (!params)
        return is_map ? args_check_map(args, args_bytes, ret_error) : 0;
    r = args_parse_object(args, args_bytes, &object, ret_error);
    if (r < 0)
        return r;
    if (is_map && find_param(params, ITEM) == NOBODY)
        r = args_refuse(ret_error, "items", "this function takes no items");
    else if (is_map && json_object_get(object, ITEM))
        r = refuse_param(ITEM, "is where the items of the map will be", ret_error);
    if (r == 0)
        r = check_given(params, object, ret_error);
    if (r == 0)
        r = check_missing(params, object, is_map, ret_error);
    json_decref(object);
    return r;
}

int described_params_check_item(const struct described_params *params, const char *item,
                                size_t item_bytes, struct check_error *ret_error)
{
    size_t i = params ? find_param(params, ITEM) : NOBODY;
    json_t *value;
    int r;

    if (i == NOBODY || params->all[i].type == TYPE_ANY)
        return 0;
    r = args_parse(item, item_bytes, "items", &value, ret_error);
    if (r < 0)
        return r;
    if (!has_type(value, params->all[i].type))
        r = args_refuse(ret_error, "items", "%s", types[params->all[i].type].wanted);
    json_decref(value);
    return r;
}

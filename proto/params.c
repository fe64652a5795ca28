#include "proto/params.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

#define NAME_SIZE 80

const char *params_quote(const char *text, char *out, size_t size)
{
    size_t length = strnlen(text, size);

    if (length >= size)
        length = utf8_cut(text, size - 1);
    memcpy(out, text, length);
    out[length] = '\0';
    return out;
}

const char *word_list(const char *const words[], char *out, size_t size)
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; words[i] != NULL && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", i > 0 ? ", " : "", words[i]);
    return out;
}

void params_refuse(struct params *params, const char *name, const char *format, ...)
{
    char full_name[NAME_SIZE];
    char message[sizeof(params->error->detail)];
    va_list arguments;

    if (params->rc < 0)
        return;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    snprintf(full_name, sizeof(full_name), "%s%s", params->prefix, name);
    rpc_error_param(params->error, full_name, "%s %s", full_name, message);
    params->rc = -EINVAL;
}

static void refuse_unknown(struct params *params, const char *name, const char *const names[])
{
    char quoted[40];
    char known[160];
    char full_name[NAME_SIZE];

    word_list(names, known, sizeof(known));
    params_quote(name, quoted, sizeof(quoted));
    snprintf(full_name, sizeof(full_name), "%s%s", params->prefix, name);
    rpc_error_param(params->error, full_name, "unknown member \"%s%s\", %s%s", params->prefix,
                    quoted, names[0] != NULL ? "expected any of: " : "none is expected", known);
    params->rc = -EINVAL;
}

static bool is_known(const char *name, size_t size, const char *const names[])
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (*names[i] == *name && strlen(names[i]) == size && memcmp(names[i], name, size) == 0)
            return true;
    }
    return false;
}

/* From here on all is looked for in a tree: what is said of odd params is said in one place. */
static void make_tree(struct params *params)
{
    if (params->shape == NULL)
        return;
    if (rpc_request_params(params->request, &params->object) < 0 && params->rc == 0)
        params->rc = -ENOMEM;
    params->shape = NULL;
}

static void check_shape_names(struct params *params, const char *const names[])
{
    const struct json_members *members = &params->shape->members;

    for (size_t i = 0; i < members->count; i++) {
        if (!is_known(members->list[i].name.text, members->list[i].name.size, names)) {
            make_tree(params);
            return;
        }
    }
}

static void check_names(struct params *params, const char *const names[])
{
    void *i = json_object_iter(params->object);

    while (i != NULL && params->rc == 0) {
        if (!is_known(json_object_iter_key(i), strlen(json_object_iter_key(i)), names))
            refuse_unknown(params, json_object_iter_key(i), names);
        i = json_object_iter_next(params->object, i);
    }
}

void params_open(struct params *params, const struct rpc_request *request,
                 const char *const names[], struct rpc_error *error)
{
    *params = (struct params){.prefix = "", .error = error, .text = request->params_text};
    if (json_is_array(request->params)) {
        params_refuse(params, "params", "must be an object: positional params are not taken");
        return;
    }
    params->request = request;
    params->shape = request->shape;
    if (params->shape != NULL)
        check_shape_names(params, names);
    else if (json_is_object(request->params))
        params->object = request->params;
    check_names(params, names);
}

bool params_open_member(struct params *parent, const char *name, const char *prefix,
                        const char *const names[], struct params *ret_member)
{
    struct params member = {.prefix = prefix, .error = parent->error};

    member.object = params_value(parent, name);
    if (member.object == NULL)
        return false;
    if (!json_is_object(member.object)) {
        params_refuse(parent, name, "must be an object");
        return false;
    }
    json_text_member(parent->text, name, &member.text);
    check_names(&member, names);
    *ret_member = member;
    return true;
}

void params_close_member(struct params *parent, const struct params *member)
{
    parent->rc = member->rc;
}

/* Where there is no tree: the member, unless it is absent, null, or all is lost already. */
static const struct json_member *find_member(const struct params *params, const char *name)
{
    const struct json_member *member;

    if (params->shape == NULL || params->rc < 0)
        return NULL;
    member = json_members_find(&params->shape->members, name);
    return member != NULL && member->kind != JSON_KIND_NULL ? member : NULL;
}

bool params_has(const struct params *params, const char *name)
{
    const json_t *value;

    if (params->shape != NULL)
        return find_member(params, name) != NULL;
    value = json_object_get(params->object, name);
    return params->rc == 0 && value != NULL && !json_is_null(value);
}

void params_require(struct params *params, const char *name, const char *what)
{
    if (!params_has(params, name))
        params_refuse(params, name, "is missing: it must be %s", what);
}

json_t *params_value(struct params *params, const char *name)
{
    if (!params_has(params, name))
        return NULL;
    make_tree(params);
    return params->rc == 0 ? json_object_get(params->object, name) : NULL;
}

json_t *params_value_or_null(struct params *params, const char *name)
{
    if (params->rc < 0 ||
        (params->shape != NULL && json_members_find(&params->shape->members, name) == NULL))
        return NULL;
    make_tree(params);
    return params->rc == 0 ? json_object_get(params->object, name) : NULL;
}

/* The member's number, where one can be had without a tree. */
static bool find_integer(const struct params *params, const char *name, int64_t *ret_number)
{
    const struct json_member *member = find_member(params, name);

    if (member == NULL || member->kind != JSON_KIND_INTEGER)
        return false;
    *ret_number = json_member_integer(member);
    return true;
}

bool json_is_id(const json_t *value, uint64_t *ret_id)
{
    if (!json_is_integer(value) || json_integer_value(value) < 1)
        return false;
    *ret_id = (uint64_t)json_integer_value(value);
    return true;
}

void params_id(struct params *params, const char *name, uint64_t *ret_id)
{
    const json_t *value;
    int64_t number;

    if (find_integer(params, name, &number) && number >= 1) {
        *ret_id = (uint64_t)number;
        return;
    }
    params_require(params, name, "a positive integer");
    value = params_value(params, name);
    if (value != NULL && !json_is_id(value, ret_id))
        params_refuse(params, name, "must be a positive integer");
}

void params_uint(struct params *params, const char *name, uint64_t min, uint64_t max,
                 uint64_t *ret_value)
{
    const json_t *value;
    int64_t number;

    if (find_integer(params, name, &number) && number >= 0 && (uint64_t)number >= min &&
        (uint64_t)number <= max) {
        *ret_value = (uint64_t)number;
        return;
    }
    value = params_value(params, name);
    number = json_integer_value(value);
    if (value == NULL)
        return;
    if (json_is_integer(value) && number >= 0 && (uint64_t)number >= min && (uint64_t)number <= max)
        *ret_value = (uint64_t)number;
    else if (max >= INT64_MAX)
        params_refuse(params, name, "must be an integer of %" PRIu64 " or more", min);
    else
        params_refuse(params, name, "must be an integer from %" PRIu64 " to %" PRIu64, min, max);
}

void params_int(struct params *params, const char *name, int64_t *ret_value)
{
    const json_t *value;

    if (find_integer(params, name, ret_value))
        return;
    value = params_value(params, name);
    if (value == NULL)
        return;
    if (json_is_integer(value))
        *ret_value = json_integer_value(value);
    else
        params_refuse(params, name, "must be an integer");
}

void params_bool(struct params *params, const char *name, bool *ret_value)
{
    const struct json_member *member = find_member(params, name);
    const json_t *value;

    if (member != NULL && (member->kind == JSON_KIND_TRUE || member->kind == JSON_KIND_FALSE)) {
        *ret_value = member->kind == JSON_KIND_TRUE;
        return;
    }
    value = params_value(params, name);
    if (value == NULL)
        return;
    if (json_is_boolean(value))
        *ret_value = json_is_true(value);
    else
        params_refuse(params, name, "must be true or false");
}

void params_double(struct params *params, const char *name, double min, double *ret_value)
{
    const json_t *value = params_value(params, name);

    if (value == NULL)
        return;
    if (json_is_number(value) && json_number_value(value) >= min)
        *ret_value = json_number_value(value);
    else
        params_refuse(params, name, "must be a number of %g or more", min);
}

/* A copy with a NUL behind it; NULL where there is no such string, or no room: it is there for each
 * string once. */
static const char *copy_string(struct params *params, const char *name, size_t min, size_t max)
{
    const struct json_member *member = find_member(params, name);
    struct rpc_shape *shape = params->shape;
    char *copy;
    size_t size;

    if (member == NULL || member->kind != JSON_KIND_STRING)
        return NULL;
    size = member->value.size - 2;
    if (size < min || (max > 0 && size > max) || size >= shape->strings_left)
        return NULL;
    copy = shape->strings;
    memcpy(copy, member->value.text + 1, size);
    copy[size] = '\0';
    shape->strings += size + 1;
    shape->strings_left -= size + 1;
    return copy;
}

void params_string(struct params *params, const char *name, size_t min, size_t max,
                   const char **ret_text)
{
    const char *text = copy_string(params, name, min, max);
    const json_t *value;
    size_t size;

    if (text != NULL) {
        *ret_text = text;
        return;
    }
    value = params_value(params, name);
    text = json_string_value(value);
    size = json_string_length(value);
    if (value == NULL)
        return;
    if (text == NULL)
        params_refuse(params, name, "must be a string");
    else if (strlen(text) != size)
        params_refuse(params, name, "must not contain a NUL character");
    else if (size < min)
        params_refuse(params, name, "must not be empty");
    else if (max > 0 && size > max)
        params_refuse(params, name, "must be at most %zu bytes long", max);
    else
        *ret_text = text;
}

bool word_find(const json_t *value, const char *const words[], unsigned *ret_index)
{
    for (unsigned i = 0; json_is_string(value) && words[i] != NULL; i++) {
        if (strcmp(words[i], json_string_value(value)) == 0 &&
            strlen(words[i]) == json_string_length(value)) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

void params_word(struct params *params, const char *name, const char *const words[],
                 unsigned *ret_index)
{
    const struct json_member *member = find_member(params, name);
    const json_t *value;
    char list[160];

    if (member != NULL && member->kind == JSON_KIND_STRING) {
        for (unsigned i = 0; words[i] != NULL; i++) {
            if (strlen(words[i]) == member->value.size - 2 &&
                memcmp(words[i], member->value.text + 1, member->value.size - 2) == 0) {
                *ret_index = i;
                return;
            }
        }
    }
    value = params_value(params, name);
    if (value != NULL && !word_find(value, words, ret_index))
        params_refuse(params, name, "must be one of: %s", word_list(words, list, sizeof(list)));
}

/* `seconds` > 0; what is not zero stays so. */
static uint64_t nanoseconds(double seconds)
{
    double ns = seconds * 1e9 + 0.5;

    if (ns >= (double)PARAMS_MAX_NS)
        return PARAMS_MAX_NS;
    return ns < 1 ? 1 : (uint64_t)ns;
}

void params_seconds(struct params *params, const char *name, uint64_t *ret_ns)
{
    const json_t *value;
    double seconds;
    int64_t number;

    if (find_integer(params, name, &number) && number >= 0) {
        *ret_ns = number > 0 ? nanoseconds((double)number) : 0;
        return;
    }
    value = params_value(params, name);
    seconds = json_number_value(value);
    if (value == NULL)
        return;
    if (!json_is_number(value) || seconds < 0)
        params_refuse(params, name, "must be a number of seconds, 0 or more");
    else
        *ret_ns = seconds > 0 ? nanoseconds(seconds) : 0;
}

void params_wait_time(struct params *params, struct wait_time *ret_time)
{
    const json_t *value = params_value(params, "timeout");
    double seconds = json_number_value(value);
    struct wait_time time = {.forever = value == NULL};

    if (value != NULL && !json_is_number(value)) {
        params_refuse(params, "timeout", "must be a number of seconds");
        return;
    }
    if (seconds > 0)
        time.ns = nanoseconds(seconds);
    if (time.ns == PARAMS_MAX_NS)
        time = (struct wait_time){.forever = true};
    *ret_time = time;
}

void params_raw(struct params *params, const char *name, struct slice *ret_text)
{
    const struct json_member *member;

    if (params->rc < 0)
        return;
    if (params->shape == NULL) {
        if (params->object)
            json_text_member(params->text, name, ret_text);
        return;
    }
    member = json_members_find(&params->shape->members, name);
    if (member != NULL)
        *ret_text = member->value;
}

void params_raw_array(struct params *params, const char *name, const char *limit_name, uint64_t max,
                      struct slice **ret_elements, size_t *ret_count)
{
    const struct json_member *member = find_member(params, name);
    struct slice text = {0};

    if (!params_has(params, name))
        return;
    if (member != NULL ? member->kind != JSON_KIND_ARRAY
                       : !json_is_array(params_value(params, name))) {
        params_refuse(params, name, "must be an array");
        return;
    }
    params_raw(params, name, &text);
    params->rc = json_text_elements(text, ret_elements, ret_count);
    if (params->rc == 0 && *ret_count > max) {
        rpc_error_limit(params->error, limit_name, max);
        params->rc = -EINVAL;
    }
}

/* An id, or a pair of the first and the last one. */
static bool parse_range(const json_t *value, struct id_range *range)
{
    if (json_is_id(value, &range->first)) {
        range->last = range->first;
        range->single = true;
        return true;
    }
    range->single = false;
    return json_array_size(value) == 2 && json_is_id(json_array_get(value, 0), &range->first) &&
           json_is_id(json_array_get(value, 1), &range->last) && range->first <= range->last;
}

void params_ids(struct params *params, struct id_list *ret_ids)
{
    const json_t *value = params_value(params, "ids");
    size_t count = json_array_size(value);

    if (value == NULL)
        return;
    if (!json_is_array(value)) {
        params_refuse(params, "ids", "must be an array of ids and [first, last] pairs");
        return;
    }
    if (count == 0)
        return;
    ret_ids->ranges = calloc(count, sizeof(*ret_ids->ranges));
    if (ret_ids->ranges == NULL) {
        params->rc = -ENOMEM;
        return;
    }
    ret_ids->count = count;
    for (size_t i = 0; i < count; i++) {
        if (!parse_range(json_array_get(value, i), &ret_ids->ranges[i])) {
            params_refuse(params, "ids",
                          "must hold positive integers or pairs [first, last] of them, "
                          "first <= last; [%zu] is neither",
                          i);
            return;
        }
    }
}

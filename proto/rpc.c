#include "proto/rpc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/text.h"

static const struct slice null_id = {"null", 4};

/* ---- errors ---- */

/* What clients sent is quoted in errors, and may have been cut anywhere: whatever stands in
 * `text` becomes UTF-8 again. */
static void make_utf8(char *text, bool was_cut)
{
    size_t size = strlen(text);

    if (was_cut)
        text[size = utf8_cut(text, size)] = '\0';
    if (utf8_valid(text, size))
        return;
    for (size_t i = 0; i < size; i++) {
        if ((text[i] & 0x80) != 0)
            text[i] = '?';
    }
}

static void format_detail(struct rpc_error *error, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
static void format_detail(struct rpc_error *error, const char *format, va_list arguments)
{
    int length = vsnprintf(error->detail, sizeof(error->detail), format, arguments);

    make_utf8(error->detail, length >= (int)sizeof(error->detail));
}

void rpc_error_set(struct rpc_error *error, enum rpc_error_code code, const char *format, ...)
{
    va_list arguments;

    *error = (struct rpc_error){.code = code};
    va_start(arguments, format);
    format_detail(error, format, arguments);
    va_end(arguments);
}

void rpc_error_param(struct rpc_error *error, const char *param, const char *format, ...)
{
    va_list arguments;
    int length;

    *error = (struct rpc_error){.code = RPC_INVALID_PARAMS};
    length = snprintf(error->param, sizeof(error->param), "%s", param);
    make_utf8(error->param, length >= (int)sizeof(error->param));
    va_start(arguments, format);
    format_detail(error, format, arguments);
    va_end(arguments);
}

void rpc_error_limit(struct rpc_error *error, const char *limit, uint64_t value)
{
    const char *meaning = "is the limit";

    for (const struct limit_entry *entry = limit_table; entry->name != NULL; entry++) {
        if (strcmp(entry->name, limit) == 0)
            meaning = entry->meaning;
    }
    *error = (struct rpc_error){.code = RPC_LIMIT_EXCEEDED, .value = value};
    snprintf(error->limit, sizeof(error->limit), "%s", limit);
    snprintf(error->detail, sizeof(error->detail), "%s: %" PRIu64 " %s", limit, value, meaning);
}

/* ---- a line becomes requests ---- */

/* Invalid Request, because of a limit: it is named as the codes for limits name theirs. */
static int refuse_bounds(struct rpc_error *ret_error, const char *limit, uint64_t value,
                         const char *what)
{
    rpc_error_set(ret_error, RPC_INVALID_REQUEST, "%s (at most %" PRIu64 ")", what, value);
    snprintf(ret_error->limit, sizeof(ret_error->limit), "%s", limit);
    ret_error->value = value;
    return -EBADMSG;
}

static int check_bounds(const char *text, size_t size, const struct limits *limits,
                        struct rpc_error *ret_error)
{
    switch (json_text_bounds(text, size, limits->depth, limits->values)) {
    case JSON_WITHIN_BOUNDS:
        return 0;
    case JSON_HAS_NUL:
        rpc_error_set(ret_error, RPC_PARSE, "a NUL byte in the text, at byte %zu", strlen(text));
        return -EBADMSG;
    case JSON_TOO_DEEP:
        return refuse_bounds(ret_error, "depth", limits->depth, "nested too deep");
    case JSON_TOO_MANY_VALUES:
        return refuse_bounds(ret_error, "values", limits->values, "too many values");
    }
    return 0;
}

static int parse_tree(const char *text, size_t size, json_t **ret_tree, struct rpc_error *ret_error)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_error_t error = {.line = 0};
    json_t *tree;

    if (strspn(text, " \t\r\n") == size) {
        rpc_error_set(ret_error, RPC_PARSE, "the text is empty, a request was expected");
        return -EBADMSG;
    }
    tree = json_loadb(text, size, flags, &error);
    /* Without memory for its first buffer the parser gives no reason at all. */
    if (tree == NULL && (json_error_code(&error) == json_error_out_of_memory ||
                         json_error_code(&error) == json_error_unknown))
        return -ENOMEM;
    if (tree == NULL) {
        rpc_error_set(ret_error, RPC_PARSE, "%s, at byte %d", error.text, error.position);
        return -EBADMSG;
    }
    *ret_tree = tree;
    return 0;
}

/* The id's text as it was sent. False where it is nothing that an id may be. */
static bool take_id(json_t *object, struct slice text, struct rpc_request *request)
{
    const json_t *id = json_object_get(object, "id");

    if (id == NULL)
        return true;
    request->has_id = true;
    if (!json_is_string(id) && !json_is_integer(id) && !json_is_null(id))
        return false;
    return json_text_member(text, "id", &request->id);
}

/* The first member that an envelope does not have; NULL where all are known. */
static const char *unknown_member(json_t *object)
{
    for (void *i = json_object_iter(object); i != NULL; i = json_object_iter_next(object, i)) {
        const char *name = json_object_iter_key(i);

        if (strcmp(name, "jsonrpc") != 0 && strcmp(name, "id") != 0 &&
            strcmp(name, "method") != 0 && strcmp(name, "params") != 0)
            return name;
    }
    return NULL;
}

static bool is_version_2(const json_t *version)
{
    return json_string_length(version) == 3 && memcmp(json_string_value(version), "2.0", 3) == 0;
}

/* What is wrong with the envelope beside its id; false where it is good. */
static bool envelope_is_bad(json_t *object, struct rpc_error *error)
{
    const json_t *params = json_object_get(object, "params");

    if (!is_version_2(json_object_get(object, "jsonrpc")))
        rpc_error_set(error, RPC_INVALID_REQUEST, "jsonrpc must be \"2.0\"");
    else if (json_object_get(object, "method") == NULL)
        rpc_error_set(error, RPC_INVALID_REQUEST, "method is missing");
    else if (!json_is_string(json_object_get(object, "method")))
        rpc_error_set(error, RPC_INVALID_REQUEST, "method must be a string");
    else if (params != NULL && !json_is_object(params) && !json_is_array(params))
        rpc_error_set(error, RPC_INVALID_REQUEST, "params must be an object or an array");
    else
        return false;
    return true;
}

/* An element that is no request is answered always, as nobody can say whether it asked for that. */
static void take_request(json_t *value, struct slice text, struct rpc_request *request)
{
    const json_t *method;
    const char *unknown;

    *request = (struct rpc_request){.id = null_id};
    if (!json_is_object(value)) {
        rpc_error_set(&request->error, RPC_INVALID_REQUEST, "a request must be an object");
        request->has_id = true;
        return;
    }
    if (!take_id(value, text, request)) {
        rpc_error_set(&request->error, RPC_INVALID_REQUEST,
                      "id must be a string, an integer or null");
        return;
    }
    if (envelope_is_bad(value, &request->error)) {
        request->has_id = true;
        return;
    }
    /* A request all the same: where it is a notification it is not answered. */
    unknown = unknown_member(value);
    if (unknown != NULL) {
        rpc_error_param(
            &request->error, unknown,
            "unknown member \"%s\" of the request, expected jsonrpc, id, method, params", unknown);
        return;
    }
    method = json_object_get(value, "method");
    request->method = (struct slice){json_string_value(method), json_string_length(method)};
    request->params = json_object_get(value, "params");
    if (request->params != NULL)
        json_text_member(text, "params", &request->params_text);
}

static int take_batch(json_t *tree, struct slice text, const struct limits *limits,
                      struct rpc_line *line, struct rpc_error *ret_error)
{
    size_t count = json_array_size(tree);
    struct slice *elements = NULL;
    int rc;

    if (count == 0) {
        rpc_error_set(ret_error, RPC_INVALID_REQUEST, "a batch must hold at least one request");
        return -EBADMSG;
    }
    if (count > limits->batch) {
        rpc_error_limit(ret_error, "batch", limits->batch);
        return -EBADMSG;
    }
    rc = json_text_elements(text, &elements, &count);
    if (rc < 0)
        return rc;
    line->requests = calloc(count, sizeof(*line->requests));
    if (line->requests == NULL) {
        rc = -ENOMEM;
        goto out;
    }
    for (size_t i = 0; i < count; i++)
        take_request(json_array_get(tree, i), elements[i], &line->requests[i]);
    line->count = count;

out:
    free(elements);
    return rc;
}

static int take_single(json_t *tree, struct slice text, struct rpc_line *line,
                       struct rpc_error *ret_error)
{
    if (!json_is_object(tree)) {
        rpc_error_set(ret_error, RPC_INVALID_REQUEST,
                      "a request must be an object, a batch an array of them");
        return -EBADMSG;
    }
    line->requests = calloc(1, sizeof(*line->requests));
    if (line->requests == NULL)
        return -ENOMEM;
    line->count = 1;
    take_request(tree, text, line->requests);
    return 0;
}

/* ---- the common form of a line, without a tree ---- */

static bool value_is(const struct json_member *member, const char *text, size_t size)
{
    return member != NULL && member->value.size == size &&
           memcmp(member->value.text, text, size) == 0;
}

static bool is_id_kind(const struct json_member *id)
{
    return id->kind == JSON_KIND_STRING || id->kind == JSON_KIND_ESCAPED ||
           id->kind == JSON_KIND_INTEGER || id->kind == JSON_KIND_NULL;
}

/* Takes the envelope apart; false where it is not of the common form, or not good. */
static bool shape_envelope(const struct json_members *envelope, struct rpc_request *ret_request)
{
    const struct json_member *id = json_members_find(envelope, "id");
    const struct json_member *method = json_members_find(envelope, "method");
    const struct json_member *params = json_members_find(envelope, "params");
    size_t known = 2 + (id != NULL) + (params != NULL);

    if (!value_is(json_members_find(envelope, "jsonrpc"), "\"2.0\"", 5) || method == NULL ||
        method->kind != JSON_KIND_STRING || (id != NULL && !is_id_kind(id)) ||
        (params != NULL && params->kind != JSON_KIND_OBJECT) || envelope->count != known)
        return false;
    *ret_request = (struct rpc_request){
        .has_id = id != NULL,
        .id = id != NULL ? id->value : null_id,
        .method = {method->value.text + 1, method->value.size - 2},
        .params_text = params != NULL ? params->value : (struct slice){0},
    };
    return true;
}

/* Room for the strings among the members: one of N bytes takes N + 2 with its quotes, and N + 1
 * with its NUL. */
static size_t string_bytes(const struct json_members *members)
{
    size_t bytes = 0;

    for (size_t i = 0; i < members->count; i++) {
        if (members->list[i].kind == JSON_KIND_STRING)
            bytes += members->list[i].value.size;
    }
    return bytes;
}

/* One request of the common form: all that belongs to it is one piece of memory. */
struct shaped {
    struct rpc_request request; /* first: the line's list of requests begins here */
    struct rpc_shape shape;
    struct json_member members[]; /* of the shape; its strings lie behind them */
};

/* 1: the line is of the common form; 0: it is not; -ENOMEM. */
static int take_shaped(const char *text, size_t size, const struct limits *limits,
                       struct rpc_line *line)
{
    struct json_member envelope_list[JSON_SCAN_MEMBERS], params_list[JSON_SCAN_MEMBERS];
    struct json_members envelope = {.list = envelope_list}, params = {.list = params_list};
    struct rpc_request request;
    struct shaped *shaped;
    size_t strings, members;

    if (!json_scan_object(text, size, limits->depth, limits->values, "params", &envelope,
                          &params) ||
        !shape_envelope(&envelope, &request))
        return 0;
    strings = string_bytes(&params);
    members = params.count * sizeof(params.list[0]);
    shaped = malloc(sizeof(*shaped) + members + strings);
    if (shaped == NULL)
        return -ENOMEM;
    shaped->request = request;
    shaped->request.shape = &shaped->shape;
    memcpy(shaped->members, params.list, members);
    params.list = shaped->members;
    shaped->shape.members = params;
    shaped->shape.tree = NULL;
    shaped->shape.strings = (char *)&shaped->members[params.count];
    shaped->shape.strings_left = strings;
    *line = (struct rpc_line){.requests = &shaped->request, .count = 1};
    return 1;
}

int rpc_request_params(const struct rpc_request *request, json_t **ret_params)
{
    struct rpc_shape *shape = request->shape;

    if (shape == NULL || request->params_text.size == 0) {
        *ret_params = request->params;
        return 0;
    }
    if (shape->tree == NULL) {
        const struct slice *text = &request->params_text;
        json_error_t error;

        shape->tree =
            json_loadb(text->text, text->size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        if (shape->tree == NULL)
            return -ENOMEM; /* that it can be parsed is known */
    }
    *ret_params = shape->tree;
    return 0;
}

int rpc_parse(const char *text, size_t size, const struct limits *limits, struct rpc_line *ret_line,
              struct rpc_error *ret_error)
{
    struct slice whole = {text, size};
    struct rpc_line line = {0};
    int rc;

    rc = take_shaped(text, size, limits, &line);
    if (rc < 0)
        return rc;
    if (rc > 0) {
        *ret_line = line;
        return 0;
    }
    rc = check_bounds(text, size, limits, ret_error);
    if (rc < 0)
        return rc;
    rc = parse_tree(text, size, &line.tree, ret_error);
    if (rc < 0)
        return rc;
    line.is_batch = json_is_array(line.tree);
    if (line.is_batch)
        rc = take_batch(line.tree, whole, limits, &line, ret_error);
    else
        rc = take_single(line.tree, whole, &line, ret_error);
    if (rc < 0) {
        rpc_line_clear(&line);
        return rc;
    }
    *ret_line = line;
    return 0;
}

void rpc_line_clear(struct rpc_line *line)
{
    if (line == NULL)
        return;
    if (line->requests != NULL && line->requests->shape != NULL)
        json_decref(line->requests->shape->tree);
    json_decref(line->tree);
    free(line->requests);
    *line = (struct rpc_line){0};
}

/* ---- an answer becomes a line ---- */

static void begin_answer(struct writer *writer, struct slice id)
{
    writer_begin_object(writer);
    writer_key(writer, "jsonrpc");
    writer_string(writer, "2.0", 3);
    writer_key(writer, "id");
    writer_json(writer, id.text, id.size);
}

void rpc_write_result(struct writer *writer, struct slice id, struct slice result)
{
    begin_answer(writer, id);
    writer_key(writer, "result");
    writer_json(writer, result.text, result.size);
    writer_end_object(writer);
}

static void write_data(struct writer *writer, const struct rpc_error *error)
{
    writer_key(writer, "data");
    writer_begin_object(writer);
    if (error->param[0] != '\0') {
        writer_key(writer, "param");
        writer_cstring(writer, error->param);
    }
    if (error->limit[0] != '\0') {
        writer_key(writer, "limit");
        writer_cstring(writer, error->limit);
        writer_key(writer, "value");
        writer_uint(writer, error->value);
    }
    writer_end_object(writer);
}

void rpc_write_error(struct writer *writer, struct slice id, const struct rpc_error *error)
{
    char message[sizeof(error->detail) + 40];

    snprintf(message, sizeof(message), "%s%s%s", rpc_error_name(error->code),
             error->detail[0] != '\0' ? ": " : "", error->detail);
    begin_answer(writer, id);
    writer_key(writer, "error");
    writer_begin_object(writer);
    writer_key(writer, "code");
    writer_int(writer, (int)error->code);
    writer_key(writer, "message");
    writer_cstring(writer, message);
    if (error->param[0] != '\0' || error->limit[0] != '\0')
        write_data(writer, error);
    writer_end_object(writer);
    writer_end_object(writer);
}

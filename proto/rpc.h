/* The JSON-RPC 2.0 envelope: a line becomes requests, an answer becomes a line. No I/O, and no
 * knowledge of any method. One thread at a time for each object. */
#ifndef FUTURED_PROTO_RPC_H
#define FUTURED_PROTO_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

#include "proto/json_scan.h"
#include "proto/json_text.h"
#include "proto/limits.h"
#include "proto/methods.h"
#include "proto/writer.h"

/* What an error answer says. `data` members are left out where they are empty. */
struct rpc_error {
    enum rpc_error_code code;
    char detail[240]; /* goes behind the code's name: "Invalid params: <detail>" */
    char param[80];   /* data.param */
    char limit[40];   /* data.limit, with */
    uint64_t value;   /* data.value */
};

void rpc_error_set(struct rpc_error *error, enum rpc_error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Invalid params, with the member's name. */
void rpc_error_param(struct rpc_error *error, const char *param, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void rpc_error_limit(struct rpc_error *error, const char *limit, uint64_t value);

/* The params of a request whose line did not need a tree. */
struct rpc_shape {
    struct json_members members;
    json_t *tree; /* of the params, made when somebody asks for it; owned */
    char *
        strings; /* room for every string among the members, with a NUL behind each: what is left */
    size_t strings_left;
};

/* One element of a line. Either `error.code` is set (the element is no request: answer it with
 * the id below) or the method and params are good. */
struct rpc_request {
    struct rpc_error error;   /* code 0: none */
    bool has_id;              /* false: a notification, never answered */
    struct slice id;          /* JSON text of the id, into the line; "null" where unknown */
    struct slice method;      /* the name as sent, unescaped; lives as long as the line */
    struct slice params_text; /* raw text of params, into the line; size 0 where absent */
    json_t *params;           /* borrowed from the line's tree; for rpc_request_params */
    struct rpc_shape *shape;  /* where the line has no tree: the line's; NULL where it has one */
};

/* A parsed line. `requests` has one element unless `is_batch`. */
struct rpc_line {
    bool is_batch;
    struct rpc_request *requests;
    size_t count;
    json_t *tree; /* NULL where the line is one request of a common form */
};

/* Parses `text` (which must stay where it is while *ret_line is in use; text[size] must be NUL).
 * 0; -EBADMSG with *ret_error to be answered once with id null (parse error, empty batch, too
 * deep ...); -ENOMEM. */
int rpc_parse(const char *text, size_t size, const struct limits *limits, struct rpc_line *ret_line,
              struct rpc_error *ret_error);
void rpc_line_clear(struct rpc_line *line);

/* The params as a tree, which the line owns. 0, and *ret_params NULL where there are none; -ENOMEM.
 */
int rpc_request_params(const struct rpc_request *request, json_t **ret_params);

/* {"jsonrpc":"2.0","id":ID,"result":RESULT} without the LF. */
void rpc_write_result(struct writer *writer, struct slice id, struct slice result);
/* {"jsonrpc":"2.0","id":ID,"error":{"code","message","data"}} without the LF. */
void rpc_write_error(struct writer *writer, struct slice id, const struct rpc_error *error);

#endif

/* The methods and the error codes of the protocol, each in one table. Any thread. */
#ifndef FUTURED_PROTO_METHODS_H
#define FUTURED_PROTO_METHODS_H

/* name in C, name on the wire */
#define METHODS(X)                                                                                 \
    X(PING, "ping")                                                                                \
    X(INFO, "info")                                                                                \
    X(STATS, "stats")                                                                              \
    X(SUBMIT, "submit")                                                                            \
    X(MAP, "map")                                                                                  \
    X(MAP_ADD, "map.add")                                                                          \
    X(MAP_CLOSE, "map.close")                                                                      \
    X(CANCEL, "cancel")                                                                            \
    X(STATUS, "status")                                                                            \
    X(RESULT, "result")                                                                            \
    X(EXCEPTION, "exception")                                                                      \
    X(WAIT, "wait")                                                                                \
    X(SUBSCRIBE, "subscribe")                                                                      \
    X(UNSUBSCRIBE, "unsubscribe")                                                                  \
    X(OUTPUT, "output")                                                                            \
    X(FORGET, "forget")                                                                            \
    X(RETRY, "retry")                                                                              \
    X(UPDATE, "update")                                                                            \
    X(POOL_LIST, "pool.list")                                                                      \
    X(POOL_SET, "pool.set")                                                                        \
    X(POOL_PAUSE, "pool.pause")                                                                    \
    X(POOL_RESUME, "pool.resume")                                                                  \
    X(DUMP, "dump")                                                                                \
    X(BACKUP, "backup")                                                                            \
    X(SHUTDOWN, "shutdown")

enum method {
#define X(symbol, wire) METHOD_##symbol,
    METHODS(X)
#undef X
        METHOD_COUNT
};

/* METHOD_COUNT for a name that is no method. `name` needs no NUL. */
enum method method_find(const char *name, unsigned long size);
/* Never NULL. */
const char *method_name(enum method method);

/* name in C, code, message */
#define RPC_ERRORS(X)                                                                              \
    X(PARSE, -32700, "Parse error")                                                                \
    X(INVALID_REQUEST, -32600, "Invalid Request")                                                  \
    X(METHOD_NOT_FOUND, -32601, "Method not found")                                                \
    X(INVALID_PARAMS, -32602, "Invalid params")                                                    \
    X(INTERNAL, -32603, "Internal error")                                                          \
    X(TIMEOUT, -32001, "Timeout")                                                                  \
    X(NOT_FOUND, -32002, "Not found")                                                              \
    X(SHUT_DOWN, -32003, "Shut down")                                                              \
    X(EXPIRED, -32004, "Expired")                                                                  \
    X(LIMIT_EXCEEDED, -32005, "Limit exceeded")                                                    \
    X(PERMISSION_DENIED, -32006, "Permission denied")                                              \
    X(INVALID_STATE, -32007, "Invalid state")                                                      \
    X(KEY_CONFLICT, -32008, "Key conflict")                                                        \
    X(STORAGE_FAILED, -32009, "Storage failed")                                                    \
    X(BROKEN_POOL, -32010, "Broken pool")

enum rpc_error_code {
#define X(symbol, code, text) RPC_##symbol = (code),
    RPC_ERRORS(X)
#undef X
};

/* "Parse error" and so on; never NULL. */
const char *rpc_error_name(enum rpc_error_code code);

#endif

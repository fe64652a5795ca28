#include "proto/methods.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} methods[METHOD_COUNT] = {
#define X(symbol, wire) {wire, sizeof(wire) - 1},
    METHODS(X)
#undef X
};

enum method method_find(const char *name, unsigned long size)
{
    unsigned i;

    for (i = 0; i < METHOD_COUNT; i++) {
        if (methods[i].size == size && memcmp(methods[i].name, name, size) == 0)
            break;
    }
    return (enum method)i;
}

const char *method_name(enum method method)
{
    return (unsigned)method < METHOD_COUNT ? methods[method].name : "unknown";
}

const char *rpc_error_name(enum rpc_error_code code)
{
    switch (code) {
#define X(symbol, number, text)                                                                    \
    case RPC_##symbol:                                                                             \
        return text;
        RPC_ERRORS(X)
#undef X
    }
    return "Unknown error";
}

/* A plugin for tests: functions that do what they may, and what they must not. */
#include "proto/plugin.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static json_t *echo_args(struct futured_call *call, json_t *args)
{
    (void)call;
    return json_incref(args);
}

static json_t *add(struct futured_call *call, json_t *args)
{
    json_int_t a = json_integer_value(json_object_get(args, "a"));
    json_t *item = json_object_get(args, "item");
    json_int_t b = json_integer_value(item ? item : json_object_get(args, "b"));

    (void)call;
    return json_integer(a + b);
}

static json_t *who(struct futured_call *call, json_t *args)
{
    (void)args;
    return json_pack("[I, i, i, i]", (json_int_t)call->api->id(call), (int)call->api->attempt(call),
                     (int)call->api->abi, (int)(call->api->size == sizeof(struct futured_api)));
}

static json_t *raise_it(struct futured_call *call, json_t *args)
{
    return call->api->raise(call, "ValueError", json_incref(args), "%d is no %s", 7, "colour");
}

static json_t *raise_twice(struct futured_call *call, json_t *args)
{
    (void)args;
    call->api->raise(call, "First", json_integer(1), "first");
    call->api->raise(call, "Second", NULL, "second");
    return json_string("and a result");
}

static json_t *raise_no_text(struct futured_call *call, json_t *args)
{
    (void)args;
    return call->api->raise(call, NULL, json_stringn_nocheck("\xff", 1), "caf\xe9");
}

static json_t *out_of_memory(struct futured_call *call, json_t *args)
{
    /* An allocator of a sanitizer would end the process. */
    /* cppcheck-suppress invalidFunctionArg */
    void *much = mmap(NULL, SIZE_MAX / 4, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)args;
    if (much == MAP_FAILED)
        return call->api->raise(call, "MemoryError", NULL, "out of memory");
    munmap(much, SIZE_MAX / 4);
    return json_null();
}

static json_t *nothing(struct futured_call *call, json_t *args)
{
    (void)call;
    (void)args;
    return NULL;
}

static json_t *no_utf8(struct futured_call *call, json_t *args)
{
    (void)call;
    (void)args;
    return json_pack("[o]", json_stringn_nocheck("\xc3\x28", 2));
}

static json_t *circle(struct futured_call *call, json_t *args)
{
    json_t *inner = json_array(), *outer = json_object();

    (void)call;
    json_object_set_new(outer, "args", json_incref(args));
    json_object_set(outer, "inner", inner);
    json_array_append(inner, outer);
    json_decref(inner);
    return outer;
}

static json_t *deep(struct futured_call *call, json_t *args)
{
    json_t *value = json_array();

    (void)call;
    for (json_int_t i = json_integer_value(json_object_get(args, "levels")); i > 1; i--)
        value = json_pack("[o]", value);
    return value;
}

/* Small in memory, endless as text. */
static json_t *doubled(struct futured_call *call, json_t *args)
{
    json_t *value = json_array();

    (void)call;
    (void)args;
    for (int i = 0; i < 60; i++)
        value = json_pack("[O, o]", value, value);
    return value;
}

static json_t *tell(struct futured_call *call, json_t *args)
{
    int first = call->api->progress(call, json_integer(1));
    int bad = call->api->progress(call, json_stringn_nocheck("\xff", 1));
    int none = call->api->progress(call, NULL);
    int last = call->api->progress(call, json_incref(args));

    return json_pack("[i, i, i, i]", first, bad, none, last);
}

static json_t *print(struct futured_call *call, json_t *args)
{
    int out = call->api->write(call, FUTURED_STDOUT, "out\n", 4);
    int err = call->api->write(call, FUTURED_STDERR, "e\0r\n", 4);
    int bad = call->api->write(call, (enum futured_stream)7, "x", 1);

    (void)args;
    call->api->log(call, FUTURED_LOG_WARNING, "a line about %s", "nothing");
    return json_pack("[i, i, i]", out, err, bad);
}

/* Runs until it is cancelled, and says before that it does. */
static json_t *wait_for_cancel(struct futured_call *call, json_t *args)
{
    struct pollfd cancelled = {.fd = call->api->cancel_fd(call), .events = POLLIN};

    if (call->api->cancelled(call))
        return json_string("too early");
    call->api->progress(call, json_string("waiting"));
    while (!call->api->cancelled(call))
        poll(&cancelled, 1, -1);
    return json_object_get(args, "result") ? json_string("done all the same") : NULL;
}

static const struct futured_function functions[] = {
    {"echo_args", "Returns its arguments", NULL, echo_args},
    {"add", "Adds two integers",
     "{\"a\":{\"type\":\"integer\",\"required\":true},"
     "\"b\":{\"type\":\"integer\",\"required\":true},"
     "\"item\":{\"type\":\"integer\",\"instead_of\":\"b\"}}",
     add},
    {"who", NULL, NULL, who},
    {"raise", NULL, NULL, raise_it},
    {"raise_twice", NULL, NULL, raise_twice},
    {"raise_no_text", NULL, NULL, raise_no_text},
    {"out_of_memory", NULL, NULL, out_of_memory},
    {"nothing", NULL, NULL, nothing},
    {"no_utf8", NULL, NULL, no_utf8},
    {"circle", NULL, NULL, circle},
    {"deep", NULL, NULL, deep},
    {"doubled", NULL, NULL, doubled},
    {"tell", NULL, NULL, tell},
    {"print", NULL, NULL, print},
    {"wait_for_cancel", NULL, NULL, wait_for_cancel},
    {0},
};

const struct futured_plugin futured_plugin = {FUTURED_PLUGIN_HEADER, functions, NULL, NULL};

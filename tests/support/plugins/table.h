/* A plugin for tests with one function, or with something wrong in its table: what includes this
 * says what is special about it. */
#include "proto/plugin.h"

#ifndef NAME
#define NAME "one"
#endif
#ifndef DOC
#define DOC "Returns 1"
#endif
#ifndef PARAMS
#define PARAMS NULL
#endif
#ifndef RUN
#define RUN run
#endif
#ifndef HEADER
#define HEADER FUTURED_PLUGIN_HEADER
#endif
#ifndef FUNCTIONS
#define FUNCTIONS functions
#endif
#ifndef INIT
#define INIT NULL
#endif
#ifndef FINI
#define FINI NULL
#endif

json_t *run(struct futured_call *call, json_t *args) __attribute__((visibility("hidden")));
json_t *run(struct futured_call *call, json_t *args)
{
    (void)call;
    (void)args;
    return json_integer(1);
}

extern const struct futured_function functions[] __attribute__((visibility("hidden")));
const struct futured_function functions[] = {
    {NAME, DOC, PARAMS, RUN},
#ifdef SECOND
    {SECOND, NULL, NULL, run},
#endif
    {0},
};

const struct futured_plugin futured_plugin = {HEADER, FUNCTIONS, INIT, FINI};

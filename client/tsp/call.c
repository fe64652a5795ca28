#include "client/tsp/tsp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "client/tsp/start.h"
#include "proto/endpoint.h"

int tsp_fail(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fputs("tsp: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return TSP_FAILED;
}

int tsp_refuse(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fputs("Error in the request: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return TSP_FAILED;
}

int tsp_fail_call(const struct tsp *tsp, int failure)
{
    const struct future_error *error = future_last_error(tsp->client);

    return tsp_fail("%s", error->failure == failure ? error->message : strerror(-failure));
}

int tsp_fail_message(const struct future_message *error)
{
    return tsp_fail("%s", error->error.message);
}

/* The variable's value; NULL where it is not set or empty. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

static int fail_connect(const char *given, int error)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

    if (endpoint_path(given, 1, path, sizeof(path)) < 0)
        return tsp_fail("the path of the socket is longer than %zu bytes", sizeof(path) - 1);
    tsp_fail("no daemon at %s: %s", path, strerror(-error));
    if (error == -ENOENT || error == -ECONNREFUSED)
        fprintf(stderr, "Start one with `futured`, or name a running one's socket in TS_SOCKET or "
                        "FUTURE_SOCKET.\n");
    return TSP_FAILED;
}

int tsp_connect(struct tsp *tsp)
{
    const char *path = environment("TS_SOCKET");
    int r = future_connect(path, -1, &tsp->client);

    if ((r == -ENOENT || r == -ECONNREFUSED) && start_daemon_for(path))
        r = future_connect(path, -1, &tsp->client);
    return r < 0 ? fail_connect(path, r) : 0;
}

int tsp_call(struct tsp *tsp, const char *method, const char *params,
             struct future_message **ret_reply)
{
    int r = future_call(tsp->client, method, params, -1, ret_reply);

    return r < 0 ? tsp_fail_call(tsp, r) : 0;
}

#include "proto/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The variable's value, NULL where it is not set or empty. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

int endpoint_path(const char *given, int use_environment, char *ret_path, size_t size)
{
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    const char *runtime;
    int length;

    if (given != NULL && given[0] == '\0')
        return -EINVAL;
    if (given == NULL && use_environment)
        given = environment("FUTURE_SOCKET");
    runtime = environment("XDG_RUNTIME_DIR");
    if (given != NULL)
        length = snprintf(path, sizeof(path), "%s", given);
    else if (geteuid() == 0)
        length = snprintf(path, sizeof(path), "/run/futured/futured.sock");
    else if (runtime != NULL && runtime[0] == '/')
        length = snprintf(path, sizeof(path), "%s/futured/futured.sock", runtime);
    else
        length =
            snprintf(path, sizeof(path), "/tmp/futured-%lu/futured.sock", (unsigned long)geteuid());
    if (length < 0 || (size_t)length >= sizeof(path) || (size_t)length >= size)
        return -ENAMETOOLONG;
    memcpy(ret_path, path, (size_t)length + 1);
    return 0;
}

/* Whether a file or a directory may be trusted with code for this process: it belongs to root or
 * to our own user, nobody else may write to it, and nobody else can put another one in its place.
 * Access lists are not looked at, as their grants show in the group's bits. Any thread. */
#ifndef FUTURED_RUN_TRUSTED_H
#define FUTURED_RUN_TRUSTED_H

#include <stdbool.h>
#include <sys/types.h>

struct distrust {
    char reason[256]; /* names what is wrong where, without the path that was asked for */
};

/* `path` is absolute and free of links and dots, as realpath gives it; it must be a directory or a
 * regular file as asked. Looks at it and at all directories above it, which may be writable for
 * others where they are sticky, as /tmp is. `uid` is the trusted user beside root. 0; -EPERM with
 * *ret_distrust filled in; -errno. */
int trusted_path(const char *path, bool is_directory, uid_t uid, struct distrust *ret_distrust);

#endif

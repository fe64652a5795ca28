#include "daemon/run/trusted.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int distrust(struct distrust *ret_distrust, const char *above, const char *what,
                    const struct stat *st)
{
    snprintf(ret_distrust->reason, sizeof(ret_distrust->reason), "%s%s%s (user %u, mode %04o)",
             above ? above : "", above ? " above it " : "", what, (unsigned)st->st_uid,
             (unsigned)(st->st_mode & ALLPERMS));
    return -EPERM;
}

/* `above`: the path, where it is a directory on the way; else NULL. */
static int check(const struct stat *st, uid_t uid, const char *above, struct distrust *ret_distrust)
{
    bool sticky = above && (st->st_mode & S_ISVTX);

    if (st->st_uid != 0 && st->st_uid != uid)
        return distrust(ret_distrust, above, "belongs to neither root nor the daemon's user", st);
    if ((st->st_mode & S_IWOTH) && !sticky)
        return distrust(ret_distrust, above, "is writable by others", st);
    if ((st->st_mode & S_IWGRP) && !sticky)
        return distrust(ret_distrust, above, "is writable by its group", st);
    return 0;
}

/* Cuts the last name off; false at the root. */
static bool step_up(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash || strcmp(path, "/") == 0)
        return false;
    slash[slash == path ? 1 : 0] = '\0';
    return true;
}

int trusted_path(const char *path, bool is_directory, uid_t uid, struct distrust *ret_distrust)
{
    char above[PATH_MAX];
    struct stat st;
    int r;

    if (path[0] != '/' || snprintf(above, sizeof(above), "%s", path) >= (int)sizeof(above))
        return -EINVAL;
    if (lstat(path, &st) < 0)
        return -errno;
    if (is_directory ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode))
        return distrust(ret_distrust, NULL, is_directory ? "is no directory" : "is no regular file",
                        &st);
    r = check(&st, uid, NULL, ret_distrust);
    while (r == 0 && step_up(above)) {
        if (lstat(above, &st) < 0)
            return -errno;
        r = check(&st, uid, above, ret_distrust);
    }
    return r;
}

#include "daemon/store/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/fd.h"

#define FOR_ITS_OWNER 0700

static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fsync(fd) < 0 ? -errno : 0;
    fd_close(fd);
    return r;
}

/* Makes what is missing, from the top. */
static int make_path(const char *directory)
{
    char path[PATH_MAX];
    size_t length = strlen(directory);
    if (length == 0)
        return -ENOENT;
    if (length >= sizeof(path))
        return -ENAMETOOLONG;
    memcpy(path, directory, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        path[i] = '\0';
        if (mkdir(path, FOR_ITS_OWNER) < 0 && errno != EEXIST)
            return -errno;
        path[i] = directory[i];
    }
    return 0;
}

/* On the open directory, so that what was checked is what is used. */
static int check_owner(const char *directory, char *message, size_t message_size)
{
    struct stat status;
    int r = 0;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) < 0) {
        r = -errno;
        snprintf(message, message_size, "the state directory %s: %s", directory, strerror(-r));
    } else if (status.st_uid != geteuid()) {
        r = -EPERM;
        snprintf(message, message_size, "the state directory %s belongs to another user (uid %u)",
                 directory, (unsigned)status.st_uid);
    } else if (status.st_mode & (S_IWGRP | S_IWOTH)) {
        r = -EPERM;
        snprintf(message, message_size, "others may write to the state directory %s (mode %04o)",
                 directory, (unsigned)status.st_mode & 07777);
    } else if ((status.st_mode & 0777) != FOR_ITS_OWNER && fchmod(fd, FOR_ITS_OWNER) < 0) {
        r = -errno;
        snprintf(message, message_size, "cannot make the state directory %s private: %s", directory,
                 strerror(-r));
    }
    fd_close(fd);
    return r;
}

static void say_who_has_it(int fd, const char *directory, char *message, size_t message_size)
{
    char text[32];
    ssize_t size = pread(fd, text, sizeof(text) - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    long pid = strtol(text, NULL, 10);
    if (pid > 0)
        snprintf(message, message_size,
                 "the state directory %s is in use by another daemon (pid %ld)", directory, pid);
    else
        snprintf(message, message_size, "the state directory %s is in use by another daemon",
                 directory);
}

static int lock(const char *path, int *ret_fd, char *message, size_t message_size)
{
    char name[PATH_MAX];
    char pid[32];
    int r;
    if (snprintf(name, sizeof(name), "%s/lock", path) >= (int)sizeof(name))
        return -ENAMETOOLONG;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        r = -errno;
        snprintf(message, message_size, "%s: %s", name, strerror(-r));
        return r;
    }
    r = fd_lock(fd);
    if (r < 0) {
        r = r == -EWOULDBLOCK ? -EBUSY : r;
        if (r == -EBUSY)
            say_who_has_it(fd, path, message, message_size);
        else
            snprintf(message, message_size, "%s: %s", name, strerror(-r));
        fd_close(fd);
        return r;
    }
    /* The pid is there for people: a full disk may keep it from them. */
    int length = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)length, 0) < 0)
        errno = 0;
    *ret_fd = fd;
    return 0;
}

int directory_take(const char *directory, char **ret_path, int *ret_lock_fd, char *message,
                   size_t message_size)
{
    char *path = NULL;
    int r = make_path(directory);
    if (r < 0) {
        snprintf(message, message_size, "cannot make the state directory %s: %s", directory,
                 strerror(-r));
        return r;
    }
    r = check_owner(directory, message, message_size);
    if (r < 0)
        return r;
    path = realpath(directory, NULL);
    if (!path) {
        r = -errno;
        snprintf(message, message_size, "the state directory %s: %s", directory, strerror(-r));
        return r;
    }
    r = lock(path, ret_lock_fd, message, message_size);
    if (r < 0)
        free(path);
    else
        *ret_path = path;
    return r;
}

int directory_make(const char *path, const char *name)
{
    char full[PATH_MAX];
    if (snprintf(full, sizeof(full), "%s/%s", path, name) >= (int)sizeof(full))
        return -ENAMETOOLONG;
    if (mkdir(full, FOR_ITS_OWNER) < 0)
        return errno == EEXIST ? 0 : -errno;
    return sync_directory(path);
}

int directory_make_file(const char *path, const char *name)
{
    char full[PATH_MAX];
    if (snprintf(full, sizeof(full), "%s/%s", path, name) >= (int)sizeof(full))
        return -ENAMETOOLONG;
    int fd = open(full, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : -errno;
    fd_close(fd);
    return sync_directory(path);
}

#include "daemon/run/cgroup_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/fd.h"

/* What these files may hold at most; ours hold some lines. */
#define FILE_BYTES 4096

/* ---- where we are ---- */

/* A line "0::/path" names the group in the v2 hierarchy. */
static int own_group(char *ret_group, size_t size)
{
    char *line = NULL;
    size_t room = 0;
    int r = -ENOENT;
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file)
        return -ENOENT;
    while (r == -ENOENT && getline(&line, &room, file) >= 0) {
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        r = snprintf(ret_group, size, "%s", line + 3) < (int)size ? 0 : -ENAMETOOLONG;
    }
    (void)fclose(file);
    free(line);
    return r;
}

/* The group's path below a mount, whose own root is `root` in the hierarchy. NULL: it is not in
 * that part of it. */
static const char *below(const char *group, const char *root)
{
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(group, root, length) != 0 || (group[length] != '/' && group[length] != '\0'))
        return NULL;
    return group + length;
}

/* A line of mountinfo: "41 31 0:38 ROOT DIRECTORY options - cgroup2 ..". */
static int path_of(char *line, const char *group, char *ret_path, size_t size)
{
    char *rest = line, *root = NULL, *directory = NULL;
    const char *type = strstr(line, " - cgroup2 ");
    for (int i = 0; type && i < 5; i++) {
        char *word = strsep(&rest, " ");
        if (i == 3)
            root = word;
        if (i == 4)
            directory = word;
    }
    if (!root || !directory || !(group = below(group, root)))
        return -ENOENT;
    int length = snprintf(ret_path, size, "%s%s", directory, group);
    return length < (int)size ? 0 : -ENAMETOOLONG;
}

static int find_path(char *ret_path, size_t size)
{
    char group[FILE_BYTES];
    char *line = NULL;
    size_t room = 0;
    int r = own_group(group, sizeof(group));
    FILE *file = r == 0 ? fopen("/proc/self/mountinfo", "re") : NULL;
    if (!file)
        return r < 0 ? r : -ENOENT;
    r = -ENOENT;
    while (r == -ENOENT && getline(&line, &room, file) >= 0)
        r = path_of(line, group, ret_path, size);
    (void)fclose(file);
    free(line);
    return r;
}

static bool is_marked(const char *path, const char *attribute)
{
    char value[4];
    return getxattr(path, attribute, value, sizeof(value)) == 1 && value[0] == '1';
}

int cgroup_tree_find(bool insist, char *ret_path, size_t size)
{
    char path[FILE_BYTES];
    int r = find_path(path, sizeof(path));
    if (r < 0)
        return r;
    if (!insist && !is_marked(path, "user.delegate") && !is_marked(path, "trusted.delegate"))
        return -ENOENT;
    if (strlen(path) >= size)
        return -ENAMETOOLONG;
    memcpy(ret_path, path, strlen(path) + 1);
    return 0;
}

/* ---- files ---- */

int cgroup_write(int directory_fd, const char *file, const char *text)
{
    int fd = openat(directory_fd, file, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    fd_close(fd);
    return r;
}

/* The file's text, from its beginning. 0 or -errno. */
static int read_text(int fd, char text[FILE_BYTES])
{
    ssize_t size = pread(fd, text, FILE_BYTES - 1, 0);
    if (size < 0)
        return -errno;
    text[size] = '\0';
    return 0;
}

bool cgroup_lists(int directory_fd, const char *file, const char *word)
{
    char text[FILE_BYTES];
    char *rest = text, *found = NULL;
    int fd = openat(directory_fd, file, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read_text(fd, text) == 0)
        while ((found = strsep(&rest, " \n")) && strcmp(found, word) != 0) {
        }
    fd_close(fd);
    return found != NULL;
}

int cgroup_count(int file_fd, const char *key, uint64_t *ret_count)
{
    char text[FILE_BYTES];
    char *rest = text, *line;
    size_t length = strlen(key);
    int r = read_text(file_fd, text);
    if (r < 0)
        return r;
    while ((line = strsep(&rest, "\n"))) {
        if (strncmp(line, key, length) != 0 || line[length] != ' ')
            continue;
        *ret_count = strtoull(line + length, NULL, 10);
        return 0;
    }
    return -ENOENT;
}

int cgroup_wait_empty(int directory_fd, unsigned timeout_ms)
{
    uint64_t until_ns = clock_mono_ns() + timeout_ms * NS_PER_MS;
    uint64_t populated = 0;
    int fd = openat(directory_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : 0;
    while (r == 0) {
        struct pollfd changed = {.fd = fd, .events = POLLPRI};
        r = cgroup_count(fd, "populated", &populated);
        if (r < 0 || populated == 0)
            break;
        if (clock_mono_ns() >= until_ns)
            r = -ETIMEDOUT;
        else
            (void)poll(&changed, 1, clock_poll_ms(until_ns));
    }
    fd_close(fd);
    return r;
}

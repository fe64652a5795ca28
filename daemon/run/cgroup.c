#include "daemon/run/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/run/cgroup_tree.h"
#include "daemon/run/process_table.h"

#define OWN_GROUP    "daemon"
#define JOB_PREFIX   "job-"
#define NAME_BYTES   32
#define NUMBER_BYTES 24

/* Groups of which one is looked at again whenever a new one would be made. */
#define LEFT_LOOKED_AT 4

struct cgroup {
    struct cgroups *cgroups;
    struct cgroup *next; /* in one of the lists */
    unsigned number;     /* its directory is job-NUMBER */
    /* -1 in the list `left`; procs_fd also as long as nobody needs it, memory_fd where memory is
     * not delegated. */
    int fd, procs_fd, events_fd, memory_fd;
    unsigned limits_version; /* of the limits that it has */
    bool killed;             /* by us, since it was taken */
    uint64_t out_of_memory;  /* kills that were seen so far */
};

struct cgroups {
    char path[PATH_MAX];
    int fd, own_fd;
    bool has_memory, has_pids;
    pthread_mutex_t lock; /* guards all that follows */
    unsigned made;
    struct cgroup *idle; /* the one used last is first: it is warm */
    struct cgroup *left; /* to be removed; but somebody may be in it though its job is over */
    struct cgroup_limits limits;
    unsigned limits_version;
};

static void name_of(unsigned number, char ret_name[NAME_BYTES])
{
    snprintf(ret_name, NAME_BYTES, JOB_PREFIX "%u", number);
}

/* ---- the daemon's own group ---- */

static int open_directory(int parent_fd, const char *name, int *ret_fd)
{
    *ret_fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *ret_fd < 0 ? -errno : 0;
}

/* What jobs need is asked for; what was not delegated is not there to be had. */
static bool enable(const struct cgroups *cgroups, const char *controller)
{
    char text[NAME_BYTES];
    snprintf(text, sizeof(text), "+%s", controller);
    return cgroup_lists(cgroups->fd, "cgroup.controllers", controller) &&
           cgroup_write(cgroups->fd, "cgroup.subtree_control", text) == 0;
}

static int move_in(struct cgroups *cgroups)
{
    /* A new one, if nobody is in it: that of a daemon that was killed with its group is not fit. */
    (void)unlinkat(cgroups->fd, OWN_GROUP, AT_REMOVEDIR);
    if (mkdirat(cgroups->fd, OWN_GROUP, 0755) < 0 && errno != EEXIST)
        return -errno;
    int r = open_directory(cgroups->fd, OWN_GROUP, &cgroups->own_fd);
    if (r == 0)
        r = fd_lock(cgroups->own_fd);
    if (r < 0)
        return r == -EWOULDBLOCK ? -EBUSY : r;
    /* Linux before 5.14 has no such file, and without it there is little to gain. */
    if (faccessat(cgroups->own_fd, "cgroup.kill", W_OK, 0) < 0)
        return -ENOENT;
    return cgroup_write(cgroups->own_fd, "cgroup.procs", "0");
}

/* ---- what an earlier daemon has left ---- */

static int end_group(int parent_fd, const char *name, uint64_t until_ns)
{
    uint64_t populated = 0;
    int fd;
    int r = open_directory(parent_fd, name, &fd);
    if (r < 0)
        return r;
    int events_fd = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
    r = events_fd < 0 ? -errno : cgroup_count(events_fd, "populated", &populated);
    if (r == 0 && populated > 0) {
        log_warning("killing the job in the group %s, which an earlier daemon has left", name);
        r = cgroup_write(fd, "cgroup.kill", "1");
    }
    if (r == 0)
        r = cgroup_wait_empty(fd, (unsigned)clock_poll_ms(until_ns));
    fd_close(events_fd);
    fd_close(fd);
    /* It may have groups of its own below it, and stays then. */
    if (r == 0)
        (void)unlinkat(parent_fd, name, AT_REMOVEDIR);
    return r;
}

static int end_leftovers(struct cgroups *cgroups, unsigned timeout_ms)
{
    uint64_t until_ns = clock_mono_ns() + timeout_ms * NS_PER_MS;
    int r = 0;
    struct dirent *entry;
    DIR *directory = opendir(cgroups->path);
    if (!directory)
        return -errno;
    while (r == 0 && (entry = readdir(directory)))
        if (strncmp(entry->d_name, JOB_PREFIX, strlen(JOB_PREFIX)) == 0)
            r = end_group(cgroups->fd, entry->d_name, until_ns);
    (void)closedir(directory);
    return r;
}

/* ---- opening and closing ---- */

int cgroups_open(bool insist, unsigned timeout_ms, struct cgroups **ret_cgroups)
{
    struct cgroups *cgroups = calloc(1, sizeof(*cgroups));
    if (!cgroups || pthread_mutex_init(&cgroups->lock, NULL) != 0) {
        free(cgroups);
        return -ENOMEM;
    }
    cgroups->fd = cgroups->own_fd = -1;
    int r = cgroup_tree_find(insist, cgroups->path, sizeof(cgroups->path));
    if (r == 0)
        r = open_directory(AT_FDCWD, cgroups->path, &cgroups->fd);
    if (r == 0)
        r = move_in(cgroups);
    if (r == 0)
        r = end_leftovers(cgroups, timeout_ms);
    if (r < 0) {
        cgroups_free(cgroups);
        return r;
    }
    cgroups->has_memory = enable(cgroups, "memory");
    cgroups->has_pids = enable(cgroups, "pids");
    *ret_cgroups = cgroups;
    return 0;
}

static void close_files(struct cgroup *cgroup)
{
    cgroup->fd = fd_close(cgroup->fd);
    cgroup->procs_fd = fd_close(cgroup->procs_fd);
    cgroup->events_fd = fd_close(cgroup->events_fd);
    cgroup->memory_fd = fd_close(cgroup->memory_fd);
}

static int remove_directory(const struct cgroup *cgroup)
{
    char name[NAME_BYTES];
    name_of(cgroup->number, name);
    return unlinkat(cgroup->cgroups->fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static void free_list(struct cgroup *list)
{
    while (list) {
        struct cgroup *next = list->next;
        (void)remove_directory(list);
        close_files(list);
        free(list);
        list = next;
    }
}

void cgroups_free(struct cgroups *cgroups)
{
    if (!cgroups)
        return;
    free_list(cgroups->idle);
    free_list(cgroups->left);
    fd_close(cgroups->own_fd);
    fd_close(cgroups->fd);
    pthread_mutex_destroy(&cgroups->lock);
    free(cgroups);
}

const char *cgroups_path(const struct cgroups *cgroups)
{
    return cgroups->path;
}

/* ---- limits ---- */

int cgroups_set_limits(struct cgroups *cgroups, const struct cgroup_limits *limits)
{
    pthread_mutex_lock(&cgroups->lock);
    cgroups->limits = *limits;
    cgroups->limits_version++;
    if (!cgroups->has_memory)
        cgroups->limits.memory_bytes = 0;
    if (!cgroups->has_pids)
        cgroups->limits.pids = 0;
    bool whole = cgroups->limits.memory_bytes == limits->memory_bytes &&
                 cgroups->limits.pids == limits->pids;
    pthread_mutex_unlock(&cgroups->lock);
    return whole ? 0 : -ENOTSUP;
}

static int write_limit(int fd, const char *file, uint64_t limit)
{
    char text[NUMBER_BYTES];
    snprintf(text, sizeof(text), "%" PRIu64, limit);
    return cgroup_write(fd, file, limit > 0 ? text : "max");
}

static int apply_limits(struct cgroup *cgroup, const struct cgroup_limits *limits)
{
    const struct cgroups *cgroups = cgroup->cgroups;
    int r = 0;
    if (cgroups->has_memory) {
        r = write_limit(cgroup->fd, "memory.max", limits->memory_bytes);
        /* A job without one of its processes is no job. */
        if (r == 0)
            (void)cgroup_write(cgroup->fd, "memory.oom.group", limits->memory_bytes ? "1" : "0");
        /* Nor is it to crawl through the swap instead. */
        if (r == 0 && limits->memory_bytes > 0)
            (void)cgroup_write(cgroup->fd, "memory.swap.max", "0");
    }
    if (r == 0 && cgroups->has_pids)
        r = write_limit(cgroup->fd, "pids.max", limits->pids);
    return r;
}

/* ---- making groups ---- */

static int make_directory(struct cgroup *cgroup)
{
    char name[NAME_BYTES];
    name_of(cgroup->number, name);
    if (mkdirat(cgroup->cgroups->fd, name, 0755) < 0)
        return -errno;
    int r = open_directory(cgroup->cgroups->fd, name, &cgroup->fd);
    if (r == 0) {
        cgroup->events_fd = openat(cgroup->fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
        if (cgroup->events_fd < 0)
            r = -errno;
        if (cgroup->cgroups->has_memory)
            cgroup->memory_fd = openat(cgroup->fd, "memory.events", O_RDONLY | O_CLOEXEC);
    }
    if (r < 0) {
        close_files(cgroup);
        (void)remove_directory(cgroup);
    }
    return r;
}

static int make_group(struct cgroups *cgroups, unsigned number, struct cgroup **ret_cgroup)
{
    struct cgroup *cgroup = malloc(sizeof(*cgroup));
    if (!cgroup)
        return -ENOMEM;
    *cgroup = (struct cgroup){.cgroups = cgroups,
                              .number = number,
                              .fd = -1,
                              .procs_fd = -1,
                              .events_fd = -1,
                              .memory_fd = -1};
    int r = make_directory(cgroup);
    if (r < 0) {
        free(cgroup);
        return r;
    }
    *ret_cgroup = cgroup;
    return 0;
}

/* A few groups of those that are to be removed, if they are empty by now. The rest of the list
 * comes first the next time. */
static struct cgroup *take_left(struct cgroups *cgroups)
{
    struct cgroup *first = cgroups->left, *last = first;
    for (int i = 1; last && last->next && i < LEFT_LOOKED_AT; i++)
        last = last->next;
    if (last) {
        cgroups->left = last->next;
        last->next = NULL;
    }
    return first;
}

static void put_left(struct cgroups *cgroups, struct cgroup *list)
{
    struct cgroup **end = &cgroups->left;
    while (*end)
        end = &(*end)->next;
    *end = list;
}

static void tidy_up(struct cgroups *cgroups)
{
    struct cgroup *still = NULL, *next;
    pthread_mutex_lock(&cgroups->lock);
    struct cgroup *list = take_left(cgroups);
    pthread_mutex_unlock(&cgroups->lock);
    for (; list; list = next) {
        next = list->next;
        if (remove_directory(list) == -EBUSY) {
            list->next = still;
            still = list;
        } else {
            free(list);
        }
    }
    if (!still)
        return;
    pthread_mutex_lock(&cgroups->lock);
    put_left(cgroups, still);
    pthread_mutex_unlock(&cgroups->lock);
}

static unsigned next_number(struct cgroups *cgroups)
{
    pthread_mutex_lock(&cgroups->lock);
    unsigned number = ++cgroups->made;
    pthread_mutex_unlock(&cgroups->lock);
    return number;
}

/* An earlier daemon's group that could not be removed keeps its number. */
static int make_new_group(struct cgroups *cgroups, struct cgroup **ret_cgroup)
{
    int r;
    tidy_up(cgroups);
    do
        r = make_group(cgroups, next_number(cgroups), ret_cgroup);
    while (r == -EEXIST);
    return r;
}

/* ---- for jobs ---- */

int cgroup_take(struct cgroups *cgroups, struct cgroup **ret_cgroup)
{
    int r = 0;
    *ret_cgroup = NULL;
    if (!cgroups)
        return 0;
    pthread_mutex_lock(&cgroups->lock);
    struct cgroup *cgroup = cgroups->idle;
    struct cgroup_limits limits = cgroups->limits;
    unsigned version = cgroups->limits_version;
    if (cgroup)
        cgroups->idle = cgroup->next;
    pthread_mutex_unlock(&cgroups->lock);
    if (!cgroup)
        r = make_new_group(cgroups, &cgroup);
    /* The job that had it before may have lifted them: it has the rights of the daemon. */
    bool limited = limits.memory_bytes > 0 || limits.pids > 0;
    if (r == 0 && (limited || cgroup->limits_version != version)) {
        r = apply_limits(cgroup, &limits);
        if (r == 0)
            cgroup->limits_version = version;
    }
    if (r == 0) {
        cgroup->killed = false;
        *ret_cgroup = cgroup;
        return 0;
    }
    if (cgroup)
        cgroup_give_back(cgroup, false, &(struct cgroup_end){.left = false});
    return limited ? r : 0;
}

int cgroup_fd(const struct cgroup *cgroup)
{
    return cgroup->fd;
}

int cgroup_procs_fd(struct cgroup *cgroup)
{
    if (!cgroup)
        return -1;
    if (cgroup->procs_fd < 0)
        cgroup->procs_fd = openat(cgroup->fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    return cgroup->procs_fd;
}

void cgroup_kill(struct cgroup *cgroup)
{
    if (!cgroup)
        return;
    cgroup->killed = true;
    (void)cgroup_write(cgroup->fd, "cgroup.kill", "1");
}

/* The names of those in it, as far as there is room. True: there is somebody. */
static bool list_names(const struct cgroup *cgroup, char *names, size_t size)
{
    char line[NUMBER_BYTES];
    int fd = openat(cgroup->fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *procs = fd < 0 ? NULL : fdopen(fd, "r");
    while (procs && fgets(line, sizeof(line), procs))
        process_names_add(names, size, (pid_t)atoi(line));
    if (procs)
        (void)fclose(procs);
    else
        fd_close(fd);
    return names[0] != '\0';
}

static bool ran_out_of_memory(struct cgroup *cgroup)
{
    uint64_t kills = cgroup->out_of_memory;
    if (cgroup->memory_fd < 0)
        return false;
    (void)cgroup_count(cgroup->memory_fd, "oom_kill", &kills);
    bool more = kills > cgroup->out_of_memory;
    cgroup->out_of_memory = kills;
    return more;
}

void cgroup_give_back(struct cgroup *cgroup, bool killed, struct cgroup_end *ret_end)
{
    uint64_t populated = 0;
    struct cgroup_end end = {.names = ""};
    if (!cgroup)
        return;
    struct cgroups *cgroups = cgroup->cgroups;
    end.out_of_memory = ran_out_of_memory(cgroup);
    /* What was killed may take a moment to be gone, and so may the last thread of what was reaped:
     * these have no names any more. */
    bool empty = cgroup_count(cgroup->events_fd, "populated", &populated) == 0 && populated == 0;
    if (!empty && !cgroup->killed)
        end.left = list_names(cgroup, end.names, sizeof(end.names));
    /* In a group that was killed once, by us or by hand, some kernels (6.18) kill everybody who is
     * born there. */
    bool is_fit = empty && !killed && !cgroup->killed;
    if (!is_fit)
        close_files(cgroup);
    pthread_mutex_lock(&cgroups->lock);
    struct cgroup **list = is_fit ? &cgroups->idle : &cgroups->left;
    cgroup->next = *list;
    *list = cgroup;
    pthread_mutex_unlock(&cgroups->lock);
    *ret_end = end;
}

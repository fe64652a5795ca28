#include "daemon/run/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/boot_id.h"
#include "daemon/base/clock.h"
#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/run/process_table.h"

/* A place whose process has not begun yet. */
#define TAKEN (-1)

/* How far a process may be from the time that stands beside its pid: the kernel counts in ticks,
 * and a busy machine may take its time between the two. */
#define EARLIER_NS (50 * NS_PER_MS)
#define LATER_NS   (10 * NS_PER_S)

struct leftover {
    _Atomic int32_t pid;          /* 0: free */
    _Atomic uint32_t ends_itself; /* it is given time */
    _Atomic uint64_t begun_ns;    /* CLOCK_BOOTTIME */
};

/* What the file holds. */
struct table {
    char magic[16];
    char boot_id[BOOT_ID_BYTES];
    uint64_t places;
    struct leftover leftovers[];
};

static const char magic[16] = "futured pids 1\n";

struct leftovers {
    struct table *table;
    size_t size;
    atomic_uint next; /* where to look for a free place */
};

static uint64_t boottime_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

/* ---- the file ---- */

static bool is_ours(const struct leftovers *leftovers)
{
    char boot_id[BOOT_ID_BYTES];
    const struct table *table = leftovers->table;
    boot_id_read(boot_id);
    return memcmp(table->magic, magic, sizeof(magic)) == 0 &&
           memcmp(table->boot_id, boot_id, sizeof(boot_id)) == 0 &&
           table->places == (leftovers->size - sizeof(*table)) / sizeof(struct leftover);
}

static void begin_anew(struct leftovers *leftovers)
{
    struct table *table = leftovers->table;
    memset(table, 0, leftovers->size);
    memcpy(table->magic, magic, sizeof(magic));
    boot_id_read(table->boot_id);
    table->places = (leftovers->size - sizeof(*table)) / sizeof(struct leftover);
}

int leftovers_open(const char *path, unsigned max, struct leftovers **ret_leftovers)
{
    struct stat status = {.st_size = 0};
    struct leftovers *leftovers = calloc(1, sizeof(*leftovers));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = !leftovers ? -ENOMEM : fd < 0 ? -errno : 0;
    if (r == 0 && fstat(fd, &status) < 0)
        r = -errno;
    if (r < 0)
        goto out;
    leftovers->size = (size_t)status.st_size;
    if (leftovers->size < sizeof(struct table) + sizeof(struct leftover)) {
        leftovers->size = sizeof(struct table) + max * sizeof(struct leftover);
        /* With its blocks, as a place that has none would be the end of whoever writes to it. */
        r = -posix_fallocate(fd, 0, (off_t)leftovers->size);
        if (r < 0)
            goto out;
    }
    void *memory = mmap(NULL, leftovers->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        r = -errno;
        goto out;
    }
    leftovers->table = memory;
    if (!is_ours(leftovers))
        begin_anew(leftovers);
    *ret_leftovers = leftovers;
    leftovers = NULL;
out:
    fd_close(fd);
    free(leftovers);
    return r;
}

void leftovers_free(struct leftovers *leftovers)
{
    if (!leftovers)
        return;
    munmap(leftovers->table, leftovers->size);
    free(leftovers);
}

/* ---- places ---- */

struct leftover *leftover_take(struct leftovers *leftovers, bool ends_itself)
{
    if (!leftovers)
        return NULL;
    uint64_t places = leftovers->table->places;
    for (uint64_t i = 0; i < places; i++) {
        unsigned at = atomic_fetch_add(&leftovers->next, 1);
        struct leftover *leftover = &leftovers->table->leftovers[at % places];
        int32_t none = 0;
        if (atomic_compare_exchange_strong(&leftover->pid, &none, TAKEN)) {
            atomic_store(&leftover->begun_ns, boottime_ns());
            atomic_store(&leftover->ends_itself, ends_itself);
            return leftover;
        }
    }
    return NULL;
}

_Atomic int32_t *leftover_pid(struct leftover *leftover)
{
    return leftover ? &leftover->pid : NULL;
}

void leftover_clear(struct leftover *leftover)
{
    if (leftover)
        atomic_store(&leftover->pid, 0);
}

/* ---- ending what was left ---- */

/* Whether the process belongs to the job of that place: its leader, which began just then, or one
 * of its session, which may have been begun later. */
static bool belongs(const struct leftover *leftover, const struct process_facts *facts)
{
    int32_t pid = atomic_load(&leftover->pid);
    uint64_t begun_ns = atomic_load(&leftover->begun_ns);
    if (pid <= 0 || facts->session != pid || facts->begun_ns + EARLIER_NS < begun_ns)
        return false;
    return facts->pid != pid || facts->begun_ns <= begun_ns + LATER_NS;
}

static const struct leftover *place_of(const struct leftovers *leftovers,
                                       const struct process_facts *facts)
{
    for (uint64_t i = 0; i < leftovers->table->places; i++)
        if (belongs(&leftovers->table->leftovers[i], facts))
            return &leftovers->table->leftovers[i];
    return NULL;
}

/* The killing of all that was left. */
struct killing {
    const struct leftovers *leftovers;
    bool quietly; /* without a word in the log */
    unsigned count;
    int pidfd; /* of one of them; -1: of none */
};

static void kill_one(void *arg, const struct process_facts *facts)
{
    struct killing *killing = arg;
    int pidfd = place_of(killing->leftovers, facts) ? process_facts_kill(facts) : -1;
    if (pidfd < 0)
        return;
    if (!killing->quietly)
        log_warning("killed process %d of session %d, which an earlier daemon has left",
                    (int)facts->pid, (int)facts->session);
    killing->count++;
    fd_close(killing->pidfd);
    killing->pidfd = pidfd;
}

/* Returns how many there are; one of them is in *ret_pidfd, else -1. */
static unsigned kill_all(const struct leftovers *leftovers, bool quietly, int *ret_pidfd)
{
    struct killing killing = {.leftovers = leftovers, .quietly = quietly, .pidfd = -1};
    process_table_each(kill_one, &killing);
    *ret_pidfd = killing.pidfd;
    return killing.count;
}

static bool anything_left(const struct leftovers *leftovers)
{
    for (uint64_t i = 0; i < leftovers->table->places; i++)
        if (atomic_load(&leftovers->table->leftovers[i].pid) > 0)
            return true;
    return false;
}

/* Waits for the end of the process in that place, if it is still what was written down. */
static void await_end(const struct leftover *leftover, uint64_t until_ns)
{
    struct process_facts facts;
    pid_t pid = (pid_t)atomic_load(&leftover->pid);
    struct pollfd end = {.fd = -1, .events = POLLIN};
    if (pid <= 0 || !atomic_load(&leftover->ends_itself))
        return;
    end.fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (end.fd >= 0 && process_facts_read(pid, &facts) && !facts.over && belongs(leftover, &facts))
        poll(&end, 1, clock_poll_ms(until_ns));
    fd_close(end.fd);
}

int leftovers_end(struct leftovers *leftovers, unsigned timeout_ms)
{
    int pidfd = -1;
    int r = 0;
    uint64_t until_ns = clock_mono_ns() + timeout_ms * NS_PER_MS;
    for (uint64_t i = 0; i < leftovers->table->places; i++)
        await_end(&leftovers->table->leftovers[i], until_ns);
    until_ns = clock_mono_ns() + timeout_ms * NS_PER_MS;
    /* What is killed may have begun another one just before. */
    for (bool first = true;
         anything_left(leftovers) && kill_all(leftovers, !first, &pidfd) > 0 && r == 0;
         first = false) {
        uint64_t now_ns = clock_mono_ns();
        struct pollfd end = {.fd = pidfd, .events = POLLIN};
        if (now_ns >= until_ns || poll(&end, 1, (int)((until_ns - now_ns) / NS_PER_MS)) == 0)
            r = -ETIMEDOUT;
        fd_close(pidfd);
        pidfd = -1;
    }
    fd_close(pidfd);
    if (r == 0)
        begin_anew(leftovers);
    return r;
}

#include "daemon/run/process_table.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/clock.h"

#define PATH_BYTES 40

bool process_file_read(const char *path, char *ret_text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, ret_text, size - 1);
    close(fd);
    ret_text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* Field N of /proc/PID/stat behind the name, which may hold anything; the state is the first. */
static uint64_t stat_field(const char *behind_name, unsigned n)
{
    const char *field = behind_name;
    for (unsigned i = 0; i < n && field; i++) {
        field = strchr(field, ' ');
        field = field ? field + 1 : NULL;
    }
    return field ? strtoull(field, NULL, 10) : 0;
}

bool process_facts_read(pid_t pid, struct process_facts *ret_facts)
{
    char path[PATH_BYTES], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (!process_file_read(path, text, sizeof(text)))
        return false;
    const char *behind_name = strrchr(text, ')');
    if (!behind_name || behind_name[1] != ' ')
        return false;
    behind_name += 2;
    uint64_t ticks = stat_field(behind_name, 19);
    *ret_facts = (struct process_facts){
        .pid = pid,
        .parent = (pid_t)stat_field(behind_name, 1),
        .session = (pid_t)stat_field(behind_name, 3),
        .begun_ns = ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK)),
        .over = behind_name[0] == 'Z' || behind_name[0] == 'X',
    };
    return true;
}

void process_table_each(process_facts_fn *fn, void *arg)
{
    struct dirent *entry;
    DIR *directory = opendir("/proc");
    while (directory && (entry = readdir(directory))) {
        struct process_facts facts;
        pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atoi(entry->d_name) : 0;
        if (pid > 0 && process_facts_read(pid, &facts) && !facts.over)
            fn(arg, &facts);
    }
    if (directory)
        (void)closedir(directory);
}

int process_facts_kill(const struct process_facts *facts)
{
    struct process_facts again;
    int pidfd = (int)syscall(SYS_pidfd_open, facts->pid, 0);
    if (pidfd < 0)
        return -1;
    /* What the pidfd refers to cannot change any more, so it is looked at again. */
    if (process_facts_read(facts->pid, &again) && again.begun_ns == facts->begun_ns &&
        syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0)
        return pidfd;
    close(pidfd);
    return -1;
}

void process_names_add(char *names, size_t size, pid_t pid)
{
    char path[PATH_BYTES], name[20];
    size_t used = strlen(names);
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    if (!process_file_read(path, name, sizeof(name)))
        return;
    name[strcspn(name, "\n")] = '\0';
    int length =
        snprintf(names + used, size - used, "%s%d (%s)", used > 0 ? ", " : "", (int)pid, name);
    if (length >= (int)(size - used))
        names[used] = '\0';
}

#include "daemon/run/escapes.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/run/process_table.h"

/* Of an environment so much is looked at. Ours comes first in it, unless somebody has sorted it. */
#define ENVIRONMENT_BYTES 32768

/* What tells a job from all others: its future, and the daemon that this is one of. */
static const char *const marks[] = {"FUTURE_ID=", "FUTURE_SOCKET="};
#define MARKS (sizeof(marks) / sizeof(*marks))

struct search {
    struct process_facts leader;
    const char *marks[MARKS]; /* "FUTURE_ID=17"; NULL: it has none */
    char *names;
    size_t size;
};

static const char *find_variable(char *const *envp, const char *prefix)
{
    for (; *envp; envp++)
        if (strncmp(*envp, prefix, strlen(prefix)) == 0)
            return *envp;
    return NULL;
}

/* Whether a string is among those that follow each other. */
static bool has_string(const char *strings, size_t bytes, const char *wanted)
{
    for (const char *end = strings + bytes; strings < end; strings += strlen(strings) + 1)
        if (strcmp(strings, wanted) == 0)
            return true;
    return false;
}

static bool is_marked(const struct search *search, pid_t pid)
{
    char path[40], strings[ENVIRONMENT_BYTES];
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t bytes = fd < 0 ? -1 : read(fd, strings, sizeof(strings) - 1);
    fd_close(fd);
    if (bytes <= 0)
        return false;
    strings[bytes] = '\0';
    for (size_t i = 0; i < MARKS; i++)
        if (search->marks[i] && !has_string(strings, (size_t)bytes, search->marks[i]))
            return false;
    return true;
}

static void look_at(void *arg, const struct process_facts *facts)
{
    struct search *search = arg;
    if (facts->session == search->leader.pid)
        fd_close(process_facts_kill(facts));
    else if (facts->begun_ns >= search->leader.begun_ns && is_marked(search, facts->pid))
        process_names_add(search->names, search->size, facts->pid);
}

void escapes_end(pid_t leader, char *const *envp, char *ret_names, size_t size)
{
    struct search search = {.names = ret_names, .size = size};
    ret_names[0] = '\0';
    for (size_t i = 0; i < MARKS; i++)
        search.marks[i] = find_variable(envp, marks[i]);
    /* Without that anybody would be taken for one of them. */
    if (!search.marks[0] || !process_facts_read(leader, &search.leader))
        return;
    process_table_each(look_at, &search);
}

/* The processes of the machine, as /proc shows them. Any thread. */
#ifndef FUTURED_RUN_PROCESS_TABLE_H
#define FUTURED_RUN_PROCESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process_facts {
    pid_t pid, parent, session;
    uint64_t begun_ns; /* CLOCK_BOOTTIME, in the kernel's ticks */
    bool over;         /* it has ended, and waits for its parent to look */
};

/* False: there is none. */
bool process_facts_read(pid_t pid, struct process_facts *ret_facts);

/* Calls `fn` for each process that there is, but for those that are over. */
typedef void process_facts_fn(void *arg, const struct process_facts *facts);
void process_table_each(process_facts_fn *fn, void *arg);

/* Sends KILL to that very process, and to nobody who has got its pid meanwhile. Its pidfd, for the
 * caller to close; -1: it is gone, or not ours to kill. */
int process_facts_kill(const struct process_facts *facts);

/* Adds "1234 (sleep)" to a list for people, if there is room. */
void process_names_add(char *names, size_t size, pid_t pid);

/* Reads a short file as a string. False: it is not there, or is empty. */
bool process_file_read(const char *path, char *ret_text, size_t size);

#endif

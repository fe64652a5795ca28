/* The commands of `future`: one file and one entry in the table each. */
#ifndef FUTURED_CLIENT_COMMAND_H
#define FUTURED_CLIENT_COMMAND_H

#include "client/cli/cli.h"

struct command {
    const char *name;
    const char *aliases[2]; /* other names; NULL: none */
    bool never_starts;      /* it is about a daemon that is there: none is started for it */
    const char *usage;      /* what follows `future`: "wait [OPTIONS] ID..." */
    const char *summary;    /* one line for the overview */
    const char *help;       /* options, notes and an example */
    /* argv[0] is the command's name. Returns the exit status. */
    int (*run)(struct cli *cli, int argc, char **argv);
};

extern const struct command cmd_submit, cmd_run, cmd_call, cmd_map, cmd_status, cmd_show,
    cmd_result, cmd_exception, cmd_wait, cmd_cancel, cmd_events, cmd_output, cmd_follow,
    cmd_explain, cmd_pause, cmd_resume, cmd_drain, cmd_top, cmd_forget, cmd_retry, cmd_pool,
    cmd_info, cmd_ping, cmd_shutdown, cmd_rpc, cmd_stats, cmd_trace, cmd_update, cmd_dump,
    cmd_backup, cmd_completion, cmd_help;

/* In the order of the overview, ended by NULL. */
extern const struct command *const command_table[];

/* NULL: there is none. */
const struct command *command_find(const char *name);
/* What `future help COMMAND` shows, on stdout. */
void command_print_help(const struct command *command);

#endif

#include "client/cli/command.h"

#include <stdio.h>
#include <string.h>

const struct command *const command_table[] = {
    &cmd_submit,     &cmd_run,       &cmd_call,    &cmd_map,    &cmd_status, &cmd_show,
    &cmd_result,     &cmd_exception, &cmd_wait,    &cmd_output, &cmd_follow, &cmd_cancel,
    &cmd_retry,      &cmd_update,    &cmd_explain, &cmd_forget, &cmd_events, &cmd_top,
    &cmd_pool,       &cmd_pause,     &cmd_resume,  &cmd_drain,  &cmd_stats,  &cmd_trace,
    &cmd_info,       &cmd_ping,      &cmd_rpc,     &cmd_dump,   &cmd_backup, &cmd_shutdown,
    &cmd_completion, &cmd_help,      NULL};

const struct command *command_find(const char *name)
{
    for (const struct command *const *entry = command_table; *entry; entry++) {
        if (strcmp((*entry)->name, name) == 0)
            return *entry;
        for (size_t i = 0; i < 2 && (*entry)->aliases[i]; i++)
            if (strcmp((*entry)->aliases[i], name) == 0)
                return *entry;
    }
    return NULL;
}

void command_print_help(const struct command *command)
{
    printf("usage: future %s\n%s.\n\n%s", command->usage, command->summary, command->help);
}

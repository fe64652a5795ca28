#include "client/command.h"

#include <stdio.h>
#include <string.h>

const struct command *const command_table[] = {
    &cmd_submit, &cmd_map,   &cmd_status, &cmd_result,   &cmd_exception, &cmd_wait,
    &cmd_cancel, &cmd_retry, &cmd_events, &cmd_output,   &cmd_forget,    &cmd_pool,
    &cmd_info,   &cmd_ping,  &cmd_rpc,    &cmd_shutdown, &cmd_help,      NULL};

const struct command *command_find(const char *name)
{
    for (const struct command *const *entry = command_table; *entry; entry++)
        if (strcmp((*entry)->name, name) == 0)
            return *entry;
    return NULL;
}

void command_print_help(const struct command *command)
{
    printf("usage: future %s\n%s.\n\n%s", command->usage, command->summary, command->help);
}

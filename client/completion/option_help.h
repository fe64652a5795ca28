/* The options of a command, read from its help text: what is told to people is what can be
 * completed. Any thread. */
#ifndef FUTURED_CLIENT_COMPLETION_OPTION_HELP_H
#define FUTURED_CLIENT_COMPLETION_OPTION_HELP_H

#include <stdbool.h>
#include <stddef.h>

enum { OPTION_NAMES = 3 };

/* One line of help: `  -t, --timeout DUR      wait no longer than that`. */
struct option_help {
    char names[OPTION_NAMES][32]; /* "-t", "--timeout" */
    size_t count;
    char value[32]; /* "DUR"; empty: it takes none */
    char about[96];
};

/* The next option at or behind *text, which moves on. False at the end. */
bool option_help_next(const char **text, struct option_help *ret_option);
/* The option of that name. */
bool option_help_find(const char *text, const char *name, struct option_help *ret_option);

#endif

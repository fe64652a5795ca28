#include "client/completion/option_help.h"

#include <ctype.h>
#include <string.h>

enum { INDENT_MAX = 6 };

/* Copies what fits. */
static void copy(char *to, size_t room, const char *from, size_t size)
{
    if (size >= room)
        size = room - 1;
    memcpy(to, from, size);
    to[size] = '\0';
}

/* The names at the beginning of the line; returns what is behind them. */
static const char *take_names(const char *line, struct option_help *option)
{
    while (line[0] == '-' && option->count < OPTION_NAMES) {
        size_t size = strcspn(line, " ,\n");

        copy(option->names[option->count++], sizeof(option->names[0]), line, size);
        line += size;
        if (strncmp(line, ", -", 3) != 0)
            break;
        line += 2;
    }
    return line;
}

/* False where the line tells of no option. */
static bool read_line(const char *line, struct option_help *ret_option)
{
    struct option_help option = {.count = 0};
    size_t indent = strspn(line, " ");
    size_t size;

    if (indent < 2 || indent > INDENT_MAX || line[indent] != '-')
        return false;
    line = take_names(line + indent, &option);
    if (line[0] == ' ' && isupper((unsigned char)line[1])) {
        size = strcspn(line + 1, " \n");
        copy(option.value, sizeof(option.value), line + 1, size);
        line += 1 + size;
    }
    line += strspn(line, " ");
    copy(option.about, sizeof(option.about), line, strcspn(line, "\n"));
    *ret_option = option;
    return true;
}

bool option_help_next(const char **text, struct option_help *ret_option)
{
    while (**text) {
        const char *line = *text;

        *text += strcspn(line, "\n");
        *text += **text == '\n';
        if (read_line(line, ret_option))
            return true;
    }
    return false;
}

bool option_help_find(const char *text, const char *name, struct option_help *ret_option)
{
    struct option_help option;

    while (option_help_next(&text, &option))
        for (size_t i = 0; i < option.count; i++)
            if (strcmp(option.names[i], name) == 0) {
                *ret_option = option;
                return true;
            }
    return false;
}

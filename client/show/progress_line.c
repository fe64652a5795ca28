#include "client/show/progress_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "client/show/terminal.h"

void progress_line_init(struct progress_line *line)
{
    struct terminal terminal;

    terminal_of(STDERR_FILENO, &terminal);
    *line = (struct progress_line){.wanted = terminal.is_terminal, .width = terminal.width};
}

void progress_text(const json_t *value, char *ret_text, size_t size)
{
    const json_t *done = json_object_get(value, "done"), *total = json_object_get(value, "total");
    double of = json_number_value(total), fraction = json_number_value(value);
    char *text;

    if (json_is_number(done) && json_is_number(total) && of > 0) {
        snprintf(ret_text, size, "%3.0f %% (%.15g of %.15g)", json_number_value(done) / of * 100,
                 json_number_value(done), of);
    } else if (json_is_real(value) && fraction >= 0 && fraction <= 1) {
        snprintf(ret_text, size, "%3.0f %%", fraction * 100);
    } else if (json_is_string(value)) {
        cli_printable(json_string_value(value), json_string_length(value), ret_text, size);
    } else {
        text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(16));
        cli_printable(text ? text : "", text ? strlen(text) : 0, ret_text, size);
        free(text);
    }
}

void progress_line_show(struct progress_line *line, const json_t *value)
{
    char text[sizeof(line->text)];
    size_t columns;

    if (!line->wanted || !value)
        return;
    progress_text(value, text, sizeof(text));
    if (line->width > 0)
        text[terminal_fit(text, line->width - 1)] = '\0';
    if (line->columns > 0 && strcmp(text, line->text) == 0)
        return;
    columns = terminal_columns(text);
    fflush(stdout);
    fprintf(stderr, "\r%s", text);
    if (columns < line->columns)
        fprintf(stderr, "%*s", (int)(line->columns - columns), "");
    line->columns = columns;
    memcpy(line->text, text, sizeof(text));
}

void progress_line_hide(struct progress_line *line)
{
    if (line->columns > 0)
        fprintf(stderr, "\r%*s\r", (int)line->columns, "");
    line->columns = 0;
}

/* One line on stderr that tells how far a future is, for people: shown on a terminal alone, and
 * taken away before anything else is written. One thread. */
#ifndef FUTURED_CLIENT_PROGRESS_LINE_H
#define FUTURED_CLIENT_PROGRESS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>

struct progress_line {
    bool wanted;    /* stderr is a terminal */
    size_t width;   /* of the terminal; 0: no limit */
    size_t columns; /* that are shown; 0: nothing is */
    char text[300]; /* that is shown */
};

void progress_line_init(struct progress_line *line);
/* The value as a function told it: {"done","total"}, a fraction of 1, or whatever it is. */
void progress_line_show(struct progress_line *line, const json_t *value);
void progress_line_hide(struct progress_line *line);

/* The words for it, printable, cut to `size`. */
void progress_text(const json_t *value, char *ret_text, size_t size);

#endif

/* What stdout and stderr are: how wide, and whether colours are wanted there. Times in words. One
 * thread. */
#ifndef FUTURED_CLIENT_TERMINAL_H
#define FUTURED_CLIENT_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

enum tone { TONE_PLAIN, TONE_TITLE, TONE_GOOD, TONE_BAD, TONE_BUSY, TONE_WAITING, TONE_FAINT };

struct terminal {
    bool is_terminal; /* else no width, no colour and no words for people */
    bool colour;      /* a terminal that has some, and NO_COLOR does not forbid it */
    size_t width;     /* in characters; 0: no limit */
    size_t height;    /* in lines; 0: no limit */
};

void terminal_of(int fd, struct terminal *ret_terminal);

/* What switches the tone on, and what ends it; "" where there is no colour. Static. */
const char *terminal_begin(const struct terminal *terminal, enum tone tone);
const char *terminal_end(const struct terminal *terminal, enum tone tone);

/* Columns that the UTF-8 text takes. */
size_t terminal_columns(const char *text);
/* How many bytes of the text fit into so many columns. */
size_t terminal_fit(const char *text, size_t columns);
/* What stands for text that was cut: one column. */
const char *terminal_ellipsis(void);

/* "5s", "3m12s", "2h05m", "3d04h". Takes `size` >= 16. */
void time_span_text(double seconds, char *ret_text, size_t size);
/* Unix time, as a real number. */
double time_now(void);

#endif

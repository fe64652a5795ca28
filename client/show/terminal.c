#include "client/show/terminal.h"

#include <langinfo.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

enum { USUAL_WIDTH = 80, USUAL_HEIGHT = 24 };

static bool colour_wanted(void)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *kind = getenv("TERM");

    return !(no_colour && no_colour[0]) && kind && kind[0] && strcmp(kind, "dumb") != 0;
}

void terminal_of(int fd, struct terminal *ret_terminal)
{
    struct winsize size;

    *ret_terminal = (struct terminal){.is_terminal = isatty(fd)};
    if (!ret_terminal->is_terminal)
        return;
    ret_terminal->colour = colour_wanted();
    ret_terminal->width = USUAL_WIDTH;
    ret_terminal->height = USUAL_HEIGHT;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        return;
    if (size.ws_col > 0)
        ret_terminal->width = size.ws_col;
    if (size.ws_row > 0)
        ret_terminal->height = size.ws_row;
}

const char *terminal_begin(const struct terminal *terminal, enum tone tone)
{
    static const char *const codes[] = {
        [TONE_PLAIN] = "",        [TONE_TITLE] = "\033[1m", [TONE_GOOD] = "\033[32m",
        [TONE_BAD] = "\033[31m",  [TONE_BUSY] = "\033[36m", [TONE_WAITING] = "\033[33m",
        [TONE_FAINT] = "\033[2m",
    };

    return terminal->colour ? codes[tone] : "";
}

const char *terminal_end(const struct terminal *terminal, enum tone tone)
{
    return terminal->colour && tone != TONE_PLAIN ? "\033[0m" : "";
}

/* One character of valid UTF-8; *ret_columns is what it takes. Returns its bytes. */
static size_t measure(const char *text, size_t *ret_columns)
{
    unsigned char first = (unsigned char)*text;
    size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t character = size == 1 ? first : first & (0x7fu >> size);
    int columns;

    for (size_t i = 1; i < size; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80) {
            *ret_columns = 1;
            return 1;
        }
        character = character << 6 | ((unsigned char)text[i] & 0x3f);
    }
    columns = wcwidth((wchar_t)character);
    *ret_columns = columns < 0 ? 1 : (size_t)columns;
    return size;
}

size_t terminal_columns(const char *text)
{
    size_t sum = 0, columns;

    while (*text) {
        text += measure(text, &columns);
        sum += columns;
    }
    return sum;
}

size_t terminal_fit(const char *text, size_t columns)
{
    size_t bytes = 0, sum = 0, own;

    while (text[bytes]) {
        size_t size = measure(text + bytes, &own);

        if (sum + own > columns)
            break;
        sum += own;
        bytes += size;
    }
    return bytes;
}

const char *terminal_ellipsis(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "…" : "~";
}

void time_span_text(double seconds, char *ret_text, size_t size)
{
    unsigned long long whole = seconds > 0 ? (unsigned long long)seconds : 0;

    if (whole < 60)
        snprintf(ret_text, size, "%llus", whole);
    else if (whole < 3600)
        snprintf(ret_text, size, "%llum%02llus", whole / 60, whole % 60);
    else if (whole < 86400)
        snprintf(ret_text, size, "%lluh%02llum", whole / 3600, whole / 60 % 60);
    else
        snprintf(ret_text, size, "%llud%02lluh", whole / 86400, whole / 3600 % 24);
}

double time_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

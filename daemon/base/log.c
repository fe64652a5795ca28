#include "daemon/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* No more than PIPE_BUF, so that a line stays whole even where stderr is a pipe that others share.
 */
#define LINE_BYTES 1024

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

static _Atomic enum log_level current_level = LOG_LEVEL_INFO;

int log_level_parse(const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&current_level, level, memory_order_relaxed);
}

/* A message may quote what a client sent: no byte of it may start a line of its own or reach the
 * terminal as a control sequence. */
static void hide_controls(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = '?';
    }
}

static void __attribute__((format(printf, 2, 0)))
log_line(enum log_level level, const char *format, va_list arguments)
{
    static const char cut_mark[] = "...";
    int saved_errno = errno;
    char line[LINE_BYTES];
    size_t length, room;
    int written;

    if (level > atomic_load_explicit(&current_level, memory_order_relaxed))
        return;
    written = snprintf(line, sizeof(line), "%.64s: %s: ", program_invocation_short_name,
                       level_names[level]);
    length = (size_t)written;
    room = sizeof(line) - length - 1; /* the LF takes the place of the NUL at the latest */
    errno = saved_errno;              /* for %m */
    written = vsnprintf(line + length, room, format, arguments);
    if (written < 0)
        written = 0;
    if ((size_t)written >= room) {
        written = (int)room - 1;
        memcpy(line + length + written - strlen(cut_mark), cut_mark, strlen(cut_mark));
    }
    hide_controls(line + length, (size_t)written);
    length += (size_t)written;
    line[length++] = '\n';
    /* There is nobody left to tell when stderr itself fails. */
    if (write(STDERR_FILENO, line, length) < 0)
        errno = saved_errno;
    errno = saved_errno;
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list arguments;                                                                         \
                                                                                                   \
        va_start(arguments, format);                                                               \
        log_line(level, format, arguments);                                                        \
        va_end(arguments);                                                                         \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

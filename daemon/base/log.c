#include "daemon/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"

/* No more than PIPE_BUF, so that a line stays whole even where stderr is a pipe that others share.
 */
#define LINE_BYTES 1024
/* Of the program's name, which stands in front. */
#define NAME_BYTES 64

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARNING] = "warning",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

static _Atomic enum log_level current_level = LOG_LEVEL_INFO;
static log_sink_fn *_Atomic current_sink;

/* Messages of one level in the interval that runs. */
struct rate {
    uint64_t began_ns, written, left_out;
};

static struct {
    pthread_mutex_t lock;
    uint64_t messages, interval_ns; /* 0: no limit */
    struct rate rates[LOG_LEVELS];
} limit = {.lock = PTHREAD_MUTEX_INITIALIZER};

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

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&current_level, level, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
    return level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

void log_set_sink(log_sink_fn *sink)
{
    atomic_store(&current_sink, sink);
}

void log_set_rate(uint64_t messages, uint64_t interval_ns)
{
    pthread_mutex_lock(&limit.lock);
    limit.messages = messages;
    limit.interval_ns = interval_ns;
    pthread_mutex_unlock(&limit.lock);
}

/* Counts a message in; false where it is one too many. *ret_left_out is what the interval before
 * had too many, to be told once. */
static bool within_rate(enum log_level level, uint64_t *ret_left_out)
{
    struct rate *rate = &limit.rates[level];
    bool within = true;
    *ret_left_out = 0;
    pthread_mutex_lock(&limit.lock);
    if (limit.messages > 0) {
        uint64_t now_ns = clock_mono_ns();
        if (rate->began_ns == 0 || now_ns - rate->began_ns >= limit.interval_ns) {
            *ret_left_out = rate->left_out;
            *rate = (struct rate){.began_ns = now_ns};
        }
        within = rate->written < limit.messages;
        rate->written += within;
        rate->left_out += !within;
    }
    pthread_mutex_unlock(&limit.lock);
    return within;
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

/* The formatted message, cut with a mark where it is too long. */
static void __attribute__((format(printf, 3, 0)))
write_message(char *ret_text, size_t room, const char *format, va_list arguments)
{
    static const char cut_mark[] = "...";
    int written = vsnprintf(ret_text, room, format, arguments);
    if (written < 0)
        written = 0;
    if ((size_t)written >= room) {
        written = (int)room - 1;
        memcpy(ret_text + written - strlen(cut_mark), cut_mark, strlen(cut_mark));
    }
    hide_controls(ret_text, (size_t)written);
}

/* What a line has beside the message: "NAME: ", "LEVEL: " and the LF, which takes the place of the
 * NUL. */
static size_t room_for_message(enum log_level level)
{
    return LINE_BYTES - strnlen(program_invocation_short_name, NAME_BYTES) - 2 -
           strlen(level_names[level]) - 2 - 1;
}

/* As one line on stderr; `label` stands behind the program's name. */
static void write_line(const char *label, const char *message)
{
    char line[LINE_BYTES + 1];
    int length = snprintf(line, sizeof(line), "%.*s: %s%s\n", NAME_BYTES,
                          program_invocation_short_name, label, message);
    /* There is nobody left to tell when stderr itself fails. */
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        return;
}

static void put(const struct log_record *record, bool with_level)
{
    log_sink_fn *sink = atomic_load(&current_sink);
    char label[16] = "";
    if (sink) {
        sink(record);
        return;
    }
    if (with_level)
        snprintf(label, sizeof(label), "%s: ", level_names[record->level]);
    write_line(label, record->message);
}

static void put_left_out(enum log_level level, uint64_t left_out)
{
    char message[96];
    struct log_record record = {.level = level, .message = message};
    snprintf(message, sizeof(message),
             "%llu messages of this level were left out: too many at once",
             (unsigned long long)left_out);
    put(&record, true);
}

static void __attribute__((format(printf, 3, 0)))
log_message(const struct log_subject *subject, enum log_level level, const char *format,
            va_list arguments)
{
    int saved_errno = errno;
    char message[LINE_BYTES];
    uint64_t left_out;
    if (!log_is_on(level))
        return;
    bool within = within_rate(level, &left_out);
    if (left_out > 0)
        put_left_out(level, left_out);
    if (within) {
        struct log_record record = {.level = level, .message = message};
        if (subject)
            record.subject = *subject;
        errno = saved_errno; /* for %m */
        write_message(message, room_for_message(level), format, arguments);
        put(&record, true);
    }
    errno = saved_errno;
}

void log_always(const char *format, ...)
{
    char message[LINE_BYTES];
    struct log_record record = {.level = LOG_LEVEL_INFO, .message = message};
    va_list arguments;
    va_start(arguments, format);
    write_message(message, room_for_message(LOG_LEVEL_INFO), format, arguments);
    va_end(arguments);
    put(&record, false);
}

void log_about(const struct log_subject *subject, enum log_level level, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    log_message(subject, level, format, arguments);
    va_end(arguments);
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        log_message(NULL, level, format, arguments);                                               \
        va_end(arguments);                                                                         \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)

/* The daemon's log: one line a message on stderr, level first, or wherever the sink puts it. A
 * message may say what it is about, for programs that read the log. Each level has its own limit of
 * messages in a time, so that a flood of one hides none of another; what was left out is counted
 * and told. The only module with global state. Any thread; a message is written with one write(2),
 * so lines never mix. */
#ifndef FUTURED_BASE_LOG_H
#define FUTURED_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
#define LOG_LEVELS 4

/* What a message is about. Zeroed: nothing in particular. */
struct log_subject {
    uint64_t future;
    const char *pool, *fn, *exception; /* NULL: none */
};

struct log_record {
    enum log_level level;
    const char *message; /* one line without control characters */
    struct log_subject subject;
};

/* Any thread, several at a time. */
typedef void log_sink_fn(const struct log_record *record);

/* Sets `*ret_level` from "error", "warning", "info" or "debug"; -EINVAL for any other name. */
int log_level_parse(const char *name, enum log_level *ret_level);
const char *log_level_name(enum log_level level);
void log_set_level(enum log_level level);
/* Whether messages of that level are written at all. */
bool log_is_on(enum log_level level);

/* Where messages go; NULL: as plain lines to stderr. */
void log_set_sink(log_sink_fn *sink);

/* At most so many messages of each level in each interval; 0: no limit, as it is at first. */
void log_set_rate(uint64_t messages, uint64_t interval_ns);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_about(const struct log_subject *subject, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For what somebody waits for: written whatever the level and the rate are, as a line to stderr
 * without its level, or to the sink as information. */
void log_always(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

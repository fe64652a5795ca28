/* The daemon's log: one line a message on stderr, level first. The only module with global state
 * (the level). Any thread; a message is written with one write(2), so lines never mix. */
#ifndef FUTURED_BASE_LOG_H
#define FUTURED_BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Sets `*ret_level` from "error", "warning", "info" or "debug"; -EINVAL for any other name. */
int log_level_parse(const char *name, enum log_level *ret_level);
void log_set_level(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

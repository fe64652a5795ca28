/* How the log looks: plain lines, lines of JSON, or entries of the system's journal. Any thread. */
#ifndef FUTURED_LOG_SINK_H
#define FUTURED_LOG_SINK_H

enum log_format {
    LOG_FORMAT_AUTO, /* the journal where stderr goes there, else plain */
    LOG_FORMAT_TEXT,
    LOG_FORMAT_JSON,
    LOG_FORMAT_JOURNAL,
};

/* -EINVAL: there is no such format; -ENOTSUP: this build does without. */
int log_format_parse(const char *name, enum log_format *ret_format);

void log_set_format(enum log_format format);

#endif

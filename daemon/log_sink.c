#include "daemon/log_sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#if HAVE_SYSTEMD
#define SD_JOURNAL_SUPPRESS_LOCATION /* a line of this file would tell nobody anything */
#include <systemd/sd-journal.h>
#endif

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/systemd.h"
#include "proto/text.h"
#include "proto/writer.h"

static const char *const format_names[] = {
    [LOG_FORMAT_AUTO] = "auto",
    [LOG_FORMAT_TEXT] = "text",
    [LOG_FORMAT_JSON] = "json",
    [LOG_FORMAT_JOURNAL] = "journal",
};

static bool has_journal(void)
{
    return HAVE_SYSTEMD && systemd_function("sd_journal_sendv");
}

int log_format_parse(const char *name, enum log_format *ret_format)
{
    for (size_t i = 0; i < sizeof(format_names) / sizeof(*format_names); i++) {
        if (strcmp(name, format_names[i]) != 0)
            continue;
        if (i == LOG_FORMAT_JOURNAL && !has_journal())
            return -ENOTSUP;
        *ret_format = (enum log_format)i;
        return 0;
    }
    return -EINVAL;
}

/* ---- JSON ---- */

static void write_member(struct writer *writer, const char *name, const char *text)
{
    if (!text)
        return;
    writer_key(writer, name);
    writer_cstring(writer, text);
}

/* What a client sent is UTF-8; a path, or a long message that was cut, may not be. */
static void write_message(struct writer *writer, const char *message)
{
    size_t length = strlen(message);
    writer_key(writer, "message");
    if (utf8_valid(message, length)) {
        writer_string(writer, message, length);
        return;
    }
    char *copy = strdup(message);
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    writer_cstring(writer, copy);
    free(copy);
}

static void write_record(struct writer *writer, const struct log_record *record)
{
    const struct log_subject *subject = &record->subject;
    writer_begin_object(writer);
    writer_key(writer, "time");
    writer_seconds(writer, clock_wall_us());
    write_member(writer, "level", log_level_name(record->level));
    write_message(writer, record->message);
    if (subject->future > 0) {
        writer_key(writer, "future");
        writer_uint(writer, subject->future);
    }
    write_member(writer, "pool", subject->pool);
    write_member(writer, "fn", subject->fn);
    write_member(writer, "exception", subject->exception);
    writer_end_object(writer);
    writer_raw(writer, "\n", 1);
}

static void put_json(const struct log_record *record)
{
    struct writer writer = {.data = NULL};
    write_record(&writer, record);
    if (!writer_failed(&writer) && write(STDERR_FILENO, writer.data, writer.size) < 0)
        errno = 0; /* there is nobody left to tell */
    writer_free(&writer);
}

/* ---- the journal ---- */

#if HAVE_SYSTEMD
enum { FIELDS = 7, FIELD_BYTES = 1200 };

struct entry {
    struct iovec fields[FIELDS];
    int count;
    char texts[FIELDS][FIELD_BYTES];
};

static void add_field(struct entry *entry, const char *name, const char *value)
{
    if (!value)
        return;
    char *text = entry->texts[entry->count];
    int length = snprintf(text, FIELD_BYTES, "%s=%s", name, value);
    if (length >= FIELD_BYTES)
        length = FIELD_BYTES - 1;
    entry->fields[entry->count++] = (struct iovec){.iov_base = text, .iov_len = (size_t)length};
}

static void put_journal(const struct log_record *record)
{
    /* As syslog(3) numbers them. */
    static const char *const priorities[] = {[LOG_LEVEL_ERROR] = "3",
                                             [LOG_LEVEL_WARNING] = "4",
                                             [LOG_LEVEL_INFO] = "6",
                                             [LOG_LEVEL_DEBUG] = "7"};
    struct entry entry;
    char id[24];
    entry.count = 0;
    snprintf(id, sizeof(id), "%llu", (unsigned long long)record->subject.future);
    add_field(&entry, "MESSAGE", record->message);
    add_field(&entry, "PRIORITY", priorities[record->level]);
    add_field(&entry, "SYSLOG_IDENTIFIER", program_invocation_short_name);
    add_field(&entry, "FUTURE_ID", record->subject.future > 0 ? id : NULL);
    add_field(&entry, "POOL", record->subject.pool);
    add_field(&entry, "FN", record->subject.fn);
    add_field(&entry, "EXCEPTION", record->subject.exception);
    typeof(sd_journal_sendv) *sendv = systemd_function("sd_journal_sendv");
    if (sendv)
        (void)sendv(entry.fields, entry.count);
}

/* The variable names the journal's stream; stderr may have been sent elsewhere since. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat status;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}
#endif

void log_set_format(enum log_format format)
{
    switch (format) {
    case LOG_FORMAT_AUTO:
#if HAVE_SYSTEMD
        log_set_sink(stderr_is_journal() && has_journal() ? put_journal : NULL);
#else
        log_set_sink(NULL);
#endif
        return;
    case LOG_FORMAT_TEXT:
        log_set_sink(NULL);
        return;
    case LOG_FORMAT_JSON:
        log_set_sink(put_json);
        return;
    case LOG_FORMAT_JOURNAL:
#if HAVE_SYSTEMD
        log_set_sink(put_journal);
#endif
        return;
    }
}

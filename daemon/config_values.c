#include "daemon/config_values.h"

#include <errno.h>
#include <grp.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int value_fail(struct config_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    return -EINVAL;
}

int value_text(char **text, const char *value, struct config_error *error)
{
    char *copy = strdup(value);
    if (!copy)
        return value_fail(error, "no memory");
    free(*text);
    *text = copy;
    return 0;
}

int value_continue(char **text, const char *more, struct config_error *error)
{
    char *longer;
    if (asprintf(&longer, "%s %s", *text ? *text : "", more) < 0)
        return value_fail(error, "no memory");
    free(*text);
    *text = longer;
    return 0;
}

int value_count(const char *key, const char *value, uint64_t max, uint64_t *ret_count,
                struct config_error *error)
{
    char *end;
    errno = 0;
    unsigned long long count = strtoull(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || value[0] == '-' || count > max)
        return value_fail(error, "%s must be a whole number of at most %llu, not \"%s\"", key,
                          (unsigned long long)max, value);
    *ret_count = count;
    return 0;
}

int value_seconds(const char *key, const char *value, double *ret_seconds,
                  struct config_error *error)
{
    char *end;
    double seconds = strtod(value, &end);
    if (end == value || *end != '\0' || !isfinite(seconds) || seconds < 0 || seconds > 1e9)
        return value_fail(error, "%s must be a number of seconds, not \"%s\"", key, value);
    *ret_seconds = seconds;
    return 0;
}

int value_ms(const char *key, const char *value, uint64_t *ret_ms, struct config_error *error)
{
    double seconds;
    int r = value_seconds(key, value, &seconds, error);
    if (r == 0)
        *ret_ms = (uint64_t)(seconds * 1000);
    return r;
}

/* A group's name, or its number. */
int value_group(const char *key, const char *value, gid_t *ret_group, struct config_error *error)
{
    char *end;
    struct group *group = getgrnam(value);
    if (group) {
        *ret_group = group->gr_gid;
        return 0;
    }
    unsigned long number = strtoul(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || number >= (gid_t)-1)
        return value_fail(error, "%s: there is no group \"%s\"", key, value);
    *ret_group = (gid_t)number;
    return 0;
}

int value_log_format(const char *value, enum log_format *ret_format, struct config_error *error)
{
    int r = log_format_parse(value, ret_format);
    if (r == -ENOTSUP)
        return value_fail(error, "log_format: this build knows no journal");
    if (r < 0)
        return value_fail(error, "log_format must be auto, text, json or journal, not \"%s\"",
                          value);
    return 0;
}

int value_choice(const char *key, const char *value, enum config_choice *ret_choice,
                 struct config_error *error)
{
    static const char *const names[] = {
        [CONFIG_AUTO] = "auto", [CONFIG_YES] = "yes", [CONFIG_NO] = "no"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(value, names[i]) != 0)
            continue;
        *ret_choice = (enum config_choice)i;
        return 0;
    }
    return value_fail(error, "%s must be auto, yes or no, not \"%s\"", key, value);
}

bool value_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

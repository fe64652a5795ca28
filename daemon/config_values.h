/* The values of the configuration file, for those who know its keys: from text to what it stands
 * for, or a sentence that says what is wrong. 0, or -EINVAL with the error; `ret` is untouched
 * then. One thread. */
#ifndef FUTURED_CONFIG_VALUES_H
#define FUTURED_CONFIG_VALUES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/config.h"

/* Says why in the error, and returns -EINVAL. */
int value_fail(struct config_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts a copy in the place of what was there, which is freed. */
int value_text(char **text, const char *value, struct config_error *error);
/* Puts more behind it, and a space between. */
int value_continue(char **text, const char *more, struct config_error *error);
int value_count(const char *key, const char *value, uint64_t max, uint64_t *ret_count,
                struct config_error *error);
int value_seconds(const char *key, const char *value, double *ret_seconds,
                  struct config_error *error);
int value_ms(const char *key, const char *value, uint64_t *ret_ms, struct config_error *error);
/* A group's name, or its number. */
int value_group(const char *key, const char *value, gid_t *ret_group, struct config_error *error);
int value_log_format(const char *value, enum log_format *ret_format, struct config_error *error);
int value_choice(const char *key, const char *value, enum config_choice *ret_choice,
                 struct config_error *error);

/* Whether both are the same text, or none. */
bool value_same(const char *a, const char *b);

#endif

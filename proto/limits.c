#include "proto/limits.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

const struct limit_entry limit_table[] = {
#define X(name, value, meaning) {#name, (value), (meaning)},
    LIMITS(X)
#undef X
        {NULL, 0, NULL},
};

/* Where each row's value lies in the structure, in the table's order. */
static const size_t offsets[] = {
#define X(name, value, meaning) offsetof(struct limits, name),
    LIMITS(X)
#undef X
};

void limits_set_defaults(struct limits *limits)
{
#define X(name, value, meaning) limits->name = (value);
    LIMITS(X)
#undef X
}

static int limit_find(const char *name, size_t *ret_offset)
{
    for (size_t i = 0; limit_table[i].name != NULL; i++) {
        if (strcmp(limit_table[i].name, name) == 0) {
            *ret_offset = offsets[i];
            return 0;
        }
    }
    return -ENOENT;
}

int limits_get(const struct limits *limits, const char *name, uint64_t *ret_value)
{
    size_t offset;
    int rc = limit_find(name, &offset);

    if (rc == 0)
        memcpy(ret_value, (const char *)limits + offset, sizeof(*ret_value));
    return rc;
}

int limits_set(struct limits *limits, const char *name, uint64_t value)
{
    size_t offset;
    int rc = limit_find(name, &offset);

    if (rc < 0)
        return rc;
    if (value == 0)
        return -EINVAL;
    memcpy((char *)limits + offset, &value, sizeof(value));
    return 0;
}

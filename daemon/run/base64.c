#include "daemon/run/base64.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

/* The six bits that a character stands for, or -1. */
static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* Decodes four characters of which the last `padding` stand for nothing. */
static int decode_group(const char *text, size_t padding, char *data)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < 4 - padding; i++) {
        int value = sextet(text[i]);

        if (value < 0)
            return -EINVAL;
        bits |= (uint32_t)value << (18 - 6 * i);
    }
    if ((bits & ((UINT32_C(1) << 8 * padding) - 1)) != 0)
        return -EINVAL;
    for (size_t i = 0; i < 3 - padding; i++)
        data[i] = (char)(bits >> (16 - 8 * i));
    return 0;
}

static size_t padding_of(const char *text, size_t text_bytes)
{
    if (text_bytes == 0 || text[text_bytes - 1] != '=')
        return 0;
    return text[text_bytes - 2] == '=' ? 2 : 1;
}

int base64_to_bytes(const char *text, size_t text_bytes, char **ret_data, size_t *ret_bytes)
{
    size_t groups = text_bytes / 4;
    size_t padding;
    char *data;

    if (text_bytes % 4 != 0)
        return -EINVAL;
    padding = padding_of(text, text_bytes);
    data = malloc(groups * 3 + 1);
    if (!data)
        return -ENOMEM;
    for (size_t i = 0; i < groups; i++) {
        int r = decode_group(text + 4 * i, i + 1 == groups ? padding : 0, data + 3 * i);

        if (r < 0) {
            free(data);
            return r;
        }
    }
    *ret_data = data;
    *ret_bytes = groups * 3 - padding;
    return 0;
}

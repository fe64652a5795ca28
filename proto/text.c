#include "proto/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the character that `lead` opens; 0 where it opens none. */
static size_t utf8_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    if (lead >= 0xf0 && lead <= 0xf4)
        return 4;
    return 0;
}

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* What `lead` narrows of its second byte: no overlong forms, no surrogates, nothing past U+10FFFF.
 */
static bool second_byte_fits(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second <= 0x9f;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second <= 0x8f;
    default:
        return true;
    }
}

static size_t skip_ascii(const unsigned char *bytes, size_t i, size_t size)
{
    uint64_t word;

    while (size - i >= sizeof(word)) {
        memcpy(&word, bytes + i, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
        i += sizeof(word);
    }
    while (i < size && bytes[i] < 0x80)
        i++;
    return i;
}

bool utf8_valid(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    size_t i = 0;

    while ((i = skip_ascii(bytes, i, size)) < size) {
        size_t length = utf8_length(bytes[i]);

        if (length == 0 || length > size - i || !second_byte_fits(bytes[i], bytes[i + 1]))
            return false;
        for (size_t k = 1; k < length; k++) {
            if (!is_continuation(bytes[i + k]))
                return false;
        }
        i += length;
    }
    return true;
}

size_t utf8_cut(const void *data, size_t size)
{
    const unsigned char *bytes = data;

    for (size_t back = 1; back <= 3 && back <= size; back++) {
        unsigned char byte = bytes[size - back];

        if (!is_continuation(byte))
            return utf8_length(byte) > back ? size - back : size;
    }
    return size;
}

/* -1 for a character that is none of the 64. */
static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    if (c == '/')
        return 63;
    return -1;
}

int base64_decode(const char *text, size_t size, void **ret_data, size_t *ret_size)
{
    size_t padding = 0;
    size_t out = 0;
    uint32_t group = 0;
    unsigned char *data;

    if (size % 4 != 0)
        return -EINVAL;
    while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
        padding++;
    data = malloc(size / 4 * 3 + 1);
    if (data == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < size; i++) {
        int digit = i < size - padding ? base64_digit(text[i]) : 0;

        if (digit < 0)
            goto fail;
        group = group << 6 | (uint32_t)digit;
        if (i % 4 == 3) {
            data[out++] = (unsigned char)(group >> 16);
            data[out++] = (unsigned char)(group >> 8);
            data[out++] = (unsigned char)group;
        }
    }
    /* Bits that the padding leaves over must be zero, so that one text stands for one value. */
    if (padding > 0 && (group & (padding == 1 ? 0xffU : 0xffffU)) != 0)
        goto fail;
    out -= padding;
    data[out] = '\0';
    *ret_data = data;
    *ret_size = out;
    return 0;

fail:
    free(data);
    return -EINVAL;
}

#include "daemon/run/digits.h"

#include <string.h>

char *digits_put(char *out, uint64_t value, unsigned width)
{
    char digits[DIGITS_MAX];
    char *end = digits + sizeof(digits);
    char *digit = end;

    do
        *--digit = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (digit > digits && end - digit < (int)width)
        *--digit = '0';
    return mempcpy(out, digit, (size_t)(end - digit));
}

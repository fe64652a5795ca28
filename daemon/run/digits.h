/* Numbers as text, for what is written for each job: a fraction of what printf takes. Any thread.
 */
#ifndef FUTURED_RUN_DIGITS_H
#define FUTURED_RUN_DIGITS_H

#include <stdint.h>

/* The most that digits_put writes where `width` is no more than that. */
#define DIGITS_MAX 20

/* Writes the value in decimal, with zeros before it where it has fewer than `width` digits, and no
 * NUL. Returns where it ends. */
char *digits_put(char *out, uint64_t value, unsigned width);

#endif

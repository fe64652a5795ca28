/* Text for tests that is allocated as it is printed. Fails the test when memory runs out.
 * Any thread. */
#ifndef FUTURED_TESTS_TEXT_H
#define FUTURED_TESTS_TEXT_H

#include <stdarg.h>

/* As printf; the caller frees. */
char *text_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_vprint(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* As text_vprint, and the apostrophes of `format` itself become quotes, so that JSON can be written
 * in C without backslashes. What the arguments put in stays as it is. */
char *text_vjson(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* All of a file, or "" where it cannot be read; the caller frees. */
char *text_of_file(const char *path);

#endif

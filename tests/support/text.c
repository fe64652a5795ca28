#include "tests/support/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *text_vprint(const char *format, va_list args)
{
    char *text;

    if (vasprintf(&text, format, args) < 0)
        ck_abort_msg("out of memory");
    return text;
}

char *text_print(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    char *text = text_vprint(format, args);
    va_end(args);
    return text;
}

char *text_vjson(const char *format, va_list args)
{
    char *quoted = text_print("%s", format);

    for (char *mark = strchr(quoted, '\''); mark; mark = strchr(mark, '\''))
        *mark = '"';
        /* The compiler has held `format` against the arguments at the call; this is the same text.
         */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    char *text = text_vprint(quoted, args);
#pragma GCC diagnostic pop
    free(quoted);
    return text;
}

char *text_of_file(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");

    if (!file)
        return text_print("%s", "");
    if (getdelim(&text, &size, '\0', file) < 0) {
        free(text);
        text = text_print("%s", "");
    }
    fclose(file);
    return text;
}

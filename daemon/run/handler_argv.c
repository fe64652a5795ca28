#include "daemon/run/handler_argv.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Copies what stands in quotes; `*text` points behind the opening one, and behind the closing one
 * afterwards. False where that is missing. */
static bool copy_quoted(const char **text, char quote, char **end)
{
    const char *from = *text;

    for (; *from && *from != quote; from++) {
        if (quote == '"' && *from == '\\' && (from[1] == '"' || from[1] == '\\'))
            from++;
        *(*end)++ = *from;
    }
    *text = from + 1;
    return *from != '\0';
}

/* Copies one word; `*text` points at its first character, and behind it afterwards. */
static int copy_word(const char **text, char **end, const char **ret_why)
{
    const char *from = *text;

    while (*from && !is_space(*from)) {
        char c = *from++;

        if (c == '\'' || c == '"') {
            if (!copy_quoted(&from, c, end)) {
                *ret_why = "a quote is not closed";
                return -EINVAL;
            }
            continue;
        }
        if (c == '\\') {
            if (*from == '\0') {
                *ret_why = "a backslash at the end";
                return -EINVAL;
            }
            c = *from++;
        }
        *(*end)++ = c;
    }
    *(*end)++ = '\0';
    *text = from;
    return 0;
}

int handler_argv_split(const char *text, char ***ret_argv, const char **ret_why)
{
    size_t length = strlen(text);
    size_t most_words = length / 2 + 1; /* a word has a character, and a space before the next */
    char **argv = malloc((most_words + 1) * sizeof(*argv) + length + 1);
    char *end;
    size_t count = 0;

    if (!argv)
        return -ENOMEM;
    end = (char *)(argv + most_words + 1);
    for (;;) {
        while (is_space(*text))
            text++;
        if (*text == '\0')
            break;
        argv[count++] = end;
        if (copy_word(&text, &end, ret_why) < 0)
            goto fail;
    }
    if (count == 0 || argv[0][0] == '\0') {
        *ret_why = "there is no program";
        goto fail;
    }
    argv[count] = NULL;
    *ret_argv = argv;
    return 0;

fail:
    free(argv);
    return -EINVAL;
}

#include "client/show/shell_words.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool needs_quotes(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("_-./:=@%+,", text[i]))
            return true;
    return size == 0;
}

void shell_word(const char *text, size_t size, struct writer *writer)
{
    bool quotes = needs_quotes(text, size);
    bool dollar = memchr(text, '\n', size) != NULL;

    if (quotes)
        writer_raw(writer, dollar ? "$'" : "'", dollar ? 2 : 1);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n')
            writer_raw(writer, "\\n", 2);
        else if (dollar && text[i] == '\\')
            writer_raw(writer, "\\\\", 2);
        else if (text[i] == '\'')
            writer_raw(writer, dollar ? "\\'" : "'\\''", dollar ? 2 : 4);
        else
            writer_raw(writer, text + i, 1);
    }
    if (quotes)
        writer_raw(writer, "'", 1);
}

void shell_words(const json_t *words, struct writer *writer)
{
    const json_t *word;
    size_t i;

    json_array_foreach (words, i, word) {
        if (i > 0)
            writer_raw(writer, " ", 1);
        shell_word(json_string_value(word), json_string_length(word), writer);
    }
}

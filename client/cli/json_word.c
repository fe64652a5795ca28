#include "client/cli/json_word.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/read_all.h"

static int write_text(struct cli *cli, char *text, size_t size, const char *what, bool or_array,
                      struct writer *writer)
{
    json_error_t error;
    json_t *tree = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    const char *wanted = or_array ? "object or array" : "object";
    bool fits = json_is_object(tree) || (or_array && json_is_array(tree));

    json_decref(tree);
    if (!tree)
        return cli_bad_usage(cli, "%s are no JSON %s: %s", what, wanted, error.text);
    if (!fits)
        return cli_bad_usage(cli, "%s are no JSON %s", what, wanted);
    for (size_t i = 0; i < size; i++) /* can only be white space: strings escape it */
        if (text[i] == '\n')
            text[i] = ' ';
    writer_json(writer, text, size);
    return 0;
}

int json_word_write(struct cli *cli, const char *word, const char *what, bool or_array,
                    struct writer *writer)
{
    char *text = NULL;
    size_t size = strlen(word);
    int r = 0;

    if (strcmp(word, "-") == 0)
        r = read_all(STDIN_FILENO, &text, &size);
    else if (!(text = strdup(word)))
        r = -ENOMEM;
    if (r < 0)
        return cli_fail_errno(cli, r, strcmp(word, "-") == 0 ? "stdin" : what);
    r = write_text(cli, text, size, what, or_array, writer);
    free(text);
    return r;
}

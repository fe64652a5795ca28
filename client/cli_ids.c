#include "client/cli_ids.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

int cli_ids_if_any(struct cli *cli, int argc, char **argv, struct id_spans *ret_ids)
{
    struct id_spans ids = {0};

    for (int i = optind; i < argc; i++) {
        int r = id_spans_add(&ids, argv[i]);

        if (r == 0)
            continue;
        id_spans_clear(&ids);
        if (r == -ENOMEM)
            return cli_fail_errno(cli, r, "the ids");
        return cli_bad_usage(cli, "`%s` is no id: write ids as 7, 7,9 or 9-12", argv[i]);
    }
    *ret_ids = ids;
    return 0;
}

int cli_ids(struct cli *cli, int argc, char **argv, struct id_spans *ret_ids)
{
    if (optind >= argc)
        return cli_bad_usage(cli, "which future? Give an id, as 7, 7,9 or 9-12");
    return cli_ids_if_any(cli, argc, argv, ret_ids);
}

int cli_duration(struct cli *cli, const char *option, const char *value, int64_t *ret_us)
{
    if (parse_duration(value, ret_us) < 0)
        return cli_bad_usage(cli, "--%s %s: write a duration as 90s, 5m, 2h or 0.5", option, value);
    return 0;
}

int cli_count(struct cli *cli, const char *option, const char *value, uint64_t *ret_count)
{
    if (parse_uint(value, ret_count) < 0)
        return cli_bad_usage(cli, "--%s %s: write a number, as 100", option, value);
    return 0;
}

void cli_write_words(struct writer *writer, const char *words, bool upper)
{
    writer_begin_array(writer);
    while (*words) {
        char word[64];
        size_t length = strcspn(words, ","), n = 0;

        while (n < length && n < sizeof(word)) {
            word[n] = (char)(upper ? toupper((unsigned char)words[n]) : words[n]);
            n++;
        }
        writer_string(writer, word, n);
        words += length + (words[length] == ',');
    }
    writer_end_array(writer);
}

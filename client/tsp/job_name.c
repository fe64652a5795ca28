/* The label of a future as Task Spooler's name of a job, and back. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/tsp/job.h"
#include "proto/text.h"

#define UNSTORED "(stdout) "
#define DEPENDS  "&& "
#define CUT      "..."

static bool take(const char **text, const char *prefix)
{
    size_t size = strlen(prefix);

    if (strncmp(*text, prefix, size) != 0)
        return false;
    *text += size;
    return true;
}

/* "[7]&& " */
static bool take_after(const char **text, uint64_t *ret_after)
{
    const char *from = *text;
    char *end;

    if (from[0] != '[' || from[1] < '0' || from[1] > '9')
        return false;
    *ret_after = strtoull(from + 1, &end, 10);
    if (end[0] != ']' || strncmp(end + 1, DEPENDS, strlen(DEPENDS)) != 0)
        return false;
    *text = end + 1 + strlen(DEPENDS);
    return true;
}

void job_name_parse(const char *text, struct job_name *ret_name)
{
    struct job_name name = {0};
    const char *end;

    if (!text)
        text = "";
    name.unstored = take(&text, UNSTORED);
    if (take_after(&text, &name.after))
        name.depends = true;
    else
        name.depends = take(&text, DEPENDS);
    /* The command `[` has a space behind it. */
    end = text[0] == '[' && text[1] != ' ' ? strchr(text, ']') : NULL;
    if (end) {
        name.label = text + 1;
        name.label_size = (size_t)(end - name.label);
        text = end + 1;
    }
    name.command = text;
    *ret_name = name;
}

/* Shortens the text to the limit, between two characters. */
static void cut(char *text, size_t limit)
{
    size_t dots = limit < strlen(CUT) ? 0 : strlen(CUT);
    size_t kept;

    if (strlen(text) <= limit)
        return;
    kept = utf8_cut(text, limit - dots);
    memcpy(text + kept, CUT, dots);
    text[kept + dots] = '\0';
}

char *job_name_text(const struct tsp *tsp, bool depends, uint64_t after, size_t limit)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    if (!stream)
        return NULL;
    if (tsp->unstored)
        fputs(UNSTORED, stream);
    if (after > 0)
        fprintf(stream, "[%" PRIu64 "]", after);
    if (depends)
        fputs(DEPENDS, stream);
    if (tsp->label)
        fprintf(stream, "[%s]", tsp->label);
    for (char **word = tsp->argv; *word; word++)
        fprintf(stream, "%s%s", word == tsp->argv ? "" : " ", *word);
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    cut(text, limit);
    return text;
}

#include "client/show/format.h"

#include <string.h>

const char *format_problem(const char *format)
{
    for (const char *c = format; *c; c++) {
        if (*c == '{' && c[1] != '{') {
            size_t length = strcspn(c + 1, "{}");

            if (length == 0 || c[1 + length] != '}')
                return "a `{` needs a name and a `}`, as in {id}";
            c += 1 + length;
        } else if ((*c == '{' || *c == '}') && c[1] != *c) {
            return "a `}` that stands alone is written as `}}`";
        } else if (*c == '{' || *c == '}') {
            c++;
        }
    }
    return NULL;
}

static const json_t *find(const json_t *object, const char *path, size_t size)
{
    while (object && size > 0) {
        size_t length = strcspn(path, ".}");

        object = json_object_getn(object, path, length);
        size -= length;
        path += length;
        if (size > 0) {
            path++;
            size--;
        }
    }
    return object;
}

static void print_value(const json_t *value, FILE *out)
{
    if (!value || json_is_null(value))
        return;
    if (json_is_string(value))
        fwrite(json_string_value(value), 1, json_string_length(value), out);
    else
        json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(16));
}

/* The character behind a backslash. */
static void print_escape(char c, FILE *out)
{
    if (c == 'n' || c == 't' || c == '\\') {
        fputc(c == 'n' ? '\n' : c == 't' ? '\t' : '\\', out);
        return;
    }
    fputc('\\', out);
    fputc(c, out);
}

void format_print(const char *format, const json_t *object, FILE *out)
{
    for (const char *c = format; *c; c++) {
        if (*c == '{' && c[1] != '{') {
            size_t length = strcspn(c + 1, "}");

            print_value(find(object, c + 1, length), out);
            c += 1 + length;
        } else if (*c == '{' || *c == '}') {
            fputc(*c++, out);
        } else if (*c == '\\' && c[1]) {
            print_escape(*++c, out);
        } else {
            fputc(*c, out);
        }
    }
    fputc('\n', out);
}

#include "client/table.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli.h"

enum { CELL_BYTES = 256 };

struct table {
    const struct table_column *columns;
    size_t column_count;
    char **cells;
    size_t cell_count, capacity;
    bool failed; /* the rest of the row is dropped, and all rows behind it */
};

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *table = calloc(1, sizeof(*table));

    if (!table)
        return NULL;
    table->columns = columns;
    table->column_count = count;
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    free(table);
}

static bool make_room(struct table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 128;
    char **cells;

    if (table->cell_count < table->capacity)
        return true;
    cells = reallocarray(table->cells, capacity, sizeof(*cells));
    if (!cells)
        return false;
    table->cells = cells;
    table->capacity = capacity;
    return true;
}

bool table_add(struct table *table, const char *text)
{
    char printable[CELL_BYTES];
    char *cell;

    cli_printable(text, strlen(text), printable, sizeof(printable));
    cell = table->failed || !make_room(table) ? NULL : strdup(printable);
    if (!cell) {
        table->failed = true;
        return false;
    }
    table->cells[table->cell_count++] = cell;
    return true;
}

bool table_add_uint(struct table *table, unsigned long long number)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", number);
    return table_add(table, text);
}

/* Characters, not bytes; good enough for names without double-width or combining ones. */
static size_t text_width(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t width = text_width(table->columns[column].title);

    for (size_t i = column; i < table->cell_count; i += table->column_count) {
        size_t cell = text_width(table->cells[i]);

        if (cell > width)
            width = cell;
    }
    return width;
}

static void print_cell(const struct table *table, size_t column, size_t width, const char *text,
                       FILE *out)
{
    size_t own = text_width(text);
    int padding = (int)(width > own ? width - own : 0);
    bool last = column + 1 == table->column_count;

    if (table->columns[column].right)
        fprintf(out, "%*s%s", padding, "", text);
    else
        fprintf(out, "%s%*s", text, last ? 0 : padding, "");
    fputs(last ? "\n" : "  ", out);
}

void table_print(const struct table *table, FILE *out)
{
    size_t columns = table->column_count;
    size_t *widths = calloc(columns, sizeof(*widths));

    /* Without memory for the widths it is a table that is not aligned. */
    for (size_t i = 0; widths && i < columns; i++)
        widths[i] = column_width(table, i);
    for (size_t i = 0; i < columns; i++)
        print_cell(table, i, widths ? widths[i] : 0, table->columns[i].title, out);
    for (size_t i = 0; i < table->cell_count / columns * columns; i++)
        print_cell(table, i % columns, widths ? widths[i % columns] : 0, table->cells[i], out);
    free(widths);
}

#include "client/show/table.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"

enum { CELL_BYTES = 256, GAP = 2, FLEXIBLE_MIN = 6 };

struct cell {
    char *text;
    enum tone tone;
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct cell *cells;
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
        free(table->cells[i].text);
    free(table->cells);
    free(table);
}

static bool make_room(struct table *table)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 128;
    struct cell *cells;

    if (table->cell_count < table->capacity)
        return true;
    cells = reallocarray(table->cells, capacity, sizeof(*cells));
    if (!cells)
        return false;
    table->cells = cells;
    table->capacity = capacity;
    return true;
}

bool table_add_tone(struct table *table, const char *text, enum tone tone)
{
    char printable[CELL_BYTES];
    char *copy;

    cli_printable(text, strlen(text), printable, sizeof(printable));
    copy = table->failed || !make_room(table) ? NULL : strdup(printable);
    if (!copy) {
        table->failed = true;
        return false;
    }
    table->cells[table->cell_count++] = (struct cell){.text = copy, .tone = tone};
    return true;
}

bool table_add(struct table *table, const char *text)
{
    return table_add_tone(table, text, TONE_PLAIN);
}

bool table_add_uint(struct table *table, unsigned long long number)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", number);
    return table_add(table, text);
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t width = terminal_columns(table->columns[column].title);

    for (size_t i = column; i < table->cell_count; i += table->column_count) {
        size_t cell = terminal_columns(table->cells[i].text);

        if (cell > width)
            width = cell;
    }
    return width;
}

/* The widest flexible column that may still give; column_count: none. */
static size_t widest_flexible(const struct table *table, const size_t *widths)
{
    size_t widest = table->column_count;

    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].flexible && widths[i] > FLEXIBLE_MIN &&
            (widest == table->column_count || widths[i] > widths[widest]))
            widest = i;
    return widest;
}

/* Takes from the widest columns until the table fits, and then from the end: a column that is
 * not there has the width 0. */
static void squeeze(const struct table *table, size_t *widths, size_t room)
{
    size_t total = 0, column;

    for (size_t i = 0; i < table->column_count; i++)
        total += widths[i] + (i ? GAP : 0);
    while (total > room && (column = widest_flexible(table, widths)) < table->column_count) {
        widths[column]--;
        total--;
    }
    for (column = table->column_count; total > room && column-- > 1;) {
        total -= widths[column] + GAP;
        widths[column] = 0;
    }
}

static void print_cell(const struct table *table, size_t column, const size_t *widths,
                       const struct cell *cell, FILE *out, const struct terminal *terminal)
{
    size_t width = widths[column], own = terminal_columns(cell->text);
    bool last = column + 1 == table->column_count || widths[column + 1] == 0;
    bool cut = own > width;
    size_t bytes = cut ? terminal_fit(cell->text, width - 1) : strlen(cell->text);
    int padding = (int)(cut ? 0 : width - own);

    if (table->columns[column].right)
        fprintf(out, "%*s", padding, "");
    fprintf(out, "%s%.*s%s%s", terminal_begin(terminal, cell->tone), (int)bytes, cell->text,
            cut ? terminal_ellipsis() : "", terminal_end(terminal, cell->tone));
    if (!table->columns[column].right && !last)
        fprintf(out, "%*s", padding, "");
    if (!last)
        fprintf(out, "%*s", GAP, "");
}

void table_print(const struct table *table, FILE *out, const struct terminal *terminal)
{
    size_t columns = table->column_count;
    size_t *widths = calloc(columns, sizeof(*widths));

    if (!widths)
        return;
    for (size_t i = 0; i < columns; i++)
        widths[i] = column_width(table, i);
    if (terminal->width > 0)
        squeeze(table, widths, terminal->width);
    for (size_t i = 0; i < columns && widths[i] > 0; i++) {
        char *title = (char *)(uintptr_t)table->columns[i].title; /* only read */
        struct cell cell = {.text = title, .tone = TONE_TITLE};

        print_cell(table, i, widths, &cell, out, terminal);
    }
    fputc('\n', out);
    for (size_t i = 0; i < table->cell_count / columns * columns; i++) {
        if (widths[i % columns] > 0)
            print_cell(table, i % columns, widths, &table->cells[i], out, terminal);
        if ((i + 1) % columns == 0)
            fputc('\n', out);
    }
    free(widths);
}

#include "client/show/table.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/cli.h"

enum { CELL_BYTES = 256, GAP = 2 };

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

/* No cell of the column says anything. */
static bool is_empty(const struct table *table, size_t column)
{
    for (size_t i = column; i < table->cell_count; i += table->column_count)
        if (strcmp(table->cells[i].text, "-") != 0)
            return false;
    return true;
}

/* What one column takes at least. */
static size_t least(const struct table *table, const size_t *widths, size_t column)
{
    size_t min = table->columns[column].min;

    return min > 0 && min < widths[column] ? min : widths[column];
}

/* The width of the whole table, as it is or cut as far as can be. A column that is not there has
 * the width 0. */
static size_t total_width(const struct table *table, const size_t *widths, bool cut)
{
    size_t total = 0;

    for (size_t i = 0; i < table->column_count; i++) {
        size_t width = cut ? least(table, widths, i) : widths[i];

        total += width > 0 ? width + (total > 0 ? GAP : 0) : 0;
    }
    return total;
}

/* The column that is to go next; column_count: none. */
static size_t next_to_go(const struct table *table, const size_t *widths, bool empty)
{
    size_t next = table->column_count;

    for (size_t i = 0; i < table->column_count; i++)
        if (widths[i] > 0 && table->columns[i].go > 0 && (!empty || is_empty(table, i)) &&
            (next == table->column_count || table->columns[i].go > table->columns[next].go))
            next = i;
    return next;
}

/* The widest column that may still be cut; column_count: none. */
static size_t widest(const struct table *table, const size_t *widths)
{
    size_t found = table->column_count;

    for (size_t i = 0; i < table->column_count; i++)
        if (widths[i] > least(table, widths, i) &&
            (found == table->column_count || widths[i] > widths[found]))
            found = i;
    return found;
}

static void squeeze(const struct table *table, size_t *widths, size_t room)
{
    size_t column;

    while (total_width(table, widths, false) > room &&
           (column = next_to_go(table, widths, true)) < table->column_count)
        widths[column] = 0;
    while (total_width(table, widths, true) > room &&
           (column = next_to_go(table, widths, false)) < table->column_count)
        widths[column] = 0;
    while (total_width(table, widths, false) > room &&
           (column = widest(table, widths)) < table->column_count)
        widths[column]--;
    /* There is no terminal for this: the last ones go. */
    for (column = table->column_count; total_width(table, widths, false) > room && column-- > 1;)
        widths[column] = 0;
}

static bool is_last(const struct table *table, size_t column, const size_t *widths)
{
    while (++column < table->column_count)
        if (widths[column] > 0)
            return false;
    return true;
}

static void print_cell(const struct table *table, size_t column, const size_t *widths,
                       const struct cell *cell, FILE *out, const struct terminal *terminal)
{
    size_t width = widths[column], own = terminal_columns(cell->text);
    bool last = is_last(table, column, widths);
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
    for (size_t i = 0; i < columns; i++) {
        char *title = (char *)(uintptr_t)table->columns[i].title; /* only read */
        struct cell cell = {.text = title, .tone = TONE_TITLE};

        if (widths[i] > 0)
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

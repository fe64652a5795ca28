#define NCURSES_WIDECHAR 1
#include "client/top/top_screen.h"

#include <errno.h>
#include <ncurses.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PLOT_ROWS = 5, PLOT_ROWS_SMALL = 2, PLOT_LABEL = 8, POOLS_MAX = 6, WORKERS_MAX = 8 };
enum { SMALL_SCREEN = 32, TINY_SCREEN = 16, POOLS_TINY = 2, LINE_BYTES = 512 };
enum { NARROW = 60, WIDE = 100 };
enum { PAIR_GOOD = 1, PAIR_BUSY, PAIR_WAITING };

int top_screen_begin(struct top_screen *screen)
{
    SCREEN *terminal = newterm(NULL, stdout, stdin);

    if (!terminal)
        return -ENOTTY;
    set_term(terminal);
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    if (screen->colour && has_colors() && start_color() == OK) {
        use_default_colors();
        init_pair(PAIR_GOOD, COLOR_GREEN, -1);
        init_pair(PAIR_BUSY, COLOR_CYAN, -1);
        init_pair(PAIR_WAITING, COLOR_YELLOW, -1);
    } else {
        screen->colour = false;
    }
    return 0;
}

void top_screen_end(void)
{
    endwin();
}

int top_screen_key(void)
{
    int key = getch();

    return key == ERR ? -1 : key;
}

static const json_t *futures_of(const struct future_message *reply)
{
    return reply ? json_object_get(reply->result, "futures") : NULL;
}

/* The futures that are listed, in their order: those that run, and then the queue, what was
 * submitted first at its head. NULL: past the end. */
static const json_t *future_at(const struct top_model *model, size_t index)
{
    const json_t *running = futures_of(model->running), *pending = futures_of(model->pending);
    size_t count = json_array_size(running), waiting = json_array_size(pending);

    if (index < count)
        return json_array_get(running, index);
    return index < count + waiting ? json_array_get(pending, waiting - 1 - (index - count)) : NULL;
}

const json_t *top_screen_selected(const struct top_screen *screen, const struct top_model *model)
{
    return future_at(model, screen->selected);
}

void top_screen_move(struct top_screen *screen, const struct top_model *model, long by)
{
    size_t far = by < 0 ? (size_t)-by : (size_t)by;

    if (by < 0)
        screen->selected -= far < screen->selected ? far : screen->selected;
    else
        screen->selected += far;
    if (screen->selected >= screen->count)
        screen->selected = screen->count > 0 ? screen->count - 1 : 0;
    screen->id = cli_uint(future_at(model, screen->selected), "id");
}

/* The list has moved: the selection goes with its future, and stays where that is gone. */
static void find_selected(struct top_screen *screen, const struct top_model *model)
{
    screen->count =
        json_array_size(futures_of(model->running)) + json_array_size(futures_of(model->pending));
    for (size_t i = 0; screen->id > 0 && i < screen->count; i++)
        if (cli_uint(future_at(model, i), "id") == screen->id)
            screen->selected = i;
    top_screen_move(screen, model, 0);
}

/* ---- lines ---- */

/* A small screen has more use for futures, and a tiny one for nothing else. */
static int plot_rows(void)
{
    return LINES < SMALL_SCREEN ? PLOT_ROWS_SMALL : PLOT_ROWS;
}

static int workers_max(void)
{
    return LINES < SMALL_SCREEN ? WORKERS_MAX / 2 : WORKERS_MAX;
}

static size_t pools_max(void)
{
    return LINES < TINY_SCREEN ? POOLS_TINY : POOLS_MAX;
}

/* One line, cut to the screen. */
static void line(int row, attr_t attributes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void line(int row, attr_t attributes, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list arguments;

    if (row >= LINES)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    text[terminal_fit(text, (size_t)(COLS > 1 ? COLS - 1 : 1))] = '\0';
    attrset((int)attributes);
    mvaddstr(row, 0, text);
    attrset(A_NORMAL);
}

static attr_t tone(const struct top_screen *screen, short pair)
{
    return screen->colour ? (attr_t)COLOR_PAIR(pair) : A_NORMAL;
}

/* Text made printable, and cut or filled up to so many columns. */
static void cell(const char *text, size_t columns, char *ret_text, size_t size)
{
    size_t bytes, own;

    cli_printable(text, strlen(text), ret_text, size);
    own = terminal_columns(ret_text);
    if (own > columns) {
        ret_text[terminal_fit(ret_text, columns - 1)] = '\0';
        strncat(ret_text, terminal_ellipsis(), size - strlen(ret_text) - 1);
        own = terminal_columns(ret_text);
    }
    bytes = strlen(ret_text);
    for (; own < columns && bytes + 1 < size; own++)
        ret_text[bytes++] = ' ';
    ret_text[bytes] = '\0';
}

static int draw_head(const struct top_screen *screen, const struct top_model *model)
{
    const json_t *counts =
        model->running ? json_object_get(model->running->result, "counts") : NULL;

    if (screen->trouble)
        line(0, A_BOLD | A_REVERSE, "%s", screen->trouble);
    else
        line(0, A_BOLD, "futured: %llu pending, %llu running, %llu finished, %llu cancelled",
             (unsigned long long)cli_uint(counts, "PENDING"),
             (unsigned long long)cli_uint(counts, "RUNNING"),
             (unsigned long long)cli_uint(counts, "FINISHED"),
             (unsigned long long)cli_uint(counts, "CANCELLED"));
    return 1;
}

/* ---- throughput ---- */

/* Eighths of a row as a bar from below. */
static void draw_column(int bottom, int column, unsigned eighths)
{
    static const char *const blocks[] = {"", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    bool utf8 = terminal_ellipsis()[0] != '~';

    for (int row = bottom; eighths > 0 && row > bottom - plot_rows(); row--) {
        unsigned part = eighths < 8 ? eighths : 8;

        mvaddstr(row, column, utf8 ? blocks[part] : part >= 4 ? "#" : ".");
        eighths -= part;
    }
}

static int draw_plot(const struct top_screen *screen, const struct top_model *model, int row)
{
    unsigned width = COLS > PLOT_LABEL + 1 ? (unsigned)(COLS - PLOT_LABEL - 1) : 0;
    uint64_t highest = 1;

    if (width > TOP_SECONDS - 1)
        width = TOP_SECONDS - 1;
    for (unsigned ago = 1; ago <= width; ago++)
        if (top_model_rate(model, ago) > highest)
            highest = top_model_rate(model, ago);
    line(row, A_NORMAL, "%6llu", (unsigned long long)highest);
    line(row + plot_rows() - 1, A_NORMAL, "%6d", 0);
    attrset((int)tone(screen, PAIR_GOOD));
    for (unsigned ago = 1; ago <= width; ago++) {
        uint64_t rate = top_model_rate(model, ago);

        draw_column(row + plot_rows() - 1, PLOT_LABEL + (int)(width - ago),
                    (unsigned)(rate * (unsigned)plot_rows() * 8 / highest));
    }
    attrset(A_NORMAL);
    line(row + plot_rows(), A_DIM, "%6llu done in the last second; above, each second until now",
         (unsigned long long)top_model_rate(model, 1));
    return row + plot_rows() + 1;
}

/* ---- tables ---- */

static int draw_pools(const struct top_model *model, int row)
{
    const json_t *pools = json_object_get(model->pools->result, "pools"), *pool;
    size_t i;

    line(row++, A_REVERSE, "%-16s %-8s %9s %9s %9s", "POOL", "STATE", "PENDING", "RUNNING",
         "WORKERS");
    json_array_foreach (pools, i, pool) {
        bool broken = json_is_true(json_object_get(pool, "broken"));
        bool paused = json_is_true(json_object_get(pool, "paused"));
        char name[128];

        if (i == pools_max()) {
            line(row++, A_DIM, "and %zu more", json_array_size(pools) - i);
            break;
        }
        cell(cli_string(pool, "name", ""), 16, name, sizeof(name));
        line(row++, A_NORMAL, "%s %-8s %9llu %9llu %4llu/%-4llu", name,
             broken   ? "broken"
             : paused ? "paused"
                      : "running",
             (unsigned long long)cli_uint(pool, "pending"),
             (unsigned long long)cli_uint(pool, "running"),
             (unsigned long long)cli_uint(pool, "threads"),
             (unsigned long long)cli_uint(pool, "max_workers"));
    }
    return row;
}

/* A number, or a dash where there is none. */
static void number_text(uint64_t number, char *ret_text, size_t size)
{
    if (number > 0)
        snprintf(ret_text, size, "%llu", (unsigned long long)number);
    else
        snprintf(ret_text, size, "-");
}

/* Those that are at work, or the others, as far as there is room. */
static int draw_some_workers(const struct top_model *model, bool busy, int *shown, int row)
{
    const json_t *pools = json_object_get(model->pools->result, "pools"), *pool, *worker;
    char future[24], pid[24];
    size_t i, j;

    json_array_foreach (pools, i, pool)
        json_array_foreach (json_object_get(pool, "workers"), j, worker) {
            if ((cli_uint(worker, "future") > 0) != busy || (*shown)++ >= workers_max())
                continue;
            number_text(cli_uint(worker, "future"), future, sizeof(future));
            number_text(cli_uint(worker, "pid"), pid, sizeof(pid));
            line(row++, A_NORMAL, "%-16s %-10s %9llu %9s %9s", cli_string(worker, "name", ""),
                 cli_string(worker, "state", ""), (unsigned long long)cli_uint(worker, "thread"),
                 future, pid);
        }
    return row;
}

static int draw_workers(const struct top_model *model, int row)
{
    int shown = 0;

    line(row++, A_REVERSE, "%-16s %-10s %9s %9s %9s", "WORKER", "STATE", "THREAD", "FUTURE", "PID");
    row = draw_some_workers(model, true, &shown, row);
    row = draw_some_workers(model, false, &shown, row);
    if (shown > workers_max())
        line(row++, A_DIM, "and %d more", shown - workers_max());
    return row;
}

/* On a narrow screen the command gets the room. */
static size_t note_columns(void)
{
    return COLS < NARROW ? 0 : COLS < WIDE ? 12 : 24;
}

static size_t pool_columns(void)
{
    return COLS < NARROW ? 0 : COLS < WIDE ? 8 : 16;
}

/* What a line has besides its command: what it waits for, how far a map is, the label. */
static void note_text(const json_t *future, char *ret_text, size_t size)
{
    const json_t *map = json_object_get(future, "map");
    const char *waiting = cli_string(future, "waiting", "");
    const char *label = cli_string(future, "label", "");
    unsigned long long count = cli_uint(map, "count"), done = cli_uint(map, "finished");
    char map_text[64] = "";

    done += cli_uint(map, "cancelled");
    if (map)
        snprintf(map_text, sizeof(map_text), "%llu/%llu", done, count);
    snprintf(ret_text, size, "%s%s%s%s%s", waiting, waiting[0] && map ? " " : "", map_text,
             (waiting[0] || map) && label[0] ? " " : "", label);
}

/* The columns of one future, or their titles. */
static void draw_row(int row, attr_t attributes, const char *first, const char *pool,
                     const char *note, const char *command)
{
    char pool_cell[128], note_cell[256], text[256];

    cli_printable(command, strlen(command), text, sizeof(text));
    if (COLS < NARROW) {
        line(row, attributes, "%s %s", first, text);
        return;
    }
    cell(pool, pool_columns(), pool_cell, sizeof(pool_cell));
    cell(note, note_columns(), note_cell, sizeof(note_cell));
    line(row, attributes, "%s %s %s %s", first, pool_cell, note_cell, text);
}

static void draw_future(const struct top_screen *screen, const json_t *future, bool selected,
                        int row)
{
    const char *state = cli_string(future, "state", "");
    bool running = strcmp(state, "RUNNING") == 0;
    double since = json_number_value(json_object_get(future, running ? "started" : "submitted"));
    char span[32], first[64], note[160];

    time_span_text(time_now() - since, span, sizeof(span));
    snprintf(first, sizeof(first), "%8llu %-8s %7s", (unsigned long long)cli_uint(future, "id"),
             state, span);
    note_text(future, note, sizeof(note));
    draw_row(row, tone(screen, running ? PAIR_BUSY : PAIR_WAITING) | (selected ? A_REVERSE : 0),
             first, cli_string(future, "pool", ""), note,
             cli_string(future, "description", cli_string(future, "fn", "")));
}

/* Where a list of the daemon's has to end: below that id it is not known. 0: it is whole. */
static uint64_t left_out(const struct future_message *reply)
{
    return reply ? cli_uint(reply->result, "next") : 0;
}

static int draw_left_out(const struct future_message *reply, const char *state, int row)
{
    if (left_out(reply) > 0)
        line(row++, A_DIM, "%8s older: future status --state %s --before %llu", "...", state,
             (unsigned long long)left_out(reply));
    return row;
}

/* Those that run, then the queue, what was submitted first at its head: only the newest of each,
 * where they are very many. */
static void draw_futures(struct top_screen *screen, const struct top_model *model, int row)
{
    size_t running = json_array_size(futures_of(model->running)), first = 0;
    char titles[64];
    int rows;

    find_selected(screen, model);
    snprintf(titles, sizeof(titles), "%8s %-8s %7s", "ID", "STATE", "FOR");
    draw_row(row++, A_REVERSE, titles, "POOL", "NOTE", "COMMAND");
    rows = LINES - 1 - row - (left_out(model->running) > 0) - (left_out(model->pending) > 0);
    screen->page = rows > 1 ? (size_t)rows : 1;
    if (screen->selected >= screen->page)
        first = screen->selected - screen->page + 1;
    for (size_t i = first; i <= screen->count && row < LINES - 1; i++) {
        if (i == running) {
            row = draw_left_out(model->running, "running", row);
            row = draw_left_out(model->pending, "pending", row);
        }
        if (i < screen->count && row < LINES - 1)
            draw_future(screen, future_at(model, i), i == screen->selected, row++);
    }
}

void top_screen_draw(struct top_screen *screen, const struct top_model *model)
{
    int row;

    erase();
    row = draw_head(screen, model);
    if (model->pools && LINES >= TINY_SCREEN)
        row = draw_plot(screen, model, row);
    if (model->pools)
        row = draw_pools(model, row);
    if (model->pools && LINES >= TINY_SCREEN)
        row = draw_workers(model, row);
    draw_futures(screen, model, row);
    line(LINES - 1, A_BOLD, "%s",
         screen->note[0] ? screen->note
                         : "q quit  up/down select  c cancel  k terminate  p pause or resume");
    refresh();
}

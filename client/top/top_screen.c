#define NCURSES_WIDECHAR 1
#include "client/top/top_screen.h"

#include <errno.h>
#include <ncurses.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PLOT_ROWS = 5, PLOT_ROWS_SMALL = 2, PLOT_LABEL = 8, POOLS_MAX = 6, WORKERS_MAX = 8 };
enum { SMALL_SCREEN = 32, LINE_BYTES = 512 };
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

void top_screen_move(struct top_screen *screen, int by)
{
    if (by < 0 && screen->selected > 0)
        screen->selected--;
    if (by > 0 && screen->selected + 1 < screen->count)
        screen->selected++;
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

/* ---- lines ---- */

/* A small screen has more use for futures. */
static int plot_rows(void)
{
    return LINES < SMALL_SCREEN ? PLOT_ROWS_SMALL : PLOT_ROWS;
}

static int workers_max(void)
{
    return LINES < SMALL_SCREEN ? WORKERS_MAX / 2 : WORKERS_MAX;
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

static int draw_head(const struct top_model *model)
{
    const json_t *counts = json_object_get(model->running->result, "counts");

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
        char name[32];

        if (i == POOLS_MAX)
            break;
        cli_printable(cli_string(pool, "name", ""), strlen(cli_string(pool, "name", "")), name,
                      sizeof(name));
        line(row++, A_NORMAL, "%-16s %-8s %9llu %9llu %4llu/%-4llu", name,
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
static int note_columns(void)
{
    return COLS < 100 ? 12 : 24;
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

static int draw_future(const struct top_screen *screen, const json_t *future, bool selected,
                       int row)
{
    const char *state = cli_string(future, "state", "");
    bool running = strcmp(state, "RUNNING") == 0;
    double since = json_number_value(json_object_get(future, running ? "started" : "submitted"));
    const char *text = cli_string(future, "description", cli_string(future, "fn", ""));
    char span[32], note[160], printable[80], command[256];

    time_span_text(time_now() - since, span, sizeof(span));
    note_text(future, note, sizeof(note));
    cli_printable(note, strlen(note), printable, sizeof(printable));
    cli_printable(text, strlen(text), command, sizeof(command));
    line(row, tone(screen, running ? PAIR_BUSY : PAIR_WAITING) | (selected ? A_REVERSE : 0),
         "%8llu %-8s %7s %-8s %-*s %s", (unsigned long long)cli_uint(future, "id"), state, span,
         cli_string(future, "pool", ""), note_columns(), printable, command);
    return row + 1;
}

static void draw_futures(struct top_screen *screen, const struct top_model *model, int row)
{
    int rows = LINES - row - 2;
    size_t first = 0;

    screen->count =
        json_array_size(futures_of(model->running)) + json_array_size(futures_of(model->pending));
    if (screen->selected >= screen->count)
        screen->selected = screen->count > 0 ? screen->count - 1 : 0;
    line(row++, A_REVERSE, "%8s %-8s %7s %-8s %-*s %s", "ID", "STATE", "FOR", "POOL",
         note_columns(), "NOTE", "COMMAND");
    if (rows > 0 && screen->selected >= (size_t)rows)
        first = screen->selected - (size_t)rows + 1;
    for (size_t i = first; i < screen->count && row < LINES - 1; i++)
        row = draw_future(screen, future_at(model, i), i == screen->selected, row);
}

void top_screen_draw(struct top_screen *screen, const struct top_model *model)
{
    int row;

    erase();
    row = draw_head(model);
    row = draw_plot(screen, model, row);
    row = draw_pools(model, row);
    row = draw_workers(model, row);
    draw_futures(screen, model, row);
    line(LINES - 1, A_BOLD, "%s",
         screen->note[0] ? screen->note
                         : "q quit  up/down select  c cancel  k terminate  p pause or resume");
    refresh();
}

/* top: what the daemon is doing, live. */
#include <ncurses.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli_ids.h"
#include "client/cli/command.h"
#include "client/cli/follow.h"
#include "client/show/show_futures.h"
#include "client/show/show_pools.h"
#include "client/top/top_screen.h"

enum { OPTION_ONCE = CLI_OWN };

struct top {
    struct cli *cli;
    struct top_model model;
    struct top_screen screen;
    struct interrupts interrupts;
    int interval_ms;
};

/* ---- keys ---- */

/* Calls a method, and shows what came of it in the last line. */
static void act(struct top *top, const char *method, const char *text, const char *done)
{
    struct future_message *reply;
    int r = top->cli->client ? future_call(top->cli->client, method, text, TOP_PATIENCE_MS, &reply)
                             : FUTURE_DISCONNECTED;

    if (r < 0) {
        snprintf(top->screen.note, sizeof(top->screen.note), "%s", future_failure_text(r));
        return;
    }
    snprintf(top->screen.note, sizeof(top->screen.note), "%s",
             reply->kind == FUTURE_ERROR ? reply->error.message : done);
    future_message_free(reply);
}

static void cancel_selected(struct top *top, bool terminate)
{
    const json_t *future = top_screen_selected(&top->screen, &top->model);
    unsigned long long id = cli_uint(future, "id");
    char params[80], done[80];

    if (!future)
        return;
    snprintf(params, sizeof(params), "{\"id\":%llu,\"terminate\":%s}", id,
             terminate ? "true" : "false");
    snprintf(done, sizeof(done), "%s future %llu", terminate ? "terminating" : "cancelling", id);
    act(top, "cancel", params, done);
}

/* The pool of the selected future, else `default`. */
static void pause_or_resume(struct top *top)
{
    const json_t *future = top_screen_selected(&top->screen, &top->model);
    const char *name = cli_string(future, "pool", "default");
    const json_t *pools = json_object_get(top->model.pools->result, "pools"), *pool;
    struct writer params = {0};
    bool paused = false;
    char *text;
    size_t i;

    json_array_foreach (pools, i, pool)
        if (strcmp(cli_string(pool, "name", ""), name) == 0)
            paused = json_is_true(json_object_get(pool, "paused"));
    writer_begin_object(&params);
    writer_key(&params, "pool");
    writer_cstring(&params, name);
    writer_end_object(&params);
    text = writer_take(&params, NULL);
    if (text)
        act(top, paused ? "pool.resume" : "pool.pause", text, paused ? "resumed" : "paused");
    free(text);
}

/* How far a key moves the selection; 0: it is no such key. */
static long distance(const struct top_screen *screen, int key)
{
    switch (key) {
    case KEY_UP:
        return -1;
    case KEY_DOWN:
        return 1;
    case KEY_PPAGE:
        return -(long)screen->page;
    case KEY_NPAGE:
        return (long)screen->page;
    case KEY_HOME:
        return -(long)screen->count;
    case KEY_END:
        return (long)screen->count;
    default:
        return 0;
    }
}

/* False: leave. */
static bool take_keys(struct top *top)
{
    int key;

    while ((key = top_screen_key()) != -1) {
        if (key == KEY_RESIZE) /* not pressed by anybody, who may not have read the note */
            continue;
        top->screen.note[0] = '\0';
        if (key == 'q' || key == 'Q')
            return false;
        if (distance(&top->screen, key) != 0)
            top_screen_move(&top->screen, &top->model, distance(&top->screen, key));
        if (key == 'c' || key == 'k')
            cancel_selected(top, key == 'k');
        if (key == 'p' && top->model.pools)
            pause_or_resume(top);
    }
    return true;
}

/* ---- the loop ---- */

/* The daemon may be started anew, and goes on being watched then. */
static int connect_again(struct top *top)
{
    int r = future_connect(top->cli->socket_path, TOP_PATIENCE_MS, &top->cli->client);

    return r == 0 ? top_model_begin(top->cli->client, &top->model) : r;
}

/* What is seen stays on the screen while nobody answers. */
static void look(struct top *top)
{
    struct cli *cli = top->cli;
    int r = cli->client ? 0 : connect_again(top);

    if (r == 0)
        r = top_model_take_in(cli->client, &top->model);
    if (r == 0)
        r = top_model_refresh(cli->client, &top->model);
    top->screen.trouble = r == 0                  ? NULL
                          : r == FUTURE_TIMED_OUT ? "The daemon does not answer."
                                                  : "The daemon is gone: waiting for another one.";
    if (r == 0 || r == FUTURE_TIMED_OUT)
        return;
    future_close(cli->client);
    cli->client = NULL;
}

static void loop(struct top *top)
{
    for (;;) {
        struct pollfd ready[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                  {.fd = top->interrupts.fd, .events = POLLIN}};

        look(top);
        top_screen_draw(&top->screen, &top->model);
        (void)poll(ready, 2, top->interval_ms);
        if (interrupts_take(&top->interrupts) != 0 || ready[0].revents & POLLHUP || !take_keys(top))
            return;
    }
}

static int show_live(struct top *top)
{
    int r = top_model_begin(top->cli->client, &top->model);

    if (r < 0)
        return cli_tell_failure(top->cli, r);
    r = interrupts_begin(&top->interrupts);
    if (r < 0)
        return cli_fail_errno(top->cli, r, "signals");
    top->screen.colour = top->cli->out.colour;
    r = top_screen_begin(&top->screen);
    if (r < 0)
        return cli_fail(top->cli, "this terminal cannot be drawn on; see --once");
    loop(top);
    top_screen_end();
    interrupts_end(&top->interrupts);
    return EXIT_FINE;
}

/* One picture, as text. */
static int show_once(struct top *top)
{
    struct cli *cli = top->cli;
    int status, r = top_model_refresh(cli->client, &top->model);
    const json_t *counts;

    if (r < 0)
        return cli_tell_failure(cli, r);
    counts = json_object_get(top->model.running->result, "counts");
    printf("%llu pending, %llu running, %llu finished, %llu cancelled\n\n",
           (unsigned long long)cli_uint(counts, "PENDING"),
           (unsigned long long)cli_uint(counts, "RUNNING"),
           (unsigned long long)cli_uint(counts, "FINISHED"),
           (unsigned long long)cli_uint(counts, "CANCELLED"));
    status = show_pools(cli, top->model.pools);
    putchar('\n');
    if (status == 0)
        status = show_futures(cli, json_object_get(top->model.running->result, "futures"));
    return status;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"once", no_argument, NULL, OPTION_ONCE},
                                          {"interval", required_argument, NULL, 'i'},
                                          CLI_COMMON_OPTIONS};
    struct top top = {.cli = cli, .interrupts = {.fd = -1}, .interval_ms = 1000};
    bool once = !cli->out.is_terminal || !isatty(STDIN_FILENO);
    int64_t interval_us;
    int option, status;

    while ((option = cli_getopt(cli, argc, argv, ":hi:", longs)) != -1) {
        if (option != OPTION_ONCE && option != 'i')
            return cli_stop(cli, option);
        if (option == OPTION_ONCE) {
            once = true;
            continue;
        }
        status = cli_duration(cli, "interval", optarg, &interval_us);
        if (status != 0)
            return status;
        top.interval_ms = interval_us < 100000 ? 100 : (int)(interval_us / 1000 % 3600000);
    }
    if (optind < argc)
        return cli_bad_usage(cli, "`%s` is too much", argv[optind]);
    if (cli->json)
        return cli_bad_usage(cli,
                             "no JSON is made of it: `future status --json`, `future pool --json` "
                             "and `future stats --json` have it");
    status = cli_connect(cli);
    if (status == 0)
        status = once ? show_once(&top) : show_live(&top);
    top_model_clear(&top.model);
    return status;
}

const struct command cmd_top = {
    .name = "top",
    .usage = "top [OPTIONS]",
    .summary = "Show pools, workers, the queue and the throughput, live",
    .help =
        "Keys: q leaves; up, down, page up, page down, home and end select a future; c cancels\n"
        "it, k terminates it, p pauses its pool or lets it go on. Where the daemon goes, it is\n"
        "waited for. Without a terminal all is shown once, as text.\n\n"
        "      --once             one picture, as text\n"
        "  -i, --interval DUR     draw so often (1s)\n\n"
        "  future top --once | head\n",
    .run = run,
};

#include "daemon/run/remote.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/run/command_env.h"
#include "daemon/run/dump.h"
#include "daemon/run/handler_argv.h"
#include "daemon/run/remote_impl.h"

/* ---- what is told of it ---- */

uint64_t remote_silence_ns(const struct remote *remote)
{
    if (remote->timeout_ms == 0)
        return 0;
    return (remote->timeout_ms * 5 / 4 + REMOTE_MARGIN_MS) * NS_PER_MS;
}

void remote_set_trouble(struct remote *remote, const char *format, ...)
{
    char text[REMOTE_TROUBLE_BYTES];
    va_list args;
    bool news;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    pthread_mutex_lock(&remote->lock);
    news = strcmp(text, remote->trouble) != 0;
    if (news)
        memcpy(remote->trouble, text, sizeof(text));
    pthread_mutex_unlock(&remote->lock);
    if (news)
        log_warning("pool %s: %s", remote->pool, text);
}

void remote_clear_trouble(struct remote *remote)
{
    bool news;

    pthread_mutex_lock(&remote->lock);
    news = remote->trouble[0] != '\0';
    remote->trouble[0] = '\0';
    pthread_mutex_unlock(&remote->lock);
    if (news)
        log_info("pool %s: its launcher works again", remote->pool);
}

static bool tell_trouble(struct place *place, char *ret_text, size_t size)
{
    struct remote *remote = (struct remote *)place;
    bool any;

    pthread_mutex_lock(&remote->lock);
    any = remote->trouble[0] != '\0';
    if (any)
        snprintf(ret_text, size, "%s", remote->trouble);
    pthread_mutex_unlock(&remote->lock);
    return any;
}

static void describe(struct place *place, unsigned number, struct seat_facts *ret_facts)
{
    struct remote *remote = (struct remote *)place;
    struct seat *seat;

    *ret_facts = (struct seat_facts){.ready = false};
    pthread_mutex_lock(&remote->lock);
    SLIST_FOREACH (seat, &remote->seats, link)
        if (seat->number == number)
            break;
    if (seat) {
        ret_facts->ready = atomic_load(&seat->ready);
        ret_facts->pid = atomic_load(&seat->pid);
        memcpy(ret_facts->host, seat->host, sizeof(ret_facts->host));
    }
    pthread_mutex_unlock(&remote->lock);
}

static const struct place_ops remote_ops = {
    .take = seat_take,
    .look = seat_look,
    .prepare = seat_prepare,
    .run = seat_run,
    .leave = seat_leave,
    .describe = describe,
    .trouble = tell_trouble,
};

/* ---- making and ending ---- */

/* What stands in braces must be known: a typing error would end up in the launcher's arguments. */
static bool knows_braces(const char *word)
{
    for (const char *open = word; (open = strchr(open, '{')); open++) {
        if (strncmp(open, "{pool}", 6) != 0 && strncmp(open, "{worker}", 8) != 0 &&
            strncmp(open, "{slots}", 7) != 0)
            return false;
    }
    return true;
}

static int split_launcher(const char *launcher, char ***ret_words, const char **ret_why)
{
    int r = handler_argv_split(launcher, ret_words, ret_why);

    for (char **word = r == 0 ? *ret_words : NULL; word && *word; word++) {
        if (knows_braces(*word))
            continue;
        free(*ret_words);
        *ret_why = "only {pool}, {worker} and {slots} may stand in braces";
        return -EINVAL;
    }
    return r;
}

int remote_launcher_check(const char *launcher, const char **ret_why)
{
    char **words;
    int r = split_launcher(launcher, &words, ret_why);

    if (r == 0)
        free(words);
    return r;
}

static int copy_texts(struct remote *remote, const struct remote_settings *settings)
{
    remote->pool = strdup(settings->pool);
    remote->launcher = strdup(settings->launcher);
    remote->program = strdup(settings->program);
    remote->version = strdup(settings->version);
    if (settings->plugin_dir)
        remote->plugin_dir = strdup(settings->plugin_dir);
    if (!remote->pool || !remote->launcher || !remote->program || !remote->version ||
        (settings->plugin_dir && !remote->plugin_dir))
        return -ENOMEM;
    return 0;
}

static void set_numbers(struct remote *remote, const struct remote_settings *settings)
{
    remote->slots = settings->slots;
    remote->timeout_ms = settings->timeout_ms;
    remote->start_ns = settings->start_s * NS_PER_S;
    remote->output_bytes = settings->output_bytes;
    remote->output_total_bytes = settings->output_total_bytes;
    remote->result_bytes = settings->result_bytes;
    remote->handler = (struct handler_bounds){
        .line_bytes = settings->line_bytes, .depth = settings->depth, .values = settings->values};
    /* A line has all that a result or the kept output can be, each byte as six at the worst. What a
     * plugin returns has bounds of its own: each of its values is a byte at least. */
    remote->bounds = (struct handler_bounds){
        .line_bytes = settings->line_bytes * 6 + settings->result_bytes,
        .depth = (settings->depth > DUMP_DEPTH ? settings->depth : DUMP_DEPTH) + 8,
        .values = settings->values + settings->result_bytes + 64,
        .worker = true,
    };
    remote->reset_signals = process_signals_to_reset();
    remote->leftovers = settings->leftovers;
    remote->sets_open_files = settings->open_files != NULL;
    if (settings->open_files)
        remote->open_files = (struct process_limit){RLIMIT_NOFILE, *settings->open_files};
}

int remote_new(const struct remote_settings *settings, struct place **ret_place)
{
    struct remote *remote = calloc(1, sizeof(*remote));
    const char *why;
    int r;

    if (!remote)
        return -ENOMEM;
    pthread_mutex_init(&remote->lock, NULL);
    SLIST_INIT(&remote->seats);
    r = handler_backoff_init(&remote->backoff);
    if (r < 0) {
        pthread_mutex_destroy(&remote->lock);
        free(remote);
        return r;
    }
    set_numbers(remote, settings);
    r = copy_texts(remote, settings);
    if (r == 0)
        r = split_launcher(settings->launcher, &remote->words, &why);
    if (r == 0)
        r = command_env_new(settings->environment, settings->socket_path, &remote->env);
    if (r == 0)
        r = handler_keeper_new(&remote->keeper);
    remote->place = (struct place){.ops = &remote_ops, .launcher = remote->launcher};
    if (r < 0) {
        remote_free(&remote->place);
        return r;
    }
    *ret_place = &remote->place;
    return 0;
}

void remote_free(struct place *place)
{
    struct remote *remote = (struct remote *)place;
    struct seat *seat;

    if (!remote)
        return;
    handler_keeper_free(remote->keeper);
    while ((seat = SLIST_FIRST(&remote->seats))) {
        SLIST_REMOVE_HEAD(&remote->seats, link);
        seat_free(seat);
    }
    command_env_free(remote->env);
    handler_backoff_destroy(&remote->backoff);
    pthread_mutex_destroy(&remote->lock);
    free(remote->words);
    free(remote->pool);
    free(remote->launcher);
    free(remote->program);
    free(remote->version);
    free(remote->plugin_dir);
    free(remote);
}

void remote_retire(struct place *place)
{
    struct remote *remote = (struct remote *)place;

    atomic_store(&remote->retired, true);
}

bool remote_is_left(const struct place *place)
{
    const struct remote *remote = (const struct remote *)place;

    return place->workers == 0 && handler_keeper_is_idle(remote->keeper);
}

#include "daemon/server_places.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/config.h"
#include "daemon/core/place.h"
#include "daemon/run/remote.h"
#include "proto/version.h"

/* How often to look whether somebody is left in places that are retired. */
#define SWEEP_NS (100 * NS_PER_MS)

struct known_place {
    char *pool;
    struct place *place;
    bool retired; /* another one has taken over, and it goes when nobody is left there */
};

struct places {
    struct places_settings settings;
    char program[PATH_MAX]; /* our own */
    struct known_place *known;
    size_t count;
    struct deadline sweep;
};

int places_new(const struct places_settings *settings, struct places **ret_places)
{
    struct places *places = calloc(1, sizeof(*places));
    ssize_t size;
    if (!places)
        return -ENOMEM;
    places->settings = *settings;
    size = readlink("/proc/self/exe", places->program, sizeof(places->program) - 1);
    if (size < 0)
        strcpy(places->program, "futured");
    *ret_places = places;
    return 0;
}

void places_free(struct places *places)
{
    if (!places)
        return;
    deadline_clear(places->settings.timers, &places->sweep);
    for (size_t i = 0; i < places->count; i++) {
        remote_free(places->known[i].place);
        free(places->known[i].pool);
    }
    free(places->known);
    free(places);
}

static void forget(struct places *places, size_t i)
{
    remote_free(places->known[i].place);
    free(places->known[i].pool);
    places->known[i] = places->known[--places->count];
}

static void on_sweep(struct deadline *deadline)
{
    struct places *places = CONTAINER_OF(deadline, struct places, sweep);
    bool more = false;
    for (size_t i = 0; i < places->count;) {
        const struct known_place *known = &places->known[i];
        if (known->retired && remote_is_left(known->place)) {
            forget(places, i);
            continue;
        }
        more |= known->retired;
        i++;
    }
    /* Without memory they stay until the next reload. */
    if (more)
        (void)deadline_set(places->settings.timers, &places->sweep, clock_mono_ns() + SWEEP_NS,
                           on_sweep);
}

void places_use(struct places *places, const char *pool, const struct place *place)
{
    for (size_t i = 0; i < places->count; i++) {
        struct known_place *known = &places->known[i];
        if (strcmp(known->pool, pool) != 0 || known->retired)
            continue;
        known->retired = known->place != place;
        if (known->retired)
            remote_retire(known->place);
    }
    (void)deadline_set(places->settings.timers, &places->sweep, clock_mono_ns() + SWEEP_NS,
                       on_sweep);
}

void places_drop(struct places *places, const struct place *place)
{
    for (size_t i = 0; place && i < places->count; i++) {
        if (places->known[i].place == place) {
            forget(places, i);
            return;
        }
    }
}

static int make(const struct places *places, const struct config *config,
                const struct config_pool *pool, struct place **ret_place)
{
    const struct limits *limits = &config->limits;
    struct remote_settings settings = {
        .pool = pool->name,
        .launcher = pool->launcher,
        .program = pool->launcher_program ? pool->launcher_program : places->program,
        .slots = pool->slots,
        .timeout_ms = pool->launcher_timeout_ms,
        .start_s = limits->launcher_seconds,
        .version = FUTURED_VERSION,
        .plugin_dir = config->plugin_dir,
        .environment = places->settings.environment,
        .socket_path = places->settings.socket_path,
        .open_files = places->settings.open_files,
        .leftovers = places->settings.leftovers,
        .output_bytes = limits->output_bytes,
        .output_total_bytes = limits->output_total_bytes,
        .result_bytes = limits->result_bytes,
        .line_bytes = limits->line_bytes,
        .depth = limits->depth,
        .values = limits->values,
    };
    return remote_new(&settings, ret_place);
}

int places_make(struct places *places, const struct config *config, const struct config_pool *pool,
                struct place **ret_place)
{
    struct known_place *grown;
    struct known_place known = {.place = NULL};
    int r;
    if (!pool->launcher) {
        *ret_place = NULL;
        return 0;
    }
    grown = reallocarray(places->known, places->count + 1, sizeof(*places->known));
    if (!grown)
        return -ENOMEM;
    places->known = grown;
    known.pool = strdup(pool->name);
    r = known.pool ? make(places, config, pool, &known.place) : -ENOMEM;
    if (r < 0) {
        free(known.pool);
        return r;
    }
    places->known[places->count++] = known;
    *ret_place = known.place;
    return 0;
}

bool places_same_limits(const struct limits *a, const struct limits *b)
{
    return a->output_bytes == b->output_bytes && a->output_total_bytes == b->output_total_bytes &&
           a->result_bytes == b->result_bytes && a->line_bytes == b->line_bytes &&
           a->depth == b->depth && a->values == b->values &&
           a->launcher_seconds == b->launcher_seconds;
}

#include "daemon/server_places.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/core/place.h"
#include "daemon/run/remote.h"
#include "proto/version.h"

struct known_place {
    char *pool;
    struct place *place;
};

struct places {
    struct places_settings settings;
    char program[PATH_MAX]; /* our own */
    struct known_place *known;
    size_t count;
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
    for (size_t i = 0; i < places->count; i++) {
        remote_free(places->known[i].place);
        free(places->known[i].pool);
    }
    free(places->known);
    free(places);
}

static void retire_others(struct places *places, const char *pool)
{
    for (size_t i = 0; i < places->count; i++)
        if (strcmp(places->known[i].pool, pool) == 0)
            remote_retire(places->known[i].place);
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
        retire_others(places, pool->name);
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
    retire_others(places, pool->name);
    places->known[places->count++] = known;
    *ret_place = known.place;
    return 0;
}

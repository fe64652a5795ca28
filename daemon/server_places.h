/* The places where pools with a launcher execute (core/place.h): made from the configuration, and
 * kept until another one has taken over and the last worker has left. Loop thread only. */
#ifndef FUTURED_SERVER_PLACES_H
#define FUTURED_SERVER_PLACES_H

#include <stdbool.h>

#include "daemon/base/timers.h"

struct config;
struct config_error;
struct config_pool;
struct leftovers;
struct limits;
struct place;
struct places;
struct rlimit;

/* All is borrowed for as long as the places live. */
struct places_settings {
    char *const *environment;
    const char *socket_path;
    const struct rlimit *open_files; /* what launchers get; NULL: the daemon's */
    struct leftovers *leftovers;
    struct timers *timers;
};

/* 0 or -ENOMEM. */
int places_new(const struct places_settings *settings, struct places **ret_places);
/* The executor must have ended before. NULL is allowed. */
void places_free(struct places *places);

/* A new place for the pool as the section says, NULL where it has no launcher. It is used, or
 * dropped again. 0 or -errno. */
int places_make(struct places *places, const struct config *config, const struct config_pool *pool,
                struct place **ret_place);
/* The pool has that place now, or none (NULL): an earlier one ends with the calls that it has. */
void places_use(struct places *places, const char *pool, const struct place *place);
/* One that was made and not used. NULL is allowed. */
void places_drop(struct places *places, const struct place *place);
/* Whether a place would be made alike with these limits. */
bool places_same_limits(const struct limits *a, const struct limits *b);

#endif

/* The places where pools with a launcher execute (core/place.h): made from the configuration, and
 * kept until the end, as workers and what is told of futures refer to them. Loop thread only. */
#ifndef FUTURED_SERVER_PLACES_H
#define FUTURED_SERVER_PLACES_H

struct config;
struct config_error;
struct config_pool;
struct leftovers;
struct place;
struct places;
struct rlimit;

/* All is borrowed for as long as the places live. */
struct places_settings {
    char *const *environment;
    const char *socket_path;
    const struct rlimit *open_files; /* what launchers get; NULL: the daemon's */
    struct leftovers *leftovers;
};

/* 0 or -ENOMEM. */
int places_new(const struct places_settings *settings, struct places **ret_places);
/* The executor must have ended before. NULL is allowed. */
void places_free(struct places *places);

/* The place of the pool as the section says, NULL where it has no launcher; an earlier one of that
 * pool ends with the calls that it has. 0 or -errno. */
int places_make(struct places *places, const struct config *config, const struct config_pool *pool,
                struct place **ret_place);

#endif

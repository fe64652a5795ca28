#include "daemon/net/guests.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct guest {
    uid_t uid;
    uint64_t connections;
    UT_hash_handle hh;
};

struct guests {
    const struct limits *limits;
    struct guest *by_uid;
    uint64_t connections;
};

struct guests *guests_new(const struct limits *limits)
{
    struct guests *guests = calloc(1, sizeof(*guests));
    if (guests)
        guests->limits = limits;
    return guests;
}

void guests_free(struct guests *guests)
{
    free(guests);
}

static struct guest *find(const struct guests *guests, uid_t uid)
{
    struct guest *guest = NULL;
    HASH_FIND(hh, guests->by_uid, &uid, sizeof(uid), guest);
    return guest;
}

/* How many there may be for somebody who has no claim to the reserved ones. */
static uint64_t unreserved(const struct limits *limits)
{
    uint64_t half = limits->connections / 2;
    return limits->connections -
           (limits->connections_reserved < half ? limits->connections_reserved : half);
}

static int refuse(const char *limit, uint64_t value, const char **ret_limit, uint64_t *ret_value)
{
    *ret_limit = limit;
    *ret_value = value;
    return -EMFILE;
}

int guests_enter(struct guests *guests, const struct peer *peer, const char **ret_limit,
                 uint64_t *ret_value)
{
    const struct limits *limits = guests->limits;
    struct guest *guest = find(guests, peer->uid);
    uint64_t own = guest ? guest->connections : 0;
    /* Who could end the daemon anyway is not held to a share of it. */
    if (!peer->is_master && own >= limits->connections_per_uid)
        return refuse("connections_per_uid", limits->connections_per_uid, ret_limit, ret_value);
    if (guests->connections >= (peer->is_master ? limits->connections : unreserved(limits)))
        return refuse("connections", limits->connections, ret_limit, ret_value);
    if (!guest) {
        guest = calloc(1, sizeof(*guest));
        if (!guest)
            return -ENOMEM;
        guest->uid = peer->uid;
        HASH_ADD(hh, guests->by_uid, uid, sizeof(guest->uid), guest);
        if (!guest->hh.tbl) {
            free(guest);
            return -ENOMEM;
        }
    }
    guest->connections++;
    guests->connections++;
    return 0;
}

void guests_leave(struct guests *guests, uid_t uid)
{
    struct guest *guest = find(guests, uid);
    guests->connections--;
    if (--guest->connections > 0)
        return;
    HASH_DEL(guests->by_uid, guest);
    free(guest);
}

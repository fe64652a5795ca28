#include "daemon/core/owner.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct owner {
    uint32_t uid;
    unsigned references;
    uint64_t by_state[FUTURE_STATES];
    struct owners *owners;
    UT_hash_handle hh;
};

struct owners {
    struct owner *by_uid;
    uint64_t by_state[FUTURE_STATES]; /* everybody's */
};

struct owners *owners_new(void)
{
    return calloc(1, sizeof(struct owners));
}

void owners_free(struct owners *owners)
{
    free(owners);
}

static struct owner *find(const struct owners *owners, uint32_t uid)
{
    struct owner *owner = NULL;
    HASH_FIND(hh, owners->by_uid, &uid, sizeof(uid), owner);
    return owner;
}

struct owner *owner_ref(struct owners *owners, uint32_t uid)
{
    struct owner *owner = find(owners, uid);
    if (!owner) {
        owner = calloc(1, sizeof(*owner));
        if (!owner)
            return NULL;
        owner->uid = uid;
        owner->owners = owners;
        HASH_ADD(hh, owners->by_uid, uid, sizeof(uid), owner);
        if (!owner->hh.tbl) {
            free(owner);
            return NULL;
        }
    }
    owner->references++;
    return owner;
}

void owner_unref(struct owner *owner)
{
    if (!owner || --owner->references > 0)
        return;
    HASH_DEL(owner->owners->by_uid, owner);
    free(owner);
}

uint32_t owner_uid(const struct owner *owner)
{
    return owner->uid;
}

void owner_count(struct owner *owner, enum future_state state, int by)
{
    owner->by_state[state] += (uint64_t)(int64_t)by;
    owner->owners->by_state[state] += (uint64_t)(int64_t)by;
}

int owners_count_trace(struct owners *owners, uint32_t uid, enum future_state state, int by)
{
    struct owner *owner = by > 0 ? owner_ref(owners, uid) : find(owners, uid);
    if (!owner)
        return -ENOMEM;
    owner_count(owner, state, by);
    if (by < 0)
        owner_unref(owner);
    return 0;
}

void owners_counts(const struct owners *owners, bool all, uint32_t uid,
                   uint64_t ret_counts[FUTURE_STATES])
{
    const struct owner *owner = all ? NULL : find(owners, uid);
    for (unsigned state = 0; state < FUTURE_STATES; state++)
        ret_counts[state] = all ? owners->by_state[state] : owner ? owner->by_state[state] : 0;
}

/* Idempotency keys: which future a user's key stands for, so that a submit which is sent again
 * gives the same future. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/core/executor_impl.h"

/* An idempotency key and the future that it stands for. */
struct key_entry {
    UT_hash_handle hh;
    struct future *future;
    uint64_t call;  /* a hash of what was asked, to tell the same call from another */
    size_t id_size; /* of `id`, as uthash wants it */
    char id[];      /* the user in eight hexadecimal digits, then the key */
};

#define UID_DIGITS 8

/* FNV-1a: who wants two calls to look the same deceives only himself. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

struct key_entry *key_entry_new(const char *key, const char *call, uint32_t uid)
{
    size_t id_size = UID_DIGITS + strlen(key);
    struct key_entry *entry = calloc(1, sizeof(*entry) + id_size + 1);
    if (!entry)
        return NULL;
    entry->call = hash_of(call);
    entry->id_size = id_size;
    snprintf(entry->id, id_size + 1, "%08x%s", uid, key);
    return entry;
}

void key_entry_free(struct executor *executor, struct key_entry *entry)
{
    if (!entry)
        return;
    if (entry->future) {
        entry->future->key = NULL;
        HASH_DEL(executor->keys, entry);
    }
    free(entry);
}

const char *key_entry_key(const struct key_entry *entry, uint64_t *ret_call)
{
    *ret_call = entry->call;
    return entry->id + UID_DIGITS;
}

struct future *key_entry_known(const struct executor *executor, const struct key_entry *like,
                               bool *ret_same)
{
    struct key_entry *entry = NULL;
    HASH_FIND(hh, executor->keys, like->id, like->id_size, entry);
    if (!entry)
        return NULL;
    *ret_same = entry->call == like->call;
    return entry->future;
}

bool key_entry_add(struct executor *executor, struct key_entry *entry, struct future *future)
{
    HASH_ADD_KEYPTR(hh, executor->keys, entry->id, entry->id_size, entry);
    if (!entry->hh.tbl)
        return false;
    entry->future = future;
    future->key = entry;
    return true;
}

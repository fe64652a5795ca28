/* Idempotency keys: which future a user's key stands for, so that a submit which is sent again
 * gives the same future. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"

/* An idempotency key and the future that it stands for. */
struct key_entry {
    UT_hash_handle hh;
    uint64_t id;      /* of the future; 0: not in the table of keys */
    uint64_t call;    /* a hash of what was asked, to tell the same call from another */
    size_t name_size; /* of `name`, as uthash wants it */
    char name[];      /* the user in eight hexadecimal digits, then the key */
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

static struct key_entry *entry_new(const char *key, uint64_t call, uint32_t uid)
{
    size_t name_size = UID_DIGITS + strlen(key);
    struct key_entry *entry = calloc(1, sizeof(*entry) + name_size + 1);
    if (!entry)
        return NULL;
    entry->call = call;
    entry->name_size = name_size;
    snprintf(entry->name, name_size + 1, "%08x%s", uid, key);
    return entry;
}

struct key_entry *key_entry_new(const char *key, const char *call, uint32_t uid)
{
    return entry_new(key, hash_of(call), uid);
}

struct key_entry *key_entry_restore(const char *key, uint64_t call, uint32_t uid)
{
    return entry_new(key, call, uid);
}

void key_entry_free(struct executor *executor, struct key_entry *entry)
{
    if (!entry)
        return;
    if (entry->id != 0)
        HASH_DEL(executor->keys, entry);
    free(entry);
}

const char *key_entry_key(const struct key_entry *entry, uint64_t *ret_call)
{
    *ret_call = entry->call;
    return entry->name + UID_DIGITS;
}

static bool is_stale(const struct executor *executor, const struct key_entry *entry)
{
    struct future *future;
    int r = future_table_find(executor->table, entry->id, &future);
    return r < 0 && r != -ENODATA;
}

uint64_t key_entry_known(struct executor *executor, const struct key_entry *like, bool *ret_same)
{
    struct key_entry *entry = NULL;
    HASH_FIND(hh, executor->keys, like->name, like->name_size, entry);
    if (!entry)
        return 0;
    if (is_stale(executor, entry)) {
        key_entry_free(executor, entry);
        return 0;
    }
    *ret_same = entry->call == like->call;
    return entry->id;
}

bool key_entry_add(struct executor *executor, struct key_entry *entry, uint64_t id)
{
    HASH_ADD_KEYPTR(hh, executor->keys, entry->name, entry->name_size, entry);
    if (!entry->hh.tbl)
        return false;
    entry->id = id;
    return true;
}

struct key_entry *key_entry_find(const struct executor *executor, const char *key, uint32_t uid)
{
    struct key_entry *like = entry_new(key, 0, uid);
    struct key_entry *entry = NULL;
    if (like)
        HASH_FIND(hh, executor->keys, like->name, like->name_size, entry);
    free(like);
    return entry;
}

/* A trace does not know its key. So the entries are looked through once as many traces have gone as
 * there are entries, and that costs each of them a constant. */
void keys_tidy(struct executor *executor)
{
    if (executor->keys_stale <= HASH_COUNT(executor->keys))
        return;
    executor->keys_stale = 0;
    struct key_entry *entry, *next;
    for (entry = executor->keys; entry; entry = next) {
        next = entry->hh.next;
        if (is_stale(executor, entry))
            key_entry_free(executor, entry);
    }
}

void keys_free(struct executor *executor)
{
    while (executor->keys)
        key_entry_free(executor, executor->keys);
}

#include "daemon/store/fresh.h"

#include "daemon/store/database.h"

static struct brief *place_of(struct database *database, uint64_t id)
{
    return &database->fresh.futures[id % FRESH_FUTURES];
}

int fresh_add(struct database *database, const struct brief *brief)
{
    struct brief *place = place_of(database, brief->future.id);
    int rc = place->future.id != 0 ? fresh_write(database, place) : SQLITE_OK;
    if (rc != SQLITE_OK)
        return rc;
    *place = *brief;
    database->fresh.count++;
    return rc;
}

struct brief *fresh_find(struct database *database, uint64_t id)
{
    struct brief *place = place_of(database, id);
    return database->fresh.count > 0 && place->future.id == id ? place : NULL;
}

void fresh_remove(struct database *database, struct brief *brief)
{
    brief->future.id = 0;
    database->fresh.count--;
}

int fresh_write(struct database *database, struct brief *brief)
{
    int rc = brief_write(database, brief);
    fresh_remove(database, brief);
    return rc;
}

int fresh_flush(struct database *database)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; rc == SQLITE_OK && database->fresh.count > 0 && i < FRESH_FUTURES; i++)
        if (database->fresh.futures[i].future.id != 0)
            rc = fresh_write(database, &database->fresh.futures[i]);
    return rc;
}

void fresh_drop(struct database *database)
{
    for (size_t i = 0; database->fresh.count > 0 && i < FRESH_FUTURES; i++)
        if (database->fresh.futures[i].future.id != 0)
            fresh_remove(database, &database->fresh.futures[i]);
}

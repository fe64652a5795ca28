#include "daemon/store/counts.h"

#include "daemon/store/database.h"
#include "daemon/store/record.h"

static uint64_t *counter_of(struct map_row *map, enum future_state state)
{
    switch (state) {
    case FUTURE_RUNNING:
        return &map->running;
    case FUTURE_CANCELLED:
        return &map->cancelled;
    case FUTURE_FINISHED:
        return &map->finished;
    case FUTURE_PENDING:
        break;
    }
    return NULL;
}

int count_item(struct database *database, const struct future_row *row, enum future_state state,
               bool failed)
{
    bool found;
    if (row->item_of == 0)
        return SQLITE_OK;
    int rc = database_map(database, row->item_of, &found);
    if (rc != SQLITE_OK || !found)
        return rc;
    struct map_row *map = &database->map;
    uint64_t *from = counter_of(map, row->state);
    uint64_t *to = counter_of(map, state);
    if (from && *from > 0)
        --*from;
    if (to)
        ++*to;
    if (row->failed && map->failed > 0)
        map->failed--;
    if (failed)
        map->failed++;
    map->dirty = true;
    return SQLITE_OK;
}

int count_bytes(struct database *database, const struct future_row *row, bool alone, int64_t bytes)
{
    bool found = false;
    int rc = SQLITE_OK;
    if (alone) {
        database->totals.done_count += bytes >= 0 ? 1 : -1;
        database->totals.done_bytes += (uint64_t)bytes;
    }
    if (row->flags & FUTURE_IS_MAP || !alone)
        rc = database_map(database, row->flags & FUTURE_IS_MAP ? row->id : row->item_of, &found);
    if (rc != SQLITE_OK || !found)
        return rc;
    struct map_row *map = &database->map;
    if (!alone) {
        map->bytes += (uint64_t)bytes;
        if (map->counted)
            database->totals.done_bytes += (uint64_t)bytes;
    } else {
        database->totals.done_bytes += bytes >= 0 ? map->bytes : -map->bytes;
        map->counted = bytes >= 0;
    }
    map->dirty = true;
    return rc;
}

int count_as_told(struct database *database, uint64_t id, const struct stored_map *map)
{
    bool found;
    int rc = database_map(database, id, &found);
    if (rc != SQLITE_OK || !found)
        return rc;
    struct map_row *row = &database->map;
    row->open = map->open;
    row->count = map->count;
    row->first = map->first;
    row->running = map->by_state[FUTURE_RUNNING];
    row->cancelled = map->by_state[FUTURE_CANCELLED];
    row->finished = map->by_state[FUTURE_FINISHED];
    row->failed = map->failed;
    row->dirty = true;
    return rc;
}

int count_gone(struct database *database, const struct future_row *row)
{
    bool found;
    if (row->item_of == 0)
        return SQLITE_OK;
    int rc = database_map(database, row->item_of, &found);
    if (rc != SQLITE_OK || !found)
        return rc;
    if (row->state == FUTURE_CANCELLED)
        database->map.gone_cancelled++;
    if (row->state == FUTURE_FINISHED)
        database->map.gone_finished++;
    database->map.dirty = true;
    return rc;
}

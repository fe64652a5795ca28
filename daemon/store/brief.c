#include "daemon/store/brief.h"

#include <string.h>

#include "daemon/store/change.h"
#include "daemon/store/database.h"
#include "daemon/store/record.h"

bool brief_is(const struct stored_future *future, unsigned flags)
{
    return flags == 0 && future->item_of == 0 && future->state == FUTURE_PENDING &&
           future->started_us == 0 && future->due_us == 0;
}

struct future_row brief_row(const struct brief *brief)
{
    const struct stored_future *future = &brief->future;
    return (struct future_row){
        .id = future->id,
        .spec_id = future->id,
        .uid = brief->spec.uid,
        .state = future->state,
        .failed = future->failed,
        .attempt = future->attempt,
        .started_us = future->started_us,
        .cursor = future->cursor,
        .bytes = brief->bytes,
    };
}

uint64_t brief_bytes(const struct brief *brief)
{
    return brief->bytes + brief->future.outcome.json_bytes;
}

bool brief_matches(const struct brief *brief, const struct store_query *query)
{
    return query->item_of == 0 && (query->all_users || brief->spec.uid == query->uid) &&
           (query->states == 0 || query->states & 1u << brief->future.state) &&
           (!query->pool || strcmp(brief->spec.pool, query->pool) == 0) &&
           (!query->label || strcmp(brief->spec.label, query->label) == 0);
}

int brief_write(struct database *database, const struct brief *brief)
{
    const struct stored_future *future = &brief->future;
    const struct outcome *outcome = &future->outcome;
    struct placed json = {.data = outcome->json, .size = outcome->json_bytes}, none = {0};
    int rc = spec_write(database, future->id, &brief->spec);
    if (rc == SQLITE_OK)
        rc = database_run(database, FUTURE_ADD_BRIEF, "iiiiiiiiii", future->id,
                          (int64_t)brief->spec.uid, (int64_t)future->state, (int64_t)future->failed,
                          future->priority, (int64_t)future->attempt, future->submitted_us,
                          future->started_us, future->cursor, brief->bytes);
    if (rc == SQLITE_OK && future->state >= FUTURE_CANCELLED)
        rc = database_run(database, DONE_ADD, "iiiiiiiissppp", future->cursor, future->id,
                          (int64_t) true, future->finished_us, brief_bytes(brief), (int64_t)0,
                          (int64_t)outcome->kind, (int64_t)-1, outcome->type, outcome->message,
                          &json, &none, &none);
    return rc;
}

/* ---- as bytes ---- */

/* What its neighbour has as well is not written again. */
static bool is_like(const struct stored_spec *spec, const struct stored_spec *before)
{
    return spec->uid == before->uid && spec->timeout_ns == before->timeout_ns &&
           spec->retry_max == before->retry_max && spec->retry_delay_ns == before->retry_delay_ns &&
           spec->retry_backoff == before->retry_backoff &&
           spec->rerun_on_crash == before->rerun_on_crash && spec->scoped == before->scoped &&
           spec->durability == before->durability &&
           strcmp(spec->function, before->function) == 0 && strcmp(spec->pool, before->pool) == 0 &&
           strcmp(spec->label, before->label) == 0;
}

/* Numbers that rise from one to the next are written as differences. */
static void put_from(struct bytes *bytes, int64_t value, int64_t before)
{
    bytes_put_int(bytes, (int64_t)((uint64_t)value - (uint64_t)before));
}

static int64_t take_from(struct bytes_reader *reader, int64_t before)
{
    return (int64_t)((uint64_t)bytes_take_int(reader) + (uint64_t)before);
}

void brief_put(struct bytes *bytes, const struct brief *before, const struct brief *brief)
{
    static const struct brief none;
    const struct stored_future *future = &brief->future;
    const struct stored_future *last = before ? &before->future : &none.future;
    bool like = before && is_like(&brief->spec, &before->spec);
    bytes_put_uint(bytes, like);
    if (!like)
        spec_put(bytes, &brief->spec);
    bytes_put_text(bytes, brief->spec.args, brief->spec.args_bytes);
    put_from(bytes, (int64_t)future->id, (int64_t)last->id);
    put_from(bytes, (int64_t)future->cursor, (int64_t)last->cursor);
    put_from(bytes, future->submitted_us, last->submitted_us);
    put_from(bytes, future->started_us, last->started_us);
    put_from(bytes, future->finished_us, last->finished_us);
    bytes_put_uint(bytes, future->state);
    bytes_put_uint(bytes, future->attempt);
    bytes_put_int(bytes, future->priority);
    bytes_put_uint(bytes, brief->bytes);
    bytes_put_uint(bytes, future->outcome.kind);
    bytes_put_string(bytes, future->outcome.type);
    bytes_put_string(bytes, future->outcome.message);
    bytes_put_text(bytes, future->outcome.json, future->outcome.json_bytes);
}

static bool is_whole(const struct stored_spec *spec)
{
    return spec->function && spec->pool && spec->label && spec->args &&
           (unsigned)spec->durability < DURABILITIES;
}

bool brief_take(struct bytes_reader *reader, const struct brief *before, struct brief *ret_brief)
{
    static const struct brief none;
    const struct stored_future *last = before ? &before->future : &none.future;
    struct brief brief = {.bytes = 0};
    struct stored_future *future = &brief.future;
    if (bytes_take_uint(reader) == 0)
        spec_take(reader, &brief.spec);
    else if (before)
        brief.spec = before->spec;
    brief.spec.args = bytes_take_text(reader, &brief.spec.args_bytes);
    future->id = (uint64_t)take_from(reader, (int64_t)last->id);
    future->spec_id = future->id;
    future->cursor = (uint64_t)take_from(reader, (int64_t)last->cursor);
    future->submitted_us = take_from(reader, last->submitted_us);
    future->started_us = take_from(reader, last->started_us);
    future->finished_us = take_from(reader, last->finished_us);
    uint64_t state = bytes_take_uint(reader);
    future->state = (enum future_state)state;
    future->attempt = (unsigned)bytes_take_uint(reader);
    future->priority = bytes_take_int(reader);
    brief.bytes = bytes_take_uint(reader);
    uint64_t kind = bytes_take_uint(reader);
    future->outcome.kind = (enum outcome_kind)kind;
    future->outcome.type = bytes_take_text(reader, NULL);
    future->outcome.message = bytes_take_text(reader, NULL);
    future->outcome.json = bytes_take_text(reader, &future->outcome.json_bytes);
    future->failed = kind == OUTCOME_EXCEPTION;
    if (reader->failed || !is_whole(&brief.spec) || kind > OUTCOME_EXCEPTION ||
        (state != FUTURE_CANCELLED && state != FUTURE_FINISHED))
        return false;
    *ret_brief = brief;
    return true;
}

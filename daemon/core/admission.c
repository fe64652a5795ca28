#include "daemon/core/admission.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/core/future_table.h"
#include "daemon/core/statistics.h"

/* ---- building ---- */

static struct future *build_future(struct executor *executor, const struct submission *submission,
                                   const struct client *client)
{
    struct spec *spec = spec_new(executor, submission, client);
    if (!spec)
        return NULL;
    struct map *map = NULL;
    struct future *future = NULL;
    if (!submission->is_map || (map = spec->map = map_new()))
        future = future_new(spec, false, submission->args, submission->args_bytes);
    if (!future)
        map_free(map);
    spec_unref(spec); /* the future has its own reference */
    if (!future)
        return NULL;
    future->priority = submission->priority;
    if (map) {
        map->open = map->was_open = submission->open;
        map->fail_fast = submission->fail_fast;
        map->window = submission->window;
        if (map_append(future, submission->items, submission->item_count) < 0) {
            future_free(future);
            return NULL;
        }
    }
    return future;
}

void admission_free(struct admission *admission)
{
    if (!admission)
        return;
    if (admission->future) {
        struct map *map = own_map(admission->future);
        if (map)
            map_truncate(map, map->count);
        future_free(admission->future);
    }
    key_entry_free(admission->executor, admission->key);
    free(admission);
}

struct admission *admission_new(struct executor *executor, const struct submission *submission,
                                const struct client *client, const struct submit_answer *answer)
{
    size_t after_size = submission->after_count * sizeof(struct stored_after);
    struct admission *admission = calloc(1, sizeof(*admission) + after_size);
    if (!admission)
        return NULL;
    admission->executor = executor;
    admission->client = *client;
    admission->answer = *answer;
    admission->delay_ns = submission->delay_ns;
    admission->after_count = submission->after_count;
    for (size_t i = 0; i < submission->after_count; i++)
        admission->after[i] = (struct stored_after){.id = submission->after[i].id,
                                                    .on = (int)submission->after[i].on};
    admission->future = build_future(executor, submission, client);
    if (admission->future && submission->key)
        admission->key = key_entry_new(submission->key, submission->key_call, client->uid);
    if (!admission->future || (submission->key && !admission->key)) {
        admission_free(admission);
        return NULL;
    }
    return admission;
}

uint64_t admission_calls(const struct admission *admission)
{
    const struct map *map = own_map(admission->future);
    return map ? map->count : 1;
}

/* ---- answering ---- */

void submit_refuse(const struct submit_answer *answer, enum refusal refusal,
                   const struct refusal_detail *detail)
{
    static const struct refusal_detail nothing = {.id = 0};
    answer->fn(answer->arg, refusal, detail ? detail : &nothing, NULL, false);
}

static void answer_nobody(void *arg, enum refusal refusal, const struct refusal_detail *detail,
                          struct future *future, bool duplicate)
{
    (void)arg;
    (void)refusal;
    (void)detail;
    (void)future;
    (void)duplicate;
}

void admission_forget_client(struct admission *admission)
{
    admission->answer.fn = answer_nobody;
}

/* ---- into the tables and the store ---- */

static void number_future(struct executor *executor, struct future *future, int64_t now_us,
                          unsigned holds)
{
    future->id = future_table_add(executor->table, future, future_uid(future));
    if (future->spec->durability == DURABILITY_NONE)
        reserve_id(executor, future->id);
    future->submitted_us = now_us;
    future->cursor = next_cursor(executor);
    add_hold(future, holds);
    future_count_in(future);
    if (!own_map(future))
        pool_statistics(future->spec->pool)->submitted++;
}

void number_items(struct executor *executor, struct map *map, uint64_t from, int64_t now_us)
{
    for (uint64_t i = from; i < map->count; i++)
        number_future(executor, map_item(map, i), now_us, HOLD_MAP | HOLD_COMMIT);
    if (from == 0 && map->count > 0)
        map->first = map_item_id(map, 0);
}

void admission_let_go(struct admission *admission)
{
    admission->future = NULL;
    admission->key = NULL;
}

void admission_begin_committing(struct admission *admission, bool late)
{
    admission->late = late;
    admission->executor->late_submits += late;
    TAILQ_INSERT_TAIL(&admission->executor->committing_submits, admission, link);
    if (!admission->executor->early_next)
        admission->executor->early_next = admission;
}

void admission_end_committing(struct admission *admission)
{
    if (admission->executor->early_next == admission)
        admission->executor->early_next = TAILQ_NEXT(admission, link);
    TAILQ_REMOVE(&admission->executor->committing_submits, admission, link);
    admission->executor->late_submits -= admission->late;
}

static void refuse_unstored(struct future *future, const struct submit_answer *answer, int error)
{
    struct executor *executor = executor_of(future);
    struct refusal_detail detail = {.error = error};
    reserve_again(executor);
    stop_waiting(future);
    if (!early_refused(future))
        remove_future(future, false);
    submit_refuse(answer, REFUSED_STORAGE, &detail);
    settle_run(executor);
}

/* The store has it: tell, and let it go its way. */
static void on_submit_stored(void *arg, int error)
{
    struct admission *admission = arg;
    struct executor *executor = admission->executor;
    struct future *future = admission->future;
    struct submit_answer answer = admission->answer;
    uint64_t failed_id = admission->failed_id;
    admission_end_committing(admission);
    admission_let_go(admission);
    admission_free(admission);
    early_give(executor);
    if (error < 0) {
        refuse_unstored(future, &answer, error);
        return;
    }
    struct map *map = own_map(future);
    for (uint64_t i = 0; map && i < map->count; i++)
        let_in(map_item(map, i));
    let_in(future);
    ahead_submitted(future);
    answer.fn(answer.arg, REFUSED_NOT, NULL, future, false);
    early_stored(future);
    /* Its client has gone before it could be told, and so could not end it. */
    if (answer.fn == answer_nobody && future->spec->scoped)
        end_scoped(future);
    else if (failed_id != 0)
        fail_dependency(future, failed_id);
    else
        schedule(future);
    settle_run(executor);
}

void put_items(struct map *map, uint64_t from)
{
    for (uint64_t i = from; i < map->count; i++)
        put_submitted(map_item(map, i), 0, NULL, 0);
}

static void put_admitted(const struct admission *admission)
{
    struct future *future = admission->future;
    int64_t due_us = 0;
    if (admission->delay_ns > 0)
        due_us = clock_wall_us() + (int64_t)(admission->delay_ns / 1000);
    struct map *map = own_map(future);
    put_submitted(future, due_us, admission->after, admission->after_count);
    if (map)
        put_items(map, 0);
}

/* The key stands for the id that the future gets next. False: no memory. */
static bool add_key(struct admission *admission)
{
    struct executor *executor = admission->executor;
    struct rare *rare = future_rare(admission->future);
    if (!rare || !key_entry_add(executor, admission->key, future_table_next_id(executor->table)))
        return false;
    rare->key = admission->key;
    return true;
}

enum refusal admit(struct admission *admission, struct refusal_detail *detail)
{
    struct executor *executor = admission->executor;
    struct future *future = admission->future;
    struct map *map = own_map(future);
    enum refusal refusal = add_dependencies(future, &admission->client, admission->after,
                                            admission->after_count, &admission->failed_id, detail);
    if (refusal != REFUSED_NOT)
        goto fail;
    bool waits =
        future->holds != 0 || admission->delay_ns > 0 || pool_is_paused(future->spec->pool);
    if (!waits && admission_calls(admission) > 0) {
        detail->error = pool_ensure_worker(future->spec->pool);
        refusal = detail->error < 0 ? REFUSED_NO_THREAD : REFUSED_NOT;
        if (refusal != REFUSED_NOT)
            goto fail;
    }
    refusal = REFUSED_NO_MEMORY;
    if (future_table_reserve(executor->table, admission_calls(admission) + 1) < 0)
        goto fail;
    if (admission->delay_ns > 0 && hold_for(future, HOLD_DELAY, admission->delay_ns) < 0)
        goto fail;
    if (admission->key && !add_key(admission))
        goto fail;
    bool early = !admission->key && admission->failed_id == 0 && early_is_possible(future);
    int64_t now_us = clock_wall_us();
    number_future(executor, future, now_us, HOLD_COMMIT);
    if (map)
        number_items(executor, map, 0, now_us);
    if (map && map->open)
        LIST_INSERT_HEAD(&executor->open_maps, map, open_link);
    bool late = !(early && early_push(future));
    if (late && admission->failed_id == 0)
        ahead_with_submit(future);
    admission_begin_committing(admission, late);
    put_admitted(admission);
    executor->settings.store->ops->commit(executor->settings.store, true, on_submit_stored,
                                          admission);
    return REFUSED_NOT;
fail:
    stop_waiting(future);
    admission_free(admission);
    return refusal;
}

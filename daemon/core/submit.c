/* From a submission to a queued future: checks, admission, the holds that keep it waiting. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"
#include "daemon/core/owner.h"
#include "daemon/core/statistics.h"

/* A submit on its way in: what the answer needs, and the dependencies, which are looked up only
 * when there is room. */
struct admission {
    TAILQ_ENTRY(admission) link; /* while parked, then while it is committed */
    struct executor *executor;
    struct future *future; /* a map's has its items */
    struct client client;
    struct submit_answer answer;
    uint64_t delay_ns;
    uint64_t failed_id;    /* a dependency that can never come true; 0: none */
    bool late;             /* committed, and not pushed before that is done */
    struct key_entry *key; /* NULL: none; in the table of keys only once it is admitted */
    size_t after_count;
    struct stored_after after[];
};

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

static void admission_free(struct admission *admission)
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

static struct admission *admission_new(struct executor *executor,
                                       const struct submission *submission,
                                       const struct client *client,
                                       const struct submit_answer *answer)
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

static uint64_t calls_of(const struct admission *admission)
{
    const struct map *map = own_map(admission->future);
    return map ? map->count : 1;
}

/* ---- refusing ---- */

static void refuse(const struct submit_answer *answer, enum refusal refusal,
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

static void refuse_limit(const struct submit_answer *answer, const char *limit, uint64_t value)
{
    struct refusal_detail detail = {.limit = limit, .value = value};
    refuse(answer, REFUSED_LIMIT, &detail);
}

static bool fits(const struct executor *executor, bool all, uint32_t uid, uint64_t calls,
                 uint64_t limit)
{
    uint64_t counts[FUTURE_STATES];
    owners_counts(executor->owners, all, uid, counts);
    return calls <= limit && counts[FUTURE_PENDING] <= limit - calls;
}

const char *past_pending(const struct executor *executor, uint32_t uid, uint64_t calls,
                         uint64_t *ret_value)
{
    const struct executor_settings *settings = &executor->settings;
    if (!fits(executor, true, 0, calls, settings->pending_limit)) {
        *ret_value = settings->pending_limit;
        return "pending";
    }
    if (!fits(executor, false, uid, calls, settings->pending_per_uid)) {
        *ret_value = settings->pending_per_uid;
        return "pending_per_uid";
    }
    return NULL;
}

/* Answers, if the submission cannot be taken now or ever, whatever room there is. */
static bool refused_outright(struct executor *executor, const struct submission *submission,
                             const struct client *client, const struct submit_answer *answer)
{
    if (executor->shut_down) {
        refuse(answer, REFUSED_SHUT_DOWN, NULL);
        return true;
    }
    if (pool_is_broken(submission->pool)) {
        refuse(answer, REFUSED_BROKEN_POOL, NULL);
        return true;
    }
    for (size_t i = 0; i < submission->after_count; i++) {
        struct refusal_detail detail = {.id = submission->after[i].id};
        struct glance glance;
        enum refusal refusal = executor_glance(executor, client, detail.id, &glance);
        if (refusal != REFUSED_NOT && refusal != REFUSED_NOT_YET) {
            refuse(answer, refusal, &detail);
            return true;
        }
    }
    const struct executor_settings *settings = &executor->settings;
    if (submission->item_count > settings->map_items_limit) {
        refuse_limit(answer, "map_items", settings->map_items_limit);
        return true;
    }
    uint64_t value;
    const char *limit = past_pending(executor, client->uid,
                                     submission->is_map ? submission->item_count : 1, &value);
    if (limit) {
        refuse_limit(answer, limit, value);
        return true;
    }
    return false;
}

/* The submit that has waited longest for room in this pool; NULL: none. */
static const struct admission *first_parked(const struct executor *executor,
                                            const struct pool *pool)
{
    const struct admission *admission;
    TAILQ_FOREACH (admission, &executor->parked, link)
        if (admission->future->spec->pool == pool)
            break;
    return admission;
}

/* ---- admission ---- */

bool done_as_needed(const struct glance *glance, int needs)
{
    bool result = glance->state == FUTURE_FINISHED && !glance->failed;
    return needs == AFTER_RESULT ? result : needs == AFTER_EXCEPTION ? glance->failed : true;
}

int depend(struct future *waiter, struct future *on, int needs)
{
    struct rare *of_waiter = future_rare(waiter), *of_on = future_rare(on);
    struct dependency *dependency = of_waiter && of_on ? calloc(1, sizeof(*dependency)) : NULL;
    if (!dependency)
        return -ENOMEM;
    dependency->waiter = waiter;
    dependency->on = on;
    dependency->needs = needs == AFTER_RESULT      ? NEEDS_RESULT
                        : needs == AFTER_EXCEPTION ? NEEDS_EXCEPTION
                                                   : NEEDS_DONE;
    LIST_INSERT_HEAD(&of_on->dependents, dependency, of_future);
    LIST_INSERT_HEAD(&of_waiter->dependencies, dependency, of_waiter);
    return 0;
}

static enum refusal link_dependencies(struct admission *admission, struct refusal_detail *detail)
{
    struct future *future = admission->future;
    for (size_t i = 0; i < admission->after_count; i++) {
        struct stored_after *after = &admission->after[i];
        struct executor *executor = admission->executor;
        struct future *on = NULL;
        struct glance glance;
        detail->id = after->id;
        enum refusal refusal = executor_glance(executor, &admission->client, after->id, &glance);
        if (refusal != REFUSED_NOT)
            return refusal;
        if (glance.state == FUTURE_CANCELLED || glance.state == FUTURE_FINISHED) {
            if (!done_as_needed(&glance, after->on))
                admission->failed_id = after->id;
            continue;
        }
        (void)executor_find(executor, &admission->client, after->id, &on);
        if (depend(future, on, after->on) < 0)
            return REFUSED_NO_MEMORY;
        if (!is_stored(on))
            after->on |= AFTER_UNSTORED;
    }
    if (future_waits(future))
        add_hold(future, HOLD_AFTER);
    return REFUSED_NOT;
}

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

/* The future and its key are in their tables, which own them now. */
static void let_go(struct admission *admission)
{
    admission->future = NULL;
    admission->key = NULL;
}

static void begin_committing(struct admission *admission, bool late)
{
    admission->late = late;
    admission->executor->late_submits += late;
    TAILQ_INSERT_TAIL(&admission->executor->committing_submits, admission, link);
}

static void end_committing(struct admission *admission)
{
    TAILQ_REMOVE(&admission->executor->committing_submits, admission, link);
    admission->executor->late_submits -= admission->late;
}

/* The submit is in the store: tell, and let go. */
static void on_submit_stored(void *arg, int error)
{
    struct admission *admission = arg;
    struct executor *executor = admission->executor;
    struct future *future = admission->future;
    struct submit_answer answer = admission->answer;
    uint64_t failed_id = admission->failed_id;
    end_committing(admission);
    let_go(admission);
    admission_free(admission);
    if (error < 0) {
        struct refusal_detail detail = {.error = error};
        reserve_again(executor);
        stop_waiting(future);
        if (!early_refused(future))
            remove_future(future, false);
        refuse(&answer, REFUSED_STORAGE, &detail);
        settle_run(executor);
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
    else if (failed_id != 0 && map)
        map_dependency_failed(map, failed_id);
    else if (failed_id != 0)
        settle_dependency_failed(future, failed_id);
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

/* Takes a submit in. Owns the admission from here on; the refusal is answered by the caller. */
static enum refusal admit(struct admission *admission, struct refusal_detail *detail)
{
    struct executor *executor = admission->executor;
    struct future *future = admission->future;
    struct map *map = own_map(future);
    enum refusal refusal = link_dependencies(admission, detail);
    if (refusal != REFUSED_NOT)
        goto fail;
    bool waits =
        future->holds != 0 || admission->delay_ns > 0 || pool_is_paused(future->spec->pool);
    if (!waits && calls_of(admission) > 0) {
        detail->error = pool_ensure_worker(future->spec->pool);
        refusal = detail->error < 0 ? REFUSED_NO_THREAD : REFUSED_NOT;
        if (refusal != REFUSED_NOT)
            goto fail;
    }
    refusal = REFUSED_NO_MEMORY;
    if (future_table_reserve(executor->table, calls_of(admission) + 1) < 0)
        goto fail;
    if (admission->delay_ns > 0 && hold_for(future, HOLD_DELAY, admission->delay_ns) < 0)
        goto fail;
    if (admission->key) {
        struct rare *rare = future_rare(future);
        if (!rare ||
            !key_entry_add(executor, admission->key, future_table_next_id(executor->table)))
            goto fail;
        rare->key = admission->key;
    }
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
    begin_committing(admission, late);
    put_admitted(admission);
    executor->settings.store->ops->commit(executor->settings.store, true, on_submit_stored,
                                          admission);
    return REFUSED_NOT;
fail:
    stop_waiting(future);
    admission_free(admission);
    return refusal;
}

static void take_in(struct admission *admission);

static void on_first_stored(void *arg, int error)
{
    struct admission *admission = arg;
    struct executor *executor = admission->executor;
    /* A commit that was refused is told by its own answer, and by a look at the future. */
    enum refusal refusal = executor->shut_down ? REFUSED_SHUT_DOWN
                           : error == -ENOMEM  ? REFUSED_NO_MEMORY
                                               : REFUSED_NOT;
    end_committing(admission);
    if (refusal != REFUSED_NOT) {
        refuse(&admission->answer, refusal, NULL);
        admission_free(admission);
    } else {
        take_in(admission);
    }
    settle_run(executor);
}

static void on_known_loaded(void *arg, int error, const struct loaded *loaded)
{
    struct admission *admission = arg;
    (void)loaded;
    if (error == 0) {
        on_first_stored(admission, 0);
        return;
    }
    struct refusal_detail detail = {.error = error};
    end_committing(admission);
    refuse(&admission->answer, REFUSED_STORAGE, &detail);
    admission_free(admission);
}

/* Whether the admission's key stands for a future already. It is answered then, or will be as soon
 * as that future is in the store, and is not the caller's any more. */
static bool settled_by_key(struct admission *admission)
{
    struct executor *executor = admission->executor;
    struct store *store = executor->settings.store;
    bool same = false;
    uint64_t id = admission->key ? key_entry_known(executor, admission->key, &same) : 0;
    if (id == 0)
        return false;
    struct future *known = NULL;
    if (future_table_find(executor->table, id, &known) == -ENODATA) {
        struct store_query query = {.kind = QUERY_IDS, .ids = &id, .id_count = 1};
        begin_committing(admission, true);
        executor_load(executor, 0, &query, on_known_loaded, admission);
        return true;
    }
    if (known->holds & HOLD_COMMIT) {
        begin_committing(admission, true);
        store->ops->commit(store, false, on_first_stored, admission);
        return true;
    }
    struct refusal_detail detail = {.id = known->id};
    if (same)
        admission->answer.fn(admission->answer.arg, REFUSED_NOT, &detail, known, true);
    else
        refuse(&admission->answer, REFUSED_KEY_CONFLICT, &detail);
    admission_free(admission);
    return true;
}

/* Whether it waits for a future that is itself on its way into the store: then it comes again. */
static bool awaits_dependencies(struct admission *admission)
{
    struct executor *executor = admission->executor;
    struct store *store = executor->settings.store;
    struct glance glance;
    for (size_t i = 0; i < admission->after_count; i++) {
        if (executor_glance(executor, &admission->client, admission->after[i].id, &glance) !=
            REFUSED_NOT_YET)
            continue;
        begin_committing(admission, true);
        store->ops->commit(store, false, on_first_stored, admission);
        return true;
    }
    return false;
}

static void admit_or_refuse(struct admission *admission)
{
    struct submit_answer answer = admission->answer;
    struct refusal_detail detail = {.id = 0};
    enum refusal refusal = admit(admission, &detail);
    if (refusal != REFUSED_NOT)
        refuse(&answer, refusal, &detail);
}

static void refuse_queue_limit(struct admission *admission)
{
    struct submit_answer answer = admission->answer;
    uint64_t limit = pool_settings(admission->future->spec->pool)->queue_limit;
    admission_free(admission);
    refuse_limit(&answer, "queue_limit", limit);
}

/* Owns the admission from here on. */
static void take_in(struct admission *admission)
{
    struct executor *executor = admission->executor;
    struct pool *pool = admission->future->spec->pool;
    uint64_t calls = calls_of(admission);
    if (settled_by_key(admission) || awaits_dependencies(admission))
        return;
    if (pool_has_room(pool, calls) && !first_parked(executor, pool))
        admit_or_refuse(admission);
    else if (pool_settings(pool)->on_full_wait && calls <= pool_settings(pool)->queue_limit)
        TAILQ_INSERT_TAIL(&executor->parked, admission, link);
    else
        refuse_queue_limit(admission);
}

void executor_submit(struct executor *executor, const struct submission *submission,
                     const struct client *client, const struct submit_answer *answer)
{
    if (refused_outright(executor, submission, client, answer))
        return;
    struct admission *admission = admission_new(executor, submission, client, answer);
    if (!admission) {
        refuse(answer, REFUSED_NO_MEMORY, NULL);
        return;
    }
    take_in(admission);
}

void admit_parked(struct executor *executor)
{
    struct admission *admission = TAILQ_FIRST(&executor->parked);
    while (admission) {
        struct admission *next = TAILQ_NEXT(admission, link);
        struct pool *pool = admission->future->spec->pool;
        if (pool_is_broken(pool)) {
            TAILQ_REMOVE(&executor->parked, admission, link);
            refuse(&admission->answer, REFUSED_BROKEN_POOL, NULL);
            admission_free(admission);
        } else if (!pool_has_room(pool, calls_of(admission))) {
            uint64_t limit = pool_settings(pool)->queue_limit;
            if (calls_of(admission) > limit) {
                TAILQ_REMOVE(&executor->parked, admission, link);
                refuse_queue_limit(admission);
            }
        } else if (first_parked(executor, pool) == admission) {
            TAILQ_REMOVE(&executor->parked, admission, link);
            if (!settled_by_key(admission) && !awaits_dependencies(admission))
                admit_or_refuse(admission);
        }
        admission = next;
    }
}

void refuse_parked(struct executor *executor, enum refusal refusal)
{
    struct admission *admission;
    while ((admission = TAILQ_FIRST(&executor->parked))) {
        TAILQ_REMOVE(&executor->parked, admission, link);
        refuse(&admission->answer, refusal, NULL);
        admission_free(admission);
    }
}

void drop_submits(struct executor *executor, uint64_t client)
{
    struct admission *admission, *next;
    for (admission = TAILQ_FIRST(&executor->parked); admission; admission = next) {
        next = TAILQ_NEXT(admission, link);
        if (admission->client.number == client) {
            TAILQ_REMOVE(&executor->parked, admission, link);
            admission_free(admission);
        }
    }
    TAILQ_FOREACH (admission, &executor->committing_submits, link)
        if (admission->client.number == client)
            admission->answer.fn = answer_nobody;
}

void free_submits(struct executor *executor)
{
    struct admission *admission;
    TAILQ_CONCAT(&executor->parked, &executor->committing_submits, link);
    while ((admission = TAILQ_FIRST(&executor->parked))) {
        TAILQ_REMOVE(&executor->parked, admission, link);
        if (admission->future->id != 0)
            let_go(admission);
        admission_free(admission);
    }
}

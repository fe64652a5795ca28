/* When a submission is taken in: at once, when there is room, when the store has what it hangs on,
 * or never. */
#include <errno.h>

#include "daemon/core/admission.h"
#include "daemon/core/future_table.h"
#include "daemon/core/owner.h"

static void refuse_limit(const struct submit_answer *answer, const char *limit, uint64_t value)
{
    struct refusal_detail detail = {.limit = limit, .value = value};
    submit_refuse(answer, REFUSED_LIMIT, &detail);
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
        submit_refuse(answer, REFUSED_SHUT_DOWN, NULL);
        return true;
    }
    if (pool_is_broken(submission->pool)) {
        submit_refuse(answer, REFUSED_BROKEN_POOL, NULL);
        return true;
    }
    for (size_t i = 0; i < submission->after_count; i++) {
        struct refusal_detail detail = {.id = submission->after[i].id};
        struct glance glance;
        enum refusal refusal = executor_glance(executor, client, detail.id, &glance);
        if (refusal != REFUSED_NOT && refusal != REFUSED_NOT_YET) {
            submit_refuse(answer, refusal, &detail);
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

static void take_in(struct admission *admission);

static void on_first_stored(void *arg, int error)
{
    struct admission *admission = arg;
    struct executor *executor = admission->executor;
    /* A commit that was refused is told by its own answer, and by a look at the future. */
    enum refusal refusal = executor->shut_down ? REFUSED_SHUT_DOWN
                           : error == -ENOMEM  ? REFUSED_NO_MEMORY
                                               : REFUSED_NOT;
    admission_end_committing(admission);
    if (refusal != REFUSED_NOT) {
        submit_refuse(&admission->answer, refusal, NULL);
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
    admission_end_committing(admission);
    submit_refuse(&admission->answer, REFUSED_STORAGE, &detail);
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
        admission_begin_committing(admission, true);
        executor_load(executor, 0, &query, on_known_loaded, admission);
        return true;
    }
    if (known->holds & HOLD_COMMIT) {
        admission_begin_committing(admission, true);
        store->ops->commit(store, false, on_first_stored, admission);
        return true;
    }
    struct refusal_detail detail = {.id = known->id};
    if (same)
        admission->answer.fn(admission->answer.arg, REFUSED_NOT, &detail, known, true);
    else
        submit_refuse(&admission->answer, REFUSED_KEY_CONFLICT, &detail);
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
        admission_begin_committing(admission, true);
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
        submit_refuse(&answer, refusal, &detail);
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
    uint64_t calls = admission_calls(admission);
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
        submit_refuse(answer, REFUSED_NO_MEMORY, NULL);
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
            submit_refuse(&admission->answer, REFUSED_BROKEN_POOL, NULL);
            admission_free(admission);
        } else if (!pool_has_room(pool, admission_calls(admission))) {
            uint64_t limit = pool_settings(pool)->queue_limit;
            if (admission_calls(admission) > limit) {
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
        submit_refuse(&admission->answer, refusal, NULL);
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
            admission_forget_client(admission);
}

void free_submits(struct executor *executor)
{
    struct admission *admission;
    TAILQ_CONCAT(&executor->parked, &executor->committing_submits, link);
    while ((admission = TAILQ_FIRST(&executor->parked))) {
        TAILQ_REMOVE(&executor->parked, admission, link);
        if (admission->future->id != 0)
            admission_let_go(admission);
        admission_free(admission);
    }
}

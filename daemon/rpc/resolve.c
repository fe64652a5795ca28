/* From the ids that a client names to the futures that it may see. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/rpc/rpc_impl.h"

struct future *session_future(struct session *session, uint64_t id)
{
    struct future *future = NULL;
    (void)executor_find(session->service->executor, &session->client, id, &future);
    return future;
}

bool session_glance(struct session *session, uint64_t id, struct glance *ret_glance)
{
    return executor_glance(session->service->executor, &session->client, id, ret_glance) ==
           REFUSED_NOT;
}

/* Returns -errno: the request is not the method's any more. */
int resolve_failed(struct request *request, enum refusal refusal, uint64_t id)
{
    if (refusal == REFUSED_NOT_YET)
        return request_await_stored(request);
    struct refusal_detail detail = {.id = id};
    request_fail_refusal(request, refusal, &detail);
    return -ENOENT;
}

int resolve_id(struct request *request, uint64_t id, bool output, struct future **ret_future)
{
    struct session *session = request->session;
    enum refusal refusal =
        executor_find(session->service->executor, &session->client, id, ret_future);
    bool missing = refusal == REFUSED_NOT_LOADED ||
                   (refusal == REFUSED_NOT && output && future_output_left(*ret_future));
    if (missing) {
        struct store_query query = {.kind = QUERY_IDS, .ids = &id, .id_count = 1, .output = output};
        return request_load(request, &query);
    }
    return refusal == REFUSED_NOT ? 0 : resolve_failed(request, refusal, id);
}

int resolve_items(struct request *request, const struct future *future, bool output)
{
    if (!future_is_map(future) || !future_items_left(future))
        return 0;
    struct store_query query = items_query(future_id(future), output);
    return request_load(request, &query);
}

struct store_query items_query(uint64_t map_id, bool output)
{
    return (struct store_query){
        .kind = QUERY_BELOW,
        .all_users = true,
        .items = true,
        .item_of = map_id,
        .output = output,
        .limit = SIZE_MAX,
    };
}

struct id_vector {
    uint64_t *ids;
    size_t count, capacity;
};

static int push(struct id_vector *vector, uint64_t id)
{
    if (vector->count == vector->capacity) {
        size_t capacity = vector->capacity ? vector->capacity * 2 : 16;
        uint64_t *grown = realloc(vector->ids, capacity * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        vector->ids = grown;
        vector->capacity = capacity;
    }
    vector->ids[vector->count++] = id;
    return 0;
}

static int push_range(struct session *session, const struct id_range *range,
                      struct id_vector *vector)
{
    struct executor *executor = session->service->executor;
    uint64_t id = executor_known_above(executor, &session->client, range->first);
    if (id == 0 || id > range->last)
        return -ENOENT;
    while (id != 0 && id <= range->last) {
        if (push(vector, id) < 0)
            return -ENOMEM;
        id = executor_known_above(executor, &session->client, id + 1);
    }
    return 0;
}

/* Whether an end of the range is refused in this way: it is *ret_id then. */
static bool end_refused(struct session *session, const struct id_range *range, enum refusal refusal,
                        uint64_t *ret_id)
{
    const uint64_t ends[] = {range->last, range->first};
    struct glance glance;
    for (size_t i = 0; i < 2; i++) {
        *ret_id = ends[i];
        if (executor_glance(session->service->executor, &session->client, ends[i], &glance) ==
            refusal)
            return true;
    }
    return false;
}

/* Nothing of the range is there: an end of it that was there once tells why. */
static int range_failed(struct request *request, const struct id_range *range)
{
    uint64_t id;
    if (end_refused(request->session, range, REFUSED_EXPIRED, &id))
        return resolve_failed(request, REFUSED_EXPIRED, id);
    struct rpc_error error = {.code = RPC_NOT_FOUND};
    rpc_error_set(&error, RPC_NOT_FOUND, "there is no future from %llu to %llu",
                  (unsigned long long)range->first, (unsigned long long)range->last);
    request_error(request, &error);
    return -ENOENT;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Keeps the first of each id, in place. */
static int drop_duplicates(struct id_vector *vector)
{
    size_t count = vector->count;
    bool rising = true;
    for (size_t i = 1; i < count && rising; i++)
        rising = vector->ids[i - 1] < vector->ids[i];
    if (rising)
        return 0;
    uint64_t *sorted = calloc(count, sizeof(*sorted));
    bool *seen = calloc(count, sizeof(*seen));
    if (!sorted || !seen) {
        free(sorted);
        free(seen);
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = vector->ids[i];
    qsort(sorted, count, sizeof(*sorted), compare_ids);
    size_t unique = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || sorted[i] != sorted[unique - 1])
            sorted[unique++] = sorted[i];
    vector->count = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t id = vector->ids[i];
        const uint64_t *place = bsearch(&id, sorted, unique, sizeof(*sorted), compare_ids);
        if (!seen[place - sorted]) {
            seen[place - sorted] = true;
            vector->ids[vector->count++] = id;
        }
    }
    free(sorted);
    free(seen);
    return 0;
}

static int no_memory(struct request *request)
{
    request_fail(request, RPC_INTERNAL, "no memory");
    return -ENOMEM;
}

/* 0, or -errno: an error was replied, or the request waits, and it is not the caller's any more. */
static int push_entry(struct request *request, const struct id_range *range,
                      struct id_vector *vector)
{
    struct session *session = request->session;
    struct glance glance;
    uint64_t id;
    int r;
    if (range->single) {
        enum refusal refusal =
            executor_glance(session->service->executor, &session->client, range->first, &glance);
        if (refusal != REFUSED_NOT)
            return resolve_failed(request, refusal, range->first);
        r = push(vector, range->first);
    } else if (end_refused(session, range, REFUSED_NOT_YET, &id)) {
        return resolve_failed(request, REFUSED_NOT_YET, id);
    } else {
        r = push_range(session, range, vector);
    }
    return r == -ENOENT ? range_failed(request, range) : r < 0 ? no_memory(request) : 0;
}

int resolve_ids(struct request *request, const struct id_list *ids, uint64_t **ret_ids,
                size_t *ret_count)
{
    struct id_vector vector = {.ids = NULL};
    int r = 0;
    for (size_t i = 0; i < ids->count && r == 0; i++)
        r = push_entry(request, &ids->ranges[i], &vector);
    if (r == 0 && drop_duplicates(&vector) < 0)
        r = no_memory(request);
    if (r < 0) {
        free(vector.ids);
        return r;
    }
    *ret_ids = vector.ids;
    *ret_count = vector.count;
    return 0;
}

int resolve_loaded(struct request *request, const struct id_list *list, bool output,
                   uint64_t **ret_ids, size_t *ret_count)
{
    uint64_t *ids;
    size_t count;
    int r = resolve_ids(request, list, &ids, &count);
    if (r < 0)
        return r;
    uint64_t *missing = calloc(count + 1, sizeof(*missing));
    if (!missing) {
        request_fail(request, RPC_INTERNAL, "no memory");
        free(ids);
        return -ENOMEM;
    }
    struct store_query query = {.kind = QUERY_IDS, .ids = missing, .output = output};
    for (size_t i = 0; i < count; i++) {
        struct future *future = session_future(request->session, ids[i]);
        if (!future || (output && future_output_left(future)))
            missing[query.id_count++] = ids[i];
    }
    /* What was there the first time has gone while the rest came, as it does where others ask for
     * much as well: now all of it comes at once. */
    if (query.id_count > 0 && request->loads > 0) {
        memcpy(missing, ids, count * sizeof(*ids));
        query.id_count = count;
    }
    r = query.id_count > 0 ? request_load(request, &query) : 0;
    free(missing);
    if (r < 0) {
        free(ids);
        return r;
    }
    *ret_ids = ids;
    *ret_count = count;
    return 0;
}

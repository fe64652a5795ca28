/* From the ids that a client names to the futures that it may see. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/rpc/rpc_impl.h"

struct future *session_future(struct session *session, uint64_t id)
{
    struct future *future = NULL;
    (void)executor_find(session->service->executor, &session->client, id, &future);
    return future;
}

int resolve_id(struct request *request, uint64_t id, struct future **ret_future)
{
    struct session *session = request->session;
    enum refusal refusal =
        executor_find(session->service->executor, &session->client, id, ret_future);
    if (refusal == REFUSED_NOT)
        return 0;
    struct refusal_detail detail = {.id = id};
    request_fail_refusal(request, refusal, &detail);
    return -ENOENT;
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
    struct future *future = executor_find_above(executor, &session->client, range->first);
    if (!future || future_id(future) > range->last)
        return -ENOENT;
    while (future && future_id(future) <= range->last) {
        if (push(vector, future_id(future)) < 0)
            return -ENOMEM;
        future = executor_find_above(executor, &session->client, future_id(future) + 1);
    }
    return 0;
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

int resolve_ids(struct request *request, const struct id_list *ids, uint64_t **ret_ids,
                size_t *ret_count)
{
    struct id_vector vector = {.ids = NULL};
    struct future *future;
    int r = 0;
    for (size_t i = 0; i < ids->count && r == 0; i++) {
        const struct id_range *range = &ids->ranges[i];
        if (range->single) {
            if (resolve_id(request, range->first, &future) < 0) {
                free(vector.ids);
                return -ENOENT; /* answered */
            }
            r = push(&vector, range->first);
        } else {
            r = push_range(request->session, range, &vector);
            if (r == -ENOENT) {
                struct rpc_error error = {.code = RPC_NOT_FOUND};
                rpc_error_set(&error, RPC_NOT_FOUND, "there is no future from %llu to %llu",
                              (unsigned long long)range->first, (unsigned long long)range->last);
                request_error(request, &error);
                free(vector.ids);
                return r;
            }
        }
    }
    if (r == 0)
        r = drop_duplicates(&vector);
    if (r < 0) {
        request_fail(request, RPC_INTERNAL, "no memory");
        free(vector.ids);
        return r;
    }
    *ret_ids = vector.ids;
    *ret_count = vector.count;
    return 0;
}

/* From ids to futures, as far as a client may see them. */
#include <errno.h>

#include "daemon/core/executor_impl.h"
#include "daemon/core/future_table.h"
#include "daemon/core/owner.h"

static bool may_see(const struct client *client, const struct future *future)
{
    /* What is not in the store yet may never have been. */
    if (future->holds & HOLD_COMMIT)
        return false;
    return client->sees_all || future_uid(future) == client->uid;
}

static bool may_see_trace(const struct client *client, const struct trace *trace)
{
    return client->sees_all || trace->uid == client->uid;
}

enum refusal executor_find(struct executor *executor, const struct client *client, uint64_t id,
                           struct future **ret_future)
{
    struct future *future;
    int r = future_table_find(executor->table, id, &future);
    struct trace trace;
    if (r == -ESTALE)
        return REFUSED_EXPIRED;
    if (r == -ENODATA && future_table_trace(executor->table, id, &trace) &&
        may_see_trace(client, &trace))
        return REFUSED_NOT_LOADED;
    if (r == 0 && future->holds & HOLD_COMMIT && !future->refuse_start &&
        (client->sees_all || future_uid(future) == client->uid))
        return REFUSED_NOT_YET;
    if (r < 0 || !may_see(client, future))
        return REFUSED_NOT_FOUND;
    *ret_future = future;
    return REFUSED_NOT;
}

enum refusal executor_glance(struct executor *executor, const struct client *client, uint64_t id,
                             struct glance *ret_glance)
{
    struct future *future;
    struct trace trace;
    enum refusal refusal = executor_find(executor, client, id, &future);
    if (refusal == REFUSED_NOT) {
        *ret_glance = (struct glance){.state = future->state, .failed = future_failed(future)};
    } else if (refusal == REFUSED_NOT_LOADED) {
        (void)future_table_trace(executor->table, id, &trace);
        *ret_glance = (struct glance){.state = trace.state, .failed = trace.failed};
        return REFUSED_NOT;
    }
    return refusal;
}

static uint64_t known_above(const struct executor *executor, const struct client *client,
                            uint64_t id)
{
    return client->sees_all ? future_table_known_above(executor->table, id)
                            : future_table_known_above_of(executor->table, id, client->uid);
}

static struct future *below(const struct executor *executor, const struct client *client,
                            uint64_t id)
{
    return client->sees_all ? future_table_below(executor->table, id)
                            : future_table_below_of(executor->table, id, client->uid);
}

static struct future *above(const struct executor *executor, const struct client *client,
                            uint64_t id)
{
    return client->sees_all ? future_table_above(executor->table, id)
                            : future_table_above_of(executor->table, id, client->uid);
}

uint64_t executor_known_above(struct executor *executor, const struct client *client, uint64_t id)
{
    struct glance glance;
    do
        id = known_above(executor, client, id);
    while (id != 0 && executor_glance(executor, client, id, &glance) != REFUSED_NOT && ++id != 0);
    return id;
}

struct future *executor_find_below(struct executor *executor, const struct client *client,
                                   uint64_t id)
{
    struct future *future = below(executor, client, id);
    while (future && !may_see(client, future))
        future = below(executor, client, future->id - 1);
    return future;
}

struct future *executor_find_above(struct executor *executor, const struct client *client,
                                   uint64_t id)
{
    struct future *future = above(executor, client, id);
    while (future && !may_see(client, future))
        future = above(executor, client, future->id + 1);
    return future;
}

uint64_t executor_next_id(const struct executor *executor)
{
    return future_table_next_id(executor->table);
}

void executor_counts(const struct executor *executor, const struct client *client,
                     uint64_t ret_counts[FUTURE_STATES])
{
    owners_counts(executor->owners, client->sees_all, client->uid, ret_counts);
}

uint64_t executor_cursor(const struct executor *executor)
{
    return executor->committing > 0 ? executor->announced : executor->cursor;
}

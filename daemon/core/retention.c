/* How long done futures are kept: by age, number and bytes, oldest first. A map counts as one
 * future and goes with its items; but the items of a map that was open go one by one, so that a
 * producer without an end needs no memory without an end. */
#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/core/executor_impl.h"

/* What one sweep may remove, so that the loop goes on: some, and so large a part of what is too
 * much that a flood cannot outrun it. */
#define SWEEP_LEAST 1000
#define SWEEP_PART  8

uint64_t sweep_size(uint64_t count, uint64_t limit)
{
    return SWEEP_LEAST + (count > limit ? (count - limit) / SWEEP_PART : 0);
}

static void on_tidy(struct deadline *deadline)
{
    struct executor *executor = CONTAINER_OF(deadline, struct executor, tidy);
    executor_sync(executor);
}

void tidy_if_many(struct executor *executor, uint64_t count, uint64_t limit)
{
    if (count <= limit || count - limit <= SWEEP_LEAST || heap_contains(&executor->tidy.node))
        return;
    (void)deadline_set(executor->settings.timers, &executor->tidy, clock_mono_ns(), on_tidy);
}

uint64_t bytes_of(const struct future *future)
{
    uint64_t bytes = sizeof(*future) + future->text_bytes;
    struct output *output = future_output(future);
    if (future->call)
        bytes += sizeof(*future->call) + future->call->outcome.json_bytes;
    if (output)
        bytes += output_bytes(output);
    return bytes;
}

void retention_add(struct future *future)
{
    struct executor *executor = executor_of(future);
    future->kept_bytes = bytes_of(future);
    struct map *map = future->spec->map;
    if (future->is_item && !map->was_open) {
        map->bytes += future->kept_bytes;
        return;
    }
    if (map && !future->is_item)
        future->kept_bytes += map->bytes;
    TAILQ_INSERT_TAIL(&executor->kept, future, kept_link);
    executor->kept_count++;
    executor->kept_bytes += future->kept_bytes;
    tidy_if_many(executor, executor->kept_count, executor->settings.retention_count);
}

void retention_remove(struct future *future)
{
    struct executor *executor = executor_of(future);
    struct map *map = item_map(future);
    if (map && !map->was_open) {
        map->bytes -= future->kept_bytes;
        return;
    }
    TAILQ_REMOVE(&executor->kept, future, kept_link);
    executor->kept_count--;
    executor->kept_bytes -= future->kept_bytes;
}

void retention_enforce(struct executor *executor)
{
    const struct executor_settings *settings = &executor->settings;
    struct future *oldest = TAILQ_FIRST(&executor->kept);
    int64_t limit_us = (int64_t)settings->retention_s * 1000000;
    uint64_t sweep = sweep_size(executor->kept_count, settings->retention_count);
    for (uint64_t i = 0; i < sweep && oldest; i++) {
        bool over = executor->kept_count > settings->retention_count ||
                    executor->kept_bytes > settings->retention_bytes ||
                    clock_wall_us() - oldest->finished_us > limit_us;
        if (!over)
            return;
        remove_future(oldest, true);
        oldest = TAILQ_FIRST(&executor->kept);
    }
    tidy_if_many(executor, executor->kept_count, settings->retention_count);
}

#include "client/map/map_run_impl.h"

#include <errno.h>

/* Of one request. Its answer has the ids, without which nothing can be asked about its items, and
 * waits while the daemon has too many items: so these are few beside the daemon's window. */
enum { ADD_MAX_BYTES = 262144, ADD_MAX_ITEMS = 1000 };

/* How many more items may be sent now. */
static uint64_t room(const struct map_run *run)
{
    uint64_t live = map_window_live(run->window);

    if (map_window_full(run->window))
        return 0;
    if (run->settings->jobs == 0 || run->discard)
        return UINT64_MAX;
    return run->settings->jobs > live ? run->settings->jobs - live : 0;
}

/* Takes the value. Returns whether it is to be sent. */
static bool take_item(struct map_run *run, struct map_value *value, const char *why_not)
{
    uint64_t sequence = ++run->sequence;

    if (run->settings->joblog && map_joblog_has(run->settings->joblog, sequence)) {
        map_value_free(value);
        return false;
    }
    run->total++;
    if (run->discard) {
        map_value_free(value);
        if (why_not)
            run->status =
                cli_fail(run->cli, "item %llu: %s", (unsigned long long)sequence - 1, why_not);
        return !why_not;
    }
    if (map_window_push(run->window, value, sequence, why_not) < 0) {
        map_value_free(value);
        map_run_fail(run, -ENOMEM, "reading items");
        return false;
    }
    return !why_not;
}

/* The items that are there, as params of map.add. Returns how many of them are to be sent. */
static size_t collect(struct map_run *run, struct writer *params)
{
    uint64_t most = room(run) < ADD_MAX_ITEMS ? room(run) : ADD_MAX_ITEMS;
    size_t count = 0;

    writer_begin_object(params);
    writer_key(params, "id");
    writer_uint(params, run->settings->map_id);
    writer_key(params, "items");
    writer_begin_array(params);
    while (run->status == EXIT_FINE && count < most && params->size < ADD_MAX_BYTES &&
           !map_window_full(run->window)) {
        struct map_value *value;
        const char *why_not;
        size_t before = params->size;
        bool comma = params->comma;
        int r = map_source_next(run->settings->source, &value, &why_not);

        if (r < 0)
            map_run_fail(run, r, "reading items");
        if (r <= 0)
            break;
        /* Written before it is given away, and taken back where it is not sent. */
        map_template_write(run->settings->template, value, run->sequence + 1, params);
        if (take_item(run, value, why_not)) {
            count++;
        } else {
            params->size = before;
            params->comma = comma;
        }
    }
    writer_end_array(params);
    writer_end_object(params);
    return count;
}

static void close_map(struct map_run *run)
{
    struct writer params = {0};

    writer_begin_object(&params);
    writer_key(&params, "id");
    writer_uint(&params, run->settings->map_id);
    writer_end_object(&params);
    run->feed = FEED_CLOSING;
    run->status = cli_send(run->cli, "map.close", &params, &run->feed_request);
}

bool map_run_feed(struct map_run *run)
{
    struct writer params = {0};
    size_t count;

    if (run->feed != FEED_READING || run->status != EXIT_FINE || room(run) == 0)
        return false;
    count = collect(run, &params);
    if (run->status == EXIT_FINE && count > 0) {
        run->feed = FEED_ADDING;
        run->status = cli_send(run->cli, "map.add", &params, &run->feed_request);
    } else if (run->status == EXIT_FINE && map_source_ended(run->settings->source)) {
        close_map(run);
    }
    writer_free(&params);
    return run->feed == FEED_READING && run->status == EXIT_FINE && room(run) > 0;
}

/* dump: futures with everything that is known of them, by rising id, a page at a time. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/rpc/rpc_impl.h"

/* A page ends with the future that passes this; what is behind it need not come into memory. */
#define PAGE_BYTES 1048576

static bool is_whole(const struct future *future)
{
    return future && !(future_is_done(future) && future_output_left(future));
}

/* The ids of the page, rising; *ret_next: the one behind it, 0: none. 0 or -ENOMEM. */
static uint64_t *list_ids(struct session *session, const struct dump_params *params,
                          size_t *ret_count, uint64_t *ret_next)
{
    struct executor *executor = session->service->executor;
    uint64_t *ids = calloc(params->limit, sizeof(*ids));
    if (!ids)
        return NULL;
    uint64_t id = executor_known_above(executor, &session->client, params->from);
    for (*ret_count = 0; id != 0 && *ret_count < params->limit;
         id = executor_known_above(executor, &session->client, id + 1))
        ids[(*ret_count)++] = id;
    *ret_next = id;
    return ids;
}

/* Brings those back that are in the store alone, as many as a page has room for. 0: all are here.
 */
static int load_page(struct request *request, const uint64_t *ids, size_t count)
{
    uint64_t *missing = calloc(count + 1, sizeof(*missing));
    if (!missing) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return -ENOMEM;
    }
    struct store_query query = {
        .kind = QUERY_IDS, .ids = missing, .output = true, .bytes = PAGE_BYTES};
    for (size_t i = 0; i < count; i++)
        if (!is_whole(session_future(request->session, ids[i])))
            missing[query.id_count++] = ids[i];
    int r = query.id_count > 0 ? request_load(request, &query) : 0;
    free(missing);
    return r;
}

static void write_page(struct request *request, const uint64_t *ids, size_t count, uint64_t next)
{
    struct writer *writer = request_result(request);
    bool any = false;
    writer_begin_object(writer);
    writer_key(writer, "futures");
    writer_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        struct future *future = session_future(request->session, ids[i]);
        /* The first one that was asked for and has not come has gone meanwhile. */
        if (!is_whole(future) && !any)
            continue;
        if (!is_whole(future) || writer->size > PAGE_BYTES) {
            next = ids[i];
            break;
        }
        show_future_dump(writer, future);
        any = true;
    }
    writer_end_array(writer);
    writer_key(writer, "next");
    if (next > 0)
        writer_uint(writer, next);
    else
        writer_null(writer);
    writer_end_object(writer);
    request_end(request);
}

void method_dump(struct request *request)
{
    struct session *session = request->session;
    struct dump_params params;
    struct rpc_error error;
    uint64_t next = 0;
    size_t count = 0;
    int r = dump_params_decode(request->rpc, session->service->limits, &params, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    uint64_t *ids = list_ids(session, &params, &count, &next);
    if (!ids)
        request_fail(request, RPC_INTERNAL, "no memory");
    else if (request->loads > 0 || load_page(request, ids, count) == 0)
        write_page(request, ids, count, next);
    free(ids);
}

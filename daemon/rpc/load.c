/* Requests that name futures which only the store has: they are brought back, and the request is
 * handled again from its start, before it has done anything. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/rpc/rpc_impl.h"

/* What a request names may go while it is loaded, and then that is said; each map that it names may
 * be loaded on its own; but it is not asked for without an end. */
#define LOADS_MAX 100000

/* The params as a line of their own: that of the request is gone when the answer comes. */
static char *copy_params(const struct request *request)
{
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"again\",\"params\":";
    struct slice params = request->rpc->params_text;
    struct writer line = {.data = NULL};
    size_t size;
    writer_raw(&line, head, sizeof(head) - 1);
    if (params.size > 0)
        writer_raw(&line, params.text, params.size);
    else
        writer_raw(&line, "{}", 2);
    writer_raw(&line, "}", 2); /* with its NUL, as the parser wants it */
    if (writer_failed(&line)) {
        writer_free(&line);
        return NULL;
    }
    return writer_take(&line, &size);
}

/* Whoever still waits must not look at the line any more. */
static void forget_rpc(struct session *session, const struct rpc_request *rpc)
{
    struct request *request;
    TAILQ_FOREACH (request, &session->requests, link)
        if (request->rpc == rpc)
            request->rpc = NULL;
}

static void handle_again(struct request *request, char *text)
{
    struct session *session = request->session;
    struct rpc_line line;
    struct rpc_error error;
    int r = rpc_parse(text, strlen(text), session->service->limits, &line, &error);
    if (r < 0) {
        request_fail(request, RPC_INTERNAL, "no memory");
    } else {
        const struct rpc_request *rpc = line.requests;
        request->rpc = rpc;
        request->handler(request);
        forget_rpc(session, rpc);
        rpc_line_clear(&line);
    }
    free(text);
    session_check_idle(session);
}

static void on_loaded(void *arg, int error, const struct loaded *loaded)
{
    struct request *request = arg;
    char *text = request->again;
    request->again = NULL;
    request_set_loading(request, false);
    if (error < 0) {
        struct refusal_detail detail = {.error = error};
        request_fail_refusal(request, REFUSED_STORAGE, &detail);
        free(text);
        return;
    }
    if (loaded->counts)
        memcpy(request->stored_counts, loaded->counts, sizeof(request->stored_counts));
    handle_again(request, text);
}

static void on_stored(void *arg)
{
    struct request *request = arg;
    char *text = request->again;
    request->again = NULL;
    handle_again(request, text);
}

/* Makes ready to handle the request again. 0, or the request is gone. */
static int come_again(struct request *request)
{
    if (++request->loads > LOADS_MAX) {
        request_fail(request, RPC_EXPIRED, "what was asked for has gone meanwhile");
        return -ESTALE;
    }
    request->again = copy_params(request);
    if (!request->again) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return -ENOMEM;
    }
    return 0;
}

int request_load(struct request *request, const struct store_query *query)
{
    struct session *session = request->session;
    int r = come_again(request);
    if (r < 0)
        return r;
    /* What a subscription names is told before the replies to what was asked for after it. */
    if (request->handler == method_subscribe && !request->replays) {
        request->replays = true;
        session_replay_begin(session);
    }
    request_set_loading(request, true);
    executor_load(session->service->executor, session->client.number, query, on_loaded, request);
    return -EINPROGRESS;
}

int request_await_stored(struct request *request)
{
    struct session *session = request->session;
    struct stored_answer *answer =
        stored_answer_new(session->service->executor, session->client.number, on_stored, request);
    if (!answer) {
        request_fail(request, RPC_INTERNAL, "no memory");
        return -ENOMEM;
    }
    int r = come_again(request);
    if (r < 0) {
        stored_answer_free(answer);
        return r;
    }
    stored_answer_give(answer);
    return -EINPROGRESS;
}

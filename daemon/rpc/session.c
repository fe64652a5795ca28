#include "daemon/rpc/session.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/rpc/rpc_impl.h"

int session_new(struct service *service, const struct peer *peer,
                const struct session_output *output, struct session **ret_session)
{
    struct session *session = calloc(1, sizeof(*session));
    if (!session)
        return -ENOMEM;
    session->service = service;
    session->peer = *peer;
    session->output = *output;
    session->client = (struct client){
        .uid = peer->uid,
        .number = ++service->next_client,
        .sees_all = peer->is_admin,
    };
    TAILQ_INIT(&session->requests);
    TAILQ_INIT(&session->batches);
    LIST_INIT(&session->subscriptions);
    LIST_INIT(&session->scoped);
    service->sessions++;
    *ret_session = session;
    return 0;
}

void session_free(struct session *session)
{
    if (!session)
        return;
    struct request *request;
    struct subscription *subscription;
    session->replays++; /* nobody is told any more */
    /* First what the executor could still answer, then what waits here. */
    executor_client_gone(session->service->executor, session->client.number);
    while ((request = TAILQ_FIRST(&session->requests)))
        request_drop(request);
    while ((subscription = LIST_FIRST(&session->subscriptions)))
        subscription_free(subscription);
    scope_end(session);
    session->service->sessions--;
    outcome_tidy(session->service);
    writer_free(&session->later);
    free(session);
}

static bool is_blank(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    return true;
}

void session_line(struct session *session, const char *line, size_t size)
{
    if (is_blank(line, size))
        return;
    executor_sync(session->service->executor);
    outcome_tidy(session->service);
    dispatch_line(session, line, size, false);
}

void session_fragment(struct session *session, const char *text, size_t size)
{
    if (is_blank(text, size))
        return;
    executor_sync(session->service->executor);
    dispatch_line(session, text, size, true);
}

/* Says which limit of lines the client has met. */
static void refuse_line(struct session *session, const char *limit, uint64_t value)
{
    struct writer *text = &session->service->text;
    struct rpc_error error = {.code = RPC_INVALID_REQUEST};
    static const struct slice no_id = {.text = "null", .size = 4};
    rpc_error_limit(&error, limit, value);
    /* Named as a limit is, under the code of what cannot be read. */
    error.code = RPC_INVALID_REQUEST;
    service_count_error(session->service, &error);
    writer_reset(text);
    rpc_write_error(text, no_id, &error);
    if (!writer_failed(text))
        session->output.send(session->output.arg, text->data, text->size);
}

void session_line_too_long(struct session *session)
{
    refuse_line(session, "line_bytes", session->service->limits->line_bytes);
}

void session_line_too_slow(struct session *session)
{
    refuse_line(session, "line_seconds", session->service->limits->line_seconds);
}

struct future *session_job(struct session *session)
{
    pid_t leader = getsid(session->peer.pid);
    return leader > 0 ? executor_job_of_session(session->service->executor, leader) : NULL;
}

uint64_t session_loading(const struct session *session)
{
    return session->loading;
}

bool session_is_idle(const struct session *session)
{
    return session->request_count == 0 && LIST_EMPTY(&session->scoped) &&
           !subscriptions_alive(session);
}

void session_check_idle(struct session *session)
{
    if (session_is_idle(session))
        session->output.idle(session->output.arg);
}

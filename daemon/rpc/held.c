/* What a session is not told yet: while it is told what was done before, the rest waits its turn.
 */
#include <string.h>

#include "daemon/rpc/rpc_impl.h"

void session_tell_lines(struct session *session, const struct writer *lines)
{
    const char *line = lines->data;
    const char *end = lines->data + lines->size;
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        session->output.notify(session->output.arg, line, (size_t)(stop - line));
        line = stop + 1;
    }
}

static void tell_later(struct session *session)
{
    struct writer later = session->later;
    session->later = (struct writer){.data = NULL};
    session->output.held(session->output.arg, 0);
    if (writer_failed(&later))
        session_fail(session);
    else if (later.size > 0)
        session_tell_lines(session, &later);
    writer_free(&later);
}

void session_replay_begin(struct session *session)
{
    session->replays++;
    session->service->replays++;
}

void session_replay_end(struct session *session)
{
    struct service *service = session->service;
    if (--session->replays == 0)
        tell_later(session);
    if (--service->replays == 0)
        service_check_end(service);
}

void session_hold(struct session *session, const struct writer *head, const char *rest,
                  size_t rest_size)
{
    struct writer *later = &session->later;
    writer_raw(later, head->data, head->size);
    writer_raw(later, rest, rest_size);
    session->output.held(session->output.arg, later->size);
}

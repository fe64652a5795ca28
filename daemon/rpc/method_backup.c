/* backup: a consistent copy of all that is stored. */
#include <errno.h>
#include <string.h>

#include "daemon/rpc/rpc_impl.h"

static void on_backed_up(void *arg, int error)
{
    struct request *request = arg;
    struct writer *writer;
    switch (-error) {
    case 0:
        writer = request_result(request);
        writer_begin_object(writer);
        writer_end_object(writer);
        request_end(request);
        break;
    case ENOTSUP:
        request_fail(request, RPC_INVALID_STATE, "nothing is stored: durability is none");
        break;
    case ENOMEM:
        request_fail(request, RPC_INTERNAL, "no memory");
        break;
    case EEXIST:
        request_fail_param(request, "path", "is there already, and is not written over");
        break;
    default:
        request_fail(request, RPC_STORAGE_FAILED, strerror(-error));
    }
}

/* The daemon writes with its own rights where the client says, so a client that has other rights
 * may not ask for it, the admin group neither. */
static bool may_write(const struct session *session)
{
    return session->peer.uid == 0 || session->peer.uid == session->service->settings.uid;
}

void method_backup(struct request *request)
{
    struct session *session = request->session;
    struct backup_params params;
    struct rpc_error error;
    int r = backup_params_decode(request->rpc, &params, &error);
    if (r < 0) {
        request_fail_decode(request, r, &error);
        return;
    }
    if (!may_write(session)) {
        request_fail(request, RPC_PERMISSION_DENIED,
                     "only root and the daemon's own user may do that");
        return;
    }
    executor_backup(session->service->executor, session->client.number, params.path, on_backed_up,
                    request);
}

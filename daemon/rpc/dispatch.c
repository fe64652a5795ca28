/* The table from a method to its handler. */
#include "daemon/rpc/rpc_impl.h"

static method_fn *const handlers[METHOD_COUNT] = {
    [METHOD_PING] = method_ping,
    [METHOD_INFO] = method_info,
    [METHOD_STATS] = method_stats,
    [METHOD_SUBMIT] = method_submit,
    [METHOD_MAP] = method_map,
    [METHOD_MAP_ADD] = method_map_add,
    [METHOD_MAP_CLOSE] = method_map_close,
    [METHOD_CANCEL] = method_cancel,
    [METHOD_STATUS] = method_status,
    [METHOD_RESULT] = method_result,
    [METHOD_EXCEPTION] = method_exception,
    [METHOD_WAIT] = method_wait,
    [METHOD_SUBSCRIBE] = method_subscribe,
    [METHOD_UNSUBSCRIBE] = method_unsubscribe,
    [METHOD_OUTPUT] = method_output,
    [METHOD_FORGET] = method_forget,
    [METHOD_RETRY] = method_retry,
    [METHOD_UPDATE] = method_update,
    [METHOD_POOL_LIST] = method_pool_list,
    [METHOD_POOL_SET] = method_pool_set,
    [METHOD_POOL_PAUSE] = method_pool_pause,
    [METHOD_POOL_RESUME] = method_pool_resume,
    [METHOD_DUMP] = method_dump,
    [METHOD_BACKUP] = method_backup,
    [METHOD_SHUTDOWN] = method_shutdown,
};

method_fn *method_handler(enum method method)
{
    return method < METHOD_COUNT ? handlers[method] : NULL;
}

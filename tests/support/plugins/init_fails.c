/* A plugin that cannot begin, and must not be ended then. */
#include "proto/plugin.h"

#include <errno.h>
#include <stdlib.h>

static int init(const struct futured_api *api)
{
    return api->abi == FUTURED_PLUGIN_ABI ? -ENODEV : -EINVAL;
}

#define INIT init
#define FINI abort
#include "tests/support/plugins/table.h"

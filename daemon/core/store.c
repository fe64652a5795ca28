#include "daemon/core/store.h"

#include <string.h>

static const char *const names[DURABILITIES] = {
    [DURABILITY_NONE] = "none",
    [DURABILITY_PROCESS] = "process",
    [DURABILITY_FULL] = "full",
};

const char *durability_name(enum durability durability)
{
    return names[durability];
}

bool durability_from_name(const char *name, enum durability *ret_durability)
{
    for (unsigned i = 0; i < DURABILITIES; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_durability = (enum durability)i;
            return true;
        }
    }
    return false;
}

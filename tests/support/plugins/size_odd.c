/* A plugin whose functions have an impossible size. */
#define HEADER 1, sizeof(struct futured_plugin), sizeof(struct futured_function) - 3, 0
#include "tests/support/plugins/table.h"

/* A plugin of another ABI. */
#define HEADER 99, sizeof(struct futured_plugin), sizeof(struct futured_function), 0
#include "tests/support/plugins/table.h"

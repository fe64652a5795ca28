/* A plugin that was built with a newer header. */
#define HEADER 1, sizeof(struct futured_plugin) + 8, sizeof(struct futured_function), 0
#include "tests/support/plugins/table.h"

/* A plugin for tests with the function `one`. */
#include "tests/support/plugins/table.h"

/* A plugin without a table of functions. */
#define FUNCTIONS NULL
#include "tests/support/plugins/table.h"

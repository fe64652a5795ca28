/* A plugin with a function of its own, and one that `one` has as well. */
#define NAME   "other"
#define SECOND "one"
#include "tests/support/plugins/table.h"

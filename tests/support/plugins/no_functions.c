/* A plugin whose table of functions is empty. */
#define NAME NULL
#include "tests/support/plugins/table.h"

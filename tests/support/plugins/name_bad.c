/* A plugin whose function has a name that nobody could type. */
#define NAME "no good"
#include "tests/support/plugins/table.h"

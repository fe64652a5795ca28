/* A plugin whose function is only a name. */
#define RUN NULL
#include "tests/support/plugins/table.h"

/* A plugin whose documentation is no UTF-8. */
#define DOC "caf\xe9"
#include "tests/support/plugins/table.h"

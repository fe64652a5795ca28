/* A plugin that has two functions of one name. */
#define NAME   "twin"
#define SECOND "twin"
#include "tests/support/plugins/table.h"

/* A plugin that describes its parameters in words of its own. */
#define PARAMS "{\"a\":{\"type\":\"colour\"}}"
#include "tests/support/plugins/table.h"

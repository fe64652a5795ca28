/* A plugin for tests that tells when it begins and ends. */
#define NAME "life_b"
#include "tests/support/plugins/life.h"

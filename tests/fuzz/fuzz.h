/* A fuzz target: one file each, with this function. It is linked with a fuzzer that makes up
 * inputs, or with replay.c, which hands it those that are kept in tests/corpus/. */
#ifndef FUTURED_TESTS_FUZZ_H
#define FUTURED_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Returns 0; aborts where something is wrong. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif

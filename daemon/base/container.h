/* From a member of a structure to the structure, for callbacks that are handed the member. Any
 * thread. */
#ifndef FUTURED_BASE_CONTAINER_H
#define FUTURED_BASE_CONTAINER_H

#include <stddef.h>

/* The `type` whose `member` is at `pointer`. */
#define CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif

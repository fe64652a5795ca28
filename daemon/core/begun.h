/* Marks of calls that have begun, for those whose start was stored ahead (see ahead.c): a word for
 * each, in memory that outlives the process, though not the machine. A worker sets the mark of its
 * call before it executes it; who finds a start in the store and no mark knows that the call has
 * not begun. The place of a mark depends on the id, and the loop sees to it that of two futures
 * with one place only one is stored ahead at a time. Any thread: the words are atomic. */
#ifndef FUTURED_CORE_BEGUN_H
#define FUTURED_CORE_BEGUN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BEGUN_PLACES 4096 /* a power of two */
/* An attempt has room beside its id. */
#define BEGUN_ID_MAX      ((UINT64_C(1) << 48) - 1)
#define BEGUN_ATTEMPT_MAX 65535u

static inline bool begun_fits(uint64_t id, unsigned attempt)
{
    return id <= BEGUN_ID_MAX && attempt <= BEGUN_ATTEMPT_MAX;
}

static inline size_t begun_place(uint64_t id)
{
    return (size_t)(id % BEGUN_PLACES);
}

/* Never 0, which is no mark: ids and attempts begin with 1. */
static inline uint64_t begun_mark(uint64_t id, unsigned attempt)
{
    return id << 16 | attempt;
}

static inline void begun_set(_Atomic uint64_t *marks, uint64_t id, unsigned attempt)
{
    atomic_store(&marks[begun_place(id)], begun_mark(id, attempt));
}

static inline bool begun_has(const _Atomic uint64_t *marks, uint64_t id, unsigned attempt)
{
    return atomic_load(&marks[begun_place(id)]) == begun_mark(id, attempt);
}

#endif

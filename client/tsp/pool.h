/* The pool as Task Spooler's server: its slots, and how it comes to be. One thread. */
#ifndef FUTURED_CLIENT_TSP_POOL_H
#define FUTURED_CLIENT_TSP_POOL_H

#include <stdint.h>
#include <sys/types.h>

#include "client/tsp/tsp.h"

/* $TS_SLOTS, else 1. */
uint64_t pool_first_slots(void);
/* Makes the pool, or changes its slots. */
int pool_set(struct tsp *tsp, uint64_t slots);
/* The slots of the pool, or those it would get. */
int pool_slots(struct tsp *tsp, uint64_t *ret_slots);
/* The process of a job that runs; 0 where it is not known. */
int pool_pid(struct tsp *tsp, uint64_t id, pid_t *ret_pid);

#endif

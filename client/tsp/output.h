/* The output of jobs on our own stdout and stderr. One thread. */
#ifndef FUTURED_CLIENT_TSP_OUTPUT_H
#define FUTURED_CLIENT_TSP_OUTPUT_H

#include <stdint.h>

#include "client/tsp/tsp.h"

/* -f: waits for the job, and ends as it does. With -n its output comes here, and nothing is left of
 * it afterwards. */
int output_run(struct tsp *tsp, uint64_t id);

#endif

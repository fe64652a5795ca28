/* A gate holds jobs until the test lets them go, and tells the test that they run: so "running"
 * and "pending" are facts in a test and not a matter of time. One thread. */
#ifndef FUTURED_TESTS_GATE_H
#define FUTURED_TESTS_GATE_H

#include <stdbool.h>
#include <sys/types.h>

struct gate;

/* Makes the gate's two FIFOs in the directory, under this name. Fails the test on any error. */
struct gate *gate_new(const char *directory, const char *name);

/* Removes the FIFOs. A job that is still held sees the end of the file and fails. NULL is allowed.
 */
void gate_free(struct gate *gate);

/* The argv, as a JSON array, of a job that reports to the gate, waits to be let through, and prints
 * "passed". Any number of jobs may use one gate. Borrowed. */
const char *gate_argv(const struct gate *gate);

/* Waits until one more job runs and is held; returns its process id. */
pid_t gate_wait_running(struct gate *gate);

/* Whether a job has reported that gate_wait_running has not taken yet; does not wait. When all
 * futures are done this tells for certain whether a further body ran. */
bool gate_has_visitor(struct gate *gate);

/* Lets `count` jobs through, those held now or those to come. */
void gate_pass(struct gate *gate, unsigned int count);

#endif

/* What a job wrote to stdout and stderr, as bytes, with a cap for each stream. The worker appends
 * while the job runs, the loop reads at any time: the one object that both hold, guarded by its
 * own lock and freed by whichever lets go last. Any thread. */
#ifndef FUTURED_CORE_OUTPUT_H
#define FUTURED_CORE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output_stream { OUTPUT_STDOUT, OUTPUT_STDERR };
#define OUTPUT_STREAMS 2

struct output;

/* Called on the appending thread, without the lock, after bytes were added or the output ended,
 * if output_watch asked for it. Must be safe on any thread. */
typedef void output_notify_fn(void *arg);

/* An output with one reference that keeps at most `cap_bytes` of each stream. NULL: no memory. */
struct output *output_new(uint64_t cap_bytes);
struct output *output_ref(struct output *output);
void output_unref(struct output *output);

/* Adds bytes; what is past the cap is counted and dropped, and the output is then truncated.
 * 0, or -ENOMEM (the bytes are dropped, and the output is truncated). */
int output_append(struct output *output, enum output_stream stream, const void *data, size_t size);

/* No more will be kept. What was cut off ends with a whole character then, if it is text. */
void output_end(struct output *output);

/* Copies up to `size` bytes from `offset` into `data`; *ret_kept is how many bytes are kept so far
 * and *ret_ended whether that is all there will ever be. Returns the number of bytes copied. */
size_t output_read(struct output *output, enum output_stream stream, uint64_t offset, void *data,
                   size_t size, uint64_t *ret_kept, bool *ret_ended);

bool output_truncated(struct output *output);
/* Bytes that the two streams hold in memory. */
size_t output_bytes(struct output *output);

/* From now on tell `fn(arg)` of each change; fn NULL: tell nobody. A change that happened before
 * is not told: read after watching. */
void output_watch(struct output *output, output_notify_fn *fn, void *arg);

#endif

/* What the programs of the benchmark share: the clock, a blocking client that reads lines, text
 * that is put together fast. They are small and honest rather than robust: what fails ends the
 * program with a message. One thread. */
#ifndef FUTURED_TESTS_BENCH_H
#define FUTURED_TESTS_BENCH_H

#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC. */
uint64_t now_ns(void);
/* What is done `count` times in the time since `start_ns`, a second. */
double rate_since(uint64_t start_ns, uint64_t count);

/* Ends the program with status 1; strerror(errno) is behind the text, where errno is set. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A whole number of 1 or more; else the program ends. */
uint64_t number_arg(const char *text);

/* Each descriptor is close-on-exec. */
int connect_unix(const char *path);
int connect_port(const char *port); /* TCP on 127.0.0.1 */

/* As many descriptors as the system allows this process to have. */
void raise_open_files(void);

/* The resident bytes of the process at the other end of a Unix socket, as the kernel counts them.
 */
uint64_t peer_resident_bytes(int fd);

/* The value below which `part` (0..1) of the values are; sorts them. */
uint64_t quantile(uint64_t *values, size_t count, double part);

/* ---- out ---- */

/* Text to be sent, all at once. Zeroed memory is an empty one. */
struct text {
    char *data;
    size_t size, capacity;
};

void text_add(struct text *text, const char *data, size_t size);
void text_string(struct text *text, const char *string);
void text_uint(struct text *text, uint64_t value);
/* Sends and empties it. */
void text_send(struct text *text, int fd);

/* ---- in ---- */

/* Zeroed memory but for `fd` is a new one. */
struct reader {
    int fd;
    char *data;
    size_t start, end, capacity;
};

/* Reads once, into whatever room there is; ends the program at the end of the stream. */
void reader_fill(struct reader *reader);
/* The next line that is there already, without its LF; NULL: none. Borrowed until reader_fill. */
char *reader_line(struct reader *reader, size_t *ret_size);
/* The next line; waits for it. */
char *reader_wait_line(struct reader *reader, size_t *ret_size);
/* The next `size` bytes; waits for them. Borrowed until reader_fill. */
char *reader_wait_bytes(struct reader *reader, size_t size);

#endif

#include "client/map/map_output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OUTPUT_BYTES = 65536, PATIENCE_MS = 200 };

struct map_output {
    const struct cli *cli;
    struct map_report *report;
    bool (*take_in)(void *context);
    void *context;
    size_t size; /* stdout's bytes that wait in `data` */
    char data[OUTPUT_BYTES];
};

struct map_output *map_output_new(const struct cli *cli, struct map_report *report,
                                  bool (*take_in)(void *context), void *context)
{
    struct map_output *output = malloc(sizeof(*output));

    if (!output)
        return NULL;
    output->cli = cli;
    output->report = report;
    output->take_in = take_in;
    output->context = context;
    output->size = 0;
    return output;
}

void map_output_free(struct map_output *output)
{
    free(output);
}

/* Waits until `fd` takes bytes, and takes answers in while that is long. Answers that are taken in
 * too early may have to be asked for again: so a short wait is waited out. 1: it does; 0: end. */
static int wait_writable(struct map_output *output, int fd)
{
    struct pollfd ready[2] = {
        {.fd = fd, .events = POLLOUT},
        {.fd = future_fd(output->cli->client), .events = future_events(output->cli->client)}};
    int r = poll(ready, 1, PATIENCE_MS);

    while (r >= 0 && !ready[0].revents) {
        ready[1].events = future_events(output->cli->client);
        r = poll(ready, 2, -1);
        if (r > 0 && ready[1].revents && !output->take_in(output->context))
            return 0;
    }
    return r < 0 && errno != EINTR ? -errno : 1;
}

/* A pipe that is ready takes PIPE_BUF bytes without blocking; a file never blocks for long. */
static int write_patiently(struct map_output *output, int fd, const char *data, size_t size)
{
    struct stat info;
    bool may_block = fstat(fd, &info) == 0 && !S_ISREG(info.st_mode);

    while (may_block && size > 0) {
        size_t part = size < PIPE_BUF ? size : PIPE_BUF;
        int r = wait_writable(output, fd);

        if (r == 0)
            break;
        if (r > 0)
            r = cli_write(fd, data, part);
        if (r < 0)
            return r;
        data += part;
        size -= part;
    }
    return cli_write(fd, data, size);
}

int map_output_flush(struct map_output *output)
{
    size_t size = output->size;

    output->size = 0;
    if (size == 0)
        return 0;
    map_report_hide(output->report);
    return write_patiently(output, STDOUT_FILENO, output->data, size);
}

int map_output_write(void *context, int fd, const void *data, size_t size)
{
    struct map_output *output = context;
    int r = 0;

    /* stderr keeps its place among the pieces for stdout. */
    if (fd != STDOUT_FILENO || size > sizeof(output->data) - output->size)
        r = map_output_flush(output);
    if (r < 0)
        return r;
    if (fd != STDOUT_FILENO || size > sizeof(output->data)) {
        map_report_hide(output->report);
        return write_patiently(output, fd, data, size);
    }
    memcpy(output->data + output->size, data, size);
    output->size += size;
    return 0;
}

#include "tests/support/gate.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/deadline.h"
#include "tests/support/text.h"

/* Both FIFOs are open for reading and writing here, so neither side ever waits in open(2) and
 * neither ever sees an end of file while the gate lives. */
struct gate {
    char *running_path, *pass_path;
    int running, pass;
    char *argv;
};

static int fifo(const char *path)
{
    if (mkfifo(path, 0600) != 0)
        ck_abort_msg("mkfifo %s failed", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        ck_abort_msg("cannot open %s", path);
    return fd;
}

struct gate *gate_new(const char *directory, const char *name)
{
    struct gate *gate = calloc(1, sizeof(*gate));

    if (!gate)
        ck_abort_msg("out of memory");
    gate->running_path = text_print("%s/%s.running", directory, name);
    gate->pass_path = text_print("%s/%s.pass", directory, name);
    gate->running = fifo(gate->running_path);
    gate->pass = fifo(gate->pass_path);
    gate->argv =
        text_print("[\"sh\",\"-c\",\"echo $$ >\\\"$1\\\" && read -r _ <\\\"$2\\\" && echo passed\","
                   "\"gate\",\"%s\",\"%s\"]",
                   gate->running_path, gate->pass_path);
    return gate;
}

void gate_free(struct gate *gate)
{
    if (!gate)
        return;
    unlink(gate->running_path);
    unlink(gate->pass_path);
    close(gate->running);
    close(gate->pass);
    free(gate->running_path);
    free(gate->pass_path);
    free(gate->argv);
    free(gate);
}

const char *gate_argv(const struct gate *gate)
{
    return gate->argv;
}

pid_t gate_wait_running(struct gate *gate)
{
    char line[32];
    size_t used = 0;

    /* Byte by byte, because the next line belongs to the next call. */
    do {
        deadline_wait(gate->running, POLLIN, "a job to reach the gate");
        ck_assert_int_eq(read(gate->running, &line[used], 1), 1);
        used++;
    } while (line[used - 1] != '\n' && used < sizeof(line) - 1);
    line[used] = '\0';
    return (pid_t)strtol(line, NULL, 10);
}

bool gate_has_visitor(struct gate *gate)
{
    struct pollfd poll_fd = {.fd = gate->running, .events = POLLIN};

    return poll(&poll_fd, 1, 0) > 0;
}

void gate_pass(struct gate *gate, unsigned int count)
{
    for (; count > 0; count--)
        ck_assert_int_eq(write(gate->pass, "\n", 1), 1);
}

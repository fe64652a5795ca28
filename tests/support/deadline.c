#include "tests/support/deadline.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

int deadline_ms(void)
{
    const char *text = getenv("CK_TIMEOUT_MULTIPLIER");
    int multiplier = text ? (int)strtol(text, NULL, 10) : 1;

    return 20000 * (multiplier > 0 ? multiplier : 1);
}

void deadline_wait(int fd, short events, const char *what)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int count;

    do {
        count = poll(&poll_fd, 1, deadline_ms());
    } while (count < 0 && errno == EINTR);
    if (count <= 0)
        ck_abort_msg("waited in vain for %s", what);
}

unsigned int test_slowness(void)
{
    const char *text = getenv("CK_TIMEOUT_MULTIPLIER");
    unsigned int multiplier = text ? (unsigned int)strtoul(text, NULL, 10) : 1;

    return multiplier > 1 ? multiplier * 2 : 1;
}

/* System calls of the daemon that a test makes fail: a library that is loaded before the C library
 * (faults.c) looks into memory that it shares with the test whether the next call is to fail. Jobs
 * do not inherit it. The library: any thread of the daemon; the functions: the test's one thread.
 */
#ifndef FUTURED_TESTS_FAULTS_H
#define FUTURED_TESTS_FAULTS_H

#include <stdatomic.h>

#define FAULTS_VARIABLE "FUTURED_TEST_FAULTS"

enum fault_call {
    FAULT_ACCEPT4,
    FAULT_CLONE,
    FAULT_EPOLL_CREATE1,
    FAULT_EPOLL_CTL,
    FAULT_EPOLL_WAIT,
    FAULT_EVENTFD,
    FAULT_GETSOCKOPT,
    FAULT_PIPE2,
    FAULT_POLL,
    FAULT_PTHREAD_CREATE,
    FAULT_READ,
    FAULT_TIMERFD_CREATE,
    FAULT_WRITE,
    FAULT_WRITEV,
    FAULT_CALLS
};

struct fault {
    atomic_int error; /* the errno */
    atomic_int skip;  /* calls that succeed before */
    atomic_int left;  /* calls that fail */
    atomic_int hits;  /* calls that have failed */
};

struct faults {
    struct fault calls[FAULT_CALLS];
    atomic_llong clock_jump_s; /* how far the machine's clock has been set forward */
};

#endif

/* The real daemon, as a test starts and stops it: a directory of its own, a socket that can be
 * connected to at once, and the proof at the end that it went in order. Whatever goes wrong fails
 * the test and shows the daemon's log. The program is $FUTURED, or build/futured. One thread. */
#ifndef FUTURED_TESTS_DAEMON_H
#define FUTURED_TESTS_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

struct daemon;

struct daemon_options {
    /* More arguments for the command line, ended by NULL; borrowed while the daemon lives. */
    const char *const *args;
    /* The text of a configuration file; NULL: started without --config. Borrowed as well. */
    const char *config;
    /* The daemon makes its socket itself, and starting it waits for its ready line. Otherwise it
     * is handed a socket on which this process listens already, as systemd does. */
    bool own_socket;
    /* The socket that it is handed stays open from start to start, as systemd keeps it: who
     * connects in between waits for the next daemon. */
    bool kept_socket;
};

/* Starts it; NULL: without any option. */
struct daemon *daemon_start(const struct daemon_options *options);

/* Waits for its ready line. Only needed for a test about starting: a connection can be made
 * before. */
void daemon_wait_ready(const struct daemon *daemon);

/* Ends it, once it is ready, by SIGTERM; it must exit with status 0 and leave no report of a
 * sanitizer in its log. Then removes its directory. NULL is allowed. */
void daemon_stop(struct daemon *daemon);

/* Waits for a daemon that ends by itself (after `shutdown`) with the demands of daemon_stop, and
 * removes its directory. */
void daemon_join(struct daemon *daemon);

/* Waits until it has ended; the status as of waitpid. The daemon can be started anew then. */
int daemon_wait(struct daemon *daemon);

/* Ends it by SIGKILL and waits until it is gone; it can be started anew. */
void daemon_kill(struct daemon *daemon);

/* Starts it once more after daemon_kill or daemon_wait, with the same options, directory, state
 * and socket path. */
void daemon_restart(struct daemon *daemon);

const char *daemon_socket(const struct daemon *daemon);    /* path of the socket, borrowed */
const char *daemon_directory(const struct daemon *daemon); /* room for the test's files, borrowed */
pid_t daemon_pid(const struct daemon *daemon);             /* 0: it does not run */
/* All that the daemon has written to stderr since its first start; the caller frees. */
char *daemon_log(const struct daemon *daemon);

#endif

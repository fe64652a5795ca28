/* `futured --worker`: a remote worker of a daemon that is elsewhere, on stdin and stdout as
 * proto/WORKER.md has it. Joins the session with its functions; decides when the process ends. The
 * main thread. */
#ifndef FUTURED_REMOTE_WORKER_H
#define FUTURED_REMOTE_WORKER_H

/* Works until the daemon is gone. The exit status of the process. */
int remote_worker_main(void);

#endif

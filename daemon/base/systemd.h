/* Functions of libsystemd, for those who find in the environment that a systemd is there to talk
 * to. The library is loaded by the first who asks and stays: with the six that it needs it is a
 * megabyte, which a daemon that somebody starts by hand does without. Any thread. */
#ifndef FUTURED_BASE_SYSTEMD_H
#define FUTURED_BASE_SYSTEMD_H

/* The function of that name, to be called by the type that the library's header gives it. NULL:
 * there is no libsystemd on this machine. */
void *systemd_function(const char *name);

#endif

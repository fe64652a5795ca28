/* The state directory: made, checked, and taken by one daemon at a time. It knows nothing of what
 * lies in it. One thread. */
#ifndef FUTURED_STORE_DIRECTORY_H
#define FUTURED_STORE_DIRECTORY_H

#include <stddef.h>

/* Makes the directory (0700, and those above it that are missing) where it is not there, refuses
 * one that others own or may write, takes away what others may read, and locks it with a file
 * "lock" in it until that descriptor is closed. *ret_path: its absolute path, to be freed.
 * 0 or -errno, with a sentence in `message`. */
int directory_take(const char *directory, char **ret_path, int *ret_lock_fd, char *message,
                   size_t message_size);

/* Makes a directory "name" in it, where it is not there, and has both survive a loss of power.
 * 0 or -errno. */
int directory_make(const char *path, const char *name);

/* The same for an empty file that only its owner may read. */
int directory_make_file(const char *path, const char *name);

#endif

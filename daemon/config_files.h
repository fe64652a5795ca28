/* Where settings come from: which files are read, in which order, and which line has set a key. One
 * thread. */
#ifndef FUTURED_CONFIG_FILES_H
#define FUTURED_CONFIG_FILES_H

#include "daemon/config.h"

/* Lays the files of `path` over the settings: the file itself and then PATH.d with all *.conf in
 * it, in the order of their names, but for those that start with a dot. Where `path` is a directory
 * it is taken as such a PATH.d. NULL is the usual file, which may be missing: futured.conf in the
 * first directory of $CONFIGURATION_DIRECTORY, else in /etc/futured for root and in
 * $XDG_CONFIG_HOME/futured or ~/.config/futured for others. As config_read_file. */
int config_load(struct config *config, const char *path, struct config_error *ret_error);

/* Notes that this line has set the key. `file` is copied. 0 or -ENOMEM. */
int config_note_place(struct config *config, const char *section, const char *key, const char *file,
                      int line);
void config_free_places(struct config *config);

/* Fills in the error behind "FILE:LINE: ", the place of the key, else of the section's first key;
 * without it where neither stands in a file. Returns -EINVAL. */
int config_fail(const struct config *config, const char *section, const char *key,
                struct config_error *ret_error, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif

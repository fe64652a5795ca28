/* The command line, and the configuration that it makes together with the files. One thread. */
#ifndef FUTURED_OPTIONS_H
#define FUTURED_OPTIONS_H

#include <stdbool.h>

#include "daemon/config.h"

/* What the line asks for beside settings. */
struct options {
    bool check; /* only look at the settings */
};

/* Defaults, then the files, then the options of the line over them, and the check of the whole.
 * *ret_config is the caller's in any case. 0; -EINVAL with *ret_error, which is empty where getopt
 * has said what is wrong; -ENOMEM. */
int options_load(int argc, char **argv, struct config *ret_config, struct options *ret_options,
                 struct config_error *ret_error);

/* The same once more, to reload: --ready-fd was for the start. */
int options_load_again(int argc, char **argv, struct config *ret_config,
                       struct config_error *ret_error);

#endif

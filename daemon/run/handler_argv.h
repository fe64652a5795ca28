/* A command line in one string, as the configuration file has it, cut into words as a shell would
 * cut it, and nothing expanded. Any thread. */
#ifndef FUTURED_RUN_HANDLER_ARGV_H
#define FUTURED_RUN_HANDLER_ARGV_H

/* Words are parted by white space. In 'single quotes' every character stands for itself; in
 * "double quotes" a backslash takes the meaning from a quote or a backslash; outside of quotes it
 * takes the meaning from any character. `$`, `*`, `~`, `#` and the like mean nothing.
 *
 * *ret_argv has at least one word, is NULL-ended and in one piece: free() is enough. 0; -EINVAL
 * with *ret_why (static) where a quote is not closed or there is no word; -ENOMEM. */
int handler_argv_split(const char *text, char ***ret_argv, const char **ret_why);

#endif

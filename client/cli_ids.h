/* The words of a command line that commands share: ids and durations, with mistakes told. One
 * thread. */
#ifndef FUTURED_CLIENT_CLI_IDS_H
#define FUTURED_CLIENT_CLI_IDS_H

#include "client/cli.h"
#include "client/parse.h"

/* The ids from argv[optind] on, at least one. 0 (the caller clears *ret_ids) or an exit status
 * (*ret_ids is empty). */
int cli_ids(struct cli *cli, int argc, char **argv, struct id_spans *ret_ids);
/* The same, where there may be none. */
int cli_ids_if_any(struct cli *cli, int argc, char **argv, struct id_spans *ret_ids);
/* The value of --`option`. 0 or an exit status. */
int cli_duration(struct cli *cli, const char *option, const char *value, int64_t *ret_us);
int cli_count(struct cli *cli, const char *option, const char *value, uint64_t *ret_count);
/* `a,b,c` as an array of strings; `upper` makes capitals of it. */
void cli_write_words(struct writer *writer, const char *words, bool upper);

#endif

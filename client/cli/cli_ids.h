/* The words of a command line that commands share: ids, filters and durations, with mistakes told.
 * One thread. */
#ifndef FUTURED_CLIENT_CLI_IDS_H
#define FUTURED_CLIENT_CLI_IDS_H

#include "client/cli/cli.h"
#include "client/cli/parse.h"

/* Which futures `all`, `@label` and filters mean. Zeroed memory means all of them. */
struct id_filter {
    const char *states;                                      /* as "PENDING,RUNNING"; NULL: any */
    const char *pool, *label;                                /* NULL: any */
    enum { OUTCOME_ANY, OUTCOME_BAD, OUTCOME_GOOD } outcome; /* bad: failed or cancelled */
    double done_before;                                      /* Unix time; 0: whenever */
    uint64_t item_of; /* the items of this map; 0: what is no item */
    uint64_t before;  /* ids below; 0: any */
    uint64_t most;    /* the newest so many; 0: all */
};
#define STATES_DONE  "CANCELLED,FINISHED"
#define STATES_ALIVE "PENDING,RUNNING"

/* The futures that pass the filter, oldest first, as the daemon lists them now. Adds them to *ids.
 * 0 or an exit status. */
int cli_find(struct cli *cli, const struct id_filter *filter, struct id_spans *ids);

/* The ids from argv[optind] on, at least one word: 7, 7,9-12, last, all or @label; the latter two
 * mean futures that pass `filter` (NULL: any). There may be none behind `all`. 0 (the caller clears
 * *ret_ids) or an exit status (*ret_ids is empty). */
int cli_ids(struct cli *cli, int argc, char **argv, const struct id_filter *filter,
            struct id_spans *ret_ids);
/* The same, where there may be no word; *ret_given says whether there was. */
int cli_ids_if_any(struct cli *cli, int argc, char **argv, const struct id_filter *filter,
                   struct id_spans *ret_ids, bool *ret_given);
/* One id and no more. */
int cli_one_id(struct cli *cli, int argc, char **argv, uint64_t *ret_id);

/* The value of --`option`, which is one id in any of these forms, as the member `member`; nothing
 * where it is NULL. 0 or an exit status. */
int cli_write_id(struct cli *cli, struct writer *params, const char *option, const char *member,
                 const char *value);
/* The same id in *ret_id, which is 0 where `value` is NULL. */
int cli_option_id(struct cli *cli, const char *option, const char *value, uint64_t *ret_id);
/* What --after names, `7,8:done,last,@label:exception`, as the array that the protocol takes as
 * `after`; with `params` NULL it is only checked, and nothing is asked. 0 or an exit status. */
int cli_after(struct cli *cli, const char *value, struct writer *params);

/* The value of --`option`. 0 or an exit status. */
int cli_duration(struct cli *cli, const char *option, const char *value, int64_t *ret_us);
/* A filter's text, borrowed. */
int cli_text(struct cli *cli, const char **ret_text, const char *value);
int cli_count(struct cli *cli, const char *option, const char *value, uint64_t *ret_count);
/* `a,b,c` as an array of strings; `upper` makes capitals of it. */
void cli_write_words(struct writer *writer, const char *words, bool upper);
/* The ids, one a line. */
void cli_print_ids(const struct id_spans *ids);

#endif

/* JSON as people give it to a command: as one word, or on stdin. One thread. */
#ifndef FUTURED_CLIENT_JSON_WORD_H
#define FUTURED_CLIENT_JSON_WORD_H

#include "client/cli/cli.h"

/* Writes the value that `word` is, or stdin where it is `-`, as one line into `writer`. Mistakes
 * are told here, where they can be shown; `what` names it ("the params"). It must be an object, or
 * with `or_array` an array. 0 or an exit status. */
int json_word_write(struct cli *cli, const char *word, const char *what, bool or_array,
                    struct writer *writer);

#endif

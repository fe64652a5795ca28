/* What may stand at the end of a command line of `future`. One thread. */
#ifndef FUTURED_CLIENT_COMPLETION_WORDS_H
#define FUTURED_CLIENT_COMPLETION_WORDS_H

#include <stddef.h>

/* Prints candidates for the last of the words, which may be empty, one a line: the word, a tab,
 * what it is. The words are those behind `future`. They are not compared with what the last word
 * begins with: that is for the shell. Instead of candidates there may be one line for the shell:
 *     :files          a file belongs there (behind `--option=`, where that is there)
 *     :directories    a directory
 *     :command N      from the word N (the first is 0) on this is a command line of its own */
void complete_words(const char *socket_path, char *const *words, size_t count);

#endif

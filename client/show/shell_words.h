/* Words as a shell would take them, on one line, whatever is in them. One thread. */
#ifndef FUTURED_CLIENT_SHELL_WORDS_H
#define FUTURED_CLIENT_SHELL_WORDS_H

#include <stddef.h>

#include <jansson.h>

#include "proto/writer.h"

/* Adds the word, in quotes where a shell would see more in it than text. */
void shell_word(const char *text, size_t size, struct writer *writer);
/* Adds an array of strings, as argv is one. */
void shell_words(const json_t *words, struct writer *writer);

#endif

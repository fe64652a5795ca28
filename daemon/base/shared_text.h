/* A text that many hold and nobody changes: written once, freed with its last holder. It counts
 * its holders and knows nothing of what it says. One thread. */
#ifndef FUTURED_BASE_SHARED_TEXT_H
#define FUTURED_BASE_SHARED_TEXT_H

#include <stddef.h>

struct shared_text {
    unsigned references;
    unsigned queued; /* holders among them who wait to send it: to count its memory once */
    size_t size;
    char *data;
};

/* With one reference. `data` is malloc'd and belongs to the text, also on failure. NULL: no memory.
 */
struct shared_text *shared_text_new(char *data, size_t size);
struct shared_text *shared_text_ref(struct shared_text *text);
/* NULL is allowed. */
void shared_text_unref(struct shared_text *text);

#endif

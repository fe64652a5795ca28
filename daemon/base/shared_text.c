#include "daemon/base/shared_text.h"

#include <stdlib.h>

struct shared_text *shared_text_new(char *data, size_t size)
{
    struct shared_text *text = calloc(1, sizeof(*text));
    if (!text) {
        free(data);
        return NULL;
    }
    *text = (struct shared_text){.references = 1, .size = size, .data = data};
    return text;
}

struct shared_text *shared_text_ref(struct shared_text *text)
{
    text->references++;
    return text;
}

void shared_text_unref(struct shared_text *text)
{
    if (!text || --text->references > 0)
        return;
    free(text->data);
    free(text);
}

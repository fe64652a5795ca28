#include "client/map/map_items.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Holds the longest item and a good bite behind it. */
enum { BUFFER_BYTES = 262144, READ_BYTES = 65536 };

struct item_reader {
    int fd;
    char delimiter;
    bool at_end;
    bool skipping;     /* inside of an item that is too long and was delivered already */
    size_t start, end; /* what is not taken yet, in the buffer */
    char buffer[BUFFER_BYTES];
};

struct item_reader *item_reader_new(int fd, char delimiter)
{
    struct item_reader *reader = malloc(sizeof(*reader));

    if (!reader)
        return NULL;
    reader->fd = fd;
    reader->delimiter = delimiter;
    reader->at_end = false;
    reader->skipping = false;
    reader->start = reader->end = 0;
    return reader;
}

void item_reader_free(struct item_reader *reader)
{
    free(reader);
}

int item_reader_fill(struct item_reader *reader)
{
    ssize_t got;

    memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
    reader->end -= reader->start;
    reader->start = 0;
    do
        got = read(reader->fd, reader->buffer + reader->end, READ_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    reader->end += (size_t)got;
    reader->at_end = got == 0;
    return got > 0;
}

/* Takes `size` bytes and, where it is there, the delimiter. */
static void take(struct item_reader *reader, size_t size, bool delimited)
{
    reader->start += size + delimited;
}

/* The rest of an item whose beginning was delivered. Returns whether its end was found. */
static bool skip_rest(struct item_reader *reader)
{
    char *from = reader->buffer + reader->start;
    char *end = memchr(from, reader->delimiter, reader->end - reader->start);

    take(reader, end ? (size_t)(end - from) : reader->end - reader->start, end != NULL);
    reader->skipping = !end;
    return end;
}

bool item_reader_next(struct item_reader *reader, const char **ret_text, size_t *ret_size,
                      bool *ret_too_long)
{
    char *from, *end;
    size_t have, size;

    if (reader->skipping && !skip_rest(reader))
        return false;
    from = reader->buffer + reader->start;
    have = reader->end - reader->start;
    end = memchr(from, reader->delimiter, have);
    size = end ? (size_t)(end - from) : have;
    if (!end && size <= ITEM_MAX_BYTES && (!reader->at_end || size == 0))
        return false;
    *ret_too_long = size > ITEM_MAX_BYTES;
    reader->skipping = *ret_too_long && !end;
    *ret_text = from;
    *ret_size = size;
    take(reader, size, end != NULL);
    return true;
}

#include "client/cli/read_all.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_BYTES = 268435456, FIRST_BYTES = 65536 };

/* Reads until `size` is full or the end has come. */
static int read_into(int fd, char *data, size_t size, size_t *ret_got)
{
    size_t got = 0;

    while (got < size) {
        ssize_t n = read(fd, data + got, size - got);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            break;
        if (n > 0)
            got += (size_t)n;
    }
    *ret_got = got;
    return 0;
}

int read_all(int fd, char **ret_data, size_t *ret_size)
{
    size_t size = 0, capacity = FIRST_BYTES;
    char *data = NULL;
    int r;

    for (;; capacity *= 2) {
        char *larger = realloc(data, capacity);
        size_t got = 0;

        r = -ENOMEM;
        if (!larger)
            goto fail;
        data = larger;
        r = read_into(fd, data + size, capacity - size, &got);
        if (r < 0)
            goto fail;
        size += got;
        if (size < capacity)
            break;
        r = -EFBIG;
        if (capacity >= MAX_BYTES)
            goto fail;
    }
    *ret_data = data;
    *ret_size = size;
    return 0;
fail:
    free(data);
    return r;
}

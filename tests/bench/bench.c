#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 262144 };

uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

double rate_since(uint64_t start_ns, uint64_t count)
{
    return (double)count * 1e9 / (double)(now_ns() - start_ns);
}

void die(const char *format, ...)
{
    int error = errno;
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s%s\n", error ? ": " : "", error ? strerror(error) : "");
    exit(1);
}

uint64_t number_arg(const char *text)
{
    char *end;
    unsigned long long value = strtoull(text, &end, 10);

    if (*end != '\0' || value < 1)
        die("'%s' is no number of 1 or more", text);
    return value;
}

int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        die("connect to %s", path);
    return fd;
}

int connect_port(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)number_arg(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        die("connect to port %s", port);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

void raise_open_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("setrlimit");
}

uint64_t peer_resident_bytes(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    char path[64];
    char line[256];
    unsigned long long kib = 0;
    FILE *status;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        die("SO_PEERCRED");
    snprintf(path, sizeof(path), "/proc/%d/status", (int)peer.pid);
    status = fopen(path, "re");
    if (!status)
        die("%s", path);
    while (fgets(line, sizeof(line), status)) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtoull(line + 6, NULL, 10);
    }
    fclose(status);
    return kib * 1024;
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

uint64_t quantile(uint64_t *values, size_t count, double part)
{
    qsort(values, count, sizeof(*values), compare);
    return values[(size_t)((double)(count - 1) * part)];
}

/* ---- out ---- */

void text_add(struct text *text, const char *data, size_t size)
{
    if (text->size + size > text->capacity) {
        text->capacity = (text->size + size) * 2;
        text->data = realloc(text->data, text->capacity);
        if (!text->data)
            die("no memory");
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
}

void text_string(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

void text_uint(struct text *text, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    text_add(text, digits + at, sizeof(digits) - at);
}

void text_send(struct text *text, int fd)
{
    for (size_t sent = 0; sent < text->size;) {
        ssize_t n = write(fd, text->data + sent, text->size - sent);

        if (n < 0 && errno != EINTR)
            die("write");
        sent += n > 0 ? (size_t)n : 0;
    }
    text->size = 0;
}

/* ---- in ---- */

void reader_fill(struct reader *reader)
{
    ssize_t n;

    if (reader->start > 0) {
        memmove(reader->data, reader->data + reader->start, reader->end - reader->start);
        reader->end -= reader->start;
        reader->start = 0;
    }
    if (reader->capacity - reader->end < READ_BYTES) {
        reader->capacity = reader->capacity * 2 + READ_BYTES;
        reader->data = realloc(reader->data, reader->capacity);
        if (!reader->data)
            die("no memory");
    }
    do
        n = read(reader->fd, reader->data + reader->end, reader->capacity - reader->end);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        die("the other side has closed the connection");
    reader->end += (size_t)n;
}

char *reader_line(struct reader *reader, size_t *ret_size)
{
    char *line = reader->data + reader->start;
    char *end = NULL;

    if (reader->end > reader->start)
        end = memchr(line, '\n', reader->end - reader->start);
    if (!end)
        return NULL;
    *ret_size = (size_t)(end - line);
    reader->start += *ret_size + 1;
    return line;
}

char *reader_wait_line(struct reader *reader, size_t *ret_size)
{
    char *line;

    while (!(line = reader_line(reader, ret_size)))
        reader_fill(reader);
    return line;
}

char *reader_wait_bytes(struct reader *reader, size_t size)
{
    char *bytes;

    while (reader->end - reader->start < size)
        reader_fill(reader);
    bytes = reader->data + reader->start;
    reader->start += size;
    return bytes;
}

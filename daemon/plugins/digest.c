/* The plugin `digest`: the checksum of a file, by any algorithm that libcrypto knows. */
#include "proto/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES    (256 * 1024)
#define PROGRESS_CHUNKS 64 /* told each time so many buffers are read */

struct job {
    struct futured_call *call;
    const char *path, *algorithm; /* in the arguments */
    int fd;
    uint64_t done_bytes, total_bytes;
    EVP_MD *method;
    EVP_MD_CTX *context;
    unsigned char *buffer;
};

/* All of these return NULL, as raise does. */
static json_t *raise_errno(const struct job *job, const char *doing)
{
    int error = errno;

    return job->call->api->raise(
        job->call, "OSError",
        json_pack("{s:s, s:s}", "errno", strerrorname_np(error), "path", job->path), "%s %s: %s",
        doing, job->path, strerror(error));
}

static json_t *raise_memory(const struct job *job)
{
    return job->call->api->raise(job->call, "MemoryError", NULL, "out of memory");
}

static bool open_file(struct job *job)
{
    struct stat st;

    /* Opening a FIFO would wait for a writer, whatever happens meanwhile. */
    job->fd = open(job->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (job->fd < 0 || fstat(job->fd, &st) < 0) {
        raise_errno(job, "cannot open");
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        job->call->api->raise(job->call, "ValueError", json_pack("{s:s}", "path", job->path),
                              "%s is no regular file", job->path);
        return false;
    }
    job->total_bytes = (uint64_t)st.st_size;
    posix_fadvise(job->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return true;
}

static bool start(struct job *job)
{
    job->method = EVP_MD_fetch(NULL, job->algorithm, NULL);
    if (!job->method) {
        ERR_clear_error(); /* nobody will read the thread's list of them */
        job->call->api->raise(job->call, "ValueError",
                              json_pack("{s:s}", "algorithm", job->algorithm),
                              "there is no digest named %s", job->algorithm);
        return false;
    }
    job->context = EVP_MD_CTX_new();
    job->buffer = malloc(BUFFER_BYTES);
    if (job->context && job->buffer && EVP_DigestInit_ex2(job->context, job->method, NULL) == 1)
        return true;
    raise_memory(job);
    return false;
}

/* Nobody is harmed where the memory for this is missing. */
static void tell_progress(struct job *job)
{
    /* A file that grows meanwhile is never more than done. */
    if (job->total_bytes < job->done_bytes)
        job->total_bytes = job->done_bytes;
    job->call->api->progress(job->call, json_pack("{s:I, s:I}", "done", (json_int_t)job->done_bytes,
                                                  "total", (json_int_t)job->total_bytes));
}

/* False: raised or cancelled. */
static bool read_all(struct job *job)
{
    for (unsigned chunk = 0; !job->call->api->cancelled(job->call); chunk++) {
        ssize_t size = read(job->fd, job->buffer, BUFFER_BYTES);

        if (size == 0)
            return true;
        if (size < 0) {
            raise_errno(job, "cannot read");
            return false;
        }
        if (EVP_DigestUpdate(job->context, job->buffer, (size_t)size) != 1) {
            raise_memory(job);
            return false;
        }
        job->done_bytes += (uint64_t)size;
        if (chunk % PROGRESS_CHUNKS == 0)
            tell_progress(job);
    }
    return false;
}

static json_t *make_result(const struct job *job)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[2 * EVP_MAX_MD_SIZE + 1];
    unsigned size;

    if (EVP_DigestFinal_ex(job->context, digest, &size) != 1)
        return job->call->api->raise(job->call, "ValueError", NULL, "%s gives no digest",
                                     job->algorithm);
    for (unsigned i = 0; i < size; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    text[2 * size] = '\0';
    json_t *result =
        json_pack("{s:s, s:s, s:s, s:I}", "path", job->path, "algorithm", job->algorithm, "digest",
                  text, "bytes", (json_int_t)job->done_bytes);
    return result ? result : raise_memory(job);
}

static json_t *digest(struct futured_call *call, json_t *args)
{
    struct job job = {.call = call, .algorithm = "sha256", .fd = -1};
    json_t *result = NULL;

    /* What was described has been checked; only this was not asked for. */
    json_unpack(args, "{s?s, s?s, s?s}", "path", &job.path, "item", &job.path, "algorithm",
                &job.algorithm);
    if (open_file(&job) && start(&job) && read_all(&job))
        result = make_result(&job);
    free(job.buffer);
    EVP_MD_CTX_free(job.context);
    EVP_MD_free(job.method);
    if (job.fd >= 0)
        close(job.fd);
    return result;
}

static const struct futured_function functions[] = {
    {
        .name = "digest",
        .doc = "Returns the checksum of a file as hexadecimal digits",
        .params = "{\"path\":{\"type\":\"path\",\"required\":true,\"doc\":\"The file\"},"
                  "\"item\":{\"type\":\"path\",\"instead_of\":\"path\","
                  "\"doc\":\"In a map: the file\"},"
                  "\"algorithm\":{\"type\":\"string\","
                  "\"doc\":\"As openssl-dgst names it, default sha256\"}}",
        .run = digest,
    },
    {0},
};

const struct futured_plugin futured_plugin = {FUTURED_PLUGIN_HEADER, functions, NULL, NULL};

/* The plugin `compress`: a file to a compressed file. The new file has its name only once it is
 * whole; until then it lies beside it under a temporary name, and goes away with a failed or
 * cancelled call. */
#include "proto/plugin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define ZLIB_CONST /* it only reads its input */
#include <zlib.h>
#include <zstd.h>

#define BUFFER_BYTES    (128 * 1024)
#define PROGRESS_CHUNKS 64 /* told each time so many buffers are read */
#define TEMPORARY       ".futured-compress-XXXXXX"

/* One piece of work for a format: input that it takes from, output that it puts to. */
struct piece {
    const unsigned char *in;
    size_t in_size, in_used;
    unsigned char *out;
    size_t out_room, out_size;
    bool last; /* there is no more input behind this */
    bool over; /* ret: all of the output of the last piece is out */
};

struct format {
    const char *name, *suffix;
    int level_min, level_max, level;
    /* The state of one compression; NULL: no memory. */
    void *(*begin)(const struct format *format, int level);
    /* Takes input and gives output, as much as there is room for. False: it broke. */
    bool (*go_on)(void *state, struct piece *piece);
    void (*end)(void *state);
    int window_bits; /* zlib's own way to say which header it writes */
};

struct job {
    struct futured_call *call;
    const struct format *format;
    const char *source;
    char *destination, *temporary; /* malloc'd; temporary is NULL when there is no such file */
    bool overwrite;
    int level;
    int in, out;
    struct stat st; /* of the source */
    unsigned char *buffers;
    void *state;
    uint64_t in_bytes, out_bytes;
};

/* ---- zstd ---- */

static void *begin_zstd(const struct format *format, int level)
{
    ZSTD_CCtx *state = ZSTD_createCCtx();

    (void)format;
    if (state) {
        ZSTD_CCtx_setParameter(state, ZSTD_c_compressionLevel, level);
        ZSTD_CCtx_setParameter(state, ZSTD_c_checksumFlag, 1);
    }
    return state;
}

static bool go_on_zstd(void *state, struct piece *piece)
{
    ZSTD_inBuffer in = {piece->in, piece->in_size, piece->in_used};
    ZSTD_outBuffer out = {piece->out, piece->out_room, 0};
    size_t left =
        ZSTD_compressStream2(state, &out, &in, piece->last ? ZSTD_e_end : ZSTD_e_continue);

    piece->in_used = in.pos;
    piece->out_size = out.pos;
    piece->over = piece->last && left == 0;
    return !ZSTD_isError(left);
}

static void end_zstd(void *state)
{
    ZSTD_freeCCtx(state);
}

/* ---- zlib ---- */

static void *begin_zlib(const struct format *format, int level)
{
    z_stream *stream = calloc(1, sizeof(*stream));

    if (stream && deflateInit2(stream, level, Z_DEFLATED, format->window_bits, 8,
                               Z_DEFAULT_STRATEGY) != Z_OK) {
        free(stream);
        return NULL;
    }
    return stream;
}

static bool go_on_zlib(void *state, struct piece *piece)
{
    z_stream *stream = state;

    stream->next_in = piece->in + piece->in_used;
    stream->avail_in = (uInt)(piece->in_size - piece->in_used);
    stream->next_out = piece->out;
    stream->avail_out = (uInt)piece->out_room;
    int r = deflate(stream, piece->last ? Z_FINISH : Z_NO_FLUSH);
    piece->in_used = piece->in_size - stream->avail_in;
    piece->out_size = piece->out_room - stream->avail_out;
    piece->over = r == Z_STREAM_END;
    /* Z_BUF_ERROR only says that there was nothing to do. */
    return r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR;
}

static void end_zlib(void *state)
{
    if (state)
        deflateEnd(state);
    free(state);
}

static const struct format formats[] = {
    {"zstd", ".zst", 1, 19, 3, begin_zstd, go_on_zstd, end_zstd, 0},
    {"gzip", ".gz", 1, 9, 6, begin_zlib, go_on_zlib, end_zlib, MAX_WBITS + 16},
    {"zlib", ".zz", 1, 9, 6, begin_zlib, go_on_zlib, end_zlib, MAX_WBITS},
};

/* ---- what goes wrong; all raise and return false ---- */

static bool fail_errno(const struct job *job, const char *doing, const char *path)
{
    int error = errno;

    job->call->api->raise(job->call, "OSError",
                          json_pack("{s:s, s:s}", "errno", strerrorname_np(error), "path", path),
                          "%s %s: %s", doing, path, strerror(error));
    return false;
}

static bool fail_value(const struct job *job, const char *what)
{
    job->call->api->raise(job->call, "ValueError", NULL, "%s", what);
    return false;
}

static bool fail_memory(const struct job *job)
{
    job->call->api->raise(job->call, "MemoryError", NULL, "out of memory");
    return false;
}

/* ---- arguments ---- */

static bool choose_format(struct job *job, const char *name, const json_t *level)
{
    for (size_t i = 0; !job->format && i < sizeof(formats) / sizeof(*formats); i++)
        if (strcmp(name, formats[i].name) == 0)
            job->format = &formats[i];
    if (!job->format)
        return fail_value(job, "format must be zstd, gzip or zlib");
    job->level = job->format->level;
    if (level) {
        json_int_t wanted = json_integer_value(level);

        if (wanted < job->format->level_min || wanted > job->format->level_max)
            return fail_value(job, "level must be 1 to 19 for zstd, 1 to 9 for gzip and zlib");
        job->level = (int)wanted;
    }
    return true;
}

static bool read_args(struct job *job, json_t *args)
{
    const char *format = "zstd", *destination = NULL;
    json_t *level = NULL;
    int overwrite = 0, length;

    /* What was described has been checked. */
    json_unpack(args, "{s?s, s?s, s?s, s?s, s?o, s?b}", "source", &job->source, "item",
                &job->source, "destination", &destination, "format", &format, "level", &level,
                "overwrite", &overwrite);
    job->overwrite = overwrite;
    if (!choose_format(job, format, level))
        return false;
    length = asprintf(&job->destination, "%s%s", destination ? destination : job->source,
                      destination ? "" : job->format->suffix);
    if (length < 0) {
        job->destination = NULL;
        return fail_memory(job);
    }
    return true;
}

/* ---- files ---- */

static bool open_source(struct job *job)
{
    /* Opening a FIFO would wait for a writer, whatever happens meanwhile. */
    job->in = open(job->source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (job->in < 0 || fstat(job->in, &job->st) < 0)
        return fail_errno(job, "cannot open", job->source);
    if (!S_ISREG(job->st.st_mode))
        return fail_value(job, "the source is no regular file");
    posix_fadvise(job->in, 0, 0, POSIX_FADV_SEQUENTIAL);
    return true;
}

static void forget_temporary(struct job *job)
{
    free(job->temporary);
    job->temporary = NULL;
}

static bool open_temporary(struct job *job)
{
    const char *slash = strrchr(job->destination, '/');
    int directory = slash ? (int)(slash - job->destination) + 1 : 0;

    /* Said early: it would be a pity after an hour. Taking the name decides. */
    if (!job->overwrite && access(job->destination, F_OK) == 0) {
        errno = EEXIST;
        return fail_errno(job, "cannot make", job->destination);
    }
    if (asprintf(&job->temporary, "%.*s" TEMPORARY, directory, job->destination) < 0) {
        job->temporary = NULL;
        return fail_memory(job);
    }
    job->out = mkostemp(job->temporary, O_CLOEXEC);
    if (job->out < 0) {
        forget_temporary(job);
        return fail_errno(job, "cannot make a file beside", job->destination);
    }
    return true;
}

/* Gives the file its name. Another one of that name is replaced or left alone, never lost half. */
static int take_name(struct job *job)
{
    int r = job->overwrite
                ? rename(job->temporary, job->destination)
                : renameat2(AT_FDCWD, job->temporary, AT_FDCWD, job->destination, RENAME_NOREPLACE);

    if (r == 0)
        forget_temporary(job);
    else if (errno == EINVAL && !job->overwrite)
        /* Not every file system can do that. A second name is as good, and the first one goes. */
        r = link(job->temporary, job->destination);
    return r;
}

static bool finish(struct job *job)
{
    /* The mode of the source, as gzip does: what few may read stays so. And on the disk before the
     * name is, and before the future says so. */
    if (fchmod(job->out, job->st.st_mode & 0777) < 0 || fsync(job->out) < 0)
        return fail_errno(job, "cannot write", job->destination);
    if (take_name(job) < 0)
        return fail_errno(job, "cannot make", job->destination);
    return true;
}

/* ---- the work ---- */

/* Nobody is harmed where the memory for this is missing. */
static void tell_progress(const struct job *job)
{
    uint64_t total = (uint64_t)job->st.st_size;

    /* A file that grows meanwhile is never more than done. */
    if (total < job->in_bytes)
        total = job->in_bytes;
    job->call->api->progress(job->call, json_pack("{s:I, s:I}", "done", (json_int_t)job->in_bytes,
                                                  "total", (json_int_t)total));
}

static bool write_all(struct job *job, const unsigned char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(job->out, data, size);

        if (written < 0)
            return fail_errno(job, "cannot write", job->destination);
        data += written;
        size -= (size_t)written;
        job->out_bytes += (uint64_t)written;
    }
    return true;
}

/* One buffer of input and whatever comes out for it. */
static bool compress_piece(struct job *job, struct piece *piece)
{
    do {
        if (!job->format->go_on(job->state, piece))
            return fail_memory(job); /* all else is impossible */
        if (!write_all(job, piece->out, piece->out_size))
            return false;
    } while (piece->last ? !piece->over : piece->in_used < piece->in_size);
    return true;
}

/* False: raised or cancelled. */
static bool compress_all(struct job *job)
{
    for (unsigned chunk = 0; !job->call->api->cancelled(job->call); chunk++) {
        ssize_t size = read(job->in, job->buffers, BUFFER_BYTES);
        struct piece piece = {.in = job->buffers,
                              .out = job->buffers + BUFFER_BYTES,
                              .out_room = BUFFER_BYTES,
                              .last = size == 0};

        if (size < 0)
            return fail_errno(job, "cannot read", job->source);
        piece.in_size = (size_t)size;
        if (!compress_piece(job, &piece))
            return false;
        if (piece.last)
            return true;
        job->in_bytes += (uint64_t)size;
        if (chunk % PROGRESS_CHUNKS == 0)
            tell_progress(job);
    }
    return false;
}

static bool begin(struct job *job)
{
    job->buffers = malloc(2 * (size_t)BUFFER_BYTES);
    job->state = job->format->begin(job->format, job->level);
    return job->buffers && job->state ? true : fail_memory(job);
}

static void clean_up(struct job *job)
{
    if (job->state)
        job->format->end(job->state);
    free(job->buffers);
    if (job->in >= 0)
        close(job->in);
    if (job->out >= 0)
        close(job->out);
    if (job->temporary)
        unlink(job->temporary);
    free(job->temporary);
    free(job->destination);
}

static json_t *compress_file(struct futured_call *call, json_t *args)
{
    struct job job = {.call = call, .in = -1, .out = -1};
    json_t *result = NULL;

    if (read_args(&job, args) && open_source(&job) && open_temporary(&job) && begin(&job) &&
        compress_all(&job) && finish(&job)) {
        result = json_pack("{s:s, s:s, s:s, s:I, s:I}", "source", job.source, "destination",
                           job.destination, "format", job.format->name, "bytes_in",
                           (json_int_t)job.in_bytes, "bytes_out", (json_int_t)job.out_bytes);
        if (!result)
            fail_memory(&job);
    }
    clean_up(&job);
    return result;
}

static const struct futured_function functions[] = {
    {
        .name = "compress",
        .doc = "Compresses a file to a file with zstd, gzip or zlib",
        .params = "{\"source\":{\"type\":\"path\",\"required\":true,\"doc\":\"The file to read\"},"
                  "\"item\":{\"type\":\"path\",\"instead_of\":\"source\","
                  "\"doc\":\"In a map: the file to read\"},"
                  "\"destination\":{\"type\":\"path\","
                  "\"doc\":\"The file to make, default source with .zst, .gz or .zz behind it\"},"
                  "\"format\":{\"type\":\"string\",\"doc\":\"zstd (default), gzip or zlib\"},"
                  "\"level\":{\"type\":\"integer\","
                  "\"doc\":\"1 to 19 for zstd (default 3), 1 to 9 for gzip and zlib (default 6)\"},"
                  "\"overwrite\":{\"type\":\"boolean\","
                  "\"doc\":\"Replace a file that is there already, default false\"}}",
        .run = compress_file,
    },
    {0},
};

const struct futured_plugin futured_plugin = {FUTURED_PLUGIN_HEADER, functions, NULL, NULL};

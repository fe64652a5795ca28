#include "daemon/core/output.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256

struct stream {
    char *data;
    size_t size, capacity;
    uint64_t dropped_bytes;
};

struct output {
    atomic_uint references;
    uint64_t cap_bytes;
    pthread_mutex_t lock; /* guards all that follows */
    struct stream streams[OUTPUT_STREAMS];
    bool ended;
    output_notify_fn *notify;
    void *notify_arg;
};

/* A watcher as it was while the lock was held, to be told without it. */
struct watcher {
    output_notify_fn *fn;
    void *arg;
};

struct output *output_new(uint64_t cap_bytes)
{
    struct output *output = calloc(1, sizeof(*output));

    if (!output)
        return NULL;
    if (pthread_mutex_init(&output->lock, NULL) != 0) {
        free(output);
        return NULL;
    }
    atomic_init(&output->references, 1);
    output->cap_bytes = cap_bytes;
    return output;
}

struct output *output_ref(struct output *output)
{
    atomic_fetch_add_explicit(&output->references, 1, memory_order_relaxed);
    return output;
}

void output_unref(struct output *output)
{
    /* The last one must see what all the others did: release by each, acquire by the last. */
    if (!output || atomic_fetch_sub_explicit(&output->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < OUTPUT_STREAMS; i++)
        free(output->streams[i].data);
    pthread_mutex_destroy(&output->lock);
    free(output);
}

static struct watcher watcher_of(const struct output *output)
{
    return (struct watcher){.fn = output->notify, .arg = output->notify_arg};
}

static void tell(struct watcher watcher)
{
    if (watcher.fn)
        watcher.fn(watcher.arg);
}

/* Makes room for `size` more bytes, which the cap allows. */
static int stream_reserve(struct stream *stream, size_t size, uint64_t cap_bytes)
{
    size_t needed = stream->size + size;
    size_t capacity = stream->capacity;
    char *data;

    if (needed <= capacity)
        return 0;
    if (capacity < FIRST_CAPACITY)
        capacity = FIRST_CAPACITY;
    while (capacity < needed)
        capacity *= 2;
    if (capacity > cap_bytes)
        capacity = (size_t)cap_bytes;
    data = realloc(stream->data, capacity);
    if (!data)
        return -ENOMEM;
    stream->data = data;
    stream->capacity = capacity;
    return 0;
}

int output_append(struct output *output, enum output_stream stream, const void *data, size_t size)
{
    struct stream *target = &output->streams[stream];
    struct watcher watcher = {0};
    uint64_t room;
    size_t kept;
    int r = 0;

    pthread_mutex_lock(&output->lock);
    /* What is kept has no holes. */
    room = output->ended || target->dropped_bytes > 0 ? 0 : output->cap_bytes - target->size;
    kept = size < room ? size : (size_t)room;
    if (kept > 0) {
        r = stream_reserve(target, kept, output->cap_bytes);
        if (r < 0) {
            kept = 0;
        } else {
            memcpy(target->data + target->size, data, kept);
            target->size += kept;
            watcher = watcher_of(output);
        }
    }
    target->dropped_bytes += size - kept;
    pthread_mutex_unlock(&output->lock);
    tell(watcher);
    return r;
}

/* How many bytes the character takes that begins with this byte. */
static size_t character_bytes(unsigned char byte)
{
    if (byte < 0xc0)
        return 1;
    return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/* Text that was cut off must stay text, so half a character at its end is dropped with the rest. */
static void stream_drop_half(struct stream *stream)
{
    for (size_t back = 1; back <= 3 && back <= stream->size; back++) {
        unsigned char byte = (unsigned char)stream->data[stream->size - back];
        if ((byte & 0xc0) == 0x80)
            continue;
        if (character_bytes(byte) > back) {
            stream->size -= back;
            stream->dropped_bytes += back;
        }
        return;
    }
}

/* The output may be kept for days from here on: give back what the doubling took too much. */
static void stream_trim(struct stream *stream)
{
    char *data;

    if (stream->size == 0 || stream->size == stream->capacity)
        return;
    data = realloc(stream->data, stream->size);
    if (!data)
        return;
    stream->data = data;
    stream->capacity = stream->size;
}

void output_end(struct output *output)
{
    struct watcher watcher = {0};

    pthread_mutex_lock(&output->lock);
    if (!output->ended) {
        output->ended = true;
        for (size_t i = 0; i < OUTPUT_STREAMS; i++) {
            if (output->streams[i].dropped_bytes > 0)
                stream_drop_half(&output->streams[i]);
            stream_trim(&output->streams[i]);
        }
        watcher = watcher_of(output);
    }
    pthread_mutex_unlock(&output->lock);
    tell(watcher);
}

size_t output_read(struct output *output, enum output_stream stream, uint64_t offset, void *data,
                   size_t size, uint64_t *ret_kept, bool *ret_ended)
{
    const struct stream *source = &output->streams[stream];
    size_t copied = 0;

    pthread_mutex_lock(&output->lock);
    if (offset < source->size) {
        copied = source->size - (size_t)offset;
        if (copied > size)
            copied = size;
        /* A caller that only asks for the sizes may pass no buffer. */
        if (copied > 0)
            memcpy(data, source->data + offset, copied);
    }
    *ret_kept = source->size;
    *ret_ended = output->ended;
    pthread_mutex_unlock(&output->lock);
    return copied;
}

bool output_truncated(struct output *output)
{
    bool truncated = false;

    pthread_mutex_lock(&output->lock);
    for (size_t i = 0; i < OUTPUT_STREAMS; i++)
        truncated = truncated || output->streams[i].dropped_bytes > 0;
    pthread_mutex_unlock(&output->lock);
    return truncated;
}

size_t output_bytes(struct output *output)
{
    size_t bytes = 0;

    pthread_mutex_lock(&output->lock);
    for (size_t i = 0; i < OUTPUT_STREAMS; i++)
        bytes += output->streams[i].capacity;
    pthread_mutex_unlock(&output->lock);
    return bytes;
}

void output_watch(struct output *output, output_notify_fn *fn, void *arg)
{
    pthread_mutex_lock(&output->lock);
    output->notify = fn;
    output->notify_arg = arg;
    pthread_mutex_unlock(&output->lock);
}

#include "daemon/net/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/queue.h>

#include <event2/buffer.h>

#include "daemon/base/shared_text.h"

/* A shorter text is copied: a reference costs more memory than that, as what comes behind it
 * starts a new piece. */
#define SHARE_BYTES 4096

/* A shared text in the stream. */
struct share {
    STAILQ_ENTRY(share) link;
    struct shared_text *text;
    uint64_t end; /* where it ends, as a position in all that was ever added */
};

struct outbox {
    struct evbuffer *buffer;
    STAILQ_HEAD(, share) shares; /* not yet wholly written */
    uint64_t added;              /* bytes, ever */
    uint64_t own_bytes;          /* not yet written, and nobody else's */
    uint64_t *total_bytes;
};

struct outbox *outbox_new(uint64_t *total_bytes)
{
    struct outbox *outbox = calloc(1, sizeof(*outbox));
    if (!outbox)
        return NULL;
    STAILQ_INIT(&outbox->shares);
    outbox->total_bytes = total_bytes;
    outbox->buffer = evbuffer_new();
    if (!outbox->buffer) {
        free(outbox);
        return NULL;
    }
    return outbox;
}

static void drop_first_share(struct outbox *outbox)
{
    struct share *share = STAILQ_FIRST(&outbox->shares);
    STAILQ_REMOVE_HEAD(&outbox->shares, link);
    if (--share->text->queued == 0)
        *outbox->total_bytes -= share->text->size;
    shared_text_unref(share->text);
    free(share);
}

void outbox_clear(struct outbox *outbox)
{
    /* First the buffer: it points to the texts. */
    evbuffer_drain(outbox->buffer, evbuffer_get_length(outbox->buffer));
    while (!STAILQ_EMPTY(&outbox->shares))
        drop_first_share(outbox);
    *outbox->total_bytes -= outbox->own_bytes;
    outbox->own_bytes = 0;
}

void outbox_free(struct outbox *outbox)
{
    if (!outbox)
        return;
    outbox_clear(outbox);
    evbuffer_free(outbox->buffer);
    free(outbox);
}

int outbox_add(struct outbox *outbox, const char *bytes, size_t size)
{
    if (evbuffer_add(outbox->buffer, bytes, size) < 0)
        return -ENOMEM;
    outbox->added += size;
    outbox->own_bytes += size;
    *outbox->total_bytes += size;
    return 0;
}

int outbox_add_shared(struct outbox *outbox, struct shared_text *text)
{
    if (text->size < SHARE_BYTES)
        return outbox_add(outbox, text->data, text->size);
    struct share *share = calloc(1, sizeof(*share));
    if (!share)
        return -ENOMEM;
    if (evbuffer_add_reference(outbox->buffer, text->data, text->size, NULL, NULL) < 0) {
        free(share);
        return -ENOMEM;
    }
    outbox->added += text->size;
    share->text = shared_text_ref(text);
    share->end = outbox->added;
    STAILQ_INSERT_TAIL(&outbox->shares, share, link);
    if (text->queued++ == 0)
        *outbox->total_bytes += text->size;
    return 0;
}

/* So many bytes have gone: tells those of our own from those that we share. */
static void account(struct outbox *outbox, uint64_t size)
{
    uint64_t after = outbox->added - evbuffer_get_length(outbox->buffer);
    uint64_t before = after - size;
    uint64_t own = size;
    struct share *share;
    while ((share = STAILQ_FIRST(&outbox->shares))) {
        uint64_t start = share->end - share->text->size;
        uint64_t from = start > before ? start : before;
        uint64_t to = share->end < after ? share->end : after;
        if (to > from)
            own -= to - from;
        if (share->end > after)
            break;
        drop_first_share(outbox);
    }
    outbox->own_bytes -= own;
    *outbox->total_bytes -= own;
}

int outbox_write(struct outbox *outbox, int fd)
{
    int n = evbuffer_write(outbox->buffer, fd);
    if (n < 0)
        return -errno;
    account(outbox, (uint64_t)n);
    return n;
}

uint64_t outbox_bytes(const struct outbox *outbox)
{
    return evbuffer_get_length(outbox->buffer);
}

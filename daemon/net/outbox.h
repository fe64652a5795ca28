/* What one client has still to be sent: bytes of its own, and texts that it shares with others. It
 * knows how much that is, and keeps the sum of the memory of all outboxes, in which a shared text
 * counts once. It writes when it is told to and never blocks. Loop thread only. */
#ifndef FUTURED_NET_OUTBOX_H
#define FUTURED_NET_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

struct outbox;
struct shared_text;

/* `total_bytes` is the sum, borrowed; outboxes add to it and take off. NULL: no memory. */
struct outbox *outbox_new(uint64_t *total_bytes);
void outbox_free(struct outbox *outbox);

/* Copies the bytes. 0 or -ENOMEM. */
int outbox_add(struct outbox *outbox, const char *bytes, size_t size);
/* Takes a reference of its own instead of a copy, where that is less. 0 or -ENOMEM. */
int outbox_add_shared(struct outbox *outbox, struct shared_text *text);

/* Forgets what was not written. */
void outbox_clear(struct outbox *outbox);

/* Writes what the socket takes: the number of bytes, or -errno (-EAGAIN: it takes none now). */
int outbox_write(struct outbox *outbox, int fd);
/* Bytes not yet written, shared ones among them. */
uint64_t outbox_bytes(const struct outbox *outbox);

#endif

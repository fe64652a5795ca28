/* The completion list: what the workers tell the loop. Any thread posts, the loop takes all in the
 * order of posting. Lock-free; the poster owns a message until it posts it, the loop from then on.
 * It knows nothing of what the messages mean. */
#ifndef FUTURED_CORE_COMPLETION_H
#define FUTURED_CORE_COMPLETION_H

#include <stdbool.h>

struct loop;
struct completions;

enum message_kind {
    MESSAGE_CALL_STARTED,
    MESSAGE_CALL_FINISHED,
    MESSAGE_CALL_OUTPUT,   /* a watched output has grown or ended */
    MESSAGE_CALL_PROGRESS, /* the call has told how far it is */
    MESSAGE_WORKER_EXITED, /* the thread is at its end: join it */
    MESSAGE_WORKER_BROKEN, /* the initializer failed; an EXITED follows */
};

/* Lives inside what it tells of. */
struct message {
    struct message *next;
    enum message_kind kind;
};

/* When the loop is to take a message in. */
enum wake {
    WAKE_NOT,  /* when it looks by itself */
    WAKE_SOON, /* within LOOP_SOON_US, together with others */
    WAKE_NOW,
};

/* `fn(arg)` runs on the loop thread after a post that wakes it. 0 or -errno. */
int completions_new(struct loop *loop, void (*fn)(void *arg), void *arg,
                    struct completions **ret_completions);
/* Messages still in the list are forgotten. */
void completions_free(struct completions *completions);

/* Loop thread: every later post wakes the loop, and so do the messages that are there already. */
void completions_wake_always(struct completions *completions, bool always);

/* Any thread. */
void completions_post(struct completions *completions, struct message *message, enum wake wake);

/* Loop thread: the messages posted so far, oldest first, linked by `next`; NULL: none. */
struct message *completions_take(struct completions *completions);

#endif

/* What the loop has for the store's thread, until the thread gets it: all of one turn at its end,
 * as to wake it at each would cost more than what it is asked for. And a submit whose future ends
 * at once waits a little for that end: both are stored together then, and lie in a bundle. What was
 * committed behind such a submit waits with it. Loop thread. */
#ifndef FUTURED_STORE_HAND_OVER_H
#define FUTURED_STORE_HAND_OVER_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/store/task.h"

struct loop;
struct loop_task;
struct loop_timer;

/* So many ends may be awaited, as many clients have under way. A power of two. */
#define AWAITED_MAX 512

struct hand_over {
    struct task_list commits, others;
    struct commit *awaiting[AWAITED_MAX]; /* each at its future's id modulo their number */
    struct loop_task *turn_end;
    struct loop_timer *alarm;
    bool alarm_set;
    uint64_t alarms; /* so far */
    /* Commits so far, and the last of them that stands in its place with an end. */
    uint64_t numbered, last_end;
    /* Takes all of `tasks`, and empties it. */
    void (*give)(void *arg, struct task_list *tasks);
    void *arg;
};

/* 0 or -errno. `give` and `arg` have been set, the rest is zero. */
int hand_over_open(struct hand_over *hand_over, struct loop *loop);
/* Zeroed memory is allowed. What is there stays the caller's. */
void hand_over_close(struct hand_over *hand_over);

/* A commit without any end. With `awaits` it waits for the end of that future; 0: it does not. */
void hand_over_commit(struct hand_over *hand_over, struct commit *commit, uint64_t awaits);
/* One with the end of that future and nothing else, or `id` 0. It goes behind the submit that
 * awaits it, unless it would overtake another end. */
void hand_over_end(struct hand_over *hand_over, struct commit *commit, uint64_t id);
/* Anything else: it waits for no commit. */
void hand_over_other(struct hand_over *hand_over, struct task *task);
/* Gives all that is there at once. */
void hand_over_all(struct hand_over *hand_over);

#endif

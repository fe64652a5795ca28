#include "daemon/store/hand_over.h"

#include "daemon/base/clock.h"
#include "daemon/base/loop.h"

/* An end is awaited for one or two of these. */
#define ALARM_NS (NS_PER_MS / 3)

static struct commit **place_of(struct hand_over *hand_over, uint64_t id)
{
    return &hand_over->awaiting[id % AWAITED_MAX];
}

static void stop_awaiting(struct hand_over *hand_over, struct commit *commit)
{
    if (commit->awaits == 0)
        return;
    *place_of(hand_over, commit->awaits) = NULL;
    commit->awaits = 0;
}

/* It stays set when it is not needed any more: that costs less than to set it each time. */
static void set_alarm(struct hand_over *hand_over)
{
    if (hand_over->alarm_set)
        return;
    hand_over->alarm_set = true;
    loop_timer_set(hand_over->alarm, clock_mono_ns() + ALARM_NS);
}

static void on_turn_end(void *arg)
{
    struct hand_over *hand_over = arg;
    struct task_list tasks = STAILQ_HEAD_INITIALIZER(tasks);
    struct task *task;
    STAILQ_CONCAT(&tasks, &hand_over->others);
    while ((task = STAILQ_FIRST(&hand_over->commits)) && commit_of(task)->awaits == 0) {
        STAILQ_REMOVE_HEAD(&hand_over->commits, link);
        STAILQ_INSERT_TAIL(&tasks, task, link);
    }
    if (task)
        set_alarm(hand_over);
    if (!STAILQ_EMPTY(&tasks))
        hand_over->give(hand_over->arg, &tasks);
}

/* What has seen a whole one does not wait for another. */
static void on_alarm(void *arg)
{
    struct hand_over *hand_over = arg;
    struct task *task;
    hand_over->alarm_set = false;
    STAILQ_FOREACH (task, &hand_over->commits, link) {
        if (commit_of(task)->alarms < hand_over->alarms)
            stop_awaiting(hand_over, commit_of(task));
    }
    hand_over->alarms++;
    on_turn_end(hand_over);
}

int hand_over_open(struct hand_over *hand_over, struct loop *loop)
{
    STAILQ_INIT(&hand_over->commits);
    STAILQ_INIT(&hand_over->others);
    int r = loop_task_new(loop, on_turn_end, hand_over, &hand_over->turn_end);
    return r == 0 ? loop_timer_new(loop, on_alarm, hand_over, &hand_over->alarm) : r;
}

void hand_over_close(struct hand_over *hand_over)
{
    loop_task_free(hand_over->turn_end);
    loop_timer_free(hand_over->alarm);
}

static void append(struct hand_over *hand_over, struct commit *commit)
{
    commit->number = ++hand_over->numbered;
    STAILQ_INSERT_TAIL(&hand_over->commits, &commit->task, link);
    loop_task_ask(hand_over->turn_end);
}

void hand_over_commit(struct hand_over *hand_over, struct commit *commit, uint64_t awaits)
{
    commit->awaits = awaits;
    commit->alarms = hand_over->alarms;
    if (awaits != 0) {
        struct commit **place = place_of(hand_over, awaits);
        if (*place)
            stop_awaiting(hand_over, *place);
        *place = commit;
    }
    append(hand_over, commit);
}

/* The ends of all futures are stored, and told, by rising cursor. */
void hand_over_end(struct hand_over *hand_over, struct commit *commit, uint64_t id)
{
    struct commit *submit = *place_of(hand_over, id);
    bool awaited = submit && submit->awaits == id;
    if (awaited)
        stop_awaiting(hand_over, submit);
    if (awaited && submit->number > hand_over->last_end) {
        STAILQ_INSERT_AFTER(&hand_over->commits, &submit->task, &commit->task, link);
        loop_task_ask(hand_over->turn_end);
    } else {
        append(hand_over, commit);
        hand_over->last_end = commit->number;
    }
}

void hand_over_other(struct hand_over *hand_over, struct task *task)
{
    STAILQ_INSERT_TAIL(&hand_over->others, task, link);
    loop_task_ask(hand_over->turn_end);
}

void hand_over_all(struct hand_over *hand_over)
{
    struct task *task;
    STAILQ_FOREACH (task, &hand_over->commits, link)
        stop_awaiting(hand_over, commit_of(task));
    on_turn_end(hand_over);
}

#include "daemon/core/work_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

/* A failed allocation inside uthash leaves the item out instead of ending the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/base/clock.h"
#include "daemon/base/container.h"
#include "daemon/base/heap.h"
#include "daemon/core/call_impl.h"

/* Level (a priority) -> share (a user at that priority) -> lane (a client of that user) -> calls.
 * The first of each list has the next turn and goes to the end after it. What has turns is never
 * empty: each is made for its first call and goes with its last. But the lane that was emptied last
 * rests, in its hash and without turns, and its share and level stay for it: a client that submits
 * one call after the other finds all three again. */
struct level {
    int64_t priority;
    struct heap_node node;
    TAILQ_HEAD(, share) shares;
    UT_hash_handle hh;
};

struct share_key {
    int64_t priority;
    uint64_t uid;
};

struct share {
    struct share_key key;
    struct level *level;
    TAILQ_ENTRY(share) link;
    TAILQ_HEAD(, lane) lanes;
    UT_hash_handle hh;
};

struct lane_key {
    int64_t priority;
    uint64_t uid, client;
};

struct lane {
    struct lane_key key;
    struct share *share;
    TAILQ_ENTRY(lane) link;
    TAILQ_HEAD(, work) calls;
    UT_hash_handle hh;
};

struct work_queue {
    pthread_mutex_t lock;
    pthread_cond_t ready; /* a call was pushed, or the rules have changed */
    struct heap by_priority;
    struct level *levels;
    struct share *shares;
    struct lane *lanes;
    struct lane *resting; /* the one without calls; NULL: none */
    struct work_queue_rules rules;
    uint64_t length;
    unsigned threads, idle;
    bool waking;   /* an idle one has been woken, and is not here yet */
    unsigned busy; /* threads that have a call */
};

struct work_queue *work_queue_new(void)
{
    struct work_queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->ready, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&queue->lock, NULL);
    return queue;
}

static bool has_call(const struct work_queue *queue)
{
    return queue->length > 0 && !queue->rules.paused;
}

/* With so many calls in the queue a push does not leave it to work_queue_wake. */
#define GATHERED_MAX 32

/* Gives the lock back, and wakes a thread if there is a call for it. One at a time: it wakes the
 * next when it has taken a call and there is one more. So calls that are over sooner than a thread
 * wakes up do not wake all of them for nothing. */
static void unlock(struct work_queue *queue)
{
    bool wake = has_call(queue) && queue->idle > 0 && !queue->waking;
    if (wake)
        queue->waking = true;
    pthread_mutex_unlock(&queue->lock);
    if (wake)
        pthread_cond_signal(&queue->ready);
}

/* ---- finding and making them; they are in their hashes from here on, and in no list ---- */

static struct level *level_get(struct work_queue *queue, int64_t priority)
{
    struct level *level = NULL;
    HASH_FIND(hh, queue->levels, &priority, sizeof(priority), level);
    if (level)
        return level;
    level = calloc(1, sizeof(*level));
    if (!level)
        return NULL;
    level->priority = priority;
    TAILQ_INIT(&level->shares);
    HASH_ADD(hh, queue->levels, priority, sizeof(priority), level);
    if (!level->hh.tbl) {
        free(level);
        return NULL;
    }
    return level;
}

static void level_put(struct work_queue *queue, struct level *level)
{
    const struct lane *resting = queue->resting;
    if (!TAILQ_EMPTY(&level->shares) || (resting && resting->share->level == level))
        return;
    HASH_DEL(queue->levels, level);
    free(level);
}

static struct share *share_get(struct work_queue *queue, int64_t priority, uint32_t uid)
{
    struct share_key key = {.priority = priority, .uid = uid};
    struct share *share = NULL;
    HASH_FIND(hh, queue->shares, &key, sizeof(key), share);
    if (share)
        return share;
    struct level *level = level_get(queue, priority);
    if (!level)
        return NULL;
    share = calloc(1, sizeof(*share));
    if (share) {
        share->key = key;
        share->level = level;
        TAILQ_INIT(&share->lanes);
        HASH_ADD(hh, queue->shares, key, sizeof(key), share);
        if (share->hh.tbl)
            return share;
        free(share);
    }
    level_put(queue, level);
    return NULL;
}

static void share_put(struct work_queue *queue, struct share *share)
{
    if (!TAILQ_EMPTY(&share->lanes) || (queue->resting && queue->resting->share == share))
        return;
    struct level *level = share->level;
    HASH_DEL(queue->shares, share);
    free(share);
    level_put(queue, level);
}

static struct lane *lane_new(struct work_queue *queue, const struct lane_key *key)
{
    struct share *share = share_get(queue, key->priority, (uint32_t)key->uid);
    if (!share)
        return NULL;
    struct lane *lane = calloc(1, sizeof(*lane));
    if (lane) {
        lane->key = *key;
        lane->share = share;
        TAILQ_INIT(&lane->calls);
        HASH_ADD(hh, queue->lanes, key, sizeof(*key), lane);
        if (lane->hh.tbl)
            return lane;
        free(lane);
    }
    share_put(queue, share);
    return NULL;
}

static void lane_free(struct work_queue *queue, struct lane *lane)
{
    struct share *share = lane->share;
    HASH_DEL(queue->lanes, lane);
    free(lane);
    share_put(queue, share);
}

/* ---- taking turns ---- */

/* Gives a lane its turns, at the end of those of its share. 0 or -ENOMEM. */
static int lane_link(struct work_queue *queue, struct lane *lane)
{
    struct share *share = lane->share;
    struct level *level = share->level;
    if (TAILQ_EMPTY(&level->shares)) {
        /* The heap gives its least key first: flip the sign bit to order int64 as uint64, then
         * turn the order around. */
        uint64_t key = ~((uint64_t)level->priority ^ (UINT64_C(1) << 63));
        if (heap_insert(&queue->by_priority, &level->node, key) < 0)
            return -ENOMEM;
    }
    if (TAILQ_EMPTY(&share->lanes))
        TAILQ_INSERT_TAIL(&level->shares, share, link);
    TAILQ_INSERT_TAIL(&share->lanes, lane, link);
    return 0;
}

static void lane_unlink(struct work_queue *queue, struct lane *lane)
{
    struct share *share = lane->share;
    struct level *level = share->level;
    TAILQ_REMOVE(&share->lanes, lane, link);
    if (!TAILQ_EMPTY(&share->lanes))
        return;
    TAILQ_REMOVE(&level->shares, share, link);
    if (TAILQ_EMPTY(&level->shares))
        heap_remove(&queue->by_priority, &level->node);
}

/* The lane, which is about to get a call. */
static struct lane *lane_get(struct work_queue *queue, int64_t priority, uint32_t uid,
                             uint64_t client)
{
    struct lane_key key = {.priority = priority, .uid = uid, .client = client};
    struct lane *lane = NULL;
    HASH_FIND(hh, queue->lanes, &key, sizeof(key), lane);
    if (lane && lane != queue->resting)
        return lane;
    if (!lane && !(lane = lane_new(queue, &key)))
        return NULL;
    if (lane_link(queue, lane) < 0) {
        if (lane != queue->resting)
            lane_free(queue, lane);
        return NULL;
    }
    if (lane == queue->resting)
        queue->resting = NULL;
    return lane;
}

/* Its last call is gone: it rests, and the one that has rested so far goes. */
static void lane_put(struct work_queue *queue, struct lane *lane)
{
    if (!TAILQ_EMPTY(&lane->calls))
        return;
    struct lane *before = queue->resting;
    lane_unlink(queue, lane);
    queue->resting = lane;
    if (before)
        lane_free(queue, before);
}

static void work_unlink(struct work_queue *queue, struct work *work)
{
    struct lane *lane = work->lane;
    TAILQ_REMOVE(&lane->calls, work, link);
    work->lane = NULL;
    queue->length--;
    lane_put(queue, lane);
}

void work_queue_free(struct work_queue *queue)
{
    if (!queue)
        return;
    while (queue->lanes) {
        struct lane *lane = queue->lanes;
        if (!TAILQ_EMPTY(&lane->calls)) {
            work_unlink(queue, TAILQ_FIRST(&lane->calls));
            continue;
        }
        queue->resting = NULL; /* no other has no calls */
        lane_free(queue, lane);
    }
    heap_free(&queue->by_priority);
    pthread_cond_destroy(&queue->ready);
    pthread_mutex_destroy(&queue->lock);
    free(queue);
}

void work_queue_set_rules(struct work_queue *queue, const struct work_queue_rules *rules)
{
    pthread_mutex_lock(&queue->lock);
    queue->rules = *rules;
    pthread_cond_broadcast(&queue->ready);
    pthread_mutex_unlock(&queue->lock);
}

int work_queue_push(struct work_queue *queue, struct work *work, int64_t priority, uint32_t uid,
                    uint64_t client)
{
    int r = -ENOMEM;
    pthread_mutex_lock(&queue->lock);
    struct lane *lane = lane_get(queue, priority, uid, client);
    if (lane) {
        TAILQ_INSERT_TAIL(&lane->calls, work, link);
        work->lane = lane;
        queue->length++;
        r = 0;
    }
    if (queue->length >= GATHERED_MAX)
        unlock(queue);
    else
        pthread_mutex_unlock(&queue->lock);
    return r;
}

void work_queue_wake(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    unlock(queue);
}

bool work_queue_remove(struct work_queue *queue, struct work *work)
{
    pthread_mutex_lock(&queue->lock);
    bool queued = work->lane != NULL;
    if (queued)
        work_unlink(queue, work);
    pthread_mutex_unlock(&queue->lock);
    return queued;
}

int work_queue_move(struct work_queue *queue, struct work *work, int64_t priority)
{
    int r = -ESRCH;
    pthread_mutex_lock(&queue->lock);
    if (work->lane) {
        const struct lane_key *key = &work->lane->key;
        struct lane *lane = lane_get(queue, priority, (uint32_t)key->uid, key->client);
        r = lane ? 0 : -ENOMEM;
        if (lane) {
            /* In its new lane first: none is ever empty. */
            struct lane *before = work->lane;
            TAILQ_REMOVE(&before->calls, work, link);
            TAILQ_INSERT_TAIL(&lane->calls, work, link);
            work->lane = lane;
            lane_put(queue, before);
        }
    }
    pthread_mutex_unlock(&queue->lock);
    return r;
}

bool work_queue_let_begin(struct work_queue *queue, struct work *work)
{
    pthread_mutex_lock(&queue->lock);
    bool queued = work->lane != NULL;
    if (queued)
        work->ahead = true;
    pthread_mutex_unlock(&queue->lock);
    return queued;
}

static struct level *first_level(const struct work_queue *queue)
{
    struct heap_node *node = heap_first(&queue->by_priority);
    if (!node || queue->rules.paused || queue->rules.closing)
        return NULL;
    return CONTAINER_OF(node, struct level, node);
}

size_t work_queue_next(struct work_queue *queue, struct work **ret_next, size_t most)
{
    size_t count = 0;
    pthread_mutex_lock(&queue->lock);
    const struct level *level = first_level(queue);
    const struct share *share = level ? TAILQ_FIRST(&level->shares) : NULL;
    for (; share && count < most; share = TAILQ_NEXT(share, link)) {
        const struct lane *lane = TAILQ_FIRST(&share->lanes);
        for (; lane && count < most; lane = TAILQ_NEXT(lane, link))
            ret_next[count++] = TAILQ_FIRST(&lane->calls);
    }
    /* Then the second of each lane, the third, and so on. */
    for (size_t i = 0; i < count && count < most; i++) {
        struct work *work = TAILQ_NEXT(ret_next[i], link);
        if (work)
            ret_next[count++] = work;
    }
    pthread_mutex_unlock(&queue->lock);
    return count;
}

unsigned work_queue_threads(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    unsigned threads = queue->threads;
    pthread_mutex_unlock(&queue->lock);
    return threads;
}

unsigned work_queue_missing(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    uint64_t wanted = queue->busy + (queue->rules.paused ? 0 : queue->length);
    if (wanted > queue->rules.max_threads)
        wanted = queue->rules.max_threads;
    unsigned missing = wanted > queue->threads ? (unsigned)wanted - queue->threads : 0;
    pthread_mutex_unlock(&queue->lock);
    return missing;
}

uint64_t work_queue_length(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    uint64_t length = queue->length;
    pthread_mutex_unlock(&queue->lock);
    return length;
}

bool work_queue_could_move(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool could = queue->length > 0 && queue->idle > 0 && !queue->rules.paused &&
                 !queue->rules.closing && queue->threads <= queue->rules.max_threads;
    pthread_mutex_unlock(&queue->lock);
    return could;
}

void work_queue_enter(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->threads++;
    pthread_mutex_unlock(&queue->lock);
}

void work_queue_leave(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->threads--;
    /* What it was woken for somebody else may do. */
    unlock(queue);
}

/* The call whose turn it is, unlinked; NULL: none. */
static struct work *pop(struct work_queue *queue)
{
    struct heap_node *node = heap_first(&queue->by_priority);
    if (!node || queue->rules.paused)
        return NULL;
    struct level *level = CONTAINER_OF(node, struct level, node);
    struct share *share = TAILQ_FIRST(&level->shares);
    struct lane *lane = TAILQ_FIRST(&share->lanes);
    struct work *work = TAILQ_FIRST(&lane->calls);
    TAILQ_REMOVE(&level->shares, share, link);
    TAILQ_INSERT_TAIL(&level->shares, share, link);
    TAILQ_REMOVE(&share->lanes, lane, link);
    TAILQ_INSERT_TAIL(&share->lanes, lane, link);
    work_unlink(queue, work);
    return work;
}

/* Waits for a change; false once the thread has been idle for as long as it may be. */
static bool wait_idle(struct work_queue *queue, uint64_t idle_since_ns)
{
    int r = 0;
    queue->idle++;
    if (queue->threads <= queue->rules.min_threads) {
        pthread_cond_wait(&queue->ready, &queue->lock);
    } else {
        uint64_t until_ns = idle_since_ns + queue->rules.idle_ns;
        if (until_ns < idle_since_ns)
            until_ns = UINT64_MAX;
        struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                                 .tv_nsec = (long)(until_ns % NS_PER_S)};
        r = pthread_cond_timedwait(&queue->ready, &queue->lock, &until);
    }
    queue->idle--;
    queue->waking = false;
    return r != ETIMEDOUT;
}

/* With the lock held: blocks until there is a call. False: the thread has been counted out. */
static bool await_call(struct work_queue *queue)
{
    uint64_t idle_since_ns = 0;
    for (;;) {
        if (queue->rules.closing || queue->threads > queue->rules.max_threads)
            break;
        if (has_call(queue))
            return true;
        if (idle_since_ns == 0)
            idle_since_ns = clock_mono_ns();
        if (!wait_idle(queue, idle_since_ns)) {
            if (has_call(queue))
                return true;
            if (queue->threads > queue->rules.min_threads)
                break;
        }
    }
    queue->threads--;
    return false;
}

struct work *work_queue_take(struct work_queue *queue)
{
    struct work *work = NULL;
    pthread_mutex_lock(&queue->lock);
    if (await_call(queue)) {
        work = pop(queue);
        queue->busy++;
    }
    unlock(queue);
    return work;
}

bool work_queue_await(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    bool there = await_call(queue);
    if (there)
        pthread_mutex_unlock(&queue->lock);
    else
        unlock(queue);
    return there;
}

struct work *work_queue_try(struct work_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    struct work *work = queue->rules.closing ? NULL : pop(queue);
    if (work)
        queue->busy++;
    unlock(queue);
    return work;
}

bool work_queue_retire(struct work_queue *queue, uint64_t tasks, bool spent, bool *ret_more)
{
    pthread_mutex_lock(&queue->lock);
    queue->busy--;
    bool retire = spent || (queue->rules.max_tasks != 0 && tasks >= queue->rules.max_tasks);
    if (retire)
        queue->threads--;
    *ret_more = queue->length > 0;
    pthread_mutex_unlock(&queue->lock);
    return retire;
}

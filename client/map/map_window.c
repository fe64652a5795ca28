#include "client/map/map_window.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ITEMS_MAX = 20000,        /* on their way, before reading stops */
    TEXT_MAX_BYTES = 2097152, /* of those items */
    ASKED_MAX = 1000,         /* results that are asked for at once */
    ASKED_MIN = 4,
    ASKED_MAX_BYTES = 33554432,  /* what the answers under way may come to; half of what the daemon
                                    lets lie unsent before it hangs up */
    HELD_MAX_BYTES = 3145728,    /* answers kept for their turn, as text; parsed they are larger */
    FIRST_GUESS_BYTES = 2097152, /* of an answer, before any was seen */
    GUESS_INERTIA = 64,
    REQUEST_BUCKETS = 1024 /* a power of two */
};

struct map_window {
    struct map_window_settings settings;
    struct map_item **ring; /* by number; NULL: given out, or not known yet */
    size_t capacity;        /* a power of two */
    uint64_t head, tail;    /* numbers of items, rising for ever; ring index by `capacity` */
    uint64_t next_id;       /* no item before it is ITEM_SENT, but where there are gaps */
    uint64_t next_ask;      /* no item before it is ITEM_KNOWN */
    uint64_t next_watch;    /* and, not over, before it */
    size_t asked;
    uint64_t live;
    size_t text_bytes, held_bytes;
    size_t guess_bytes; /* of an answer: large at once after a large one, falling slowly */
    TAILQ_HEAD(, map_item) ready;
    struct map_item *by_request[REQUEST_BUCKETS];
};

struct map_window *map_window_new(const struct map_window_settings *settings)
{
    struct map_window *window = calloc(1, sizeof(*window));

    if (!window)
        return NULL;
    window->settings = *settings;
    window->capacity = 1024;
    window->guess_bytes = FIRST_GUESS_BYTES;
    TAILQ_INIT(&window->ready);
    window->ring = calloc(window->capacity, sizeof(void *));
    if (!window->ring) {
        free(window);
        return NULL;
    }
    return window;
}

static struct map_item **place_of(const struct map_window *window, uint64_t number)
{
    return &window->ring[number & (window->capacity - 1)];
}

static void free_item(struct map_item *item)
{
    future_message_free(item->reply);
    map_value_free(item->value);
    free(item);
}

void map_window_free(struct map_window *window)
{
    if (!window)
        return;
    for (; window->head < window->tail; window->head++)
        if (*place_of(window, window->head))
            free_item(*place_of(window, window->head));
    free(window->ring);
    free(window);
}

/* ---- items come ---- */

static int make_room(struct map_window *window, uint64_t tail)
{
    size_t capacity = window->capacity;
    struct map_item **ring;

    while (tail - window->head > capacity)
        capacity *= 2;
    if (capacity == window->capacity)
        return 0;
    ring = calloc(capacity, sizeof(void *));
    if (!ring)
        return -ENOMEM;
    for (uint64_t n = window->head; n < window->tail; n++)
        ring[n & (capacity - 1)] = *place_of(window, n);
    free(window->ring);
    window->ring = ring;
    window->capacity = capacity;
    return 0;
}

static void get_ready(struct map_window *window, struct map_item *item)
{
    if (window->settings.unordered)
        TAILQ_INSERT_TAIL(&window->ready, item, link);
}

/* A new item as number `number`, which may lie beyond the tail. NULL: no memory. */
static struct map_item *add_item(struct map_window *window, uint64_t number)
{
    struct map_item *item;

    if (number >= window->tail && make_room(window, number + 1) < 0)
        return NULL;
    item = calloc(1, sizeof(*item));
    if (!item)
        return NULL;
    item->number = number;
    item->sequence = number + 1;
    *place_of(window, number) = item;
    if (number >= window->tail)
        window->tail = number + 1;
    return item;
}

int map_window_push(struct map_window *window, struct map_value *value, uint64_t sequence,
                    const char *refusal)
{
    struct map_item *item = add_item(window, window->tail);

    if (!item)
        return -ENOMEM;
    item->state = refusal ? ITEM_REFUSED : ITEM_SENT;
    item->refusal = refusal;
    item->value = value;
    item->sequence = sequence;
    window->text_bytes += value->size;
    if (refusal)
        get_ready(window, item);
    else
        window->live++;
    return 0;
}

void map_window_assign(struct map_window *window, uint64_t first, uint64_t count)
{
    while (count > 0 && window->next_id < window->tail) {
        struct map_item *item = *place_of(window, window->next_id++);

        if (!item || item->state != ITEM_SENT)
            continue;
        item->state = ITEM_KNOWN;
        item->id = first++;
        count--;
    }
}

int map_window_place(struct map_window *window, uint64_t number, uint64_t id)
{
    struct map_item *item;

    if (number < window->head || (number < window->tail && *place_of(window, number)))
        return 0;
    item = add_item(window, number);
    if (!item)
        return -ENOMEM;
    item->state = ITEM_KNOWN;
    item->id = id;
    item->over = true;
    if (number < window->next_ask)
        window->next_ask = number;
    return 0;
}

int map_window_complete(struct map_window *window, uint64_t count, const char *refusal)
{
    for (uint64_t n = window->head; n < count; n++) {
        struct map_item *item;

        if (n < window->tail && *place_of(window, n))
            continue;
        item = add_item(window, n);
        if (!item)
            return -ENOMEM;
        item->state = ITEM_REFUSED;
        item->refusal = refusal;
        get_ready(window, item);
    }
    return 0;
}

void map_window_refuse_sent(struct map_window *window, const char *refusal)
{
    for (uint64_t n = window->head; n < window->tail; n++) {
        struct map_item *item = *place_of(window, n);

        if (!item || item->state != ITEM_SENT)
            continue;
        item->state = ITEM_REFUSED;
        item->refusal = refusal;
        item->over = true;
        window->live--;
        get_ready(window, item);
    }
}

/* ---- asking ---- */

static struct map_item **bucket_of(struct map_window *window, uint64_t request)
{
    return &window->by_request[request & (REQUEST_BUCKETS - 1)];
}

static int ask(struct map_window *window, struct future_client *client, struct map_item *item,
               enum map_item_state state)
{
    const char *method = state == ITEM_ASKED ? "result" : state == ITEM_WATCHED ? "wait" : "status";
    struct map_item **bucket;
    char params[48];
    int r;

    snprintf(params, sizeof(params), state == ITEM_WATCHED ? "{\"ids\":[%llu]}" : "{\"id\":%llu}",
             (unsigned long long)item->id);
    r = future_send(client, method, params, &item->request);
    if (r < 0)
        return r;
    item->state = state;
    bucket = bucket_of(window, item->request);
    item->next_asked = *bucket;
    *bucket = item;
    return 0;
}

/* The item whose request it is, which is taken out of the table; NULL: none. */
static struct map_item *take_asked(struct map_window *window, uint64_t request)
{
    for (struct map_item **link = bucket_of(window, request); *link; link = &(*link)->next_asked) {
        struct map_item *item = *link;

        if (item->request == request) {
            *link = item->next_asked;
            return item;
        }
    }
    return NULL;
}

/* How many answers may be under way: fewer, the larger they are. */
static size_t asked_limit(const struct map_window *window)
{
    size_t limit = ASKED_MAX_BYTES / window->guess_bytes;

    if (limit > ASKED_MAX)
        return ASKED_MAX;
    return limit < ASKED_MIN ? ASKED_MIN : limit;
}

static bool may_ask(const struct map_window *window, const struct map_item *item)
{
    if (item->number == window->head)
        return true;
    return window->asked < asked_limit(window) && window->held_bytes <= HELD_MAX_BYTES / 2;
}

static int ask_results(struct map_window *window, struct future_client *client)
{
    for (; window->next_ask < window->tail; window->next_ask++) {
        struct map_item *item = *place_of(window, window->next_ask);
        int r;

        if (!item || item->state != ITEM_KNOWN) {
            if (item && item->state == ITEM_SENT)
                break;
            continue;
        }
        if (!may_ask(window, item))
            break;
        r = ask(window, client, item, ITEM_ASKED);
        if (r < 0)
            return r;
        window->asked++;
    }
    return 0;
}

int map_window_ask(struct map_window *window, struct future_client *client)
{
    int r = ask_results(window, client);

    if (!window->settings.ends)
        return r;
    if (window->next_watch < window->next_ask)
        window->next_watch = window->next_ask;
    for (; r == 0 && window->next_watch < window->tail; window->next_watch++) {
        struct map_item *item = *place_of(window, window->next_watch);

        if (item && item->state == ITEM_SENT)
            break;
        if (item && item->state == ITEM_KNOWN && !item->over)
            r = ask(window, client, item, ITEM_WATCHED);
    }
    return r;
}

/* ---- answers ---- */

static void learn_size(struct map_window *window, size_t size)
{
    if (size > window->guess_bytes)
        window->guess_bytes = size;
    else
        window->guess_bytes -= (window->guess_bytes - size) / GUESS_INERTIA;
    if (window->guess_bytes == 0)
        window->guess_bytes = 1;
}

/* Its result is to be asked for, again perhaps. */
static void back_to_known(struct map_window *window, struct map_item *item)
{
    item->state = ITEM_KNOWN;
    if (item->number < window->next_ask)
        window->next_ask = item->number;
}

static void accept_times(struct map_window *window, struct map_item *item,
                         const struct future_message *message)
{
    item->started = json_number_value(json_object_get(message->result, "started"));
    item->finished = json_number_value(json_object_get(message->result, "finished"));
    item->state = ITEM_READY;
    get_ready(window, item);
}

static int accept_result(struct map_window *window, struct future_client *client,
                         struct map_item *item, struct future_message *message)
{
    size_t size = message->text_size;
    int r;

    window->asked--;
    learn_size(window, size);
    if (!window->settings.unordered && item->number != window->head &&
        window->held_bytes + size > HELD_MAX_BYTES) {
        back_to_known(window, item);
        future_message_free(message);
        return 0;
    }
    item->reply = message;
    window->held_bytes += size;
    if (window->settings.times && message->kind == FUTURE_REPLY) {
        r = ask(window, client, item, ITEM_TIMED);
        if (r < 0)
            return r;
        return 0;
    }
    item->state = ITEM_READY;
    get_ready(window, item);
    return 0;
}

int map_window_accept(struct map_window *window, struct future_client *client,
                      struct future_message *message, struct map_item **ret_item)
{
    struct map_item *item;
    bool was_over;
    int r = 0;

    if (message->kind == FUTURE_NOTIFICATION || message->request_id == 0)
        return 0;
    item = take_asked(window, message->request_id);
    if (!item)
        return 0;
    was_over = item->over;
    if (!was_over)
        window->live--;
    item->over = true;
    if (item->state == ITEM_ASKED) {
        r = accept_result(window, client, item, message);
    } else {
        if (item->state == ITEM_TIMED)
            accept_times(window, item, message);
        else
            back_to_known(window, item);
        future_message_free(message);
    }
    *ret_item = !was_over || item->reply ? item : NULL;
    return r < 0 ? r : 1;
}

/* ---- items go ---- */

struct map_item *map_window_ready(const struct map_window *window)
{
    struct map_item *item;

    if (window->settings.unordered)
        return TAILQ_FIRST(&window->ready);
    item = window->head < window->tail ? *place_of(window, window->head) : NULL;
    return item && (item->state == ITEM_READY || item->state == ITEM_REFUSED) ? item : NULL;
}

void map_window_pop(struct map_window *window, struct map_item *item)
{
    if (window->settings.unordered)
        TAILQ_REMOVE(&window->ready, item, link);
    if (item->reply)
        window->held_bytes -= item->reply->text_size;
    if (item->value)
        window->text_bytes -= item->value->size;
    *place_of(window, item->number) = NULL;
    free_item(item);
    if (!window->settings.unordered)
        window->head++; /* it was the first; a gap behind it is an item that is still to come */
    while (window->settings.unordered && window->head < window->tail &&
           !*place_of(window, window->head))
        window->head++;
    if (window->next_ask < window->head)
        window->next_ask = window->head;
    if (window->next_id < window->head)
        window->next_id = window->head;
}

bool map_window_empty(const struct map_window *window)
{
    return window->head == window->tail;
}

uint64_t map_window_live(const struct map_window *window)
{
    return window->live;
}

bool map_window_full(const struct map_window *window)
{
    return window->tail - window->head >= ITEMS_MAX || window->text_bytes >= TEXT_MAX_BYTES;
}

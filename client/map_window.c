#include "client/map_window.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ITEMS_MAX = 20000,        /* on their way, before reading stops */
    TEXT_MAX_BYTES = 4194304, /* of those items */
    ASKED_MAX = 1000,         /* how far ahead of the first item results are asked for */
    ASKED_MIN = 4,
    ASKED_MAX_BYTES = 33554432,  /* what the answers under way may come to; half of what the daemon
                                    lets lie unsent before it hangs up */
    HELD_MAX_BYTES = 16777216,   /* answers kept for their turn */
    FIRST_GUESS_BYTES = 2097152, /* of an answer, before any was seen */
    GUESS_INERTIA = 64
};

struct map_window {
    struct map_item *ring;
    size_t capacity;     /* a power of two */
    uint64_t head, tail; /* numbers of items, rising for ever; ring index by `capacity` */
    uint64_t next_id;    /* the number of the first ITEM_SENT, or beyond it a refused one */
    uint64_t next_ask;   /* no item before it is ITEM_KNOWN */
    size_t asked;
    size_t text_bytes, held_bytes;
    size_t guess_bytes; /* of an answer: large at once after a large one, falling slowly */
};

struct map_window *map_window_new(void)
{
    struct map_window *window = calloc(1, sizeof(*window));

    if (!window)
        return NULL;
    window->capacity = 1024;
    window->guess_bytes = FIRST_GUESS_BYTES;
    window->ring = calloc(window->capacity, sizeof(*window->ring));
    if (!window->ring) {
        free(window);
        return NULL;
    }
    return window;
}

static struct map_item *item_at(const struct map_window *window, uint64_t number)
{
    return &window->ring[number & (window->capacity - 1)];
}

void map_window_free(struct map_window *window)
{
    if (!window)
        return;
    while (window->head < window->tail)
        map_window_pop(window);
    free(window->ring);
    free(window);
}

static int grow(struct map_window *window)
{
    size_t capacity = window->capacity * 2;
    struct map_item *ring = calloc(capacity, sizeof(*ring));

    if (!ring)
        return -ENOMEM;
    for (uint64_t n = window->head; n < window->tail; n++)
        ring[n & (capacity - 1)] = *item_at(window, n);
    free(window->ring);
    window->ring = ring;
    window->capacity = capacity;
    return 0;
}

int map_window_push(struct map_window *window, const char *text, size_t size, const char *refusal)
{
    struct map_item item = {.state = refusal ? ITEM_REFUSED : ITEM_SENT, .refusal = refusal};

    if (window->tail - window->head == window->capacity && grow(window) < 0)
        return -ENOMEM;
    item.text = malloc(size + 1);
    if (!item.text)
        return -ENOMEM;
    memcpy(item.text, text, size);
    item.text[size] = '\0';
    item.size = size;
    window->text_bytes += size;
    *item_at(window, window->tail++) = item;
    return 0;
}

void map_window_assign(struct map_window *window, uint64_t first, uint64_t count)
{
    while (count > 0 && window->next_id < window->tail) {
        struct map_item *item = item_at(window, window->next_id++);

        if (item->state != ITEM_SENT)
            continue;
        item->state = ITEM_KNOWN;
        item->id = first++;
        count--;
    }
}

/* How many answers may be under way: fewer, the larger they are. */
static size_t asked_limit(const struct map_window *window)
{
    size_t limit = ASKED_MAX_BYTES / window->guess_bytes;

    if (limit > ASKED_MAX)
        return ASKED_MAX;
    return limit < ASKED_MIN ? ASKED_MIN : limit;
}

static bool may_ask(const struct map_window *window, uint64_t number)
{
    if (number == window->head)
        return true;
    return number < window->head + ASKED_MAX && window->asked < asked_limit(window) &&
           window->held_bytes <= HELD_MAX_BYTES / 2;
}

int map_window_ask(struct map_window *window, struct future_client *client)
{
    while (window->next_ask < window->tail) {
        struct map_item *item = item_at(window, window->next_ask);

        if (item->state == ITEM_SENT)
            break;
        if (item->state == ITEM_KNOWN) {
            char params[48];
            int r;

            if (!may_ask(window, window->next_ask))
                break;
            snprintf(params, sizeof(params), "{\"id\":%llu}", (unsigned long long)item->id);
            r = future_send(client, "result", params, &item->request);
            if (r < 0)
                return r;
            item->state = ITEM_ASKED;
            window->asked++;
        }
        window->next_ask++;
    }
    return 0;
}

static void learn_size(struct map_window *window, size_t size)
{
    if (size > window->guess_bytes)
        window->guess_bytes = size;
    else
        window->guess_bytes -= (window->guess_bytes - size) / GUESS_INERTIA;
    if (window->guess_bytes == 0)
        window->guess_bytes = 1;
}

/* The number of the item that the message answers; `tail`: none. Answers come nearly in order, and
 * nothing is asked for far from the head. */
static uint64_t find_asked(const struct map_window *window, uint64_t request)
{
    for (uint64_t n = window->head; n < window->tail && n < window->head + ASKED_MAX; n++) {
        const struct map_item *item = item_at(window, n);

        if (item->state == ITEM_ASKED && item->request == request)
            return n;
    }
    return window->tail;
}

bool map_window_accept(struct map_window *window, struct future_message *message)
{
    uint64_t number;
    struct map_item *item;

    if (message->kind == FUTURE_NOTIFICATION || message->request_id == 0)
        return false;
    number = find_asked(window, message->request_id);
    if (number == window->tail)
        return false;
    item = item_at(window, number);
    window->asked--;
    learn_size(window, message->text_size);
    if (number != window->head && window->held_bytes + message->text_size > HELD_MAX_BYTES) {
        item->state = ITEM_KNOWN;
        if (number < window->next_ask)
            window->next_ask = number;
        future_message_free(message);
        return true;
    }
    item->state = ITEM_ANSWERED;
    item->reply = message;
    window->held_bytes += message->text_size;
    return true;
}

const struct map_item *map_window_ready(const struct map_window *window)
{
    const struct map_item *item = item_at(window, window->head);

    if (window->head == window->tail ||
        (item->state != ITEM_ANSWERED && item->state != ITEM_REFUSED))
        return NULL;
    return item;
}

void map_window_pop(struct map_window *window)
{
    struct map_item *item = item_at(window, window->head);

    if (item->reply)
        window->held_bytes -= item->reply->text_size;
    window->text_bytes -= item->size;
    future_message_free(item->reply);
    free(item->text);
    *item = (struct map_item){0};
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

bool map_window_full(const struct map_window *window)
{
    return window->tail - window->head >= ITEMS_MAX || window->text_bytes >= TEXT_MAX_BYTES;
}

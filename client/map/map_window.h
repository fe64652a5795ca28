/* The items of a map that are on their way: sent, known by id, asked for, answered, and then given
 * out in input order or as they come. Asks for results ahead, bounded in number and in bytes: an
 * answer that comes too early to be kept is dropped and asked for again. No output. One thread. */
#ifndef FUTURED_CLIENT_MAP_WINDOW_H
#define FUTURED_CLIENT_MAP_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "client/future.h"
#include "client/map/map_value.h"

enum map_item_state {
    ITEM_SENT,    /* its id is not known yet */
    ITEM_KNOWN,   /* to be asked for, again perhaps */
    ITEM_ASKED,   /* its result is asked for: `request` */
    ITEM_WATCHED, /* only its end is asked for: `request` */
    ITEM_TIMED,   /* answered, and its times are asked for: `request` */
    ITEM_READY,   /* answered */
    ITEM_REFUSED  /* never sent: `refusal` says why */
};

struct map_item {
    enum map_item_state state;
    bool over;         /* it is done, as far as we know */
    bool counted;      /* for the caller, who counts each answer once */
    uint64_t number;   /* in the window, from 0 without gaps */
    uint64_t sequence; /* in the input, from 1 */
    uint64_t id;
    uint64_t request;
    const char *refusal;
    struct map_value *value;      /* NULL: not known here */
    struct future_message *reply; /* from ITEM_TIMED on */
    double started, finished;     /* Unix time; 0: not known */
    TAILQ_ENTRY(map_item) link;   /* of those that are ready, where they come as they come */
    struct map_item *next_asked;  /* in the table of requests */
};

struct map_window_settings {
    bool unordered; /* given out as they are answered */
    bool ends;      /* every end is to be noticed soon, whatever waits for its turn */
    bool times;     /* `started` and `finished` are wanted */
};

struct map_window;

/* NULL: no memory. */
struct map_window *map_window_new(const struct map_window_settings *settings);
/* Takes NULL. */
void map_window_free(struct map_window *window);

/* An item behind the others; takes the value on success. `refusal` (static, or NULL) says why it is
 * not sent. 0 or -ENOMEM. */
int map_window_push(struct map_window *window, struct map_value *value, uint64_t sequence,
                    const char *refusal);
/* The ids of the next `count` sent items: `first` and those behind it. */
void map_window_assign(struct map_window *window, uint64_t first, uint64_t count);
/* Item `number` of somebody else's map is done. There may be gaps before it, until it is said that
 * the window has `count` items: then those that are missing are refused. 0 or -ENOMEM. */
int map_window_place(struct map_window *window, uint64_t number, uint64_t id);
int map_window_complete(struct map_window *window, uint64_t count, const char *refusal);

/* What was sent last has not been taken. */
void map_window_refuse_sent(struct map_window *window, const char *refusal);

/* Asks for what may be asked for now. 0, or what future_send says. */
int map_window_ask(struct map_window *window, struct future_client *client);
/* Takes the message where it answers an item: 1, and the item (borrowed) in *ret_item where it has
 * become over, answered or ready by that, else NULL. 0: it is another's, and the caller's still. Or
 * what future_send says; then it was taken. */
int map_window_accept(struct map_window *window, struct future_client *client,
                      struct future_message *message, struct map_item **ret_item);

/* The next item to be given out where it is answered or refused, else NULL; borrowed until
 * map_window_pop takes it away. */
struct map_item *map_window_ready(const struct map_window *window);
void map_window_pop(struct map_window *window, struct map_item *item);

bool map_window_empty(const struct map_window *window);
/* Items that were sent and are not over. */
uint64_t map_window_live(const struct map_window *window);
/* So much is on its way that no more shall be read now. */
bool map_window_full(const struct map_window *window);

#endif

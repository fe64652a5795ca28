/* The items of a map that are on their way, in input order: sent, known by id, asked for, answered.
 * Asks for results ahead of the first unanswered one, bounded in number and in bytes: an answer
 * that comes too early to be kept is dropped and asked for again. No output. One thread. */
#ifndef FUTURED_CLIENT_MAP_WINDOW_H
#define FUTURED_CLIENT_MAP_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/future.h"

enum map_item_state {
    ITEM_SENT,  /* its id is not known yet */
    ITEM_KNOWN, /* to be asked for, again perhaps */
    ITEM_ASKED, /* `request` is under way */
    ITEM_ANSWERED,
    ITEM_REFUSED /* never sent: `refusal` says why */
};

struct map_item {
    enum map_item_state state;
    uint64_t id;
    uint64_t request;
    const char *refusal;
    char *text;
    size_t size;
    struct future_message *reply; /* of ITEM_ANSWERED */
};

struct map_window;

/* NULL: no memory. The window takes NULL in map_window_free. */
struct map_window *map_window_new(void);
void map_window_free(struct map_window *window);

/* An item behind the others; the text is copied. `refusal` (static, or NULL) says why it is not
 * sent. 0 or -ENOMEM. */
int map_window_push(struct map_window *window, const char *text, size_t size, const char *refusal);
/* The ids of the next `count` sent items: `first` and those behind it. */
void map_window_assign(struct map_window *window, uint64_t first, uint64_t count);

/* Asks for what may be asked for now. 0, or what future_send says. */
int map_window_ask(struct map_window *window, struct future_client *client);
/* Takes the message where it answers an item; false: it is another's, and the caller's still. */
bool map_window_accept(struct map_window *window, struct future_message *message);

/* The first item where it is answered or refused, else NULL; borrowed until map_window_pop. */
const struct map_item *map_window_ready(const struct map_window *window);
void map_window_pop(struct map_window *window);

bool map_window_empty(const struct map_window *window);
/* So much is on its way that no more shall be read now. */
bool map_window_full(const struct map_window *window);

#endif

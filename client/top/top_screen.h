/* The screen of `top`: draws a model with ncurses. Asks nobody anything. One thread. */
#ifndef FUTURED_CLIENT_TOP_SCREEN_H
#define FUTURED_CLIENT_TOP_SCREEN_H

#include "client/top/top_model.h"

struct top_screen {
    bool colour;
    size_t selected, count; /* of the futures that are listed: running ones, then pending ones */
    uint64_t id;            /* of the selected one, which it stays while the list moves; 0: none */
    size_t page;            /* how many futures are seen at once */
    const char *trouble;    /* what stands in place of the counts; NULL: all is fine */
    char note[160];         /* for the last line, until the next key */
};

/* Takes the terminal over. 0, or -ENOTTY where it can do nothing. */
int top_screen_begin(struct top_screen *screen);
/* Gives it back as it was. */
void top_screen_end(void);

/* A key, without waiting, as ncurses names it; -1: none. */
int top_screen_key(void);
/* Selects the future so many lines below (above: negative), or the nearest that there is. */
void top_screen_move(struct top_screen *screen, const struct top_model *model, long by);
/* The future that is selected, borrowed from the model; NULL: none. */
const json_t *top_screen_selected(const struct top_screen *screen, const struct top_model *model);

void top_screen_draw(struct top_screen *screen, const struct top_model *model);

#endif

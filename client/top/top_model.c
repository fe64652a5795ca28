#include "client/top/top_model.h"

#include <string.h>
#include <time.h>

static int ask(struct future_client *client, const char *method, const char *params,
               struct future_message **reply)
{
    struct future_message *fresh;
    int r = future_call(client, method, params, TOP_PATIENCE_MS, &fresh);

    if (r == 0 && fresh->kind == FUTURE_ERROR) {
        future_message_free(fresh);
        r = FUTURE_REFUSED;
    }
    if (r < 0)
        return r;
    future_message_free(*reply);
    *reply = fresh;
    return 0;
}

/* Moves on to the second of now. */
static void move_on(struct top_model *model)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (model->second == 0 || now.tv_sec - model->second > TOP_SECONDS) {
        memset(model->rates, 0, sizeof(model->rates));
        model->second = now.tv_sec;
    }
    while (model->second < now.tv_sec)
        model->rates[++model->second % TOP_SECONDS] = 0;
}

int top_model_begin(struct future_client *client, struct top_model *model)
{
    struct future_message *reply = NULL;
    int r = ask(client, "subscribe", "{\"all\":true}", &reply);

    future_message_free(reply);
    move_on(model);
    return r;
}

void top_model_clear(struct top_model *model)
{
    future_message_free(model->pools);
    future_message_free(model->running);
    future_message_free(model->pending);
    *model = (struct top_model){0};
}

int top_model_refresh(struct future_client *client, struct top_model *model)
{
    int r = ask(client, "status", "{\"state\":[\"RUNNING\"],\"limit\":200,\"describe\":true}",
                &model->running);

    if (r == 0)
        /* A map's items are many and alike: its own line says how far it is. */
        r = ask(client, "status",
                "{\"state\":[\"PENDING\"],\"limit\":200,\"items\":false,\"describe\":true}",
                &model->pending);
    return r == 0 ? ask(client, "pool.list", "{}", &model->pools) : r;
}

int top_model_take_in(struct future_client *client, struct top_model *model)
{
    struct future_message *message;
    int r;

    move_on(model);
    while ((r = future_receive(client, 0, &message)) == 0) {
        if (message->kind == FUTURE_NOTIFICATION)
            model->rates[model->second % TOP_SECONDS]++;
        future_message_free(message);
    }
    return r == FUTURE_TIMED_OUT ? 0 : r;
}

uint64_t top_model_rate(const struct top_model *model, unsigned ago)
{
    int64_t second = model->second - (int64_t)ago;

    return ago < TOP_SECONDS && second > 0 ? model->rates[second % TOP_SECONDS] : 0;
}

#include "client/top/top_model.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static int ask(struct cli *cli, const char *method, const char *text, struct future_message **reply)
{
    struct writer params = {0};
    struct future_message *fresh;
    int status;

    writer_raw(&params, text, strlen(text));
    status = cli_call(cli, method, &params, &fresh);
    if (status != 0)
        return status;
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

int top_model_begin(struct cli *cli, struct top_model *model)
{
    struct future_message *reply = NULL;
    int status = ask(cli, "subscribe", "{\"all\":true}", &reply);

    future_message_free(reply);
    move_on(model);
    return status;
}

void top_model_clear(struct top_model *model)
{
    future_message_free(model->pools);
    future_message_free(model->running);
    future_message_free(model->pending);
    *model = (struct top_model){0};
}

int top_model_refresh(struct cli *cli, struct top_model *model)
{
    int status = ask(cli, "pool.list", "{}", &model->pools);

    if (status == 0)
        status = ask(cli, "status", "{\"state\":[\"RUNNING\"],\"limit\":200,\"describe\":true}",
                     &model->running);
    if (status == 0)
        /* A map's items are many and alike: its own line says how far it is. */
        status = ask(cli, "status",
                     "{\"state\":[\"PENDING\"],\"limit\":200,\"items\":false,\"describe\":true}",
                     &model->pending);
    return status;
}

int top_model_take_in(struct cli *cli, struct top_model *model)
{
    struct future_message *message;
    int r;

    move_on(model);
    while ((r = future_receive(cli->client, 0, &message)) == 0) {
        if (message->kind == FUTURE_NOTIFICATION)
            model->rates[model->second % TOP_SECONDS]++;
        future_message_free(message);
    }
    return r == -ETIMEDOUT ? 0 : cli_tell_failure(cli, r);
}

uint64_t top_model_rate(const struct top_model *model, unsigned ago)
{
    int64_t second = model->second - (int64_t)ago;

    return ago < TOP_SECONDS && second > 0 ? model->rates[second % TOP_SECONDS] : 0;
}

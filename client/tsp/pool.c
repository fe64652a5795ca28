#include "client/tsp/pool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/cli/parse.h"

#define NAME_PARAMS "{\"pool\":\"" TSP_POOL "\"}"

uint64_t pool_first_slots(void)
{
    const char *text = getenv("TS_SLOTS");
    uint64_t slots;

    return text && parse_uint(text, &slots) == 0 && slots > 0 ? slots : 1;
}

int pool_set(struct tsp *tsp, uint64_t slots)
{
    struct future_message *reply;
    char params[128];
    int status;

    /* A full queue lets the submitter wait, as with Task Spooler. */
    snprintf(params, sizeof(params),
             "{\"pool\":\"" TSP_POOL "\",\"max_workers\":%" PRIu64 ",\"on_full\":\"wait\"}", slots);
    status = tsp_call(tsp, "pool.set", params, &reply);
    if (status != 0)
        return status;
    if (reply->kind == FUTURE_ERROR)
        status = tsp_fail_message(reply);
    future_message_free(reply);
    return status;
}

/* *ret_reply is NULL where there is no pool so far. */
static int ask(struct tsp *tsp, struct future_message **ret_reply)
{
    int status = tsp_call(tsp, "pool.list", NAME_PARAMS, ret_reply);

    if (status != 0 || (*ret_reply)->kind != FUTURE_ERROR)
        return status;
    if ((*ret_reply)->error.code != FUTURE_CODE_INVALID_PARAMS)
        status = tsp_fail_message(*ret_reply);
    future_message_free(*ret_reply);
    *ret_reply = NULL;
    return status;
}

static const json_t *first_pool(const struct future_message *reply)
{
    return json_array_get(json_object_get(reply->result, "pools"), 0);
}

int pool_slots(struct tsp *tsp, uint64_t *ret_slots)
{
    struct future_message *reply;
    int status = ask(tsp, &reply);

    if (status != 0)
        return status;
    *ret_slots = pool_first_slots();
    if (reply) {
        json_int_t slots = json_integer_value(json_object_get(first_pool(reply), "max_workers"));

        *ret_slots = slots > 0 ? (uint64_t)slots : 0;
    }
    future_message_free(reply);
    return 0;
}

int pool_pid(struct tsp *tsp, uint64_t id, pid_t *ret_pid)
{
    struct future_message *reply;
    const json_t *worker;
    size_t i;
    int status = ask(tsp, &reply);

    if (status != 0)
        return status;
    *ret_pid = 0;
    if (reply)
        json_array_foreach (json_object_get(first_pool(reply), "workers"), i, worker)
            if (json_integer_value(json_object_get(worker, "future")) == (json_int_t)id)
                *ret_pid = (pid_t)json_integer_value(json_object_get(worker, "pid"));
    future_message_free(reply);
    return 0;
}

/* layers: proto */
/* The params of every method: the first byte chooses the decoder, the rest is the JSON text of the
 * params. What is taken must hold to what proto/messages.h says of it, and what is refused must be
 * refused with a reason that can be told. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proto/messages.h"
#include "proto/text.h"
#include "tests/fuzz/fuzz.h"

struct trial {
    const struct rpc_request *request;
    const struct limits *limits;
    struct rpc_error *error;
};

/* ---- what holds of all that is taken ---- */

static void check_slice(const struct trial *trial, struct slice slice)
{
    const struct slice *params = &trial->request->params_text;
    json_error_t error;

    MUST(slice.text >= params->text && slice.text + slice.size <= params->text + params->size);
    json_t *value = json_loadb(slice.text, slice.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    MUST(value);
    json_decref(value);
}

static void check_ids(const struct id_list *ids)
{
    for (size_t i = 0; i < ids->count; i++)
        MUST(ids->ranges[i].first >= 1 && ids->ranges[i].first <= ids->ranges[i].last);
}

static void check_text(const char *text, uint64_t max_bytes)
{
    MUST(!text || (strlen(text) <= max_bytes && utf8_valid(text, strlen(text))));
}

/* ---- the decoders ---- */

static int try_submit(const struct trial *trial, bool is_map)
{
    struct submit_params params;
    int r = submit_params_decode(trial->request, is_map, trial->limits, &params, trial->error);

    if (r < 0)
        return r;
    MUST(params.fn);
    if (trial->request->params_text.size > 0 && params.args.size > 2)
        check_slice(trial, params.args);
    for (size_t i = 0; i < params.item_count; i++)
        check_slice(trial, params.items[i]);
    for (size_t i = 0; i < params.after_count; i++)
        MUST(params.after[i].id >= 1);
    check_text(params.label, trial->limits->label_bytes);
    check_text(params.key, trial->limits->key_bytes);
    check_text(params.pool, trial->limits->name_bytes);
    MUST(params.item_count <= trial->limits->map_items);
    MUST(is_map || (!params.items && !params.open));
    submit_params_clear(&params);
    return 0;
}

static int decode_submit(const struct trial *trial)
{
    return try_submit(trial, false);
}

static int decode_map(const struct trial *trial)
{
    return try_submit(trial, true);
}

static int decode_map_add(const struct trial *trial)
{
    struct map_add_params params;
    int r = map_add_params_decode(trial->request, trial->limits, &params, trial->error);

    if (r < 0)
        return r;
    for (size_t i = 0; i < params.item_count; i++)
        check_slice(trial, params.items[i]);
    map_add_params_clear(&params);
    return 0;
}

static int decode_cancel(const struct trial *trial)
{
    struct cancel_params params;
    int r = cancel_params_decode(trial->request, &params, trial->error);

    if (r < 0)
        return r;
    MUST(params.many || params.id >= 1);
    MUST(params.signal_number >= 1 && params.signal_number <= 64 && params.reason);
    check_ids(&params.ids);
    id_list_clear(&params.ids);
    return 0;
}

static int decode_status(const struct trial *trial)
{
    struct status_params params;
    int r = status_params_decode(trial->request, trial->limits, &params, trial->error);

    if (r < 0)
        return r;
    MUST(params.form != STATUS_ONE || params.id >= 1);
    MUST(params.limit <= trial->limits->status_limit && params.states < 1u << STATE_COUNT);
    check_ids(&params.ids);
    id_list_clear(&params.ids);
    return 0;
}

static int decode_result(const struct trial *trial)
{
    struct result_params params;
    int r = result_params_decode(trial->request, &params, trial->error);

    MUST(r < 0 || params.id >= 1);
    return r;
}

static int decode_wait(const struct trial *trial)
{
    struct wait_params params;
    int r = wait_params_decode(trial->request, &params, trial->error);

    if (r < 0)
        return r;
    MUST(params.return_when <= FIRST_EXCEPTION);
    check_ids(&params.ids);
    id_list_clear(&params.ids);
    return 0;
}

static int decode_subscribe(const struct trial *trial)
{
    struct subscribe_params params;
    int r = subscribe_params_decode(trial->request, &params, trial->error);

    if (r < 0)
        return r;
    /* Of no futures at all it may be: `ids` was an empty array. */
    MUST(params.events > 0 && params.events < 16 && (!params.all || params.ids.count == 0));
    check_ids(&params.ids);
    id_list_clear(&params.ids);
    return 0;
}

static int decode_output(const struct trial *trial)
{
    struct output_params params;
    int r = output_params_decode(trial->request, trial->limits, &params, trial->error);

    MUST(r < 0 || (params.id >= 1 && params.stream <= 1 &&
                   params.limit <= trial->limits->output_chunk_bytes));
    return r;
}

static int decode_pool(const struct trial *trial)
{
    struct pool_params params;
    int r = pool_params_decode(trial->request, trial->limits, &params, trial->error);

    if (r < 0)
        return r;
    MUST(params.pool);
    MUST(!params.has_max_workers ||
         (params.max_workers >= 1 && params.max_workers <= trial->limits->workers));
    return 0;
}

static int decode_shutdown(const struct trial *trial)
{
    struct shutdown_params params;

    return shutdown_params_decode(trial->request, &params, trial->error);
}

static int decode_id(const struct trial *trial)
{
    uint64_t id;
    int r = id_params_decode(trial->request, "id", &id, trial->error);

    MUST(r < 0 || id >= 1);
    return r;
}

static int decode_ids(const struct trial *trial)
{
    struct id_list ids = {.ranges = NULL};
    int r = ids_params_decode(trial->request, &ids, trial->error);

    if (r < 0)
        return r;
    check_ids(&ids);
    id_list_clear(&ids);
    return 0;
}

static int decode_pool_name(const struct trial *trial)
{
    const char *name;
    int r = pool_name_decode(trial->request, true, &name, trial->error);

    MUST(r < 0 || name);
    return r;
}

static int decode_nothing(const struct trial *trial)
{
    return no_params_decode(trial->request, trial->error);
}

typedef int decode_fn(const struct trial *trial);
static decode_fn *const decoders[] = {
    decode_submit,   decode_map,  decode_map_add,   decode_cancel,    decode_status,
    decode_result,   decode_wait, decode_subscribe, decode_output,    decode_pool,
    decode_shutdown, decode_id,   decode_ids,       decode_pool_name, decode_nothing,
};

/* ---- the envelope ---- */

static void check_error(const struct rpc_error *error)
{
    struct writer text = {.data = NULL};
    json_error_t json_error;

    MUST(error->code != 0);
    rpc_write_error(&text, (struct slice){"1", 1}, error);
    json_t *json = json_loadb(text.data, text.size, 0, &json_error);
    MUST(json);
    json_decref(json);
    writer_free(&text);
}

static void check_request(const struct rpc_request *request, const struct limits *limits,
                          decode_fn *decode)
{
    struct rpc_error error = {.code = RPC_INTERNAL};
    struct trial trial = {.request = request, .limits = limits, .error = &error};

    if (request->error.code != 0) {
        check_error(&request->error);
        return;
    }
    int r = decode(&trial);
    MUST(r == 0 || r == -EINVAL);
    if (r < 0)
        check_error(&error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":";
    size_t text_size = sizeof(head) - 1 + (size > 0 ? size - 1 : 0) + 1;
    struct limits limits;
    struct rpc_line line;
    struct rpc_error error;

    if (size < 1)
        return 0;
    limits_set_defaults(&limits);
    limits.map_items = 10;
    limits.after = 10;
    limits.label_bytes = limits.key_bytes = limits.name_bytes = 20;
    char *text = malloc(text_size + 1);
    MUST(text);
    memcpy(text, head, sizeof(head) - 1);
    memcpy(text + sizeof(head) - 1, data + 1, size - 1);
    text[text_size - 1] = '}';
    text[text_size] = '\0';
    int r = rpc_parse(text, text_size, &limits, &line, &error);
    MUST(r == 0 || r == -EBADMSG);
    if (r < 0)
        check_error(&error);
    for (size_t i = 0; r == 0 && i < line.count; i++)
        check_request(&line.requests[i], &limits,
                      decoders[data[0] % (sizeof(decoders) / sizeof(decoders[0]))]);
    if (r == 0)
        rpc_line_clear(&line);
    free(text);
    return 0;
}

/* layers: proto */
/* extra: tests/support/messages_fixture.c */
/* Every method's params, as they are refused. */
#include "proto/messages.h"

#include <errno.h>
#include <string.h>

#include "tests/support/messages_fixture.h"
#include "tests/support/suite.h"

/* ---- every decoder behind one shape, for the refusals ---- */

union output {
    struct submit_params submit;
    struct map_add_params map_add;
    struct cancel_params cancel;
    struct status_params status;
    struct result_params result;
    struct wait_params wait;
    struct subscribe_params subscribe;
    struct output_params output;
    struct pool_params pool;
    struct shutdown_params shutdown;
    struct id_list ids;
    const char *name;
    uint64_t id;
};

enum decoder {
    SUBMIT,
    MAP,
    MAP_ADD,
    CANCEL,
    STATUS,
    RESULT,
    WAIT,
    SUBSCRIBE,
    OUTPUT,
    POOL_SET,
    SHUTDOWN,
    ID,
    IDS,
    POOL_NAME,
    POOL_NAME_OR_NONE,
    NOTHING,
};

static int decode(enum decoder decoder, const struct rpc_request *r, union output *out)
{
    switch (decoder) {
    case SUBMIT:
        return submit_params_decode(r, false, &limits, &out->submit, &error);
    case MAP:
        return submit_params_decode(r, true, &limits, &out->submit, &error);
    case MAP_ADD:
        return map_add_params_decode(r, &limits, &out->map_add, &error);
    case CANCEL:
        return cancel_params_decode(r, &out->cancel, &error);
    case STATUS:
        return status_params_decode(r, &limits, &out->status, &error);
    case RESULT:
        return result_params_decode(r, &out->result, &error);
    case WAIT:
        return wait_params_decode(r, &out->wait, &error);
    case SUBSCRIBE:
        return subscribe_params_decode(r, &out->subscribe, &error);
    case OUTPUT:
        return output_params_decode(r, &limits, &out->output, &error);
    case POOL_SET:
        return pool_params_decode(r, &limits, &out->pool, &error);
    case SHUTDOWN:
        return shutdown_params_decode(r, &out->shutdown, &error);
    case ID:
        return id_params_decode(r, "subscription", &out->id, &error);
    case IDS:
        return ids_params_decode(r, &out->ids, &error);
    case POOL_NAME:
        return pool_name_decode(r, true, &out->name, &error);
    case POOL_NAME_OR_NONE:
        return pool_name_decode(r, false, &out->name, &error);
    case NOTHING:
        return no_params_decode(r, &error);
    }
    return -ENOSYS;
}

static const struct {
    enum decoder decoder;
    const char *params;
    const char *param; /* data.param, or data.limit behind a '!' */
} refusals[] = {
    /* no member is known, and positional params are not taken */
    {NOTHING, "{\"a\":1}", "a"},
    {NOTHING, "{\"a\":null}", "a"},
    {NOTHING, "[1]", "params"},
    {NOTHING, "[]", "params"},
    {POOL_NAME_OR_NONE, "[]", "params"},
    {SUBMIT, "[\"exec\"]", "params"},
    {RESULT, "[1]", "params"},
    {ID, "[1]", "params"},
    {POOL_NAME_OR_NONE, "[\"default\"]", "params"},
    /* an id */
    {RESULT, "", "id"},
    {RESULT, "{}", "id"},
    {RESULT, "{\"id\":null}", "id"},
    {RESULT, "{\"id\":0}", "id"},
    {RESULT, "{\"id\":-1}", "id"},
    {RESULT, "{\"id\":1.0}", "id"},
    {RESULT, "{\"id\":1e3}", "id"},
    {RESULT, "{\"id\":true}", "id"},
    {RESULT, "{\"id\":\"1\"}", "id"},
    {RESULT, "{\"id\":[1]}", "id"},
    {RESULT, "{\"id\":1,\"ID\":2}", "ID"},
    {ID, "", "subscription"},
    {ID, "{\"subscription\":0}", "subscription"},
    {ID, "{\"id\":1}", "id"},
    {ID, "{\"subscription\":1,\"\":1}", ""},
    /* a timeout */
    {RESULT, "{\"id\":1,\"timeout\":\"5\"}", "timeout"},
    {RESULT, "{\"id\":1,\"timeout\":true}", "timeout"},
    {RESULT, "{\"id\":1,\"timeout\":[]}", "timeout"},
    {WAIT, "{\"ids\":[],\"timeout\":{}}", "timeout"},
    {SHUTDOWN, "{\"timeout\":false}", "timeout"},
    /* ids */
    {IDS, "", "ids"},
    {IDS, "{\"ids\":null}", "ids"},
    {IDS, "{\"ids\":1}", "ids"},
    {IDS, "{\"ids\":{}}", "ids"},
    {IDS, "{\"ids\":[0]}", "ids"},
    {IDS, "{\"ids\":[1,-1]}", "ids"},
    {IDS, "{\"ids\":[1.0]}", "ids"},
    {IDS, "{\"ids\":[true]}", "ids"},
    {IDS, "{\"ids\":[null]}", "ids"},
    {IDS, "{\"ids\":[[]]}", "ids"},
    {IDS, "{\"ids\":[[1]]}", "ids"},
    {IDS, "{\"ids\":[[2,1]]}", "ids"},
    {IDS, "{\"ids\":[[0,1]]}", "ids"},
    {IDS, "{\"ids\":[[1,2,3]]}", "ids"},
    {IDS, "{\"ids\":[[1,2.0]]}", "ids"},
    {IDS, "{\"ids\":[1],\"id\":1}", "id"},
    /* wait */
    {WAIT, "{}", "ids"},
    {WAIT, "{\"ids\":[],\"return_when\":\"all_completed\"}", "return_when"},
    {WAIT, "{\"ids\":[],\"return_when\":1}", "return_when"},
    {WAIT, "{\"ids\":[],\"return_when\":\"ALL_COMPLETED\\u0000\"}", "return_when"},
    {WAIT, "{\"ids\":[1],\"return_wen\":\"ALL_COMPLETED\"}", "return_wen"},
    /* pool names */
    {POOL_NAME, "", "pool"},
    {POOL_NAME, "{\"pool\":null}", "pool"},
    {POOL_NAME, "{\"pool\":\"\"}", "pool"},
    {POOL_NAME, "{\"pool\":1}", "pool"},
    {POOL_NAME, "{\"pool\":\"a\\u0000b\"}", "pool"},
    {POOL_NAME_OR_NONE, "{\"name\":\"a\"}", "name"},
    /* submit */
    {SUBMIT, "", "fn"},
    {SUBMIT, "{\"fn\":null}", "fn"},
    {SUBMIT, "{\"fn\":\"\"}", "fn"},
    {SUBMIT, "{\"fn\":1}", "fn"},
    {SUBMIT, "{\"fn\":\"a\\u0000\"}", "fn"},
    {SUBMIT, "{\"fn\":\"f\",\"pool\":\"\"}", "pool"},
    {SUBMIT, "{\"fn\":\"f\",\"pool\":[]}", "pool"},
    {SUBMIT, "{\"fn\":\"f\",\"pool\":\"abcde\"}", "pool"},
    {SUBMIT, "{\"fn\":\"f\",\"label\":1}", "label"},
    {SUBMIT, "{\"fn\":\"f\",\"label\":\"\\u0000\"}", "label"},
    {SUBMIT, "{\"fn\":\"f\",\"label\":\"abcdefg\"}", "label"},
    {SUBMIT, "{\"fn\":\"f\",\"key\":\"\"}", "key"},
    {SUBMIT, "{\"fn\":\"f\",\"key\":true}", "key"},
    {SUBMIT, "{\"fn\":\"f\",\"key\":\"\\u0000\"}", "key"},
    {SUBMIT, "{\"fn\":\"f\",\"key\":\"abcdef\"}", "key"},
    {SUBMIT, "{\"fn\":\"f\",\"priority\":1.0}", "priority"},
    {SUBMIT, "{\"fn\":\"f\",\"priority\":true}", "priority"},
    {SUBMIT, "{\"fn\":\"f\",\"priority\":\"high\"}", "priority"},
    {SUBMIT, "{\"fn\":\"f\",\"delay\":-1}", "delay"},
    {SUBMIT, "{\"fn\":\"f\",\"delay\":-0.001}", "delay"},
    {SUBMIT, "{\"fn\":\"f\",\"delay\":\"1\"}", "delay"},
    {SUBMIT, "{\"fn\":\"f\",\"delay\":false}", "delay"},
    {SUBMIT, "{\"fn\":\"f\",\"timeout\":0}", "timeout"},
    {SUBMIT, "{\"fn\":\"f\",\"timeout\":0.0}", "timeout"},
    {SUBMIT, "{\"fn\":\"f\",\"timeout\":-1}", "timeout"},
    {SUBMIT, "{\"fn\":\"f\",\"timeout\":\"1\"}", "timeout"},
    {SUBMIT, "{\"fn\":\"f\",\"timeout\":true}", "timeout"},
    {SUBMIT, "{\"fn\":\"f\",\"retry\":3}", "retry"},
    {SUBMIT, "{\"fn\":\"f\",\"retry\":[]}", "retry"},
    {SUBMIT, "{\"fn\":\"f\",\"retry\":{}}", "retry.max"},
    {SUBMIT, "{\"fn\":\"f\",\"retry\":{\"max\":-1}}", "retry.max"},
    {SUBMIT, "{\"fn\":\"f\",\"retry\":{\"max\":1.0}}", "retry.max"},
    {SUBMIT, "{\"fn\":\"f\",\"retry\":{\"max\":4294967296}}", "retry.max"},
    {SUBMIT, "{\"fn\":\"f\",\"retry\":{\"max\":1,\"delay\":-1}}", "retry.delay"},
    {SUBMIT, "{\"fn\":\"f\",\"retry\":{\"max\":1,\"delay\":true}}", "retry.delay"},
    {SUBMIT, "{\"fn\":\"f\",\"retry\":{\"max\":1,\"backoff\":0.5}}", "retry.backoff"},
    {SUBMIT, "{\"fn\":\"f\",\"retry\":{\"max\":1,\"backoff\":\"2\"}}", "retry.backoff"},
    {SUBMIT, "{\"fn\":\"f\",\"retry\":{\"max\":1,\"jitter\":1}}", "retry.jitter"},
    {SUBMIT, "{\"fn\":\"f\",\"after\":7}", "after"},
    {SUBMIT, "{\"fn\":\"f\",\"after\":{\"id\":7}}", "after"},
    {SUBMIT, "{\"fn\":\"f\",\"after\":[0]}", "after"},
    {SUBMIT, "{\"fn\":\"f\",\"after\":[1,\"2\"]}", "after"},
    {SUBMIT, "{\"fn\":\"f\",\"after\":[[1,2]]}", "after"},
    {SUBMIT, "{\"fn\":\"f\",\"after\":[{}]}", "after"},
    {SUBMIT, "{\"fn\":\"f\",\"after\":[{\"id\":1.0}]}", "after"},
    {SUBMIT, "{\"fn\":\"f\",\"after\":[{\"id\":1,\"on\":\"failure\"}]}", "after"},
    {SUBMIT, "{\"fn\":\"f\",\"after\":[{\"id\":1,\"on\":1}]}", "after"},
    {SUBMIT, "{\"fn\":\"f\",\"after\":[{\"id\":1,\"when\":\"done\"}]}", "after"},
    {SUBMIT, "{\"fn\":\"f\",\"after\":[1,2,3,4]}", "!after"},
    {SUBMIT, "{\"fn\":\"f\",\"on_crash\":\"retry\"}", "on_crash"},
    {SUBMIT, "{\"fn\":\"f\",\"on_crash\":true}", "on_crash"},
    {SUBMIT, "{\"fn\":\"f\",\"scope\":\"session\"}", "scope"},
    {SUBMIT, "{\"fn\":\"f\",\"durable\":1}", "durable"},
    {SUBMIT, "{\"fn\":\"f\",\"subscribe\":\"yes\"}", "subscribe"},
    {SUBMIT, "{\"fn\":\"f\",\"items\":[]}", "items"},
    {SUBMIT, "{\"fn\":\"f\",\"chunksize\":1}", "chunksize"},
    {SUBMIT, "{\"fn\":\"f\",\"fail_fast\":true}", "fail_fast"},
    {SUBMIT, "{\"fn\":\"f\",\"open\":true}", "open"},
    {SUBMIT, "{\"fn\":\"f\",\"window\":1}", "window"},
    {SUBMIT, "{\"fn\":\"f\",\"argv\":[]}", "argv"},
    /* map */
    {MAP, "{\"items\":[]}", "fn"},
    {MAP, "{\"fn\":\"f\"}", "items"},
    {MAP, "{\"fn\":\"f\",\"items\":null}", "items"},
    {MAP, "{\"fn\":\"f\",\"items\":{}}", "items"},
    {MAP, "{\"fn\":\"f\",\"items\":\"abc\"}", "items"},
    {MAP, "{\"fn\":\"f\",\"items\":3,\"open\":true}", "items"},
    {MAP, "{\"fn\":\"f\",\"items\":[1,2,3,4,5,6]}", "!map_items"},
    {MAP, "{\"fn\":\"f\",\"open\":false}", "items"},
    {MAP, "{\"fn\":\"f\",\"open\":1}", "open"},
    {MAP, "{\"fn\":\"f\",\"items\":[],\"chunksize\":0}", "chunksize"},
    {MAP, "{\"fn\":\"f\",\"items\":[],\"chunksize\":2.0}", "chunksize"},
    {MAP, "{\"fn\":\"f\",\"items\":[],\"fail_fast\":1}", "fail_fast"},
    {MAP, "{\"fn\":\"f\",\"items\":[],\"window\":1}", "window"},
    {MAP, "{\"fn\":\"f\",\"open\":true,\"window\":0}", "window"},
    {MAP, "{\"fn\":\"f\",\"items\":[1],\"after\":[0]}", "after"},
    {MAP, "{\"fn\":\"f\",\"items\":[1],\"item\":1}", "item"},
    {MAP_ADD, "", "id"},
    {MAP_ADD, "{\"id\":1}", "items"},
    {MAP_ADD, "{\"items\":[1]}", "id"},
    {MAP_ADD, "{\"id\":1,\"items\":1}", "items"},
    {MAP_ADD, "{\"id\":1,\"items\":[1,2,3,4,5,6]}", "!map_items"},
    {MAP_ADD, "{\"id\":1,\"items\":[],\"open\":true}", "open"},
    /* cancel */
    {CANCEL, "", "id"},
    {CANCEL, "{\"id\":1,\"ids\":[2]}", "ids"},
    {CANCEL, "{\"ids\":1}", "ids"},
    {CANCEL, "{\"id\":0}", "id"},
    {CANCEL, "{\"id\":1,\"terminate\":1}", "terminate"},
    {CANCEL, "{\"id\":1,\"signal\":\"FOO\"}", "signal"},
    {CANCEL, "{\"id\":1,\"signal\":\"SIG\"}", "signal"},
    {CANCEL, "{\"id\":1,\"signal\":\"TERM\\u0000\"}", "signal"},
    {CANCEL, "{\"id\":1,\"signal\":0}", "signal"},
    {CANCEL, "{\"id\":1,\"signal\":65}", "signal"},
    {CANCEL, "{\"id\":1,\"signal\":-9}", "signal"},
    {CANCEL, "{\"id\":1,\"signal\":9.0}", "signal"},
    {CANCEL, "{\"id\":1,\"signal\":true}", "signal"},
    {CANCEL, "{\"ids\":[1],\"grace\":-1}", "grace"},
    {CANCEL, "{\"ids\":[1],\"grace\":\"1\"}", "grace"},
    {CANCEL, "{\"ids\":[1],\"reason\":1}", "reason"},
    {CANCEL, "{\"ids\":[1],\"reason\":\"\\u0000\"}", "reason"},
    {CANCEL, "{\"ids\":[1],\"force\":true}", "force"},
    /* status */
    {STATUS, "{\"id\":0}", "id"},
    {STATUS, "{\"id\":1,\"ids\":[1]}", "ids"},
    {STATUS, "{\"id\":1,\"state\":[\"PENDING\"]}", "state"},
    {STATUS, "{\"id\":1,\"limit\":1}", "limit"},
    {STATUS, "{\"ids\":[1],\"pool\":\"p\"}", "pool"},
    {STATUS, "{\"ids\":[1],\"label\":\"l\"}", "label"},
    {STATUS, "{\"ids\":[1],\"before\":5}", "before"},
    {STATUS, "{\"ids\":[1.5]}", "ids"},
    {STATUS, "{\"state\":\"PENDING\"}", "state"},
    {STATUS, "{\"state\":[]}", "state"},
    {STATUS, "{\"state\":[\"pending\"]}", "state"},
    {STATUS, "{\"state\":[\"PENDING\\u0000\"]}", "state"},
    {STATUS, "{\"state\":[\"PENDING\",1]}", "state"},
    {STATUS, "{\"pool\":1}", "pool"},
    {STATUS, "{\"label\":1}", "label"},
    {STATUS, "{\"limit\":-1}", "limit"},
    {STATUS, "{\"limit\":1.0}", "limit"},
    {STATUS, "{\"limit\":true}", "limit"},
    {STATUS, "{\"limit\":100001}", "!status_limit"},
    {STATUS, "{\"before\":0}", "before"},
    {STATUS, "{\"before\":\"1\"}", "before"},
    {STATUS, "{\"states\":[\"PENDING\"]}", "states"},
    /* subscribe */
    {SUBSCRIBE, "", "ids"},
    {SUBSCRIBE, "{\"all\":false}", "ids"},
    {SUBSCRIBE, "{\"all\":null}", "ids"},
    {SUBSCRIBE, "{\"all\":1}", "all"},
    {SUBSCRIBE, "{\"all\":true,\"ids\":[1]}", "ids"},
    {SUBSCRIBE, "{\"ids\":[[3,2]]}", "ids"},
    {SUBSCRIBE, "{\"ids\":[1],\"pool\":\"p\"}", "pool"},
    {SUBSCRIBE, "{\"ids\":[1],\"label\":\"l\"}", "label"},
    {SUBSCRIBE, "{\"all\":true,\"pool\":\"\"}", "pool"},
    {SUBSCRIBE, "{\"all\":true,\"label\":1}", "label"},
    {SUBSCRIBE, "{\"ids\":[1],\"events\":[]}", "events"},
    {SUBSCRIBE, "{\"ids\":[1],\"events\":\"done\"}", "events"},
    {SUBSCRIBE, "{\"ids\":[1],\"events\":[\"finished\"]}", "events"},
    {SUBSCRIBE, "{\"ids\":[1],\"events\":[\"done\",null]}", "events"},
    {SUBSCRIBE, "{\"ids\":[1],\"events\":[\"done\\u0000\"]}", "events"},
    {SUBSCRIBE, "{\"ids\":[1],\"since\":-1}", "since"},
    {SUBSCRIBE, "{\"ids\":[1],\"since\":1.0}", "since"},
    {SUBSCRIBE, "{\"ids\":[1],\"since\":\"1\"}", "since"},
    {SUBSCRIBE, "{\"ids\":[1],\"event\":[\"done\"]}", "event"},
    /* output */
    {OUTPUT, "", "id"},
    {OUTPUT, "{\"id\":1,\"stream\":\"stdin\"}", "stream"},
    {OUTPUT, "{\"id\":1,\"stream\":1}", "stream"},
    {OUTPUT, "{\"id\":1,\"offset\":-1}", "offset"},
    {OUTPUT, "{\"id\":1,\"offset\":0.5}", "offset"},
    {OUTPUT, "{\"id\":1,\"limit\":0}", "limit"},
    {OUTPUT, "{\"id\":1,\"limit\":true}", "limit"},
    {OUTPUT, "{\"id\":1,\"wait\":-1}", "wait"},
    {OUTPUT, "{\"id\":1,\"wait\":true}", "wait"},
    {OUTPUT, "{\"id\":1,\"follow\":true}", "follow"},
    /* pool.set */
    {POOL_SET, "", "pool"},
    {POOL_SET, "{\"max_workers\":1}", "pool"},
    {POOL_SET, "{\"pool\":\"\"}", "pool"},
    {POOL_SET, "{\"pool\":\"abcde\"}", "pool"},
    {POOL_SET, "{\"pool\":\"p\",\"max_workers\":0}", "max_workers"},
    {POOL_SET, "{\"pool\":\"p\",\"max_workers\":10001}", "max_workers"},
    {POOL_SET, "{\"pool\":\"p\",\"max_workers\":1.0}", "max_workers"},
    {POOL_SET, "{\"pool\":\"p\",\"min_workers\":-1}", "min_workers"},
    {POOL_SET, "{\"pool\":\"p\",\"min_workers\":10001}", "min_workers"},
    {POOL_SET, "{\"pool\":\"p\",\"min_workers\":3,\"max_workers\":2}", "min_workers"},
    {POOL_SET, "{\"pool\":\"p\",\"idle_timeout\":-1}", "idle_timeout"},
    {POOL_SET, "{\"pool\":\"p\",\"idle_timeout\":\"1\"}", "idle_timeout"},
    {POOL_SET, "{\"pool\":\"p\",\"max_tasks_per_worker\":-1}", "max_tasks_per_worker"},
    {POOL_SET, "{\"pool\":\"p\",\"queue_limit\":-1}", "queue_limit"},
    {POOL_SET, "{\"pool\":\"p\",\"queue_limit\":true}", "queue_limit"},
    {POOL_SET, "{\"pool\":\"p\",\"on_full\":\"drop\"}", "on_full"},
    {POOL_SET, "{\"pool\":\"p\",\"thread_name_prefix\":\"\"}", "thread_name_prefix"},
    {POOL_SET, "{\"pool\":\"p\",\"thread_name_prefix\":\"a\\u0000\"}", "thread_name_prefix"},
    {POOL_SET, "{\"pool\":\"p\",\"thread_name_prefix\":\"abcdefghijklm\"}", "thread_name_prefix"},
    {POOL_SET, "{\"pool\":\"p\",\"initializer\":\"f\"}", "initializer"},
    {POOL_SET, "{\"pool\":\"p\",\"initializer\":{}}", "initializer.fn"},
    {POOL_SET, "{\"pool\":\"p\",\"initializer\":{\"fn\":\"\"}}", "initializer.fn"},
    {POOL_SET, "{\"pool\":\"p\",\"initializer\":{\"fn\":1}}", "initializer.fn"},
    {POOL_SET, "{\"pool\":\"p\",\"initializer\":{\"fn\":\"f\",\"x\":1}}", "initializer.x"},
    {POOL_SET, "{\"pool\":\"p\",\"workers\":1}", "workers"},
    /* shutdown */
    {SHUTDOWN, "{\"wait\":1}", "wait"},
    {SHUTDOWN, "{\"cancel_futures\":\"no\"}", "cancel_futures"},
    {SHUTDOWN, "{\"keep_pending\":0}", "keep_pending"},
    {SHUTDOWN, "{\"now\":true}", "now"},
    {SHUTDOWN, "[true]", "params"},
};

static bool same_bytes(const void *a, const void *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

START_TEST(what_is_wrong_is_refused_and_named)
{
    const char *name = refusals[_i].param;
    union output out, before;

    memset(&out, 0xa5, sizeof(out));
    before = out;
    limits.name_bytes = 4;
    limits.label_bytes = 6;
    limits.key_bytes = 5;
    limits.after = 3;
    limits.map_items = 5;
    ck_assert_msg(decode(refusals[_i].decoder, request(refusals[_i].params), &out) == -EINVAL,
                  "accepted: %s", refusals[_i].params);
    if (name[0] == '!') {
        ck_assert_int_eq(error.code, RPC_LIMIT_EXCEEDED);
        ck_assert_str_eq(error.limit, name + 1);
        ck_assert_uint_gt(error.value, 0);
        ck_assert_str_eq(error.param, "");
    } else {
        ck_assert_int_eq(error.code, RPC_INVALID_PARAMS);
        ck_assert_msg(strcmp(error.param, name) == 0, "%s: %s instead of %s (%s)",
                      refusals[_i].params, error.param, name, error.detail);
        ck_assert_msg(strstr(error.detail, name) != NULL, "%s", error.detail);
        ck_assert_str_eq(error.limit, "");
    }
    ck_assert(same_bytes(&out, &before, sizeof(out)));
}
END_TEST

START_TEST(errors_are_plain_sentences)
{
    static const struct {
        enum decoder decoder;
        const char *params, *detail;
    } samples[] = {
        {RESULT, "{\"id\":1,\"timeout\":\"x\"}", "timeout must be a number of seconds"},
        {RESULT, "{}", "id is missing: it must be a positive integer"},
        {RESULT, "{\"id\":1,\"tiemout\":1}",
         "unknown member \"tiemout\", expected any of: id, timeout"},
        {NOTHING, "{\"a\":1}", "unknown member \"a\", none is expected"},
        {SUBMIT, "{\"fn\":\"f\",\"retry\":{\"n\":1}}",
         "unknown member \"retry.n\", expected any of: max, delay, backoff"},
        {SUBMIT, "{\"fn\":\"f\",\"retry\":{\"max\":-1}}",
         "retry.max must be an integer from 0 to 4294967295"},
        {SUBMIT, "{\"fn\":\"f\",\"on_crash\":1}", "on_crash must be one of: fail, rerun"},
        {SUBMIT, "{\"fn\":\"f\",\"after\":[1,0]}",
         "after must hold positive integers or {\"id\", \"on\"} objects; [1] is neither"},
        {SUBMIT, "{\"fn\":\"f\",\"label\":\"a\\u0000\"}", "label must not contain a NUL character"},
        {OUTPUT, "{\"id\":1,\"limit\":0}", "limit must be an integer of 1 or more"},
    };

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        union output out;

        ck_assert_int_eq(decode(samples[i].decoder, request(samples[i].params), &out), -EINVAL);
        ck_assert_str_eq(error.detail, samples[i].detail);
    }
}
END_TEST

int main(void)
{
    TCase *tests = suite_tests("messages refused", setup, teardown);

    tcase_add_loop_test(tests, what_is_wrong_is_refused_and_named, 0,
                        (int)(sizeof(refusals) / sizeof(refusals[0])));
    tcase_add_test(tests, errors_are_plain_sentences);
    return suite_run();
}

/* Members of what the daemon says, checked for their types. */
#include "client/lib/libfuture_impl.h"

#include <errno.h>
#include <string.h>

#include "proto/text.h"

bool read_uint(const json_t *object, const char *name, uint64_t *ret_value)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *ret_value = (uint64_t)json_integer_value(value);
    return true;
}

int64_t read_us(const json_t *object, const char *name)
{
    double microseconds = json_number_value(json_object_get(object, name)) * 1e6;

    return microseconds > 0 && microseconds < 9e18 ? (int64_t)(microseconds + 0.5) : 0;
}

const char *read_string(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static const char *const state_names[] = {
    [FUTURE_PENDING] = "PENDING",
    [FUTURE_RUNNING] = "RUNNING",
    [FUTURE_CANCELLED] = "CANCELLED",
    [FUTURE_FINISHED] = "FINISHED",
};

const char *future_state_name(enum future_state state)
{
    return (unsigned)state <= FUTURE_FINISHED ? state_names[state] : NULL;
}

bool read_state(const json_t *object, enum future_state *ret_state)
{
    const char *name = read_string(object, "state");

    for (unsigned state = 0; name && state <= FUTURE_FINISHED; state++) {
        if (strcmp(name, state_names[state]) == 0) {
            *ret_state = (enum future_state)state;
            return true;
        }
    }
    return false;
}

int read_bytes(const json_t *object, const char *name, const char *base64_name,
               struct future_bytes *ret_bytes, void **ret_decoded)
{
    const json_t *text = json_object_get(object, name);
    const json_t *base64 = json_object_get(object, base64_name);
    size_t size;
    int r;

    if (json_is_string(text)) {
        *ret_bytes = (struct future_bytes){json_string_value(text), json_string_length(text)};
        return 0;
    }
    if (!json_is_string(base64)) {
        *ret_bytes = (struct future_bytes){"", 0};
        return 0;
    }
    r = base64_decode(json_string_value(base64), json_string_length(base64), ret_decoded, &size);
    if (r < 0)
        return r == -ENOMEM ? r : -EBADMSG;
    *ret_bytes = (struct future_bytes){*ret_decoded, size};
    return 0;
}

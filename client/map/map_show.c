#include "client/map/map_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/show/outcome.h"
#include "proto/text.h"

void map_item_why(const struct map_item *item, char *ret_text, size_t size)
{
    if (item->state == ITEM_REFUSED)
        snprintf(ret_text, size, "InvalidArguments: %s", item->refusal);
    else if (item->reply->kind == FUTURE_ERROR)
        snprintf(ret_text, size, "%s", item->reply->error.message);
    else
        outcome_describe(item->reply->result, ret_text, size);
}

static void write_reply(const struct future_message *reply, struct writer *writer)
{
    char *members = json_dumps(reply->result, JSON_COMPACT | JSON_EMBED | JSON_REAL_PRECISION(16));

    if (!members) {
        writer->failed = true;
        return;
    }
    writer_json(writer, members, strlen(members));
    free(members);
}

static void write_text(const struct map_value *value, struct writer *writer)
{
    if (utf8_valid(value->text, value->size)) {
        writer_key(writer, "item");
        writer_string(writer, value->text, value->size);
    } else {
        writer_key(writer, "item_base64");
        writer_base64(writer, value->text, value->size);
    }
}

void map_item_json(const struct map_item *item, const char *why, struct writer *writer)
{
    writer_begin_object(writer);
    writer_key(writer, "index");
    writer_uint(writer, item->sequence - 1);
    if (item->value)
        write_text(item->value, writer);
    if (item->reply && item->reply->kind == FUTURE_REPLY) {
        write_reply(item->reply, writer);
    } else {
        writer_key(writer, "error");
        writer_cstring(writer, why);
    }
    writer_end_object(writer);
    writer_raw(writer, "\n", 1);
}

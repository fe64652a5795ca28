/* One item of a map in words: why it failed, and its line of JSON. No I/O. Any thread. */
#ifndef FUTURED_CLIENT_MAP_SHOW_H
#define FUTURED_CLIENT_MAP_SHOW_H

#include "client/map/map_window.h"
#include "proto/writer.h"

/* Why the item failed; "" where it did not. It must be ready or refused. */
void map_item_why(const struct map_item *item, char *ret_text, size_t size);

/* {"index":0,"item":"a", then the members of the reply to `result`, or "error" where there is none.
 * An item that is not UTF-8 comes as `item_base64`. With the line feed; check writer_failed. */
void map_item_json(const struct map_item *item, const char *why, struct writer *writer);

#endif

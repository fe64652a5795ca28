/* A change as bytes, so that the store's thread needs nothing that belongs to the loop. */
#ifndef FUTURED_STORE_CHANGE_H
#define FUTURED_STORE_CHANGE_H

#include "daemon/core/store.h"
#include "daemon/store/bytes.h"

/* A change with all that it points to. The texts lie in the bytes that it was taken from. */
struct taken_change {
    struct store_change change;
    struct stored_future future;
    struct stored_spec spec;
    struct stored_map map;
    struct stored_pool pool;
    struct stored_attempt earlier;
    struct outcome outcome; /* borrowed like the rest: never cleared */
    bool has_output;
};

/* A spec but for its arguments; bundles have it in this form on the disk. */
void spec_put(struct bytes *bytes, const struct stored_spec *spec);
void spec_take(struct bytes_reader *reader, struct stored_spec *ret_spec);

/* All but the output, of which it says only whether there is one. */
void change_put(struct bytes *bytes, const struct store_change *change);
void change_take(struct bytes_reader *reader, struct taken_change *ret_taken);

#endif

/* Every limit of futured, in one table: name, default, unit and meaning. The daemon, `info`, the
 * configuration file, the documents and the tests read this table and no other. Any thread. */
#ifndef FUTURED_PROTO_LIMITS_H
#define FUTURED_PROTO_LIMITS_H

#include <stdint.h>

#define LIMITS(X)                                                                                  \
    X(line_bytes, 16777216, "bytes of one request line")                                           \
    X(depth, 32, "nesting of JSON in one request")                                                 \
    X(values, 1048576, "JSON values in one request")                                               \
    X(batch, 10000, "requests in one batch")                                                       \
    X(requests_in_flight, 100000, "requests of one connection that wait for their replies")        \
    X(subscriptions, 10000, "subscriptions of one connection")                                     \
    X(connections, 20000, "connections at once")                                                   \
    X(connections_per_uid, 12000, "connections of one user; not root or the daemon's own")         \
    X(connections_reserved, 100, "connections kept for root and the daemon's user; at most half")  \
    X(line_seconds, 30, "seconds that a line may stay incomplete with nothing more of it coming")  \
    X(unsent_pause_bytes, 1048576, "unsent output at which reading from a client pauses")          \
    X(unsent_bytes, 67108864, "unsent output at which a client is disconnected")                   \
    X(unsent_seconds, 60, "seconds above unsent_pause_bytes until a client is disconnected")       \
    X(unsent_total_bytes, 100663296, "unsent output of all clients: then who has stalled goes")    \
    X(output_bytes, 4194304, "captured bytes of each stream of a job")                             \
    X(output_total_bytes, 10737418240, "bytes that a command may write: then it is killed")        \
    X(output_chunk_bytes, 1048576, "bytes in one reply to output")                                 \
    X(result_bytes, 50331648, "bytes of one reply to result")                                      \
    X(pending, 10000000, "pending futures in the daemon")                                          \
    X(pending_per_uid, 5000000, "pending futures of one user")                                     \
    X(map_window, 10000, "pending items of an open map before map.add waits (default)")            \
    X(map_items, 10000000, "items of one map")                                                     \
    X(workers, 10000, "workers of one pool")                                                       \
    X(pools, 1000, "pools")                                                                        \
    X(launcher_seconds, 86400, "seconds until what a launcher starts must have answered")          \
    X(label_bytes, 256, "bytes of a label")                                                        \
    X(key_bytes, 256, "bytes of an idempotency key")                                               \
    X(name_bytes, 64, "bytes of a pool's name")                                                    \
    X(after, 10000, "futures that one future may wait for")                                        \
    X(status_limit, 100000, "futures in one reply to status")                                      \
    X(retention_count, 100000, "done futures that are kept")                                       \
    X(retention_bytes, 1073741824, "bytes of done futures that are kept")                          \
    X(retention_seconds, 604800, "seconds that a done future is kept")

struct limits {
#define X(name, value, meaning) uint64_t name;
    LIMITS(X)
#undef X
};

struct limit_entry {
    const char *name;
    uint64_t value;
    const char *meaning;
};

/* The table's rows, ended by a NULL name. */
extern const struct limit_entry limit_table[];

void limits_set_defaults(struct limits *limits);

/* The value by name; -ENOENT for an unknown one. No limit can be set to 0: -EINVAL. */
int limits_get(const struct limits *limits, const char *name, uint64_t *ret_value);
int limits_set(struct limits *limits, const char *name, uint64_t value);

#endif

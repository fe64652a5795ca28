/* redis as a peer: jobs that do nothing, pushed with LPUSH and taken with BRPOP, through hiredis
 * with many commands in flight.
 *
 *     redis SOCKET COUNT WINDOW
 *
 * Prints jobs a second. */
#include <stdio.h>
#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "tests/bench/bench.h"

static void expect(redisContext *redis, int type, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        redisReply *reply = NULL;

        if (redisGetReply(redis, (void **)&reply) != REDIS_OK || reply->type != type)
            die("redis answered something else");
        freeReplyObject(reply);
    }
}

int main(int argc, char **argv)
{
    redisContext *redis;
    uint64_t count, window, start_ns;

    if (argc != 4)
        die("usage: redis SOCKET COUNT WINDOW");
    count = number_arg(argv[2]);
    window = number_arg(argv[3]);
    redis = redisConnectUnix(argv[1]);
    if (!redis || redis->err)
        die("cannot connect to redis");
    count -= count % window;
    start_ns = now_ns();
    for (uint64_t done = 0; done < count; done += window) {
        for (uint64_t i = 0; i < window; i++) {
            unsigned long long number = 100000000 + done + i;

            redisAppendCommand(redis, "LPUSH jobs %llu", number);
        }
        for (uint64_t i = 0; i < window; i++)
            redisAppendCommand(redis, "BRPOP jobs 0");
        expect(redis, REDIS_REPLY_INTEGER, window);
        expect(redis, REDIS_REPLY_ARRAY, window);
    }
    printf("%.0f\n", rate_since(start_ns, count));
    redisFree(redis);
    return 0;
}

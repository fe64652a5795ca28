#include "daemon/net/turn_away.h"

#include <sys/socket.h>

#include "daemon/base/fd.h"
#include "proto/writer.h"

void turn_away(int fd, const struct rpc_error *error)
{
    static const struct slice no_id = {.text = "null", .size = 4};
    struct writer text = {.data = NULL};
    rpc_write_error(&text, no_id, error);
    writer_raw(&text, "\n", 1);
    if (!writer_failed(&text))
        (void)!send(fd, text.data, text.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    writer_free(&text);
    fd_close(fd);
}

#!/bin/bash
# The tree keeps to the table of layers, and the script that says so bites.
set -u
source tests/support/shell.bash

check=$PWD/tests/support/check-layers
tree=$TMPDIR/tree

# verdict FILE INCLUDE: what check-layers prints about a tree with this one include in it.
verdict()
{
    rm -rf "$tree"
    mkdir -p "$tree/proto" "$tree/client" "$tree/$(dirname "$1")"
    printf '/* a file */\n#include %s\n' "$2" >"$tree/$1"
    "$check" "$tree" || echo "refused"
}

refuses() { like "$1 must not include $2" "$(verdict "$1" "$2")" "^$1:2: .*refused$"; }
allows() { eq "$1 may include $2" "$(verdict "$1" "$2")" ""; }

ok "the tree keeps to its layers" "$check" .

refuses daemon/base/fd.c '"daemon/core/future.h"'
refuses daemon/base/fd.c '"proto/frame.h"'
refuses daemon/base/clock.c '<event2/event.h>'
refuses daemon/base/loop.h '<event2/event.h>'
allows daemon/base/loop.c '<event2/event.h>'
allows daemon/base/systemd.c '<dlfcn.h>'
refuses daemon/base/log.c '<dlfcn.h>'
refuses proto/rpc.c '"daemon/base/log.h"'
refuses proto/rpc.c '<event2/buffer.h>'
refuses proto/rpc.c '<pthread.h>'
refuses proto/rpc.c '<sqlite3.h>'
allows proto/rpc.c '<jansson.h>'
refuses daemon/core/pool.c '<jansson.h>'
refuses daemon/core/pool.c '<sys/socket.h>'
refuses daemon/core/pool.h '"proto/messages.h"'
refuses daemon/core/pool.c '"daemon/run/process.h"'
allows daemon/core/pool.c '"daemon/base/log.h"'
refuses daemon/run/command.c '"daemon/store/store.h"'
refuses daemon/run/command.c '"proto/rpc.h"'
allows daemon/run/handler.c '"proto/rpc.h"'
refuses daemon/store/sqlite.c '"daemon/run/process.h"'
allows daemon/store/sqlite.c '<sqlite3.h>'
refuses daemon/rpc/session.c '"daemon/run/command.h"'
refuses daemon/rpc/session.c '"daemon/store/store.h"'
refuses daemon/rpc/session.c '<event2/event.h>'
refuses daemon/rpc/session.c '"daemon/net/listener.h"'
allows daemon/rpc/session.c '"daemon/core/future.h"'
refuses daemon/net/listener.c '"daemon/core/future.h"'
allows daemon/net/listener.c '<event2/event.h>'
allows daemon/server.c '"daemon/store/store.h"'
refuses client/cli/main.c '"daemon/base/log.h"'
refuses client/cli/main.c '<event2/event.h>'
allows client/cli/main.c '"proto/rpc.h"'
allows client/map/map_run.c '"client/cli/parse.h"'
allows client/map/map_run.c '"client/future.h"'
refuses client/map/map_run.c '"client/lib/libfuture_impl.h"'
refuses client/map/map_run.c '<sys/socket.h>'
refuses client/lib/libfuture.c '"client/cli/parse.h"'
refuses client/lib/libfuture.c '"daemon/base/log.h"'
allows client/lib/libfuture.c '"proto/frame.h"'
allows client/lib/libfuture.c '"client/future.h"'
allows client/lib/libfuture.c '<sys/socket.h>'
allows client/examples/loop.c '<event2/event.h>'
refuses client/examples/loop.c '"daemon/base/log.h"'
allows daemon/plugins/digest.c '"proto/plugin.h"'
allows daemon/plugins/digest.c '<openssl/evp.h>'
allows daemon/plugins/digest.c '<jansson.h>'
refuses daemon/plugins/digest.c '"proto/text.h"'
refuses daemon/plugins/digest.c '"daemon/base/log.h"'
refuses daemon/plugins/digest.c '<pthread.h>'
refuses daemon/run/process.c '<zlib.h>'
allows daemon/run/plugin_call.h '"proto/plugin.h"'
refuses daemon/run/plugin.c '"proto/text.h"'
refuses daemon/run/command.c '"proto/plugin.h"'
refuses daemon/core/pool.c '"log.h"'
refuses daemon/core/pool.c '"../base/log.h"'

finish

#!/bin/bash
# The line that a newcomer types, with nothing but nc between the shell and the daemon.
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon -- bash "$0"
set -u
source tests/support/shell.bash

submit='{"jsonrpc":"2.0","id":1,"method":"submit","params":{"fn":"exec","args":{"argv":["echo","hi"]}}}'

out=$(printf '%s\n' "$submit" | timeout 20 nc -N -U "$FUTURE_SOCKET")
like "the line is answered" "$out" '^\{"jsonrpc":"2.0","id":1,"result":\{"id":1,"state":"[A-Z]+"\}\}$'

out=$(printf '%s' "$submit" | timeout 20 nc -N -U "$FUTURE_SOCKET")
like "without its LF too" "$out" '"result":\{"id":2,'

out=$(printf '%s\n' '{"jsonrpc":"2.0","id":2,"method":"result","params":{"id":2}}' |
    timeout 20 nc -N -U "$FUTURE_SOCKET")
like "the result is waited for" "$out" '"stdout":"hi\\n"'

out=$(printf '%s\r\n' '{"jsonrpc":"2.0","id":3,"method":"ping"}' | timeout 20 nc -N -U "$FUTURE_SOCKET")
eq "CRLF" "$out" '{"jsonrpc":"2.0","id":3,"result":"pong"}'

out=$(printf '%s' '{"jsonrpc":"2.0","id":4,"meth' | timeout 20 nc -N -U "$FUTURE_SOCKET")
eq "what is not whole is dropped" "$?:$out" "0:"

finish

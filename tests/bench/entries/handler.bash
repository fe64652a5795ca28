# shellcheck shell=bash disable=SC2034,SC2154  # the driver reads and sets these
# A call of a handler beside an `exec` of the same interpreter, which it replaces.
title="a call of a Python handler beside exec of python3, one at a time on one worker"
metrics=("time us lower")
contenders=(handler exec)
label=([handler]="a call of a handler" [exec]="exec of python3 -c pass")
calls=2000
commands=40

prepare()
{
    cat >"$work/handler.py" <<'PY'
import json, sys
for line in sys.stdin:
    print(json.dumps({"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": None}), flush=True)
PY
    printf '[function nothing]\nhandler = python3 %s\n' "$work/handler.py" >"$work/conf"
    new_daemon futured --max-workers 1 --config "$work/conf"
    FUTURE_SOCKET=$futured_socket future map --fn nothing ::: 0 >/dev/null # starts the handler
}

# microseconds COUNT COMMAND...: what one of COUNT items takes.
microseconds()
{
    local count=$1 start=${EPOCHREALTIME/./}
    shift
    seq "$count" | FUTURE_SOCKET=$futured_socket "$@" >/dev/null || return
    echo $(((${EPOCHREALTIME/./} - start) / count))
}

measure_handler() { microseconds "$calls" future map --fn nothing; }
measure_exec() { microseconds "$commands" future map -- python3 -c pass; }

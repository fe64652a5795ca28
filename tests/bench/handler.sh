#!/bin/bash
# What a call of a handler costs beside an `exec` of the same interpreter, one at a time on one
# worker, in turns within one run: prints the median of each and their ratio. Only the ratio means
# something: the machine does not.
#
#     tests/bench/handler.sh [ROUNDS]
cd "$(dirname "$0")/../.." || exit 1
rounds=${1:-5}
calls=2000
commands=40

if [[ -z ${FUTURE_SOCKET:-} ]]; then
    dir=$(mktemp -d) || exit 1
    trap 'rm -rf "$dir"' EXIT
    cat >"$dir/handler.py" <<'PY'
import json, sys
for line in sys.stdin:
    print(json.dumps({"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": None}), flush=True)
PY
    printf '[function nothing]\nhandler = python3 %s\n' "$dir/handler.py" >"$dir/conf"
    PATH=$PWD/build:$PATH tests/support/with-daemon --max-workers 1 --config "$dir/conf" -- \
        bash "$0" "$rounds"
    exit
fi

# microseconds COUNT COMMAND...: what one of COUNT items takes.
microseconds()
{
    local count=$1 start=${EPOCHREALTIME/./}
    shift
    seq "$count" | "$@" >/dev/null || exit 1
    echo $(((${EPOCHREALTIME/./} - start) / count))
}

median()
{
    sort -n | sed -n "$(((rounds + 1) / 2))p"
}

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
future map --fn nothing ::: 0 >/dev/null || exit 1 # starts the handler
for ((i = 0; i < rounds; i++)); do
    microseconds "$calls" future map --fn nothing >&3
    microseconds "$commands" future map -- python3 -c pass >&4
done 3>"$work/handler" 4>"$work/exec"
handler=$(median <"$work/handler")
exec_us=$(median <"$work/exec")
echo "a call of a Python handler: $handler us; exec of python3: $exec_us us;" \
    "ratio $((exec_us / handler))"

#!/bin/bash
# proto/WORKER.md: a worker says what it shows, and its reasons are those that there are.
set -u
source tests/support/shell.bash
source tests/support/daemon.bash

document=$PWD/proto/WORKER.md
mkdir "$TMPDIR/bin" "$TMPDIR/faults"

# The job of the examples. Where `slow` is there it does not end by itself.
cat >"$TMPDIR/bin/make" <<MAKE
#!/bin/sh
echo cc -c a.c
test -e "$TMPDIR/slow" && exec sleep 1000
exec sleep 0.1
MAKE
chmod +x "$TMPDIR/bin/make"
PATH=$TMPDIR/bin:$PATH

replay=(python3 tests/support/replay_worker.py "$document")
ok "the first words" "${replay[@]}" "First words"
ok "a call" "${replay[@]}" "A call"
touch "$TMPDIR/slow"
ok "a stop" "${replay[@]}" "A stop"
ok "signs of life" "${replay[@]}" "Life"

# Whatever the document shows is replayed.
eq "sections that show messages" "$(awk '/^## /{name=substr($0,4)} /^    (-->|<--) \{/{print name}' "$document" |
    uniq | paste -sd,)" "First words,A call,A stop,Life"

# A lost worker, as the document has it but for the name of the node.
printf '[pool far]\nmax_workers = 1\nlauncher = %s %s\n' "$PWD/tests/support/launcher.py" "$TMPDIR/faults" >"$TMPDIR/conf"
start_daemon "$TMPDIR" --config "$TMPDIR/conf" || exit 1
touch "$TMPDIR/faults/lose-answer"
id=$(future submit --pool far -- true)
future wait "$id"
got=$(future rpc exception "{\"id\":$id}" | jq -cS .exception)
shown=$(awk '/^    \{"type":"WorkerLost"/ { inside = 1 } inside { print } inside && /\}\}$/ { exit }' "$document" |
    sed "s/\\bn2 was\\b/$(hostname) was/; s/\"host\":\"n2\"/\"host\":\"$(hostname)\"/" | jq -cS .)
eq "a lost worker" "$got" "$shown"
# shellcheck disable=SC2016  # the document's marks
eq "its reasons" "$(sed -n '/^| reason/,/^$/s/^| \(`.*`\) |.*/\1/p' "$document" | tr -d '`, ' | sort | paste -sd,)" \
    "$(printf 'exitclosed\nsilence\ngarbagewrong_idoversize\nmemory\n' | sort | paste -sd,)"
ok "the daemon ends in order" stop_daemon
finish

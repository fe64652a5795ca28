#!/bin/bash
# libfuture as others use it: installed, found through pkg-config, linked both ways; the examples run,
# the header compiles in other dialects, and the library exports its API and nothing else.
[[ -n ${FUTURE_SOCKET:-} ]] || exec tests/support/with-daemon --max-workers 4 -- bash "$0"
source tests/support/shell.bash
source tests/support/cli.bash

build=$(dirname "$FUTURE")
prefix=$TMPDIR/prefix
read -ra cc <<<"${CC:-cc}" # it may be several words
strict=(-Wall -Wextra -Wshadow -Wcast-qual -Wwrite-strings -Wconversion -Wno-sign-conversion -Werror)
# A library with sanitizers inside goes into programs that have them as well.
case ${MODE:-release} in
asan) mode=(-fsanitize=address -fsanitize=undefined) ;;
tsan) mode=(-fsanitize=thread) ;;
coverage) mode=(--coverage) ;;
*) mode=() ;;
esac

# ---- installed ----
capture make --no-print-directory BUILD="$build" MODE="${MODE:-release}" DESTDIR="$TMPDIR/stage" \
    MADE="$TMPDIR/made" PREFIX=/opt/future -o "$build/config.mk" -o "$build/libfuture.a" -o "$build/libfuture.so" \
    install-lib
eq "it can be installed" "$code" 0
mv "$TMPDIR/stage/opt/future" "$prefix"
sed -i "s|/opt/future|$prefix|" "$prefix/lib/pkgconfig/future.pc"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
version=$(pkg-config --modversion future)
eq "pkg-config knows the version" "future $version" "$(future --version)"
read -ra flags < <(pkg-config --cflags --libs future)
like "the file carries the version" "$(readlink -f "$prefix/lib/libfuture.so")" "libfuture\.so\.${version}$"
like "the soname carries the first number" "$(objdump -p "$prefix/lib/libfuture.so")" \
    "SONAME +libfuture\.so\.${version%%.*}[[:space:]]"

# ---- symbols ----
# Every function of the header, and its node of versions.
tr -d '\n' <client/future.h | sed 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' |
    grep -oE '\bfuture_[a-z_]+\(' | tr -d '(' | sort -u >"$TMPDIR/declared"
nm -D --defined-only "$prefix/lib/libfuture.so" | awk '$2 != "A" { print $3 }' | sort >"$TMPDIR/exported"
eq "the library exports the header's functions" \
    "$(sed 's/@.*//' "$TMPDIR/exported")" "$(cat "$TMPDIR/declared")"
eq "all of them have a version" "$(grep -vc '@@LIBFUTURE_0$' "$TMPDIR/exported")" 0
eq "the archive defines them alone as well" \
    "$(nm -g --defined-only "$prefix/lib/libfuture.a" | awk 'NF == 3 { print $3 }' | grep -v '^__' | sort)" \
    "$(cat "$TMPDIR/declared")"

# ---- the header ----
echo '#include <future.h>' >"$TMPDIR/alone.c"
cp "$TMPDIR/alone.c" "$TMPDIR/alone.cc"
for dialect in c99 c11 gnu11 c17; do
    ok "the header is $dialect" "${cc[@]}" -std=$dialect -pedantic-errors "${strict[@]}" -I"$prefix/include" \
        -fsyntax-only "$TMPDIR/alone.c"
done
if command -v c++ >/dev/null; then
    cat >"$TMPDIR/alone.cc" <<'END'
#include <future.h>
#include <future>
int main()
{
    struct future_job job = future_job();
    const char *const argv[] = {"true", nullptr};
    struct future_client *client;
    uint64_t id = 0;

    job.size = sizeof(job);
    job.argv = argv;
    if (future_connect(nullptr, -1, &client) < 0 || future_submit(client, &job, -1, &id) < 0)
        return 1;
    struct future_outcome *outcome;
    int r = future_exception(client, id, -1, &outcome);
    future_outcome_free(outcome);
    future_close(client);
    return r;
}
END
    for dialect in c++11 c++17 c++20; do
        ok "a C++ program is $dialect" c++ -std=$dialect -pedantic-errors "${strict[@]}" "${mode[@]}" \
            "$TMPDIR/alone.cc" "${flags[@]}" -o "$TMPDIR/alone"
    done
    ok "a C++ program runs" "$TMPDIR/alone"
fi

# ---- the examples ----
for example in client/examples/*.c; do
    name=$(basename "$example" .c)
    more=()
    if [[ $name == *libevent ]]; then
        pkg-config --exists libevent_core || continue
        read -ra more < <(pkg-config --cflags --libs libevent_core)
    fi
    # Strict C, as nothing here needs more than POSIX.
    ok "$name compiles" "${cc[@]}" -std=c11 -D_POSIX_C_SOURCE=200809L -pedantic-errors "${strict[@]}" \
        "${mode[@]}" "$example" "${flags[@]}" "${more[@]}" -o "$TMPDIR/$name"
done
PATH=$TMPDIR:$PATH
ok "an example links statically" "${cc[@]}" "${mode[@]}" "${flags[0]}" client/examples/submit_and_wait.c \
    "$prefix/lib/libfuture.a" -ljansson -o "$TMPDIR/static"
gives "... and runs" 0 "static" static echo static

gives "submit_and_wait shows the output" 0 "a b" submit_and_wait echo a b
capture submit_and_wait sh -c 'echo out; echo err >&2; exit 7'
eq "submit_and_wait exits as the command" "$code:$out:$err" $'7:out:err\nExitStatus: exited with status 7'
capture submit_and_wait sh -c 'kill -9 $$'
eq "... which a signal may have killed" "$code" 137
capture submit_and_wait no-such-program
like "... or which is not there" "$code:$err" '^125:SpawnError: .*no-such-program'
capture env FUTURE_SOCKET="$TMPDIR/none" submit_and_wait true
eq "... and says that there is no daemon" "$code:$err" "69:no daemon: No such file or directory"
capture submit_and_wait $'\xff'
eq "... and what is wrong" "$code:$err" "125:submit: a bad argument (argv)"

gives "map_files computes all" 0 "$(sha256sum client/*.h proto/*.[ch])" map_files client/*.h proto/*.[ch]
capture map_files Makefile /none LICENSE
eq "map_files tells which failed" "$code:$out:$err" \
    "1:$(sha256sum Makefile LICENSE):/none: exited with status 1"
gives "map_files of nothing" 0 "" map_files

# The second command can only end when the first has not: it lets it go.
mkfifo "$TMPDIR/fifo"
slow="read line <$TMPDIR/fifo" quick="echo >$TMPDIR/fifo" bad="exit 3"
capture as_completed "$slow" "$quick" "$bad"
eq "as_completed ends well" "$code" 0
eq "as_completed tells of all" "$(sort <<<"$out")" \
    "$(printf '%s\n' "$bad: exited with status 3" "$quick: done" "$slow: done" | sort)"
mkfifo "$TMPDIR/told"
as_completed "$slow" true >"$TMPDIR/told" &
exec 8<"$TMPDIR/told"
read -r -t 60 line <&8
eq "as_completed has the quickest first" "$line" "true: done"
echo >"$TMPDIR/fifo"
read -r -t 60 line <&8
eq "... and then the other one" "$line" "$slow: done"
status "... and ends" 0 wait $!
exec 8<&-

# The answer to the first line is there before the input ends.
mkfifo "$TMPDIR/input" "$TMPDIR/output"
event_loop <"$TMPDIR/input" >"$TMPDIR/output" &
exec 7>"$TMPDIR/input" 8<"$TMPDIR/output"
echo 'echo one' >&7
read -r -t 60 line <&8
eq "event_loop answers while it reads" "$line" one
printf 'echo %s\n' {1..200} >&7
exec 7>&-
ok "event_loop answers everything" diff <(sort -n <&8) <(seq 200)
status "event_loop ends" 0 wait $!
exec 8<&-

if [[ -x $TMPDIR/event_loop_libevent ]]; then
    capture event_loop_libevent true 'exit 3'
    eq "event_loop_libevent tells of all" "$code:$(sort <<<"$out")" \
        $'0:exit 3: failed\nexit 3: started\ntrue: done\ntrue: started'
fi

# ---- the manual ----
if command -v mandoc >/dev/null; then
    gives "the manual is sound" 0 "" mandoc -Tlint -Wwarning client/future.3
fi
while read -r function; do
    grep -q "^\.Fn $function\b\|^\.Fo $function$" client/future.3 || fail "the manual has $function"
done <"$TMPDIR/declared"
pass "the manual was looked through"

finish

#!/bin/bash
# future-tsp against Task Spooler itself: each case below runs with both, each with a server of its
# own, and what they print and how they exit must be the same. Where they differ on purpose the case
# says what each of them does, and why.
# shellcheck disable=SC2016,SC2030,SC2031,SC2094,SC2317  # the jobs' own variables; functions that are called by name
source tests/support/shell.bash
source tests/support/cli.bash
unset TS_SOCKET TS_SLOTS TS_MAILTO TS_MAXFINISHED TS_MAXCONN TS_ONFINISH TS_ENV TS_SAVELIST
root=$TMPDIR

# ---- a case with one of them ----

# In a case: `ts` is the program; `id N` the N-th job's id, from 0; `show ARG...` runs the program and
# prints what it gives, made comparable: ids count from 0, times are T, the place of an output that is
# stored is OUTPUT (for that there is a case of its own), the case's directory is DIR.
id() { echo $(($1 + first_id)); }

comparable()
{
    local line
    while IFS= read -r line || [[ -n $line ]]; do
        line=${line//"$TMPDIR"/DIR}
        if [[ $line =~ ^([0-9]+)(\ .*|)$ ]]; then
            line=$((BASH_REMATCH[1] - first_id))${BASH_REMATCH[2]}
            # What stands behind the id is aligned with four places for it.
            [[ $line =~ ^([0-9]+)\ +(.*)$ ]] && printf -v line '%-4s %s' "${BASH_REMATCH[@]:1:2}"
        fi
        if [[ $line =~ ^(.*\[)([0-9]+)(\]\&\&.*)$ ]]; then
            line=${BASH_REMATCH[1]}$((BASH_REMATCH[2] - first_id))${BASH_REMATCH[3]}
        fi
        if [[ $line =~ ^(Error.*\ [Jj]ob\ )([0-9]+)(\ .*)$ ]]; then
            line=${BASH_REMATCH[1]}$((BASH_REMATCH[2] - first_id))${BASH_REMATCH[3]}
        fi
        printf '%s\n' "$line"
    done | sed -E \
        -e 's#DIR/ts-out\.[A-Za-z0-9]{6} *|\(file\) *|\(daemon\) *|\(\.\.\.\) *#OUTPUT               #' \
        -e 's#[0-9]+\.[0-9]{2}/[0-9]+\.[0-9]{2}/[0-9]+\.[0-9]{2}#T#' \
        -e 's#^(Time run(ning)?: )[0-9.]+s$#\1T#' \
        -e 's#^((Enqueue|Start|End) time: )[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} [0-9]{4}$#\1T#'
}

show()
{
    local code=0
    ts "$@" >"$TMPDIR/out" 2>"$TMPDIR/err" || code=$?
    # This number is no id.
    [[ $1 != -S ]] || local first_id=0
    comparable <"$TMPDIR/out"
    comparable <"$TMPDIR/err"
    echo "= $code"
}

# quietly ARG...: the program's own words do not count.
quietly() { ts "$@" >/dev/null 2>&1; }

# with PROGRAM FIRST_ID CASE: prints what the case prints. The server starts with the first command.
with()
(
    program=$1 first_id=$2
    export TMPDIR=$root/${program##*/}.$3.$BASHPID
    export TS_SOCKET=$TMPDIR/s
    mkdir "$TMPDIR"
    cd "$TMPDIR" || exit
    ts() { "$program" "$@"; }
    "$3" 2>&1
    quietly -K
)

real=$(command -v tsp)
ours=$(command -v future-tsp) || exit 1

# same CASE NAME: both give the same.
same()
{
    local got
    got=$(with "$ours" 1 "$1")
    if [[ -z $real ]]; then
        echo "skipped: $2, as there is no tsp to compare it with"
        like "$2: something happened" "$got" '= '
    else
        eq "$2" "$got" "$(with "$real" 0 "$1")"
    fi
}

# differ CASE NAME OURS REAL REASON: each gives what it shall; the reason is for the reader.
differ()
{
    eq "$2: ours" "$(with "$ours" 1 "$1")" "$3"
    [[ -z $real ]] || eq "$2: Task Spooler's" "$(with "$real" 0 "$1")" "$4"
    [[ -n $5 && $3 != "$4" ]] || fail "$2: a difference has a reason" "$5"
}

# ---- adding and listing ----

empty() { show; show -l; show -S; }
same empty "an empty list"

adding()
{
    show echo one
    show -w
    show sh -c 'exit 3'
    show -w
    show
    show -l
}
same adding "jobs get ids, and are listed"

arguments()
{
    show printf '<%s>' 'two  words' '' -x '*' '$HOME' '"'
    show -w
    show -c
    show -- echo behind --
    show -w
    show -c
    show sh -c 'echo "$0" -l "$@"' -S 5
    show -w
    show -c
}
same arguments "arguments reach the command as they are"

surroundings()
{
    mkdir sub
    cd sub || return
    COLOUR=red EMPTY='' quietly sh -c 'pwd; echo "$COLOUR/${EMPTY-unset}/${OTHER-unset}"'
    show -w
    show -c
}
same surroundings "a job has the directory and the environment of who added it"

labels()
{
    quietly -L first echo one
    quietly -w
    blocked one
    quietly -L 'a label' "${gate[@]}"
    runs one
    quietly -L third -n true
    show
    show -i
    release one
    quietly -w
}
same labels "-L"

places()
{
    blocked one
    quietly echo "done" before
    quietly false
    quietly -w
    quietly "${gate[@]}"
    runs one
    quietly echo waits
    quietly -n echo waits too
    show
    release one
    quietly -w
    show
}
same places "the list: running, queued and finished jobs, in that order"

queue()
{
    blocked one
    quietly "${gate[@]}"
    runs one
    for i in 1 2 3 4 5; do quietly sh -c 'echo "$1" >>order' x "$i"; done
    release one
    show -w
    cat order
}
same queue "one after another, in the order of adding"

# ---- states and exit codes ----

states()
{
    blocked one
    quietly "${gate[@]}"
    runs one
    quietly echo waits
    quietly false
    quietly -d echo skipped
    show -s "$(id 0)"
    show -s "$(id 1)"
    show -s
    release one
    show -w
    for i in 0 1 2 3; do show -s "$(id "$i")"; done
}
same states "-s: queued, running, finished, skipped"

codes()
{
    for code in 0 1 42 100; do
        quietly sh -c "exit $code"
        show -w
    done
    show -w "$(id 1)"
    quietly sh -c 'kill -9 $$'
    show -w
    quietly no-such-command
    show -w
    show -i
    show
}
same codes "-w: the job's exit code, 255 where there is none"

waiting()
{
    blocked one
    quietly "${gate[@]}"
    runs one
    mkfifo waits
    { echo >waits; ts -w; echo "waited $?"; } >waiter &
    read -r _ <waits
    release one
    wait $!
    cat waiter
}
same waiting "-w waits"

# ---- output ----

output()
{
    quietly sh -c 'echo out; echo err >&2; echo out again; exit 7'
    show -w
    show -c
    show -c "$(id 0)"
    show -t
    quietly sh -c 'i=0; while [ $i -lt 25 ]; do i=$((i+1)); echo "line $i"; done'
    show -w
    show -t
    show -t "$(id 1)"
    show -t "$(id 0)"
    quietly true
    show -w
    show -c
    show -t
}
same output "-c and -t: the output, and the exit code"

binary()
{
    quietly printf 'a\000b\377\n\nc'
    quietly -w
    ts -c | od -c
}
same binary "-c: bytes are bytes"

# Task Spooler needs a moment to know where the output goes.
output_is_known() { [[ $(ts) != *'(...)'* ]]; }

following()
{
    mkfifo go all last running
    quietly sh -c 'echo >running; echo begin; read line <go; echo "$line"; exit 3'
    read -r _ <running
    await output_is_known
    { ts -c; echo "ended $?"; } >all &
    exec {all}<all
    { ts -t; echo "ended $?"; } >last &
    exec {last}<last
    for shown in "$all" "$last"; do
        read -r line <&"$shown"
        echo "$line"
    done
    echo 'the end' >go
    cat <&"$all"
    cat <&"$last"
    wait
}
same following "-c and -t follow a job that runs"

unstored()
{
    show -n sh -c 'echo out; echo err >&2; exit 4'
    show -w
    show
    show -c
    show -t
}
same unstored "-n: no id is printed, nothing is stored"

foreground()
{
    show -f sh -c 'echo stored; exit 4'
    show -c
    show -nf sh -c 'echo seen; echo seen too >&2; exit 5'
    show -fn true
    show
    show -f true
    show -f sh -c 'kill -TERM $$'
    show -f no-such-command
    show
}
same foreground "-f: exits as the job does; with -n nothing is left"

foreground_queued()
{
    blocked one
    quietly "${gate[@]}"
    runs one
    { ts -nf echo at last; echo "ended $?"; } >later &
    await eval '(($(ts | wc -l) == 3))'
    show -s
    release one
    wait $!
    cat later
}
same foreground_queued "-f: waits in the queue like others"

# ---- dependencies ----

dependencies()
{
    quietly true
    quietly -d sh -c 'exit 2'
    quietly -d echo skipped
    quietly -d echo skipped too
    show -w
    show
    quietly echo runs
    quietly -d echo runs too
    show -w
    show -c
}
same dependencies "-d: only after the one before ended well"

dependency_first() { quietly -d echo first; show -w; show; }
same dependency_first "-d: of the first job"

dependency_ids()
{
    blocked one
    quietly "${gate[@]}"
    runs one
    quietly sh -c 'exit 1'
    quietly -D "$(id 0)" -L good echo good
    quietly -D "$(id 1)" -L bad echo bad
    quietly -D "$(id 0)" -D "$(id 1)" echo the last one counts
    show
    show -i "$(id 2)"
    release one
    for i in 2 3 4; do
        show -w "$(id "$i")"
        show -s "$(id "$i")"
    done
    show | sort
}
same dependency_ids "-D: only after that one ended well"

dependency_removed()
{
    blocked one
    quietly "${gate[@]}"
    runs one
    quietly echo removed
    quietly -d echo waits for it
    show -r "$(id 1)"
    release one
    quietly -w "$(id 0)"
    show -w
    show | awk '{ print $1, $2 }'
}
differ dependency_removed "-d: a removed one did not end well" \
    $'= 0\n= 255\nID State\n2 skipped\n0 finished\n= 0' \
    $'= 0\n= 255\nID State\n0 finished\n2 skipped\n= 0' \
    'A job is skipped as soon as that is certain, and not when its turn has come.'

skipped()
{
    quietly false
    quietly -d true
    quietly -w
    show -c
    show -t "$(id 1)"
    show -k
    show -u
    show -r
    show
}
same skipped "what can be done with a skipped job"

# ---- orders ----

removing()
{
    blocked one
    quietly "${gate[@]}"
    runs one
    quietly echo two
    quietly echo three
    quietly echo four
    show -r "$(id 0)"
    show -r "$(id 1)"
    show -r
    show -r "$(id 1)"
    show
    release one
    show -w
    show -r "$(id 0)"
    show
    show -r
    show -r
    show -s
}
same removing "-r"

killing()
{
    blocked one
    quietly "${gate[@]}"
    runs one
    quietly echo next
    show -k "$(id 1)"
    show -k
    show -w "$(id 0)"
    show -w
    show -i "$(id 0)"
    show
    show -k
    mkfifo ready
    quietly sh -c 'trap "exit 9" TERM; echo >ready; while :; do sleep 0.01; done'
    read -r _ <ready
    show -k "$(id 2)"
    show -w
}
same killing "-k"

slots()
{
    blocked one
    blocked two
    blocked three
    for name in one two three; do
        quietly sh -c 'echo >"$1.started"; read line <"$1.go"' x "$TMPDIR/$name"
    done
    runs one
    show
    show -S 2
    show -S
    runs two
    show
    show -s
    show -S 3
    runs three
    show
    show -S 1
    show
    for name in one two three; do release "$name"; done
    for i in 0 1 2; do quietly -w "$(id "$i")"; done
    show -S
    show -S 0
    show -S -1
    show -S many
}
same slots "-S"

first_slots()
{
    TS_SLOTS=3 quietly true
    quietly -w
    show -S
    TS_SLOTS=4 show -S
}
same first_slots "TS_SLOTS counts for the first one"

clearing()
{
    blocked one
    quietly true
    quietly false
    quietly -d true
    quietly -w
    quietly "${gate[@]}"
    runs one
    quietly echo waits
    show -C
    show
    release one
    show -w
    show -C
    show
    show -C
}
same clearing "-C: finished and skipped jobs, no others"

information()
{
    blocked one
    quietly -L label "${gate[@]}"
    runs one
    quietly -L other -d echo waits
    show -i
    show -i "$(id 0)"
    show -i "$(id 1)"
    release one
    show -w
    show -i
    show -i "$(id 0)"
}
same information "-i"

# Both need a moment to know the process of a job that has said already that it runs.
pid_is_known()
{
    pid=$(ts -p 2>/dev/null)
    [[ $pid =~ ^[1-9] ]]
}

processes()
{
    mkfifo pid go
    quietly sh -c 'echo $$ >pid; read line <go'
    read -r pid <pid
    wanted=$pid
    await pid_is_known
    [[ $pid == "$wanted" && $(ts -p "$(id 0)") == "$wanted" ]]
    echo "the pid: $?"
    echo >go
    quietly -w
}
same processes "-p of a running job"

stopping()
{
    quietly true
    quietly -w
    show -K
    await test ! -e "$TS_SOCKET"
}
same stopping "-K: the server ends"

nothing() { for action in w s c t k r u p; do show "-$action"; show "-$action" "$(id 9)"; done; }
same nothing "orders about jobs that are not there"

usage()
{
    show -Z
    show -L
    show -nL
    show -D
    show -n
    show -d
    show -L label
    show -s "$(id 0)" more words
    show -l echo added
    show -w
    show -l
}
same usage "usage, good and bad"

help() { ts -h | grep -c '^  -[KClStciswrkuUhVnfdDL] '; ts -V | wc -l; }
differ help "-h and -V" $'20\n1' $'20\n2' 'our own name and version'

# ---- where they differ on purpose ----

ids() { ts true; ts true; quietly -w; }
differ ids "ids" $'1\n2' $'0\n1' \
    'Ids are those of futured: positive, for all that the daemon runs, never used again.'

urging()
{
    blocked one
    quietly "${gate[@]}"
    runs one
    quietly echo two
    quietly echo three
    show -u "$(id 1)"
    show -u >urged
    tail -n 1 urged
    ts | awk '{ print $1 - '"$first_id"' }' | tail -n +2 | tr '\n' ' '
    release one
    quietly -w
}
same urging "-u"

swapping()
{
    blocked one
    quietly "${gate[@]}"
    runs one
    for word in two three four five; do
        quietly echo "$word"
    done
    show -U "$(id 1)-$(id 4)"
    show -u "$(id 2)"
    show -u "$(id 2)"
    show -u "$(id 3)"
    show -U "$(id 2)-$(id 1)"
    show -l
    for pair in "$(id 0)-$(id 1)" "$(id 1)-99" "$(id 2)-$(id 2)"; do
        # The ids in the message count from 0 with one and from 1 with the other.
        ts -U "$pair" 2>&1 | sed 's/[0-9]\+/N/g'
        echo "= ${PIPESTATUS[0]}"
    done
    for pair in x 1x; do
        show -U "$pair"
    done
    show -U
    show -l
    release one
    # The last one in the order that came of it.
    quietly -w "$(id 2)"
    ts | awk 'NR > 1 { print $1 - '"$first_id"' }' | tr '\n' ' '
}
same swapping "-U and -u"

dependency_unknown() { show -D 99 echo x | tail -n 1; show -w; }
differ dependency_unknown "-D of no job" \
    $'= 255\nError in the request: The last job cannot be waited.\n= 255' \
    $'= 0\n= 255' \
    'A job that could never run is refused at once; Task Spooler adds and skips it.'

dependency_cleared() { quietly false; quietly -w; quietly -C; quietly -d echo x; show -w; }
differ dependency_cleared "-d after -C" '= 0' '= 255' \
    'What was cleared is gone; Task Spooler remembers the last exit code apart from it.'

skipped_info() { quietly false; quietly -d true; quietly -w; ts -i | head -n 1; }
differ skipped_info "-i of a skipped job" 'Exit status: skipped' 'Exit status: killed by signal 1' \
    'It was killed by nothing.'

unstarted() { quietly no-such-command; quietly -w; show -c; show -nf no-such-command; }
no_such='tsp: cannot run no-such-command: No such file or directory'
differ unstarted "the output of what could not be started" \
    "$no_such"$'\n= 255\n'"$no_such"$'\n= 255' \
    $'ts could not run the command\n= 255\nts could not run the command\n= 255' \
    'The daemon knows why.'

place()
{
    quietly echo x
    quietly -w
    ts | awk 'NR == 2 { print $3 }' | sed -E 's/ts-out\.[A-Za-z0-9]{6}$/file/' | comparable
    show -o
}
differ place "where the output is" \
    $'OUTPUT               \ntsp: -o is not supported: the daemon keeps the output, in no file: use -c or -t\n= 255' \
    $'DIR/file\nOUTPUT               \n= 0' \
    'The output is part of the result, which the daemon keeps.'

tail_of_a_line() { quietly sh -c 'seq -f "line %g" 12; printf end'; quietly -w; ts -t | wc -l; }
differ tail_of_a_line "-t: ten lines, the last one without its end" 9 10 \
    'The last ten lines are those that `tail` shows too.'

foreground_stdin() { echo given | ts -nf cat; echo given >file; ts -nf cat <file; echo "= $?"; }
differ foreground_stdin "-f and stdin" '= 0' $'given\ngiven\n= 0' \
    'The job is a child of the daemon, and cannot have our stdin.'

no_number() { quietly true; quietly -w; show -s x; }
differ no_number "an id that is no number" $'tsp: x is no job id\n= 255' $'finished\n= 0' \
    'Task Spooler takes any word for 0.'

stop_running()
{
    mkfifo ready
    quietly sh -c 'trap "echo ended >ended; exit" TERM; echo >ready; while :; do sleep 0.01; done'
    read -r _ <ready
    await pid_is_known
    quietly -K
    ! kill -0 "$pid" 2>/dev/null
    echo "gone: $?"
    kill "$pid" 2>/dev/null
    await fails kill -0 "$pid"
}
differ stop_running "-K and what runs" 'gone: 0' 'gone: 1' \
    'No job outlives its daemon; Task Spooler lets it run on.'

# ---- what is ours alone ----

unsupported()
{
    for option in -g -E -m -B '-N 2'; do
        # shellcheck disable=SC2086  # words
        show $option true | grep -c 'is not supported: ' | tr '\n' ' '
    done
    show
}
header='ID   State      Output               E-Level  Times(r/u/s)   Command'
eq "options that are not there say so, and nothing is added" "$(with "$ours" 1 unsupported)" \
    "1 1 1 1 1 $header [run=0/1]"$'\n= 0'

variables()
{
    TS_ONFINISH=x ts true
    TS_ENV=x ts true
    quietly -w
}
like "variables that do nothing say so" "$(with "$ours" 1 variables)" \
    'TS_ONFINISH is set, but futured does nothing.*TS_ENV is set, but'

urging_running()
{
    blocked one
    quietly "${gate[@]}"
    runs one
    show -u "$(id 0)"
    release one
    quietly -w
}
# Task Spooler's server ends on that.
eq "-u of a job that runs" "$(with "$ours" 1 urging_running)" \
    $'Error in the request: The job 0 cannot be urged.\n= 255'

removed_while_waited()
{
    blocked one
    quietly "${gate[@]}"
    runs one
    quietly echo removed
    mkfifo waits
    { echo >waits; ts -w "$(id 1)"; echo "waited $?"; } >waiter &
    read -r _ <waits
    quietly -r
    wait $!
    cat waiter
    release one
    quietly -w
}
like "-w of a job that is removed ends" "$(with "$ours" 1 removed_while_waited)" 'waited 255$'

# A variable twice, one without a name, and one that is not UTF-8: they do no harm.
odd_environment()
{
    env BAD=$'\xff' "$ours" sh -c 'echo "${BAD-unset}"'
    show -w
    show -c
}
like "an environment that is not UTF-8" "$(with "$ours" 1 odd_environment)" \
    'without the variable BAD, which is not valid UTF-8.*= 0.*unset.*= 0'

long_name()
{
    quietly -L "$(printf 'ä%.0s' {1..300})" echo x
    show -w
    ts | tail -n 1 | wc -m
    show -c
}
eq "a long command is cut in the list" "$(with "$ours" 1 long_name)" $'= 0\n192\nx\n= 0'

too_much()
{
    quietly sh -c 'head -c 5000000 /dev/zero | tr "\\0" x'
    quietly -w
    ts -c 2>err | wc -c
    cat err
}
like "output that is longer than the daemon keeps is told" "$(with "$ours" 1 too_much)" \
    '^4194304.*tsp: job 1 wrote more than the daemon keeps'

foreground_gone()
{
    mkfifo ready
    "$program" -nf sh -c 'trap "" HUP; echo >ready; while :; do sleep 0.01; done' &
    read -r _ <ready
    kill -KILL "$!"
    wait "$!" 2>/dev/null
    show -w
    show -i | head -n 1
}
like "a job in the foreground ends with who waits for it" "$(with "$ours" 1 foreground_gone)" \
    '^= 255.*Exit status: killed by signal 15'

# Its pool is one of many in a daemon that others use too.
start_shared()
{
    # shellcheck source=tests/support/daemon.bash
    source tests/support/daemon.bash
    mkdir "$root/shared"
    start_daemon "$root/shared"
    export TMPDIR=$root
}
start_shared
ok "others' jobs are not in the list" test "$(future submit -- true)" = 1
gives "no pool before the first job" 0 "$header [run=0/1]" future-tsp
gives "a pool of its own" 0 2 future-tsp -f true
like "the pool" "$(future pool list tsp)" 'tsp'
like "the name is the label" "$(future status 2)" '(^| )true( |$)'
refuses "others' jobs are not ours to remove" 255 'The job 1 cannot be removed' future-tsp -r 1
blocked other
future submit -- "${gate[@]}" >/dev/null
runs other
capture future-tsp -K
like "-K ends only our jobs then" "$code:$err" '^0:tsp: the daemon goes on, as it has other work'
gives "and forgets them" 0 "$header [run=0/1]" future-tsp
release other
gives "then it ends" 0 '' future-tsp -K
stop_daemon
ok "the daemon ended well" test $? = 0
FUTURE_SOCKET=$root/none.sock refuses "no daemon" 255 'no daemon at .*none.sock.*TS_SOCKET' future-tsp
unset FUTURE_SOCKET

# Of several first commands one starts the daemon, and no job is lost.
crowd()
{
    for _ in 1 2 3 4 5 6; do ts true >/dev/null & done
    wait
    ts | wc -l
    quietly -w
}
eq "several first commands at once" "$(with "$ours" 1 crowd)" 7

# At the default place a daemon is started for whom `future` starts one: never for root.
base=$(mktemp -d /tmp/ts.XXXXXX)
mkdir "$base/bin" "$base/run"
cp "$ours" "$(command -v future)" "$(command -v futured)" "$base/bin/"
chmod -R a+rX "$base"
as_user=()
if ((EUID == 0)); then
    as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chown 65534 "$base/run"
fi
chmod 700 "$base/run"
as()
{
    "${as_user[@]}" env -C / PATH="$base/bin:$PATH" XDG_RUNTIME_DIR="$base/run" \
        CONFIGURATION_DIRECTORY="$base/none" XDG_CONFIG_HOME= HOME="$base/run" "$@"
}
gives "without a daemon one is started" 0 1 as future-tsp -f true
gives "which is the one of future" 0 true as future status --format '{label}' last
gives "and it ends" 0 '' as future-tsp -K
rm -rf "$base"

: >"$root/file.state"
TS_SOCKET=$root/file refuses "no directory for the state" 255 \
    'cannot start a daemon: .*file.state: Not a directory' future-tsp

if command -v mandoc >/dev/null; then
    gives "the manual" 0 '' mandoc -Tlint -Wwarning client/future-tsp.1
fi
finish

#!/bin/bash
# README.md by its word. The `console` blocks are one session: each command is run as it stands, in
# the order of the document, and must print what the document shows (an `…` stands for anything)
# and end with status 0 unless the next command asks for it. The `sh` blocks must run beside a
# daemon, and the `ini` blocks must pass --check-config.
# shellcheck disable=SC2016  # backticks are text here
set -u
source tests/support/shell.bash

document=README.md
# As bash reads it when it is no terminal: nobody is told of jobs in the background.
set +m

# matches TEXT SHOWN: the text is what is shown, where `…` stands for anything.
matches()
{
    local text=$1 shown=$2 part
    while [[ $shown == *…* ]]; do
        part=${shown%%…*}
        shown=${shown#*…}
        [[ $text == "$part"* ]] || return
        text=${text#"$part"}
        # On to where the next part begins.
        part=${shown%%…*}
        [[ $text == *"$part"* ]] || return
        if [[ $shown == *…* ]]; then text=$part${text#*"$part"}; else text=$part${text##*"$part"}; fi
    done
    [[ $text == "$shown" ]]
}
for case in 'a:a:0' 'a:b:1' ':…:0' 'abc:…:0' 'abc:a…c:0' 'abd:a…c:1' 'abcbc:a…c:0' 'abcd:…b…d:0' \
    'abcd:…c…b…:1' 'ab:b…:1' '*:a:1' 'a:*:1' 'aXbYb:a…b…b:0' 'aXbY:a…b…b:1'; do
    IFS=: read -r text shown wanted <<<"$case"
    status "comparing $case" "$wanted" matches "$text" "$shown"
done

# check_output NUMBER COMMAND TEXT SHOWN
check_output()
{
    if matches "$3" "$4"; then pass "$document:$1: $2"; else
        fail "$document:$1: $2" "shown: $4" "got:   $3"
    fi
}

# ---- one session ----

code=0      # of the last command, for `echo $?`
unasked=    # what to say if nobody asks for a status that is not 0
lines=()    # what is shown of the output
command=    # what is being collected
number=0    # where it stands

# In the background: it has done what is shown once it has said what is shown.
run_background()
{
    local log text='' line
    mkfifo "$TMPDIR/log"
    exec {log}<>"$TMPDIR/log"
    eval "$command" >"$TMPDIR/log" 2>&1
    background=$!
    while (($(wc -l <<<"$text") < ${#lines[@]} + 1)) && IFS= read -r -t 60 -u "$log" line; do
        text+=$line$'\n'
    done
    check_output "$number" "$command" "${text%$'\n'}" "$shown"
}

run_command()
{
    local shown
    [[ -n $command ]] || return
    shown=$(printf '%s\n' "${lines[@]}")
    if [[ $command == *'$?'* ]]; then unasked=; fi
    [[ -z $unasked ]] || fail "$unasked"
    unasked=
    if [[ $command == *'&' ]]; then
        run_background
    else
        (exit "$code")
        eval "$command" >"$TMPDIR/out" 2>&1
        code=$?
        check_output "$number" "$command" "$(<"$TMPDIR/out")" "$shown"
        ((code == 0)) || unasked="$document:$number: $command: exit status $code, and nobody asks"
    fi
    command=
    lines=()
}

background=
inside=
at=0
while IFS= read -r text <&3; do
    at=$((at + 1))
    case $inside:$text in
    :'```console') inside=yes ;;
    yes:'```')
        run_command
        inside=
        ;;
    yes:'$ '*)
        run_command
        command=${text#'$ '}
        number=$at
        ;;
    yes:*) lines+=("$text") ;;
    esac
done 3<"$document"
[[ -z $unasked ]] || fail "$unasked"
ok "the session has a daemon of its own" test -n "$background"
status "which has ended in order" 0 wait "$background"
unset FUTURE_SOCKET

# ---- the other blocks ----

# blocks LANGUAGE: writes each of them to a file of its own and prints their names.
blocks()
{
    awk -v language="$1" -v dir="$TMPDIR" '
        $0 == "```" && file { close(file); file = "" }
        file { print > file }
        $0 == "```" language { file = dir "/" language "." NR; print file; printf "" > file }
    ' "$document"
}

count=0
for script in $(blocks sh); do
    mkdir "$TMPDIR/here"
    ok "$document:${script##*.}: the commands work" \
        tests/support/with-daemon -- env -C "$TMPDIR/here" bash -eu -o pipefail "$script"
    rm -r "$TMPDIR/here"
    count=$((count + 1))
done
ok "there are such blocks" test "$count" -gt 0

count=0
for config in $(blocks ini); do
    ok "$document:${config##*.}: the configuration is one" futured --check-config --config "$config"
    count=$((count + 1))
done
ok "there is a configuration" test "$count" -gt 0

# ---- what the documents name is there ----

for text in "$document" daemon/README.md proto/PROTOCOL.md; do
    while read -r link; do
        ok "$text: the link to $link" test -e "$(dirname "$text")/$link"
    done < <(grep -o '](\([^)#]*\)[)#]' "$text" | tr -d ']()#' | grep . | sort -u)
done
while read -r name; do
    ok "daemon/README.md: there is ${name}()" \
        grep -Eqr "^[a-z].*[ *(]$name(\(|,)" daemon proto --include='*.[ch]'
done < <(grep -o '`[a-z_]*()`' daemon/README.md | tr -d '`()' | sort -u)
while read -r path; do
    found=
    for place in . daemon proto daemon/core tests tests/integration; do
        [[ -e $place/$path ]] && found=yes
    done
    ok "daemon/README.md: there is $path" test -n "$found"
done < <(grep -Eo '`[a-z_/.]+\.(c|h|sh|md)`' daemon/README.md | tr -d '`' | sort -u)

finish

#!/bin/bash
# The recipes of future-recipes(7) do what they say. Those that need a systemd are tried by
# test_service.sh.
set -u
source tests/support/shell.bash
source tests/support/daemon.bash
source tests/support/recipes.bash

export HOME=$TMPDIR GIT_CONFIG_NOSYSTEM=1 XDG_CONFIG_HOME=$TMPDIR
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com
mkdir "$TMPDIR/conf" "$TMPDIR/bin" "$TMPDIR/run"
recipe ci.conf >"$TMPDIR/conf/ci.conf"
ok "there is the configuration of the CI runner" test -s "$TMPDIR/conf/ci.conf"
recipe ci >"$TMPDIR/bin/ci"
chmod +x "$TMPDIR/bin/ci"
export PATH=$TMPDIR/bin:$PATH CI_ROOT=$TMPDIR/trees
start_daemon "$TMPDIR/run" --config "$TMPDIR/conf" || exit 1
eq "its pools are there" "$(future rpc info | jq -c '[.pools[] | select(.name != "default") | [.name, .max_workers]]')" \
    '[["build",2],["test",1]]'

# ---- the git hook and the CI runner ----

git init -q --bare "$TMPDIR/bare"
recipe post-receive >"$TMPDIR/bare/hooks/post-receive"
chmod +x "$TMPDIR/bare/hooks/post-receive"
git init -q -b main "$TMPDIR/tree"
printf 'all:\n\techo built >result\ncheck:\n\tcat result; test ! -e bad\n' >"$TMPDIR/tree/Makefile"
git -C "$TMPDIR/tree" add .
git -C "$TMPDIR/tree" commit -q -m one
commit=$(git -C "$TMPDIR/tree" rev-parse HEAD)

# push BRANCH: what the hook says, without git's own words.
push()
{
    git -C "$TMPDIR/tree" push -q "$TMPDIR/bare" "$1" 2>&1 | sed 's/^remote: //; s/ *$//'
}
like "a push is answered with a future" "$(push main)" "^building $commit: future 1$"
like "the same commit on another branch is the same future" "$(push main:other)" "^building $commit: future 1$"
eq "a tag is none" "$(push main:refs/tags/v1)" ""
eq "nor is a branch that goes" "$(push :other)" ""

check=$(future result 1)
ok "the CI runner has submitted" future wait "$check"
like "the tests ran on what was built" "$(future result "$check")" 'built'
ok "all is done" future drain
status "the tree is gone" 1 test -e "$CI_ROOT/$commit"
eq "in two pools" "$(future rpc status "{\"label\":\"ci $commit\"}" | jq -c '[.futures[].pool] | sort')" \
    '["build","build","default","test"]'

touch "$TMPDIR/tree/bad"
git -C "$TMPDIR/tree" add .
git -C "$TMPDIR/tree" commit -q -m two
bad=$(git -C "$TMPDIR/tree" rev-parse HEAD)
id=$(push main | sed 's/.* //')
check=$(future result "$id")
status "tests that fail are failed futures" 2 future result "$check" >/dev/null 2>&1
ok "the tree goes all the same" future drain
status "... and is gone" 1 test -e "$CI_ROOT/$bad"
sed -i 's/^all:/all:\n\tfalse/' "$TMPDIR/tree/Makefile"
git -C "$TMPDIR/tree" commit -q -a -m three
id=$(push main | sed 's/.* //')
check=$(future result "$id")
like "a build that fails takes the tests along" "$(future exception "$check" 2>&1)" DependencyFailed

# ---- draining ----

mkfifo "$TMPDIR/gate" "$TMPDIR/runs"
future submit -- sh -c "echo >$TMPDIR/runs; read x <$TMPDIR/gate" >/dev/null
read -r _ <"$TMPDIR/runs"
recipe drain >"$TMPDIR/drain"
bash -eu "$TMPDIR/drain" >"$TMPDIR/drained" 2>&1 &
drainer=$!
all_paused() { [[ $(future rpc pool.list | jq '[.pools[].paused] | all') == true ]]; }
await all_paused
later=$(future submit -- echo later)
echo go >"$TMPDIR/gate"
status "what runs may finish" 0 wait "$drainer"
eq "what is pending waits" "$(future status --format '{state}' "$later")" PENDING
recipe drained >"$TMPDIR/drain"
ok "afterwards" bash -eu "$TMPDIR/drain"
eq "it goes on" "$(future result "$later")" later

# ---- names that are not UTF-8 ----

mkdir "$TMPDIR/names"
echo x >"$TMPDIR/names/"$'a\xff b'
recipe names >"$TMPDIR/names.sh"
eq "a name that is not UTF-8" "$(cd "$TMPDIR/names" && bash -eu "$TMPDIR/names.sh" | LC_ALL=C cut -c 1-64)" \
    "$(echo x | sha256sum | cut -c 1-64)"

# ---- the tables ----

# try COMMAND: ID is a future for which it makes sense, CMD one that ends well.
try()
{
    local command=$1 id
    future resume --all >/dev/null # the one before may have paused
    case $command in
    *cancel*) id=$(future submit --delay 1h -- true) ;;
    *) id=$(future submit -- true) && future wait "$id" ;;
    esac
    command=${command//CMD/true}
    command=${command//FILE/$TMPDIR/items}
    command=${command//LOG/$TMPDIR/log}
    command=${command//ID/$id}
    ok "$1" bash -eu -c "$command" >"$TMPDIR/out" 2>&1 </dev/null
    cat "$TMPDIR/out"
}
printf 'a\nb\n' >"$TMPDIR/items"
count=0
while read -r command <&3; do
    try "$command"
    count=$((count + 1))
done 3< <(recipe_commands "From task-spooler" && recipe_commands "From pueue" &&
    recipe_commands "From GNU parallel and xargs")
eq "all commands of the tables were tried" "$count" "$(grep -c '^\.It Li .* Ta Li ' client/future-recipes.7)"
ok "there were some" test "$count" -gt 20

ok "the manual is sound" mandoc -Tlint -Wwarning client/future-recipes.7
ok "the daemon ends in order" stop_daemon
finish

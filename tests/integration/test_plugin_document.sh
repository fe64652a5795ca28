#!/bin/bash
# proto/PLUGIN.md: its plugin of 20 lines is built, installed and called as it is written there, and
# its other code compiles.
set -u
source tests/support/shell.bash
source tests/support/daemon.bash
source tests/support/install.bash

document=$PWD/proto/PLUGIN.md
ok "it is installed" install_into "$TMPDIR/prefix"
export PKG_CONFIG_PATH=$TMPDIR/prefix/lib/pkgconfig
read -ra flags < <(pkg-config --cflags futured-plugin)
mkdir "$TMPDIR/work"
cd "$TMPDIR/work" || exit 1
umask 022

# block LANGUAGE NUMBER: the text of the block of code with this number among those of the language.
block()
{
    awk -v fence="\`\`\`$1" -v wanted="$2" '
        $0 == "```" { if (inside && count == wanted) exit; inside = 0; next }
        $0 == fence { inside = 1; count++; next }
        inside && count == wanted' "$document"
}

block c 1 >hello.c
lines=$(wc -l <hello.c)
ok "the plugin has at most 20 lines ($lines)" test "$lines" -ge 10 -a "$lines" -le 20

block sh 1 >build.sh
ok "it compiles as the document says" sh -e build.sh
ok "and with all warnings, too" cc -std=c11 -Wall -Wextra -Werror -shared -fPIC "${flags[@]}" -o /dev/null hello.c
block sh 2 >install.sh
ok "it is installed as the document says" sh -e install.sh

{ echo '#include <futured/plugin.h>' && block c 2; } >count.c
ok "the example of a long call compiles" cc -Wall -Wextra -Wno-unused-function -Werror "${flags[@]}" -c -o count.o count.c

# The header is one for C++ as well.
if command -v c++ >/dev/null; then
    echo '#include <futured/plugin.h>
static const struct futured_function functions[] = {{nullptr, nullptr, nullptr, nullptr}};
const struct futured_plugin futured_plugin = {FUTURED_PLUGIN_HEADER, functions, nullptr, nullptr};
' >cxx.cc
    ok "the header compiles as C++" c++ -Wall -Wextra -Werror -fvisibility=hidden -shared -fPIC "${flags[@]}" -o cxx.so cxx.cc
    like "and the symbol is there" "$(nm -D cxx.so)" " futured_plugin"
fi

block ini 1 >futured.conf
start_daemon "$TMPDIR" --config futured.conf || exit 1

replay_session < <(block console 1)
eq "all commands were replayed" "$commands_replayed" 4

ok "the daemon ends in order" stop_daemon
finish

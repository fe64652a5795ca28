#!/bin/bash
# make install: what is there afterwards works from where it lies, and a plugin is built against the
# installed header, put into the installed directory and called. make uninstall leaves nothing.
set -u
source tests/support/shell.bash
source tests/support/daemon.bash
source tests/support/install.bash
umask 077 # what is installed is for everybody all the same

# listing DIRECTORY: modes and paths of the files in it.
listing()
{
    (cd "$1" && find . ! -type d -printf '%m %P\n' | sort -k 2)
}

# ---- what is installed, and where ----

stage=$TMPDIR/stage
ok "make install works" install_into /usr DESTDIR="$stage"
version=$("$FUTURED" --version)
version=${version#futured }
eq "these files, and no others" "$(listing "$stage")" "$(sort -k 2 <<END
644 etc/futured/futured.conf
755 usr/bin/future
755 usr/bin/future-tsp
755 usr/bin/futured
644 usr/include/future.h
644 usr/include/futured/plugin.h
755 usr/lib/futured/plugins/compress.so
755 usr/lib/futured/plugins/digest.so
644 usr/lib/libfuture.a
777 usr/lib/libfuture.so
777 usr/lib/libfuture.so.0
644 usr/lib/libfuture.so.$version
644 usr/lib/pkgconfig/future.pc
644 usr/lib/pkgconfig/futured-plugin.pc
644 usr/lib/systemd/system/futured.service
644 usr/lib/systemd/system/futured.socket
644 usr/lib/systemd/user/futured.service
644 usr/lib/systemd/user/futured.socket
644 usr/lib/sysusers.d/futured.conf
644 usr/share/bash-completion/completions/future
644 usr/share/doc/futured/LICENSE
644 usr/share/doc/futured/README.md
644 usr/share/doc/futured/examples/handler-only.conf
644 usr/share/doc/futured/proto/HANDLER.md
644 usr/share/doc/futured/proto/PLUGIN.md
644 usr/share/doc/futured/proto/PROTOCOL.md
644 usr/share/doc/futured/proto/WORKER.md
644 usr/share/fish/vendor_completions.d/future.fish
644 usr/share/man/man1/future-tsp.1
644 usr/share/man/man1/future.1
644 usr/share/man/man3/future.3
644 usr/share/man/man5/futured.conf.5
644 usr/share/man/man7/future-cluster.7
644 usr/share/man/man7/future-recipes.7
644 usr/share/man/man8/futured.8
644 usr/share/zsh/site-functions/_future
END
)"
eq "directories are for everybody" "$(find "$stage/usr" -type d ! -perm 755)" ""
status "no file knows of DESTDIR" 1 grep -rqF "$stage" "$stage"
status "no template is left unfilled" 1 grep -rqE '@[a-z_]+@' "$stage/usr/lib/pkgconfig" "$stage/usr/lib/systemd" \
    "$stage/etc"
ok "the configuration is a good one" env CONFIGURATION_DIRECTORY="$stage/etc/futured" bash -c \
    'sed -i "/^plugin_dir/d" "$CONFIGURATION_DIRECTORY/futured.conf" && futured --check-config'

# Other directories, as distributions have them.
ok "directories can be chosen" install_into /usr DESTDIR="$TMPDIR/multi" LIBDIR=/usr/lib/any-linux \
    PLUGINDIR=/usr/libexec/plugins BINDIR=/usr/sbin MANDIR=/usr/man
for file in sbin/futured lib/any-linux/libfuture.so lib/any-linux/pkgconfig/futured-plugin.pc \
    libexec/plugins/digest.so man/man8/futured.8; do
    ok "... and $file is there" test -e "$TMPDIR/multi/usr/$file"
done
like "... and pkg-config says so" "$(<"$TMPDIR/multi/usr/lib/any-linux/pkgconfig/futured-plugin.pc")" \
    'plugindir=\$\{prefix\}/libexec/plugins'

# ---- a tree that is used ----

prefix=$TMPDIR/prefix
ok "it is installed for use" install_into "$prefix"
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib
plugindir=$(pkg-config --variable=plugindir futured-plugin)
eq "pkg-config knows where plugins go" "$plugindir" "$prefix/lib/futured/plugins"
eq "and the version" "$(pkg-config --modversion futured-plugin future)" "$version"$'\n'"$version"
eq "a tree that was moved can be told so" \
    "$(pkg-config --define-variable=prefix=/elsewhere --variable=plugindir futured-plugin)" \
    /elsewhere/lib/futured/plugins

cat >"$TMPDIR/twice.c" <<'END'
#include <futured/plugin.h>

static json_t *twice(struct futured_call *call, json_t *args)
{
    (void)call;
    return json_integer(2 * json_integer_value(json_object_get(args, "number")));
}

static const struct futured_function functions[] = {
    {"twice", "Twice as much", "{\"number\": {\"type\": \"integer\", \"required\": true}}", twice},
    {0},
};

const struct futured_plugin futured_plugin = {FUTURED_PLUGIN_HEADER, functions, NULL, NULL};
END
read -ra cc <<<"${CC:-cc}"
read -ra flags < <(pkg-config --cflags --libs futured-plugin)
ok "a plugin compiles with what pkg-config says" "${cc[@]}" -std=c11 -Wall -Wextra -Werror -shared -fPIC \
    -Wl,-z,defs -o "$TMPDIR/twice.so" "$TMPDIR/twice.c" "${flags[@]}"
ok "it goes where pkg-config says" install -m 755 "$TMPDIR/twice.so" "$plugindir"
printf '[daemon]\nplugin_dir = %s\n' "$plugindir" >"$TMPDIR/futured.conf"

# With the installed programs and nothing of the build.
FUTURED=$prefix/bin/futured start_daemon "$TMPDIR" --config "$TMPDIR/futured.conf" || exit 1
eq "the installed daemon runs" "$(readlink "/proc/$daemon_pid/exe")" "$prefix/bin/futured"
PATH=$prefix/bin:$PATH
eq "the plugin is called" "$(future call twice '{"number": 21}')" 42
eq "and so is one that comes with the daemon" \
    "$(future call digest "{\"path\": \"$prefix/include/futured/plugin.h\"}" | jq -r .digest)" \
    "$(sha256sum <proto/plugin.h | cut -d' ' -f1)"
eq "future-tsp is there" "$(future-tsp -V | head -n 1 | grep -c .)" 1
ok "the daemon ends in order" stop_daemon

# ---- completion ----

# shellcheck disable=SC2016  # for the inner shells
{
    like "bash completes" "$(bash -c 'source "$1"; complete -p future' _ \
        "$prefix/share/bash-completion/completions/future")" "^complete .* future$"
    if command -v zsh >/dev/null; then
        eq "zsh completes" "$(zsh -fc 'fpath=($1 $fpath); autoload -U compinit; compinit -D -u; print $_comps[future]' _ \
            "$prefix/share/zsh/site-functions")" _future
    fi
    if command -v fish >/dev/null; then
        like "fish completes" "$(HOME=$TMPDIR fish --no-config -c 'source $argv[1]; complete -C "future submi"' \
            "$prefix/share/fish/vendor_completions.d/future.fish")" "^submit"
    fi
}

# ---- manuals ----

for page in "$prefix"/share/man/man*/*; do
    ok "the manual ${page##*/} is sound" mandoc -Tlint -Wwarning "$page"
done

# ---- twice, and away ----

echo '# mine' >>"$prefix/etc/futured/futured.conf"
ok "it can be installed over itself" install_into "$prefix"
eq "a configuration that was changed stays" "$(tail -n 1 "$prefix/etc/futured/futured.conf")" "# mine"
ok "make uninstall works" uninstall_from "$prefix"
like "it leaves what is not its own, and says so" "$(<"$TMPDIR/install.log")" \
    "left: $prefix/lib/futured/plugins \(not empty\)"
eq "which are the plugin and the configuration" "$(listing "$prefix")" \
    $'644 etc/futured/futured.conf\n755 lib/futured/plugins/twice.so'
rm "$plugindir/twice.so" "$prefix/etc/futured/futured.conf"
ok "a second uninstall is fine" uninstall_from "$prefix"
status "our own directories are gone" 1 test -e "$prefix/lib/futured"
rm -r "$stage"
ok "installed once more" install_into /usr DESTDIR="$stage"
ok "uninstall knows DESTDIR" uninstall_from /usr DESTDIR="$stage"
eq "and nothing is left" "$(listing "$stage")" ""

finish

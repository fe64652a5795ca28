#!/bin/bash
# The Debian packages: what is in them, and with `make check-long`, as it takes minutes to build them, that
# they build without an error for lintian, install, work and go.
set -u
source tests/support/shell.bash
source tests/support/install.bash
source tests/support/installed.bash

# Each file that is installed is in one of the packages.
ok "it is installed as for the packages" install_into /usr DESTDIR="$TMPDIR/stage" LIBDIR=/usr/lib/any-linux \
    PLUGINDIR=/usr/lib/futured/plugins SYSTEMUNITDIR=/lib/systemd/system \
    ZSHCOMPDIR=/usr/share/zsh/vendor-completions
while read -r file <&3; do
    count=0
    while read -r pattern; do
        # shellcheck disable=SC2053  # a pattern
        if [[ $file == $pattern || $file == $pattern/* ]]; then count=$((count + 1)); fi
    done < <(cat systemd/debian/*.install)
    eq "one package has $file" "$count" 1
done 3< <(cd "$TMPDIR/stage" && find . ! -type d -printf '%P\n' | sort)
eq "the packages build against what the project builds against" \
    "$(sed -n '/^Build-Depends:/,/^Standards/p' systemd/debian/control | grep -oE 'lib[a-z0-9.-]+-dev|uthash-dev|zlib1g-dev' | sort | xargs)" \
    "$(grep -oE 'lib[a-z0-9.-]+-dev|uthash-dev|zlib1g-dev' <(sed -n '/^    build)/,/;;/p' tests/support/deps.sh) |
        grep -v libc6-dev | sort | xargs)"

if [[ -n ${FUTURED_LONG:-} ]]; then
    ok "they build, without an error for lintian" \
        make --no-print-directory BUILD="$(dirname "$FUTURED")" deb
    ((cases_failed > 0)) || run_installed deb
fi
finish

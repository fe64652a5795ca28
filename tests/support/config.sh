#!/bin/sh
# Prints what the build needs to know of the libraries on this machine, as make variables.
# shellcheck disable=SC2086  # the lists of packages are split on purpose
set -eu

need="libevent_core jansson inih sqlite3"
plugins="libcrypto libzstd zlib"
pkg-config --exists --print-errors $need $plugins ncursesw

if pkg-config --exists libsystemd; then
    systemd=libsystemd
else
    systemd=
fi
# Only for the tests: a package is built without it.
if pkg-config --exists check; then
    check=check
else
    check=
fi

echo "HAVE_SYSTEMD := $([ -n "$systemd" ] && echo 1 || echo 0)"
echo "DEP_CFLAGS   := $(pkg-config --cflags $need $systemd $plugins $check)"
echo "DAEMON_LIBS  := $(pkg-config --libs $need)"
echo "CLIENT_LIBS  := $(pkg-config --libs jansson)"
echo "CURSES_LIBS  := $(pkg-config --libs ncursesw)"
echo "PLUGIN_LIBS  := $(pkg-config --libs jansson)"
echo "PLUGIN_LIBS_digest   := $(pkg-config --libs libcrypto)"
echo "PLUGIN_LIBS_compress := $(pkg-config --libs libzstd zlib)"
echo "TEST_LIBS    := ${check:+$(pkg-config --libs check)}"

# What only the benchmark needs, where it is there.
if pkg-config --exists hiredis; then
    echo "HIREDIS_LIBS := $(pkg-config --libs hiredis)"
fi
echo "SQLITE_LIBS  := $(pkg-config --libs sqlite3)"

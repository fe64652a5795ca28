# shellcheck shell=bash
# For tests of what is installed. The programs have been built: nothing is compiled here.

# install_into PREFIX [VARIABLE=VALUE...]: `make install` of what is under test. What it says goes to
# $TMPDIR/install.log.
install_into()
{
    local prefix=$1
    shift
    make --no-print-directory -o all BUILD="$(dirname "$FUTURED")" MODE="${MODE:-release}" \
        PREFIX="$prefix" "$@" install >"$TMPDIR/install.log" 2>&1
}

uninstall_from()
{
    local prefix=$1
    shift
    make --no-print-directory BUILD="$(dirname "$FUTURED")" MODE="${MODE:-release}" \
        PREFIX="$prefix" "$@" uninstall >"$TMPDIR/install.log" 2>&1
}

# shellcheck shell=bash
# For tests of what is installed. The programs have been built: nothing is compiled here.

# install_into PREFIX [VARIABLE=VALUE...]: `make install` of what is under test. What it says goes to
# $TMPDIR/install.log.
install_into()
{
    local prefix=$1 build
    shift
    build=$(dirname "$FUTURED")
    # What is made on the way is this test's own: others may be installing, too.
    make --no-print-directory -o all -o "$build/config.mk" BUILD="$build" MODE="${MODE:-release}" \
        MADE="$TMPDIR/made" PREFIX="$prefix" "$@" install >"$TMPDIR/install.log" 2>&1
}

uninstall_from()
{
    local prefix=$1 build
    shift
    build=$(dirname "$FUTURED")
    make --no-print-directory -o "$build/config.mk" BUILD="$build" MODE="${MODE:-release}" \
        MADE="$TMPDIR/made" PREFIX="$prefix" "$@" uninstall >"$TMPDIR/install.log" 2>&1
}

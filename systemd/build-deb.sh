#!/bin/sh
# build-deb.sh SOURCE DIRECTORY VERSION: builds the Debian packages of the sources in a copy below the
# directory, where they are afterwards, and has lintian look at them. Run it as `make deb`.
set -eu

source=$1
work=$2
version=$3

copy=$work/futured-$version
rm -rf "$copy"
mkdir -p "$copy"
# The files of the project and nothing that was built: as git has them, or all where this is no clone.
if git -C "$source" rev-parse --git-dir >/dev/null 2>&1; then
    (cd "$source" && git ls-files -z --cached --others --exclude-standard |
        xargs -0 sh -c 'for file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done' sh) >"$work/files"
    date=$(git -C "$source" log -1 --format=%cD)
else
    (cd "$source" && find . -path ./build -prune -o -type f -print0) >"$work/files"
    date=$(date -R -r "$source/proto/version.h")
fi
tar -C "$source" --null --files-from="$work/files" -c -f - | tar -C "$copy" -x -f -
rm "$work/files"

cp -R "$source/systemd/debian" "$copy/debian"
# Who builds it for others says who he is, as for any Debian tool.
if [ -n "${DEBEMAIL:-}" ]; then
    sed -i "s/^Maintainer: .*/Maintainer: ${DEBFULLNAME:-futured} <$DEBEMAIL>/" "$copy/debian/control"
fi
maintainer=$(sed -n 's/^Maintainer: //p' "$copy/debian/control")
cat >"$copy/debian/changelog" <<END
futured ($version) unstable; urgency=medium

  * As the sources have it: see README.md.

 -- $maintainer  $date
END

# The variables of the make that runs this are not for the one in the package.
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES BUILD MODE PREFIX DESTDIR CFLAGS CPPFLAGS LDFLAGS || true
(cd "$copy" && DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-} parallel=$(nproc)" \
    dpkg-buildpackage --build=binary --no-sign >"$work/build.log" 2>&1) || {
    tail -n 40 "$work/build.log" >&2
    echo "deb: it does not build; all of it is in $work/build.log" >&2
    exit 1
}
rm -rf "$copy"

lintian --allow-root --fail-on error --tag-display-limit 0 "$work/futured_${version}_"*.changes
for package in "$work"/*.deb; do
    echo "deb: $package"
done

#!/bin/sh
# Builds the Debian packages from this folder, as it is, and has lintian check them.
#
# usage: deb.sh FOLDER    FOLDER gets the packages; it is made where it is missing
#
# DEB_BUILD_OPTIONS=nocheck leaves the tests out.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?usage: deb.sh FOLDER}

version=$(sed -n "s/^  version: '\(.*\)',\$/\1/p" "$here/meson.build")
packaged=$(dpkg-parsechangelog -l "$here/debian/changelog" -S Version)
[ "${packaged%%[~+]*}" = "$version" ] || {
	echo "deb.sh: debian/changelog has version $packaged, but meson.build has $version" >&2
	exit 1
}

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
rm -rf "$folder/source" "$folder"/*echoprint*_"$version"*
mkdir "$folder/source"
tar -C "$here" --exclude='./build*' --exclude=./.git --exclude=__pycache__ -cf - . | tar -C "$folder/source" -xf -
(cd "$folder/source" && dpkg-buildpackage -us -uc -b)
rm -rf "$folder/source"
if command -v lintian >/dev/null; then
	lintian --allow-root --fail-on error --tag-display-limit 0 "$folder"/*.changes
fi

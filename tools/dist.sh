#!/bin/sh
# Makes the source release of HEAD: an archive, a bill of materials (SPDX 2.3), SHA256SUMS, and a
# signature where there is a key. The same commit gives the same archive, wherever and whenever. The
# bill names the libraries of this machine: it, and the sums, are the same where these are. The
# signature has its date in it.
#
# usage: dist.sh FOLDER        FOLDER gets the files; it is made where it is missing
#
# MINISIGN_KEY=FILE signs SHA256SUMS with that secret key of minisign.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?usage: dist.sh FOLDER}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
cd "$here"

version=$(git show HEAD:meson.build | sed -n "s/^  version: '\(.*\)',\$/\1/p")
name=echoprint-$version
[ -z "$(git status --porcelain --untracked-files=no)" ] ||
	echo "dist.sh: there are changes that are not committed; the release is of HEAD, without them" >&2

# Times are those of the commit, owners are root, and modes do not depend on the umask.
rm -f "$folder/$name".*
git -c tar.umask=0022 archive --format=tar --prefix="$name/" HEAD | xz -9 --threads=1 > "$folder/$name.tar.xz"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct HEAD) \
	python3 tools/sbom.py --namespace "$(git rev-parse HEAD)" --archive "$folder/$name.tar.xz" > "$folder/$name.spdx.json"

cd "$folder"
rm -f SHA256SUMS SHA256SUMS.minisig
sha256sum "$name.tar.xz" "$name.spdx.json" > SHA256SUMS
if [ -n "${MINISIGN_KEY:-}" ]; then
	minisign -S -s "$MINISIGN_KEY" -m SHA256SUMS -t "$name" </dev/null >/dev/null
fi
cat SHA256SUMS

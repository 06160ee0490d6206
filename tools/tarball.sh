#!/bin/sh
# Builds an archive that runs where it is unpacked, on any Linux of this processor whose glibc is not
# older than the one here: the program, the decoder, and their libraries beside them.
#
# usage: tarball.sh FOLDER [FFMPEG]
#
# FOLDER gets the archive; it is made where it is missing. FFMPEG is the folder of small_ffmpeg.sh;
# without it, the system's libraries of ffmpeg are taken, with all that they need.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?usage: tarball.sh FOLDER [FFMPEG]}
if [ -n "${2:-}" ]; then
	ffmpeg=$(cd "$2" && pwd)
	export PKG_CONFIG_PATH="$ffmpeg/lib/pkgconfig" LD_LIBRARY_PATH="$ffmpeg/lib"
fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

version=$(sed -n "s/^  version: '\(.*\)',\$/\1/p" "$here/meson.build")
name=echoprint-$version-linux-$(uname -m)
work=$folder/work
tree=$work/$name
rm -rf "$work/root" "$tree"
mkdir -p "$work"
trap 'rm -rf "$work/root" "$tree"' EXIT INT TERM

[ -f "$work/build/build.ninja" ] ||
	meson setup "$work/build" "$here" --prefix=/opt/echoprint --libdir=lib -Dtests=disabled >/dev/null
ninja -C "$work/build" >/dev/null
DESTDIR=$work/root meson install -C "$work/build" --no-rebuild --strip >/dev/null
mv "$work/root/opt/echoprint" "$tree"
# What is for compilers and for systemd is in the Debian packages, and in an installation from source.
rm -r "$tree/include" "$tree/share/man/man3" "$tree/lib"

python3 "$here/tools/bundle.py" "$tree" > "$work/libraries"
[ -z "${2:-}" ] || cp "$ffmpeg/licence" "$tree/share/doc/licences/ffmpeg"
cp "$here/LICENSE" "$here/CHANGELOG.md" "$here/README.md" "$tree/"
# shellcheck disable=SC2046
python3 "$here/tools/sbom.py" --namespace "$name" $(cat "$work/libraries") > "$tree/share/doc/echoprint/echoprint.spdx.json"

needs=$(find "$tree" -type f \( -name '*.so*' -o -perm -100 \) -exec objdump -T {} + 2>/dev/null |
	grep -o 'GLIBC_2\.[0-9]*' | sort -uV | tail -n 1)
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" -cf - "$name" |
	xz -6 --threads=0 > "$folder/$name.tar.xz"
echo "$folder/$name.tar.xz: needs glibc ${needs#GLIBC_} or newer; $(wc -l < "$work/libraries") libraries, " \
	"$(du -sm "$tree" | cut -f1) MB, packed $(du -m "$folder/$name.tar.xz" | cut -f1) MB"

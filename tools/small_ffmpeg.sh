#!/bin/sh
# Builds the libraries of ffmpeg with all that reads audio and nothing else: a tenth of the size of a
# distribution's, which also write, and have video. For archives and images.
#
# usage: small_ffmpeg.sh FOLDER    installs into FOLDER; does nothing where it is installed already
set -eu
folder=${1:?usage: small_ffmpeg.sh FOLDER}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

# The version of Debian 12, whose codes are those of its packages.
version=5.1.9
sha256=d9b593bb2ba93d4b50f74177e0cdcd41747e708596367deed0c30348a71dd176
places="http://deb.debian.org/debian/pool/main/f/ffmpeg/ffmpeg_$version.orig.tar.xz
	https://ffmpeg.org/releases/ffmpeg-$version.tar.xz"

[ ! -e "$folder/lib/pkgconfig/libavformat.pc" ] || exit 0
work=$folder/work
rm -rf "$work"
mkdir "$work"
for place in $places; do
	curl -sfL -o "$work/source.tar.xz" "$place" && break
done
echo "$sha256  $work/source.tar.xz" | sha256sum -c --quiet
tar -xf "$work/source.tar.xz" -C "$work" --strip-components=1

cd "$work"
decoders=$(sed -n '/^\/\* audio codecs \*\//,/^\/\* subtitles \*\//s/^extern .*ff_\(.*\)_decoder;.*/\1/p' libavcodec/allcodecs.c | paste -sd,)
./configure --prefix="$folder" --disable-everything --disable-autodetect --disable-programs --disable-doc --disable-network \
	--disable-avdevice --disable-avfilter --disable-swscale --enable-shared --disable-static --enable-zlib --enable-bzlib \
	--enable-demuxers --enable-parsers --enable-decoder="$decoders" --enable-protocol=file >/dev/null
make -j"$(nproc)" >/dev/null 2>&1
make install >/dev/null
cp COPYING.LGPLv2.1 "$folder/licence"
rm -rf "$work"

#!/bin/sh
# Installs the Debian packages that are missing for the groups named: build, check, console, bench, eval,
# package, archive, image, roots.
# Does nothing, and needs no root, where all are there.
set -eu

packages=
for group in "$@"; do
	case $group in
	build) packages="$packages gcc libc6-dev meson ninja-build pkg-config scdoc
		libsodium-dev nettle-dev libdeflate-dev zlib1g-dev libzstd-dev liblzma-dev libbz2-dev
		libjansson-dev liblmdb-dev libsqlite3-dev libinih-dev libqrencode-dev libavformat-dev libavcodec-dev libavutil-dev libswresample-dev libseccomp-dev
		libtokyocabinet-dev libmicrohttpd-dev libcurl4-openssl-dev" ;;
	check) packages="$packages clang clang-format clang-tidy llvm python3 libcmocka-dev
		bzip2 gzip xz-utils zstd faketime util-linux ffmpeg openssl iproute2 default-jdk-headless maven zsh fish" ;;
	console) packages="$packages chromium chromium-driver python3-selenium" ;;
	bench) packages="$packages python3 ffmpeg icecast2 postgresql sqlite3 bzip2 xz-utils zstd" ;;
	eval) packages="$packages python3 util-linux" ;;
	package) packages="$packages build-essential debhelper dh-python dpkg-dev fakeroot git libcmocka-dev lintian
		minisign patchelf python3 xz-utils" ;;
	archive) packages="$packages binutils curl make nasm patchelf xz-utils" ;;
	image) packages="$packages buildah busybox-static ca-certificates" ;;
	roots) packages="$packages debootstrap faketime gpgv python3-yaml util-linux" ;;
	*) echo "setup.sh: there is no group $group; groups are build, check, console, bench, eval, package, archive, image and roots" >&2; exit 2 ;;
	esac
done

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q ' installed$'; }

missing=
for package in $packages; do
	installed "$package" || missing="$missing $package"
done
# The sanitizers of clang are in a package of their version.
case " $* " in
*" check "*)
	if ! ls "$(clang -print-resource-dir 2>/dev/null)"/lib/*/libclang_rt.fuzzer* >/dev/null 2>&1; then
		missing="$missing clang-runtime"
	fi ;;
esac
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "setup.sh: needs root or sudo to install:$missing" >&2
		exit 1
	}
	as_root=sudo
fi
command -v apt-get >/dev/null || {
	echo "setup.sh: this is no Debian; install by hand:$missing" >&2
	exit 1
}
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
wait_for_others="-o DPkg::Lock::Timeout=600"
# shellcheck disable=SC2086
$as_root apt-get $wait_for_others update -qq
case $missing in
*clang-runtime*)
	missing=$(echo "$missing" | sed 's/ clang-runtime//')
	version=$(apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
	missing="$missing libclang-rt-$version-dev" ;;
esac
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get $wait_for_others install -y -qq --no-install-recommends $missing >/dev/null

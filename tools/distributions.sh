#!/bin/sh
# Builds and tests the last commit in fresh roots of Debian, with gcc and clang, and on arm64 in qemu.
# docs/compatibility.md has what it gave.
#
# usage: distributions.sh [SUITE[:COMPILER[:TESTS]]...]   as root, on Debian
#   SUITE     of Debian (default: bookworm trixie testing), or arm64: trixie's cross compiler
#   COMPILER  gcc or clang (default: both)
#   TESTS     suites or tests of meson, with commas (default: unit,law,cli; arm64: unit,law)
#
# Roots stay in $ROOTS (default /var/tmp/echoprint-roots), 2 GB each: remove them by hand. Mounts are
# gone with the process. Each line that begins with "result" is a row of the table.
set -eu
cd "$(dirname "$0")/.."
roots=${ROOTS:-/var/tmp/echoprint-roots}
mirror=${MIRROR:-http://deb.debian.org/debian}
if [ "${IN_OWN_MOUNTS:-}" != yes ]; then
	[ "$(id -u)" = 0 ] || { echo "distributions.sh: needs root, for chroot" >&2; exit 1; }
	command -v debootstrap >/dev/null || apt-get install -y -qq debootstrap >/dev/null
	IN_OWN_MOUNTS=yes exec unshare --mount --propagation private "$0" "$@"
fi
[ $# -gt 0 ] || set -- bookworm trixie testing arm64

inside() { DEBIAN_FRONTEND=noninteractive chroot "$root" sh -c "$1"; }

# A root of the suite, with the last commit in /src.
prepare() {
	if [ ! -f "$root/etc/debian_version" ]; then
		debootstrap --variant=minbase "$1" "$root" "$mirror" >"$root.log" 2>&1
		# A mirror may be a snapshot.
		echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/99snapshot"
		printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
		chmod +x "$root/usr/sbin/policy-rc.d"
	fi
	mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
	mountpoint -q "$root/dev/pts" || mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
	rm -rf "$root/src"
	git clone -q . "$root/src"
	inside "apt-get update -qq" >>"$root.log" 2>&1
}

# What `make check` needs.
install_native() {
	inside "cd /src && tools/setup.sh build check" >>"$root.log" 2>&1
}

# The compiler for arm64, and the packages of group build for it: not all can be beside those of
# another processor.
install_arm64() {
	libraries=$(sed -n '/^	build)/,/;;/p' tools/setup.sh | grep -o '[a-z0-9.+-]*-dev' | sed 's/$/:arm64/' | tr '\n' ' ')
	inside "dpkg --add-architecture arm64 && apt-get update -qq && apt-get install -y -qq --no-install-recommends \
		gcc-aarch64-linux-gnu qemu-user-static python3 git meson ninja-build pkg-config scdoc bzip2 xz-utils libcmocka-dev:arm64 $libraries" >>"$root.log" 2>&1
}

# NAME COMPILER TESTS [OPTION OF MESON]
build_and_test() {
	tests=
	for word in $(echo "$3" | tr , ' '); do
		case $word in unit | law | cli | e2e | crash | library) tests="$tests --suite $word" ;; *) tests="$tests $word" ;; esac
	done
	log="$root.$1-$2.log"
	status=0
	inside "cd /src && rm -rf build-$1-$2 && CC=$2 meson setup build-$1-$2 -Dtests=enabled -Dwerror=true ${4:-} &&
		nice ninja -C build-$1-$2 && nice meson test -C build-$1-$2 --no-rebuild -t 3 $tests" >"$log" 2>&1 || status=$?
	versions=$(inside "$2 --version | head -n 1; ffmpeg -version | sed -n '1s/ Copyright.*//p'" | paste -s -d '|')
	counts=$(sed -n 's/^\(Ok\|Fail\|Timeout\|Skipped\): */\1 /p' "$log" | tr -s ' \n' ' ')
	echo "result|$1|$(cat "$root/etc/debian_version")|$versions|$3|status $status|$counts"
	[ $status = 0 ] || { grep -E 'error:|^ *[0-9]+/[0-9]+ .*(FAIL|TIMEOUT)' "$log" || tail -n 5 "$log"; failed=1; }
}

mkdir -p "$roots"
failed=0
for wanted in "$@"; do
	IFS=: read -r suite compiler tests <<-END
		$wanted
	END
	if [ "$suite" = arm64 ]; then
		root=$roots/arm64
		prepare trixie
		install_arm64
		build_and_test arm64 aarch64-linux-gnu-gcc "${tests:-unit,law}" "--cross-file tools/aarch64.ini"
		continue
	fi
	root=$roots/$suite
	prepare "$suite"
	install_native
	for cc in ${compiler:-gcc clang}; do
		build_and_test "$suite" "$cc" "${tests:-unit,law,cli}"
	done
done
exit $failed

#!/bin/sh
# Builds and tests the last commit in fresh roots of Debian, with gcc and clang, and on arm64 in qemu.
# docs/compatibility.md has what it gave.
#
# usage: distributions.sh [SUITE[:COMPILER[:TESTS]]...]   as root, on Debian
#   SUITE     of Debian (default: bookworm trixie testing), or arm64: trixie's cross compiler
#   COMPILER  gcc or clang (default: both)
#   TESTS     suites or tests of meson, with commas (default: unit,law,cli); arm64: unit and law always
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

# Words for meson: suites by their options, tests by their names.
words_of() {
	for word in $(echo "$1" | tr , ' '); do
		case $word in unit | law | cli | e2e | crash | library) echo "--suite $word" ;; *) echo "$word" ;; esac
	done | tr '\n' ' '
}

# NAME COMPILER WHAT TEST [OPTION OF MESON]: TEST is a command in the folder of the build.
build_and_test() {
	log="$root.$2.log"
	status=0
	inside "cd /src && rm -rf build-$2 && CC=$2 meson setup build-$2 -Dtests=enabled -Dwerror=true ${5:-} &&
		nice ninja -C build-$2 && cd build-$2 && $4" >"$log" 2>&1 || status=$?
	versions=$(inside "$2 --version | head -n 1; ffmpeg -version | sed -n '1s/ Copyright.*//p'" 2>/dev/null | paste -s -d '|')
	counts=$(sed -n 's/^\(Ok\|Fail\|Timeout\|Skipped\): */\1 /p' "$log" | tr -s ' \n' ' ')
	echo "result|$1|$(cat "$root/etc/debian_version")|$versions|$3|status $status|$counts"
	[ $status = 0 ] || { grep -E 'error:|^ *[0-9]+/[0-9]+ .*(FAIL|TIMEOUT)|^failed' "$log" || tail -n 5 "$log"; failed=1; }
}

# The programs alone: not the tests in Python, and not the filter of system calls, which qemu lacks.
in_qemu='good=0; bad=0
try() {
	[ -f "$1" ] && [ "$1" != tests/sandbox_test ] || return 0
	if nice qemu-aarch64-static "$@"; then good=$((good + 1)); else bad=$((bad + 1)); echo "failed $1"; fi
}
for test in tests/*_test; do try $test; done
for test in tests/replay_*; do try $test 40 ../tests/corpus/${test#tests/replay_}; done
echo "Ok: $good"; echo "Fail: $bad"; [ $bad = 0 ]'

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
		build_and_test arm64 aarch64-linux-gnu-gcc unit,law "$in_qemu" "--cross-file tools/aarch64.ini"
		continue
	fi
	root=$roots/$suite
	prepare "$suite"
	install_native
	for cc in ${compiler:-gcc clang}; do
		build_and_test "$suite" "$cc" "${tests:-unit,law,cli}" "nice meson test --no-rebuild -t 3 $(words_of "${tests:-unit,law,cli}")"
	done
done
exit $failed

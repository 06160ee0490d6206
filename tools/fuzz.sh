#!/bin/sh
# Fuzzes the laws, each for SECONDS (default 60); what is found stays in tests/corpus.
#
# usage: fuzz.sh [SECONDS [LAW...]]
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
build=build-check/fuzz
[ -f $build/build.ninja ] || CC=clang meson setup $build -Dtests=enabled -Dfuzz=true -Db_lundef=false \
	-Dbuildtype=debugoptimized -Db_sanitize=address,undefined \
	-Dc_args='-fsanitize=fuzzer-no-link'
ninja -C $build
[ $# -gt 0 ] || set -- $(ls $build/tests | sed -n 's/^fuzz_\([a-z_]*\)$/\1/p')
for law in "$@"; do
	mkdir -p "tests/corpus/$law"
	echo "== $law"
	"$build/tests/fuzz_$law" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -max_len=65536 \
		-print_final_stats=1 -verbosity=0 -artifact_prefix="$build/$law-" "tests/corpus/$law"
done

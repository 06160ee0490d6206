#!/bin/sh
# Shows how well songs of the generator are packed beside real ones: bzip2 -9 is to be at 29 to 30
# %, zstd -19 at 14 to 15 %, with about 16,000 bytes a document.
#
# usage: check_generator.sh GENERATE [REAL.csv[.xz]]
#
# Exit status: 0 all in range, 1 not, 2 wrong usage.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	echo "usage: check_generator.sh GENERATE [REAL.csv[.xz]]" >&2
	exit 2
fi
generate=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM HUP

# share NAME FILE: prints its figures, and leaves the shares, in hundredths of a percent, in
# $bzip2_share and $zstd_share.
share() {
	rows=$(wc -l <"$2")
	size=$(wc -c <"$2")
	bzip2_share=$(($(bzip2 -9 <"$2" | wc -c) * 10000 / size))
	zstd_share=$(($(zstd -q -19 <"$2" | wc -c) * 10000 / size))
	printf '%-10s %6d documents, %6d bytes each, bzip2 -9 %2d.%02d %%, zstd -19 %2d.%02d %%\n' \
		"$1" "$rows" $((size / rows)) $((bzip2_share / 100)) $((bzip2_share % 100)) \
		$((zstd_share / 100)) $((zstd_share % 100))
}

if [ $# -eq 2 ]; then
	case $2 in
	*.xz) xz -dc "$2" >"$folder/real.csv" ;;
	*) cp "$2" "$folder/real.csv" ;;
	esac
	share real "$folder/real.csv"
fi
"$generate" --documents 4000 >"$folder/made.csv" 2>"$folder/words"
share generated "$folder/made.csv"
[ "$bzip2_share" -ge 2850 ] && [ "$bzip2_share" -le 3050 ] &&
	[ "$zstd_share" -ge 1400 ] && [ "$zstd_share" -le 1500 ] && exit 0
echo "check_generator.sh: out of range" >&2
exit 1

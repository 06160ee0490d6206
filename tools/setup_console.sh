#!/bin/sh
# Gets what the checks of the console (tests/console) use beyond the rest: Debian's chromium with its
# driver and python3-selenium, and axe-core, which Debian does not have, from npm.
# Ends well whatever is missing: the checks say then what they skip, and why.
set -u

axe=4.14.1
axe_sha512=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5
# tests/console/browser.py looks there.
folder=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/echoprint
file=$folder/axe-$axe.min.js

told() { echo "setup_console.sh: $*" >&2; }

get_axe() {
	[ ! -f "$file" ] || return 0
	command -v npm >/dev/null || { told "there is no npm, and so no axe-core"; return; }
	part=$(mktemp -d) || return
	if (cd "$part" && timeout 120 npm pack "axe-core@$axe" --silent >/dev/null) &&
		echo "$axe_sha512  $part/axe-core-$axe.tgz" | sha512sum -c --quiet &&
		tar -xzf "$part/axe-core-$axe.tgz" -C "$part" package/axe.min.js &&
		mkdir -p "$folder" && mv "$part/package/axe.min.js" "$file.part" && mv "$file.part" "$file"; then
		echo "axe-core $axe is in $file"
	else
		told "cannot get axe-core $axe by npm"
	fi
	rm -rf "$part"
}

"$(dirname "$0")/setup.sh" console || told "without these packages, the console is not tried in a browser"
get_axe
exit 0

#!/usr/bin/env python3
"""Checks what packages and releases say of the project against what it is: the libraries of
meson.build are those of the bill of materials, of debian/control and of tools/setup.sh, and the
functions of the library are in debian/libechoprint0.symbols.
"""

import re
import sys

from sbom import LIBRARIES, ROOT, needed


def problems():
    wanted = {LIBRARIES[name][0] for name in needed()}
    control = re.search(r"^Build-Depends:(.*(?:\n .*)*)", (ROOT / "debian/control").read_text(), re.M)[1]
    setup = re.search(r"^\tbuild\) (.*?);;", (ROOT / "tools/setup.sh").read_text(), re.M | re.S)[1]
    for where, words in ("Build-Depends of debian/control", control), ("the group build of tools/setup.sh", setup):
        for name in sorted(wanted - set(re.findall(r"[a-z0-9.+-]+", words))):
            yield f"{where} has no {name}"
    functions = set(re.findall(r"^function (\w+)@@", (ROOT / "tests/data/abi.txt").read_text(), re.M))
    symbols = set(re.findall(r"^ (echoprint_\w+)@", (ROOT / "debian/libechoprint0.symbols").read_text(), re.M))
    for name in sorted(functions ^ symbols):
        yield f"{name} is only in {'tests/data/abi.txt' if name in functions else 'debian/libechoprint0.symbols'}"


found = list(problems())
print("\n".join(found) or "packages need and show what is there")
sys.exit(bool(found))

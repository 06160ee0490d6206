#!/usr/bin/env python3
"""Checks that src/store/values.h and docs/formats/log.md list the same named values of a log.

A name that ends in "." is the front of names: the page says what follows it. No other file spells a
name out where it reads or writes a value.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = ROOT / "src/store/values.h"
PAGE = ROOT / "docs/formats/log.md"
SPELT = re.compile(r'\bep_log_(?:set_|remove_)?(?:value|number)\((?:[^;"()]|\([^()]*\))*"')


def of_header():
    return re.findall(r'^#define EP_\w+_VALUE "([^"]+)"', HEADER.read_text(), re.M)


def of_page():
    """The names in the first column of the table: `file.` and what follows, `peer.NAME`."""
    table = re.search(r"^## Named values\n+((?:\|.*\n)+)", PAGE.read_text(), re.M).group(1)
    for row in table.splitlines()[2:]:
        for name in re.findall(r"`([^`]+)`", row.split("|")[1]):
            yield re.sub(r"[A-Z]+$", "", name)


def problems():
    header, page = of_header(), list(of_page())
    for name in sorted(set(header) | set(page)):
        if (header.count(name), page.count(name)) != (1, 1):
            yield f'"{name}" stands {header.count(name)} times in {HEADER.name} and {page.count(name)} in {PAGE.name}'
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        for match in SPELT.finditer(path.read_text()):
            yield f"{path.relative_to(ROOT)} spells out the name of a value: {match.group(0)}"


found = list(problems())
print("\n".join(found) or "the named values of the log are those of its page")
sys.exit(bool(found))

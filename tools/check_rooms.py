#!/usr/bin/env python3
"""Checks how the sources hang together.

1. No include points to a room above: each folder of src/ uses only those before it.
2. No two modules (NAME.c and NAME.h) have one name, in whatever folders.
"""

import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "src"

# Which rooms each may use besides itself; docs/architecture.md draws the same. A folder in a room is a room of its own.
MAY_USE = {
    "base": [],
    "code": ["base"],
    "code/onset": ["base", "code"],
    "code/stored": ["base", "code", "code/onset"],
    "generator": ["base", "code"],
    "sound": ["base", "generator"],
    "format": ["base", "code", "code/stored"],
    "store": ["base", "code", "code/stored"],
    "index": ["base", "code", "code/stored", "store"],
    "match": ["base", "code", "code/stored", "generator", "store", "index"],
    "peer": ["base", "format", "store"],
    "ingest": ["base", "code", "code/stored", "sound", "format", "store", "peer"],
    "dump": ["base", "format", "store"],
    "dedup": ["base", "store", "match", "peer"],
    "sync": ["base", "format"],
    "sync/master": ["base", "format", "store", "peer", "ingest", "dump", "sync"],
    "sync/slave": ["base", "format", "store", "peer", "ingest", "dump", "sync"],
    "net": ["base", "format", "store", "peer", "ingest", "sync", "sync/master", "sync/slave"],
    "cli": ["base", "code", "sound", "format", "store", "index", "match", "peer", "ingest", "dump", "dedup", "sync",
            "sync/master", "sync/slave", "net"],
}
# Of these rooms others include one header alone.
DOORS = {"code/onset": "code/onset/onset.h"}
# Libraries that belong to one room alone, so that what they do is done in one place.
ONLY_IN = {
    "lmdb.h": ["store"],
    "sodium.h": ["base", "cli", "ingest", "store"],
    "jansson.h": ["cli", "format", "net"],
    "microhttpd.h": ["net"],
    "curl/curl.h": ["net"],
    "zstd.h": ["format"],
    "bzlib.h": ["format"],
    "lzma.h": ["format"],
    "zlib.h": ["format"],
    "libdeflate.h": ["base", "code"],
    "nettle/sha2.h": ["base"],
    "seccomp.h": ["sound"],
    "libavformat/avformat.h": ["sound"],
    "libavcodec/avcodec.h": ["sound"],
    "libswresample/swresample.h": ["sound"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def room_of(path):
    return path.rpartition("/")[0]


def wrong_order():
    """A room may use those before it in the table, so that no two can use each other."""
    before = set()
    for room, uses in MAY_USE.items():
        for used in uses:
            if used not in before:
                yield f"tools/check_rooms.py: room {room} uses {used}, which is not before it"
        before.add(room)


def wrong_includes(name, lines):
    room = room_of(name)
    if room not in MAY_USE:
        yield f"src/{name}: {room or 'src'} is no room; add it to tools/check_rooms.py and the architecture"
        return
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, included = match.groups()
        where = f"src/{name}:{number}"
        if kind == "<":
            if included in ONLY_IN and room not in ONLY_IN[included]:
                yield f"{where}: <{included}> may be used in {', '.join(ONLY_IN[included])} only"
            continue
        used = room_of(included)
        if used not in MAY_USE:
            yield f'{where}: "{included}" names no room'
        elif used != room and used not in MAY_USE[room]:
            yield f"{where}: room {room} may not use {used}"
        elif used != room and included != DOORS.get(used, included):
            yield f"{where}: of {used}, others may include {DOORS[used]} alone"


def modules_of(files):
    """Paths without the suffix: NAME.c and NAME.h are one module."""
    return sorted({name.rpartition(".")[0] for name in files})


def names_used_twice(modules):
    for before, module in enumerate(modules):
        name = module.rpartition("/")[2]
        for other in modules[:before]:
            if other.rpartition("/")[2] == name:
                yield f"src/{module}: src/{other} has the same name"


def main():
    files = {path.relative_to(SOURCE).as_posix(): path.read_text() for path in sorted(SOURCE.rglob("*.[ch]"))}
    found = list(wrong_order())
    for name, text in files.items():
        found.extend(wrong_includes(name, text.splitlines()))
    found.extend(names_used_twice(modules_of(files)))
    print("\n".join(found) if found else "all includes point to rooms below, and every name is there once")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Checks that no include points to a room above: each folder of src/ uses only those before it."""

import pathlib
import re
import sys

# Which rooms each may use besides itself; docs/architecture.md draws the same.
MAY_USE = {
    "base": [],
    "code": ["base"],
    "sound": ["base"],
    "format": ["base", "code"],
    "store": ["base", "code"],
    "index": ["base", "code", "store"],
    "match": ["base", "code", "store", "index"],
    "replication": ["base", "code", "sound", "format", "store", "index", "match"],
    "net": ["base", "code", "sound", "format", "store", "index", "match", "replication"],
    "cli": ["base", "code", "sound", "format", "store", "index", "match", "replication", "net"],
}
# Libraries that belong to one room alone, so that what they do is done in one place.
ONLY_IN = {
    "lmdb.h": ["store"],
    "sodium.h": ["base", "cli", "replication", "store"],
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


def problems_of(path, room):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, name = match.groups()
        where = f"{path}:{number}"
        if kind == "<":
            if name in ONLY_IN and room not in ONLY_IN[name]:
                yield f"{where}: <{name}> may be used in {', '.join(ONLY_IN[name])} only"
            continue
        used = name.split("/")[0]
        if used not in MAY_USE:
            yield f'{where}: "{name}" names no room'
        elif used != room and used not in MAY_USE[room]:
            yield f"{where}: room {room} may not use {used}"


def main():
    source = pathlib.Path(__file__).resolve().parent.parent / "src"
    found = []
    for folder in sorted(item for item in source.iterdir() if item.is_dir()):
        if folder.name not in MAY_USE:
            found.append(f"{folder}: is no room; add it to tools/check_rooms.py and the architecture")
            continue
        for path in sorted(folder.glob("*.[ch]")):
            found.extend(problems_of(path, folder.name))
    print("\n".join(found) if found else "all includes point to rooms below")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Checks how the sources hang together.

1. No include points to a room above: each folder of src/ uses only those before it.
2. No two modules (NAME.c and NAME.h) have one name, in whatever folders.
3. No modules use each other in a circle. A module uses those whose headers it includes, and those that define what its
   .c names: so a circle shows although all its files share a header. NAME_internal.h, which the parts of NAME share, is
   a module of its own; that it builds on NAME.h makes no circle.
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
    "dedup": ["base", "store", "match"],
    "sync": ["base", "format"],
    "sync/master": ["base", "format", "store", "peer", "ingest", "dump", "sync"],
    "sync/slave": ["base", "format", "store", "peer", "ingest", "dump", "sync"],
    "node": ["base", "code", "sound", "format", "store", "index", "match", "peer", "ingest", "dump", "dedup",
             "sync", "sync/master", "sync/slave"],
    "net": ["base", "format", "store", "peer", "ingest", "sync", "sync/master", "sync/slave", "node"],
    "cli": ["base", "code", "sound", "format", "store", "peer", "ingest", "dump", "dedup", "node", "net"],
}
# Of these rooms others include one header alone.
DOORS = {"code/onset": "code/onset/onset.h"}
# Libraries that belong to one room alone, so that what they do is done in one place.
ONLY_IN = {
    "lmdb.h": ["store"],
    "sodium.h": ["base", "cli", "ingest", "store"],
    "jansson.h": ["cli", "format", "net", "node"],
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
COMMENT_OR_TEXT = re.compile(r"""/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""", re.S)
# Definitions that others can see: the name of a function stands at the start of its line, behind one with its type.
FUNCTION = re.compile(r"^(?!static\b)\w[^\n;{}]*\n(ep_\w+)\(", re.M)
CONSTANT = re.compile(r"^const [\w ]*?\b(ep_\w+)(?:\[\w*\])* =", re.M)
NAME = re.compile(r"\bep_\w+")


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


def uses_of(files):
    """For each module those that it uses, each with a word that says how."""
    plain = {name: COMMENT_OR_TEXT.sub(" ", text) for name, text in files.items() if name.endswith(".c")}
    defined_in = {}
    for name, text in plain.items():
        for pattern in (FUNCTION, CONSTANT):
            defined_in.update(dict.fromkeys(pattern.findall(text), name[:-2]))
    uses = {module: {} for module in modules_of(files)}
    for name, text in files.items():
        module = name[:-2]
        for line in text.splitlines():
            match = INCLUDE.match(line)
            if match and match[1] == '"' and module != match[2][:-2] + "_internal":
                uses[module].setdefault(match[2][:-2], f"includes {match[2]}")
        for word in NAME.findall(plain.get(name, "")):
            if word in defined_in:
                uses[module].setdefault(defined_in[word], f"uses {word} of {defined_in[word]}.c")
        uses[module].pop(module, None)
    return uses


def circle_from(module, uses, done):
    """A way from a module that comes back to where it was already, cut to the circle; None where there is none."""
    way, choices = [module], [iter(uses[module])]
    while way:
        used = next(choices[-1], None)
        if used is None:
            done.add(way.pop())
            choices.pop()
        elif used in way:
            return way[way.index(used):]
        elif used in uses and used not in done:
            way.append(used)
            choices.append(iter(uses[used]))
    return None


def circles(uses):
    """One circle after the other, each parted where it was found, until there are no more."""
    done = set()
    for module in uses:
        while module not in done and (way := circle_from(module, uses, done)):
            steps = [f"src/{one} {uses[one][other]}" for one, other in zip(way, way[1:] + way[:1])]
            yield "modules use each other in a circle: " + "; ".join(steps)
            del uses[way[-1]][way[0]]


def main():
    files = {path.relative_to(SOURCE).as_posix(): path.read_text() for path in sorted(SOURCE.rglob("*.[ch]"))}
    found = list(wrong_order())
    for name, text in files.items():
        found.extend(wrong_includes(name, text.splitlines()))
    found.extend(names_used_twice(modules_of(files)))
    found.extend(circles(uses_of(files)))
    print("\n".join(found) if found else "includes point to rooms below, names are there once, no module is in a circle")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

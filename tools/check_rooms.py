#!/usr/bin/env python3
"""Checks how the sources hang together, and that docs/architecture.md says the same.

1. Each folder of src/ uses only rooms before it, those of its row, and uses all of them. It uses a
   room by including a header of it, and by naming a function or constant that it defines: so a call
   shows although its declaration comes by way of another header.
2. No two modules (NAME.c and NAME.h) have one name, in whatever folders, and no two definitions of
   a struct, union or enum have one tag ep_*.
3. No modules use each other in a circle. A module uses those whose headers it includes, and those
   that define what it names: so a circle shows although all its files share a header.
   NAME_internal.h, which the parts of NAME share, is a module of its own; that it builds on NAME.h
   makes no circle.
4. A command that stands on echoprint.h, as other programs do, uses no room beside it that knows a
   data folder.
5. The page has this table of rooms, and a section for each. Every .c file is named in the section
   of its room, or falls under a pattern there (`cmd_*.c`); and what the page names is there: files,
   and functions ep_*.
"""

import fnmatch
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
PAGE = ROOT / "docs" / "architecture.md"

# Which rooms each may use besides itself; PAGE has the same table. A folder in a room is a room of
# its own.
MAY_USE = {
    "base": [],
    "code": ["base"],
    "code/onset": ["base", "code"],
    "code/stored": ["base", "code", "code/onset"],
    "generator": ["base", "code"],
    "sound": ["base", "code", "generator"],
    "format": ["base", "code/stored"],
    "store": ["base", "code", "code/stored"],
    "index": ["base", "code/stored", "store"],
    "catalogue": ["base", "store"],
    "match": ["base", "code", "code/stored", "generator", "store", "index"],
    "peer": ["base", "format", "store"],
    "plays": ["base", "store"],
    "ingest": ["base", "code", "code/stored", "sound", "format", "store", "peer"],
    "dump": ["base", "code/stored", "format", "store"],
    "dedup": ["base", "store", "index", "match"],
    "sync": ["base", "format"],
    "sync/master": ["base", "format", "store", "peer", "ingest", "dump", "sync"],
    "sync/slave": ["base", "format", "store", "peer", "ingest", "dump", "sync"],
    "node": ["base", "code", "code/stored", "generator", "sound", "format", "store", "index", "catalogue", "match", "peer", "plays", "ingest",
             "dump", "dedup", "sync", "sync/master", "sync/slave"],
    "backup": ["base", "format", "store", "plays", "node"],
    "net": ["base", "format", "store", "peer", "ingest", "sync", "sync/master", "sync/slave", "node"],
    "net/api": ["base", "catalogue", "code", "format", "store", "match", "peer", "plays", "sound", "node", "net"],
    "net/console": ["base", "net"],
    "net/legacy": ["base", "code", "code/stored", "store", "ingest", "node", "net"],
    "net/stream": ["base", "sound", "net"],
    "net/solr": ["base", "code/stored", "format", "store", "index", "match", "node", "net"],
    "monitor": ["base", "code", "generator", "format", "match", "plays", "node", "net", "net/stream"],
    "library": ["base", "code", "code/stored", "generator", "sound", "format", "store", "match", "catalogue", "ingest", "dump", "net", "node"],
    "cli": ["base", "code", "sound", "format", "store", "peer", "catalogue", "plays", "ingest", "dump", "dedup", "node", "backup", "net", "net/api", "net/console", "net/legacy", "net/solr",
            "monitor"],
}
# Commands that stand on echoprint.h, and the rooms that they may use: none opens a data folder.
ON_THE_HEADER = ["cli/cmd_delete", "cli/cmd_digest", "cli/cmd_show"]
BESIDE_THE_HEADER = ["base", "code", "format", "cli"]
# Of these rooms others include one header alone.
DOORS = {"code/onset": "code/onset/onset.h"}
# Libraries that belong to one room alone, so that what they do is done in one place.
ONLY_IN = {
    "lmdb.h": ["plays", "store"],
    "sqlite3.h": ["catalogue"],
    "sodium.h": ["backup", "base", "catalogue", "cli", "ingest", "store"],
    "jansson.h": ["backup", "cli", "format", "library", "monitor", "net", "net/api", "net/legacy", "net/solr", "node"],
    "ini.h": ["format"],
    "qrencode.h": ["net/api"],
    "microhttpd.h": ["net"],
    "curl/curl.h": ["net"],
    "tchdb.h": ["net/legacy"],
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
# Definitions that others can see: the name of a function stands at the start of its line, behind
# one with its type.
FUNCTION = re.compile(r"^(?!static\b(?! inline\b))\w[^\n;{}]*\n(ep_\w+)\(", re.M)
CONSTANT = re.compile(r"^const [\w ]*?\b(ep_\w+)(?:\[\w*\])* =", re.M)
TAG = re.compile(r"^[ \t]*(?:\w+ )*?(?:struct|union|enum)\s+(ep_\w+)\s*\{", re.M)
MACRO = re.compile(r"^#define (EP_\w+)((?:.*\\\n)*.*)$", re.M)
NAME = re.compile(r"\bep_\w+")
WORD = re.compile(r"\bep_\w+|\bEP_\w+")
# Of the page: a row of the table of rooms, a heading of a section, and what is set as code.
ROW = re.compile(r"^\| (`[\w/]+`) \|.*\|(.*)\|$", re.M)
HEADING = re.compile(r"^#+ (.*)$", re.M)
AS_CODE = re.compile(r"`([^`\n]+)`")


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


def without_words(files):
    """The files without comments and texts, each of which becomes a blank."""
    return {name: COMMENT_OR_TEXT.sub(" ", text) for name, text in files.items()}


def tags_used_twice(files):
    defined_in = {}
    for name, text in without_words(files).items():
        for tag in TAG.findall(text):
            if tag in defined_in:
                yield f"src/{name}: {tag} is defined in src/{defined_in[tag]}, too"
            defined_in.setdefault(tag, name)


def uses_of(files):
    """For each module those that it uses, each with a word that says how."""
    plain = without_words(files)
    defined_in = {}
    for name, text in plain.items():
        for pattern in (FUNCTION, CONSTANT):
            defined_in.update(dict.fromkeys(pattern.findall(text), name))
    # What a macro stands for, such as the cleanup of a variable.
    macros = {word: NAME.findall(body) for text in plain.values() for word, body in MACRO.findall(text)}
    uses = {module: {} for module in modules_of(files)}
    for name, text in files.items():
        module = name[:-2]
        for line in text.splitlines():
            match = INCLUDE.match(line)
            if match and match[1] == '"' and module != match[2][:-2] + "_internal":
                uses[module].setdefault(match[2][:-2], f"includes {match[2]}")
        words = WORD.findall(plain[name]) if name.endswith(".c") else []
        for word in (named for word in words for named in macros.get(word, [word])):
            if word in defined_in:
                used = defined_in[word]
                uses[module].setdefault(used[:-2], f"uses {word} of {used}")
        uses[module].pop(module, None)
    return uses


def wrong_calls(uses):
    """What a module names of a room that its own may not use; includes are checked line by line."""
    for module, others in uses.items():
        room = room_of(module)
        for other, how in others.items():
            used = room_of(other)
            if used != room and used not in MAY_USE.get(room, []) and not how.startswith("includes"):
                yield f"src/{module} {how}: room {room} may not use {used}"


def wrong_commands(uses):
    """What a command on echoprint.h uses of other rooms."""
    for module in ON_THE_HEADER:
        for other, how in uses[module].items():
            if room_of(other) not in BESIDE_THE_HEADER:
                yield f"src/{module} {how}: it stands on echoprint.h, and may use {', '.join(BESIDE_THE_HEADER)} only"
        if "cli/open_db" not in uses[module]:
            yield f"src/{module} does not use cli/open_db: take it off the list in tools/check_rooms.py"


def circle_from(module, uses, done):
    """A way from a module that comes back to where it was already, cut to the circle; None where
    there is none."""
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


def unused_rooms(uses):
    """A room that another may use, but does not."""
    used = {(room_of(module), room_of(other)) for module, others in uses.items() for other in others}
    for room, may_use in MAY_USE.items():
        for other in may_use:
            if (room, other) not in used:
                yield f"tools/check_rooms.py: room {room} does not use {other}"


def wrong_table(page):
    """The page's table has the same rooms in the same order, and the same uses."""
    where = f"{PAGE.relative_to(ROOT)}: the table of rooms"
    rows = {AS_CODE.findall(room)[0]: AS_CODE.findall(uses) for room, uses in ROW.findall(page)}
    if list(rows) != list(MAY_USE):
        yield f"{where} has {', '.join(rows)}; but there are {', '.join(MAY_USE)}"
    for room, uses in rows.items():
        if room in MAY_USE and uses != MAY_USE[room]:
            yield f"{where}: {room} uses {', '.join(MAY_USE[room]) or 'none'}, not {', '.join(uses) or 'none'}"


def sections_of(page):
    """What is set as code in each section that has a heading of its own."""
    parts = HEADING.split(page)
    return {heading: AS_CODE.findall(text) for heading, text in zip(parts[1::2], parts[2::2])}


def unnamed_files(files, sections):
    """Sources that the section of their room does not name."""
    page = PAGE.relative_to(ROOT)
    for room in MAY_USE:
        if room not in sections:
            yield f"{page}: room {room} has no section"
    for name in files:
        room, _, base = name.rpartition("/")
        named = sections.get(room, [])
        if base.endswith(".c") and not any(fnmatch.fnmatchcase(base, pattern) for pattern in named):
            yield f"{page}: the section of room {room} does not name {base}"


def unknown_names(files, page):
    """Files and functions that the page names, but that are not there."""
    paths = ["/" + name for name in files]
    words = {word for text in files.values() for word in NAME.findall(text)}
    for word in sorted(set(AS_CODE.findall(page))):
        is_file = re.fullmatch(r"[a-z0-9_/*]+\.[ch]", word)
        if is_file and not (ROOT / word).exists() and not fnmatch.filter(paths, "*/" + word):
            yield f"{PAGE.relative_to(ROOT)}: there is no file {word}"
        if re.fullmatch(r"ep_\w+", word) and word not in words:
            yield f"{PAGE.relative_to(ROOT)}: there is no {word}"


def main():
    files = {path.relative_to(SOURCE).as_posix(): path.read_text() for path in sorted(SOURCE.rglob("*.[ch]"))}
    page = PAGE.read_text()
    found = list(wrong_order())
    for name, text in files.items():
        found.extend(wrong_includes(name, text.splitlines()))
    found.extend(names_used_twice(modules_of(files)))
    found.extend(tags_used_twice(files))
    uses = uses_of(files)
    found.extend(wrong_calls(uses))
    found.extend(wrong_commands(uses))
    found.extend(unused_rooms(uses))
    found.extend(circles(uses))
    found.extend(wrong_table(page))
    found.extend(unnamed_files(files, sections_of(page)))
    found.extend(unknown_names(files, page))
    print("\n".join(found) if found else
          "includes and calls go to rooms before, names and tags are there once, no module is in a circle, "
          "the page tells the same")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

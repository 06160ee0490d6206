"""Damaged bytes: verify must find each one in the entries of the log."""

import multiprocessing
import os
import shutil
import struct

import common
from common import Song

PROCESSES = max(2, min(4, len(os.sched_getaffinity(0))))


def flip_in_turn(arguments):
    """Flips bytes of one node's data.mdb; returns how many, and how many verify did not find."""
    program, data, offsets, environment, until_missed = arguments
    path = data + "/data.mdb"
    with open(path, "rb") as file:
        content = bytearray(file.read())
    checked = missed = 0
    for offset in offsets:
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(bytes([content[offset] ^ 0x10]))
        checked += 1
        missed += program.run(data, "verify", environment=environment).status != 7
        with open(path, "r+b") as file:
            file.seek(offset)
            file.write(bytes([content[offset]]))
        if missed and until_missed:
            break
    return checked, missed


FIXED = 48
LAYOUT, PUT = 3, 1
# Between the fixed fields and the id there are numbers and a history.
VARYING_MAX = 400


def varint_at(content, at):
    """A number, and where it ends."""
    value = shift = 0
    while content[at] & 0x80:
        value |= (content[at] & 0x7f) << shift
        at, shift = at + 1, shift + 7
    return value | content[at] << shift, at + 1


def body_at(content, start):
    """Where the body of an entry that begins at start would begin."""
    _, at = varint_at(content, start + FIXED)
    _, at = varint_at(content, at)
    size, at = varint_at(content, at)
    return at + size


def is_entry(content, start, at):
    """Whether an entry begins there, whose id is at `at`. An LMDB node is lo, hi (of the size),
    flags, size of the key, key (8 bytes here), data."""
    _, _, flags, key = struct.unpack_from("<4H", content, start - 16)
    return (key, flags, content[start], content[start + 1], content[start + 3]) == (8, 0, LAYOUT, PUT, 0) \
        and body_at(content, start) == at


def entries_in(content, songs):
    """Where the entries of the songs lie."""
    found = []
    for song in songs:
        track = song.track_id.encode()
        at = content.find(bytes([len(track)]) + track)
        while at >= 0:
            for start in range(at - FIXED - 3, max(16, at - FIXED - VARYING_MAX), -1):
                if is_entry(content, start, at):
                    low, high = struct.unpack_from("<2H", content, start - 16)
                    found.append(range(start, start + (low | high << 16)))
            at = content.find(bytes([len(track)]) + track, at + 1)
    return found


def flips(program, folder, environment=None, until_missed=False):
    """Flips every byte of every entry, or only until one is missed; returns how many bytes there
    are, how many were flipped, and how many verify did not find."""
    data = folder + "/flip"
    shutil.rmtree(data, ignore_errors=True)
    songs = [Song(700 + i, seconds=20, codes_a_second=0.8) for i in range(3)]
    songs[1].title = ""
    file = common.write_csv(folder + "/flip.csv", songs)
    program.must(data, "slave-ingest", file, environment=environment)
    with open(data + "/data.mdb", "rb") as file:
        content = file.read()
    entries = entries_in(content, songs)
    if len(entries) != len(songs):
        raise RuntimeError(f"{len(entries)} entries were found in data.mdb, not {len(songs)}")
    offsets = [offset for entry in entries for offset in entry]
    copies = []
    for i in range(PROCESSES):
        copies.append(f"{data}{i}")
        shutil.rmtree(copies[-1], ignore_errors=True)
        shutil.copytree(data, copies[-1])
    context = multiprocessing.get_context("fork")
    with context.Pool(PROCESSES) as pool:
        parts = pool.map(flip_in_turn,
                         [(program, copy, offsets[i::PROCESSES], environment, until_missed)
                          for i, copy in enumerate(copies)])
    return len(offsets), sum(part[0] for part in parts), sum(part[1] for part in parts)



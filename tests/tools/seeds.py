#!/usr/bin/env python3
"""Makes the seeds of laws that read packets and entries, by what the second reader's test builds:
one file a case.

    tests/tools/seeds.py [tests/corpus]

Where a format changes, run it again: seeds that are refused for their version test nothing behind
it. What the fuzzer finds is kept beside them (tools/fuzz.sh).
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from packet_reader_test import (Delete, Link, Put, block, fields_of, history, packet, readable_packets, refused_packets, text,
                                varint)

# Larger ones say nothing more.
MOST = 3000
HEADER_AT = 16


def name_of(words):
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def header_and_blocks(data):
    """The rest of a packet's header, and the payloads of its blocks."""
    at = HEADER_AT + int.from_bytes(data[12:16], "little")
    yield data[HEADER_AT:at - 4]
    while size := int.from_bytes(data[at:at + 4], "little"):
        yield data[at + 8:at + 8 + size]
        at += 8 + size


def histories():
    step, own = b"c" * 16, [(1, 0), (1, 0)]
    yield "root", history()
    yield "by-csv", history(authors=[(1, 1)])
    yield "of-the-master", history(authors=[(2, 0)], sealed=(2, 1, 0))
    yield "steps", history(step, bytes(16), authors=[(1, 0), (2, 1), (1, 0)])
    yield "cut", history(step, authors=own, cut=7)
    yield "sealed", history(step, authors=own, sealed=(1, 1, 1))
    yield "all", history(step, authors=own, cut=7, sealed=(2, 3, 0), also=[b"a" * 16] * 2, starts=[b"s" * 16])
    yield "of-another", history(authors=[(3, 0)])
    yield "of-nobody", history(authors=[(4, 0)])


def contributions():
    """What the inbox takes: the counts of tracks, documents, deletions and links in a byte, and a
    payload."""
    own = [(1, 0), (1, 0)]
    for n, (name, bytes_of) in enumerate(histories()):
        # The one after the other: what was put is changed and deleted.
        one = Put(track_id=b"T%d" % n, history=bytes_of)
        yield f"1-{name}", 1 + 4, block(one)
        yield f"2-{name}", 1 + 4, block(Put((b"6 9",), track_id=one.track_id, history=history(one.hash[:16], authors=own)))
        yield f"3-{name}", 16, block(Delete(one.track_id, history=history(one.hash[:16], authors=own)))
        put = Put(history=bytes_of)
        two = Put((b"5 7", b"6 1300"), track_id=b"TS", history=bytes_of)
        yield "put-" + name, 1 + 4, block(put)
        yield "delete-" + name, 16, block(Delete(track_id=b"TR", history=bytes_of))
        yield "link-" + name, 2 + 12 + 32, block(put, two, Link(history=bytes_of))
        yield "release-" + name, 1 + 4 + 32, block(put, Link(b"", history=bytes_of))


OUTCOMES = ("new", "updated", "unchanged", "duplicate", "conflict", "rejected", "deleted", "refused", "full", "nothing")


def receipts():
    """Bodies of receipts, behind the signature that the law makes."""
    tracks = [["T%d" % n, outcome] + ["why"] * (n % 2) for n, outcome in enumerate(OUTCOMES)]
    whole = {"format": 2, "epoch": 3, "position": 7, "source": "paris", "contribution": "ab" * 32, "tracks": tracks}
    yield "all", whole
    yield "none", {**whole, "tracks": []}
    yield "epoch", {**whole, "epoch": 1 << 62}
    for name, value in (("position", -1), ("source", "x" * 65), ("contribution", "ab"), ("tracks", [["T", "good"]]),
                        ("tracks", [["T"]]), ("epoch", "1"), ("format", 3)):
        yield f"no-{name}-{len(str(value))}", {**whole, name: value}


FIELDS = [(b"isrc", b"USRC17607839"), (b"musicbrainz_recordingid", b"b1a9c0e9-d987-4042-ae91-78d6a3267d69")]


def body_of(entry):
    return text(entry.track_id) + varint(entry.count) + entry.about + entry.codes


def main():
    corpus = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "corpus"
    made = 0

    def keep(law, name, data):
        nonlocal made
        if len(data) <= MOST:
            folder = corpus / law
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ("seed-" + name)).write_bytes(data)
            made += 1

    for name, data in {**readable_packets(), **refused_packets()}.items():
        for i, part in enumerate(header_and_blocks(data)):
            if i > 0 or "mark" in name or "part" in name or "head" in name or name == "a link":
                keep("packet", f"{name_of(name)}-{i}", part)
    keep("packet", "whole", packet(Put(), Put(track_id=b"TS"), Link(), Delete()))
    for name, counts, payload in contributions():
        keep("inbox", name, bytes([counts]) + payload)
    for name, value in receipts():
        keep("receipt", name, json.dumps(value).encode()[1:])
    for name, bytes_of in histories():
        for entry in (Put(), Put(fields=FIELDS), Delete(), Link(), Link(b"")):
            kind = type(entry).__name__.lower() + ("" if entry.about or entry.operation == 2 else "-none")
            keep("entry", f"{kind}-{len(entry.about)}-{name}", bytes([len(bytes_of)]) + bytes_of + body_of(entry))
    for number, fields in enumerate((FIELDS, FIELDS[:1], FIELDS[::-1])):
        keep("track_fields", f"{number}", fields_of(*fields))
    keep("track_fields", "fewer", fields_of(*FIELDS, count=3))
    keep("track_fields", "key-and-value", b"isrc=USRC17607839")
    print(f"{made} seeds")


if __name__ == "__main__":
    main()

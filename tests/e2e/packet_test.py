#!/usr/bin/env python3
"""Packets from one node to another: the same rows, deletions too, and damaged ones refused."""

import json
import struct
import zlib

from common import DATA, csv_of, need, rows_of, run, same, song, codegen_bytes

SONGS = DATA / "songs.json"

# Rows that fit no pattern.
ODD = [
    ("TRODD-0", "4.12", "5 9 4 8", "1", "a", "", ""),
    ("TRODD-1", "4.12", "007 05", "1", "b", "", ""),
    ("TRODD-x", "", "", "007", "", "\"q\", \r\n", "ü"),
    ("TRGAP-3", "4.12", "1 4000 2 4001", "9", "", "", ""),
    ("noseg", "4.12", "4294967295 2147483647", "2147483647", "", "", ""),
]


def dumped_packet(node, kind, folder, *options):
    result = node.dump(kind, folder, "--format", "packet", *options)
    need(result["paths"], "no packet was dumped")
    return result["paths"]


def brings_the_same(test):
    slave, master, other = test.node("slave"), test.node("master"), test.node("other")
    folder = test.new_folder("packets")
    slave.run("ingest", SONGS)
    slave.run("slave-ingest", "-", data=csv_of(ODD))
    slave.run("ingest", "-", data=codegen_bytes([song("TRLOCAL", [(n, n * 7) for n in range(3000)])]))
    paths = dumped_packet(slave, "slave-dump", folder)
    same(len(paths), 1, "number of packets")
    result = master.json("master-ingest", "-s", "paris", paths[0])
    same(result["new"], result["read"], "new documents")
    same(rows_of(master.contents()), [row for row in rows_of(slave.contents()) if not row[0].startswith(("TRODD", "TRGAP", "noseg"))],
         "rows of the master")
    paths = dumped_packet(slave, "master-dump", folder)
    other.run("slave-ingest", *paths)
    same(other.contents(), slave.contents(), "rows of another slave")
    same(other.digest(), slave.digest(), "digest")
    again = other.json("slave-ingest", *paths)
    same(again["unchanged"], again["read"], "unchanged documents")
    for node in (slave, master, other):
        node.verify()
    shown = json.loads(other.run("--json", "show", "TRODD").stdout)
    same(shown["source"], "master", "source")


def carries_deletions_and_shorter_tracks(test):
    master, slave = test.node("master-d"), test.node("slave-d")
    folder = test.new_folder("deletions")
    long = song("TRLONG", [(n % 99, n) for n in range(0, 9000, 3)])
    master.run("ingest", "-", data=codegen_bytes([long, song("TRGONE", [(1, 2), (3, 4)])]))
    slave.run("slave-ingest", *dumped_packet(master, "master-dump", folder))
    same(slave.digest(), master.digest(), "digest at first")
    master.run("ingest", "-", data=codegen_bytes([song("TRLONG", [(1, 2), (3, 4)])]))
    master.run("delete", "TRGONE")
    report = master.json("master-dump", "-o", folder, "--format", "packet", "--dry-run")
    same((report["documents"], report["deletions"]), (1, 1), "what is to be dumped")
    slave.run("slave-ingest", *dumped_packet(master, "master-dump", folder))
    same(slave.digest(), master.digest(), "digest after deletions")
    same(slave.contents(), master.contents(), "rows after deletions")
    slave.verify()


def deletes_only_what_the_source_brought(test):
    master, a, b = test.node("master-r"), test.node("a"), test.node("b")
    folder = test.new_folder("rights")
    for node, name in ((a, "TRA"), (b, "TRB")):
        node.run("init", "--name", name[-1].lower())
        node.run("ingest", "-", data=codegen_bytes([song(name, [(1, 2), (3, 4)])]))
    master.run("master-ingest", "-s", "a", *dumped_packet(a, "slave-dump", folder))
    master.run("master-ingest", "-s", "b", *dumped_packet(b, "slave-dump", folder))
    b.run("ingest", "-", data=codegen_bytes([song("TRA", [(9, 9)])]))
    master.run("master-ingest", "-s", "b", *dumped_packet(b, "slave-dump", folder))
    b.run("delete", "TRA")
    b.run("delete", "TRB")
    before = len(rows_of(master.contents()))
    master.run("master-ingest", "-s", "b", *dumped_packet(b, "slave-dump", folder))
    left = [row[0] for row in rows_of(master.contents())]
    same((before, left), (2, ["TRA-0"]), "rows of the master before, and tracks after")
    kept = [(one["track_id"], one["source"], one["deletion"]) for one in master.json("conflicts")["conflicts"]]
    same(sorted(kept), [("TRA", "b", False), ("TRA", "b", True)], "what is kept aside")
    # The same packets again, in any order, change nothing.
    digest, position = master.digest(), master.json("status")["position"]
    for path in [*sorted(folder.iterdir(), reverse=True), *sorted(folder.iterdir())]:
        source = "a" if "-a-" in path.name else "b"
        master.run("master-ingest", "-s", source, path)
    same((master.digest(), master.json("status")["position"]), (digest, position), "the master after all packets again")
    same(len(master.json("conflicts")["conflicts"]), 2, "what is kept aside then")


def is_no_masters_word_when_it_is_a_slaves(test):
    a, b = test.node("slave-a"), test.node("slave-b")
    folder = test.new_folder("wrong-way")
    a.run("ingest", "-", data=codegen_bytes([song("TRA", [(1, 2), (3, 4)])]))
    done = b.run("slave-ingest", *dumped_packet(a, "slave-dump", folder), statuses=(1,))
    need(b"master-ingest" in done.stderr, f"the message is {done.stderr!r}")
    same(b.json("status")["documents"], 0, "documents")


def splits_at_lines_between_tracks(test):
    node, other = test.node("split"), test.node("split-other")
    folder = test.new_folder("split-files")
    songs = [song(f"TRS{n}", [(i, i * 9) for i in range(300)]) for n in range(20)]
    node.run("ingest", "-", data=codegen_bytes(songs))
    paths = dumped_packet(node, "master-dump", folder, "--lines", "7")
    need(len(paths) > 3, f"only {len(paths)} packets")
    other.run("slave-ingest", *reversed(paths))
    same(sorted(rows_of(other.contents())), sorted(rows_of(node.contents())), "rows")
    stream = node.run("master-dump", "--all", "--format", "packet", "-o", "-").stdout
    third = test.node("split-third")
    third.run("slave-ingest", "-", data=stream)
    same(third.digest(), node.digest(), "digest by a pipe")


def refuses_damage(test):
    node = test.node("damage")
    node.run("ingest", SONGS)
    packet = node.run("master-dump", "--all", "--format", "packet", "-o", "-").stdout
    for name, bad, status in (
            ("cut", packet[:-1], 7), ("cut in a block", packet[:5000], 7), ("longer", packet + b"x", 7),
            ("flipped", packet[:4000] + bytes([packet[4000] ^ 1]) + packet[4001:], 7),
            ("header", packet[:40] + b"\xff" + packet[41:], 7),
            ("newer", packet[:8] + struct.pack("<H", 4) + packet[10:], 6),
            ("of a format that was never released", packet[:8] + struct.pack("<H", 1) + packet[10:], 5)):
        target = test.node("damage-" + name.replace(" ", "-"))
        done = target.run("slave-ingest", "--strict", "-", data=bad, statuses=(status,))
        need(b"packet" in done.stderr, f"{name}: the message is {done.stderr!r}")
        same(target.json("status")["documents"], 0, f"documents kept of a packet that is {name}")


def looks_closely_at_what_slaves_send(test):
    """A packet whose checksums and hash are right but whose contents are not those of its
    hashes."""
    import hashlib
    node = test.node("forger")
    node.run("ingest", SONGS)
    packet = bytearray(node.run("slave-dump", "--all", "--format", "packet", "-o", "-").stdout)
    start = 16 + struct.unpack_from("<I", packet, 12)[0]
    size = struct.unpack_from("<I", packet, start)[0]
    packet[start + 8 + size - 2] ^= 1  # near the end of the last track's codes
    struct.pack_into("<I", packet, start + 4, zlib.crc32(packet[start + 8:start + 8 + size]))
    packet[-34:-2] = hashlib.blake2b(packet[:-34], digest_size=32).digest()
    master = test.node("deceived")
    result = json.loads(master.run("--json", "master-ingest", "-s", "x", "-", data=bytes(packet), statuses=(3,)).stdout)
    need(result["rejected"] > 0 and result["new"] > 0, f"the result is {result}")
    master.verify()


def body(test):
    for function in (brings_the_same, carries_deletions_and_shorter_tracks,
                     deletes_only_what_the_source_brought,
                     is_no_masters_word_when_it_is_a_slaves, splits_at_lines_between_tracks,
                     refuses_damage, looks_closely_at_what_slaves_send):
        test.check("a packet " + function.__name__.replace("_", " "), function, test)


if __name__ == "__main__":
    run(body)

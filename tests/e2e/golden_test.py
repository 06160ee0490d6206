#!/usr/bin/env python3
"""What real songs become, byte for byte, and that the whole chain from slave to slave keeps it.

usage: golden_test.py --program PATH

tests/data is always used; the larger set of real songs where it is beside the project, in
../shared/data, or in $ECHOPRINT_SHARED_DATA.
"""

import bz2
import hashlib
import json
import lzma
import shutil
import subprocess

from common import (DATA, Skip, codegen_bytes, csv_of, need, read_files, rows_of, rows_of_song, run,
                    same, shared_data)

GOLDEN_SHA256 = "52f6520bc5038284accf8a1680d273d65b3ddf903cc5f3ec53b5ac0b16ccd0d8"


def same_bytes(found, expected):
    if found == expected:
        return
    at = next((i for i, pair in enumerate(zip(found, expected)) if pair[0] != pair[1]),
              min(len(found), len(expected)))
    need(False, f"{len(found)} bytes, expected {len(expected)}; they differ at {at}: "
                f"{found[at - 30:at + 30]!r}, expected {expected[at - 30:at + 30]!r}")


class Chain:
    """Slave, master and another slave, and the dump between them."""

    def __init__(self, test, name, songs, expected, bzip2=True):
        self.test = test
        self.name = name
        self.bzip2 = bzip2  # else zstd, for the sake of time
        self.songs = songs  # bytes
        self.expected = expected  # bytes of all rows
        self.out = test.new_folder(name + "-files")
        self.slave = test.node(name + "-slave")
        self.master = test.node(name + "-master")
        self.other = test.node(name + "-other")
        self.master_paths = []

    def slave_dump(self):
        path = self.out / "songs.json"
        path.write_bytes(self.songs)
        counts = self.slave.json("ingest", "--dedup", "off", path)
        rows = rows_of(self.expected)
        same((counts["read"], counts["new"]), (len(rows), len(rows)), "documents read and new")
        self.slave.run("init", "--name", "ours")
        dump = self.slave.dump("slave-dump", self.out, "--checksums")
        same_bytes(read_files(dump["paths"]), self.expected)
        same(dump["files"][0]["sha256"], hashlib.sha256(self.expected).hexdigest(), "sha256")

    def master_dump(self):
        paths = sorted(self.out.glob("echoprint-slave-ours-*.csv"))
        # The library holds five songs twice, which the original dumps twice.
        dedup = () if self.name == "golden" else ("--dedup", "off")
        counts = self.master.json("master-ingest", "-s", "ours", *dedup, *paths)
        same(counts["new"], counts["read"], "new documents")
        dump = self.master.dump("master-dump", self.out)
        same_bytes(read_files(dump["paths"]), self.expected)
        self.master_paths = dump["paths"]

    def into_other(self, packed):
        """Packed rows through a pipe into the other slave, and what it dumps."""
        counts = self.other.json("slave-ingest", "-", data=packed)
        same(counts["new"], len(rows_of(self.expected)), "new documents")
        dump = self.other.dump("master-dump", self.out, "--lines", "100")
        same_bytes(read_files(dump["paths"]), self.expected)

    def packed_by_program(self):
        how, suffix = ("bzip2", ".bz2") if self.bzip2 else ("zstd", ".zst")
        dump = self.master.dump("master-dump", self.out, "--all", "--compress", how)
        need(dump["files"][0]["name"].endswith(".csv" + suffix), dump["files"][0]["name"])
        packed = read_files(dump["paths"])
        if self.bzip2:
            same_bytes(bz2.decompress(packed), self.expected)
        self.into_other(packed)

    def packed_by_bzip2(self):
        if not shutil.which("bzip2"):
            raise Skip("bzip2 is not here")
        self.other = self.test.node(self.name + "-another")
        packed = subprocess.run(["bzip2", "-9c"] + [str(path) for path in self.master_paths],
                                stdout=subprocess.PIPE, check=True).stdout
        self.into_other(packed)

    def digests(self):
        nodes = (self.slave, self.master, self.other)
        same(len({node.digest() for node in nodes}), 1, "different digests")
        for node in nodes:
            node.verify()

    def back_again(self):
        """What comes back changes nothing."""
        before = self.slave.digest()
        counts = self.slave.json("slave-ingest", "-", data=self.master.contents())
        same(counts["unchanged"], counts["read"], "unchanged documents")
        same(self.slave.digest(), before, "the digest")
        same(self.slave.dump("slave-dump", self.out)["files"], [], "files of another dump")

    def check(self):
        check = self.test.check
        check(f"{self.name}: ingest and slave-dump give the rows of the original", self.slave_dump)
        check(f"{self.name}: master-ingest and master-dump give them again", self.master_dump)
        check(f"{self.name}: and so through --compress, a pipe and slave-ingest",
              self.packed_by_program)
        if self.bzip2:
            check(f"{self.name}: and so through bzip2(1)", self.packed_by_bzip2)
        check(f"{self.name}: all three nodes have the same digest", self.digests)
        check(f"{self.name}: a slave's own songs that come back change nothing", self.back_again)


def check_set(test, name, path, suffix):
    """Songs that nobody has dumped before, against our own cutting."""
    items = json.loads(path.read_text(encoding="utf-8"))
    rows = []
    for number, item in enumerate(items):
        metadata = item.setdefault("metadata", {"duration": 60, "version": 4.12})
        metadata["track_id"] = metadata.get("track_id") or f"TR{suffix}{number}"
        rows += rows_of_song(item)
    Chain(test, name, codegen_bytes(items), csv_of(rows), bzip2=False).check()


def main(test):
    expected = lzma.decompress((DATA / "songs.csv.xz").read_bytes())
    songs = (DATA / "songs.json").read_bytes()
    test.check("the cutting in Python gives the rows of the original", same_bytes,
               csv_of([row for item in json.loads(songs) for row in rows_of_song(item)]), expected)
    Chain(test, "songs", songs, expected).check()

    shared = shared_data()
    names = ["golden", "library", "reencoded", "unrelated", "queries"]
    if not shared:
        def skip():
            raise Skip("../shared/data is not here")
        for name in names:
            test.check(name, skip)
        return
    expected = lzma.decompress((shared / "golden" / "dump.csv.xz").read_bytes())
    test.check("golden: the dump is the one that was measured", same,
               hashlib.sha256(expected).hexdigest(), GOLDEN_SHA256, "sha256")
    Chain(test, "golden", (shared / "golden" / "codegen.json").read_bytes(), expected).check()
    for name in names[1:]:
        check_set(test, name, shared / f"{name}.json", name[0].upper())


if __name__ == "__main__":
    run(main)

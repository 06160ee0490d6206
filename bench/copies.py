#!/usr/bin/env python3
"""Lays every two of some hundred real songs on each other, and shows what is told to be a copy.

The songs are a library, 75 of its songs encoded anew in two ways, and songs that are not in it. Two
encodings of one song are copies, tracks that the data lists as related may be, all others are not.
The bounds of src/match/copy.c are shown beside those that are fitted to the data: where the one
pair that comes closest to being judged wrongly is as far from it as can be. For the
cross-validation they are fitted without a fifth of the songs, and judge the pairs that these are
in.
"""
import argparse
import collections
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile

from excerpts import FOLDS, Data, missing

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FILES = ("library.json", "unrelated.json", "reencoded.json")
NAMES = ("share", "coverage", "elsewhere")
GRID = ([n / 100 for n in range(36, 57)], [n / 100 for n in range(70, 96)], [n / 100 for n in range(80, 106)])
CLOSEST = 100  # pairs of different songs that bounds are fitted to

Pair = collections.namedtuple("Pair", "one other kind share coverage elsewhere offset")


def bounds_in_use():
    with open(os.path.join(ROOT, "src/match/copy.c"), encoding="utf-8") as file:
        text = file.read()
    return tuple(float(re.search(rf"#define COPY_{name.upper()} ([\d.]+)f", text).group(1)) for name in NAMES)


def slack(pair, bounds):
    """How far within all bounds a pair is, the closest counting; below 0 where it passes one of
    them."""
    return min(pair.share - bounds[0], pair.coverage - bounds[1], bounds[2] - pair.elsewhere)


def fit(copies, others):
    """The bounds with the largest distance to the pair that comes closest to being judged
    wrongly."""
    def distance(bounds):
        return min(min(slack(pair, bounds) for pair in copies), min(-slack(pair, bounds) for pair in others))
    return max(itertools.product(*GRID), key=distance)


class Songs:
    """What is known of all songs: which recording each is, and what it is called."""

    def __init__(self, data):
        self.data = data
        self.true = {}
        self.names = {}
        for name in FILES:
            for song in data.read(name):
                about = song["metadata"]
                self.true[about["track_id"]] = about.get("true_track_id", about["track_id"])
                self.names[about["track_id"]] = (f"{os.path.basename(about['filename'])} "
                                                 f"({about['samples_decoded'] / 11025:.0f} s)")

    def relation(self, pair):
        one, other = self.true[pair.one], self.true[pair.other]
        if one == other:
            return "copy"
        return "related" if other in self.data.same(one) else "other"

    def folds(self, pair):
        return {self.data.fold(self.true[pair.one]), self.data.fold(self.true[pair.other])}

    def shown(self, pair):
        return (f"share {pair.share:.3f}  coverage {pair.coverage:.3f}  elsewhere {pair.elsewhere:.3f}   "
                f"{self.names[pair.one]}, {self.names[pair.other]}")


def all_pairs(options, folder):
    """Takes the songs into a database, and compares them, a process a core."""
    program = os.path.abspath(os.path.join(options.build, "echoprint"))
    files = [os.path.join(os.path.abspath(options.data), name) for name in FILES]
    done = subprocess.run([program, "-d", folder, "-q", "ingest", "--dedup", "off", *files], capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"copies.py: the ingest failed: {done.stderr.decode().strip()}")
    compare = os.path.abspath(os.path.join(options.build, "bench/copies"))
    processes = len(os.sched_getaffinity(0))
    running = [subprocess.Popen([compare, folder, str(n), str(processes)], stdout=subprocess.PIPE, text=True)
               for n in range(processes)]
    pairs = []
    for process in running:
        for line in process.stdout:
            one, other, kind, *values = line.split("\t")
            pairs.append(Pair(one, other, kind, *(float(value) for value in values)))
        if process.wait():
            sys.exit("copies.py: comparing failed")
    return pairs


def closest(pairs, bounds):
    return sorted(pairs, key=lambda pair: -slack(pair, bounds))


def cross_validate(songs, copies, others):
    """Pairs that are judged wrongly by bounds that did not see their songs."""
    missed, false = [], []
    for fold in range(FOLDS):
        bounds = fit([pair for pair in copies if fold not in songs.folds(pair)],
                     [pair for pair in others if fold not in songs.folds(pair)])
        missed += [pair for pair in copies if fold in songs.folds(pair) and slack(pair, bounds) < 0]
        false += [pair for pair in others if fold in songs.folds(pair) and slack(pair, bounds) >= 0]
        print(f"  without fold {fold}: " + ", ".join(f"{name} {bound:.2f}" for name, bound in zip(NAMES, bounds)))
    return missed, set(false)


def report(songs, pairs):
    bounds = bounds_in_use()
    by_relation = collections.defaultdict(list)
    for pair in pairs:
        if pair.kind == "match":
            by_relation[songs.relation(pair)].append(pair)
    copies, others = by_relation["copy"], closest(by_relation["other"], bounds)
    print(f"{len(pairs):,} pairs of {len(songs.true)} songs; bounds: "
          + ", ".join(f"{name} {bound:.2f}" for name, bound in zip(NAMES, bounds)))
    print(f"the same codes: {len(pairs) - sum(map(len, by_relation.values()))} pairs")
    print(f"two encodings of one song: {sum(slack(pair, bounds) >= 0 for pair in copies)} of {len(copies)} are copies; "
          "closest to not being one:")
    for pair in closest(copies, bounds)[:-4:-1]:
        print("  " + songs.shown(pair))
    print(f"different songs: {sum(slack(pair, bounds) >= 0 for pair in others)} of {len(others):,} are copies; "
          "closest to being one:")
    for pair in others[:6]:
        print("  " + songs.shown(pair))
    print("listed as related:")
    for pair in closest(by_relation["related"], bounds):
        if songs.true[pair.one] == pair.one and songs.true[pair.other] == pair.other:
            print(f"  {'a copy' if slack(pair, bounds) >= 0 else 'none  '}  {songs.shown(pair)}")
    near = others[:CLOSEST]
    print("fitted to all: " + ", ".join(f"{name} {bound:.2f}" for name, bound in zip(NAMES, fit(copies, near))))
    missed, false = cross_validate(songs, copies, near)
    print(f"cross-validated in {FOLDS} parts: {len(missed)} of {len(copies)} copies missed, "
          f"{len(false)} of {len(others):,} pairs of different songs told to be copies")
    for pair in [*missed, *false]:
        print("  " + songs.shown(pair))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--data", default=os.path.join(ROOT, "..", "shared", "data"), help="folder of real fingerprints")
    options = parser.parse_args()
    lacking = missing(options.data)
    if lacking:
        print(f"copies.py: skipped: {lacking} is not there")
        return
    folder = tempfile.mkdtemp(prefix="echoprint-copies-")
    try:
        report(Songs(Data(options.data)), all_pairs(options, os.path.join(folder, "node")))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()

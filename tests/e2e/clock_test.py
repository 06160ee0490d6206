#!/usr/bin/env python3
"""No clock decides what is dumped.

usage: clock_test.py --program PATH [--seconds S] [--seed N]

Several processes ingest and dump at once, each with a clock of its own: standing still on the
second of a dump, set back or forth by seconds or years. In all dumps together each document must be
there exactly once, and no file name may come twice. Needs libfaketime. --seed runs one history.
"""

import os
import pathlib
import random
import time

from common import (FILE_NAME, Clock, Skip, Wrong, codegen_bytes, csv_of, need, rows_of, run, same,
                    song)

LIBRARIES = ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
             "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
             "/usr/lib/faketime/libfaketimeMT.so.1", "/usr/lib64/faketime/libfaketimeMT.so.1"]
BASE = "2030-01-01 00:00:"


def environment(library, clock):
    """A program's surroundings in which that is the time."""
    return {"LD_PRELOAD": library, "FAKETIME": clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1", "TZ": "UTC",
            "FAKETIME_DONT_RESET": "1",
            "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}


def random_clock(rng):
    """Mostly one of three seconds, standing still, so that many things happen in each."""
    return rng.choice([BASE + "10", BASE + "10", BASE + "11", BASE + "09", "@" + BASE + "10",
                       "-2y", "+2y", "-1h"])


def find_library(test):
    node = test.node("probe")
    for path in LIBRARIES:
        if not pathlib.Path(path).exists():
            continue
        node.run("init")
        env = environment(path, BASE + "10")
        node.json("slave-ingest", "-", data=b"TRA-0,4.12,1 2,3,,,\r\n", env=env)
        shown = node.json("show", "TRA")
        if shown["import_date"] != "2030-01-01T00:00:10Z":
            raise Wrong(f"the clock was set, and the document is of {shown['import_date']}")
        return path
    raise Skip("libfaketime is not here")


class History:
    def __init__(self, test, seed, library):
        self.rng = random.Random(seed)
        self.test = test
        self.library = library
        self.node = test.node(f"clock-{seed}")
        self.node.run("init", "--name", "here")
        self.folders = [test.new_folder(f"clock-{seed}-files-{i}") for i in range(2)]
        self.expected = {"local": {}, "master": {}}
        self.count = 0
        self.running = []

    def start(self, *words, data=b""):
        clock = random_clock(self.rng)
        path = self.folders[0].parent / f"{self.folders[0].name}-input-{len(self.running)}"
        path.write_bytes(data)
        with open(path, "rb") as file:
            process = self.node.start(*words, stdin=file,
                                      env={**os.environ, **environment(self.library, clock)})
        path.unlink()
        self.running.append((words, clock, process))

    def ingest(self):
        """Tracks that nobody had before."""
        tracks = []
        for _ in range(self.rng.randrange(1, 6)):
            self.count += 1
            tracks.append(f"TR{self.count}")
        if self.rng.random() < 0.5:
            self.expected["local"].update({f"{track}-0": None for track in tracks})
            self.start("ingest", "-",
                       data=codegen_bytes([song(track, [(1, 2)]) for track in tracks]))
        else:
            rows = [(f"{track}-0", "4.12", "1 2", "3", "", "", "") for track in tracks]
            self.expected["master"].update({row[0]: None for row in rows})
            self.start("slave-ingest", "-", data=csv_of(rows))

    def dump(self):
        self.start(self.rng.choice(["master-dump", "slave-dump"]), "-o",
                   self.rng.choice(self.folders), "--lines", self.rng.choice([2, 1000]))

    def wait(self, most):
        """Waits until so few processes are left."""
        while len(self.running) > most:
            words, clock, process = self.running.pop(self.rng.randrange(len(self.running)))
            _, errors = process.communicate(timeout=120)
            if process.returncode:
                raise Wrong(f"{words[0]} at {clock} exited with {process.returncode}: "
                            + errors.decode()[-300:])

    def check_kind(self, pattern, expected):
        names, found = [], []
        for folder in self.folders:
            for path in folder.glob(pattern):
                need(FILE_NAME.match(path.name), f"a file is called {path.name}")
                names.append(path.name)
                found += [row[0] for row in rows_of(path.read_bytes())]
        same(len(names), len(set(names)), "different names of files")
        same(len(found), len(set(found)), "documents that were dumped once")
        same(set(found), set(expected), "the documents of all dumps")

    def run(self):
        for _ in range(self.rng.randrange(8, 25)):
            self.rng.choices([self.ingest, self.dump], [3, 2])[0]()
            self.wait(self.rng.choice([0, 2, 4]))
        self.wait(0)
        for kind in ("master-dump", "slave-dump"):
            self.start(kind, "-o", self.folders[0])
        self.wait(0)
        self.check_kind("echoprint-slave-*", self.expected["local"])
        self.check_kind("echoprint-replication-*",
                        {**self.expected["local"], **self.expected["master"]})


def main(test):
    library = None

    def probe():
        nonlocal library
        library = find_library(test)

    test.check("the clock can be set", probe)
    if not library:
        return
    if test.options.seed is not None:
        test.check(f"history of seed {test.options.seed}",
                   lambda: History(test, test.options.seed, library).run())
        return
    clock = Clock(test.options.seconds)
    seed = int(time.time() * 1000) % 1000000000
    while clock.left() > 0:
        test.check(f"history of seed {seed}", lambda: History(test, seed, library).run())
        seed += 1


def add_options(parser):
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int)


if __name__ == "__main__":
    run(main, add_options)

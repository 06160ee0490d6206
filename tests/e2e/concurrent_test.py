#!/usr/bin/env python3
"""Many processes on one data folder: writers wait for each other, readers for nobody.

usage: concurrent_test.py --program PATH [--seconds S]
"""

import os
import random
import signal
import subprocess
import threading
import time

from common import (Clock, codegen_bytes, csv_of, need, read_files, rows_of, rows_of_song, run,
                    same, song)

# who is held up by a process with an open pipe waits until the check ends; others take far less
PROMPT_S = 120


def big_rows(tracks, version, documents=3):
    """Rows of some kilobytes each, so that a pipe does not hold them all."""
    rng = random.Random(version)
    rows = []
    for track in range(tracks):
        codes = " ".join(f"{rng.randrange(1 << 20)} {at}" for at in range(0, 2500, 5))
        rows += [(f"TR{track}-{i}", "4.12", codes, "60", f"version {version}", "", "")
                 for i in range(documents)]
    return rows


def wait_for(condition, what):
    clock = Clock(PROMPT_S)
    while not condition():
        need(clock.left() > 0, f"{what} did not come")
        time.sleep(0.02)


# ---- all at once ----


class Crowd:
    """Writers, dumpers and readers, until the time is over."""

    def __init__(self, test):
        self.node = test.node("crowd")
        self.node.run("init", "--name", "crowd")
        self.out = test.new_folder("crowd-files")
        self.clock = Clock(test.options.seconds)
        self.rng = random.Random(time.time())
        self.wrong = []
        self.expected = {}  # rows by id
        self.local = set()
        self.lock = threading.Lock()
        self.done = dict.fromkeys(("ingests", "dumps", "readers", "killed"), 0)

    def songs(self, writer, turn):
        items = [song(f"TR{writer}x{turn}x{i}", [(n, n * 40) for n in range(100)],
                      artist=f"Bj\u00f6rk {writer}") for i in range(20)]
        rows = [row for item in items for row in rows_of_song(item)]
        return items, rows

    def write(self, writer):
        turn = 0
        while self.clock.left() > 0:
            items, rows = self.songs(writer, turn)
            # Songs are made of few times and codes, so that some are alike.
            alike = ("--dedup", "off")
            command, data = [(("ingest", *alike, "-"), codegen_bytes(items)),
                             (("slave-ingest", *alike, "-"), csv_of(rows)),
                             (("master-ingest", *alike, "-s", "s", "-"), csv_of(rows))][writer % 3]
            with self.lock:
                self.expected.update({row[0]: row for row in rows})
                if writer % 3 == 0:
                    self.local.update(row[0] for row in rows)
            counts = self.node.json(*command, data=data)
            same((counts["read"], counts["new"]), (len(rows), len(rows)), "read and new")
            self.done["ingests"] += 1
            turn += 1

    def dump(self, kind):
        while self.clock.left() > 0:
            self.node.dump(kind, self.out, "--lines", "37")
            self.done["dumps"] += 1

    def read(self, number):
        rng = random.Random(number)
        while self.clock.left() > 0:
            words = rng.choice([("status",), ("verify",), ("digest",), ("show", "TR0x0x0"),
                                ("master-dump", "--all", "-o", "-"), ("status", "--json")])
            process = self.node.start(*words, stdout=subprocess.DEVNULL)
            if rng.random() < 0.4:
                time.sleep(rng.random() * 0.01)
                process.send_signal(signal.SIGKILL)
                process.communicate()
                self.done["killed"] += 1
                continue
            errors = process.communicate(timeout=300)[1]
            need(process.returncode == 0 or b"there is no track" in errors,
                 f"{words[0]} exited with {process.returncode}: {errors.decode()[-300:]}")
            self.done["readers"] += 1

    def thread(self, function, argument):
        def guarded():
            try:
                function(argument)
            except Exception as why:
                self.wrong.append(f"{function.__name__}: {why}")
        thread = threading.Thread(target=guarded)
        thread.start()
        return thread

    def run(self):
        threads = [self.thread(self.write, n) for n in range(3)]
        threads += [self.thread(self.dump, kind) for kind in ("master-dump", "slave-dump")]
        threads += [self.thread(self.read, n) for n in range(2)]
        for thread in threads:
            thread.join()
        same(self.wrong, [], "failures")
        print(f"# {self.done}")

    def check_rows(self):
        found = rows_of(self.node.contents())
        same(len(found), len(self.expected), "rows")
        same({row[0]: row for row in found}, self.expected, "all rows")
        self.node.verify()
        status = self.node.json("status")
        same(status["position"], status["tracks"], "the position, with one change a track")

    def check_dumps(self):
        for kind, pattern, ids in (
                ("master-dump", "echoprint-replication-*", set(self.expected)),
                ("slave-dump", "echoprint-slave-*", self.local)):
            self.node.dump(kind, self.out)
            found = [row[0] for row in rows_of(read_files(self.out.glob(pattern)))]
            same(len(found), len(set(found)), f"{kind}: documents that were dumped once")
            same(set(found), ids, f"{kind}: the documents")


# ---- one at a time ----


def snapshot(test):
    """What is ingested, changed and deleted during a dump is not in it."""
    node = test.node("snapshot")
    before = csv_of(big_rows(300, 1))
    node.json("slave-ingest", "-", data=before)
    dump = node.start("master-dump", "--all", "-o", "-")
    first = os.read(dump.stdout.fileno(), 1)
    counts = node.json("slave-ingest", "-", data=csv_of(big_rows(200, 2)))
    same(counts["updated"], 600, "updated documents")
    node.json("delete", *[f"TR{n}" for n in range(200, 250)])
    node.json("slave-ingest", "-", data=csv_of([("TRNEW-0", "4.12", "1 2", "3", "", "", "")]))
    rest, errors = dump.communicate(timeout=300)
    same(dump.returncode, 0, f"exit status ({errors.decode()})")
    need(first + rest == before, "the dump is not what was there when it began")
    same(node.json("status")["documents"], 751, "documents afterwards")


def killed_reader(test):
    """A killed reader's snapshot does not keep the log growing."""
    node = test.node("killed-reader")
    node.json("slave-ingest", "-", data=csv_of(big_rows(150, 0)))
    dump = node.start("master-dump", "--all", "-o", "-")
    os.read(dump.stdout.fileno(), 1)
    dump.kill()
    dump.communicate()
    sizes = []
    for version in range(12):
        node.json("slave-ingest", "-", data=csv_of(big_rows(150, 1 + version % 2)))
        sizes.append(node.json("status")["bytes"])
    node.verify()
    need(sizes[-1] < 1.5 * sizes[3], f"the log grows: {sizes}")


class Feed:
    """An ingest from a pipe that stays open behind more rows than are read in one go."""

    def __init__(self, node):
        self.node = node
        self.rows = big_rows(500, 1)
        self.process = node.start("--json", "slave-ingest", "-", stdin=subprocess.PIPE)
        self.process.stdin.write(csv_of(self.rows))
        self.process.stdin.flush()
        wait_for(lambda: node.json("status")["documents"] > 0, "the rows of an open pipe")

    def end(self, number):
        """Ends the pipe, or the process by a signal while the pipe stays open."""
        if not number:
            return self.process.communicate(timeout=300)
        self.process.send_signal(number)
        self.process.wait(timeout=PROMPT_S)
        return self.process.communicate()


def slow_pipe(test):
    """An ingest that waits for its pipe holds nobody up, and what it has committed is there."""
    node = test.node("slow-pipe")
    node.run("init")
    feed = Feed(node)
    began = time.monotonic()
    node.json("ingest", "-", data=codegen_bytes([song("TROTHER", [(1, 2)])]))
    need(time.monotonic() - began < PROMPT_S, "another ingest had to wait")
    feed.process.stdin.write(b"TRLATE-0,4.12,1 2,3,,,\r\n")
    out, errors = feed.end(0)
    same(feed.process.returncode, 0, f"exit status ({errors.decode()})")
    need(f'"new":{len(feed.rows) + 1},'.encode() in out, out.decode())
    same(node.json("status")["documents"], len(feed.rows) + 2, "documents")


def interrupted(test, number):
    """What an interrupted ingest says it has kept is there, and the same again completes it."""
    node = test.node(f"interrupted-{number.name}")
    node.run("init")
    feed = Feed(node)
    out, errors = feed.end(number)
    if number != signal.SIGKILL:
        same(feed.process.returncode, 1, "exit status")
        need(b"interrupted" in errors, errors.decode())
        kept = node.json("status")["documents"]
        need(f'"new":{kept},'.encode() in out, f"{kept} documents are kept, and it said {out}")
    node.verify()
    node.json("slave-ingest", "-", data=csv_of(feed.rows))
    same(rows_of(node.contents()), feed.rows, "all rows")


def killed_ingests(test):
    """Ingests killed at any time leave a log that is whole, and what they had reported."""
    node = test.node("killed-ingests")
    node.run("init")
    rng = random.Random(1)
    rows = big_rows(400, 1)
    data = csv_of(rows)
    for _ in range(10):
        process = node.start("slave-ingest", "-", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        # It has read these bytes but for what a pipe holds, and waits for more: it has not ended.
        process.stdin.write(data[:rng.randrange(len(data) + 1)])
        process.stdin.flush()
        time.sleep(rng.choice((0, rng.random() * 0.1)))
        same(process.poll(), None, "the status of an ingest from an open pipe")
        process.kill()
        process.communicate()
        found = rows_of(node.contents())
        same(found, rows[:len(found)], "the rows that were kept")
    node.verify()
    node.json("slave-ingest", "-", data=data)
    same(rows_of(node.contents()), rows, "all rows")


def interrupted_dump(test):
    """An interrupted dump leaves no file, and the next one has everything."""
    node = test.node("interrupted-dump")
    out = test.new_folder("interrupted-dump-files")
    clock = Clock(PROMPT_S)
    expected, waiting = [], False
    files = lambda: {path.name for path in out.iterdir()}
    # It is interrupted when it has begun so many of its thirty files.
    for begun in (0, 1, 2, 4, 8):
        stopped = False
        while not stopped:
            need(clock.left() > 0, "each dump ended before it was interrupted")
            if not waiting:
                rows = big_rows(400, len(expected))
                node.json("slave-ingest", "-", data=csv_of(rows))
                expected += rows
            before = files()
            process = node.start("master-dump", "-o", out, "--lines", "40", "--compress", "bzip2")
            while process.poll() is None and len(files() - before) < begun:
                time.sleep(0.001)
            process.terminate()
            _, errors = process.communicate(timeout=300)
            waiting = stopped = process.returncode != 0
            if stopped:
                # Before it has begun, it may not be one yet that catches signals.
                need(process.returncode == 1 or not begun and process.returncode == -signal.SIGTERM,
                     f"exit status {process.returncode}: {errors.decode()}")
                same(files(), before, "files after an interrupted dump")
    node.dump("master-dump", out)
    found = []
    # In the order of their dates and numbers.
    for path in sorted(out.iterdir(), key=lambda path: (path.name[:-len(path.name.rpartition("-")[2])],
                                                        int(path.name.rpartition("-")[2].partition(".")[0]))):
        packed = path.suffix == ".bz2"
        data = subprocess.run(["bzip2", "-dc", path], capture_output=True,
                              check=True).stdout if packed else path.read_bytes()
        found += rows_of(data)
    same(found, expected, "the rows of all dumps")


def main(test):
    check = test.check
    crowd = Crowd(test)
    check("writers, dumps, readers and killed readers at once", crowd.run)
    check("then all rows are there, once", crowd.check_rows)
    check("and the dumps together have each document once", crowd.check_dumps)
    check("a dump reads one snapshot", snapshot, test)
    check("a killed reader does not make the log grow", killed_reader, test)
    check("an ingest that waits for its pipe holds nobody up", slow_pipe, test)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        check(f"an ingest ended by {number.name} keeps what it said", interrupted, test, number)
    check("ingests killed at any time leave a whole log", killed_ingests, test)
    check("an interrupted dump leaves no file and loses nothing", interrupted_dump, test)


def add_options(parser):
    parser.add_argument("--seconds", type=float, default=8)


if __name__ == "__main__":
    run(main, add_options)

#!/usr/bin/env python3
"""What song is this: hostile questions, many at a time, and while the index changes under them.

usage: query_test.py --program PATH [--seconds S]
"""

import base64
import bz2
import gzip
import json
import os
import random
import resource
import subprocess
import threading
import time
import zlib

from common import DATA, Clock, codegen_bytes, csv_of, need, plain, run, same, song, unpack

SONGS = json.loads((DATA / "songs.json").read_text(encoding="utf-8"))
PROMPT_S = 30  # far more than any question takes, under a sanitizer too
MEMORY = 3 << 30  # of address space beyond the log's map


def piece(item, first=200, times=1300):
    """The pairs of a song from a time on."""
    return [(code, time - first) for code, time in unpack(item["code"])
            if first <= time < first + times]


def ask(node, data, *options, statuses=(0, 3), **kwargs):
    done = node.run("query", *options, "-", data=data, statuses=statuses, **kwargs)
    return [line.split("\t")[0] for line in done.stdout.decode().splitlines()]


# ---- hostile questions ----


def is_sanitized(program):
    """Sanitizers reserve address space in terabytes, so that a limit of it means nothing."""
    needed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return any(name in needed for name in ("libasan", "libtsan"))


class Hostile:
    """A node of nine songs, asked with a bound on memory and time. Whatever is asked, the question
    behind it is answered."""

    def __init__(self, test):
        self.node = test.node("hostile")
        self.node.json("ingest", DATA / "songs.json")
        self.limited = not is_sanitized(test.program)

    def limit(self):
        if self.limited:
            most = (1 << 40) + MEMORY  # the map of the log has a terabyte
            resource.setrlimit(resource.RLIMIT_AS, (most, most))

    def run(self, data, *options):
        began = time.monotonic()
        done = subprocess.run(self.node.command("query", *options, "-"), input=data,
                              capture_output=True, timeout=300, preexec_fn=self.limit, check=False)
        need(time.monotonic() - began < PROMPT_S, f"it took {time.monotonic() - began:.1f} s")
        need(b"Sanitizer" not in done.stderr, done.stderr[-2000:].decode())
        need(done.returncode in (0, 1, 3), f"exit status {done.returncode}: {done.stderr[-300:]}")
        return done

    def line(self, question, expected="-"):
        """Asks one line, and then a good one."""
        good = plain(piece(SONGS[6])).encode()
        for rule in ("evidence", "original"):
            done = self.run(question + b"\n" + good + b"\n", "--rule", rule)
            found = [line.split(b"\t")[0].decode() for line in done.stdout.splitlines()]
            right = SONGS[6]["metadata"]["track_id"]
            need(found[1:] == [right], f"with the rule {rule} the next question is answered "
                                       f"{found[1:]}: {done.stderr[-300:]}")
            need(expected is None or found[0] == expected, f"{rule}: it is answered {found[0]}")

    def whole(self, data, words=b""):
        """Asks a file, that may be refused as a whole."""
        done = self.run(data)
        need(words in done.stderr, done.stderr[-300:].decode())
        need(done.stdout or done.stderr, "it says nothing")


def packed(text):
    return base64.urlsafe_b64encode(zlib.compress(text))


def hostile_lines():
    rng = random.Random(1)
    million = 1000000
    yield "a million pairs", plain((rng.randrange(1 << 20), rng.randrange(100000))
                                   for _ in range(million)).encode(), None
    yield "a million pairs within a minute", plain((rng.randrange(1 << 20), rng.randrange(2000))
                                                   for _ in range(million)).encode(), None
    yield "one code a million times", b"7 1 " * million, "-"
    code = unpack(SONGS[0]["code"])[0][0]
    yield "a song's code at every time", plain((code, time) for time in range(100000)).encode(), "-"
    yield "every code that exists", packed(b"".join(b"%05x" % (n % 2000) for n in range(1 << 20)) +
                                           b"".join(b"%05x" % n for n in range(1 << 20))), None
    yield "damaged base64", packed(b"0" * 1000)[:-7] + b"!!", "-"
    yield "a damaged stream", packed(b"0" * 100000)[:40], "-"
    yield "a bomb in base64", packed(b"0" * (200 << 20)), "-"
    yield "a bomb of pairs", packed(b"00001" * (12 << 20)), None
    yield "a line of 10 MB", b"A" * (10 << 20), "-"
    yield "a line of 40 MB", b"1 1 " * (10 << 20), "-"
    yield "bytes of 0", b"\0" * 1000, "-"
    yield "bytes of 0 in a code string", b"1 2\0 3 4", "-"
    yield "times at the end", plain((n, 2 ** 31 - 1 - n) for n in range(5000)).encode(), "-"
    yield "codes at the end", plain((2 ** 32 - 1 - n, n) for n in range(5000)).encode(), "-"
    yield "first and last time", plain([(1, 0), (2, 2 ** 31 - 1)] * 100).encode(), "-"
    yield "a time too large", b"1 2147483648", "-"
    yield "a code too large", b"4294967296 1", "-"
    yield "no UTF-8", bytes(range(128, 256)) * 10, "-"


def hostile_files():
    yield "deep JSON", b'[{"code":' + b"[" * 200000 + b"]" * 200000 + b"}]", b""
    yield "deep JSON without end", b'{"a":' * 200000, b""
    yield "a long string", b'[{"code":"' + b"A" * (20 << 20) + b'"}]', b""
    yield "a million objects", b"[" + b",".join([b'{"code":"1 2"}'] * 20000) + b"]", b""
    yield "blanks without end, packed", gzip.compress(b" " * (300 << 20), 1), b""
    yield "lines without end, packed", bz2.compress(b"1 1 " * (30 << 20), 1), b""
    yield "many long lines", (b"A" * (9 << 20) + b"\n") * 12, b""
    yield "a packed file cut off", gzip.compress(os.urandom(10000))[:-100], b""
    yield "nothing", b"", None


def hostile_questions(test):
    hostile = Hostile(test)
    for name, question, expected in hostile_lines():
        test.check(f"hostile: {name}", hostile.line, question, expected)
    for name, data, words in hostile_files():
        if words is not None:
            test.check(f"hostile: {name}", hostile.whole, data, words)
    test.check("no questions, no answers", lambda: same(ask(hostile.node, b""), [], "answers"))


# ---- hostile tracks ----


def hostile_tracks(test):
    """What somebody ingests does not keep others from being found."""
    node = test.node("hostile-tracks")
    node.json("ingest", DATA / "songs.json")
    rows = [(f"TRFAR{n}-{2 ** 31 // 1294 - n}", "4.12", f"{n} {2 ** 31 - 1 - n}", "3", "", "", "")
            for n in range(300)]
    rows += [(f"TRSAME{n}-0", "4.12", plain((7, at) for at in range(2500)), "60", "", "", "")
             for n in range(50)]
    rows += [(f"TREND{n}-x", "4.12", f"5 {2 ** 24 - 1} 6 0", "60", "", "", "") for n in range(200)]
    node.json("slave-ingest", "-", data=csv_of(rows))
    found = ask(node, "\n".join(plain(piece(item)) for item in SONGS).encode())
    same(found, [item["metadata"]["track_id"] for item in SONGS], "the answers")
    same(ask(node, (plain((7, at) for at in range(2000)) + "\n").encode())[1:], [], "more answers")
    node.verify()


# ---- while the index changes ----


class Crowd:
    """Two that ingest, change and delete songs, and others that ask for songs which are always
    there: updated all the time, or not at all."""

    def __init__(self, test):
        self.node = test.node("crowd")
        self.clock = Clock(test.options.seconds)
        self.node.json("ingest", DATA / "songs.json")
        self.wrong = []
        self.done = dict.fromkeys(("ingests", "questions"), 0)

    def write(self, number):
        rng = random.Random(number)
        turn = 0
        while self.clock.left() > 0:
            turn += 1
            items = [{**item, "metadata": {**item["metadata"], "release": f"{number}.{turn}"}}
                     for item in rng.sample(SONGS[:6], 3)]
            items += [song(f"TR{number}x{rng.randrange(30)}",
                           [(rng.randrange(1 << 20), at) for at in range(0, 3000, 3)])
                      for _ in range(10)]
            self.node.json("ingest", "-", data=codegen_bytes(items))
            if turn % 5 == 0:
                self.node.json("delete", f"TR{number}x{rng.randrange(30)}", statuses=(0, 1, 3))
            self.done["ingests"] += 1

    def ask(self, number):
        rng = random.Random(number)
        while self.clock.left() > 0:
            items = [rng.choice(SONGS) for _ in range(4)]
            data = "\n".join(plain(piece(item, rng.randrange(800))) for item in items).encode()
            same(ask(self.node, data), [item["metadata"]["track_id"] for item in items],
                 "the answers")
            self.done["questions"] += 4

    def run(self):
        def guarded(function, number):
            try:
                function(number)
            except Exception as why:
                self.wrong.append(f"{function.__name__}: {why}")
        threads = [threading.Thread(target=guarded, args=arguments)
                   for arguments in ((self.write, 1), (self.write, 2), (self.ask, 3), (self.ask, 4))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same(self.wrong, [], "failures")
        print(f"# {self.done}")
        self.node.verify()
        same(self.node.json("status")["index"]["waiting"], 0, "changes that are not in the index")
        need(min(self.done.values()) > 0, "nothing was done")


def answers_while_asking(test):
    """A pipe that stays open is answered line by line."""
    node = test.node("pipe")
    node.json("ingest", DATA / "songs.json")
    process = node.start("query", "-", stdin=subprocess.PIPE)
    for item in SONGS[:3]:
        process.stdin.write(plain(piece(item)).encode() + b"\n")
        process.stdin.flush()
        found = process.stdout.readline().split(b"\t")[0].decode()
        same(found, item["metadata"]["track_id"], "the answer")
    _, errors = process.communicate(timeout=PROMPT_S)
    same((process.returncode, errors), (0, b""), "exit status and words")


def main(test):
    hostile_questions(test)
    test.check("hostile tracks hide no others", hostile_tracks, test)
    test.check("an open pipe is answered line by line", answers_while_asking, test)
    crowd = Crowd(test)
    test.check("questions while songs come, change and go", crowd.run)


def add_options(parser):
    parser.add_argument("--seconds", type=float, default=6)


if __name__ == "__main__":
    run(main, add_options)

#!/usr/bin/env python3
"""What song is this: hostile questions, many at a time, and while the index changes under them.

usage: query_test.py --program PATH [--seconds S]
"""

import base64
import gzip
import json
import os
import random
import subprocess
import tempfile
import threading
import time
import zlib

from common import DATA, Clock, codegen_bytes, csv_of, need, plain, run, same, song, unpack

SONGS = json.loads((DATA / "songs.json").read_text(encoding="utf-8"))
PLAIN = 40  # plain questions, whose CPU time is the measure: the same build, machine and load
PROMPT = 30  # times that is more than any hostile file may take
HANGS_S = 300
MEMORY_KIB = 600 << 10  # that two workers may use; without a sanitizer


def piece(item, first=200, times=1300):
    """The pairs of a song from a time on."""
    return [(code, time - first) for code, time in unpack(item["code"])
            if first <= time < first + times]


def ask(node, data, *options, statuses=(0, 3), **kwargs):
    done = node.run("query", *options, "-", data=data, statuses=statuses, **kwargs)
    return [line.split("\t")[0] for line in done.stdout.decode().splitlines()]


# ---- hostile questions ----


def is_sanitized(program):
    """Sanitizers need memory of their own, so that a limit means nothing."""
    needed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return any(name in needed for name in ("libasan", "libtsan"))


class Hostile:
    """A node of nine songs, asked with a bound on memory and time. Whatever is asked, the question
    behind it is answered."""

    def __init__(self, test):
        self.node = test.node("hostile")
        self.node.json("ingest", DATA / "songs.json")
        self.limited = not is_sanitized(test.program)
        self.question = test.folder / "question"
        self.most_s = float("inf")
        self.run(b"".join(plain(unpack(SONGS[n % 9]["code"])).encode() + b"\n" for n in range(PLAIN)))
        self.most_s = PROMPT * self.took_s

    @staticmethod
    def two_cores():
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])

    def run(self, data, *options):
        """Gives (standard output, standard error)."""
        self.question.write_bytes(data)
        with open(self.question, "rb") as asked, tempfile.TemporaryFile() as out, \
                tempfile.TemporaryFile() as err:
            process = subprocess.Popen(self.node.command("query", *options, "-"), stdin=asked,
                                       stdout=out, stderr=err, preexec_fn=self.two_cores)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            answers, words = out.read(), err.read()
        need(b"Sanitizer" not in words, words[-2000:].decode())
        need(process.returncode in (0, 1, 3), f"exit status {process.returncode}: {words[-300:]}")
        self.took_s = used.ru_utime + used.ru_stime
        need(self.took_s < self.most_s, f"it took {self.took_s:.1f} s of CPU time; {self.most_s:.1f} s "
                                        f"are {PROMPT} times what {PLAIN} plain questions took")
        need(not self.limited or used.ru_maxrss < MEMORY_KIB, f"it used {used.ru_maxrss:,} KiB")
        return answers, words

    def line(self, question, expected="-"):
        """Asks one line, and then a good one."""
        good = plain(piece(SONGS[6])).encode()
        for rule in ("evidence", "original"):
            answers, words = self.run(question + b"\n" + good + b"\n", "--rule", rule)
            found = [line.split(b"\t")[0].decode() for line in answers.splitlines()]
            right = SONGS[6]["metadata"]["track_id"]
            need(found[1:] == [right], f"with the rule {rule} the next question is answered "
                                       f"{found[1:]}: {words[-300:]}")
            need(expected is None or found[0] == expected, f"{rule}: it is answered {found[0]}")

    def lines(self, question, count):
        """Asks the same line many times."""
        answers, _ = self.run((question + b"\n") * count)
        same(answers.count(b"\n"), count, "answers")

    def whole(self, data):
        """Asks a file, that may be refused as a whole."""
        answers, words = self.run(data)
        need(answers or words, "it says nothing")


def packed(text):
    return base64.urlsafe_b64encode(zlib.compress(text))


def hostile_lines():
    rng = random.Random(1)
    million = 1000000
    yield "a million pairs", plain((rng.randrange(1 << 20), rng.randrange(3000))
                                   for _ in range(million)).encode(), None
    yield "one code a million times", b"7 1 " * million, "-"
    code = unpack(SONGS[0]["code"])[0][0]
    yield "a song's code at every time", plain((code, time) for time in range(100000)).encode(), "-"
    yield "every code that exists", packed(b"".join(b"%05x" % (n % 2000) for n in range(1 << 20)) +
                                           b"".join(b"%05x" % n for n in range(1 << 20))), None
    yield "damaged base64", packed(b"0" * 1000)[:-7] + b"!!", "-"
    yield "a damaged stream", packed(b"0" * 100000)[:40], "-"
    yield "a bomb in base64", packed(b"0" * (70 << 20)), "-"
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
    yield "deep JSON", b'[{"code":' + b"[" * 200000 + b"]" * 200000 + b"}]"
    yield "deep JSON without end", b'{"a":' * 200000
    yield "a long string", b'[{"code":"' + b"A" * (20 << 20) + b'"}]'
    yield "many objects", b"[" + b",".join([b'{"code":"1 2"}'] * 5000) + b"]"
    yield "blanks without end, packed", gzip.compress(b" " * (640 << 20), 1)
    yield "a line without end, packed", gzip.compress(b"1 1 " * (64 << 20), 1)
    yield "a packed file cut off", gzip.compress(os.urandom(10000))[:-100]


def hostile_questions(test):
    hostile = Hostile(test)
    for name, question, expected in hostile_lines():
        test.check(f"hostile: {name}", hostile.line, question, expected)
    for name, data in hostile_files():
        test.check(f"hostile: {name}", hostile.whole, data)
    # Many, so that memory that grows with them is seen; where that means nothing, some for each
    # worker.
    test.check("hostile: many long lines", hostile.lines, b"A" * (8 << 20), 24 if hostile.limited else 8)
    test.check("hostile: many bombs", hostile.lines, packed(b"00001" * (4 << 20)), 40 if hostile.limited else 8)
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
        self.node.json("ingest", DATA / "songs.json")
        self.clock = Clock(test.options.seconds)
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
        self.node.json("ingest", DATA / "songs.json")  # deletions are followed by what comes next
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
    _, errors = process.communicate(timeout=HANGS_S)
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

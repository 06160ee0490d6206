"""What the crash tests share: songs made up, the program run, results printed."""

import base64
import csv
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import zlib

READING_TIMEOUT_S = 120
csv.field_size_limit(1 << 30)


class Results:
    """One line a check, and the count at the end."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, name, problems, note=""):
        """problems: what was found wrong; a text, a list of them, or nothing."""
        if isinstance(problems, str):
            problems = [problems] if problems else []
        problems = list(problems or [])
        if problems:
            self.failed += 1
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            print(f"not ok {name}: {problems[0]}{more}", flush=True)
        else:
            self.passed += 1
            print(f"ok {name}" + (f": {note}" if note else ""), flush=True)
        return not problems

    def skip(self, name, why):
        self.skipped += 1
        print(f"skip {name}: {why}", flush=True)

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed else 0


# ---- songs ----


class Song:
    """A song as rows of a dump."""

    def __init__(self, number, seconds=70, version=0, codes_a_second=1.0):
        rng = random.Random(number * 1000 + version)
        self.track_id = "TRCRASH%05d" % number
        self.seconds = seconds
        self.artist = "Björk %d, \"the\" one" % number
        self.release = "Release %d.%d" % (number, version)
        self.title = "Song %d" % number
        last = int(seconds * 1000 / 23.2)
        self.pairs = sorted(
            (rng.randrange(last), rng.randrange(1 << 20))
            for _ in range(max(2, int(seconds * codes_a_second)))
        )
        self.pairs[-1] = (last - 1, self.pairs[-1][1])

    def rows(self):
        """Rows of two documents, as the master's dump would have them."""
        half = len(self.pairs) // 2
        rows = []
        for i, part in enumerate((self.pairs[: half + 3], self.pairs[half:])):
            codes = " ".join("%d %d" % (code, when) for when, code in part)
            rows.append((f"{self.track_id}-{i}", "4.12", codes, str(self.seconds), self.artist,
                         self.release, self.title))
        return rows

    def codegen(self):
        """The song as the code generator prints it."""
        text = "".join("%05x" % when for when, _ in self.pairs)
        text += "".join("%05x" % code for _, code in self.pairs)
        packed = base64.urlsafe_b64encode(zlib.compress(text.encode())).decode()
        metadata = {
            "track_id": self.track_id, "duration": self.seconds, "version": 4.12,
            "artist": self.artist, "release": self.release, "title": self.title,
        }
        return {"metadata": metadata, "code_count": len(self.pairs), "code": packed, "tag": 0}


def csv_bytes(rows):
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def write_csv(path, songs):
    with open(path, "wb") as file:
        file.write(csv_bytes([row for song in songs for row in song.rows()]))
    return path


def write_codegen(path, songs):
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(song.codegen()) for song in songs) + "\n]\n")
    return path


# ---- the program ----


class Ran:
    def __init__(self, status, stdout, stderr):
        self.status = status
        self.stdout = stdout
        self.stderr = stderr

    @property
    def json(self):
        return json.loads(self.stdout)

    def words(self):
        return f"exit status {self.status}: {self.stderr.strip()[-300:] or self.stdout[-300:]}"


class Program:
    """The program under test; the library that traces it comes before all others but a
    sanitizer's runtime, which wants to be the first."""

    def __init__(self, path, trace=None):
        self.path = os.path.abspath(path)
        self.trace = os.path.abspath(trace) if trace else None
        listed = subprocess.run(["ldd", self.path], capture_output=True, text=True).stdout
        self.runtimes = [
            line.split("=>")[1].split()[0]
            for line in listed.splitlines()
            if "=>" in line and any(name in line for name in ("libasan", "libtsan"))
        ]
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith(("ECHOPRINT", "LD_PRELOAD"))}
        # What a killed run leaves in memory is nothing to look for here.
        options = self.environment.get("ASAN_OPTIONS", "")
        self.environment["ASAN_OPTIONS"] = f"{options}:detect_leaks=0".lstrip(":")

    def preloaded(self, **more):
        environment = dict(self.environment, **more)
        environment["LD_PRELOAD"] = " ".join(self.runtimes + [self.trace])
        return environment

    def run(self, data, *arguments, environment=None, stdout_path=None, **more):
        """Returns what it printed and its exit status (negative: a signal)."""
        command = [self.path, "-d", data] + [str(argument) for argument in arguments]
        stdout = open(stdout_path, "wb") if stdout_path else subprocess.PIPE
        try:
            done = subprocess.run(command, env=environment or self.environment,
                                  stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                                  timeout=READING_TIMEOUT_S, **more)
        finally:
            if stdout_path:
                stdout.close()
        return Ran(done.returncode, (done.stdout or b"").decode(errors="replace"),
                   done.stderr.decode(errors="replace"))

    def must(self, data, *arguments, **more):
        ran = self.run(data, *arguments, **more)
        if ran.status != 0:
            raise RuntimeError(f"echoprint {' '.join(map(str, arguments))}: {ran.words()}")
        return ran


# ---- dump files ----


def is_dump_file(name):
    return name.startswith("echoprint-") and ".csv" in name


def is_part_file(name):
    return name.endswith(".part")


def sha256_of(data):
    return hashlib.sha256(data).hexdigest()


def parse_rows(data):
    return [tuple(row) for row in csv.reader(io.StringIO(data.decode(), newline=""))]


# ---- folders to work in ----


def work_folder():
    """In memory where that is possible: thousands of states are built and synced."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="echoprint-crash-", dir=base)


def first_line(text):
    return text.strip().splitlines()[0] if text.strip() else ""


def arguments_parser(description, needs_trace=False):
    import argparse

    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--program", required=True, help="the program to test")
    parser.add_argument("--trace", required=needs_trace, help="the library that records (trace.c)")
    return parser


def say(text):
    print(text, file=sys.stderr, flush=True)

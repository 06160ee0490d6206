"""What the end-to-end tests share: nodes, rows, and the cutting of songs written a second time.

A test is a script with functions that are given to `run`; what they check is printed as one line
each: "ok NAME", "not ok NAME: why", "skip NAME: why". The last line counts them.
"""

import argparse
import base64
import csv
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import zlib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DATA = HERE.parent / "data"

os.environ.setdefault("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1")
csv.field_size_limit(1 << 30)


def shared_data():
    """The folder of further real songs, or None; it is beside the project and not part of it."""
    given = os.environ.get("ECHOPRINT_SHARED_DATA")
    folder = pathlib.Path(given) if given else ROOT.parent / "shared" / "data"
    return folder if (folder / "golden" / "codegen.json").is_file() else None


# ---- checks ----


class Wrong(Exception):
    """A check that did not hold."""


class Skip(Exception):
    """A check that cannot be made here."""


def need(condition, why):
    if not condition:
        raise Wrong(why)


def same(found, expected, what):
    need(found == expected, f"{what} is {short(found)}, expected {short(expected)}")


def short(value):
    text = repr(value)
    return text if len(text) < 300 else text[:200] + "..." + text[-90:]


started = []  # by the check that runs


def start(command, **kwargs):
    """A process that does not outlive the check it is started in."""
    started.append(subprocess.Popen(command, **kwargs))
    return started[-1]


def kill_started():
    """What a check that failed left behind would slow down all that come after."""
    while started:
        process = started.pop()
        if process.poll() is None:
            process.kill()
            process.wait()


class Test:
    """Counts and prints the checks of a script."""

    def __init__(self, options, folder):
        self.options = options
        self.program = str(pathlib.Path(options.program).resolve())
        self.folder = folder
        self.counts = {"ok": 0, "not ok": 0, "skip": 0}

    def report(self, verdict, name, why=""):
        self.counts[verdict] += 1
        print(f"{verdict} {name}" + (f": {why}" if why else ""), flush=True)

    def check(self, name, function, *arguments):
        try:
            function(*arguments)
            self.report("ok", name)
        except Skip as why:
            self.report("skip", name, str(why))
        except Wrong as why:
            self.report("not ok", name, str(why))
        except Exception as why:  # a check that breaks must not hide the others
            traceback.print_exc()
            self.report("not ok", name, f"{type(why).__name__}: {why}")
        finally:
            kill_started()

    def node(self, name):
        return Node(self.program, self.folder / name)

    def new_folder(self, name):
        folder = self.folder / name
        folder.mkdir()
        return folder

    def summary(self):
        counts = self.counts
        print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped")
        return 1 if counts["not ok"] else 0


def run(body, add_options=None):
    """Calls body(test) in a temporary folder, and ends the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder")
    if add_options:
        add_options(parser)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="echoprint-e2e-"))
    test = Test(options, folder)
    try:
        body(test)
    finally:
        if options.keep:
            print(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(test.summary())


# ---- nodes ----


class Node:
    """A data folder, and the commands on it, with the words before them that say where they run."""

    def __init__(self, program, folder, where=()):
        self.program = program
        self.folder = pathlib.Path(folder)
        self.where = where

    def command(self, *words):
        return [*self.where, self.program, "-d", str(self.folder)] + [str(word) for word in words]

    def run(self, *words, data=None, statuses=(0,), env=None):
        done = subprocess.run(self.command(*words), input=data, capture_output=True, timeout=300,
                              stdin=subprocess.DEVNULL if data is None else None,
                              env={**os.environ, **env} if env else None)
        if done.returncode not in statuses:
            raise Wrong(f"`{' '.join(map(str, words))}` exited with {done.returncode}: "
                        + done.stderr.decode("utf-8", "replace")[-400:])
        return done

    def json(self, *words, **kwargs):
        return json.loads(self.run("--json", *words, **kwargs).stdout)

    def start(self, *words, **kwargs):
        kwargs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kwargs}
        return start(self.command(*words), **kwargs)

    def contents(self):
        """All rows, as they are dumped."""
        return self.run("master-dump", "--all", "-o", "-").stdout

    def digest(self):
        return self.json("digest")["digest"]

    def verify(self):
        same(self.json("verify")["problems"], 0, "problems found by verify")

    def dump(self, kind, into, *options, **kwargs):
        """Dumps into a folder; gives the result, with the files' paths."""
        result = self.json(kind, "-o", into, *options, **kwargs)
        result["paths"] = [pathlib.Path(into) / item["name"] for item in result["files"]]
        return result


# ---- rows and songs ----


def csv_of(rows):
    """Rows as the original writes them."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def rows_of(data):
    return [tuple(row) for row in csv.reader(io.StringIO(data.decode(), newline=""))]


def unpack(code):
    """The (code, time) pairs of a packed code string."""
    if not code:
        return []
    code = code.replace("-", "+").replace("_", "/")
    text = zlib.decompress(base64.b64decode(code + "=" * (-len(code) % 4))).decode()
    if " " in text:
        numbers = [int(word) for word in text.split()]
        return list(zip(numbers[::2], numbers[1::2]))
    count = len(text) // 10
    numbers = [int(text[at:at + 5], 16) for at in range(0, 10 * count, 5)]
    return list(zip(numbers[count:], numbers[:count]))


def plain(pairs):
    """A plain code string of (code, time) pairs."""
    return " ".join(f"{code} {time}" for code, time in pairs)


def pack(pairs):
    text = "".join(f"{time:05x}" for _, time in pairs) + "".join(f"{code:05x}" for code, _ in pairs)
    return base64.urlsafe_b64encode(zlib.compress(text.encode())).decode()


def cut(pairs):
    """The code strings of a song's documents, as the original cuts them."""
    if not pairs:
        return []
    pairs = sorted(pairs, key=lambda pair: (pair[1], f"{pair[0]} {pair[1]}"))
    seg = 60 * 1000 / 23.2
    half = seg / 2
    count = int(pairs[-1][1] / half) + 1
    return [" ".join(f"{code} {moment}" for code, moment in pairs
                     if i * half <= moment < i * half + seg) for i in range(count)]


def rows_of_song(item, track_id=None):
    """The rows that an object of the code generator stands for."""
    metadata = item["metadata"]
    track_id = track_id or metadata["track_id"]
    return [(f"{track_id}-{i}", f"{metadata['version']:.2f}", codes, str(int(metadata["duration"])),
             metadata.get("artist", ""), metadata.get("release", ""), metadata.get("title", ""))
            for i, codes in enumerate(cut(unpack(item["code"])))]


def song(track_id, pairs, **metadata):
    """An object of the code generator."""
    metadata = {"track_id": track_id, "duration": 60, "version": 4.12, **metadata}
    return {"metadata": metadata, "code_count": len(pairs), "code": pack(pairs), "tag": 0}


def codegen_bytes(items):
    return ("[" + ",\n".join(json.dumps(item) for item in items) + "]\n").encode()


# ---- dump files ----

FILE_NAME = re.compile(r"^echoprint-(replication-out|slave-[A-Za-z0-9._-]+)-"
                       r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ-\d+\.csv(\.bz2|\.zst)?$")


def read_files(paths):
    return b"".join(pathlib.Path(path).read_bytes() for path in paths)


class Clock:
    """Time that may still be spent."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds

    def left(self):
        return self.end - time.monotonic()

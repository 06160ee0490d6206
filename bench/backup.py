#!/usr/bin/env python3
"""Measures backups of a node that serves while tracks come in: seconds, bytes, and what they do to
the time of queries; then restores, up to the first answer of the restored node.

usage: backup.py --build BUILD --data DATA [--folder DIR] [--runs N] [--rate TRACKS]

DATA is copied (cp --reflink=auto) and stays as it is. To make one of a million documents:

    build/bench/generate --documents 1000000 | build/echoprint -d DATA master-ingest -s s --dedup off -

Every figure is of all runs, in their order; take the best if the machine had other things to do,
and say so.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))

from common import codegen_bytes, song  # noqa: E402
from feed import Node  # noqa: E402
from running import folder_size, processor_name  # noqa: E402

BATCH = 10  # tracks of one request


def ask(server, code):
    """The answer to a query; a server that has just begun may say for a moment that it is not ready."""
    data = urllib.parse.urlencode({"fp_code": code}).encode()
    while True:
        try:
            with urllib.request.urlopen(server.url + "query", data=data, timeout=3600) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as why:
            if why.code != 503:
                raise
            time.sleep(0.01)


class Bench:
    def __init__(self, options, folder):
        self.program = pathlib.Path(options.build).resolve() / "echoprint"
        self.folder = folder


class Feeder(threading.Thread):
    """Sends tracks to a server at a rate, until it is stopped."""

    def __init__(self, server, token, rate, name):
        super().__init__(daemon=True)
        self.server, self.token, self.rate, self.name_of = server, token, rate, name
        self.stopped, self.sent, self.began = threading.Event(), 0, time.monotonic()

    def run(self):
        rng = random.Random(self.name_of)
        while not self.stopped.is_set():
            songs = [song(f"TRB{self.name_of}x{self.sent + n}", [(rng.randrange(1 << 20), moment) for moment in
                                                                sorted(rng.sample(range(2400), 400))]) for n in range(BATCH)]
            request = urllib.request.Request(self.server.url + "ingest", data=codegen_bytes(songs), headers={"Authorization": f"Bearer {self.token}"})
            urllib.request.urlopen(request).read()
            self.sent += BATCH
            self.stopped.wait(max(0, self.began + self.sent / self.rate - time.monotonic()))

    def reached(self):
        return self.sent / (time.monotonic() - self.began)


class Asker(threading.Thread):
    """Sends queries one after the other and keeps their times, by the name of what went on."""

    def __init__(self, server, codes):
        super().__init__(daemon=True)
        self.server, self.codes = server, codes
        self.times, self.phase, self.stopped = {}, "", threading.Event()

    def run(self):
        number = 0
        while not self.stopped.is_set():
            phase, began = self.phase, time.monotonic()
            ask(self.server, self.codes[number % len(self.codes)])
            self.times.setdefault(phase, []).append((time.monotonic() - began) * 1000)
            number += 1

    def told(self, phase):
        times = sorted(self.times.get(phase, []))
        return f"{times[len(times) // 2]:.1f} ms, at 99 % {times[int(len(times) * 0.99)]:.1f} ms of {len(times)} queries" if times else "no query"


def codes_of(node, count):
    """Excerpts of half a minute of tracks of the node."""
    ids = [json.loads(line)["track_id"] for line in node.run("--json", "tracks", "--limit", str(count)).splitlines()]
    codes = []
    for track in ids:
        text = node.run("show", "--csv", track).decode().split("\n", 1)[0].split(",")[2].split()
        pairs = [pair for pair in zip(text[::2], text[1::2]) if int(pair[1]) - int(text[1]) < 1300]
        codes.append(" ".join(f"{code} {moment}" for code, moment in pairs))
    return codes


def timed(*command):
    began = time.monotonic()
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    return time.monotonic() - began


def idle(asker, phase, seconds):
    """Queries without a backup beside them."""
    asker.phase = phase
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.1)


def measure(bench, node, options, codes, run):
    server = node.serve()
    token = (node.folder / "ingest.token").read_text().strip()
    ask(server, codes[0])
    asker = Asker(server, codes)
    asker.phase = "nothing"
    asker.start()
    idle(asker, "nothing", 10)
    feeder = Feeder(server, token, options.rate, run)
    feeder.start()
    idle(asker, "tracks come in", 10)
    file, many = bench.folder / "one.backup", bench.folder / "many"
    file.unlink(missing_ok=True)
    shutil.rmtree(many, ignore_errors=True)
    asker.phase = "backup FILE"
    seconds = timed(*node.command("backup", file))
    print(f"backup FILE: {seconds:.2f} s, {file.stat().st_size:,} bytes, of {folder_size(node.folder):,} of the data folder")
    asker.phase = "backup --to, the first"
    seconds = timed(*node.command("backup", "--to", many))
    size = folder_size(many)
    print(f"backup --to DIR, the first: {seconds:.2f} s, {size:,} bytes")
    idle(asker, "between", 10)
    asker.phase = "backup --to, the second"
    seconds = timed(*node.command("backup", "--to", many))
    print(f"backup --to DIR, again after {10 * options.rate:,} more tracks: {seconds:.2f} s, {folder_size(many) - size:,} bytes")
    print(f"tracks came in at {feeder.reached():.0f} a second")
    feeder.stopped.set()
    feeder.join()
    asker.stopped.set()
    asker.join()
    for phase in asker.times:
        print(f"queries, {phase}: {asker.told(phase)}")
    print(f"memory of the server: {server.memory('VmRSS') / 1e6:.0f} MB, of which {server.memory('RssAnon') / 1e6:.0f} MB its own and the rest "
          f"pages of files; {server.memory() / 1e6:.0f} MB at the peak")
    server.stop()
    return file, many


def restore(bench, source, what, codes, run):
    """From nothing to a node that answers."""
    new = Node(bench, f"new-{what}-{run}")
    seconds = timed(*new.command("restore", source))
    began = time.monotonic()
    server = new.serve()
    serves = seconds + time.monotonic() - began
    found = ask(server, codes[0])
    print(f"restore {what}: {seconds:.2f} s; serves after {serves:.2f} s, first answer ({found['track_id']}) after "
          f"{seconds + time.monotonic() - began:.2f} s")
    server.stop()
    shutil.rmtree(new.folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--data", required=True, help="a data folder; it is copied")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where to work")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=int, default=100, help="tracks that come in a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echoprint-bench-", dir=options.folder) as name:
        bench = Bench(options, pathlib.Path(name))
        for run in range(options.runs):
            node = Node(bench, f"node-{run}")
            subprocess.run(["cp", "-a", "--reflink=auto", options.data, node.folder], check=True)
            codes = codes_of(node, 50)
            state = node.json("status")
            print(f"run {run + 1}: {state['documents']:,} documents in {state['tracks']:,} tracks; {processor_name()}, "
                  f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
            file, many = measure(bench, node, options, codes, run)
            restore(bench, file, "FILE", codes, run)
            restore(bench, many, "DIR", codes, run)
            shutil.rmtree(node.folder)
            sys.stdout.flush()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Codes of real music against those of the original code generator, and how fast they come.

usage: sound.py --program build/echoprint --speed build/bench/sound_speed --files FOLDER [--fetch] [--samples]

The 502 files of library.json are in Debian packages. --fetch downloads and unpacks them into FOLDER
(3 GB) where they are absent. --samples also makes the samples of each by the ffmpeg program (4.7 GB
there), and takes the codes of those. library.json is in ../shared/data, or $ECHOPRINT_SHARED_DATA.
"""

import argparse
import base64
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zlib

from music import fetch, library, there

# What the original took on the machine where it was measured: times real time, on one thread; and
# its start.
ORIGINAL = {"decode": 200, "generate": 422, "both": 135, "start_s": 0.3}


def unpacked(code):
    return zlib.decompress(base64.urlsafe_b64decode(code)) if code else b""


def compare(items, found, what):
    """Says how many have the original's codes, and names the others."""
    same = 0
    for item, other in zip(items, found):
        expected = item["metadata"]
        if "error" in other:
            print(f"  {expected['filename']}: could not be decoded")
        elif unpacked(item["code"]) == unpacked(other["code"]):
            same += 1
        elif expected["samples_decoded"] != other["metadata"]["samples_decoded"]:
            print(f"  {expected['filename']}: {other['metadata']['samples_decoded']} samples, not {expected['samples_decoded']}")
        else:
            print(f"  {expected['filename']}: as many samples, other codes")
    print(f"identical codes, {what}: {same} of {len(items)}, {100 * same / len(items):.2f} %")


class Timer:
    """Seconds, and those of processors, also of children that have ended."""

    def __enter__(self):
        self.began, self.used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        return self

    def __exit__(self, *_):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.wall = time.monotonic() - self.began
        self.cpu = used.ru_utime + used.ru_stime - self.used.ru_utime - self.used.ru_stime
        self.peak = used.ru_maxrss / 1024


def codegen(program, names, folder):
    done = subprocess.run([program, "codegen", "-s", "-q"], input="\n".join(names).encode(), cwd=folder, stdout=subprocess.PIPE)
    if done.returncode not in (0, 3):
        sys.exit(f"codegen exited with {done.returncode}")
    return json.loads(done.stdout)


def make_samples(items, files):
    """The samples of all items by the ffmpeg program."""
    folder = files / "samples"
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number}.raw" for number in range(len(items))]
    with Timer() as timer:
        made = 0
        for item, path in zip(items, paths):
            if not path.exists():
                made += 1
                subprocess.run(["ffmpeg", "-v", "quiet", "-nostdin", "-i", files / item["metadata"]["filename"], "-ac", "1", "-ar",
                                "11025", "-f", "s16le", path], check=True)
    if made:
        print(f"ffmpeg made the samples of {made} files in {timer.wall:.0f} s, {timer.cpu:.0f} s of processors")
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--speed", required=True)
    parser.add_argument("--files", required=True, type=pathlib.Path)
    parser.add_argument("--fetch", action="store_true")
    parser.add_argument("--samples", action="store_true")
    options = parser.parse_args()
    program = str(pathlib.Path(options.program).resolve())
    items = library()
    files = options.files.resolve()
    if options.fetch:
        fetch(items, files)
    items = there(items, files)
    names = [item["metadata"]["filename"] for item in items]

    with Timer() as timer:
        found = codegen(program, names, files)
    compare(items, found, "from files")
    sound = sum(item["metadata"]["samples_decoded"] for item in found if "error" not in item) / 11025
    generate = sum(item["metadata"]["codegen_time"] for item in found if "error" not in item)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="echoprint-sound-"))
    try:
        with Timer() as ingest:
            subprocess.run([program, "-d", folder / "node", "ingest", "-q", *(files / name for name in names)], check=True,
                           stdout=subprocess.DEVNULL)
        with Timer() as again:
            subprocess.run([program, "-d", folder / "node", "ingest", "-q", *(files / name for name in names)], check=True,
                           stdout=subprocess.DEVNULL)
    finally:
        shutil.rmtree(folder)
    processors = len(os.sched_getaffinity(0))
    print(f"{len(items)} files, {sound / 3600:.1f} hours, {processors} processors")
    print(f"  codegen: {timer.wall:.1f} s, {timer.cpu:.1f} s of processors: {sound / timer.wall:.0f} times real time, "
          f"{sound / timer.cpu:.0f} a processor, {1000 * timer.cpu / len(items):.0f} ms a file, {timer.peak:.0f} MB at most in a process")
    print(f"    of that, samples to codes {generate:.1f} s")
    print(f"  ingest:  {ingest.wall:.1f} s, {ingest.cpu:.1f} s of processors; again: {again.wall:.2f} s")
    print(f"  the original on one thread: {ORIGINAL['both']} times real time and {ORIGINAL['start_s']} s a file, "
          f"which is {sound / ORIGINAL['both'] + ORIGINAL['start_s'] * len(items):.0f} s for these")
    if options.samples:
        paths = make_samples(items, files)
        compare(items, [codegen_raw(program, path) for path in paths], "from samples of the ffmpeg program")
        for line in subprocess.run([options.speed, *paths], capture_output=True, text=True, check=True).stdout.splitlines():
            speed = json.loads(line)
            times = speed["sound_s"] / speed["cpu_s"]
            print(f"  samples to codes, {speed['kernels']}: {times:.0f} times real time, {times / ORIGINAL['generate']:.1f} times the original")


def codegen_raw(program, path):
    with open(path, "rb") as samples:
        done = subprocess.run([program, "codegen", "-q", "-"], stdin=samples, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)[0]


main()

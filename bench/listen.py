#!/usr/bin/env python3
"""Listens to a long stream of known songs, unknown songs and silence, and says what was named,
when, and how late.

usage: listen.py --program build/echoprint --files FOLDER [--minutes 120] [--stream FILE] [--seed N]

The songs are those of library.json (../shared/data, or $ECHOPRINT_SHARED_DATA), in FOLDER as
sound.py --fetch puts them there. A fifth of them is unknown: it is not in the database, and neither
is what is the same recording. ffmpeg mixes them, faded in and out, from the start or the middle,
with silence between some and a long one in the middle, into an MP3 of 64 kbit/s; and that is what
the program hears. air_listen.py has streams as a radio station makes them, of other music.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import tempfile

from music import library, related, there
from stream import Segment, is_there, listen, remember, report

RATE = 44100
FADE_S = 1.5
LONG_SILENCE_S = 15 * 60


def samples(segment, files):
    """Mono, 16 bit, as bytes."""
    if not segment.name:
        return bytes(2 * round(segment.length_s * RATE))
    filters = f"afade=d={FADE_S},afade=t=out:d={FADE_S}:st={segment.length_s - FADE_S}"
    done = subprocess.run(["ffmpeg", "-v", "quiet", "-nostdin", "-ss", f"{segment.from_s}", "-t", f"{segment.length_s}", "-i",
                           files / segment.name, "-ac", "1", "-ar", str(RATE), "-af", filters, "-f", "s16le", "-"],
                          stdout=subprocess.PIPE, check=True)
    return done.stdout


def split(items, rng):
    """(known, unknown): a fifth is unknown, the same recordings held together."""
    groups = {}
    for item in items:
        groups.setdefault(min(related(item)), []).append(item)
    known, unknown = [], []
    for key in sorted(groups):
        (unknown if rng.random() < 0.2 else known).extend(groups[key])
    return known, unknown


def plan(known, unknown, minutes, rng):
    """Segments of so many minutes."""
    def long_enough(items):
        items = [item for item in items if item["metadata"]["samples_decoded"] > 50 * 11025]
        return rng.sample(items, len(items))
    songs = {True: long_enough(known), False: long_enough(unknown)}
    segments, total, quiet = [], 0.0, minutes < 60
    while total < 60 * minutes:
        if not quiet and total > 30 * minutes:
            quiet = True
            segment = Segment(None, (), 0, LONG_SILENCE_S)
        elif rng.random() < 0.15:
            segment = Segment(None, (), 0, rng.uniform(3, 60))
        else:
            is_known = rng.random() < 0.5
            item = songs[is_known].pop(0)
            songs[is_known].append(item)
            there_s = item["metadata"]["samples_decoded"] / 11025
            from_s = rng.choice((0, 0, rng.uniform(0, there_s - 45)))
            segment = Segment(item["metadata"]["filename"], related(item) if is_known else (), from_s,
                              min(there_s - from_s, rng.uniform(40, 240)))
        segments.append(segment)
        total += segment.length_s
    return segments


def mix(segments, files, path):
    """Makes the stream, unless it is there from before, and tells each segment where it is in
    it."""
    if is_there(path, segments):
        return segments[-1].at_s + segments[-1].length_s
    at = 0
    with subprocess.Popen(["ffmpeg", "-v", "error", "-y", "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-", "-b:a", "64k", path],
                          stdin=subprocess.PIPE) as encoder:
        for segment in segments:
            data = samples(segment, files)
            segment.at_s, segment.length_s = at / RATE, len(data) / 2 / RATE
            at += len(data) // 2
            encoder.stdin.write(data)
        encoder.stdin.close()
    remember(path, segments)
    return at / RATE


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--files", required=True, type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--stream", type=pathlib.Path, help="where the stream is kept, to be heard again, and the windows' answers")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    program = str(pathlib.Path(options.program).resolve())
    items = there(library(), options.files)
    known, unknown = split(items, rng)
    segments = plan(known, unknown, options.minutes, rng)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="echoprint-listen-"))
    stream = options.stream or folder / "stream.mp3"
    try:
        subprocess.run([program, "-d", folder / "node", "ingest", "-q", "-"], input=json.dumps(known).encode(), stdout=subprocess.DEVNULL,
                       check=True)
        print(f"{len(known)} songs known, {len(unknown)} unknown")
        length_s = mix(segments, options.files, stream)
        names, cpu_s = listen(program, folder / "node", stream, f"{stream}.windows")
        report(segments, names, length_s, cpu_s)
    finally:
        shutil.rmtree(folder)


main()

#!/usr/bin/env python3
"""Listens to a long stream of known songs, unknown songs and silence, and says what was named,
when, and how late.

usage: listen.py --program build/echoprint --files FOLDER [--minutes 120] [--stream FILE] [--seed N]

The songs are those of library.json (../shared/data, or $ECHOPRINT_SHARED_DATA), in FOLDER as
sound.py --fetch puts them there. A fifth of them is unknown: it is not in the database, and neither
is what is the same recording. ffmpeg mixes them, faded in and out, from the start or the middle,
with silence between some and a long one in the middle, into an MP3 of 64 kbit/s; and that is what
the program hears.
"""

import argparse
import json
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile

from music import library, related, there

RATE = 44100
FADE_S = 1.5
LONG_SILENCE_S = 15 * 60
# A song's last windows may be answered after it has ended.
BEHIND_S = 20


class Segment:
    """A piece of the stream: `item` is the song, None for silence."""

    def __init__(self, item, known, from_s, length_s):
        self.item, self.known, self.from_s, self.length_s = item, known, from_s, length_s
        self.at_s = 0
        self.names = []

    def samples(self, files):
        """Mono, 16 bit, as bytes."""
        if not self.item:
            return bytes(2 * round(self.length_s * RATE))
        filters = f"afade=d={FADE_S},afade=t=out:d={FADE_S}:st={self.length_s - FADE_S}"
        done = subprocess.run(["ffmpeg", "-v", "quiet", "-nostdin", "-ss", f"{self.from_s}", "-t", f"{self.length_s}", "-i",
                               files / self.item["metadata"]["filename"], "-ac", "1", "-ar", str(RATE), "-af", filters, "-f", "s16le", "-"],
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
            segment = Segment(None, None, 0, LONG_SILENCE_S)
        elif rng.random() < 0.15:
            segment = Segment(None, None, 0, rng.uniform(3, 60))
        else:
            is_known = rng.random() < 0.5
            item = songs[is_known].pop(0)
            songs[is_known].append(item)
            there_s = item["metadata"]["samples_decoded"] / 11025
            from_s = rng.choice((0, 0, rng.uniform(0, there_s - 45)))
            segment = Segment(item, is_known, from_s, min(there_s - from_s, rng.uniform(40, 240)))
        segments.append(segment)
        total += segment.length_s
    return segments


def mix(segments, files, path):
    """Makes the stream, unless it is there from before, and tells each segment where it is in
    it."""
    places = path.with_suffix(".json")
    made = json.loads(places.read_text()) if path.exists() and places.exists() else []
    if [what for what, *_ in made] == [what_is(segment) for segment in segments]:
        for segment, (_, at_s, length_s) in zip(segments, made):
            segment.at_s, segment.length_s = at_s, length_s
        return segments[-1].at_s + segments[-1].length_s
    at = 0
    with subprocess.Popen(["ffmpeg", "-v", "error", "-y", "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-", "-b:a", "64k", path],
                          stdin=subprocess.PIPE) as encoder:
        for segment in segments:
            data = segment.samples(files)
            segment.at_s, segment.length_s = at / RATE, len(data) / 2 / RATE
            at += len(data) // 2
            encoder.stdin.write(data)
        encoder.stdin.close()
    places.write_text(json.dumps([(what_is(segment), segment.at_s, segment.length_s) for segment in segments]))
    return at / RATE


def what_is(segment):
    return [segment.item and segment.item["metadata"]["track_id"], segment.from_s]


def listen(program, node, path, log):
    """What was named, and the seconds of processors and megabytes that it took."""
    decoder = subprocess.Popen(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-ac", "1", "-ar", "11025", "-f", "s16le", "-"],
                               stdout=subprocess.PIPE)
    with open(log, "w", encoding="utf-8") as windows, subprocess.Popen(
            [program, "-d", node, "--json", "-v", "query", "--listen"], stdin=decoder.stdout, stdout=subprocess.PIPE, stderr=windows) as child:
        decoder.stdout.close()
        names = [json.loads(line) for line in child.stdout]
        # Only of this child: the decoder is waited for afterwards.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        if child.wait() not in (0, 3):
            sys.exit(f"query --listen exited with {child.returncode}: {pathlib.Path(log).read_text()[-400:]}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    decoder.wait()
    return names, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def is_of(name, segment):
    """Whether a name is the song of a segment, which was playing a moment ago."""
    return (segment.known and name["track_id"] in related(segment.item)
            and segment.at_s <= name["heard_s"] <= segment.at_s + segment.length_s + BEHIND_S)


def clock(seconds):
    seconds = round(seconds)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def report(segments, names, length_s, cpu_s):
    false = []
    for name in names:
        owner = next((segment for segment in segments if is_of(name, segment)), None)
        (owner.names if owner else false).append(name)
    for segment in segments:
        what = f"{clock(segment.at_s)} {segment.length_s:4.0f} s"
        if not segment.item:
            print(f"{what}  silence")
        elif not segment.names:
            print(f"{what}  {'known, NOT NAMED' if segment.known else 'unknown'}: {segment.item['metadata']['filename']}")
        for name in segment.names:
            off = name["start_s"] - (segment.at_s - segment.from_s)
            print(f"{what}  named after {name['heard_s'] - segment.at_s:3.0f} s, score {name['score']}"
                  + (f", START OFF BY {off:.1f} s" if abs(off) > 1 else "") + f": {segment.item['metadata']['filename']}")
    for name in false:
        print(f"{clock(name['heard_s'])} FALSE: {name}")
    known = [segment for segment in segments if segment.known]
    named = [segment for segment in known if segment.names]
    late = sorted(segment.names[0]["heard_s"] - segment.at_s for segment in named)
    right = sum(abs(segment.names[0]["start_s"] - segment.at_s + segment.from_s) <= 1 for segment in named)
    unknown_s = sum(segment.length_s for segment in segments if segment.item and not segment.known)
    silent_s = sum(segment.length_s for segment in segments if not segment.item)
    print(f"\na stream of {clock(length_s)}, of that unknown songs {clock(unknown_s)} and silence {clock(silent_s)}")
    print(f"known songs named: {len(named)} of {len(known)}; false names: {len(false)}; named more than once: "
          f"{sum(len(segment.names) > 1 for segment in named)}; start right to a second: {right} of {len(named)}")
    if late:
        print(f"late: {late[0]:.0f} s at least, {late[len(late) // 2]:.0f} s in the middle, {late[-1]:.0f} s at most")
    print(f"processor: {cpu_s:.1f} s, {100 * cpu_s / length_s:.2f} % of one at real time")


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

#!/usr/bin/env python3
"""Tries rules for plays on what was heard: the answers to all windows that air_listen.py has kept.

usage: air_plays.py --folder FOLDER [--choose GLOB]...

The rule is that of src/match/playing.c, told anew: how many songs it would name with other numbers,
rightly and falsely, and how late. Numbers are chosen by the streams whose names match a GLOB (all,
if there is none), such as 'radio-40-0-[1-5]', and judged by the others. The strength is a quarter
more than one that names nothing falsely. (Windows need no new listening; a new rule for scores
does.)
"""

import argparse
import fnmatch
import itertools
import json
import pathlib
import re
import statistics
import types

from stream import BEHIND_S

WINDOW = re.compile(r"echoprint: ([\d.]+) to ([\d.]+) s: (\S+), score (\d+), position (\d+) at (-?[\d.]+) s, speed ([\d.]+)")
AGREE_S, GAP_S, OVER_S, COPIES_S, AGAIN_S = 0.15, 40, 60, 2.5, 15
WINDOWS, AGAIN_WINDOWS = 3, 4
ACCEPTED = 50  # EP_SCORE_ACCEPTED


class Stream:
    """Windows as (begin, end, score, position, start), and songs as (position or None, start, at,
    length)."""

    def __init__(self, path, known):
        self.name = path.stem
        self.windows = [(float(begin), float(end), int(score), int(position), float(begin) - float(offset) / float(speed))
                        for begin, end, _, score, position, offset, speed in WINDOW.findall(pathlib.Path(f"{path}.windows").read_text())]
        self.songs = [(known.get(name), at_s - from_s / speed, at_s, length_s)
                      for (name, from_s, speed), at_s, length_s in json.loads(path.with_suffix(".json").read_text()) if name]


def plays(windows, least, over, span, strength):
    """(heard, position, start) of each song that is named: windows with a score of `least` count;
    what is over `over` adds to the strength, as does each second of the span."""
    heard, now = [], None
    for _, end, score, position, start in windows:
        heard = [play for play in heard if end - play.last <= GAP_S]
        if now and end - now.last > OVER_S:
            now = None
        if position == 0 or score < least:
            continue
        if now and (now.position == position and abs(now.start - start) <= AGREE_S or score >= ACCEPTED and abs(now.start - start) <= COPIES_S):
            now.last = end
            continue
        play = next((play for play in heard if play.position == position and abs(play.start - start) <= AGREE_S), None)
        if not play:
            play = types.SimpleNamespace(position=position, first=end, scores=0, count=0, best=-1)
            heard.append(play)
        play.start, play.last = start, end
        play.scores += max(0, score - over)
        play.count += 1
        if score > play.best:
            play.best, play.told = score, start
        same = now and now.position == position
        if same and start < now.last - AGAIN_S:
            now.last = end if score >= ACCEPTED else now.last
        elif play.count >= (AGAIN_WINDOWS if same else WINDOWS) and play.scores + span * (play.last - play.first) >= strength:
            yield end, position, play.told
            heard.remove(play)
            now = play


def judge(streams, **rule):
    """(known songs, named, of those with the right start, seconds late at the median, false names,
    named again)."""
    known = false = again = right = 0
    late = []
    for stream in streams:
        known += sum(position is not None for position, *_ in stream.songs)
        named = set()
        for heard, position, start in plays(stream.windows, **rule):
            song = next((song for song in stream.songs if song[0] == position and song[2] <= heard <= song[2] + song[3] + BEHIND_S), None)
            if not song:
                false += 1
            elif song in named:
                again += 1
            else:
                named.add(song)
                late.append(heard - song[2])
                right += abs(start - song[1]) <= 1
    return known, len(late), right, statistics.median(late) if late else 0, false, again


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    parser.add_argument("--choose", action="append", default=[], metavar="GLOB", help="choose by the streams of such names")
    options = parser.parse_args()
    streams = []
    for path in sorted((options.folder / "streams").glob("*.mp3")):
        names = path.with_suffix(".known.json")
        if pathlib.Path(f"{path}.windows").exists() and names.exists():
            streams.append(Stream(path, {name: i + 1 for i, name in enumerate(json.loads(names.read_text()))}))
    chosen = [stream for stream in streams if not options.choose or any(fnmatch.fnmatch(stream.name, glob) for glob in options.choose)]
    others = [stream for stream in streams if stream not in chosen]
    print(f"{len(chosen)} streams, and {len(others)} others\n\n{'':32}known named right  late false again")
    for least, over, span in itertools.product((10, 20, 25, 30), (40, 50), (2, 3, 4, 5, 6)):
        for strength in range(60, 340, 4):
            rule = {"least": least, "over": over, "span": span, "strength": strength}
            if judge(chosen, **rule)[4] == 0:
                rule["strength"] = strength * 5 // 4
                found = judge(chosen, **rule)
                print(f"{str(list(rule.values())):>30}  {show(found)}   {show(judge(others, **rule)) if others else ''}")
                break


def show(found):
    known, named, right, late, false, again = found
    return f"{known:5} {named:5} {right:5} {late:5.0f} {false:5} {again:5}"


if __name__ == "__main__":
    main()

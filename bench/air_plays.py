#!/usr/bin/env python3
"""Tries rules for plays on what was heard: the answers to all windows that air_listen.py has kept.

usage: air_plays.py --folder FOLDER [--half 0|1]

The rule is that of src/match/playing.c, told anew: how many songs it would name with other numbers,
rightly and falsely, and how late. Streams of odd and even seeds are the two halves: numbers are
chosen with one and judged by the other. (Windows need no new listening; a new rule for scores does.)
"""

import argparse
import itertools
import json
import pathlib
import re
import statistics
import types

from stream import BEHIND_S

WINDOW = re.compile(r"echoprint: ([\d.]+) to ([\d.]+) s: (\S+), score (\d+), position (\d+) at (-?[\d.]+) s, speed ([\d.]+)")
AGREE_S, GAP_S, OVER_S, COPIES_S, AGAIN_S = 0.15, 40, 60, 2.5, 15
ACCEPTED = 50  # EP_SCORE_ACCEPTED


class Stream:
    """Windows as (begin, end, score, position, start), and songs as (position or None, start, at,
    length)."""

    def __init__(self, path, known):
        self.name, self.seed = path.stem, int(path.stem.rsplit("-", 1)[1])
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
        elif play.count >= (4 if same else 2) and play.scores + span * (play.last - play.first) >= strength:
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
    parser.add_argument("--half", type=int, choices=(0, 1), help="choose by the streams whose seeds have this remainder by 2")
    options = parser.parse_args()
    streams = []
    for path in sorted((options.folder / "streams").glob("*.mp3")):
        names = path.with_suffix(".known.json")
        if pathlib.Path(f"{path}.windows").exists() and names.exists():
            streams.append(Stream(path, {name: i + 1 for i, name in enumerate(json.loads(names.read_text()))}))
    chosen = [stream for stream in streams if options.half is None or stream.seed % 2 == options.half]
    others = [stream for stream in streams if stream not in chosen]
    print(f"{len(chosen)} streams, and {len(others)} others\n\n{'':32}known named right  late false again")
    for least, over, span in itertools.product((1, 10, 20), (20, 30, 40), (2, 4, 6, 8)):
        for strength in range(60, 340, 10):
            rule = {"least": least, "over": over, "span": span, "strength": strength}
            found = judge(chosen, **rule)
            if found[4] == 0:
                print(f"{str(list(rule.values())):>30}  {show(found)}   {show(judge(others, **rule)) if others else ''}")
                break


def show(found):
    known, named, right, late, false, again = found
    return f"{known:5} {named:5} {right:5} {late:5.0f} {false:5} {again:5}"


if __name__ == "__main__":
    main()

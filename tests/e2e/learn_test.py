#!/usr/bin/env python3
"""`monitor --learn`: what a stream plays again becomes a track, and what it plays once does not.

A jingle and an advertisement are on the air three times, between pieces that are played once. The
monitor is killed after each of the first two times.
"""

import calendar
import json
import os
import time

from audio import music
from common import need, run, same
from radio import RATE
from servers import until

JINGLE_S, AD_S = 12, 25


def moment(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def piece(seconds, seed):
    """Raw samples of a piece, mono."""
    sound = music(seconds, seed, RATE)
    return b"".join(sound[at:at + 2] for at in range(0, len(sound), 4))


class Air:
    """What is on the air: files of samples, with the places of what is repeated."""

    def __init__(self, folder):
        self.folder = folder
        self.jingle, self.ad = piece(JINGLE_S, 100), piece(AD_S, 101)
        self.others = 0

    def other(self, seconds):
        """A piece that is never played again, which ends between two samples of a block."""
        self.others += 1
        return piece(seconds, self.others) + bytes(2 * (397 * self.others % 500))

    def file(self, name, before_s, between_s, after_s):
        """The path of a file with both, and where in it they begin, in seconds."""
        parts = [self.other(before_s), self.jingle, self.other(between_s), self.ad, self.other(after_s)]
        starts = [sum(map(len, parts[:number])) / 2 / RATE for number in range(len(parts))]
        path = self.folder / f"{name}.raw"
        path.write_bytes(b"".join(parts))
        return path, starts[1], starts[3]


class Learner:
    """A monitor that learns from a file, and stays at work, as a pipe into which nobody writes is
    monitored, too."""

    def __init__(self, node, air, path, *words):
        pipe = air.folder / "pipe"
        if not pipe.exists():
            os.mkfifo(pipe)
        self.err = air.folder / f"{path.stem}.err"
        self.process = node.start("monitor", *words, f"radio=raw:{path}", f"pipe=raw:{pipe}", stderr=self.err.open("wb"))

    def said(self):
        return self.err.read_text(encoding="utf-8")

    def kill(self):
        self.process.kill()
        self.process.wait()


def kept(test, node):
    """Pieces that the node has kept."""
    heard = test.node(f"{node.folder.name}/heard")
    return heard.json("status")["tracks"] if (heard.folder / "data.mdb").exists() else 0


def tracks(node):
    return node.json("status")["tracks"]


def what_is_played_again_is_learnt(test):
    node, air = test.node("node"), Air(test.new_folder("air"))
    node.run("init")
    learner = Learner(node, air, air.file("first", 20, 30, 20)[0], "--learn")
    until(lambda: kept(test, node) >= 1, "what was heard is kept", 120)
    learner.kill()
    same(tracks(node), 0, "tracks after the first time")
    learner = Learner(node, air, air.file("second", 100, 45, 20)[0], "--learn")
    until(lambda: tracks(node) >= 2, "what was heard again is learnt", 120)
    until(lambda: kept(test, node) >= 3, "the rest is kept", 120)
    learner.kill()
    same(learner.said().count("learnt "), 2, f"times that something was learnt; it said {learner.said()}")
    third, jingle_at, ad_at = air.file("third", 200, 40, 60)
    done = node.run("--json", "monitor", "--learn", "--events", "ended", f"radio=raw:{third}")
    same(tracks(node), 2, f"tracks after the third time; it said {done.stderr.decode()}")
    plays = sorted((json.loads(line) for line in done.stdout.splitlines()), key=lambda play: play["start"])
    same(len(plays), 2, f"plays, which are {plays}")
    for play in plays:
        need(play["track_id"].startswith("unknown_") and play["artist"] == "", f"the track of {play}")
        need(play["track"].startswith("radio, 20") and play["track"].endswith("Z"), f"the name of {play}")
    need(plays[0]["track_id"] != plays[1]["track_id"], "both are one track")
    # The jingle is found from begin to end, whether it is learnt again or windows agree on it.
    need(abs(plays[0]["duration_s"] - JINGLE_S) <= 3, f"the jingle is {plays[0]}")
    between_s = moment(plays[1]["start"]) - moment(plays[0]["start"])
    need(-20 <= between_s - (ad_at - jingle_at) <= 5, f"plays that are {between_s} s apart: {plays}")
    same(done.stderr.decode().count("learnt "), 0, "times that something was learnt the third time")
    node.run("verify")


def nothing_is_learnt_unless_asked_for(test):
    node, air = test.node("quiet"), Air(test.new_folder("quiet.d"))
    twice = air.folder / "twice.raw"
    twice.write_bytes(air.ad + air.other(110) + air.ad + air.other(20))
    node.run("monitor", f"radio=raw:{twice}")
    same(tracks(node), 0, "tracks")
    need(not (node.folder / "heard").exists(), "there is a folder heard")
    ini = air.folder / "monitor.ini"
    ini.write_text("[monitor]\nlearn = perhaps\n")
    need(b':2: learn is "perhaps", but must be yes or no' in node.run("monitor", "-c", ini, "--check-config", statuses=(1,)).stderr,
         "no word about the mistake")


def silence_and_loops_are_not_learnt(test):
    node, air = test.node("dull"), Air(test.new_folder("dull.d"))
    silence, loop = bytes(2 * RATE * 300), piece(4, 200) * 75
    for name, samples in (("silence", silence), ("loop", loop)):
        path = air.folder / f"{name}.raw"
        path.write_bytes(samples)
        node.run("monitor", "--learn", f"{name}=raw:{path}")
        same(tracks(node), 0, f"tracks after {name}")


def body(test):
    for check in (what_is_played_again_is_learnt, nothing_is_learnt_unless_asked_for, silence_and_loops_are_not_learnt):
        test.check(check.__name__.replace("_", " "), check, test)


run(body)

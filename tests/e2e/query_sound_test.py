#!/usr/bin/env python3
"""What song is this sound from: files asked by `query`, and a stream by `query --listen`."""

import json
import random
import signal
import struct
import subprocess
import time

from audio import FFMPEG, ffmpeg, music, wav
from common import Skip, need, run, same
from servers import SANITIZED

RATE = 11025
LENGTH_S = 50
SONGS = 3


def mono(samples):
    """The first of two channels."""
    return b"".join(samples[at:at + 2] for at in range(0, len(samples), 4))


class Band:
    """A node that knows songs, and one that it does not know; as raw samples."""

    def __init__(self, test):
        self.node = test.node("node")
        self.folder = test.new_folder("songs")
        self.songs = [mono(music(LENGTH_S, seed, RATE)) for seed in range(SONGS + 1)]
        self.stranger = self.songs.pop()
        for number, samples in enumerate(self.songs):
            (self.folder / f"song{number}.wav").write_bytes(wav(samples, RATE, 1))
        self.node.run("ingest", self.folder)

    def cut(self, number, from_s, length_s):
        return self.songs[number][2 * RATE * from_s:2 * RATE * (from_s + length_s)]


def silence(seconds):
    return bytes(2 * RATE * seconds)


def files_are_answered_in_order(test, band):
    asked = test.new_folder("asked")
    numbers = [random.Random(1).randrange(SONGS) for _ in range(12)]
    paths = [asked / f"{place}.wav" for place in range(len(numbers))]
    for place, (path, number) in enumerate(zip(paths, numbers)):
        path.write_bytes(wav(band.cut(number, place, 25), RATE, 1))
    bad, code = asked / "bad.wav", json.loads(subprocess.run([test.program, "codegen", paths[0]], capture_output=True, check=True).stdout)
    bad.write_bytes(wav(b"", RATE, 1)[:30])
    done = band.node.run("--json", "query", *paths[:6], bad, code[0]["code"], *paths[6:], statuses=(3,))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    titles = [f"song{number}" for number in numbers]
    same([answer["track"] for answer in answers], titles[:6] + [None, titles[0]] + titles[6:], "titles")
    offsets = [answer["offset_s"] for answer in answers if answer["query"].startswith("/") and answer["match"]]
    need(all(abs(offset - place) < 0.1 for place, offset in enumerate(offsets)), f"offsets are {offsets}")
    same(done.stderr.decode().count("\n"), 1, "lines that name what is bad")
    need(str(bad) in done.stderr.decode(), f"it said {done.stderr}")


def the_first_minute_counts_from_the_first_code(test, band):
    """As of code strings, however long the silence before it is."""
    path = test.new_folder("late") / "late.wav"
    path.write_bytes(wav(silence(130) + band.songs[1], RATE, 1))
    answer = band.node.json("query", path)
    same((answer["track"], round(answer["offset_s"])), ("song1", -130), "track and offset")


def other_encodings_are_the_song(test, band):
    if not FFMPEG:
        raise Skip("there is no ffmpeg")
    folder = test.new_folder("encoded")
    paths = [folder / name for name in ("a.mp3", "b.ogg", "c.opus")]
    for number, path in enumerate(paths):
        ffmpeg("-i", band.folder / f"song{number}.wav", "-af", "volume=-12dB", "-ar", "48000", path)
    found = band.node.run("query", *paths).stdout.decode().splitlines()
    same([line.split("\t")[3] for line in found], ["song0", "song1", "song2"], "titles")


def listen(band, stream, *words, statuses=(0,)):
    return [json.loads(line) for line in band.node.run("--json", "query", "--listen", *words, data=stream, statuses=statuses).stdout.splitlines()]


def a_stream_is_named_song_by_song(test, band):
    parts = [silence(13), band.songs[2], band.stranger, band.cut(0, 10, 40), silence(40), band.songs[1], band.songs[1]]
    at = [sum(len(part) for part in parts[:place]) / 2 / RATE for place in range(len(parts))]
    starts = [at[1], at[3] - 10, at[5], at[6]]
    found = listen(band, b"".join(parts))
    same([name["track"] for name in found], ["song2", "song0", "song1", "song1"], "names")
    need(all(abs(name["start_s"] - start) < 0.3 for name, start in zip(found, starts)), f"starts are {found}, not {starts}")
    need(all(name["heard_s"] - place < 40 for name, place in zip(found, (at[1], at[3], at[5], at[6]))), f"late: {found}, songs are at {at}")
    need(all(name["score"] >= 50 and name["track_id"].startswith("TR") for name in found), f"names are {found}")


def an_unknown_stream_names_nothing(test, band):
    same(listen(band, silence(25) + band.stranger, statuses=(3,)), [], "names")
    same(listen(band, b"", statuses=(3,)), [], "names of no stream")
    noise = random.Random(1)
    hiss = b"".join(struct.pack("<h", noise.randrange(-8000, 8000)) for _ in range(40 * RATE))
    same(listen(band, hiss + b"x", statuses=(3,)), [], "names of noise")


def a_song_is_named_while_it_plays(test, band):
    """From a pipe that stays open; and Ctrl-C ends it in order."""
    program = band.node.start("query", "--listen", stdin=subprocess.PIPE)
    try:
        program.stdin.write(band.cut(1, 0, 40))
        program.stdin.flush()
        line = program.stdout.readline().decode().rstrip("\n").split("\t")
        same((line[0], line[4]), ("0:00:00", "song1"), "start and title")
        program.send_signal(signal.SIGINT)
        program.wait(timeout=120)
        same(program.returncode, 0, "exit status after Ctrl-C")
        same(program.stderr.read(), b"", "what it said")
    finally:
        program.kill()
        program.communicate()


def memory_is_bounded(test, band):
    """Half an hour takes no more than a minute does."""
    if SANITIZED:
        raise Skip("a sanitizer keeps what was freed")
    peaks = []
    for minutes in (1, 30):
        program = band.node.start("query", "--listen", stdin=subprocess.PIPE)
        for _ in range(minutes):
            program.stdin.write(band.songs[0] + silence(60 - LENGTH_S))
        program.stdin.flush()
        time.sleep(0.2)
        with open(f"/proc/{program.pid}/status", encoding="utf-8") as status:
            peaks.append(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")))
        program.communicate()
        same(program.returncode, 0, "exit status")
    need(peaks[1] < peaks[0] + 4000, f"kB at most: {peaks}")


def body(test):
    band = Band(test)
    for check in (files_are_answered_in_order, the_first_minute_counts_from_the_first_code, other_encodings_are_the_song,
                  a_stream_is_named_song_by_song, an_unknown_stream_names_nothing, a_song_is_named_while_it_plays, memory_is_bounded):
        test.check(check.__name__.replace("_", " "), check, test, band)


run(body)

#!/usr/bin/env python3
"""Asks other programs the excerpts of air.py, as sound: how many they name right and wrong.

usage: peers_air.py --program build/echoprint --folder FOLDER [--audfprint AUDFPRINT.PY] [--olaf OLAF]
                    [--songs 40] [--strangers 20] [--seed N]

The songs are those of air_music.py, in FOLDER as air.py --fetch puts them there. The excerpts are
cut and degraded as air.py does it, and kept in FOLDER/excerpts; the databases are kept in
FOLDER/peers. A program that is not there is left out. audfprint runs in the Python that runs this.
Two tables are printed, with three numbers for each kind and program: right, wrong, strangers
accepted. The first is with the defaults. In the second, only answers count that have more evidence
than any stranger's: a higher score, or more common hashes or fingerprints, as the program tells.
"""

import argparse
import concurrent.futures
import pathlib
import random
import shutil
import sys

import air
import air_music
from air_peers import PEERS, disk_size
from running import processor_name

KINDS = {"opus16k": "Opus at 16 kbit/s", "pink5": "pink noise at 5 dB", "radio": "radio", "phone": "telephone", "gsm": "GSM",
         "speed+1": "speed +1 %", "tempo+2": "tempo +2 %", "lowpass1000": "low-pass at 1000 Hz", "speech0": "speech as loud"}
CLEAN = {"clean5": "clean, 5 s", "clean10": "clean, 10 s", "clean30": "clean, 30 s"}
LABELS = CLEAN | KINDS
SHORT = ("clean5", "clean10")


class Tally:
    """Right and wrong answers, and strangers that are accepted."""

    def __init__(self):
        self.right = self.wrong = self.accepted = 0

    def count(self, song, answer, least=0):
        """Counts an answer about an excerpt of a song, if it has at least so much evidence."""
        if answer.song is None or answer.strength < least:
            return
        if not song.known:
            self.accepted += 1
        elif answer.song.id in song.same:
            self.right += 1
        else:
            self.wrong += 1

    def __str__(self):
        return f"{self.right}, {self.wrong}, {self.accepted}"


def cut(song, seed, noises, folder):
    """Makes the excerpts of a song, if they are not there."""
    if (folder / song.id).exists():
        return
    work = folder / f"{song.id}.part"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    air.degrade(song, random.Random(f"{seed} {song.id}"), {"clean", *KINDS}, noises, work)
    for path in work.iterdir():
        if path.stem not in LABELS:
            path.unlink()
    work.rename(folder / song.id)


def choose(songs, options):
    """The songs that are asked, a part of those that air.py asks."""
    rng = random.Random(options.seed)
    known = [song for song in songs if song.known]
    strangers = [song for song in songs if not song.known]
    return (rng.sample(known, min(80, len(known)))[:options.songs]
            + rng.sample(strangers, min(40, len(strangers)))[:options.strangers])


def table(tallies, peers):
    """Prints the answers by kind, and all of them."""
    print("| right, wrong, strangers accepted | " + " | ".join(peer.name for peer in peers) + " |")
    print("|---|" + "---|" * len(peers))
    for kind, label in LABELS.items():
        print(f"| {label} | " + " | ".join(str(tallies[peer.name, kind]) for peer in peers) + " |")
    totals = []
    for peer in peers:
        total = Tally()
        for kind in LABELS:
            tally = tallies[peer.name, kind]
            total.right, total.wrong, total.accepted = total.right + tally.right, total.wrong + tally.wrong, total.accepted + tally.accepted
        totals.append(f"**{total}**")
    print("| **all** | " + " | ".join(totals) + " |")


def judge(asked, answers, least):
    """Tallies by program and kind; `least` is the evidence that is required of each program."""
    tallies = {}
    for (name, kind), given in answers.items():
        tally = tallies[name, kind] = Tally()
        for song, answer in zip(asked, given):
            tally.count(song, answer, least.get(name, 0))
    return tallies


def prepare(programs, store, known):
    """The programs that are there, with their databases of the songs."""
    store.mkdir(parents=True, exist_ok=True)
    peers = []
    for peer in (kind(program, store, known) for kind, program in zip(PEERS, programs)):
        if not peer.present():
            print(f"left out: {peer.missing}")
            continue
        made = store / f"{peer.name}.made"
        if not made.exists():
            print(f"{peer.name}: making its database", file=sys.stderr)
            shutil.rmtree(peer.database, ignore_errors=True)
            peer.make()
            made.touch()
        peers.append(peer)
    return peers


def ask_all(peers, asked, excerpts):
    """Answers by program and kind, and seconds of CPU by program for the excerpts of 30 s."""
    answers, cpu = {}, dict.fromkeys((peer.name for peer in peers), 0.0)

    def ask(kind):
        paths = [str(next((excerpts / song.id).glob(f"{kind}.*"))) for song in asked]
        return [peer.ask(paths) for peer in peers]

    with concurrent.futures.ThreadPoolExecutor(2) as workers:
        for kind, found in zip(LABELS, workers.map(ask, LABELS)):
            for peer, (given, took) in zip(peers, found):
                answers[peer.name, kind] = given
                cpu[peer.name] += took if kind not in SHORT else 0
            now = judge(asked, answers, {})
            print(kind, *(f"{peer.name} {now[peer.name, kind]}" for peer in peers), sep="\t", file=sys.stderr)
    return answers, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    parser.add_argument("--audfprint")
    parser.add_argument("--olaf")
    parser.add_argument("--songs", type=int, default=40)
    parser.add_argument("--strangers", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder = options.folder.resolve()
    if not (folder / "songs.json").exists():
        sys.exit(f"{folder} has no songs.json: get the songs with bench/air.py --fetch --folder {folder}")
    songs = air_music.songs(options.program, folder, options.seed)
    known = [song for song in songs if song.known]
    hours = sum(song.length_s for song in known) / 3600
    asked, excerpts = choose(songs, options), folder / "excerpts" / str(options.seed)
    noises = air.Noises(folder / "noise")
    with concurrent.futures.ThreadPoolExecutor(2) as workers:
        list(workers.map(lambda song: cut(song, options.seed, noises, excerpts), asked))
    print(f"{len(known)} songs, {hours:.1f} h; asked are {sum(song.known for song in asked)} of them and "
          f"{sum(not song.known for song in asked)} strangers; {processor_name()}")

    peers = prepare((options.program, options.audfprint, options.olaf), folder / "peers" / str(options.seed), known)
    answers, cpu = ask_all(peers, asked, excerpts)
    table(judge(asked, answers, {}), peers)
    least = {peer.name: 1 + max((answer.strength for kind in LABELS for song, answer in zip(asked, answers[peer.name, kind])
                                 if not song.known and answer.song), default=-1) for peer in peers}
    print("\nThe same with as much evidence as no stranger has: " + ", ".join(f"{name} {value or 'as before'}" for name, value in least.items()))
    table(judge(asked, answers, least), peers)
    count = len(asked) * (len(LABELS) - len(SHORT))
    for peer in peers:
        print(f"{peer.name}: {1000 * cpu[peer.name] / count:.0f} ms of CPU per query of 30 s (decoding is part of it), "
              f"{disk_size(peer.database) / 1024 / hours:.0f} KiB of database per hour of music")


if __name__ == "__main__":
    main()

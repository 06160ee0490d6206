"""Programs whose onset tables were learnt on one half of the songs, to be measured on the other.

Songs are dealt out in turn; recordings of one another (reencodings, and what is listed as related)
go into the same half, so that no table has seen the music that it is measured on.
"""
import glob
import json
import os
import shutil
import subprocess
import sys

from running import BenchError

# What tables are learnt from, and of which of these sizes are measured.
LEARNT = ("library.json", "golden/codegen.json", "reencoded.json", "unrelated.json")
MEASURED = ("library.json", "golden/codegen.json")

TREE = ("meson.build", "meson_options.txt", "src", "tests", "bench", "man", "service", "tools")
TABLES = "src/code/onset/onset_tables.c"
TRAINER_SOURCES = ("tools/train_onset.c", "src/code/onset/*.c", "src/code/onset_hash.c",
                   "src/code/cut.c", "src/code/pairs*.c", "src/base/buffer.c", "src/base/bytes.c",
                   "src/base/sort64.c", "src/base/status.c", "src/base/text.c")


def command(arguments, **more):
    """Runs a command; gives its output."""
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          **more)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(arguments[:3])} ... failed: "
                         f"{(done.stderr or done.stdout).decode(errors='replace')[-2000:]}")
    return done.stdout


def deal(data):
    """The songs of each file in two halves: {name: ([songs], [songs])}."""
    with open(os.path.join(data, "related.json"), encoding="utf-8") as file:
        related = json.load(file)
    group_of = {track_id: number for number, group in enumerate(related)
                for track_id in group["track_ids"]}
    half_of_group = {}
    halves = {}
    for name in LEARNT:
        with open(os.path.join(data, name), encoding="utf-8") as file:
            songs = json.load(file)
        halves[name] = ([], [])
        for number, song in enumerate(songs):
            original = song.get("true_track_id") or song.get("track_id")
            group = group_of.get(original, original or (name, number))
            half = half_of_group.setdefault(group, number % 2)
            halves[name][half].append(song)
    return halves


class TwoFold:
    """Makes the programs in a work folder."""

    def __init__(self, root, data, workdir):
        self.root = root
        self.workdir = workdir
        self.halves = deal(data)
        self.tree = os.path.join(workdir, "tree")
        self.build = os.path.join(workdir, "build")
        self.trainer = os.path.join(workdir, "train_onset")

    def path_of(self, name, half):
        """Where the songs of one half of a file lie."""
        return os.path.join(self.workdir, f"{half}-{name.replace('/', '-')}")

    def prepare(self):
        """Writes the halves, builds the trainer, and copies what a program is built from."""
        for name, halves in self.halves.items():
            for half, songs in enumerate(halves):
                with open(self.path_of(name, half), "w", encoding="utf-8") as file:
                    json.dump(songs, file)
        sources = [path for pattern in TRAINER_SOURCES
                   for path in sorted(glob.glob(os.path.join(self.root, pattern)))]
        command(["cc", "-O3", "-D_GNU_SOURCE", "-I" + os.path.join(self.root, "src"), "-o",
                 self.trainer, *sources, "-lm", "-lpthread"])
        os.makedirs(self.tree)
        for name in TREE:
            place = os.path.join(self.root, name)
            copy = shutil.copytree if os.path.isdir(place) else shutil.copy
            copy(place, os.path.join(self.tree, name))
        command(["meson", "setup", self.build, self.tree, "-Dbuildtype=release",
                 "-Dtests=disabled"])

    def program(self, half):
        """Builds the program whose tables were learnt on this half; gives its path."""
        codes = command([sys.executable, os.path.join(self.root, "tools/train_onset_codes.py"),
                         *(self.path_of(name, half) for name in LEARNT)])
        tables = command([self.trainer], input=codes)
        with open(os.path.join(self.tree, TABLES), "wb") as file:
            file.write(tables)
        command(["ninja", "-C", self.build, "echoprint"])
        path = os.path.join(self.workdir, f"echoprint-{half}")
        shutil.copy(os.path.join(self.build, "echoprint"), path)
        return path

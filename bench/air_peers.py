"""The programs that answer the excerpts of peers_air.py: echoprint, audfprint and Olaf, each with
its defaults and the same songs in its database."""

import json
import os
import pathlib
import re
import subprocess
import sys

from running import output_of, run


class Answer:
    """The song that a program names, None if none, and how strong it finds the evidence."""

    def __init__(self, song=None, strength=0):
        self.song, self.strength = song, strength


def disk_size(path):
    """Bytes that a file, or all files in a folder, take on disk."""
    paths = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_blocks * 512 for file in paths)


class Echoprint:
    """This project's program. Its evidence is the score."""

    name = "echoprint"
    missing = "echoprint is not there: ninja -C build"

    def __init__(self, program, folder, songs):
        self.program = str(pathlib.Path(program).resolve())
        self.database = folder / "echoprint"
        self.songs = {song.id: song for song in songs}

    def present(self):
        """Whether it can be run."""
        return os.access(self.program, os.X_OK)

    def make(self):
        """Makes the database, from the codes of the sound."""
        subprocess.run([self.program, "-d", self.database, "-q", "ingest", "-"], text=True, check=True,
                       input=json.dumps([song.item for song in self.songs.values()]), stdout=subprocess.DEVNULL)

    def ask(self, paths):
        """Answers about sound files, and the seconds of CPU that they took."""
        usage = run([self.program, "-d", str(self.database), "-q", "--json", "query", *paths], good=(0, 3))
        found = [json.loads(line) for line in usage.output.splitlines()]
        return [Answer(self.songs[answer["track_id"]], answer["score"]) if answer["match"] else Answer() for answer in found], usage.cpu


class Audfprint:
    """audfprint.py of github.com/dpwe/audfprint. Its evidence is the number of common hashes."""

    name = "audfprint"
    missing = "audfprint is not there: git clone https://github.com/dpwe/audfprint; pip install numpy scipy docopt joblib psutil"
    matched = re.compile(r"Matched (.*?) +[\d.]+ sec +\d+ raw hashes as (.*) at +-?[\d.]+ s with +(\d+) of")

    def __init__(self, program, folder, songs):
        self.command = [sys.executable, str(pathlib.Path(program or "audfprint.py").resolve())]
        self.database = folder / "audfprint.pklz"
        self.songs = {os.path.realpath(song.sound): song for song in songs}

    def present(self):
        """Whether it can be run."""
        return output_of([*self.command, "--version"]) != ""

    def make(self):
        """Makes the database, from sound."""
        run([*self.command, "new", "-d", str(self.database), *self.songs])

    def ask(self, paths):
        """Answers about sound files, and the seconds of CPU that they took."""
        usage = run([*self.command, "match", "-d", str(self.database), *paths])
        found = {match[1]: Answer(self.songs[match[2]], int(match[3])) for match in self.matched.finditer(usage.output.decode())}
        return [found.get(path, Answer()) for path in paths], usage.cpu


class Olaf:
    """Olaf of github.com/JorenSix/Olaf. Its evidence is the number of aligned fingerprints."""

    name = "Olaf"
    missing = "Olaf is not there: git clone https://github.com/JorenSix/Olaf; pip install ziglang; python-zig build -Doptimize=ReleaseFast"

    def __init__(self, program, folder, songs):
        self.home = folder / "olaf"
        self.database = self.home / "db"
        self.command = ["env", f"HOME={self.home}", str(pathlib.Path(program or "olaf").resolve())]
        self.songs = {os.path.realpath(song.sound): song for song in songs}

    def present(self):
        """Whether it can be run."""
        return "Olaf" in output_of(self.command)

    def make(self):
        """Makes the database, from sound, where a file of settings says that it is."""
        settings = self.home / ".olaf" / "olaf_config.json"
        for path in (self.database, self.home / "cache", settings.parent):
            path.mkdir(parents=True, exist_ok=True)
        settings.write_text(json.dumps({"db_folder": f"{self.database}/", "cache_folder": f"{self.home}/cache/"}))
        run([*self.command, "store", *self.songs])

    def ask(self, paths):
        """Answers about sound files, and the seconds of CPU that they took."""
        usage = run([*self.command, "query", "--format", "json", *paths])
        text, found = usage.output.decode().strip(), [Answer() for _ in paths]
        while text:
            answer, end = json.JSONDecoder().raw_decode(text)
            text = text[end:].lstrip()
            best = max(answer["matches"], key=lambda match: match["match_count"], default=None)
            if best:
                found[answer["query_index"] - 1] = Answer(self.songs[best["path"]], best["match_count"])
        return found, usage.cpu


PEERS = (Echoprint, Audfprint, Olaf)

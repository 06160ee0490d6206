#!/usr/bin/env python3
"""Excerpts of music as it is heard on the air, by phone and at other speeds, as codes.

usage: air.py --program build/echoprint --folder FOLDER [--fetch] [--songs 80] [--strangers 40] [--seed N]

The songs are those of air_music.py; --fetch downloads them into FOLDER (2 GB; 5 GB with their
sound). needs ffmpeg, fluidsynth, fluid-soundfont-gm and espeak-ng. What is written there:
  tracks.json.xz        songs of the database, as codegen writes them, each with a track_id
  queries.json.xz       excerpts of some of them and of strangers, of the kinds below
  lowpassed.json.xz     more strangers, with nothing left above 100 to 2000 Hz
Each query has query_id, kind, code, file, offset_s, duration_s and true_track_id, which is null for
a stranger; also_same_recording are ids that are right, too.
"""

import argparse
import array
import concurrent.futures
import json
import lzma
import math
import os
import pathlib
import random
import subprocess
import tempfile

import air_music

EXCERPT_S = 30
SHORT_S = 10
RATE = air_music.RATE

# Five bands, each compressed on its own.
BANDS = "abcde"
RADIO = ("acrossover=split=100 400 1600 6400" + "".join(f"[{band}]" for band in BANDS) + ";"
         + "".join(f"[{band}]acompressor=threshold=-30dB:ratio=6:attack=10:release=150:makeup=2[{band}{band}];" for band in BANDS)
         + "".join(f"[{band}{band}]" for band in BANDS) + "amix=inputs=5:normalize=0,alimiter=limit=0.9")
PHONE = "aecho=0.8:0.8:15:0.15," + ",".join(["highpass=f=300", "lowpass=f=3400"] * 2) + ",acompressor=threshold=-20dB:ratio=3"
LOWPASS = (100, 150, 300, 600, 1000, 2000)
SPEEDS = (0.5, -0.5, 1, -1, 2)
TEMPOS = (1, 2, -2)


def lowpass(hertz):
    return ",".join([f"lowpass=f={hertz}"] * 4)


# Kind -> filters of ffmpeg, and how the outcome is encoded. [noise] is mixed in where a level is
# given: so many dB below the music.
PLAIN = ("pcm_s16le", [])
ECHO_S = 0.8  # until the echo is 60 dB below what it is of
ECHO_SHARE = 0.5  # of the power
KINDS = {
    "mp3_32k": ("anull", ("libmp3lame", ["-b:a", "32k", "-ar", "22050"])),
    "opus16k": ("anull", ("libopus", ["-b:a", "16k", "-ar", "48000"])),
    "reverb50": ("REVERB", PLAIN),
    "eq": ("equalizer=f=90:t=o:w=1.5:g=9,equalizer=f=700:t=o:w=2:g=-8,equalizer=f=3500:t=o:w=1.5:g=6,volume=-4dB", PLAIN),
    "clip15": ("volume=15dB", PLAIN),
    "radio": (RADIO, PLAIN),
    "phone": (PHONE, ("pcm_mulaw", ["-ar", "8000"])),
    "gsm": ("highpass=f=200", ("gsm_ms", ["-ar", "8000"])),
    "white10": ("NOISE white 10", PLAIN),
    "pink5": ("NOISE pink 5", PLAIN),
    "speech0": ("NOISE speech 0", PLAIN),
    **{f"lowpass{hertz}": (lowpass(hertz), PLAIN) for hertz in LOWPASS},
    **{f"speed{percent:+}": (f"asetrate={RATE * (1 + percent / 100)},aresample={RATE}", PLAIN) for percent in SPEEDS},
    **{f"tempo{percent:+}": (f"atempo={1 + percent / 100}", PLAIN) for percent in TEMPOS},
}
CLEAN = (5, 8, 10, 15, 20, 30)
SHORTENED = ("reverb50", "opus16k", "pink5", "phone", "radio")
SUFFIX = {"libmp3lame": "mp3", "libopus": "ogg"}
WORDS = """Good evening, and welcome back. The weather for tomorrow: clouds in the north, some rain towards the
evening, and a fresh wind from the sea. On the roads there is little traffic, but please take care between the bridge
and the harbour, where work goes on until Thursday. You are listening to the night programme, with two hours of music
without a break. That was the last song, and here comes the next one. Stay with us. Our number is the same as
always, and we are glad of every call. In half an hour there is news, and after that a talk with our guest about
ships, maps and the people who draw them."""


class Noises:
    """White and pink noise and speech, a minute of each, and a room's echo."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.paths = {name: folder / f"{name}.wav" for name in ("white", "pink", "speech", "room")}
        for name in ("white", "pink"):
            run(["-f", "lavfi", "-i", f"anoisesrc=c={name}:a=0.3:d=60:r={RATE}:seed=7", "-c:a", "pcm_s16le", self.paths[name]])
        spoken = folder / "spoken.wav"
        subprocess.run(["espeak-ng", "-s", "165", "-w", spoken, 3 * " ".join(WORDS.split())], check=True)
        run(["-i", spoken, "-ar", str(RATE), "-ac", "1", "-c:a", "pcm_s16le", self.paths["speech"]])
        rng = random.Random(11)
        count = round(ECHO_S * RATE)
        loud = math.sqrt(ECHO_SHARE / (count / 13.8))
        room = [1.0] + [0.0] * round(0.015 * RATE) + [math.exp(-6.9 * i / count) * rng.gauss(0, loud) for i in range(count)]
        write(self.paths["room"], [round(32767 * max(-1, min(1, value / 2))) for value in room])
        self.levels = {name: level(samples_of(path)) for name, path in self.paths.items()}


def run(arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True)


def samples_of(path, from_s=0.0, length_s=60.0):
    done = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-ss", str(from_s), "-t", str(length_s), "-i", path, "-f", "s16le", "-"],
                          stdout=subprocess.PIPE, check=True)
    return array.array("h", done.stdout)


def write(path, values):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-", "-c:a", "pcm_s16le", path], check=True,
                   input=array.array("h", values).tobytes())


def level(samples):
    """Root of the mean square, in dB."""
    return 10 * math.log10(max(1, sum(value * value for value in samples) / max(1, len(samples))))


class Query:
    def __init__(self, song, kind, offset_s, duration_s):
        self.song, self.kind, self.offset_s, self.duration_s = song, kind, offset_s, duration_s
        self.item = None

    def as_json(self, number):
        return {"query_id": f"R{number:05}", "true_track_id": self.song.id if self.song.known else None, "kind": self.kind,
                "offset_s": round(self.offset_s, 2), "duration_s": self.duration_s, "file": self.song.name,
                "also_same_recording": [track_id for track_id in self.song.same if self.song.known and track_id != self.song.id],
                "code": self.item["code"]}


def graph(kind, noises, loud, at_s):
    """Further inputs, and the filter graph of a kind: from [0] to [out]."""
    filters, _ = KINDS[kind]
    if filters == "REVERB":
        return ["-i", noises.paths["room"]], "[0][1]afir=gtype=none[out]"
    if not filters.startswith("NOISE"):
        return [], f"[0]{filters}[out]"
    _, name, below = filters.split()
    gain = loud - float(below) - noises.levels[name]
    return (["-ss", str(at_s % 20), "-i", noises.paths[name]],
            f"[1]volume={gain:.2f}dB[noise];[0]volume=-4dB[music];[noise]volume=-4dB[low];[music][low]amix=normalize=0:duration=first[out]")


def degrade(song, rng, kinds, noises, work):
    """(queries, sound files) of one song."""
    queries, paths = [], []

    def cut(kind, from_s, length_s, make):
        queries.append(Query(song, kind, from_s, length_s))
        paths.append(make)

    for length_s in CLEAN if "clean" in kinds else ():
        from_s = rng.uniform(0, song.length_s - length_s - 1)
        path = work / f"clean{length_s}.wav"
        run(["-ss", f"{from_s:.3f}", "-t", str(length_s), "-i", song.sound, "-c:a", "pcm_s16le", "-ar", "11025", path])
        cut(f"clean{length_s}", from_s, length_s, path)
    from_s = rng.uniform(0, song.length_s - EXCERPT_S - 2)
    source = work / "source.wav"
    run(["-ss", f"{from_s:.3f}", "-t", str(EXCERPT_S + 1), "-i", song.sound, "-c:a", "pcm_s16le", source])
    loud = level(samples_of(source))
    for kind in (kind for kind in KINDS if kind in kinds):
        codec, options = KINDS[kind][1]
        path = work / f"{kind}.{SUFFIX.get(codec, 'wav')}"
        inputs, filters = graph(kind, noises, loud, from_s)
        run(["-i", source, *inputs, "-filter_complex", filters, "-map", "[out]", "-t", str(EXCERPT_S), "-c:a", codec, *(options or ["-ar", "11025"]), path])
        cut(kind, from_s, EXCERPT_S, path)
        if kind in SHORTENED:
            short = work / f"{kind}_10s.wav"
            run(["-ss", "8", "-t", str(SHORT_S), "-i", path, "-c:a", "pcm_s16le", "-ar", "11025", short])
            cut(f"{kind}_10s", from_s + 8, SHORT_S, short)
    return queries, paths


def ask(program, song, seed, kinds, noises):
    """The queries of a song with their codes."""
    with tempfile.TemporaryDirectory(prefix="echoprint-air-") as work:
        queries, paths = degrade(song, random.Random(f"{seed} {song.id}"), kinds, noises, pathlib.Path(work))
        for query, item in zip(queries, air_music.code(program, paths)):
            query.item = item
    return [query for query in queries if query.item.get("code")]


def write_json(path, value):
    part = path.with_name(path.name + ".part")
    with lzma.open(part, "wt", preset=6) as file:
        json.dump(value, file)
    os.replace(part, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    parser.add_argument("--fetch", action="store_true")
    parser.add_argument("--songs", type=int, default=80)
    parser.add_argument("--strangers", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    program = str(pathlib.Path(options.program).resolve())
    folder = options.folder.resolve()
    if options.fetch:
        air_music.fetch(folder)
    songs = air_music.songs(program, folder, options.seed)
    known = [song for song in songs if song.known]
    strangers = [song for song in songs if not song.known]
    print(f"{len(songs)} songs, {sum(song.length_s for song in songs) / 3600:.1f} h: {len(known)} known, {len(strangers)} strangers")
    write_json(folder / "tracks.json.xz", [song.item for song in known])

    rng = random.Random(options.seed)
    asked = rng.sample(known, min(options.songs, len(known))) + rng.sample(strangers, min(options.strangers, len(strangers)))
    noises = Noises(folder / "noise")
    with concurrent.futures.ThreadPoolExecutor(2) as workers:
        queries = sum(workers.map(lambda song: ask(program, song, options.seed, {"clean", *KINDS}, noises), asked), [])
    low = [query for query in queries if not query.song.known and query.kind.startswith("lowpass")]
    rest = [query for query in queries if query not in low]
    write_json(folder / "queries.json.xz", [query.as_json(number) for number, query in enumerate(rest)])
    write_json(folder / "lowpassed.json.xz", [query.as_json(number) for number, query in enumerate(low, len(rest))])
    print(f"{len(asked)} songs asked, {len(rest)} queries, and {len(low)} of strangers without their upper bands")


if __name__ == "__main__":
    main()

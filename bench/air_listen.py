#!/usr/bin/env python3
"""Listens to streams as a radio station makes them: songs that fade into each other, a speaker over
every transition, talk between some, compression in five bands, MP3 of 64 kbit/s. Says which songs
were named, when, and how late.

usage: air_listen.py --program build/echoprint --folder FOLDER [--minutes 40] [--seed N]... [--strangers] [--speed PERCENT] [--beside DIR]

The songs are those of air_music.py, in FOLDER as air.py --fetch puts them there. Each seed has a
database of its own, of two thirds of the songs, and plays some that it holds and some that it does
not. With --strangers it plays only such as it does not hold, of the same games. With --speed half
of the songs are played up to that much faster or slower. With --beside the songs are added to a
copy of the data folder DIR. Streams are kept in FOLDER/streams.
"""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import tempfile

import air_music
from air import RATE, WORDS, level, samples_of
from stream import Segment, is_there, listen, remember, report

# Five bands, each with attack and decay, points of input and output, and the frequency it ends at:
# louder than the radio of air.py, and into its limiter.
RADIO = ("mcompand=args='0.005\\,0.1 6 -47/-40\\,-34/-34\\,-17/-33 100 | 0.003\\,0.05 6 -47/-40\\,-34/-34\\,-17/-33 400 | "
         "0.000625\\,0.0125 6 -47/-40\\,-34/-34\\,-15/-33 1600 | 0.0001\\,0.025 6 -47/-40\\,-34/-34\\,-31/-31\\,-0/-30 6400 | "
         "0\\,0.025 6 -38/-31\\,-28/-28\\,-0/-25 22000',volume=15dB,alimiter=limit=0.9")
FADE_S = 3
LOUD_DB = 70  # all songs are made as loud as this; 16 bit are 90
SPEECH_DB = 69
VOICES = ("en-gb", "en-us", "en-us+f2", "en-gb+m3", "en-gb+f4", "en-gb-scotland+m7")
TALK_SHARE = 0.1


def plan(songs, minutes, strangers_only, speed, rng):
    """Segments of so many minutes."""
    queues = {known: [song for song in songs if song.known == known and song.length_s > 60] for known in (True, False)}
    for queue in queues.values():
        rng.shuffle(queue)
    segments, total = [], 0.0
    while total < 60 * minutes:
        if segments and segments[-1].name and rng.random() < TALK_SHARE:
            segment = Segment(None, (), 0, rng.uniform(15, 50))
        else:
            known = not strangers_only and rng.random() < 0.65
            song = queues[known].pop(0)
            queues[known].append(song)
            factor = 1 + rng.choice((0, rng.uniform(-speed, speed))) / 100 if speed else 1.0
            from_s = rng.choice((0, 0, rng.uniform(0, song.length_s - 55)))
            length_s = min((song.length_s - from_s) / factor - 0.5, rng.uniform(50, 150))
            segment = Segment(song.name, song.same if known else (), from_s, length_s, factor)
        segment.at_s = max(0, total - FADE_S)
        segments.append(segment)
        total = segment.at_s + segment.length_s
    return segments


def speak(rng, at_least_s):
    """Samples of a speaker, who says some sentences."""
    spoken = b""
    sentences = [part.strip() + "." for part in " ".join(WORDS.split()).split(".") if part.strip()]
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        while len(spoken) < 2 * RATE * at_least_s:
            text = " ".join(rng.sample(sentences, 2))
            subprocess.run(["espeak-ng", "-v", rng.choice(VOICES), "-s", str(rng.randint(150, 190)), "-w", file.name, text], check=True)
            loud = level(samples_of(file.name))
            spoken += subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", file.name, "-af", f"volume={SPEECH_DB - loud:.2f}dB", "-ac", "1",
                                      "-ar", str(RATE), "-f", "s16le", "-"], stdout=subprocess.PIPE, check=True).stdout
    return spoken


def speech(segments, path, rng):
    """Writes what is spoken in the stream, and gives from when to when that is, in seconds."""
    track = bytearray(2 * round((segments[-1].at_s + segments[-1].length_s) * RATE))
    spans = []
    for segment in segments[1:]:
        spoken = speak(rng, segment.length_s - FADE_S if not segment.name else rng.uniform(4, 9))
        from_s = segment.at_s + (FADE_S if not segment.name else -rng.uniform(1, 5))
        at = 2 * round(from_s * RATE)
        track[at:at + len(spoken)] = spoken[:len(track) - at]
        spans.append((from_s, from_s + len(spoken) / 2 / RATE))
    path.write_bytes(track)
    return spans


def mix(segments, songs, path, rng):
    """Makes the stream."""
    sounds = {song.name: song.sound for song in songs}
    inputs, graph = [], []
    for i, segment in enumerate(segments):
        if segment.name:
            taken_s = segment.length_s * segment.speed
            inputs += ["-ss", f"{segment.from_s:.3f}", "-t", f"{taken_s:.3f}", "-i", sounds[segment.name]]
            gain = LOUD_DB - level(samples_of(sounds[segment.name], segment.from_s, 30))
            graph.append(f"[{i}]volume={min(gain, 20):.2f}dB,asetrate={RATE * segment.speed:.0f},aresample={RATE},apad=whole_dur={segment.length_s:.3f},"
                         f"atrim=end={segment.length_s:.3f}[s{i}]")
        else:
            inputs += ["-f", "lavfi", "-t", f"{segment.length_s:.3f}", "-i", f"anullsrc=r={RATE}:cl=mono"]
            graph.append(f"[{i}]anull[s{i}]")
    last = "s0"
    for i in range(1, len(segments)):
        graph.append(f"[{last}][s{i}]acrossfade=d={FADE_S}:c1=tri:c2=tri[m{i}]")
        last = f"m{i}"
    spoken = path.with_suffix(".speech")
    low = "+".join(f"between(t,{a:.2f},{b:.2f})" for a, b in speech(segments, spoken, rng))
    graph.append(f"[{last}]volume='if({low},0.4,1)':eval=frame[low];[low][{len(segments)}]amix=normalize=0:duration=first,{RADIO}[out]")
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *inputs, "-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", spoken, "-filter_complex",
                    ";".join(graph), "-map", "[out]", "-ac", "1", "-b:a", "64k", path], check=True)
    spoken.unlink()
    remember(path, segments)


def keep_known(songs, stream):
    """The names of the songs that are known, in the order in which they come into the log."""
    stream.with_suffix(".known.json").write_text(json.dumps([song.name for song in songs if song.known]))


def hear(program, songs, segments, stream, beside):
    """What the program names in the stream, with a database of the songs that are known."""
    with tempfile.TemporaryDirectory(prefix="echoprint-listen-", dir=stream.parent) as folder:
        node = pathlib.Path(folder) / "node"
        if beside:
            shutil.copytree(beside, node)
        subprocess.run([program, "-d", node, "-q", "ingest", "--dedup", "off", "-"], check=True, stdout=subprocess.DEVNULL,
                       input=json.dumps([song.item for song in songs if song.known]).encode())
        names, cpu_s = listen(program, node, stream, f"{stream}{'.beside' if beside else ''}.windows")
    report(segments, names, segments[-1].at_s + segments[-1].length_s, cpu_s)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--strangers", action="store_true")
    parser.add_argument("--speed", type=float, default=0)
    parser.add_argument("--beside", type=pathlib.Path)
    options = parser.parse_args()
    program = str(pathlib.Path(options.program).resolve())
    folder = options.folder.resolve()
    (folder / "streams").mkdir(exist_ok=True)
    for seed in options.seed or [1]:
        songs = air_music.songs(program, folder, seed)
        name = f"{'strangers' if options.strangers else 'radio'}-{options.minutes:g}-{options.speed:g}-{seed}"
        rng = random.Random(name)
        segments = plan(songs, options.minutes, options.strangers, options.speed, rng)
        print(f"\n{name}: {sum(song.known for song in songs)} songs known, {sum(not song.known for song in songs)} not")
        stream = folder / "streams" / f"{name}.mp3"
        if not is_there(stream, segments):
            mix(segments, songs, stream, rng)
        keep_known(songs, stream)
        hear(program, songs, segments, stream, options.beside)


if __name__ == "__main__":
    main()

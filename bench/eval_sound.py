#!/usr/bin/env python3
"""Asks degraded excerpts of real songs as audio files, beside the same excerpts as codes: right,
wrong or not answered.

usage: eval_sound.py --program build/echoprint --files FOLDER [--songs 100]

The excerpts are those of queries.json (../shared/data, or $ECHOPRINT_SHARED_DATA), cut out of the
files of library.json, which are in FOLDER as sound.py --fetch puts them there, and degraded by
ffmpeg in the same ways; the database holds the whole library. The codes are those in queries.json.
All files are asked in one call.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from music import library, shared, there

# How each kind is made: filters, and what it is encoded as.
KINDS = {
    "clean20": ((), ".wav"),
    "clean30": ((), ".wav"),
    "clean60": ((), ".wav"),
    "mp3_32k_22k": (("-ar", "22050", "-ac", "1", "-b:a", "32k"), ".mp3"),
    "noise10db": (None, ".wav"),
    "vol-20db": (("-af", "volume=-20dB"), ".wav"),
    "lowpass4k": (("-af", "lowpass=f=4000"), ".wav"),
}
NOISE_DB = 10


def ffmpeg(*words):
    return subprocess.run(["ffmpeg", "-v", "info", "-nostdin", "-y", *map(str, words)], capture_output=True, check=True).stderr.decode(errors="replace")


def volume(cut):
    """The mean volume in dB of what the words select."""
    for line in ffmpeg(*cut, "-af", "volumedetect", "-f", "null", "-").splitlines():
        if "mean_volume:" in line:
            return float(line.split("mean_volume:")[1].split()[0])
    sys.exit(f"no volume of {cut}")


def make(question, source, path):
    """Writes the excerpt that a question is of."""
    words, _ = KINDS[question["kind"]]
    cut = ("-ss", question["offset_s"], "-t", question["duration_s"], "-i", source)
    if words is not None:
        ffmpeg(*cut, *words, path)
        return
    # White noise of ffmpeg has an amplitude, whose root mean square is its third root.
    amplitude = min(10 ** ((volume(cut) - NOISE_DB) / 20) * 3 ** 0.5, 1)
    noise = f"anoisesrc=color=white:sample_rate=44100:amplitude={amplitude:.6f}:duration={question['duration_s']}:seed=1"
    ffmpeg(*cut, "-f", "lavfi", "-i", noise, "-filter_complex",
           "[0:a]aformat=sample_rates=44100:channel_layouts=mono[a];[a][1:a]amix=inputs=2:normalize=0:duration=first", path)


def verdict(question, answer):
    if not answer["match"]:
        return "none"
    return "right" if answer["track_id"] in (question["true_track_id"], *(question.get("also_same_recording") or ())) else "wrong"


def ask(program, node, words, text=None):
    done = subprocess.run([program, "-d", node, "--json", "-q", "query", *words], input=text, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"query exited with {done.returncode}: {done.stderr[-400:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def report(questions, answers):
    """A table by kind; answers by what was asked."""
    print(f"{'':12}" + "".join(f"  {what:>18}" for what in answers) + "    (right, wrong, none)")
    totals = {what: collections.Counter() for what in answers}
    for kind in KINDS:
        line = f"{kind:12}"
        for what, given in answers.items():
            found = collections.Counter(verdict(question, answer) for question, answer in zip(questions, given) if question["kind"] == kind)
            totals[what] += found
            line += f"  {found['right']:>8}{found['wrong']:>5}{found['none']:>5}"
        print(line)
    print(f"{'all':12}" + "".join(f"  {found['right']:>8}{found['wrong']:>5}{found['none']:>5}" for found in totals.values()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--files", required=True, type=pathlib.Path)
    parser.add_argument("--songs", type=int, default=20)
    options = parser.parse_args()
    program = str(pathlib.Path(options.program).resolve())
    items = library()
    sources = {item["metadata"]["track_id"]: options.files / item["metadata"]["filename"] for item in there(items, options.files)}
    questions = [question for question in shared("queries.json") if question["kind"] in KINDS and question["true_track_id"] in sources]
    songs = list(dict.fromkeys(question["true_track_id"] for question in questions))[:options.songs]
    questions = [question for question in questions if question["true_track_id"] in songs]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="echoprint-eval-"))
    try:
        paths = [folder / f"{number}{KINDS[question['kind']][1]}" for number, question in enumerate(questions)]
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            list(pool.map(lambda pair: make(pair[0], sources[pair[0]["true_track_id"]], pair[1]), zip(questions, paths)))
        subprocess.run([program, "-d", folder / "node", "ingest", "-q", "-"], input=json.dumps(items).encode(), stdout=subprocess.DEVNULL,
                       check=True)
        heard = ask(program, folder / "node", paths)
        coded = ask(program, folder / "node", ["-"], "".join(question["code"] + "\n" for question in questions))
        print(f"{len(songs)} songs, {len(questions)} excerpts")
        report(questions, {"as audio": heard, "as codes": coded})
        near = [abs(answer["offset_s"] - question["offset_s"]) <= 0.1 for question, answer in zip(questions, heard)
                if verdict(question, answer) == "right"]
        print(f"as audio, the offset is right to 0.1 s: {sum(near)} of {len(near)}")
    finally:
        shutil.rmtree(folder)


main()

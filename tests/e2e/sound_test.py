#!/usr/bin/env python3
"""From sound to codes: as the ffmpeg program decodes it, and whatever is thrown at the decoder.

With ffmpeg, files of many formats are made and decoded both ways; without it, WAV files alone are
tried.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import time

from audio import FFMPEG, RATE, ffmpeg, music, wav
from common import Skip, need, run, same, unpack
from servers import until

def codegen(test, *words, data=None, statuses=(0,), cwd=None):
    done = subprocess.run([test.program, "codegen", *map(str, words)], input=data, capture_output=True, timeout=300, cwd=cwd,
                          stdin=subprocess.DEVNULL if data is None else None)
    need(done.returncode in statuses,
         f"codegen exited with {done.returncode}: {done.stderr.decode(errors='replace')[-400:]}")
    return json.loads(done.stdout.decode()), done.stderr.decode(errors="replace")


class Songs:
    """The files that the tests share."""

    def __init__(self, test):
        self.folder = test.new_folder("songs")
        self.wav = self.folder / "song.wav"
        self.wav.write_bytes(wav(music(16), RATE, 2))

    def all(self):
        """One file of each of many kinds; without ffmpeg the WAV file alone."""
        kinds = {
            "song.flac": [], "song.mp3": ["-b:a", "96k"], "song.ogg": ["-c:a", "libvorbis"], "song.opus": ["-b:a", "48k"],
            "song.m4a": [], "song.wma": [], "song.wv": [], "song.ac3": [], "song.tta": [], "mono8.wav": ["-ac", "1", "-c:a", "pcm_u8"],
            "float.wav": ["-c:a", "pcm_f32le"], "eight.flac": ["-filter_complex", "[0][0][0][0]amerge=inputs=4", "-ar", "48000"],
            "high.flac": ["-ar", "192000"], "low.wav": ["-ar", "8000"], "raw.aac": ["-f", "adts"], "film.mkv": None,
            "copy.ogg": ["song.ogg", "2.05"], "copy.mp3": ["song.mp3", "3.3"], "copy.m4a": ["song.m4a", "1.7"],
        }
        paths = [self.wav]
        for name, words in kinds.items() if FFMPEG else ():
            path = self.folder / name
            if not path.exists() and words is None:
                ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x64:rate=5:duration=16", "-i", self.wav, "-i", self.wav, "-map", "0",
                       "-map", "1", "-map", "2", "-c:v", "mpeg4", "-c:a:0", "mp2", "-c:a:1", "flac", "-ac:a:1", "1", path)
            elif not path.exists() and name.startswith("copy"):
                # Cut out of the middle without being decoded: times that begin below 0, or
                # anywhere.
                ffmpeg("-ss", words[1], "-i", self.folder / words[0], "-c", "copy", path)
            elif not path.exists():
                ffmpeg("-i", self.wav, *words, "-metadata", "artist=Ä Band", "-metadata", "title=A \"Song\"", path)
            paths.append(path)
        return paths


def decodes_as_ffmpeg_does(test, songs):
    if not FFMPEG:
        raise Skip("there is no ffmpeg")
    paths = songs.all()
    found, _ = codegen(test, *paths)
    for path, item in zip(paths, found):
        samples = ffmpeg("-i", path, "-ac", "1", "-ar", "11025", "-f", "s16le", "-")
        [expected], _ = codegen(test, "-", data=samples)
        same(item["metadata"]["samples_decoded"], len(samples) // 2, f"samples of {path.name}")
        need(item["code_count"] > 60, f"{path.name} has few codes")
        same(item["code"], expected["code"], f"codes of {path.name}")


def cuts_as_ffmpeg_does(test, songs):
    if not FFMPEG:
        raise Skip("there is no ffmpeg")
    for path in songs.all():
        if path.name not in ("song.wav", "song.mp3", "song.opus", "song.m4a"):
            continue
        for start, duration in ((3, 10), (0, 7.5), (2.345, 4), (12, 60)):
            words = ["-t", duration] + (["-ss", start] if start else [])
            samples = ffmpeg("-i", path, "-ac", "1", "-ar", "11025", "-f", "s16le", *words, "-")
            [item], _ = codegen(test, "--start", start, "--duration", duration, path)
            same(item["metadata"]["samples_decoded"], len(samples) // 2, f"samples of {path.name} from {start}")


def reads_tags(test, songs):
    if not FFMPEG:
        raise Skip("there is no ffmpeg")
    paths = [path for path in songs.all() if path.name in ("song.flac", "song.mp3", "song.ogg", "song.opus", "song.m4a", "song.wma")]
    found, _ = codegen(test, *paths)
    for path, item in zip(paths, found):
        metadata = item["metadata"]
        same((metadata["artist"], metadata["title"]), ("Ä Band", "A \"Song\""), f"tags of {path.name}")
        need(15 <= metadata["duration"] <= 17, f"{path.name} lasts {metadata['duration']} s")
        need(metadata["sample_rate"] in (RATE, 48000), f"{path.name} has {metadata['sample_rate']} Hz")


def survives_what_is_broken(test, songs):
    """Files cut off, with bytes changed, and with broken headers: each costs at most itself."""
    rng = random.Random(3)
    folder = test.new_folder("broken")
    good = songs.wav
    paths = []
    for path in songs.all():
        data = path.read_bytes()
        for number in range(3):
            broken = bytearray(data)
            if number == 0:
                del broken[rng.randrange(len(data)):]
            elif number == 1:
                for _ in range(40):
                    broken[rng.randrange(len(broken))] = rng.randrange(256)
            else:
                for _ in range(8):
                    broken[rng.randrange(min(400, len(broken)))] = rng.randrange(256)
            paths.append(folder / f"{number}-{path.name}")
            paths[-1].write_bytes(broken)
    for name, data in {"nothing.mp3": b"", "one.ogg": b"O", "zeros.mp3": bytes(100000), "text.flac": b"fLaC" + b"words " * 500,
                       "noise.opus": rng.randbytes(50000), "page.html": b"<html><body>hello</body></html>",
                       "huge.wav": wav(bytes(1000), 4294967295, 65535, 16, 0xffffffff),
                       "none.wav": wav(b"", RATE, 0), "list.m3u8": f"#EXTM3U\n#EXTINF:9,\n{good}\n".encode(),
                       "cat.ffconcat": f"ffconcat version 1.0\nfile '{good}'\n".encode()}.items():
        paths.append(folder / name)
        paths[-1].write_bytes(data)
    if FFMPEG:
        paths.append(folder / "picture.png")
        ffmpeg("-f", "lavfi", "-i", "testsrc=size=320x200", "-frames:v", "1", paths[-1])
    mixed = [path for pair in zip(paths, [good] * len(paths)) for path in pair]
    found, said = codegen(test, *mixed, statuses=(3,))
    same(len(found), len(mixed), "objects")
    [expected] = {item["code"] for item in found[1::2]}
    need(len(expected) > 500, "the good file between has no codes")
    for path, item in zip(paths, found[::2]):
        if "error" in item:
            need(str(path) in said, f"nothing was said of {path.name}")
    by_name = {path.name: item for path, item in zip(paths, found[::2])}
    for name in ("nothing.mp3", "one.ogg", "page.html", "none.wav", "list.m3u8", "cat.ffconcat"):
        need("error" in by_name[name], f"{name} has codes")


def takes_any_name(test, songs):
    folder = test.new_folder("names")
    names = ["it's.wav", "\"quoted\".wav", "two\nlines.wav", "-dash.wav", "--strict", "%s%n.wav", "ünï.wav", "tab\t.wav", "a" * 250 + ".wav",
             "$(reboot).wav", "http:__x.wav", "concat:a|b.wav", "-"]
    for name in names:
        (folder / name).write_bytes(songs.wav.read_bytes())
    found, _ = codegen(test, "--", *(f"./{name}" if name == "-" else name for name in names), cwd=folder)
    same(len({item["code"] for item in found}), 1, "different codes")
    same([item["metadata"]["filename"] for item in found][:-1], names[:-1], "names")
    node = test.node("named")
    result = node.json("ingest", "--dedup", "off", folder)
    same(result["rejected"], 0, "rejected files")
    tracks = {row.split(b",")[0].rsplit(b"-", 1)[0] for row in node.contents().split(b"\r\n") if row.startswith(b"TR")}
    same(len(tracks), len(names), "tracks")


def takes_long_and_strange_sound(test, songs):
    """An hour of eight channels at 192,000 Hz would be 11 GB; so: an hour of one, and a second of
    eight."""
    folder = test.new_folder("long")
    hour = folder / "hour.wav"
    size = 3600 * 8000
    hour.write_bytes(wav(b"", 8000, 1, 8, size))
    os.truncate(hour, 44 + size)
    wide = folder / "wide.wav"
    wide.write_bytes(wav(random.Random(1).randbytes(192000 * 16), 192000, 8))
    found, _ = codegen(test, hour, wide)
    same([item["metadata"]["duration"] for item in found], [3600, 1], "durations")
    same(found[0]["metadata"]["samples_decoded"] // 11025, 3600, "seconds decoded")


def decoders_of(program):
    """Process ids of the decoders that a process has started."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = path.read_text(errors="replace").rsplit(")", 1)
            if rest.split()[1] == str(program.pid) and "echoprint-decod" in name:
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


def long_file(test, name):
    """Two days of silence, so that it is still being decoded when its decoder is looked for."""
    path = test.new_folder(name) / "long.wav"
    size = 48 * 3600 * 8000
    path.write_bytes(wav(b"", 8000, 1, 8, size))
    os.truncate(path, 44 + size)
    return path


def file_of(decoder):
    """What it decodes: the descriptor behind that of its socket; it is shut in once it has one."""
    try:
        return os.readlink(f"/proc/{decoder}/fd/4")
    except OSError:
        return ""


def is_stopped(process):
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


def stopped_decoder(program, path, seconds=20):
    """The decoder of a file, stopped in the middle of it: it is there for as long as it is looked
    at."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and program.poll() is None:
        for decoder in decoders_of(program):
            if file_of(decoder) != str(path.resolve()):
                continue
            os.kill(decoder, signal.SIGSTOP)
            until(lambda: is_stopped(decoder), "the decoder is stopped", 20)
            if file_of(decoder) == str(path.resolve()):
                return decoder
            os.kill(decoder, signal.SIGCONT)
        time.sleep(0.005)
    raise Skip("the file was decoded before its decoder was seen")


def a_crash_costs_one_file(test, songs):
    long = long_file(test, "crash")
    program = subprocess.Popen([test.program, "codegen", long, songs.wav, songs.wav], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        os.kill(stopped_decoder(program, long), signal.SIGKILL)
        out, said = program.communicate(timeout=120)
    finally:
        program.kill()
    same(program.returncode, 3, "exit status")
    need(b"long.wav: the decoder crashed on it" in said, f"it said {said[-300:]!r}")
    found = json.loads(out)
    same(["error" in item for item in found], [True, False, False], "failures")


def a_decoder_is_shut_in(test, songs):
    long = long_file(test, "jail")
    program = subprocess.Popen([test.program, "codegen", long], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        decoder = stopped_decoder(program, long)
        status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{decoder}/status").read_text().splitlines() if ":\t" in line)
        limits = pathlib.Path(f"/proc/{decoder}/limits").read_text()
        files = {os.readlink(path) for path in pathlib.Path(f"/proc/{decoder}/fd").iterdir()}
    finally:
        program.send_signal(signal.SIGINT)
        program.wait(timeout=120)
    same(program.returncode, 1, "exit status after Ctrl-C")
    same(status["NoNewPrivs"].strip(), "1", "no_new_privs")
    need("Max file size             0" in limits, "it may write files")
    if status["Seccomp"].strip() != "2":
        raise Skip("a build with a sanitizer, or a kernel without seccomp, does not filter system calls")
    need("Max data size             536870912" in limits, "its memory is not limited")
    others = [name for name in files if not name.startswith(("socket:", "/dev/null")) and not name.endswith("long.wav")]
    same(others, [], "further files that it has open")


def ingests_a_folder_once(test, songs):
    songs.all()
    node, other = test.node("folder"), test.node("folder-other")
    first = node.json("ingest", "--dedup", "off", "--id-from", "path", songs.folder)
    need(first["new"] == first["read"] > 0 and first["rejected"] == 0, f"first: {first}")
    again = node.json("ingest", "--dedup", "off", "--id-from", "path", songs.folder)
    same((again["unchanged"], again["position"]), (first["read"], first["position"]), "second run")
    other.run("ingest", "--dedup", "off", "--id-from", "path", *sorted(songs.folder.iterdir()))
    same(other.digest(), node.digest(), "digest of another node")
    paths = sorted(songs.folder.iterdir())
    found, _ = codegen(test, *paths)
    rows = node.contents().decode()
    for path, item in zip(paths, found):
        codes = sorted(unpack(item["code"]))[:1]
        need(all(f"{code} {moment}" in rows for code, moment in codes), f"codes of {path.name} are not there")
    node.verify()


def goes_on_after_a_kill(test, songs):
    """What was committed is known again, and nothing is there twice."""
    songs.all()
    folder = test.new_folder("many")
    for number in range(12):
        for path in (songs.folder / "song.mp3", songs.wav):
            if path.exists():
                shutil.copy(path, folder / f"{number}-{path.name}")
    node, whole = test.node("killed"), test.node("unkilled")
    whole.run("ingest", "--id-from", "path", folder)
    for moment in (0.1, 0.4, 1.0, 2.5):
        program = node.start("ingest", "--id-from", "path", folder)
        try:
            program.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            program.kill()
        program.communicate()
    node.run("ingest", "--id-from", "path", folder)
    same(node.digest(), whole.digest(), "digest")
    node.verify()


def body(test):
    songs = Songs(test)
    for check in (decodes_as_ffmpeg_does, cuts_as_ffmpeg_does, reads_tags, survives_what_is_broken, takes_any_name,
                  takes_long_and_strange_sound, a_crash_costs_one_file, a_decoder_is_shut_in, ingests_a_folder_once,
                  goes_on_after_a_kill):
        test.check(check.__name__.replace("_", " "), check, test, songs)


run(body)

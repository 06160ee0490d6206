#!/usr/bin/env python3
"""Makes input for the command-line tests that a shell cannot.

usage: make song ID [TITLE]       a song of two documents as an object of the code generator
       make long-field N          a row whose codes have N bytes
       make long-id N             an id of N bytes
       make many ID N             N rows of one track
       make tracks ID N           N tracks of one row each, that do not pack well
       make streams FORMAT FILE...  each file packed alone, one behind the other
       make newer FOLDER          a data folder of a format that no program knows
       make damaged FOLDER ID     a byte changed in the entry of a track
       make cut-short FILE N      the file without its last N bytes, on stdout
       make sound SECONDS         raw samples of square waves that begin and fade, 11025 a second
       make wav FILE              raw samples as a WAV file, on stdout
       make codes                 the pairs in the code generator's JSON on stdin, one a line
       make first                 when the first and the last of them are
       make tags                  of each object its tag, its title or error, and its file
       make code ID FROM TIMES   a piece of a real song, packed
       make plain ID FROM TIMES [+SHIFT]   the same as a plain code string, later by SHIFT
       make noise N              a plain code string of N pairs that no song has
       make fields [NAME...]     of each JSON object of standard input the fields, or those named, without
                                 what differs from run to run
       make pty COMMAND...        the command with a terminal as stderr, whose output goes to stdout
"""

import base64
import bz2
import gzip
import json
import lzma
import os
import pathlib
import pty
import random
import struct
import subprocess
import sys
import zlib


def song(track_id, title="Title"):
    pairs = [(time * 7919 % 1048576, time) for time in range(10, 2400, 10)]
    text = "".join(f"{time:05x}" for _, time in pairs) + "".join(f"{code:05x}" for code, _ in pairs)
    code = base64.urlsafe_b64encode(zlib.compress(text.encode())).decode()
    metadata = {"track_id": track_id, "artist": "Artist", "release": "Release", "title": title,
                "duration": 55, "version": 4.12}
    if not track_id:
        del metadata["track_id"]
    print(json.dumps({"metadata": metadata, "code_count": len(pairs), "code": code, "tag": 0}))


def codes_of_size(size):
    pair = "1048575 123456 "
    text = pair * (size // len(pair) - 1)
    return text + "1 " + "2".rjust(size - len(text) - 2, "0")


def long_field(size):
    sys.stdout.write(f"TRLONG-0,4.12,{codes_of_size(int(size))},60,artist,release,track\r\n")


def sound(seconds):
    noise, samples = 1, bytearray()
    for i in range(int(seconds) * 11025):
        total = 0
        for voice in range(3):
            length = 3100 + 1700 * voice
            half = 5 + (i // length * 7 + voice * 11) % 40
            loud = 9000 - 9000 * (i % length) // length
            total += loud if i // half % 2 else -loud
        noise = (noise * 1664525 + 1013904223) % (1 << 32)
        samples += struct.pack("<h", total + (noise >> 22) - 512)
    sys.stdout.buffer.write(samples)


def wav(path):
    samples = pathlib.Path(path).read_bytes()
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, 11025, 22050, 2,
                       16, b"data", len(samples))
    sys.stdout.buffer.write(head + samples)


def pairs_of(item):
    text = zlib.decompress(base64.urlsafe_b64decode(item["code"] + "=" * (-len(item["code"]) % 4))).decode() if item["code"] else ""
    numbers = [int(text[at:at + 5], 16) for at in range(0, len(text), 5)]
    return list(zip(numbers[len(numbers) // 2:], numbers))


def codes():
    for item in json.load(sys.stdin):
        for code, time in pairs_of(item):
            print(code, time)


def first():
    times = sorted(time for item in json.load(sys.stdin) for _, time in pairs_of(item))
    print(times[0], times[-1], len(times))


def tags():
    for item in json.load(sys.stdin):
        print(item["tag"], item.get("error", item.get("code_count")), json.dumps(item["metadata"]["filename"]))


def many(track_id, count):
    for number in range(int(count)):
        sys.stdout.write(f"{track_id}-{number},4.12,{number} 5,60,artist,release,track\r\n")


def tracks(track_id, count):
    rng = random.Random(1)
    for number in range(int(count)):
        codes = " ".join(f"{rng.randrange(1 << 20)} {time}" for time in range(0, 2500, 10))
        sys.stdout.write(f"{track_id}{number}-0,4.12,{codes},60,artist,release,track\r\n")


def streams(form, *paths):
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[form]
    for path in paths:
        sys.stdout.buffer.write(pack(pathlib.Path(path).read_bytes()))


LOG_FORMAT = 3


def newer(folder):
    """The format is a number of 64 bits under the key "format"."""
    path = pathlib.Path(folder) / "data.mdb"
    data = bytearray(path.read_bytes())
    key, found = b"format", 0
    at = data.find(key)
    while at >= 0:
        if data[at + 6:at + 14] == LOG_FORMAT.to_bytes(8, "little"):
            data[at + 6:at + 14] = (1000).to_bytes(8, "little")
            found += 1
        at = data.find(key, at + 1)
    path.write_bytes(data)
    if not found:
        sys.exit("make newer: there is no format in the log")


def damaged(folder, track_id):
    """Entries hold the id as text; the ids' own table has it too, as a key."""
    path = pathlib.Path(folder) / "data.mdb"
    data = bytearray(path.read_bytes())
    name = bytes([len(track_id)]) + track_id.encode()
    at = data.find(name)
    while at >= 0:
        data[at + len(name) + 4] ^= 0x40
        at = data.find(name, at + 1)
    path.write_bytes(data)


def piece_of(track_id, first, times):
    songs = json.loads((pathlib.Path(os.environ["DATA"]) / "songs.json").read_text())
    item = next(item for item in songs if item["metadata"]["track_id"] == track_id)
    return [(code, time - int(first)) for code, time in pairs_of(item)
            if 0 <= time - int(first) < int(times)]


def code(track_id, first, times):
    pairs = piece_of(track_id, first, times)
    text = "".join(f"{time:05x}" for _, time in pairs) + "".join(f"{code:05x}" for code, _ in pairs)
    print(base64.urlsafe_b64encode(zlib.compress(text.encode())).decode(), end="")


def plain(track_id, first, times, shift="0"):
    print(" ".join(f"{code} {time + int(shift)}" for code, time in piece_of(track_id, first, times)),
          end="")


def noise(count):
    rng = random.Random(1)
    print(" ".join(f"{rng.randrange(1 << 20)} {time}" for time in range(int(count))), end="")


def fields(*names):
    for line in sys.stdin:
        item = json.loads(line)
        if "query" in item:
            item["query"] = f"{len(item['query'])} characters"
        item["qtime"] = item["total_time"] = "MS"
        shown = names or item
        print(json.dumps({name: item[name] for name in shown}))


def terminal(*command):
    main, side = pty.openpty()
    child = subprocess.Popen(command, stderr=side, stdout=subprocess.DEVNULL)
    os.close(side)
    try:
        while piece := os.read(main, 65536):
            sys.stdout.buffer.write(piece)
    except OSError:
        pass
    sys.exit(child.wait())


def main():
    arguments = sys.argv[2:]
    commands = {
        "song": song, "long-field": long_field, "many": many, "tracks": tracks,
        "streams": streams, "newer": newer, "damaged": damaged, "pty": terminal,
        "sound": sound, "wav": wav, "codes": codes, "first": first, "tags": tags,
        "streams": streams, "newer": newer, "damaged": damaged, "pty": terminal, "code": code, "plain": plain,
        "noise": noise, "fields": fields,
        "long-id": lambda size: print("T" * int(size), end=""),
        "cut-short": lambda path, size: sys.stdout.buffer.write(
            pathlib.Path(path).read_bytes()[:-int(size)]),
    }
    commands[sys.argv[1]](*arguments)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""How long /v1/identify takes when many clients ask at once, each with the same MP3.

usage: bench/identify.py --program PATH [--clients N] [--seconds N]

Prints milliseconds: of whole requests as the clients see them and, as the answers say, of decoding
and of the search; what is left is waiting for a decoder. Needs ffmpeg. A second line is of one
client alone.
"""

import http.client
import json
import pathlib
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "e2e"))

import audio  # noqa: E402  pylint: disable=wrong-import-position
from common import DATA, need, run  # noqa: E402  pylint: disable=wrong-import-position
from servers import Server, until  # noqa: E402  pylint: disable=wrong-import-position


def ask(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    began = time.monotonic()
    connection.request("POST", "/v1/identify", body, {"Content-Type": "audio/mpeg"})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, (time.monotonic() - began) * 1000, json.loads(data)


def line(what, found):
    parts = {"whole": [ms for _, ms, _ in found], "decode": [one["results"][0]["ms"]["decode"] for _, _, one in found],
             "search": [one["results"][0]["ms"]["search"] for _, _, one in found]}
    words = ", ".join(f"{name} {statistics.median(values):.0f} (most {max(values):.0f})" for name, values in parts.items())
    print(f"{what}: median ms: {words}", flush=True)


def measure(test):
    options = test.options
    node = test.node("bench")
    node.run("ingest", "-q", DATA / "songs.json")
    (test.folder / "song.wav").write_bytes(audio.wav(audio.music(60), audio.RATE, 2))
    node.run("ingest", "-q", test.folder / "song.wav")
    audio.ffmpeg("-i", test.folder / "song.wav", "-t", options.seconds, "-b:a", "128k", test.folder / "song.mp3")
    body = (test.folder / "song.mp3").read_bytes()
    server = Server(node)
    until(lambda: ask(server.port, body)[2]["results"][0]["matches"], "the song")
    found = [ask(server.port, body) for _ in range(10)]
    line("one client", found)
    found, began = [], time.monotonic()
    threads = [threading.Thread(target=lambda: found.append(ask(server.port, body))) for _ in range(options.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    good = [one for one in found if one[0] == 200 and one[2]["results"][0]["matches"]]
    need(len(good) == options.clients, f"only {len(good)} of {options.clients} were answered with the song")
    line(f"{options.clients} clients, {seconds:.1f} s, {options.clients / seconds:.0f} a second", good)
    server.stop()


def body(test):
    test.check("all clients are answered", measure, test)


def add_options(parser):
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=30)


if __name__ == "__main__":
    run(body, add_options)

#!/usr/bin/env python3
"""What listening to many streams costs: processor time and memory a stream.

An Icecast server on this machine has one MP3 stream of 128 kbit/s, which an ffmpeg program feeds in
real time; the program listens to it as if it were 10, 50 or 200 stations. Icecast's and ffmpeg's
own time is not counted. Recognition is not part of it, unless --monitor names a data folder: then
`monitor` names the songs in the files of --music, each of which is a mount.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from icecast_server import Icecast, missing  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def children_of(process):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            if path.read_text(errors="replace").rsplit(")", 1)[1].split()[1] == str(process):
                found.append(int(path.parent.name))
        except OSError:
            pass
    return found


def cpu_seconds(processes):
    total = 0
    for process in processes:
        try:
            words = pathlib.Path(f"/proc/{process}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()
            total += int(words[11]) + int(words[12])
        except OSError:
            pass
    return total / TICKS


def memory(process):
    """(private, proportional) memory in MB: what it alone has, and its share of what is shared."""
    found = {}
    for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB":
            found[words[0].rstrip(":")] = int(words[1]) / 1024
    return found["Private_Dirty"] + found["Private_Clean"], found["Pss"]


def measure(program, url, count, seconds):
    """A row of the table."""
    began = time.monotonic()
    player = subprocess.Popen([program, "-q", *[url] * count], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    playing = 0
    while playing < count:
        line = player.stdout.readline()
        if not line:
            raise SystemExit("play_streams ended by itself")
        playing += line.rstrip().endswith(" playing")
        if " waiting " in line:
            print(line, end="", file=sys.stderr)
    started = time.monotonic() - began
    # The burst at the start is over when the last that began has played it.
    time.sleep(10)
    decoders = children_of(player.pid)
    before, decoders_before, clock = cpu_seconds([player.pid]), cpu_seconds(decoders), time.monotonic()
    time.sleep(seconds)
    lasted = time.monotonic() - clock
    own, decoding = cpu_seconds([player.pid]) - before, cpu_seconds(decoders) - decoders_before
    player_memory = memory(player.pid)
    memories = [memory(process) for process in decoders]
    player.stdin.write("facts\n")
    player.stdin.flush()
    lates, lost = [], 0
    while (line := player.stdout.readline()) and line != "done\n":
        if " facts " in line:
            lates.append(float(line.rsplit("late=", 1)[1]))
            lost += "connections=1 " not in line
    player.stdin.write("quit\n")
    player.stdin.flush()
    began = time.monotonic()
    player.wait(timeout=60)
    print(f"{count:7} | {started:9.1f} | {100 * own / lasted / count:9.3f} | {100 * decoding / lasted / count:10.3f} | "
          f"{100 * (own + decoding) / lasted / count:8.3f} | {player_memory[0] / count:12.2f} | "
          f"{sum(item[0] for item in memories) / count:14.2f} | "
          f"{(player_memory[1] + sum(item[1] for item in memories)) / count:9.2f} | {max(lates):8.1f} | {lost:10}", flush=True)


def measure_monitor(program, folder, urls, count, seconds):
    """The same with recognition, by the command `monitor`."""
    streams = [f"stream{number}={urls[number % len(urls)]}" for number in range(count)]
    monitor = subprocess.Popen([program, "-d", folder, "-q", "monitor", *streams], stdout=subprocess.DEVNULL)
    time.sleep(60)  # until each has a whole window
    decoders = children_of(monitor.pid)
    before, decoders_before, clock = cpu_seconds([monitor.pid]), cpu_seconds(decoders), time.monotonic()
    time.sleep(seconds)
    lasted = time.monotonic() - clock
    own, decoding = cpu_seconds([monitor.pid]) - before, cpu_seconds(decoders) - decoders_before
    memories = [memory(process) for process in (monitor.pid, *decoders)]
    status = subprocess.run([program, "-d", folder, "--json", "status"], capture_output=True, check=True).stdout
    states = [stream["state"] for stream in json.loads(status)["monitor"]["streams"]]
    monitor.terminate()
    monitor.wait(timeout=60)
    print(f"{count} streams: monitor {100 * own / lasted / count:.3f} % of a core a stream, decoders "
          f"{100 * decoding / lasted / count:.3f} %; {sum(item[1] for item in memories) / count:.1f} MB a stream (Pss), "
          f"the mapped index included; {states.count('playing')} play a known song, "
          f"{states.count('unknown')} something else", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--streams", type=int, nargs="*", default=[10, 50, 200])
    parser.add_argument("--monitor", metavar="DIR", help="recognise, too, with this data folder")
    parser.add_argument("--music", nargs="+", metavar="FILE", help="what the mounts play then")
    options = parser.parse_args()
    if bool(options.monitor) != bool(options.music):
        parser.error("--monitor and --music go together")
    if missing():
        print(f"skip: {missing()}")
        return
    program = str(pathlib.Path(options.build).resolve() / "play_streams")
    server = Icecast()
    try:
        if options.monitor:
            for number, path in enumerate(options.music):
                server.feed("mp3", source=path, mount=f"mount{number}")
            urls = [server.url(f"mount{number}") for number in range(len(options.music))]
            program = str(pathlib.Path(options.build).resolve() / "echoprint")
            for count in options.streams:
                measure_monitor(program, options.monitor, urls, count, options.seconds)
            return
        server.feed("mp3", seconds=300)
        print("% of a core a stream; MB a stream; late: how far the latest stream is behind its clock, in seconds; "
              "reconnected: streams that had to")
        print("streams | all play s | program % | decoders % |    all % | program's MB | decoder's MB   | "
              "all (Pss) |   late s | reconnected")
        for count in options.streams:
            measure(program, server.url("mp3"), count, options.seconds)
    finally:
        server.stop()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()

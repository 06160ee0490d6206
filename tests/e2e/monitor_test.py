#!/usr/bin/env python3
"""What streams play, by `monitor` and `plays`: stations in real time, a webhook, a configuration that
changes, and kills.

--seconds N  how long it is killed at random (default 45).
"""

import calendar
import csv
import io
import json
import os
import pathlib
import random
import signal
import subprocess
import time

from audio import music, wav
from common import need, run, same
from servers import until
from radio import RATE, Receiver, Station

SONGS, SONG_S, BURST_S = 3, 40, 20
SECRET = b"0123456789abcdef"


def moment(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


class Air:
    """A node that knows songs, as raw samples."""

    def __init__(self, test):
        self.node = test.node("node")
        self.folder = test.new_folder("songs")
        self.songs = []
        for number in range(SONGS + 1):
            sound = music(SONG_S, number, RATE)
            samples = b"".join(sound[at:at + 2] for at in range(0, len(sound), 4))
            self.songs.append((f"song{number}", samples))
            if number < SONGS:
                (self.folder / f"song{number}.wav").write_bytes(wav(samples, RATE, 1))
        self.node.run("ingest", self.folder)

    def copy(self, test, name):
        """Another node that knows them."""
        node = test.node(name)
        node.run("ingest", self.folder)
        return node


class Monitor:
    """The program, with what it has printed."""

    def __init__(self, node, *words, as_json=True):
        self.lines = []
        self.node = node
        self.out = pathlib.Path(f"{node.folder}.out")
        self.err = pathlib.Path(f"{node.folder}.err")
        self.words = ([] if not as_json else ["--json"]) + ["monitor", *words]
        self.process = None
        self.start()

    def start(self):
        self.process = self.node.start(*self.words, stdout=self.out.open("ab"), stderr=self.err.open("ab"))

    def said(self):
        return self.err.read_text(encoding="utf-8")

    def printed(self):
        """The objects that were printed; of one that is being printed nothing."""
        return [json.loads(line) for line in self.out.read_bytes().split(b"\n")[:-1]]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self, status=0):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=180)
        same(self.process.returncode, status, f"exit status; it said {self.said()}")


def plays(node, *words):
    return [json.loads(line) for line in node.run("--json", "plays", *words).stdout.splitlines()]


def gaps(node, *words):
    return plays(node, "--gaps", *words)


def streams(node):
    """The states of streams, by name."""
    state = node.json("status").get("monitor", {"streams": []})
    return {stream["stream"]: stream for stream in state["streams"]}


def config(folder, text, name="monitor.ini"):
    path = folder / name
    new = folder / (name + ".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)
    return path


# ---- checks ----


def files_are_logged_to_their_end(test, air):
    node = air.copy(test, "files")
    name = air.folder / "song1.wav"
    done = node.run("--json", "monitor", f"one={name}", air.folder / "song2.wav")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    same(sorted((line["stream"], line["track"], line["end"] is None) for line in lines),
         sorted((stream, track, open_) for stream, track in (("one", "song1"), (f"{air.folder}/song2.wav", "song2"))
                for open_ in (True, False)), "lines")
    ended = [line for line in lines if line["end"]]
    need(all(abs(moment(line["end"]) - moment(line["start"]) - SONG_S) <= 1 for line in ended), f"ended: {ended}")
    need(all(line["fields"] == {} and line["score"] > 50 and line["offset_s"] < 0.5 for line in lines), f"lines: {lines}")
    by_number = {"key": lambda line: line["play"]}  # both began within a moment
    same(sorted(plays(node), **by_number), sorted(ended, **by_number), "the log")
    text = node.run("monitor", "--events", "ended", f"one={name}").stdout.decode().splitlines()
    same([line.split("\t")[2:4] + line.split("\t")[6:] for line in text], [["one", ended[0]["track_id"] if ended[0]["stream"] == "one"
         else ended[1]["track_id"], "song1"]], "words")


def fields_of_a_track_are_told_and_stay_in_the_log(test, air):
    node = air.copy(test, "fields")
    track = node.json("tracks", "song1")["track_id"]
    node.run("edit", track, "--field", "isrc=USRC17607839", "--field", "mood=ä, calm")
    done = node.run("--json", "monitor", f"one={air.folder / 'song1.wav'}", f"two={air.folder / 'song2.wav'}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    same(len(lines), 4, "lines")
    node.run("edit", track, "--field", "isrc=", "--field", "mood=")
    for line in lines + plays(node):
        expected = {"isrc": "USRC17607839", "mood": "ä, calm"} if line["stream"] == "one" else {}
        same((line["fields"], line["isrc"]), (expected, expected.get("isrc", "")), f"fields of {line}")
    rows = list(csv.DictReader(io.StringIO(node.run("plays", "--format", "csv").stdout.decode(), newline="")))
    same(sorted((row["stream"], row["isrc"]) for row in rows), [("one", "USRC17607839"), ("two", "")], "rows")


def plays_are_listed_for_who_has_to_pay(test, air):
    node = air.node
    node.run("monitor", f"one={air.folder / 'song0.wav'}", f"two={air.folder / 'song1.wav'}")
    rows = list(csv.DictReader(io.StringIO(node.run("plays", "--format", "csv", "--stream", "two").stdout.decode(), newline="")))
    same([(row["stream"], row["title"], row["duration_s"], row["isrc"]) for row in rows], [("two", "song1", str(SONG_S), "")], "rows")
    today = rows[0]["start"][:10]
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(moment(rows[0]["start"]) + 86400))
    same(len(plays(node, "--from", rows[0]["start"], "--stream", "two")), 1, "plays from the moment at which it began")
    same(len(plays(node, "--to", rows[0]["start"], "--stream", "two")), 0, "plays before it")
    need(len(plays(node, "--from", today, "--to", tomorrow)) >= 2, "plays of the day")
    same(plays(node, "--from", tomorrow), [], "plays from tomorrow on")
    need(b"must be a moment" in node.run("plays", "--from", "yesterday", statuses=(2,)).stderr, "no word about the date")
    need(b'no stream "three"' in node.run("plays", "--stream", "three", statuses=(1,)).stderr, "no word about the stream")
    need(b"no log of plays" in test.node("none").run("plays", statuses=(1,)).stderr, "no word about the log")


def a_station_is_heard_and_told(test, air):
    """With a webhook that is down for a while, and a kill in the middle of a song."""
    node, folder = air.copy(test, "told"), test.new_folder("told.d")
    station, receiver = Station(air.songs[:2], BURST_S), Receiver(SECRET)
    (folder / "secret").write_bytes(SECRET + b"\n")
    receiver.down = True
    path = config(folder, f"[monitor]\nwebhook = {receiver.url}\nwebhook-secret-file = secret\n"
                          f"[radio one]\nurl = {station.url}\ncountry = FR\n")
    monitor = Monitor(node, "--config", path)
    until(lambda: plays(node) if node.folder.joinpath("plays/data.mdb").exists() else None, "a play", 60)
    until(lambda: streams(node)["radio one"]["state"] == "playing", "the state playing", 60)
    until(lambda: receiver.refused > 1, "a second attempt", 60)
    same(plays(node)[0]["end"], None, "the end of what plays")
    same(plays(node)[0]["tags"], {"country": "FR"}, "tags")
    same(node.json("status")["monitor"]["webhook"]["waiting"], 1, "events that wait")
    monitor.kill()
    receiver.down = False
    monitor.start()
    until(lambda: streams(node)["radio one"]["state"] == "playing", "the state playing after the kill", 60)
    same(len(plays(node)), 1, "plays after the kill")
    until(lambda: len(plays(node)) > 1, "the next play", SONG_S + 60)
    until(lambda: len(receiver.once()) == 3, "three events", 60)
    monitor.end()
    first, second = plays(node)
    same([first["track"], second["track"]], ["song0", "song1"], "tracks")
    need(abs(moment(first["end"]) - moment(first["start"]) - SONG_S) <= 12, f"the first play is {first}")
    need(abs(moment(second["start"]) - moment(first["end"])) <= 2, f"{second} does not follow {first}")
    same([(event["event"], event["play"]["track"]) for event in receiver.once()],
         [("begun", "song0"), ("ended", "song0"), ("begun", "song1")], "events")
    same(receiver.once()[1]["play"], first, "the play of the event")
    same(receiver.wrong, [], "what is wrong with events")
    same([(line["track"], line["end"]) for line in monitor.printed()],
         [("song0", None), ("song0", first["end"]), ("song1", None)], "what was printed")
    station.close()
    receiver.close()


def streams_come_and_go_while_it_runs(test, air):
    node, folder = air.copy(test, "changed"), test.new_folder("changed.d")
    one, two = Station(air.songs[:1], BURST_S), Station(air.songs[1:2], BURST_S)
    path = config(folder, f"[one]\nurl = {one.url}\n")
    monitor = Monitor(node, "--config", path)
    until(lambda: streams(node).get("one", {}).get("state") == "playing", "one plays", 60)
    config(folder, f"[one]\nurl = {one.url}\n[two]\nurl = {two.url}\ngenre = pop\n")
    until(lambda: streams(node).get("two", {}).get("state") == "playing", "two plays", 60)
    same(one.listeners, 1, "connections to one")
    config(folder, f"[one]\nurl = {one.url}\n[two]\n")
    until(lambda: "the stream \"two\" has no url" in monitor.said(), "a word about the mistake", 60)
    same(sorted(streams(node)), ["one", "two"], "streams after a mistake")
    config(folder, f"[two]\nurl = {two.url}\ngenre = pop\n")
    until(lambda: sorted(streams(node)) == ["two"], "one has gone", 60)
    same(two.listeners, 1, "connections to two")
    need(all(play["end"] for play in plays(node, "--stream", "one")), "one still plays")
    same([gap["reason"] for gap in gaps(node, "--stream", "one")], ["the stream is no longer monitored"], "gaps of one")
    config(folder, f"[two]\nurl = {two.url}\n")
    monitor.process.send_signal(signal.SIGHUP)
    until(lambda: two.listeners == 2, "two is taken anew", 60)
    until(lambda: streams(node).get("two", {}).get("state") == "playing", "two plays on", 60)
    other = node.run("monitor", "x=y", statuses=(1,))
    need(b"another `monitor` is running" in other.stderr, f"a second one said {other.stderr}")
    monitor.end()
    need(len({play["start"] for play in plays(node, "--stream", "two")}) == len(plays(node, "--stream", "two")), "a play is there twice")
    one.close()
    two.close()


def a_stream_that_is_down_is_a_gap(test, air):
    node = air.copy(test, "gap")
    station = Station(air.songs[:1], BURST_S)
    monitor = Monitor(node, f"radio={station.url}")
    until(lambda: streams(node).get("radio", {}).get("state") == "playing", "it plays", 60)
    station.down = True
    until(lambda: streams(node)["radio"]["state"] == "waiting" and "503" in streams(node)["radio"]["why"], "it waits", 60)
    time.sleep(BURST_S + 3)
    station.down = False
    until(lambda: streams(node)["radio"]["state"] == "playing", "it plays again", 120)
    monitor.end()
    found = gaps(node, "--stream", "radio")
    same(len(found), 1, f"gaps, which are {found}")
    need(found[0]["end"] and found[0]["duration_s"] > 1 and found[0]["reason"], f"the gap is {found}")
    words = node.run("status").stdout.decode()
    need("monitor      stopped" in words and "stream       radio" in words, f"status is {words}")
    station.close()


def a_state_that_nobody_keeps_is_told_as_that(test, air):
    node = air.copy(test, "stale")
    state = {"time": "2020-01-01T00:00:00Z", "running": True, "webhook": None, "streams": [{"stream": "radio", "state": "playing"}]}
    (node.folder / "streams.json").write_text(json.dumps(state))
    same(node.json("status")["monitor"]["stale"], True, "stale")
    need("does not answer" in node.run("status").stdout.decode(), "no word in status")
    (node.folder / "streams.json").write_text("{")
    need("monitor" not in node.json("status"), "a damaged file is told")


def a_configuration_is_checked(test, air):
    folder = test.new_folder("checked.d")
    good = config(folder, "[a]\nurl = http://example.org/\n[monitor]\nwebhook = http://example.org/\n")
    same(air.node.run("monitor", "--config", good, "--check-config").stdout, b"1 stream; a webhook, not signed\n", "words")
    bad = config(folder, "[a]\nurl = http://example.org/\n[monitor]\nwebhok = http://example.org/\n")
    said = air.node.run("monitor", "--config", bad, "--check-config", statuses=(1,)).stderr.decode()
    need(f"{bad}:4: " in said and "webhook" in said, f"it said {said}")
    air.node.run("monitor", "--config", folder / "none.ini", statuses=(1,))
    air.node.run("monitor", statuses=(2,))


# ---- kills ----


def children(pid):
    """Processes below one, at any depth."""
    found = []
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    for child in listed.split():
        found += [int(child)] + children(int(child))
    return found


def killed_at_random_no_play_is_lost_or_there_twice(test, air):
    node, rng = air.copy(test, "killed"), random.Random(test.options.seed)
    stations = {f"radio{number}": Station(air.songs[number:SONGS] + air.songs[:number], BURST_S) for number in range(2)}
    monitor = Monitor(node, *[f"{name}={station.url}" for name, station in stations.items()])
    began = time.time()
    disturbed = [began]  # when something was killed
    while time.time() - began < test.options.seconds:
        time.sleep(rng.uniform(1, 25))
        victims = children(monitor.process.pid)
        if victims and rng.random() < 0.5:
            try:
                os.kill(rng.choice(victims), signal.SIGKILL)
            except ProcessLookupError:
                pass
        else:
            monitor.kill()
            monitor.start()
        disturbed.append(time.time())
    time.sleep(15)
    monitor.end()
    disturbed.append(time.time())
    for name, station in stations.items():
        wrong = wrong_plays(plays(node, "--stream", name), station, began, disturbed)
        need(not wrong, f"seed {test.options.seed}, {name}: {wrong[:1]}; it was disturbed at "
                        f"{[round(at - began) for at in disturbed]}, plays are {plays(node, '--stream', name)}")
        station.close()


def wrong_plays(logged, station, began, disturbed):
    """What is lost, and what is there twice or was never on the air. A station is heard BURST_S after
    what it plays was on the air, and a connection may come a little later than that."""
    wrong, found = [], {}
    on_air = [(name, start + BURST_S, end + BURST_S) for name, start, end in station.on_air(began - BURST_S, time.time())]
    for play in logged:
        zero = moment(play["start"]) - play["offset_s"]
        right = [place for place, (name, start, _) in enumerate(on_air) if name == play["track"] and abs(start - zero) < 10]
        if len(right) != 1:
            wrong.append(f"{play} was never on the air")
        elif found.setdefault(right[0], play) is not play:
            wrong.append(f"{play} is there twice, as {found[right[0]]}")
    for place, (name, start, end) in enumerate(on_air):
        quiet = max((min(until_at, end) - max(since, start) for since, until_at in zip(disturbed, disturbed[1:])), default=0)
        # A connection takes a while, a song is recognised by 20 s of it, and noted a moment later.
        if place not in found and name != f"song{SONGS}" and quiet > 32:
            wrong.append(f"{name}, heard for {quiet:.0f} s, is not there")
    return wrong


def add_options(parser):
    parser.add_argument("--seconds", type=float, default=45)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--only", action="append", help="only checks with this in their name")


def body(test):
    air = Air(test)
    for check in (files_are_logged_to_their_end, fields_of_a_track_are_told_and_stay_in_the_log, plays_are_listed_for_who_has_to_pay, a_configuration_is_checked,
                  a_state_that_nobody_keeps_is_told_as_that, a_station_is_heard_and_told, streams_come_and_go_while_it_runs,
                  a_stream_that_is_down_is_a_gap, killed_at_random_no_play_is_lost_or_there_twice):
        if not test.options.only or any(word in check.__name__ for word in test.options.only):
            began = time.monotonic()
            test.check(check.__name__.replace("_", " "), check, test, air)
            print(f"# {time.monotonic() - began:.1f} s", flush=True)


run(body, add_options)

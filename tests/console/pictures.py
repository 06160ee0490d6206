#!/usr/bin/env python3
"""Makes the pictures of docs/console.md: each page at two widths, light and dark, of a federation
with invented names and numbers. They are made small by pngquant (a Debian package)."""

import json
import math
import pathlib
import random
import shutil
import struct
import subprocess
import time
import urllib.parse
import zlib

from browser import Browser, use_the_python_of_debian

use_the_python_of_debian()

# pylint: disable=wrong-import-position
import audio
from common import codegen_bytes, kill_started, run, song
from servers import Server, all_equal, joined, some_songs, until

RATE = 11025
MOST = 60000  # bytes of a picture
HIGH = {390: 1200, 1280: 800}  # pixels of which are shown
ARTISTS = ["The Testers", "Nobody and Sons", "Marta Quill", "Low Tide Orchestra", "Ana & the Lamps", "Copper Field", "Ivo Brandt", "Night Ferry"]
WORDS = ["First", "Second", "Morning", "Evening", "Paper", "Silver", "Northern", "Slow", "Little", "Winter"]
THINGS = ["Light", "Wind", "Boats", "Letters", "Rivers", "Windows", "Machine", "Harbour", "Station", "Garden"]


def names(rng):
    return {"artist": rng.choice(ARTISTS), "title": f"{rng.choice(WORDS)} {rng.choice(THINGS)}", "release": f"{rng.choice(WORDS)} {rng.choice(THINGS)}"}


def named_songs(prefix, count):
    songs = some_songs(prefix, count)
    for n, one in enumerate(songs):
        one["metadata"].update(names(random.Random(f"{prefix}{n}")), duration=random.Random(n).randrange(130, 320))
    return codegen_bytes(songs)


def write_history(path, tracks, keys):
    """The ring file of docs/formats/recent.md, with busy evenings, and slaves with these keys that were behind at times."""
    rng = random.Random(5)
    now = int(time.time())
    out = b"echoprint recent 2\n".ljust(32, b"\0")
    for step, count in ((60, 60), (600, 144), (7200, 360)):
        slots = [bytes(400)] * count
        for back in range(1, count):
            start = now // step * step - back * step
            busy = (1.2 + math.cos((start % 86400 - 72000) / 86400 * 2 * math.pi)) * step / 60
            queries = [int(busy * share * rng.uniform(0.6, 1.3)) for share in (0, 1, 2, 1.2, 0.6, 0.3, 0.12, 0.05)] + [int(rng.random() < 0.04)] + [0] * 6
            changes = int(rng.expovariate(1 / busy)) if rng.random() < 0.6 else 0
            lags = [int(rng.expovariate(1 / 4) * busy) if rng.random() < 0.3 / (n + 1) else 0 for n in range(len(keys))]
            head = struct.pack("<9Q15I2I", start, step, changes, tracks, tracks, sum(queries) * 3, 0, 0, sum(queries) * 4000, *queries,
                               len(keys), sum(lag > 0 for lag in lags))
            head += b"".join(bytes.fromhex(key[:16]) + struct.pack("<Q", lag) for key, lag in zip(keys, lags)).ljust(256, b"\0")
            slots[start // step % count] = head + struct.pack("<I", zlib.crc32(head))
        out += b"".join(slots)
    path.write_bytes(out)


def a_day(stream, until_s):
    """What a stream played on the day before a moment, in lines for the tool of the log of plays."""
    rng = random.Random(stream)
    at = until_s - 86400
    while at < until_s - 400:
        length = rng.randrange(130, 320)
        kind = rng.random()
        if kind < (0.004 if stream == "harbour-fm" else 0.02):
            length *= 7
            yield f"{stream}\t{at * 1000}\t{(at + length) * 1000}\t-\tthe server closed the connection\t"
        elif kind < (0.2 if stream == "talk-one" else 0.9):
            one = names(rng)
            yield f"{stream}\t{at * 1000}\t{(at + length) * 1000}\tTRSOUND0\t{one['artist']}\t{one['title']}"
        at += length + rng.randrange(2, 30)


class Gallery:
    """A master of four slaves, with music."""

    def __init__(self, test):
        self.test = test
        self.master = test.node("centre")
        self.master.run("init", "--name", "centre")
        self.master.run("ingest", "-", data=named_songs("TRN", 93))
        self.rows("paris", "TRHARBOUR-0,4.12,1 2 3 4,214,Night Ferry,Slow Harbour,Harbour\r\nTRLAMPS-0,4.12,5 6 7 9,187,Ana & the Lamps,Paper Boats,Little Light\r\n")
        self.rows("oslo", "TRHARBOUR-0,4.12,1 2 3 9,216,Night Ferry,Slow Harbour (Live),Harbour\r\nTRLAMPS-0,4.12,5 6 7 8,187,Ana and the Lamps,Paper Boats,Little Light\r\n")
        self.server = Server(self.master)
        self.token = self.master.json("token", "add", "desk", "--role", "admin")["token"]
        self.sound = self.put_sounds()
        self.slaves = [joined(test, self.master, name, self.server.url) for name in ("paris", "oslo", "lima")]
        self.slaves[0].run("ingest", "-", data=named_songs("TRPARIS", 12))
        self.slave_servers = [Server(slave, *(["--mirror"] if slave is self.slaves[1] else [])) for slave in self.slaves]
        all_equal([self.master, *self.slaves])
        self.master.run("source", "add", "quito", "--url", self.server.url)
        self.server.stop()
        write_history(self.master.folder / "recent", 108, [slave.json("status")["key"] for slave in self.slaves])
        self.server.start()
        until(lambda: all(peer["digest"] for peer in self.server.json("/v1/status")["peers"] if peer["state"] == "in"), "what the slaves say")

    def rows(self, source, rows):
        path = self.test.folder / f"{source}.csv"
        path.write_text(rows, newline="")
        self.master.run("master-ingest", "-s", source, str(path), statuses=(0, 1, 2, 3, 4))

    def ask(self, method, path, body, kind="application/json"):
        status, _, said = self.server.get(path, {"Authorization": "Bearer " + self.token, "Content-Type": kind}, body, method)
        assert status in (200, 201), (path, said)

    def put_sounds(self):
        """Three songs as sound, of which one is another's copy; gives a noisy part of the first."""
        for n, seed in enumerate((1, 2, 1)):
            words = urllib.parse.urlencode({"track_id": f"TRSOUND{n}", "artist": ARTISTS[0], "track": ("First Light", "Second Wind", "First Light (Radio)")[n], "release": "Morning Songs"})
            samples = audio.music(90, seed, RATE)
            self.ask("POST", f"/v1/tracks?{words}", audio.wav(samples if n < 2 else samples[:2 * RATE * 84], RATE, 2), "audio/wav")
        self.ask("POST", "/v1/copies", json.dumps({"track_id": "TRSOUND2", "original": "TRSOUND0"}).encode())
        path = self.test.folder / "heard on the radio.wav"
        part = struct.unpack(f"<{RATE * 30}h", audio.music(90, 1, RATE)[2 * RATE * 31:2 * RATE * 61])
        rng = random.Random(3)
        noisy = [max(-32768, min(32767, int(one * 0.7 + rng.gauss(0, 900)))) for one in part]
        path.write_bytes(audio.wav(struct.pack(f"<{len(noisy)}h", *noisy), RATE, 2))
        return path

    def write_streams(self):
        now = int(time.time())
        moment = lambda ago: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - ago))
        play = lambda artist, track, ago: {"track_id": "TRSOUND0", "artist": artist, "track": track, "start": moment(ago)}
        stream = lambda name, state, playing, since, title="", why="": {"stream": name, "url": "", "state": state, "since": moment(since),
                                                                        "heard": moment(1), "playing": playing, "title": title, "why": why, "retry": None}
        streams = [stream("harbour-fm", "playing", play("The Testers", "First Light", 95), 3600), stream("night-radio", "playing", play("Night Ferry", "Slow Station", 21), 90000),
                   stream("jazz-cellar", "playing", None, 7000, "Marta Quill - Silver Letters"), stream("talk-one", "waiting", None, 40, "", "the server closed the connection")]
        (self.master.folder / "streams.json").write_text(json.dumps({"time": moment(0), "webhook": None, "streams": streams, "running": True}))
        lines = [line for stream in ("harbour-fm", "night-radio", "jazz-cellar", "talk-one") for line in a_day(stream, int(time.time()) // 86400 * 86400)]
        subprocess.run([self.test.options.plays, "fill", str(self.master.folder)], input="\n".join(lines).encode(), check=True)


def shoot(browser, folder, name, high_of=None):
    for width, high in (high_of or HIGH).items():
        for dark in (False, True):
            path = folder / f"{name}-{width}{'-dark' if dark else ''}.png"
            browser.look(width, dark)
            browser.driver.execute_async_script("document.activeElement?.blur(); scrollTo(0, 0); requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(arguments[0], 100)))")
            browser.shoot(path, high)
            subprocess.run(["pngquant", "--force", "--ext", ".png", "--skip-if-larger", "--strip", "192", str(path)], check=False)
            assert path.stat().st_size < MOST, f"{path} has {path.stat().st_size} bytes"
    browser.look(1280)


def shoot_streams(place, browser, folder):
    place.write_streams()
    browser.open(f"{place.server.url}#/streams")
    browser.until("document.querySelector('.lane-of-day')", "streams")
    browser.press("Previous day")
    browser.until("document.querySelectorAll('.lane-of-day .play').length > 100", "the day")
    shoot(browser, folder, "streams", {390: 1700, 1280: 1200})


def shoot_all(place, browser, folder):
    def go(page, ready, url=place.server.url):
        browser.open(f"{url}#/{page}")
        browser.until(ready, page)
    go("conflicts", "document.querySelectorAll('.side .differs').length > 3")
    shoot(browser, folder, "conflicts")
    for track_id in ("TRHARBOUR", "TRLAMPS"):
        place.ask("POST", "/v1/conflicts", json.dumps({"track_id": track_id, "action": "drop"}).encode())
    go("", "document.querySelectorAll('figure svg path').length > 3")
    browser.press("Last day")
    browser.until("document.querySelector('.plots .bars')?.getAttribute('d').length > 500", "the plots")
    shoot(browser, folder, "overview")
    go("identify", "document.querySelector('.drop')")
    browser.choose(place.sound)
    browser.until("document.querySelectorAll('.pictures svg path').length > 20", "the picture")
    shoot(browser, folder, "identify", {390: 1600, 1280: 1400})
    go("tracks?q=light", "document.querySelectorAll('tbody tr').length > 3")
    shoot(browser, folder, "tracks")
    go("track/TRSOUND0", "document.querySelectorAll('.pictures svg path').length > 3")
    shoot(browser, folder, "track")
    go("copies", "document.querySelector('.pair .by')?.innerText")
    shoot(browser, folder, "copies")
    go("federation", "document.querySelectorAll('.plots .key').length === 3 && document.querySelector('h1').innerText.includes('well')")
    shoot(browser, folder, "federation", {390: 2000, 1280: 1300})
    go("federation", "document.querySelector('.facts') && document.querySelector('h1').innerText.includes('Up to date')", place.slave_servers[0].url)
    shoot(browser, folder, "federation-slave")
    shoot_streams(place, browser, folder)
    go("federation", "document.querySelector('svg.federation .box')")
    browser.press("Invite a slave")
    browser.fill("Name of the slave", "tokyo")
    browser.fill("Address of this master, as the slave sees it", "https://centre.example/")
    browser.press("Make the invitation", "dialog")
    browser.until_text("A token is needed", "dialog")
    browser.fill("Token", place.token)
    browser.press("Use this token", "dialog")
    browser.until("document.querySelector('dialog .qr')", "the invitation")
    shoot(browser, folder, "invitation", {390: 800, 1280: 800})


def body(test):
    folder = pathlib.Path(test.options.into)
    folder.mkdir(parents=True, exist_ok=True)
    if not shutil.which("pngquant"):
        raise SystemExit("pngquant is not installed (Debian: pngquant)")
    try:
        place = Gallery(test)
        browser = Browser(test.folder)
        (shoot_streams if test.options.only == "streams" else shoot_all)(place, browser, folder)
        browser.close()
        print(f"{sum(1 for _ in folder.glob('*.png'))} pictures, {sum(path.stat().st_size for path in folder.glob('*.png'))} bytes")
    finally:
        kill_started()


if __name__ == "__main__":
    def options(parser):
        parser.add_argument("--into", required=True, help="the folder of the pictures")
        parser.add_argument("--plays", required=True, help="the program that fills a log of plays, such as build/tests/plays_tool")
        parser.add_argument("--only", choices=["streams"], help="the one page whose pictures are made")
    run(body, options)

#!/usr/bin/env python3
"""The pages of `serve`, as a browser shows them: every page and action, on a master with two slaves
that are killed meanwhile, with names that are hostile.

--pictures DIR leaves a picture of each page, at two widths, light and dark."""

import array
import base64
import csv
import gzip
import io
import json
import pathlib
import shutil
import time
import urllib.parse

from browser import Browser, missing, use_the_python_of_debian

use_the_python_of_debian()

# pylint: disable=wrong-import-position
import audio
from common import kill_started, need, run, same
from old_servers import Servers
from servers import Server, all_equal, ingest, joined, monitored, some_songs, until

RATE = 11025
LONG_NAME = "north-" + "n" * 58
HTML = "<img src=x onerror=\"window.pwned=1\"><script>window.pwned=1</script>"
HOSTILE = {
    "TRHTML": {"track": HTML, "artist": HTML, "release": "</bdi></td>" + HTML},
    "TRTURNED": {"track": "\u202eevil\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627", "artist": "\u200f\u202e", "release": "\U0001f3b5\U0001f468‍\U0001f469‍\U0001f467 x\u0301\u0301\u0301"},
    "TRLONG": {"track": "long" * 2500, "artist": "word " * 2000, "release": "\U0001f3b8" * 2500},
    "TR/?#%2e..&\"'<b>": {"track": "javascript:window.pwned=1", "artist": "{{7*7}} ${7*7}", "release": "\\u003cb\\u003e"},
}


def csv_of(*cells):
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


class Place:
    """A master with music, hostile names, conflicts and two slaves, of which one is a mirror."""

    def __init__(self, test):
        self.test = test
        self.master = test.node("centre")
        self.master.run("init", "--name", "centre")
        self.sounds = []
        for seed in (1, 2, 3):
            path = test.folder / f"song{seed}.wav"
            path.write_bytes(audio.wav(audio.music(40, seed, RATE), RATE, 2))
            self.sounds.append(path)
        self.noise = test.folder / "<img src=x onerror=window.pwned=1>.wav"
        self.noise.write_bytes(audio.wav(audio.music(20, 77, RATE), RATE, 2))
        self.broken = test.folder / "broken & <b>.mp3"
        self.broken.write_bytes(b"this is no sound" * 50)
        ingest(self.master, some_songs("TRQ", 70))
        # A copy, and two versions that are set aside.
        rows = lambda of, codes: "".join(f"TRC{n}-0,4.12,{codes} {n + 2},60,{names},{of}\r\n" for n, names in enumerate(
            (f"{of},", csv_of(HTML, "word " * 2000), csv_of("\u202eevil\u202c \u05e9\u05dc\u05d5\u05dd", "\U0001f3b8" * 2500))))
        self.write("rows.csv", rows("centre", 1))
        self.master.run("master-ingest", "-s", LONG_NAME, str(test.folder / "rows.csv"))
        self.write("other.csv", rows("south", 3))
        self.master.run("master-ingest", "-s", "south", str(test.folder / "other.csv"), statuses=(0, 1, 2, 3, 4))
        self.server = Server(self.master)
        self.tokens = {role: self.master.json("token", "add", role, "--role", role)["token"] for role in ("query", "admin")}
        for track_id, path, names in (("TRFIRST", self.sounds[0], "artist=The%20Testers&track=First%20Light&release=Morning"),
                                      ("TRSECOND", self.sounds[1], "artist=Nobody%20and%20Sons&track=Second%20Wind&release=Evening"),
                                      ("TRTHIRD", self.sounds[2], "artist=x")):
            same(self.server.get(f"/v1/tracks?track_id={track_id}&{names}", {"Authorization": "Bearer " + self.tokens["admin"],
                                 "Content-Type": "audio/wav"}, path.read_bytes())[0], 201, f"put {track_id}")
        admin = {"Authorization": "Bearer " + self.tokens["admin"], "Content-Type": "application/json"}
        same(self.server.get("/v1/tracks/TRTHIRD", admin, json.dumps({"artist": HTML, "track": "long" * 2500}).encode(), "PATCH")[0], 200, "hostile names")
        for track_id, names in HOSTILE.items():
            body = {"track_id": track_id, "codes": " ".join(f"{(n * 7919 + len(track_id) * 31) % 1048576} {n * 3}" for n in range(300)), **names}
            status, _, said = self.server.get("/v1/tracks", admin, json.dumps(body).encode())
            need(status in (200, 201), f"{track_id} was refused: {said}")
        self.slave = joined(test, self.master, "attic", self.server.url)
        self.slave_server = Server(self.slave)
        self.loft = joined(test, self.master, "loft", self.server.url)
        self.loft_server = Server(self.loft, "--mirror")
        all_equal([self.master, self.slave, self.loft])
        self.url = self.server.url

    def write(self, name, text):
        (self.test.folder / name).write_text(text, newline="")

    def status(self):
        return self.server.json("/v1/status")


def assets_are_small(place):
    status, headers, page = place.server.get("/")
    same(status, 200, "the page")
    need(b"<!doctype html>" in page, "HTML")
    need(headers["Content-Security-Policy"].startswith("default-src 'self';"), "the policy")
    need("unsafe" not in headers["Content-Security-Policy"], "what the policy allows")
    need("Set-Cookie" not in headers, "a cookie")
    same(place.server.get("/", {"If-None-Match": headers["ETag"]})[0], 304, "the same page again")
    for wrong in ("/console/nothing.js", "/console/", "/console/..%2f..%2fdata.mdb", "/console/console.c"):
        same(place.server.get(wrong)[0], 404, wrong)
    total = 0
    for path in (pathlib.Path(__file__).resolve().parents[2] / "src/net/console").iterdir():
        if path.suffix in (".html", ".css", ".js", ".svg"):
            status, headers, packed = place.server.get(f"/console/{path.name}", {"Accept-Encoding": "gzip"})
            same((status, headers["Content-Encoding"]), (200, "gzip"), path.name)
            same(gzip.decompress(packed), path.read_bytes(), path.name)
            same(place.server.get(f"/console/{path.name}")[2], path.read_bytes(), f"{path.name} as it is")
            total += len(packed)
    need(total < 100000, f"the files have {total} bytes")
    print(f"# {total} bytes of assets, packed")


def history_is_told(place):
    for span, steps in (("hour", 60), ("day", 144), ("month", 360)):
        found = place.server.json(f"/v1/history?span={span}")
        same((found["span"], found["steps"]), (span, steps), "the span")
        need(found["slots"] and found["slots"][-1]["requests"] > 0, f"requests of the last {span}")
    same(place.server.get("/v1/history?span=year")[0], 400, "another span")
    same(place.server.get("/v1/history?lags=x")[0], 400, "neither true nor false")
    need("slaves" not in place.server.json("/v1/history"), "slaves that were not asked for")
    until(lambda: len(place.server.json("/v1/history?lags=true")["slaves"]) == 2, "what both slaves say", 20)
    found = place.server.json("/v1/history?lags=true")
    same({one["name"] for one in found["slaves"]}, {"attic", "loft"}, "slaves of which the lag is known")
    same({len(one["lags"]) for one in found["slaves"]}, {len(found["slots"])}, "lags of each")
    same(found["slots"][-1]["slaves"], 2, "slaves of which the lag is known")
    before = sum(slot["requests"] for slot in place.server.json("/v1/history?span=day")["slots"])
    place.server.stop()
    path = place.master.folder / "recent"
    good = path.read_bytes()
    place.server.start()
    after = sum(slot["requests"] for slot in place.server.json("/v1/history?span=day")["slots"])
    need(after >= before, f"after a restart {after} requests are known, before {before}")
    for what, data in (("damaged", bytes(byte ^ 0xff if at % 97 == 50 else byte for at, byte in enumerate(good))), ("empty", b""), ("of others", b"x" * 200000)):
        place.server.stop()
        path.write_bytes(data)
        place.server.start()
        same(place.server.get("/v1/history?span=month")[0], 200, f"with a file that is {what}")


class Pages:
    def __init__(self, place, browser, folder):
        self.place, self.browser, self.folder = place, browser, folder

    def go(self, page, url=None):
        self.browser.open(f"{url or self.place.url}#/{page}")

    def look(self, name):
        self.browser.each_look(name, self.folder)
        need(not self.browser.run("return window.pwned"), "a name was run")
        need(self.browser.run("return [...document.querySelectorAll('main img, main script, main iframe')].length") == 0, "a name became an element")
        need(not self.browser.run("return [...document.querySelectorAll('body *')].some((one) => [...one.childNodes].some((child) => "
                                  "child.nodeType === 3 && /^(null|undefined|NaN|\\[object)/.test(child.nodeValue)))"), "a value that is none is shown")

    def with_token(self):
        """Gives the token that is asked for."""
        self.browser.until_text("A token is needed", "dialog")
        self.browser.fill("Token", self.place.tokens["admin"])
        self.browser.press("Use this token", "dialog")

    def overview(self):
        self.go("")
        self.browser.until_text("were set aside")
        self.browser.until("document.querySelectorAll('figure svg path').length > 3", "plots")
        self.look("overview")
        shown = self.browser.driver.execute_async_script("const done = arguments[0]; Promise.all([import('./console/dom.js'), import('./console/plot.js')])"
            ".then(([dom, plot]) => done([...[0, 999, 1000, -1234, '1234567', 12345678901].map(dom.number), plot.moment(new Date(2026, 8, 3, 4, 5), 'day'),"
            " plot.moment(new Date(2026, 8, 3, 4, 5), 'month')]))")
        same(shown, ["0", "999", "1,000", "-1,234", "1,234,567", "12,345,678,901", "04:05", "3 Sep"], "numbers and moments")
        self.browser.press("Last month")
        self.browser.until("document.querySelector('[aria-pressed=true]').innerText === 'Last month'", "another span")

    def identify(self):
        self.go("identify")
        self.browser.until_text("Drop a song here")
        self.look("identify-empty")
        self.browser.choose(self.place.sounds[0])
        self.browser.until_text("Found", ".answer.good .kicker")
        need("First Light" in self.browser.run("return document.querySelector('.answer h2').innerText"), "the song's name")
        self.browser.until("document.querySelectorAll('.pictures svg path').length > 20", "the picture")
        self.look("identify")
        same(self.browser.run("return document.querySelector('.of-both').getAttribute('d').length > 0"), True, "coincidences")
        self.go("identify")
        self.browser.until_text("Drop a song here")
        self.browser.choose(self.place.broken)
        self.browser.until_text("Not heard", ".answer")

    def many(self):
        self.go("identify")
        self.browser.until_text("Drop a song here")
        self.browser.choose(*self.place.sounds[:2], self.place.noise, self.place.broken)
        self.browser.until_text("2 of 4 found")
        self.browser.press("Save as CSV")
        path = self.browser.downloads / "identified.csv"
        until(path.exists, "the table", 20)
        rows = path.read_text().splitlines()
        same(len(rows), 5, "lines of the table")
        need(rows[1].startswith('"song1.wav","found"'), rows[1])
        self.browser.press("Why")
        self.browser.until("document.querySelectorAll('.pictures svg path').length > 20", "the picture")
        self.browser.run("scrollTo(0, 0)")
        self.look("identify-many")

    def dropped(self):
        """Dropped on the page, beside the field: the music and the file names are hostile."""
        self.go("identify")
        self.browser.until_text("Drop a song here")
        song = base64.b64encode(self.place.sounds[2].read_bytes()).decode()
        drop = """const bytes = Uint8Array.from(atob(arguments[0]), (one) => one.charCodeAt(0)), all = new DataTransfer();
            for (const [name, data] of arguments[1].map((name, i) => [name, i ? 'no sound' : bytes])) all.items.add(new File([data], name));
            document.querySelector('main').dispatchEvent(new DragEvent('drop', { dataTransfer: all, bubbles: true, cancelable: true }));"""
        self.browser.run(drop, song, [HTML])
        self.browser.until_text("Found", ".answer.good .kicker")
        self.browser.until("document.querySelectorAll('.pictures svg path').length > 20", "the picture")
        need(HTML in self.browser.run("return document.querySelector('.answer .by').innerText"), "the artist's name")
        self.look("identify-hostile")
        self.browser.press("Open this track")
        self.browser.until_text("TRTHIRD", ".facts")
        self.go("identify")
        self.browser.until_text("Drop a song here")
        self.browser.run(drop, song, [HTML + ".wav", "long" * 2500 + ".mp3", "\u202e\u05e9\u05dc\u05d5\u05dd\U0001f3b5.mp3", "=cmd|' /C x'!A1.mp3"])
        self.browser.until_text("1 of 4 found")
        self.look("identify-many-hostile")
        (self.browser.downloads / "identified.csv").unlink(missing_ok=True)
        self.browser.press("Save as CSV")
        path = self.browser.downloads / "identified.csv"
        until(path.exists, "the table", 20)
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
        same([row[1] for row in rows], ["result", "found", "error", "error", "error"], "results in the table")
        same((rows[1][0], rows[4][0]), (HTML + ".wav", "'=cmd|' /C x'!A1.mp3"), "names in the table")
        self.browser.run(drop, song, ["long" * 2500 + ".mp3"])
        self.browser.until("document.querySelectorAll('.pictures svg path').length > 20", "the picture")
        self.browser.choose(self.place.noise)
        self.browser.until_text("Not found", ".answer .kicker")

    def microphone(self):
        self.go("identify")
        self.browser.press("Record with the microphone")
        self.browser.until_text("Listening", ".recorder")
        self.browser.press("Stop, and search")
        self.browser.until("document.querySelector('.answer .kicker')", "an answer to what was recorded in a moment")
        self.browser.press("Record with the microphone")
        self.browser.until_text("Listening", ".recorder")
        self.browser.until("!document.querySelector('.answer.good')", "the new question")
        self.browser.until_text("Found", ".answer.good .kicker")
        need("Second Wind" in self.browser.run("return document.querySelector('.answer h2').innerText"), "the song that the microphone heard")

    def tracks(self):
        self.go("tracks")
        self.browser.until("document.querySelectorAll('tbody tr').length === 25", "a page")
        self.browser.press("More")
        self.browser.until("document.querySelectorAll('tbody tr').length > 50", "the next page")
        self.look("tracks")
        self.browser.fill("Search", "TRHTML")
        self.browser.until("document.querySelectorAll('tbody tr').length === 1", "what has the word")
        self.browser.press(HTML)
        self.browser.until_text("TRHTML", ".facts")
        self.browser.until("document.querySelectorAll('.pictures svg path').length > 3", "the onsets")
        for track_id in HOSTILE:
            self.go("track/" + urllib.parse.quote(track_id, safe=""))
            self.browser.until_text("Code generator")
            self.browser.until("document.querySelectorAll('.pictures svg, .pictures .failed').length > 0", "the onsets")
            self.look("track-" + "".join(filter(str.isalnum, track_id)))
        self.go("track/TRFIRST")
        self.browser.until("document.querySelectorAll('.pictures svg path').length > 3", "the onsets")
        self.look("track")

    def edit(self):
        self.go("track/TRQ6")
        self.browser.press("Edit")
        self.browser.fill("Artist", HTML)
        self.browser.fill("Track", "Renamed \u202e")
        self.browser.fill("A new field, such as isrc", "isrc")
        self.browser.fill("What it says", "ZZTST2600001")
        self.look("edit")
        self.browser.press("Save", "dialog")
        if not self.browser.run("return sessionStorage.length"):
            self.with_token()
        self.browser.until_text("Renamed", "h1")
        found = self.place.server.json("/v1/tracks/TRQ6")
        same((found["artist"], found["fields"]), (HTML, {"isrc": "ZZTST2600001"}), "what was edited")
        until(lambda: self.place.slave_server.json("/v1/tracks/TRQ6")["artist"] == HTML, "the artist at the slave")

    def delete(self):
        before = self.place.status()["tracks"]
        self.go("track/TRQ3")
        self.browser.press("Delete")
        self.browser.until_text("at every node", "dialog")
        self.browser.press("Cancel", "dialog")
        same(self.place.status()["tracks"], before, "tracks after the question")
        self.browser.press("Delete")
        self.browser.press("Delete the track", "dialog")
        self.with_token()
        until(lambda: self.place.status()["tracks"] == before - 1, "the track is gone", 20)
        self.browser.until("location.hash === '#/tracks'", "the list again")

    def copies(self):
        self.go("copies")
        self.browser.press("Link two tracks")
        self.browser.fill("Id of the copy", "TRQ4")
        self.browser.fill("Id of the original", "TRQ5")
        self.browser.press("Link them", "dialog")
        self.browser.until("document.querySelectorAll('.pair').length >= 1", "the copy")
        self.look("copies")
        count = self.browser.run("return document.querySelectorAll('.pair').length")
        self.browser.press("Release")
        self.browser.press("Release it", "dialog")
        self.browser.until("document.querySelectorAll('.pair').length === arguments[0]", "one copy less", count - 1)
        for copy, original in (("TRHTML", "TRLONG"), ("TRTURNED", "TRHTML")):
            self.browser.press("Link two tracks")
            self.browser.fill("Id of the copy", copy)
            self.browser.fill("Id of the original", original)
            self.browser.press("Link them", "dialog")
            self.browser.until("!document.querySelector('dialog')", "the link")
        self.browser.until("document.querySelectorAll('.pair').length === arguments[0]", "two copies more", count + 1)
        self.browser.until_text("onerror", ".pair")
        self.look("copies-hostile")
        self.browser.press("Link two tracks")
        self.browser.fill("Id of the copy", "TRNONE")
        self.browser.fill("Id of the original", HTML)
        self.browser.press("Link them", "dialog")
        self.browser.until_text("there is no", ".failed")
        self.go("track/TRTURNED")
        self.browser.press("Release it")
        self.browser.press("Release it", "dialog")
        self.browser.until("!document.querySelector('.note')", "the track is no copy any more")
        self.place.server.json("/v1/tracks/TRTURNED")

    def conflicts(self):
        self.go("conflicts")
        self.browser.until("document.querySelectorAll('.pair').length === 3", "three versions")
        self.browser.until_text("onerror", ".cards")
        self.look("conflicts")
        self.browser.press("Accept")
        self.browser.press("Accept it", "dialog")
        self.browser.until("document.querySelectorAll('.pair').length === 2", "one version less")
        self.browser.press("Drop")
        self.browser.press("Drop it", "dialog")
        self.browser.until("document.querySelectorAll('.pair').length === 1", "one more")
        self.browser.press("Drop")
        self.browser.press("Drop it", "dialog")
        self.browser.until_text("there is nothing to decide")
        same(self.place.status()["conflicts"], 0, "conflicts")

    def federation(self):
        self.go("federation")
        self.browser.until_text("attic", "table")
        self.browser.press("Invite a slave")
        self.browser.fill("Name of the slave", "cellar")
        self.browser.press("Make the invitation", "dialog")
        if not self.browser.run("return sessionStorage.length"):
            self.with_token()
        self.browser.until("document.querySelector('dialog textarea')?.value.includes('#echoprint1:cellar')", "the invitation")
        self.browser.press("Done", "dialog")
        self.browser.until_text("cellar", "table")
        self.look("federation")
        self.browser.press("Remove cellar")
        self.browser.press("Remove it", "dialog")
        self.browser.until("!document.querySelector('.page table').innerText.includes('cellar')", "one slave less")
        self.hostile_federation()
        self.crowd()
        self.go("federation", self.place.slave_server.url)
        self.browser.until_text("Its master")
        self.browser.until_text("equal to the master", ".facts")
        self.look("federation-slave")
        self.go("federation", self.place.loft_server.url)
        self.browser.until_text("mirror", "figure")

    def crowd(self):
        """More slaves than are drawn one by one."""
        admin = {"Authorization": "Bearer " + self.place.tokens["admin"], "Content-Type": "application/json"}
        names = [f"crowd{n}" for n in range(14)]
        for name in names:
            body = json.dumps({"name": name, "url": self.place.url}).encode()
            need(self.place.server.get("/v1/sources", admin, body)[0] in (200, 201), f"{name} was not invited")
        self.go("federation")
        self.browser.until("document.querySelector('svg.federation')?.textContent.includes('5 more')", "those that are not drawn, as one")
        same(self.browser.run("return document.querySelectorAll('svg.federation .box').length"), 13, "boxes of the master and below it")
        need("attic" in self.browser.run("return document.querySelector('svg.federation').textContent"), "a slave that is in, before those that are invited")
        self.look("federation-crowd")
        for name in names:
            same(self.place.server.get(f"/v1/sources/{name}", admin, None, "DELETE")[0], 200, f"removal of {name}")

    def hostile_federation(self):
        """A slave with a long name, and a reason of a refusal that is hostile; the slave goes with its tracks."""
        place = self.place
        guest = joined(place.test, place.master, "guest-" + "g" * 58, place.server.url)
        ingest(guest, some_songs("TRGUEST", 3))
        until(lambda: guest.run("sync") and guest.digest() == place.master.digest(), "what the guest has at the master", 20)
        key = guest.json("status")["key"]
        contacts = place.master.folder / "contacts"

        def refused():
            lines = [line for line in contacts.read_text().splitlines() if not line.startswith(key)]
            now = int(time.time())
            contacts.write_text("\n".join([*lines, f"{key} 1 {now} {now} {now} 0 {HTML * 2}"]) + "\n")
            return place.status()["peers"][-1]["error"]
        until(refused, "the reason", 10)
        self.go("federation")
        self.browser.until_text("onerror", "table")
        self.look("federation-hostile")
        before = place.status()["tracks"]
        self.browser.press("Remove guest-" + "g" * 58)
        self.browser.until_text("3 tracks", "dialog")
        self.browser.run("document.querySelector('dialog input[type=checkbox]').click()")
        self.browser.press("Remove it", "dialog")
        self.browser.until("!document.querySelector('.page table').innerText.includes('guest')", "one slave less")
        same(place.status()["tracks"], before - 3, "tracks without those of the guest")

    def row_of(self, name, words):
        """Waits until the row of a slave has these words."""
        self.browser.until("(() => { const row = [...document.querySelectorAll('tbody tr')].find((one) => one.innerText.includes(arguments[0]));"
                           "return arguments[1].every((words) => row?.innerText.includes(words)); })()", f"{name} with {words}", name, words)

    def lags(self):
        """Of two slaves that are behind: as the master tells it, and as it is drawn."""
        found = self.place.server.json("/v1/history?lags=true")
        same([one["name"] for one in found["slaves"]], ["loft", "attic"], "slaves, the one first that is furthest behind")
        need(found["slaves"][0]["lags"][-1] > found["slaves"][1]["lags"][-1] > 0, f"lags {found['slaves']}")
        last = found["slots"][-1]
        # Slaves that were removed since may have been behind, too.
        need(last["behind"] >= 2 and last["lag"] >= found["slaves"][0]["lags"][-1], f"the last step is {last}")
        words = f"at most {max(slot['lag'] or 0 for slot in found['slots'])} changes"
        self.browser.until_text(words, ".plots")
        self.browser.until_text(f"at most {max(slot['behind'] for slot in found['slots'])} of {last['slaves']} at a time", ".plots")
        same(self.browser.run("return [...document.querySelectorAll('.plots .key')].map((one) => one.innerText)"), ["loft", "attic"], "names of the lines")
        self.browser.press("Last month", ".switch")
        self.browser.until("document.querySelector('[aria-pressed=true]').innerText === 'Last month'", "another span")
        self.browser.until_text(words, ".plots")

    def killed(self):
        """Both slaves are killed, one after the other, and come back, while the master goes on and is killed, too."""
        place = self.place
        self.go("federation")
        for name in ("attic", "loft"):
            self.row_of(name, ["up to date", "equal"])
        place.loft_server.kill()
        ingest(place.master, some_songs("TRKILL", 5))
        self.row_of("loft", ["behind", "not yet", "ago"])
        self.row_of("attic", ["up to date", "equal"])
        place.slave_server.kill()
        place.master.run("delete", "TRKILL0")
        self.row_of("attic", ["behind", "not yet"])
        self.lags()
        self.look("federation-killed")
        place.server.kill()
        place.slave_server.start()
        self.go("federation", place.slave_server.url)
        self.browser.until_text("not reached", "figure")
        self.browser.until_text("Its master")
        own = some_songs("TRATTIC", 2)
        own[0]["metadata"].update(artist=HTML, title="\u202e" + "long" * 2500)
        ingest(place.slave, own)
        self.browser.until_text("to be sent", "table")
        self.browser.until_text("onerror", "table")
        self.look("federation-slave-alone")
        place.server.start()
        place.loft_server.start()
        self.browser.until("document.querySelector('figure svg')?.textContent.includes('reached') && !document.querySelector('.failed')", "the master again")
        self.browser.until_text("equal to the master", ".facts")
        self.browser.until("!document.querySelector('.page').innerText.includes('to be sent')", "what the slave sent is confirmed")
        same(place.server.json("/v1/tracks/TRATTIC0")["artist"], HTML, "what came of the slave")
        self.go("federation")
        for name in ("attic", "loft"):
            self.row_of(name, ["up to date", "equal"])
        all_equal([place.master, place.slave, place.loft])
        same({peer["digest"] for peer in place.status()["peers"]}, {place.status()["digest"]}, "digests that the master knows")

    def followers(self):
        """Servers of 2011 that get what the log has, and fall behind."""
        master, servers = self.place.master, Servers()
        try:
            master.run("legacy", "push", *servers.options, statuses=(0, 3))
            self.go("federation")
            self.row_of("legacy.legacy", ["server of 2011", "up to date"])
            self.browser.until_text("server of 2011, up to date", "figure")
            ingest(master, some_songs("TRAFTER", 3))
            self.row_of("legacy.legacy", ["3 changes behind"])
            self.browser.until_text("server of 2011, 3 behind", "figure")
            self.look("federation-followers")
            master.run("legacy", "push", *servers.options, statuses=(0, 3))
            need("TRAFTER2-0" in servers.solr.committed, f"what was pushed: {sorted(servers.solr.committed)[-5:]}")
            self.row_of("legacy.legacy", ["up to date"])
        finally:
            servers.close()

    def streams(self):
        """By the file that a monitor leaves."""
        self.go("streams")
        self.browser.until_text("No monitor ever ran")
        path = self.place.master.folder / "streams.json"
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        song = {"track_id": "TRFIRST", "artist": HTML, "track": "First Light", "start": now}
        one = {"stream": "one", "url": HTML, "state": "playing", "since": now, "heard": now, "playing": song, "title": "", "why": "", "retry": None}
        other = {"stream": HTML, "url": "javascript:window.pwned=1", "state": "waiting", "since": now, "heard": None, "playing": None, "title": HTML,
                 "why": HTML * 20, "retry": now}
        third = {**one, "stream": "long" * 2500, "playing": {**song, "artist": "\u202e\u05e9\u05dc\u05d5\u05dd \U0001f3b5", "track": "\u202e" + "word " * 2000}}
        path.write_text(json.dumps({"time": now, "webhook": None, "streams": [one, other, third], "running": True}))
        self.go("streams")
        self.browser.until_text("First Light", "table")
        self.browser.until("document.querySelector('nav').innerText.includes('Streams')", "the page in the list of pages")
        self.browser.until_text("No play was logged on this day.")
        self.look("streams")
        path.unlink()

    def plays(self):
        """A day of the log of plays, which a monitor wrote: lanes, table, days before, and a file."""
        place, browser, name = self.place, self.browser, "<b onclick> & \u202e\u05e9\u05dc\u05d5\u05dd"
        monitored(place.master, {"radio": place.sounds[0], name: place.sounds[2], "gone": place.test.folder / "nothing.wav"},
                  lambda: sum(one["end"] is not None for one in json.loads(place.server.get("/v1/plays")[2])["plays"]) == 2)
        printed = [json.loads(line) for line in place.master.run("--json", "plays").stdout.splitlines()]
        same(sorted(one["stream"] for one in printed), sorted(["radio", name]), "what the monitor logged")
        day = printed[0]["start"][:10]
        self.go(f"streams?day={day}")
        browser.until_text("First Light", "section table")
        same(browser.run("return document.querySelectorAll('.lane-of-day .play').length"), len([one for one in printed if one["start"][:10] == day]), "plays in the lanes")
        need(browser.run("return document.querySelectorAll('.lane-of-day .gap').length") >= 1, "no gap is marked")
        titles = browser.run("return [...document.querySelectorAll('.lane-of-day title')].map((one) => one.textContent).join()")
        need("First Light – The Testers" in titles and "Not heard: " in titles and HTML in titles, f"blocks are called {titles[:300]}")
        browser.until_text("not heard", "section table")
        browser.press("Save as CSV")
        path = browser.downloads / f"plays-{day}.csv"
        until(path.exists, "the file")
        saved = [row for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")) if row["kind"] == "play"]
        table = list(csv.DictReader(io.StringIO(place.master.run("plays", "--format", "csv").stdout.decode(), newline="")))
        same([{name: row[name] for name in table[0]} for row in saved], [row for row in table if row["start"][:10] == day], "what was saved, beside what `plays` prints")
        self.look("plays")
        # By the keyboard, too.
        browser.run("[...document.querySelectorAll('main button')].find((one) => one.innerText === 'Previous day').focus()")
        browser.key("Enter")
        browser.until_text("No play was logged on this day.")
        browser.until("location.hash.startsWith('#/streams?day=')", "the day in the address")
        browser.press("Next day")
        browser.until_text("First Light", "section table")
        shutil.rmtree(place.master.folder / "plays")
        (place.master.folder / "streams.json").unlink()

    def wellness(self):
        """With nothing left to decide, all is well; of a node that is gone, the page says so."""
        self.go("")
        self.browser.until_text("All is well.", "h1")
        self.look("overview-well")
        self.browser.press("Identify a song")
        self.browser.until_text("What is this song?", "h1")
        self.go("nothing")
        self.browser.until_text("There is no such page")
        self.place.slave_server.stop()
        self.browser.run("location.href = arguments[0]", "about:blank")
        self.go("")
        self.browser.until_text("All is well.", "h1")
        self.place.server.stop()
        self.browser.press("Last hour")
        self.browser.until_text("does not answer", "h1")
        self.place.server.start()
        self.browser.press("Last hour")
        self.browser.until_text("All is well.", "h1")

    def private(self):
        """The page of a private node says nothing of it before there is a token."""
        self.place.server.stop()
        self.place.server.options = ("--private",)
        self.place.server.start()
        same(self.place.server.get("/v1/status")[0], 401, "the state without a token")
        self.browser.run("sessionStorage.clear()")
        self.go("")
        self.browser.until_text("A token is needed", "dialog")
        self.browser.press("Cancel", "dialog")
        self.browser.press("Give a token")
        self.browser.until_text("A token is needed", "dialog")
        need("centre" not in self.browser.run("return document.documentElement.innerHTML"), "the name of a private node")
        self.look("token")
        self.browser.press("Cancel", "dialog")
        self.browser.press("Give a token")
        self.with_token()
        self.browser.until_text("All is well.", "h1")
        self.go("")
        self.browser.press("Forget token")
        self.browser.until_text("A token is needed", "dialog")
        same(self.browser.run("return sessionStorage.length"), 0, "what is kept")


def all_pages(test, place):
    microphone = test.folder / "microphone.wav"
    samples = array.array("h", audio.music(40, 2, RATE))
    microphone.write_bytes(audio.wav(samples.tobytes(), RATE, 2))
    browser = Browser(test.folder, microphone)
    folder = pathlib.Path(test.options.pictures) if test.options.pictures else None
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    browser.look(1280)
    pages = Pages(place, browser, folder)
    quiet = (place.url, place.slave_server.url, place.loft_server.url)
    try:
        for name in ("overview", "identify", "many", "dropped", "microphone", "tracks", "delete", "edit", "copies", "conflicts", "federation", "killed", "followers", "streams", "plays", "wellness", "private"):
            if test.options.only in (None, name):
                test_page(test, browser, name, getattr(pages, name), quiet, folder)
        if browser.axe:
            print(f"# axe-core looked at {browser.looked} pages")
        else:
            test.report("skip", "axe-core", "it is not here: tools/setup_console.sh gets it by npm, and ECHOPRINT_AXE names its axe.min.js")
    finally:
        browser.close()


def test_page(test, browser, name, function, quiet, folder):
    def checked():
        try:
            function()
        except Exception:
            if folder:
                browser.shoot(folder / f"failed-{name}.png")
            raise
        finally:
            browser.collect()
        browser.need_quiet(*quiet)
    # The servers are of all checks: test.check would end them.
    try:
        checked()
        test.report("ok", name)
    except Exception as why:  # pylint: disable=broad-except
        browser.said.clear()
        test.report("not ok", name, f"{type(why).__name__}: {why}")


def all_checks(test):
    why = missing()
    place = Place(test)
    for name, function in (("assets are small", assets_are_small), ("history is told", history_is_told)):
        try:
            function(place)
            test.report("ok", name)
        except Exception as failure:  # pylint: disable=broad-except
            test.report("not ok", name, f"{type(failure).__name__}: {failure}")
    if why:
        test.report("skip", "pages", why)
        return
    test.check("pages", all_pages, test, place)


def body(test):
    try:
        all_checks(test)
    finally:
        kill_started()


def options(parser):
    parser.add_argument("--pictures", help="a folder for pictures of the pages")
    parser.add_argument("--only", help="the one page to be checked")


if __name__ == "__main__":
    run(body, options)

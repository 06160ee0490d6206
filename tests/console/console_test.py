#!/usr/bin/env python3
"""The pages of `serve`, as a browser shows them: every page and action, on a master with a slave, with
names that are hostile.

--pictures DIR leaves a picture of each page, at two widths, light and dark."""

import array
import gzip
import json
import pathlib
import time
import urllib.parse

from browser import Browser, missing, use_the_python_of_debian

use_the_python_of_debian()

# pylint: disable=wrong-import-position
import audio
from common import kill_started, need, run, same
from servers import Server, all_equal, ingest, joined, some_songs, until

RATE = 11025
HTML = "<img src=x onerror=\"window.pwned=1\"><script>window.pwned=1</script>"
HOSTILE = {
    "TRHTML": {"track": HTML, "artist": HTML, "release": "</bdi></td>" + HTML},
    "TRTURNED": {"track": "\u202eevil\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627", "artist": "\u200f\u202e", "release": "\U0001f3b5\U0001f468‍\U0001f469‍\U0001f467 x\u0301\u0301\u0301"},
    "TRLONG": {"track": "long" * 2500, "artist": "word " * 2000, "release": "\U0001f3b8" * 2500},
    "TR/?#%2e..&\"'<b>": {"track": "javascript:window.pwned=1", "artist": "{{7*7}} ${7*7}", "release": "\\u003cb\\u003e"},
}


class Place:
    """A master with music, hostile names, a copy, conflicts and a slave."""

    def __init__(self, test):
        self.test = test
        self.master = test.node("centre")
        self.master.run("init", "--name", "centre")
        self.sounds = []
        for seed in (1, 2):
            path = test.folder / f"song{seed}.wav"
            path.write_bytes(audio.wav(audio.music(40, seed, RATE), RATE, 2))
            self.sounds.append(path)
        self.noise = test.folder / "<img src=x onerror=window.pwned=1>.wav"
        self.noise.write_bytes(audio.wav(audio.music(20, 77, RATE), RATE, 2))
        self.broken = test.folder / "broken & <b>.mp3"
        self.broken.write_bytes(b"this is no sound" * 50)
        ingest(self.master, some_songs("TRQ", 70))
        # A copy, and two versions that are set aside.
        self.write("rows.csv", "TRC-0,4.12,1 2,60,artist,,centre\r\nTRD-0,4.12,1 5,60,other,,centre\r\n")
        self.master.run("master-ingest", "-s", "north", str(test.folder / "rows.csv"))
        self.write("other.csv", "TRC-0,4.12,3 4,60,south,,south\r\nTRD-0,4.12,3 6,60,south,,south\r\n")
        self.master.run("master-ingest", "-s", "south", str(test.folder / "other.csv"), statuses=(0, 1, 2, 3, 4))
        self.server = Server(self.master)
        self.tokens = {role: self.master.json("token", "add", role, "--role", role)["token"] for role in ("query", "admin")}
        for track_id, path, names in (("TRFIRST", self.sounds[0], "artist=The%20Testers&track=First%20Light&release=Morning"),
                                      ("TRSECOND", self.sounds[1], "artist=Nobody%20and%20Sons&track=Second%20Wind&release=Evening")):
            same(self.server.get(f"/v1/tracks?track_id={track_id}&{names}", {"Authorization": "Bearer " + self.tokens["admin"],
                                 "Content-Type": "audio/wav"}, path.read_bytes())[0], 201, f"put {track_id}")
        for track_id, names in HOSTILE.items():
            body = {"track_id": track_id, "codes": " ".join(f"{(n * 7919 + len(track_id) * 31) % 1048576} {n * 3}" for n in range(300)), **names}
            status, _, said = self.server.get("/v1/tracks", {"Authorization": "Bearer " + self.tokens["admin"], "Content-Type": "application/json"},
                                              json.dumps(body).encode())
            need(status in (200, 201), f"{track_id} was refused: {said}")
        self.slave = joined(test, self.master, "attic", self.server.url)
        self.slave_server = Server(self.slave)
        all_equal([self.master, self.slave])
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
        self.browser.choose(*self.place.sounds, self.place.noise, self.place.broken)
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

    def microphone(self):
        self.go("identify")
        self.browser.press("Record with the microphone")
        self.browser.until_text("Found", ".answer.good .kicker")
        need("Second Wind" in self.browser.run("return document.querySelector('.answer h2').innerText"), "the song that the microphone heard")

    def tracks(self):
        self.go("tracks")
        self.browser.until("document.querySelectorAll('tbody tr').length === 50", "a page")
        self.browser.press("More")
        self.browser.until("document.querySelectorAll('tbody tr').length > 50", "the next page")
        self.look("tracks")
        self.browser.fill("Search", "onerror")
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

    def conflicts(self):
        self.go("conflicts")
        self.browser.until("document.querySelectorAll('.pair').length === 2", "two versions")
        self.look("conflicts")
        self.browser.press("Accept")
        self.browser.press("Accept it", "dialog")
        self.browser.until("document.querySelectorAll('.pair').length === 1", "one version less")
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
        self.browser.until("document.querySelector('dialog textarea')?.value.includes('#echoprint1:cellar')", "the invitation")
        self.browser.press("Done", "dialog")
        self.browser.until_text("cellar", "table")
        self.look("federation")
        self.browser.press("Remove cellar")
        self.browser.press("Remove it", "dialog")
        self.browser.until("!document.querySelector('.page table').innerText.includes('cellar')", "one slave less")
        self.go("federation", self.place.slave_server.url)
        self.browser.until_text("Its master")
        self.look("federation-slave")

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
        path.write_text(json.dumps({"time": now, "webhook": None, "streams": [one, other], "running": True}))
        self.go("streams")
        self.browser.until_text("First Light", "table")
        self.browser.until("document.querySelector('nav').innerText.includes('Streams')", "the page in the list of pages")
        self.look("streams")
        path.unlink()

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
        need("centre" not in self.browser.run("return document.documentElement.innerHTML"), "the name of a private node")
        self.look("token")
        self.browser.press("Cancel", "dialog")
        self.browser.press("Give a token")
        self.with_token()
        self.browser.until_text("All is well.", "h1")


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
    quiet = (place.url, place.slave_server.url)
    if not browser.axe:
        print("# axe-core is not here (ECHOPRINT_AXE names its axe.min.js): it checks nothing")
    try:
        for name in ("overview", "identify", "many", "microphone", "tracks", "delete", "edit", "copies", "conflicts", "federation", "streams", "wellness", "private"):
            if test.options.only in (None, name):
                test_page(test, browser, name, getattr(pages, name), quiet, folder)
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

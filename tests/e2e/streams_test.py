#!/usr/bin/env python3
"""Streams: from URLs, files and pipes to samples, as the ffmpeg program decodes the same bytes; and
whatever a server may do."""

import os
import signal
import threading
import time

from audio import FFMPEG, RATE, ffmpeg, music, wav
from common import Skip, need, run, same
from servers import SANITIZED, until
from stations import Player, Stations, with_titles

SECONDS = 16
TO_SAMPLES = ["-ac", "1", "-ar", "11025", "-f", "s16le", "-"]


def decoded(data):
    """What the ffmpeg program makes of bytes that it cannot seek in."""
    return ffmpeg("-i", "-", *TO_SAMPLES, data=data)


class Songs:
    """Sound of many kinds, as bytes."""

    KINDS = {
        "mp3": ["-b:a", "128k", "-f", "mp3"], "aac": ["-c:a", "aac", "-f", "adts"], "ogg": ["-c:a", "libvorbis", "-f", "ogg"],
        "opus": ["-c:a", "libopus", "-b:a", "64k", "-f", "ogg"], "flac": ["-f", "flac"], "ts": ["-c:a", "aac", "-f", "mpegts"],
        "low.mp3": ["-ar", "22050", "-ac", "1", "-b:a", "32k", "-f", "mp3"],
        "short.ogg": ["-t", "5", "-ar", "32000", "-ac", "1", "-c:a", "libvorbis", "-f", "ogg", "-metadata", "artist=Ä",
                      "-metadata", "title=Two"],
        "short.aac": ["-t", "5", "-ar", "24000", "-b:a", "64k", "-c:a", "aac", "-f", "adts"],
    }

    def __init__(self, test):
        self.folder = test.new_folder("songs")
        self.wav = self.folder / "song.wav"
        self.wav.write_bytes(wav(music(SECONDS), RATE, 2))
        self.made = {}

    def get(self, kind):
        if not FFMPEG:
            raise Skip("there is no ffmpeg")
        if kind not in self.made:
            self.made[kind] = ffmpeg("-i", self.wav, *self.KINDS[kind], "-")
        return self.made[kind]


# ---- what is decoded ----


def plays_files_as_ffmpeg_does(test, songs):
    paths = [songs.wav]
    for kind in ("mp3", "aac", "ogg", "opus", "flac", "ts"):
        paths.append(songs.folder / f"song.{kind}")
        paths[-1].write_bytes(songs.get(kind))
    player = Player(test, "files", *paths)
    for number in range(len(paths)):
        player.until_state(number, "ended")
    facts = player.facts()
    player.quit()
    for number, path in enumerate(paths):
        need(player.samples(number) == ffmpeg("-i", path, *TO_SAMPLES), f"{path.name} is decoded in another way")
        same(facts[number]["state"], "ended", f"state of {path.name}")
    same(facts[1]["codec"], "mp3", "codec")
    same(facts[1]["rate"], str(RATE), "rate")


def plays_urls_as_ffmpeg_does(test, songs, stations):
    chains = {"chain.ogg": songs.get("ogg") + songs.get("short.ogg"), "chain.aac": songs.get("aac") + songs.get("short.aac")}
    sounds = {kind: songs.get(kind) for kind in ("mp3", "aac", "ogg", "opus", "flac", "ts", "low.mp3")} | chains
    # The type that the server tells is a lie.
    urls = [stations.put(f"/{name}", data, kind="audio/aac" if "mp3" in name else "audio/mpeg") for name, data in sounds.items()]
    player = Player(test, "urls", *urls)
    for number, name in enumerate(sounds):
        same(player.until_why(number), "the server ended the stream", f"what {name} ends with")
    for number, (name, data) in enumerate(sounds.items()):
        expected = decoded(data)
        need(player.samples(number)[:len(expected)] == expected, f"{name} is decoded in another way")
    same(player.titles(list(sounds).index("chain.ogg")), ["Ä - Two"], "titles in Ogg")
    player.quit()


def begins_anywhere_with_little(test, songs, stations):
    """A server begins in the middle of a frame; less than two seconds of sound must be enough."""
    rest = threading.Event()

    def part_of(kind, size):
        def send():
            yield songs.get(kind)[301:301 + size]
            rest.wait(100)

        return send

    sizes = {"mp3": 30000, "aac": 30000, "ts": 30000, "low.mp3": 24000}
    urls = [stations.put(f"/part-{kind}", part_of(kind, size)) for kind, size in sizes.items()]
    player = Player(test, "little", *urls)
    for number in range(len(urls)):
        player.until_state(number, "playing", 25)
    rest.set()
    player.quit()


def finds_titles(test, songs, stations):
    sound = songs.get("mp3")
    titles = [b"", "Ä Band - Don't Stop".encode(), b"", "Björk - Jóga".encode("latin-1"), "Ä Band - Don't Stop".encode()]
    asked = []

    def send(connection, request):
        asked.append("icy-metadata: 1" in request.lower())
        connection.sendall(b"ICY 200 OK\r\nicy-name: Test\r\nContent-Type: audio/mpeg\r\nicy-metaint: 16000\r\n\r\n")
        connection.sendall(with_titles(sound, 16000, titles))

    stations.paths["/icy"] = send
    player = Player(test, "titles", stations.url("/icy"))
    same(player.until_why(0), "the server ended the stream", "its end")
    same(player.titles(0), ["Ä Band - Don't Stop", "Björk - Jóga", "Ä Band - Don't Stop"], "titles")
    need(player.samples(0)[:SECONDS * 22050 - 22050] == decoded(sound)[:SECONDS * 22050 - 22050], "titles are in the sound")
    need(all(asked), "titles were not asked for")
    player.quit()


def follows_playlists(test, songs, stations):
    sound = songs.get("mp3")
    stations.put("/radio/live", sound)
    lists = {
        "/radio/one.m3u": b"#EXTM3U\r\n#EXTINF:-1,Radio\r\nlive\r\n",
        "/two.pls": f"[playlist]\nNumberOfEntries=1\nFile1={stations.url('/radio/live')}\nTitle1=Radio\n".encode(),
        "/three.m3u": b"\xef\xbb\xbf# nothing\n\n/radio/live",
    }
    urls = [stations.put(path, data, kind="audio/x-mpegurl") for path, data in lists.items()]
    urls.append(stations.redirect("/moved", "/two.pls"))
    player = Player(test, "lists", *urls)
    for number in range(len(urls)):
        player.until_state(number, "playing")
    player.quit()


# ---- HLS ----


def hls_files(test, songs, name, *words):
    if not FFMPEG:
        raise Skip("there is no ffmpeg")
    folder = test.new_folder(name)
    ffmpeg("-i", songs.wav, "-f", "hls", "-hls_time", "3", "-hls_list_size", "0", "-c:a", "aac", *words, folder / "list.m3u8")
    return folder


def put_folder(stations, place, folder):
    for path in folder.iterdir():
        stations.put(f"{place}/{path.name}", path.read_bytes(), kind="application/octet-stream")


def plays_finished_hls(test, songs, stations):
    kinds = {
        "hls-ts": [], "hls-mp4": ["-hls_segment_type", "fmp4"],
        "hls-parts": ["-hls_flags", "single_file"],
    }
    folders = {name: hls_files(test, songs, name, *words) for name, words in kinds.items()}
    urls = []
    for name, folder in folders.items():
        put_folder(stations, f"/{name}", folder)
        urls.append(stations.url(f"/{name}/list.m3u8"))
    # One file of all segments: parts of it are asked for.
    whole = (folders["hls-parts"] / "list.ts").read_bytes()

    def send_part(connection, request):
        words = next(line for line in request.split("\r\n") if line.lower().startswith("range:")).split("=")[1].split("-")
        begin, end = int(words[0]), int(words[1]) + 1
        connection.sendall(f"HTTP/1.0 206 Partial Content\r\nContent-Range: bytes {begin}-{end - 1}/{len(whole)}\r\n"
                           f"Content-Length: {end - begin}\r\n\r\n".encode() + whole[begin:end])

    stations.paths["/hls-parts/list.ts"] = send_part
    master = ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS=\"avc1.4d401e,mp4a.40.2\"\nmissing/high.m3u8\n"
              "#EXT-X-STREAM-INF:BANDWIDTH=10000,CODECS=\"avc1.4d401e\"\nmissing/silent.m3u8\n"
              "#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS=\"mp4a.40.2\"\nhls-ts/list.m3u8\n")
    urls.append(stations.put("/master.m3u8", master.encode(), kind="application/vnd.apple.mpegurl"))
    player = Player(test, "hls", *urls)
    for number in range(len(urls)):
        player.until_state(number, "ended")
    for number, name in enumerate([*folders, "hls-ts"]):
        expected = ffmpeg("-i", folders[name] / "list.m3u8", *TO_SAMPLES)
        found = player.samples(number)
        need(abs(len(found) - len(expected)) <= 2 * 2048, f"{name}: {len(found)} bytes of samples, and not {len(expected)}")
        need(found[:2 * 11025 * 12] == expected[:2 * 11025 * 12], f"{name} is decoded in another way")
    player.quit()


def plays_hls_of_bare_sound(test, songs, stations):
    """Segments without a container: MP3, and AAC with a tag at the front of each, which tells its
    time."""
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x3fPRIV\x00\x00\x00\x35\x00\x00com.apple.streaming.transportStreamTimestamp\x00" + bytes(8)
    urls, wholes = [], []
    for kind, form, front in (("mp3", "mp3", b""), ("aac", "adts", tag)):
        path = songs.folder / f"bare.{kind}"
        path.write_bytes(songs.get(kind))
        folder = test.new_folder(f"bare-{kind}")
        ffmpeg("-i", path, "-c", "copy", "-f", "segment", "-segment_time", "3", "-segment_format", form, folder / f"%d.{kind}")
        paths = sorted(folder.iterdir(), key=lambda path: int(path.stem))
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:4"]
        for path in paths:
            path.write_bytes(front + path.read_bytes())
            lines += ["#EXTINF:3,", path.name]
        wholes.append(b"".join(path.read_bytes() for path in paths))
        (folder / "list.m3u8").write_text("\n".join(lines) + "\n#EXT-X-ENDLIST\n")
        put_folder(stations, f"/bare-{kind}", folder)
        urls.append(stations.url(f"/bare-{kind}/list.m3u8"))
    player = Player(test, "bare-out", *urls)
    for number, whole in enumerate(wholes):
        player.until_state(number, "ended")
        need(player.samples(number) == decoded(whole), f"{urls[number]} is decoded in another way")
    player.quit()


def follows_live_hls(test, songs, stations):
    """Segments appear one after the other; the playlist has three of them. In the middle, what they
    are changes."""
    folder = hls_files(test, songs, "live")
    segments = sorted(folder.glob("*.ts"), key=lambda path: int(path.stem[4:]))
    put_folder(stations, "/live", folder)
    stations.put("/live/low.aac", songs.get("short.aac"))
    state = {"first": 0, "count": 3, "ended": False}

    def playlist(connection, request):
        first = state["first"]
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        for path in segments[first:first + state["count"]]:
            lines += ["#EXTINF:0.9,", path.name]
        if state["ended"]:
            lines += ["#EXT-X-DISCONTINUITY", "#EXTINF:5,", "low.aac", "#EXT-X-ENDLIST"]
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + "\n".join(lines).encode())

    stations.paths["/live/list.m3u8"] = playlist
    begin = len(stations.asked)
    player = Player(test, "live-out", stations.url("/live/list.m3u8"))
    player.until_state(0, "playing")
    while state["first"] + 3 < len(segments):
        newest = f"/live/{segments[state['first'] + 2].name}"
        until(lambda: newest in stations.asked[begin:], "a segment is asked for", 60)
        state["first"] += 1
    state["ended"] = True
    same(player.until_why(0), "the HLS stream has ended", "its end")
    wanted = [path for path in stations.asked[begin:] if path.endswith((".ts", ".aac"))]
    same(wanted[:len(segments) + 1], [f"/live/{path.name}" for path in segments] + ["/live/low.aac"], "segments")
    need(not any(line.endswith("gap") for line in player.seen), "there is a gap")
    expected = ffmpeg("-i", folder / "list.m3u8", *TO_SAMPLES)
    found = player.samples(0)
    need(found[:2 * 11025 * 12] == expected[:2 * 11025 * 12], "it is decoded in another way")
    need(abs(len(found) - len(expected) - 5 * 22050) < 22050, f"{len(found)} bytes of samples")
    player.quit()


class Window:
    """A live playlist that keeps all its segments, each the same sound of 5 s. Some are gone from the server."""

    def __init__(self, songs, stations, place, count, gone=()):
        self.stations, self.place, self.count, self.gone, self.ended, self.answers = stations, place, count, set(gone), False, True
        self.begin = len(stations.asked)
        stations.paths[f"{place}/list.m3u8"] = self.playlist
        for number in range(100):
            if number not in self.gone:
                stations.put(f"{place}/{number}.aac", songs.get("short.aac"))
        self.url = stations.url(f"{place}/list.m3u8")

    def playlist(self, connection, request):
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:5"]
        for number in range(self.count):
            lines += ["#EXTINF:5,", f"{number}.aac"]
        lines += ["#EXT-X-ENDLIST"] if self.ended else []
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + "\n".join(lines).encode() if self.answers
                           else b"HTTP/1.0 503 Busy\r\n\r\n")

    def asked(self):
        """The numbers of the segments that were asked for, in order."""
        return [int(path.split("/")[-1].split(".")[0]) for path in list(self.stations.asked[self.begin:]) if path.startswith(self.place + "/") and path.endswith(".aac")]

    def until_asked(self, number):
        until(lambda: number in self.asked(), f"segment {number} is asked for", 120)


def resumes_near_the_live_edge(test, songs, stations):
    window = Window(songs, stations, "/window", 10)
    player = Player(test, "window", window.url)
    window.until_asked(9)
    same(window.asked(), [7, 8, 9], "segments at the start")
    # Soon after a failure it goes on where it was.
    window.answers = False
    same(player.until_why(0), "the server answered with status 503 (it is busy or broken)", "why it waits")
    window.count, window.answers = 14, True
    window.until_asked(13)
    same(window.asked()[3:], [10, 11, 12, 13], "segments after a short failure")
    # Long after it, it does not, although all segments are there.
    begin = len(player.seen)
    window.answers = False
    player.until_state(0, "waiting", after=begin)
    window.count, window.answers = 40, True
    window.until_asked(39)
    same(window.asked()[7:], [37, 38, 39], "segments after a long failure")
    # Nor if too many come at once.
    begin = len(player.seen)
    window.count = 80
    window.until_asked(79)
    same(window.asked()[10:], [77, 78, 79], "segments after a long pause")
    player.until(lambda lines: "0 note it fell behind the playlist, and goes on with the newest segments" in lines[begin:], "it says so")
    need(not any(line.startswith("0 waiting") for line in player.seen[begin:]), "it was connected again")
    player.quit()


def passes_over_segments_that_are_gone(test, songs, stations):
    """Once, also if the next ones are there; a playlist of which nothing is there has failed."""
    window = Window(songs, stations, "/gone", 10, gone=(8, 10, 11, 12))
    nothing = Window(songs, stations, "/nothing", 3, gone=range(3))
    nothing.ended = True
    player = Player(test, "gone", window.url, nothing.url)
    window.until_asked(9)
    window.count = 15
    window.until_asked(14)
    same(window.asked(), [7, 8, 9, 10, 11, 12, 13, 14], "segments")
    window.ended = True
    player.until(lambda lines: any(line.startswith("0 waiting") and line.endswith("the HLS stream has ended") for line in lines), "its end")
    seen = [line for line in player.seen if line.startswith("0 ")]
    same([line for line in seen if " note " in line],
         [f"0 note segment {number} of its playlist is not on the server, and is passed over" for number in (8, 10)], "notes")
    same(seen.count("0 gap"), 2, "gaps")
    same(sum(line.startswith("0 waiting") for line in seen), 1, "failures")
    need(abs(len(player.samples(0)) - 4 * 5 * 22050) < 22050, f"{len(player.samples(0))} bytes of samples")
    same(player.until_why(1), "no segment of its HLS playlist is on the server", "what is said of nothing")
    need(not any(line.startswith("1 ended") for line in player.seen), "nothing was at its end")
    player.quit()


# ---- files that have no end ----


def plays_pipes(test, songs, stations):
    folder = test.new_folder("pipes")
    sound = songs.get("mp3")
    named = folder / "named"
    os.mkfifo(named)
    player = Player(test, "pipes-out", named)
    for _ in range(2):
        begin = len(player.seen)
        player.until_state(0, "connecting", after=0 if begin == 0 else begin - 1)
        named.write_bytes(sound)
        why = player.until(lambda lines: next((line for line in lines[begin:] if " waiting " in line), None), "it waits")
        need(why.endswith("whoever wrote into it has ended"), f"it said {why}")
        player.until(lambda lines: any(line == "0 connecting" for line in lines[lines.index(why):]), "it is opened again")
    same(len(player.samples(0)), 2 * len(decoded(sound)), "bytes of samples of two writers")
    player.quit()
    samples = decoded(sound)
    raw = Player(test, "raw-out", "raw:-", obeys=False)
    threading.Thread(target=lambda: (raw.process.stdin.buffer.write(samples), raw.process.stdin.close()), daemon=True).start()
    raw.until_state(0, "ended")
    raw.until(lambda lines: "closed" in lines, "it is closed")
    need(raw.samples(0) == samples, "raw samples are changed")
    # What is no sound ends, as it does not become any.
    text = Player(test, "text-out", "-", obeys=False)
    threading.Thread(target=lambda: (text.process.stdin.write("words " * 5000), text.process.stdin.close()), daemon=True).start()
    same(text.until_why(0), "no audio was found in it", "what is said of words")
    text.until_state(0, "ended")


# ---- faults ----


def endless(data):
    while True:
        yield data


def slowly(data, piece, seconds):
    for at in range(0, len(data), piece):
        yield data[at:at + piece]
        time.sleep(seconds)


def survives_every_server(test, songs, stations):
    """All at once, and a good one between: each fault costs its own stream alone."""
    sound = songs.get("mp3")
    rest = threading.Event()

    def real_time():
        yield sound[:64000]
        for at in range(64000, len(sound), 4000):
            yield sound[at:at + 4000]
            time.sleep(0.25)
        for piece in endless(sound[:16000]):
            yield piece
            time.sleep(1)

    def hang(connection, request):
        rest.wait(300)

    def hang_after_header(connection, request):
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n" + sound[:40000])
        rest.wait(300)

    def no_http(connection, request):
        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" + bytes(1000))

    def long_header(connection, request):
        connection.sendall(b"HTTP/1.0 200 OK\r\n")
        for _ in range(2000):
            connection.sendall(b"X-Header: " + b"x" * 1000 + b"\r\n")

    for path, function in {"/hang": hang, "/hang-after": hang_after_header, "/ssh": no_http, "/header": long_header}.items():
        stations.paths[path] = function
    stations.redirect("/circle", "/circle")
    stations.redirect("/to-file", "file:///etc/passwd")
    stations.put("/m3u-circle", b"#EXTM3U\n/m3u-circle\n")
    stations.put("/m3u-file", b"#EXTM3U\nfile:///etc/passwd\n")
    stations.put("/m3u-long", lambda: endless(b"#EXTM3U\n" + b"# words\n" * 1000))
    stations.put("/m3u-none", b"#EXTM3U\n# nothing\n")
    stations.put("/html", b"<!DOCTYPE html><html><body>" + b"<p>Welcome to our radio</p>" * 2000, kind="text/html")
    stations.put("/zeros", lambda: endless(bytes(65536)))
    stations.put("/noise", lambda: endless(os.urandom(65536)))
    stations.put("/sound-then-zeros", lambda: (piece for source in ([sound[:60000]], endless(bytes(65536))) for piece in source))
    stations.put("/nothing", b"")
    stations.put("/encrypted", b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n#EXTINF:5,\na.ts\n#EXT-X-ENDLIST\n")
    expected = {
        "/hang": "the server sent nothing for 30 s", "/hang-after": "the server sent nothing for 30 s",
        "/ssh": "the server does not speak HTTP, or redirects to something else", "/header": "the connection failed",
        "/circle": "the server redirects more than 10 times", "/to-file": "the server does not speak HTTP, or redirects",
        "/m3u-circle": "its playlists name each other", "/m3u-file": "this is no URL of a stream",
        "/m3u-long": "its playlist is larger than 1024 KB", "/m3u-none": "its playlist names no stream",
        "/html": "the server sends no audio that is known (it calls it text/html)",
        "/zeros": "the server sends no audio that is known", "/noise": "", "/sound-then-zeros": "16 MB came without any audio",
        "/nothing": "the server sent nothing", "/encrypted": "the HLS stream is encrypted (AES-128)",
        "/absent": "the server answered with status 404 (not found)",
    }
    good = stations.put("/good", real_time)
    player = Player(test, "faults", good, *map(stations.url, expected), "http://127.0.0.1:1/", "http://nowhere.invalid/",
                    test.folder / "absent.mp3", test.folder, "rtsp://127.0.0.1/x")
    player.until_state(0, "playing")
    for number, (path, why) in enumerate(expected.items(), 1):
        if why:
            found = player.until_why(number)
            need(found.startswith(why), f"{path} ended with: {found}")
    number = len(expected) + 1
    need("cannot be reached" in player.until_why(number), "a closed port is not told")
    need("cannot be reached" in player.until_why(number + 1), "an unknown host is not told")
    need("cannot open it: No such file" in player.until_why(number + 2), "a file that is not there is not told")
    need("it is a folder" in player.until_why(number + 3), "a folder is not told")
    need("rtsp:// cannot be played" in player.until_state(number + 4, "refused"), "another scheme is not refused")
    need(not [line for line in player.seen if line.startswith("0 ") and not line.startswith(("0 connecting", "0 playing", "0 facts"))],
         "the good stream was harmed")
    need(player.facts()[0]["connections"] == "1", "the good stream was connected again")
    memory = player.memory()
    need(memory < 100 or SANITIZED, f"{memory:.0f} MB are in use")
    rest.set()
    player.quit()


def reads_no_faster_than_it_is_heard(test, songs, stations):
    sound = songs.get("mp3")
    sent = []

    def flood():
        while True:
            sent.append(len(sound))
            yield sound

    player = Player(test, "flood", stations.put("/flood", flood))
    player.until_state(0, "playing")
    facts = {}
    # It plays on for 8 s behind what it may be ahead.
    end = time.monotonic() + 60
    while time.monotonic() < end:
        facts = player.facts()[0]
        if float(facts["late"]) < -29:
            break
        time.sleep(0.1)
    need(float(facts["late"]) < -29, f"it is only {facts['late']} s late")
    began = time.monotonic()
    first = int(facts["samples"])
    time.sleep(8)
    gained = (int(player.facts()[0]["samples"]) - first) / 11025
    lasted = time.monotonic() - began
    need(lasted - 7 < gained < lasted + 7, f"{gained:.1f} s of sound came in {lasted:.1f} s")
    same(player.facts()[0]["state"], "playing", "state")
    player.quit()


def plays_what_is_slow(test, songs, stations):
    sound = songs.get("mp3")
    player = Player(test, "slow", stations.put("/slow", lambda: slowly(sound, 1600, 1)))
    player.until_state(0, "playing")
    player.quit()


def a_killed_decoder_costs_its_stream_alone(test, songs, stations):
    sound = songs.get("mp3")

    def real_time():
        yield sound[:16000]
        for piece in endless(sound):
            for at in range(0, len(piece), 4000):
                yield piece[at:at + 4000]
                time.sleep(0.25)

    url = stations.put("/one", real_time)
    player = Player(test, "killed", url, url, url)
    for number in range(3):
        player.until_state(number, "playing")
    maker, decoders = player.decoders()
    same(len(decoders), 3, "decoders")
    os.kill(decoders[1], signal.SIGKILL)
    line = player.until(lambda lines: next((line for line in lines if " waiting " in line), None), "one waits")
    number, why = int(line.split()[0]), line.split(" ", 3)[3]
    need("the decoder crashed on it (Killed)" in why, f"it said {why}")
    player.until(lambda lines: f"{number} playing" in lines[lines.index(line):], "it plays again")
    player.until(lambda lines: f"{number} gap" in lines, "the gap is told")
    # The one that makes decoders: those that there are live on, and others can be made.
    os.kill(maker, signal.SIGKILL)
    _, decoders = player.decoders()
    begin = len(player.seen)
    os.kill(decoders[-1], signal.SIGKILL)
    player.until(lambda lines: any(line.endswith(" playing") for line in lines[begin:]), "it plays again")
    counts = sorted(int(facts["connections"]) for facts in player.facts().values())
    need(sum(counts) <= 5 and counts[0] == 1, f"connections: {counts}")
    player.tell(f"remove {number}")
    player.until(lambda lines: f"{number} removed" in lines, "it is removed")
    same(len(player.facts()), 2, "streams that are left")
    player.quit()


def ends_with_its_program(test, songs, stations):
    sound = songs.get("mp3")
    player = Player(test, "orphans", stations.put("/stuck", lambda: slowly(sound, 8000, 0.5)))
    player.until_state(0, "playing")
    maker, decoders = player.decoders()
    player.process.kill()
    player.process.wait()
    end = time.monotonic() + 60
    while [process for process in (maker, *decoders) if is_alive(process)]:
        need(time.monotonic() < end, "decoders outlive their program")
        time.sleep(0.05)


def is_alive(process):
    try:
        with open(f"/proc/{process}/stat", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def body(test):
    songs, stations = Songs(test), Stations()
    for check in (plays_urls_as_ffmpeg_does, begins_anywhere_with_little, finds_titles, follows_playlists, plays_finished_hls,
                  plays_hls_of_bare_sound, follows_live_hls, resumes_near_the_live_edge, passes_over_segments_that_are_gone, plays_pipes,
                  survives_every_server, reads_no_faster_than_it_is_heard, plays_what_is_slow,
                  a_killed_decoder_costs_its_stream_alone, ends_with_its_program):
        test.check(check.__name__.replace("_", " "), check, test, songs, stations)
    test.check("plays files as ffmpeg does", plays_files_as_ffmpeg_does, test, songs)


run(body)

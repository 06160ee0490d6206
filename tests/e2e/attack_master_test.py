#!/usr/bin/env python3
"""What hostile masters, and whoever writes in a shared folder, send to a slave: it is refused with
a line that says why, memory is bounded, and the slave keeps what it has."""

import contextlib
import json
import os
import pathlib
import re
import resource
import socket
import threading
import time
import zlib

from attacks import MB, connect, master_and_slave, run_attacks, signature
from common import need, same
from servers import SANITIZED, Server, ingest, invite, joined, some_songs, synced, until


@contextlib.contextmanager
def little_memory():
    """What is started meanwhile gets 300 MB; a sanitizer needs more."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_DATA, (300 * MB, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


class Hostile:
    """Stands between a slave and its master: passes on what is asked, or answers it as it is
    told."""

    def __init__(self, server):
        self.server = server
        self.answer = {}  # of "feed.json", "packets", "contributions", "join": function(connection)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with peer, contextlib.suppress(OSError):
            data = b""
            while b"\r\n\r\n" not in data:
                if not (chunk := peer.recv(65536)):
                    return
                data += chunk
            place = data.split(b" ")[1].split(b"/")[1].decode()
            head, _, body = data.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.I)
            while length and len(body) < int(length.group(1)):
                body += peer.recv(65536)
            if place in self.answer:
                self.answer[place](peer)
                return
            with connect(self.server, re.sub(rb"(?i)\r\nexpect: [^\r]*", b"", head).replace(
                    b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n", 1) + b"\r\n\r\n" + body) as other:
                while chunk := other.recv(65536):
                    peer.sendall(chunk)


def says(*pieces, forever=b"", pause=0.0):
    """Sends pieces, and one of them without an end."""
    def say(peer):
        for piece in pieces:
            peer.sendall(piece)
        while forever:
            peer.sendall(forever)
            if pause:
                time.sleep(pause)
    return say


OK = b"HTTP/1.1 200 OK\r\n"

PARTIAL = b"HTTP/1.1 206 Partial Content\r\n"


def signed(master, purpose, value):
    body = json.dumps(value, separators=(",", ":"))[1:].encode()
    return b'{"signature":"' + signature(master, purpose, body) + b'",\n' + body


def whole(text):
    return says(OK + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(text) + text)


def hostile_answers_are_refused(test):
    master, server, _ = master_and_slave(test, "hostile")
    hostile = Hostile(server)
    slave = joined(test, master, "hostage", hostile.url)
    slave.run("sync")
    digest = slave.digest()
    ingest(master, some_songs("TRMORE", 20))
    until(lambda: server.json("/feed.json")["position"] == master.json("status")["position"], "publication")
    feed = server.json("/feed.json")
    stranger = test.node("hostile-stranger")
    stranger.run("init", "--name", "x")
    stranger.run("source", "add", "y")
    drip = test.node("hostage-drip")
    drip.run("init", "--name", "drip")
    drip_hostile = Hostile(server)
    drip.run("join", drip_hostile.url, invite(master, "drip", drip_hostile.url))
    drip_hostile.answer["feed.json"] = says(OK + b"\r\n", forever=b" ", pause=0.5)
    slow_began, slow = time.monotonic(), drip.start("sync")

    def refuses(place, answer, statuses, what, words=b""):
        hostile.answer = {place: answer}
        began = time.monotonic()
        with little_memory():
            done = slave.run("sync", statuses=range(256))
        need(done.returncode in statuses, f"{what}: sync exited with {done.returncode}: {done.stderr[-300:]!r}")
        hostile.answer = {}
        need(time.monotonic() - began < 25 or SANITIZED, f"{what}: it took {time.monotonic() - began:.1f} s")
        need(words in done.stderr, f"{what}: the message is {done.stderr!r}")
        need(not re.search(rb"[\0-\x09\x0b-\x1f\x7f]", done.stderr), f"{what}: control characters in {done.stderr!r}")
        same(slave.digest(), digest, f"the digest after {what}")
        need(slave.json("status")["master"]["error"], f"{what}: status does not show it")

    def feed_with(**fields):
        value = {key: value for key, value in {**feed, **fields}.items() if key != "signature"}
        return whole(signed(master, "echoprint feed 2", value))

    packets = feed["packets"]
    first = {**packets[-1]}
    for place, answer, statuses, what in (
            ("feed.json", says(OK + b"\r\n", forever=b"{" * 65536), (7,), "an endless feed"),
            ("feed.json", says(OK, forever=b"X-Y: z\r\n" * 1000), (4, 7), "endless headers"),
            ("feed.json", says(OK + b"X-Y: ", forever=b"z" * 65536), (4, 7), "an endless header"),
            ("feed.json", says(forever=b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), (4, 7), "endless 100s"),
            ("feed.json", says(OK + b"Content-Length: 99\r\n\r\n{}"), (4,), "too short a body"),
            ("feed.json", says(OK + b"Content-Length: 1\r\n\r\n{}"), (7,), "too long a body"),
            ("feed.json", says(OK + b"Content-Length: -1\r\n\r\n{}"), (4, 7), "a negative length"),
            ("feed.json", says(OK + b"Content-Length: 99999999999999999999\r\n\r\n{}"), (4, 7), "a length beyond all"),
            ("feed.json", says(OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx"), (4, 7), "a chunk beyond all"),
            ("feed.json", says(OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + zlib.compress(b"0" * (50 * MB), 9, 31)), (7,),
             "a feed that is packed"),
            ("feed.json", says(b"HTTP/1.1 302 Found\r\nLocation: " + hostile.url.encode() + b"feed.json\r\nContent-Length: 0\r\n\r\n"), (4,),
             "a redirection to itself"),
            ("feed.json", says(b"HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"), (4,), "one to a file"),
            ("feed.json", says(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), (4,), "404"),
            ("feed.json", says(b"HTTP/1.1 999 \r\nContent-Length: 0\r\n\r\n"), (4,), "999"),
            ("feed.json", says(b"\x16\x03\x01\x02\0" * 20), (4,), "no HTTP"),
            ("feed.json", says(b""), (4,), "nothing"),
            ("feed.json", says(b"HTTP/1.1 403 No\r\nContent-Length: 34\r\n\r\n\x1b[2J\r\0\xff\xfe no \xc2\x9b way \x07 echoprint: x"), (1, 4),
             "a reason that is no text"),
            ("feed.json", says(b"HTTP/1.1 403 No\r\n\r\n", forever=b"no " * 1000), (1, 4, 7), "an endless reason"),
            ("feed.json", says(OK + b'ETag: "\x1b\x7f' + b"x" * 5000 + b'"\r\nContent-Length: 2\r\n\r\n{}'), (7,), "a tag that is none"),
            ("feed.json", feed_with(packets=[{**first, "name": "../../../x.packet"}]), (7,), "a packet that is a path"),
            ("feed.json", feed_with(packets=packets + [first] * 5000), (7,), "too many packets"),
            ("feed.json", feed_with(position=1 << 63), (7,), "a position beyond all"),
            ("packets", says(OK + b"\r\n", forever=b"x" * 65536), (7,), "an endless packet"),
            ("packets", says(PARTIAL + b"Content-Range: bytes 5-9/10\r\nContent-Length: 5\r\n\r\nxxxxx"), (4, 7), "another part"),
            ("packets", says(b"HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n"), (1, 4, 7), "416"),
            ("packets", says(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), (4,), "no packet"),
            ("packets", says(OK + b"Content-Length: 0\r\n\r\n"), (7,), "an empty packet")):
        refuses(place, answer, statuses, what)
    # Receipts and welcomes: what is local stays until there is a good one.
    slave.run("sync")
    same(slave.digest(), master.digest(), "the digest of a good master")
    ingest(slave, some_songs("TROWN", 2))
    own = slave.digest()
    receipt = {"format": 2, "contribution": "0" * 64, "epoch": feed["epoch"], "position": 5, "source": "hostage", "tracks": []}
    for answer, what in ((whole(b"{}"), "no signature"), (says(OK + b"\r\n", forever=b"x" * 65536), "an endless receipt"),
                         (whole(signed(stranger, "echoprint receipt 2", receipt)), "another's receipt"),
                         (whole(signed(master, "echoprint receipt 2", receipt)), "the receipt of another contribution"),
                         (whole(signed(master, "echoprint feed 2", receipt)), "a receipt signed as a feed"),
                         (says(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), "no such place")):
        hostile.answer = {"contributions": answer}
        slave.run("sync", statuses=(1, 4, 5, 7))
        same((slave.json("status")["master"]["pending"], slave.digest()), (2, own), f"what is to be contributed after {what}")
    hostile.answer = {}
    synced(slave, master)
    # The feed confirms, not the receipt.
    until(lambda: slave.run("sync") and slave.json("status")["master"]["pending"] == 0, "that nothing is pending", 20)
    same(slave.digest(), master.digest(), "with the good master")
    new = test.node("hostile-new")
    new.run("init", "--name", "new")
    invitation = invite(master, "new", hostile.url)
    key = new.folder / "key"
    for answer, what in ((whole(b"{}"), "no signature"), (says(OK + b"\r\n", forever=b"x" * 65536), "an endless welcome"),
                         (whole(signed(stranger, "echoprint welcome 1", {"format": 1, "source": "new", "key": "0" * 64})), "another's"),
                         (whole(signed(master, "echoprint welcome 1", {"format": 1, "source": "new", "key": "0" * 64})), "for another")):
        hostile.answer = {"join": answer}
        done = new.run("join", hostile.url, invitation, statuses=(1, 4, 5, 7))
        need(done.stderr and key.exists(), f"a welcome that is {what}: {done.stderr!r}")
    hostile.answer = {}
    new.run("join", hostile.url, invitation)
    # A byte now and then is not waited for.
    same(slow.wait(timeout=90), 4, "the status of one that gets a byte now and then")
    print(f"# given up after {time.monotonic() - slow_began:.0f} s")
    need(b"cannot reach" in slow.stderr.read(), "what it says")
    server.stop()


def a_master_that_does_not_wait_is_not_hurried(test):
    master, server, _ = master_and_slave(test, "hasty")
    hostile = Hostile(server)
    slave = joined(test, master, "hurried", hostile.url)
    slave.run("sync")
    asked = []

    def at_once(peer):
        asked.append(time.monotonic())
        peer.sendall(b'HTTP/1.1 304 No\r\nETag: "x"\r\nPreference-Applied: wait\r\n\r\n')

    follower = Server(slave)
    until(lambda: slave.digest() == master.digest(), "the state of the master")
    hostile.answer = {"feed.json": at_once}
    ingest(master, some_songs("TRH", 1))  # ends what waits
    until(lambda: len(asked) >= 3, "that it is asked again, and once more", 30)
    pauses = [later - one for one, later in zip(asked, asked[1:])]
    need(min(pauses) > 2, f"it was asked again after {min(pauses):.3f} s")
    hostile.answer = {}
    until(lambda: slave.digest() == master.digest(), "the state of the master, later", 30)
    follower.stop()
    server.stop()


def a_hostile_folder_is_refused(test):
    master = test.node("folder-master")
    folder = test.new_folder("folder-feed")
    ingest(master, some_songs("TRF", 20))
    master.run("publish", folder)
    slave = joined(test, master, "folder-slave", str(folder))
    feed, packet = folder / "feed.json", next((folder / "packets").glob("*.packet"))

    def refuses(path, put, statuses, what):
        kept = path.read_bytes()
        path.unlink()
        put(path)
        began = time.monotonic()
        process = slave.start("sync")
        try:
            status = process.wait(timeout=20)
        finally:
            process.kill()
        need(status in statuses, f"{what}: sync exited with {status}")
        need(time.monotonic() - began < 15, f"{what}: it took long")
        same(slave.json("status")["documents"], 0, f"documents after {what}")
        path.rmdir() if path.is_dir() else path.unlink()
        path.write_bytes(kept)

    def endless(path):
        with open(path, "wb") as file:
            file.truncate(1 << 40)

    for path in (feed, packet):
        refuses(path, os.mkfifo, (7,), "a pipe")
        refuses(path, pathlib.Path.mkdir, (7,), "a folder")
        refuses(path, lambda it: it.symlink_to("/dev/zero"), (7,), "a link to what has no end")
        refuses(path, endless, (1, 7), "a file of a terabyte")
        refuses(path, lambda it: it.symlink_to(it.name), (1, 4, 7), "a link to itself")
    used = sum(file.stat().st_blocks * 512 for file in slave.folder.rglob("*") if file.is_file())
    need(used < 50 * MB, f"the slave's folder holds {used} bytes")
    slave.run("sync")
    same(slave.digest(), master.digest(), "the digest of a good folder")


if __name__ == "__main__":
    run_attacks([hostile_answers_are_refused, a_master_that_does_not_wait_is_not_hurried, a_hostile_folder_is_refused])

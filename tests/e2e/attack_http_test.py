#!/usr/bin/env python3
"""What strangers send to a server: paths that lead elsewhere, requests that another would read
otherwise, and any bytes. It is answered or refused, and nothing else happens.

--count N  requests changed at random (default 1500)."""

import contextlib
import json
import os
import random
import re
import socket
import urllib.parse

from attacks import MB, SONGS, TRAILER, answer_to, connect, contribution_of, lines_of, master_and_slave, memory, run_attacks, status_of
from common import need, same
from servers import SANITIZED, Server, ingest, joined, some_songs, synced, until


def names_lead_nowhere(test):
    master, server, slave = master_and_slave(test, "names")
    packets = master.folder / "feed" / "packets"
    secret = (master.folder / "key").read_bytes()
    fit = "0-1-0123456789abcdef.packet"
    (packets / fit).symlink_to(master.folder / "key")
    os.mkfifo(packets / ("1" + fit))
    (packets / ("2" + fit)).mkdir()
    (packets / ("3" + fit)).write_bytes(b"")
    paths = [f"/packets/{n}{fit}" for n in ("", 1, 2, 3, "4")]
    paths += ["/packets/../../key", "/packets/..%2f..%2fkey", "/packets/%2e%2e/%2e%2e/key", "//packets/../key",
              "/packets/....//....//key", "/packets/..\\..\\key", "/packets/%00", "/packets/..%00.packet", "/packets//key",
              "/packets/" + "0" * 300 + ".packet", "/packets/-.packet/../../key", "/../key", "/key", "/data.mdb",
              "http://x/packets/../../key", "*", "/feed.json/../key", "/packets/%252e%252e/key"]
    for path in paths:
        answer = answer_to(server, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        need(status_of(answer) in (0, 400, 404), f"{path} was answered {answer[:60]!r}")
        need(secret not in answer and secret[:64] not in answer, f"{path} gave the key away")
    # Ids and names that are paths: no song of that id, no source of that name, no file.
    files = sorted(path.name for path in test.folder.iterdir())
    for identity in ("../../x", "/etc/x", "a/../b\n", "x" * 300, "\x1b[2J", "TR\x00X"):
        body = json.dumps([{"metadata": {"track_id": identity, "version": 4.12}, "code": "1 2 3 4"}]).encode()
        need(server.get("/ingest", server.token, body)[0] in (200, 400), f"an ingest of {identity!r}")
        asked = json.dumps({"name": identity, "key": "0" * 64, "proof": "0" * 64}).encode()
        need(server.get("/join", data=asked)[0] in (400, 403), f"a request to join of {identity!r}")
    same(sorted(path.name for path in test.folder.iterdir()), files, "files beside the data folders")
    server.stop()


def a_page_of_another_does_not_ingest(test):
    server = Server(test.node("origin"))
    song = b"fp_code=1+2+3+4&track_id=TRX&length=1&codever=4.12"
    same(server.get("/ingest", {"Origin": "https://evil.example"}, song)[0], 401, "what a browser sends for a page")
    same(server.get("/ingest", data=song)[0], 401, "what a proxy on this machine sends for anybody")
    same(server.get("/ingest", server.token, song)[0], 200, "what a program sends")
    server.stop()


def a_body_has_one_end(test):
    """A proxy in front must not see another end of a body than the server: what is behind it would
    be a request."""
    server = Server(test.node("framing"))
    inner = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    post = b"POST /query HTTP/1.1\r\nHost: x\r\n"
    length = lambda size: b"Content-Length: %d\r\n" % size
    for what, headers, body in (
            ("two lengths", length(0) + length(len(inner)), b""), ("two lengths", length(len(inner)) + length(0), b""),
            ("a length twice", length(0) + length(0), b""), ("lengths in a list", b"Content-Length: 0, 0\r\n", b""),
            ("a length and chunks", length(5 + len(inner)) + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
            ("chunks and a length", b"transfer-encoding: chunked\r\n" + length(5 + len(inner)), b"0\r\n\r\n"),
            ("chunks twice", b"Transfer-Encoding: chunked\r\n" * 2, b"0\r\n\r\n"),
            ("another coding", b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
            ("an unknown coding", b"Transfer-Encoding: xchunked\r\n", b""), ("an identity", b"Transfer-Encoding: identity\r\n", b""),
            ("a blank before the colon", b"Transfer-Encoding : chunked\r\n" + length(5 + len(inner)), b"0\r\n\r\n"),
            ("a value on the next line", b"Transfer-Encoding:\r\n chunked\r\n" + length(5 + len(inner)), b"0\r\n\r\n"),
            ("another blank", b"Content-Length : 0\r\n", b""), ("a signed length", b"Content-Length: +0\r\n", b"")):
        answer = answer_to(server, post + headers + b"\r\n" + body + inner, seconds=10)
        # The library, which refuses some itself, writes its headers twice.
        same(set(re.findall(rb"HTTP/1.1 (\d+)", answer)), {b"400"}, f"answers to {what}, up to the end of the connection")
    for what, data in (("a length", length(11) + b"\r\nfp_code=1+2"),
                       ("chunks", b"Transfer-Encoding: Chunked\r\n\r\nb\r\nfp_code=1+2\r\n0\r\n\r\n")):
        with connect(server, post + data + inner.replace(b"Host", b"Connection: close\r\nHost")) as peer:
            back = b""
            while chunk := peer.recv(65536):
                back += chunk
        same(re.findall(rb"HTTP/1.1 (\d+)", back), [b"200", b"200"], f"a request behind one with {what}")
    server.stop()


def what_a_slave_says_of_itself_is_not_believed(test):
    master, server, slave = master_and_slave(test, "seen")
    witness = joined(test, master, "seen-witness", server.url)
    until(lambda: server.json("/feed.json")["position"] == master.json("status")["position"], "publication")
    for _ in range(2):  # it says where it was before
        slave.run("sync")
    says = lambda node, position: server.get("/feed.json", {"Echoprint-At": f"{node.json('status')['key']} {position}"})
    source = lambda name: next(one for one in master.json("source", "list")["sources"] if one["name"] == name)
    fetched = lambda name="seen-slave": source(name)["fetched"]
    until(lambda: fetched() == master.json("status")["position"], "what it says properly", 10)
    before = fetched()
    for turn, position in enumerate(("18446744073709551615", "-1", "9223372036854775808", "x"), 1):
        says(slave, position)
        # What is said later is noted with it, or after it.
        says(witness, turn)
        until(lambda: fetched("seen-witness") == turn, "what is said later", 10)
        peer = source("seen-slave")
        need(peer["fetched"] in (before, 0) and peer["lag"] in (0, before), f"{position} was believed: {peer}")
    server.stop()


# ---- any input ----


def requests_of(feed, packet, song, good, token):
    """What is asked for properly, as (line and headers, body): from these, others are made."""
    code = song["code"]
    form = urllib.parse.urlencode({"fp_code": code, "track_id": "TRFORM", "length": "12", "codever": "4.12", "artist": "é",
                                   "track": "&%+"}).encode()
    return [
        (b"GET /feed.json HTTP/1.1\r\nIf-None-Match: \"" + b"0" * 32 + b"\", W/\"x\"\r\nPrefer: respond-async, wait=1\r\n"
         b"Echoprint-At: " + feed["key"].encode() + b" 12", b""),
        (b"GET /packets/" + packet.encode() + b" HTTP/1.1\r\nRange: bytes=5-77\r\nIf-Range: \"" + packet[:-7].encode() + b"\"", b""),
        (b"GET /packets/" + packet.encode() + b" HTTP/1.1\r\nRange: bytes=-18446744073709551615", b""),
        (b"GET /query?fp_code=1+2+3+4&x=%41%zz HTTP/1.1\r\nCookie: a", b""),
        (b"POST /query HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded", b"fp_code=" + code[:2000].encode()),
        (b"POST /ingest HTTP/1.1\r\nAuthorization: " + token, form),
        (b"POST /ingest HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: " + token, json.dumps([song]).encode()),
        (b"POST /join HTTP/1.1\r\nContent-Type: application/json",
         json.dumps({"name": "slave", "key": "a" * 64, "proof": "b" * 64}).encode()),
        (b"POST /contributions HTTP/1.1\r\nEchoprint-Trailer: " + good[-TRAILER:].hex().encode(), good),
        (b"HEAD /status HTTP/1.1\r\nAccept: */*", b""),
        (b"GET / HTTP/1.0\r\nX-Forwarded-For: 1.2.3.4", b""),
    ]


PIECES = [b"\0", b"\r\n", b"\n", b"\r\n\r\n", b"%", b"%00", b"%0a", b"..", b"/", b"-", b"-1", b"99999999999999999999", b"\xff\xfe", b"\xc3", b"{",
          b"[" * 500, b"\"", b"a" * 9000, b",", b"&", b"=", b"chunked", b"Content-Length: 7\r\n", b"bytes=", b";", b" ", b"\t"]


def changed(rng, data):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(4)
        if what == 0:
            data[at:at] = rng.choice(PIECES)
        elif what == 1:
            del data[at:at + rng.randrange(1, 40)]
        elif what == 2 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        else:
            data[at:at + rng.randrange(8)] = rng.randbytes(rng.randrange(8))
    return bytes(data)


def every_input_is_answered_or_refused(test):
    master, server, slave = master_and_slave(test, "any")
    until(lambda: server.json("/feed.json")["position"] == master.json("status")["position"], "publication")
    feed = server.json("/feed.json")
    server.stop()
    ingest(slave, some_songs("TRNEW", 2))
    good = contribution_of(slave)
    server.start()
    seeds = requests_of(feed, feed["packets"][-1]["name"], json.loads(SONGS.read_text())[0], good,
                        server.token["Authorization"].encode())
    rng = random.Random(test.options.seed)
    print(f"# seed {test.options.seed}")
    before, answers = memory(server), {}
    for n in range(test.options.count):
        head, body = seeds[n % len(seeds)]
        if rng.random() < 0.7 or not body:
            head = changed(rng, head)
        if rng.random() < 0.7:
            body = changed(rng, body)
        size = len(body) if rng.random() < 0.9 else rng.choice((-1, 0, 3, 1 << 64, 1 << 40))
        data = head + b"\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size + body
        with contextlib.suppress(OSError), connect(server, data, seconds=5) as peer:
            peer.shutdown(socket.SHUT_WR)
            back = b""
            while chunk := peer.recv(65536):
                back += chunk
        status = status_of(back)
        answers[status] = answers.get(status, 0) + 1
        need(status < 500 or status in (501, 505), f"{data[:300]!r} was answered {back[:200]!r}")
        need(server.process.poll() is None, f"the server died of {data[:300]!r}")
    print(f"# {dict(sorted(answers.items()))}, {(memory(server) - before) / MB:.0f} MB more")
    need(answers.get(200, 0) > 20 and sum(answers.get(status, 0) for status in (400, 403, 404)) > 100, f"answers: {answers}")
    need(memory(server) - before < 150 * MB or SANITIZED, "memory grew")
    need(all(line.startswith(b"echoprint: ") for line in lines_of(server)), "a line that is another's")
    synced(slave, master)
    server.stop()
    master.verify()


def add_options(parser):
    parser.add_argument("--count", type=int, default=1500 if not SANITIZED else 500)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))


if __name__ == "__main__":
    run_attacks([names_lead_nowhere, a_page_of_another_does_not_ingest, a_body_has_one_end,
                 what_a_slave_says_of_itself_is_not_believed, every_input_is_answered_or_refused], add_options)

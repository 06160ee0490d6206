#!/usr/bin/env python3
"""What strangers, slow clients and hostile slaves send to a master, and hostile masters to a slave: it is refused
with a line that says why, memory is bounded, and others are served.

--count N  requests changed at random (default 1500)."""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import random
import re
import resource
import select
import socket
import struct
import subprocess
import threading
import time
import urllib.parse
import zlib

from common import DATA, need, run, same
from servers import SANITIZED, Server, all_equal, ingest, invite, joined, some_songs, synced, until

SONGS = DATA / "songs.json"
MB = 1 << 20


def master_and_slave(test, name, *options):
    """A master that serves, and a slave of it that has contributed three tracks."""
    master = test.node(name + "-master")
    master.run("init", "--name", "centre")
    master.run("ingest", SONGS)
    server = Server(master, *options)
    slave = joined(test, master, name + "-slave", server.url)
    ingest(slave, some_songs(f"TR{name}", 3))
    slave.run("sync")
    return master, server, slave


def signature(node, purpose, what):
    done = subprocess.run([os.environ["ECHOPRINT_SIGN"], node.folder, purpose], input=what, capture_output=True, check=True)
    return done.stdout.strip()


def memory(server):
    """Bytes of the server's own memory; of the log's pages, none."""
    text = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", text).group(1)) * 1024


def connect(server, head=b"", address="127.0.0.1", seconds=20):
    peer = socket.create_connection(("127.0.0.1", server.port), timeout=seconds, source_address=(address, 0))
    peer.sendall(head)
    return peer


def answer_to(server, request, seconds=20):
    """What comes back, up to the end of the connection; b"" where it just ends."""
    back = b""
    with contextlib.suppress(OSError), connect(server, request, seconds=seconds) as peer:
        while chunk := peer.recv(65536):
            back += chunk
    return back


def status_of(answer):
    match = re.match(rb"HTTP/1.[01] (\d\d\d) ", answer)
    return int(match.group(1)) if match else 0


# ---- who may not ----


TRAILER = 32 + 2 + 128  # bytes: the packet's hash, the size of the signature, two keys and the signature


def trailer_of(packet):
    return {"Echoprint-Trailer": packet[-TRAILER:].hex()}


def contribution_of(node):
    """The contribution that a slave would send, as it lies in its folder when the master does not answer."""
    path = node.folder / "contribution.packet"
    node.run("sync", statuses=(4,))
    return path.read_bytes()


def who_may_not_contribute_is_refused(test):
    master, server, slave = master_and_slave(test, "who")
    other, other_server, thief = master_and_slave(test, "thief")
    tracks = master.json("status")["tracks"]
    # What is on its way to a master that is away.
    for one, node in ((server, slave), (other_server, thief)):
        one.stop()
        ingest(node, some_songs("TRNEW", 2))
    good, foreign = contribution_of(slave), contribution_of(thief)
    server.start()
    post = lambda header, body: server.get("/contributions", trailer_of(header), body)
    same(post(foreign, foreign)[0], 403, "a contribution to another master")
    # The header of one who may, with what another sends, or with what was changed on the way.
    same(post(good, foreign)[0], 403, "another's body")
    for what, bad in (("changed", good[:200] + bytes([good[200] ^ 1]) + good[201:]), ("short", good[:300]),
                      ("long", good + b"x"), ("none", b""), ("zeros", bytes(2000)), ("text", b"artist,title\n" * 100)):
        status = post(good, bad)[0]
        need(status in (400, 403), f"a body that is {what} was answered {status}")
    same(master.json("status")["tracks"], tracks, "tracks of the master")
    # Twice: the second time nothing changes.
    first, again = post(good, good), post(good, good)
    same((first[0], again[0]), (200, 200), "answers to what is sent twice")
    outcomes = [[track[1] for track in json.loads(answer[2])["tracks"]] for answer in (first, again)]
    same(outcomes, [["new", "new"], ["unchanged", "unchanged"]], "what became of it")
    same(json.loads(first[2])["position"], json.loads(again[2])["position"], "positions")
    same(master.json("status")["tracks"], tracks + 2, "tracks of the master")
    # Who is removed: nothing of the body is read.
    slave.run("sync")
    master.run("source", "remove", "who-slave")
    ingest(slave, some_songs("TRGONE", 2))
    done = slave.run("sync", statuses=(1,))
    need(b"the sender of the contribution is not a source" in done.stderr, f"the message is {done.stderr!r}")
    head = (b"POST /contributions HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\nEchoprint-Trailer: "
            + good[-TRAILER:].hex().encode() + b"\r\n\r\n")
    same(status_of(answer_to(server, head)), 403, "a removed source, before its body")
    same(master.json("status")["tracks"], tracks + 2, "tracks of the master")
    need(server.words().count("the sender of the contribution is not a source") >= 2, "the log says who was refused")
    server.stop()


# ---- packets that unpack to more than they may ----


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def zstd_of(front, zeros):
    """A zstd frame (RFC 8878) of front and zeros: one block of bytes, and runs of a byte."""
    size = len(front) + zeros
    blocks = [struct.pack("<I", len(front) << 3)[:3] + front]
    while zeros:
        run = min(zeros, 1 << 17)
        zeros -= run
        blocks.append(struct.pack("<I", run << 3 | 1 << 1)[:3] + b"\0")
    last = bytearray(blocks[-1])
    last[0] |= 1
    blocks[-1] = bytes(last)
    return b"\x28\xb5\x2f\xfd" + b"\xe0" + struct.pack("<Q", size) + b"".join(blocks)


def bomb(slave, good, blocks, each, documents=1):
    """A contribution of a slave, signed by it, whose blocks hold a track with `each` bytes of zeros, and these documents."""
    size = struct.unpack_from("<I", good, 12)[0]
    header = bytearray(good[:16 + size])
    after, last = struct.unpack_from("<QQ", header, 64)  # what it says of marks is within this
    struct.pack_into("<QQQQQ", header, 72, max(last, after + blocks), blocks, blocks * documents, 0, 0)
    header[-4:] = struct.pack("<I", zlib.crc32(bytes(header[:-4])))
    packet = bytes(header)
    for n in range(blocks):
        identity = b"TRBOMB%d" % n
        history = b"\0\1\2"  # one step, by the first party
        columns = (b"\1\0" + varint(after + 1 + n) + b"\0\0" + varint(documents) + varint(len(identity))
                   + varint(len(history)) + varint(each) + varint(0) + identity + history)
        frame = zstd_of(columns, each)
        payload = varint(1) + varint(len(columns) + each) + varint(len(frame)) + frame + bytes(32)
        packet += struct.pack("<II", len(payload), zlib.crc32(payload)) + payload
    packet += bytes(4)
    packet += hashlib.blake2b(packet, digest_size=32).digest()
    keys = good[-128:-64]
    return packet + struct.pack("<H", 128) + keys + bytes.fromhex(
        signature(slave, "echoprint contribution 2", keys + packet[-32:]).decode())


def a_bomb_does_not_go_off(test):
    master, server, slave = master_and_slave(test, "bomb")
    server.stop()
    ingest(slave, some_songs("TRNEW", 2))
    good = contribution_of(slave)
    server.start()
    before, tracks = memory(server), master.json("status")["tracks"]
    most = [0]

    def watch(ended):
        while not ended.wait(0.005):
            with contextlib.suppress(OSError, AttributeError):  # it has ended
                most[0] = max(most[0], memory(server) - before)

    ended = threading.Event()
    watcher = threading.Thread(target=watch, args=(ended,), daemon=True)
    watcher.start()
    for blocks, each, status in ((1, 1000, 200), (600, 90 * MB, 400), (3, 97 * MB, 400)):
        packet = bomb(slave, good, blocks, each)
        need(len(packet) < blocks * 20000 + 1000, f"a bomb of {len(packet)} bytes")
        began = time.monotonic()
        answer = server.get("/contributions", trailer_of(packet), packet)
        same(answer[0], status, f"{blocks} blocks of {each} bytes ({answer[2][:200]})")
        need(time.monotonic() - began < 30 or SANITIZED, "it takes long")
        if status == 200:  # its one track is refused
            same([outcome[1] for outcome in json.loads(answer[2])["tracks"]], ["rejected"], "what became of it")
    ended.set()
    watcher.join()
    print(f"# at most {most[0] / MB:.0f} MB more")
    need(most[0] < 400 * MB or SANITIZED, f"memory grew by {most[0] / MB:.0f} MB")
    # 65,536 documents in a track of a hundred bytes.
    packet = bomb(slave, good, 100, 1000, 65_536)
    need(len(packet) < 15_000, f"a bomb of {len(packet)} bytes")
    same(server.get("/contributions", trailer_of(packet), packet)[0], 400, "tracks of 65,536 documents")
    need(server.words().count("costs too much work") >= 3, "the log says what was refused")
    same(master.json("status")["tracks"], tracks, "tracks of the master")
    # Code strings that unpack to a thousand times what they are.
    for raw in (b"0" * (200 * MB), b"00000" * 8000000):
        code = urllib.parse.quote(base64.urlsafe_b64encode(zlib.compress(raw, 9)))
        answer = server.get("/query", data=b"fp_code=" + code.encode())
        same((answer[0], json.loads(answer[2])["match"]), (200, False), "a query that is a bomb")
    server.stop()


# ---- names that lead elsewhere ----


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


# ---- the log ----


def lines_of(server):
    return server.log.read_bytes().split(b"\n")[:-1]


def the_log_stays_whole_and_small(test):
    master = test.node("log-master")
    server = Server(master)
    for path in (b"/x%0aechoprint: forged", b"/x%0d%1b[2J%7f", b"/x%c2%9b31m", b"/" + b"%0a" * 200):
        answer_to(server, b"GET " + path.replace(b" ", b"%20") + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    need(all(line.startswith(b"echoprint: ") for line in lines_of(server)), "a line that is another's")
    need(not re.search(rb"[\0-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", server.log.read_bytes()), "a control character")
    before, began = len(lines_of(server)), time.monotonic()
    for _ in range(1000):
        same(status_of(answer_to(server, b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")), 404, "what is nowhere")
    until(lambda: "more requests were refused" in server.words(), "how many were left out", 10)
    time.sleep(1.2)
    lines, seconds = lines_of(server)[before:], time.monotonic() - began
    need(len(lines) < 30 * (seconds + 2), f"{len(lines)} lines in {seconds:.1f} s")
    left_out = sum(int(match.group(1)) for match in re.finditer(rb"(\d+) more requests were refused", b"\n".join(lines)))
    same(sum(b" 404 " in line for line in lines) + left_out, 1000, "refusals that are said, and left out")
    need(b"echoprint_refused_total 1004\n" in server.get("/metrics")[2], "refusals in the metrics")
    server.stop()


# ---- too much and too slow ----


def large_bodies_together_have_a_limit(test):
    master, server, slave = master_and_slave(test, "large")
    before = memory(server)
    head = b"POST /query HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nfp_code=" % (16 * MB)
    peers, ended = [], 0
    for _ in range(40):
        peer = connect(server, head)
        peers.append(peer)
        try:
            for _ in range(15):
                peer.sendall(b"a" * MB)
        except OSError:
            ended += 1
    same(server.get("/query", data=b"fp_code=1+2")[0], 200, "a query meanwhile")
    grown = memory(server) - before
    print(f"# {ended} of 40 bodies of 15 MB were refused, {grown / MB:.0f} MB more")
    need(ended >= 25, f"only {ended} were refused")
    need(grown < 400 * MB or SANITIZED, f"memory grew by {grown / MB:.0f} MB")
    need("too many large bodies" in server.words(), "the log says what was refused")
    for peer in peers:
        peer.close()
    until(lambda: server.get("/query", data=b"fp_code=" + b"1+2+" * 500000)[0] == 200, "room again", 20)
    time.sleep(1.2)  # so many lines in a second
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    answer_to(server, b"POST /join HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
    until(lambda: " 413 " in server.words(), "a body without a size that is too large", 10)
    server.stop()


def the_slow_make_room_for_others(test):
    master, server, slave = master_and_slave(test, "slow", "--connections", "40", "--per-address", "8")
    follower = Server(slave)
    all_equal([master, slave])
    began, files = time.monotonic(), len(os.listdir(f"/proc/{server.process.pid}/fd"))
    heads = (b"", b"G", b"GET /feed.json HTTP/1.1\r\nHost: x\r\n", b"POST /query HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nfp",
             b'GET /feed.json HTTP/1.1\r\nHost: x\r\nIf-None-Match: *\r\nPrefer: wait=5\r\n\r\n')
    peers = []
    for n in range(150):
        with contextlib.suppress(OSError):
            peers.append(connect(server, heads[n % 5], f"127.0.0.{2 + n % 4}"))
    ingest(master, some_songs("TRLATE", 1))
    slowest = 0
    for _ in range(5):
        asked = time.monotonic()
        same(server.get("/query?fp_code=1+2")[0], 200, "a query meanwhile")
        slowest = max(slowest, time.monotonic() - asked)
        for peer in peers:
            with contextlib.suppress(OSError):
                peer.send(b"a")
    until(lambda: slave.run("show", "TRLATE0", statuses=(0, 1)).returncode == 0, "a track at the slave meanwhile", 40)
    until(lambda: "slow connections were closed" in server.words() and "connections were refused: the maximum is" in server.words(), "the log says so", 20)
    print(f"# the slowest query took {slowest:.1f} s; all {time.monotonic() - began:.1f} s")
    for peer in peers:
        peer.close()
    until(lambda: len(os.listdir(f"/proc/{server.process.pid}/fd")) <= files, "as many files as before", 70)
    follower.stop()
    server.stop()


def queries_keep_no_others_waiting(test):
    master, server, slave = master_and_slave(test, "heavy")
    code = base64.urlsafe_b64encode(zlib.compress(b"00000" * 13000000, 9))
    request = b"POST /query HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nfp_code=" % (len(code) + 8) + code
    peers = [connect(server, request, f"127.0.0.{2 + n % 2}") for n in range(300)]
    ingest(slave, some_songs("TRMEAN", 2))
    began = time.monotonic()
    slave.run("sync")
    took = time.monotonic() - began
    began = time.monotonic()
    with connect(server, b"GET /query?fp_code=1+2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "127.0.0.9") as other:
        same(status_of(other.recv(1000)), 200, "a query from elsewhere")
    query = time.monotonic() - began
    answered = len(select.select(peers, [], [], 0)[0])
    print(f"# a contribution took {took:.2f} s, a query from elsewhere {query:.2f} s, while {answered} of {len(peers)} "
          "were answered")
    need(answered < len(peers) - 10, "the queries are too light to tell")
    need(master.run("show", "TRMEAN1").returncode == 0 and (took < 3 or SANITIZED), f"a contribution took {took:.1f} s")
    need("busy, try again later" in server.words(), "the log says that more cannot be answered")
    need(query < 3 or SANITIZED, f"a query from elsewhere took {query:.1f} s")
    for peer in peers:
        peer.close()
    server.stop()


def a_page_of_another_does_not_ingest(test):
    server = Server(test.node("origin"))
    song = b"fp_code=1+2+3+4&track_id=TRX&length=1&codever=4.12"
    same(server.get("/ingest", {"Origin": "https://evil.example"}, song)[0], 401, "what a browser sends for a page")
    same(server.get("/ingest", data=song)[0], 401, "what a proxy on this machine sends for anybody")
    same(server.get("/ingest", server.token, song)[0], 200, "what a program sends")
    server.stop()


def a_body_has_one_end(test):
    """A proxy in front must not see another end of a body than the server: what is behind it would be a request."""
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
    until(lambda: server.json("/feed.json")["position"] == master.json("status")["position"], "publication")
    for _ in range(2):  # it says where it was before
        slave.run("sync")
    key = slave.json("status")["key"]
    fetched = lambda: master.json("source", "list")["sources"][0]["fetched"]
    until(lambda: fetched() == master.json("status")["position"], "what it says properly", 10)
    before = fetched()
    for position in (b"18446744073709551615", b"-1", b"9223372036854775808", b"x"):
        server.get("/feed.json", {"Echoprint-At": key + " " + position.decode()})
        time.sleep(2.5)
        peer = master.json("source", "list")["sources"][0]
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


# ---- a hostile master ----


@contextlib.contextmanager
def little_memory():
    """What is started meanwhile gets 300 MB; a sanitizer needs more."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_DATA, (300 * MB, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


class Hostile:
    """Stands between a slave and its master: passes on what is asked, or answers it as it is told."""

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
    time.sleep(4)
    need(len(asked) < 10, f"it was asked {len(asked)} times")
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


def add_options(parser):
    parser.add_argument("--count", type=int, default=1500 if not SANITIZED else 500)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--only", action="append", help="only checks with this in their name")


def body(test):
    for function in (who_may_not_contribute_is_refused, a_bomb_does_not_go_off, names_lead_nowhere, the_log_stays_whole_and_small,
                     large_bodies_together_have_a_limit, the_slow_make_room_for_others, queries_keep_no_others_waiting,
                     a_page_of_another_does_not_ingest, a_body_has_one_end,
                     what_a_slave_says_of_itself_is_not_believed, every_input_is_answered_or_refused,
                     hostile_answers_are_refused, a_master_that_does_not_wait_is_not_hurried, a_hostile_folder_is_refused):
        if not test.options.only or any(word in function.__name__ for word in test.options.only):
            began = time.monotonic()
            test.check("attack: " + function.__name__.replace("_", " "), function, test)
            print(f"# {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    run(body, add_options)

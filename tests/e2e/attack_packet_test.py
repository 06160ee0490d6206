#!/usr/bin/env python3
"""What is contributed by those who may not, or unpacks to more than it may: it is refused with a
line that says why, and memory is bounded."""

import base64
import contextlib
import hashlib
import json
import struct
import threading
import time
import urllib.parse
import zlib

from attacks import MB, TRAILER, answer_to, contribution_of, master_and_slave, memory, run_attacks, signature, status_of, trailer_of
from common import need, same
from servers import SANITIZED, ingest, some_songs


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


def zstd_of(front, ones):
    """A zstd frame (RFC 8878) of front and bytes of 1: one block of bytes, and runs of a byte."""
    size = len(front) + ones
    blocks = [struct.pack("<I", len(front) << 3)[:3] + front]
    while ones:
        run = min(ones, 1 << 17)
        ones -= run
        blocks.append(struct.pack("<I", run << 3 | 1 << 1)[:3] + b"\1")
    last = bytearray(blocks[-1])
    last[0] |= 1
    blocks[-1] = bytes(last)
    return b"\x28\xb5\x2f\xfd" + b"\xe0" + struct.pack("<Q", size) + b"".join(blocks)


def bomb(slave, good, blocks, each, documents=1):
    """A contribution of a slave, signed by it, whose blocks hold a track with `each` bytes of 1,
    and these documents. A first byte of 0 would say that the track has fields, which a packet of
    this version has not."""
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


if __name__ == "__main__":
    run_attacks([who_may_not_contribute_is_refused, a_bomb_does_not_go_off])

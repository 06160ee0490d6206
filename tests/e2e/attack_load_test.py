#!/usr/bin/env python3
"""Too many requests, too large and too slow ones: others are served, memory is bounded, and the log
stays small."""

import base64
import contextlib
import os
import re
import select
import socket
import time
import zlib

from attacks import MB, answer_to, connect, lines_of, master_and_slave, memory, run_attacks, status_of
from common import need, same
from servers import SANITIZED, Server, all_equal, ingest, some_songs, until


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

    def told():
        lines = lines_of(server)[before:]
        left_out = re.findall(rb"(\d+) more requests were refused", b"\n".join(lines))
        return sum(b" 404 " in line for line in lines), sum(map(int, left_out))

    until(lambda: told()[1] > 0 and sum(told()) >= 1000, "how many were left out", 10)
    lines, seconds = lines_of(server)[before:], time.monotonic() - began
    need(len(lines) < 30 * (seconds + 2), f"{len(lines)} lines in {seconds:.1f} s")
    need(b"echoprint_refused_total 1004\n" in server.get("/metrics")[2], "refusals in the metrics")
    server.stop()
    same(sum(told()), 1000, "refusals that are said, and left out")


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
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"

    def is_told():
        """There are so many lines in a second: the first one may be left out."""
        answer_to(server, b"POST /join HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
        return " 413 " in server.words()

    until(is_told, "a body without a size that is too large", 10)
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
    until(lambda: "busy, try again later" in server.words(), "the log says that more cannot be answered", 20)

    def answered():
        """How many queries; those that were refused do not count."""
        back = [peer.recv(20, socket.MSG_PEEK) for peer in select.select(peers, [], [], 0)[0]]
        return sum(status_of(answer) == 200 for answer in back)

    at_first = answered()
    slave.run("sync")
    contributed = answered()
    with connect(server, b"GET /query?fp_code=1+2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "127.0.0.9", 120) as other:
        same(status_of(other.recv(1000)), 200, "a query from elsewhere")
    at_last = answered()
    print(f"# of {len(peers)} queries {at_first} were answered before a contribution, {contributed} after it, {at_last} "
          "after a query from elsewhere")
    need(len(select.select(peers, [], [], 0)[0]) < len(peers) - 10, "the queries are too light to tell")
    same(master.run("show", "TRMEAN1").returncode, 0, "the status of showing what was contributed")
    # Each has its turn at once, though some 250 queries came before.
    need(contributed - at_first <= 12, f"{contributed - at_first} queries were answered before a contribution")
    need(at_last - contributed <= 12, f"{at_last - contributed} queries were answered before one from elsewhere")
    for peer in peers:
        peer.close()
    server.stop()


if __name__ == "__main__":
    run_attacks([the_log_stays_whole_and_small, large_bodies_together_have_a_limit, the_slow_make_room_for_others,
                 queries_keep_no_others_waiting])

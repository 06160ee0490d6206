#!/usr/bin/env python3
"""A master and slaves that serve: what is ingested anywhere is everywhere, whatever happens on the
way.

--seconds N  how long they are killed at random (default 5).

One long file: every test starts from one kind of federation, which is made here."""

import contextlib
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

from common import DATA, Skip, need, run, same, unpack
from servers import Proxy, SANITIZED, Server, all_equal, ingest, invite, joined, some_songs, synced, until

SONGS = DATA / "songs.json"
# What a track may take to be everywhere; longer where the machine has other things to do.
SECONDS = (2.0 if not SANITIZED else 20.0) * max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))


class Federation:
    """A master and slaves, all by serve."""

    def __init__(self, test, name, slaves, url=None, options=()):
        self.master = test.node(name + "-master")
        self.master.run("init", "--name", "centre")
        self.server = Server(self.master, *options)
        url = url(self.server) if url else self.server.url
        self.slaves = [joined(test, self.master, f"{name}-{n}", url) for n in range(slaves)]
        self.servers = [Server(slave) for slave in self.slaves]

    @property
    def nodes(self):
        return [self.master, *self.slaves]

    @property
    def all(self):
        return [self.server, *self.servers]

    def end(self):
        """All is quiet: all are equal, whole, and end in order."""
        all_equal(self.nodes, 120)
        for server in self.all:
            server.stop()
        for node in self.nodes:
            node.verify()


def asked(server, items, which):
    """What a server answers to an excerpt of a song."""
    code = next(item["code"] for item in items if item["metadata"]["track_id"] == which)
    excerpt = " ".join(f"{code} {moment}" for code, moment in unpack(code)[:1200])
    return json.loads(server.get("/query", data=form(fp_code=excerpt))[2])


def has(node, track):
    return node.run("show", track, statuses=(0, 1)).returncode == 0


def form(**fields):
    return urllib.parse.urlencode(fields).encode()


def what_is_ingested_anywhere_is_everywhere(test):
    it = Federation(test, "spread", 3)
    slowest = 0
    for n, (node, server) in enumerate(zip(it.nodes, it.all)):
        ingest(node, some_songs(f"TRF{n}x", 3))  # by another process
        slowest = max(slowest, until(lambda: all(has(other, f"TRF{n}x2") for other in it.nodes), f"TRF{n}x2", 30))
        status, _, body = server.get("/ingest", server.token, form(fp_code="1 2 3 4 5 6", track_id=f"TRH{n}", length="12",
                                                                   codever="4.12", artist="A & B", track="été"))
        same(status, 200, f"status of /ingest ({body!r})")
        slowest = max(slowest, until(lambda: all(has(other, f"TRH{n}") for other in it.nodes), f"TRH{n}", 30))
    need(slowest < SECONDS, f"the slowest took {slowest:.2f} s")
    items = json.loads(SONGS.read_text())
    it.slaves[2].run("ingest", SONGS)
    ids = [item["metadata"]["track_id"] for item in items if item["metadata"].get("track_id")]
    which = max(ids, key=lambda one: next(len(item["code"]) for item in items
                                          if item["metadata"].get("track_id") == one))
    slowest = until(lambda: all(asked(server, items, which)["track_id"] == which for server in it.all),
                    "a song found by query everywhere", 30)
    need(slowest < SECONDS, f"a query found it after {slowest:.2f} s")
    it.slaves[1].run("delete", "TRF2x1")
    until(lambda: not any(has(other, "TRF2x1") for other in it.nodes), "the deletion everywhere")
    all_equal(it.nodes)
    position = it.master.json("status")["position"]
    until(lambda: [peer["lag"] for peer in it.master.json("source", "list")["sources"]] == [0] * 3, "no slave lags", 40)
    same([peer["fetched"] for peer in it.master.json("source", "list")["sources"]], [position] * 3, "where slaves are")
    it.end()
    shown = it.master.json("status")
    same([peer["error"] for peer in shown["peers"]], [None] * 3, "errors of the sources")
    need(all(peer["contact"] for peer in shown["peers"]), f"contacts: {shown['peers']}")
    master = it.slaves[0].json("status")["master"]
    same((master["lag"], master["pending"]), (0, 0), "lag and what is to be contributed")


def a_song_that_two_slaves_bring_is_one(test):
    it = Federation(test, "copies", 2)
    items = json.loads(SONGS.read_text())[:3]
    for n, slave in enumerate(it.slaves):
        for item in items:
            item["metadata"]["track_id"] = f"TR{n}X{items.index(item)}"
        ingest(slave, items)
        until(lambda: has(it.master, f"TR{n}X2"), "the songs at the master", 30)
    until(lambda: len(it.master.json("duplicates")["copies"]) == 3, "all copies are linked", 60)
    all_equal(it.nodes)
    for node in it.nodes:
        same(len(node.json("duplicates")["copies"]), 3, f"copies at {node.folder.name}")
    it.end()


def a_mirror_hands_on_its_masters_feed(test):
    it = Federation(test, "mirror", 0)
    it.master.run("ingest", SONGS)
    mirror = joined(test, it.master, "mirror-node", it.server.url)
    mirror_server = Server(mirror, "--mirror")
    it.slaves = [mirror]
    it.servers = [mirror_server]
    behind = joined(test, it.master, "mirror-behind", it.server.url, "--mirror", mirror_server.url)
    it.slaves.append(behind)
    it.servers.append(Server(behind))
    ingest(behind, some_songs("TRB", 3))
    until(lambda: has(it.master, "TRB2") and has(mirror, "TRB2") and has(behind, "TRB2"), "TRB2 everywhere", 30)
    all_equal(it.nodes)
    same(mirror_server.get("/feed.json")[2], it.server.get("/feed.json")[2], "the feed of the mirror")
    words = it.server.words()
    need("mirror-behind" in words, "the contribution came to the master")
    same(mirror_server.get("/contributions", data=b"x")[0], 403, "a contribution to the mirror")
    it.end()


def a_join_while_it_serves_is_followed(test):
    """As of a service, that is started before anybody has read the manual."""
    it = Federation(test, "late", 0)
    it.master.run("ingest", SONGS)
    slave = test.node("late-slave")
    ingest(slave, some_songs("TRLATE", 3))
    it.slaves, it.servers = [slave], [Server(slave)]
    slave.run("join", it.server.url, invite(it.master, "paris", it.server.url))
    until(lambda: has(it.master, "TRLATE2"), "what the slave has", 30)
    need("paris has joined" in it.server.words(), "the master says who has joined")
    need(it.servers[0].process.poll() is None, "it is the same process")
    it.end()


def an_invitation_of_another_data_folder_is_told_apart(test):
    it = Federation(test, "apart", 0)
    other = test.node("apart-other")
    slave = test.node("apart-slave")
    done = slave.run("join", it.server.url, invite(other, "paris", it.server.url), statuses=(7,))
    need(b"data folder that is served there" in done.stderr, f"the message is {done.stderr!r}")
    it.end()


def it_speaks_http(test):
    it = Federation(test, "http", 0)
    it.master.run("ingest", SONGS)
    until(lambda: it.server.json("/feed.json")["position"] == 9, "publication")
    feed = it.server.get("/feed.json")
    same((feed[0], feed[1]["Content-Type"]), (200, "application/json"), "the feed")
    tag = feed[1]["ETag"]
    same(it.server.get("/feed.json", {"If-None-Match": tag})[0], 304, "the same feed")
    began = time.monotonic()
    answer = it.server.get("/feed.json", {"If-None-Match": tag, "Prefer": "wait=1"})
    need(answer[0] == 304 and 0.9 < time.monotonic() - began < 10, "waits for a second")
    same(answer[1]["Preference-Applied"], "wait", "Preference-Applied")
    packet = it.server.json("/feed.json")["packets"][0]
    path = "/packets/" + packet["name"]
    whole = it.server.get(path)
    same((whole[0], len(whole[2])), (200, packet["size"]), "a packet")
    for text, status, part in (("bytes=0-99", 206, whole[2][:100]), ("bytes=100-", 206, whole[2][100:]),
                               ("bytes=-5", 206, whole[2][-5:]), ("bytes=0-9999999", 206, whole[2]),
                               ("bytes=5-4", 200, whole[2]), ("bytes=0-1,4-5", 200, whole[2]),
                               ("lines=1-2", 200, whole[2]), ("bytes=99999999-", 416, None), ("bytes=-0", 416, None)):
        answer = it.server.get(path, {"Range": text})
        same(answer[0], status, f"status of {text}")
        need(part is None or answer[2] == part, f"bytes of {text}")
    same(it.server.get(path, {"Range": "bytes=1-", "If-Range": '"other"'})[0], 200, "another If-Range")
    same(it.server.get(path, {"If-None-Match": whole[1]["ETag"]})[0], 304, "the same packet")
    same(it.server.get("/healthz")[2], b"ok\n", "health")
    same(it.server.json("/status")["documents"], 56, "documents in the state")
    need(b"echoprint_documents 56\n" in it.server.get("/metrics")[2], "metrics")
    need(b"<!doctype html>" in it.server.get("/")[2], "page")
    same(it.server.json("/v1/history?span=day")["steps"], 144, "the history")
    same(it.server.get("/feed.json", method="HEAD")[0], 200, "HEAD")
    for wrong, status in (("/nothing", 404), ("/packets/", 404), ("/packets/..%2f..%2fdata.mdb", 404),
                          ("/packets/../feed.json", 404), ("/packets/x.packet", 404)):
        same(it.server.get(wrong)[0], status, wrong)
    same(it.server.get("/feed.json", data=b"x")[0], 405, "POST of the feed")
    same(it.server.get("/ingest", it.server.token, b"fp_code=")[0], 400, "ingest without a song")
    answer = it.server.get("/query?fp_code=1+2")
    same((answer[0], json.loads(answer[2])["match"]), (200, False), "a query of one pair")
    same(json.loads(it.server.get("/query?fp_code=nonsense")[2])["message"], "could not decode query code", "no query")
    same(it.server.get("/query")[0], 400, "no fp_code")
    it.end()


def its_answers_to_mistakes_are_for_programs_and_browsers(test):
    server = Server(test.node("mistakes"))
    need(f"serves on port {server.port}: http://127.0.0.1:{server.port}/\n" in server.words(), f"where it serves: {server.words()!r}")
    for data in (None, b"fp_code", b"x=" + b"1" * 99):
        status, headers, answer = server.get("/query", data=data)
        same((status, headers["Content-Type"], json.loads(answer)), (400, "application/json", {"ok": False, "message": "the parameter fp_code is missing"}),
             f"the answer to a query of {data!r}")
    status, headers, picture = server.get("/favicon.ico")
    same((status, headers["Content-Type"], picture[:4]), (200, "image/svg+xml", b"<svg"), "the picture that browsers ask for")
    server.stop()


def processor_s(process):
    """Processor time of all threads of a process."""
    ticks = 0
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        with contextlib.suppress(OSError):  # of one that has just ended
            ticks += int((task / "schedstat").read_text().split()[0])
    return ticks / 1e9


def the_first_query_costs_no_more_than_the_next(test):
    """What a query needs that is made once in a process is made before the first one."""
    if SANITIZED:
        raise Skip("a sanitizer makes the times others")
    node = test.node("first")
    node.run("ingest", SONGS)
    items = json.loads(SONGS.read_text())
    which = items[0]["metadata"]["track_id"]
    costs = []
    server = Server(node)

    def rests():
        before = processor_s(server.process)
        time.sleep(0.05)
        return processor_s(server.process) - before < 0.002

    until(lambda: server.get("/query?fp_code=1+2")[0] == 200, "an index that is open")  # so few codes are not looked for
    until(rests, "a server that rests")
    for _ in range(5):
        before = processor_s(server.process)
        same(asked(server, items, which)["track_id"], which, "the answer")
        costs.append(processor_s(server.process) - before)
    server.stop()
    need(costs[0] < min(costs[1:]) + 0.02, f"queries took {costs} s of the processor")


def a_slave_without_its_master_says_so(test):
    it = Federation(test, "gone", 1)
    ingest(it.master, some_songs("TRG", 2))
    all_equal(it.nodes, 60)
    slave, server = it.slaves[0], it.servers[0]
    same(server.get("/healthz")[::2], (200, b"ok\n"), "the health of a slave")
    same(server.get("/healthz?master=true")[0], 200, "the same, where the master matters")
    it.server.kill()
    until(lambda: slave.json("status")["master"]["error"], "the failure, as the slave notes it", 60)
    status, _, words = server.get("/healthz")
    need(status == 200 and words.startswith(b"the last sync with the master failed, queries are answered: "), f"a slave alone says {status} {words!r}")
    same(server.get("/healthz?master=true")[0], 503, "a slave alone, where the master matters")
    it.server.start()
    until(lambda: server.get("/healthz?master=true")[::2] == (200, b"ok\n"), "the health when the master is back", 120)
    it.end()


def a_sync_tells_the_master_how_far_it_came(test):
    it = Federation(test, "told", 0)
    slave = joined(test, it.master, "told-slave", it.server.url)
    need(b"echoprint_source_lag{" not in it.server.get("/metrics")[2], "a lag is told of a slave that never said how far it is")
    ingest(it.master, some_songs("TRT", 3))
    until(lambda: it.server.json("/feed.json")["position"] == 3, "publication")
    slave.run("sync")
    until(lambda: it.server.json("/status")["peers"][0]["lag"] == 0, "the slave's position, by one sync", 30)
    same(it.server.json("/status")["peers"][0]["digest"], it.master.digest(), "the slave's digest, by the same sync")
    need(b'echoprint_source_lag{source="told-slave"} 0\n' in it.server.get("/metrics")[2], "the lag of the metrics")
    need("slave-dump" not in slave.run("status").stdout.decode(), "a node that follows a feed speaks of dumps")
    it.server.stop()


def ingest_needs_the_token(test):
    folder = test.new_folder("token-file")
    (folder / "token").write_text("correct horse\n")
    it = Federation(test, "token", 0, options=("--token-file", folder / "token"))
    song = form(fp_code="1 2 3 4", track_id="TRT", length="1", codever="4.12")
    same(it.server.get("/ingest", data=song)[0], 401, "no token")
    same(it.server.get("/ingest", {"Authorization": "Bearer correct horsf"}, song)[0], 401, "a wrong token")
    same(it.server.get("/ingest", {"Authorization": "Bearer correct horse"}, song)[0], 200, "the token")
    it.server.stop()
    # Without a token of the user's: that of the data folder, the same after every start.
    need(not (it.master.folder / "ingest.token").exists(), "a token was made beside that of --token-file")
    plain = Server(it.master)
    token = plain.token
    for headers in ({}, {"X-Forwarded-For": "1.2.3.4"}, {"Authorization": "Bearer correct horse"}, {"Authorization": "Bearer "},
                    {"Authorization": token["Authorization"][:-1]}, {"Authorization": token["Authorization"][7:]}):
        same(plain.get("/ingest", headers, song)[0], 401, f"this machine, with {headers}")
    for headers in ({}, {"X-Forwarded-For": "1.2.3.4"}, {"Origin": "https://evil.example"}):
        same(plain.get("/ingest", {**token, **headers}, song)[0], 200, f"the token, with {headers}")
    plain.stop()
    plain = Server(it.master)
    same(plain.token, token, "the token after a start")
    same(plain.get("/ingest", token, song)[0], 200, "the token after a start")
    plain.stop()


def tls_and_a_proxy_on_the_way(test):
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    folder = test.new_folder("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "30", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    master = test.node("tls-master")
    master.run("ingest", SONGS)
    server = Server(master, "--certificate", folder / "cert.pem", "--key", folder / "key.pem")
    url = f"https://localhost:{server.port}/"
    slave = test.node("tls-slave")
    invitation = invite(master, "tls-slave", url)
    done = slave.run("join", url, invitation, statuses=(4,))
    need(b"certificate" in done.stderr, f"the message is {done.stderr!r}")
    trusting = {"SSL_CERT_FILE": str(folder / "cert.pem")}
    slave.run("join", url, invitation, env=trusting)
    synced(slave, master, env=trusting)
    server.stop()
    it = Federation(test, "proxied", 0)
    it.master.run("ingest", SONGS)
    proxy = Proxy(it.server.port)
    through = {"http_proxy": proxy.url, "no_proxy": ""}
    slave = test.node("proxied-slave")
    slave.run("join", it.server.url, invite(it.master, "proxied", it.server.url), env=through)
    synced(slave, it.master, env=through)
    need(proxy.passed > 5000, f"{proxy.passed} bytes went through the proxy")
    done = slave.run("sync", env={"http_proxy": "http://127.0.0.1:9/"}, statuses=(4,))
    need(b"cannot reach" in done.stderr, f"the message is {done.stderr!r}")
    proxy.close()
    it.end()


def a_broken_download_goes_on_where_it_stopped(test):
    it = Federation(test, "resume", 0)
    ingest(it.master, some_songs("TRR", 400, pairs=600))
    until(lambda: it.server.json("/feed.json")["position"] == 400, "publication")
    size = sum(packet["size"] for packet in it.server.json("/feed.json")["packets"])
    proxy = Proxy(it.server.port)
    slave = joined(test, it.master, "resume-slave", proxy.url)
    it.slaves = [slave]
    proxy.mode = "truncate"
    proxy.random.randrange = lambda *_: size // 3  # feed.json passes, packets are cut
    tries = 0
    while slave.run("sync", statuses=(0, 4)).returncode == 4:
        tries += 1
        need(tries < 10, "it does not end")
    need(tries >= 2, f"only {tries} were cut")
    # Each connection carries a third: who began anew each time would never end. No byte of the
    # packet passes twice: the proxy lets a client read all that it sent. The rest is each piece's
    # feed.json and headers.
    print(f"# {proxy.passed} bytes for {size} in {tries + 1} pieces")
    need(proxy.passed < size * 1.05, f"{proxy.passed} bytes for {size} in {tries + 1} pieces")
    same(slave.digest(), it.master.digest(), "digest")
    proxy.close()
    it.server.stop()


def faults_on_the_way_lose_nothing(test):
    proxies = []

    def through_a_proxy(server):
        proxies.append(Proxy(server.port))
        return proxies[0].url

    it = Federation(test, "faults", 2, url=through_a_proxy)
    proxy = proxies[0]
    for n, mode in enumerate(("cut", "reset", "truncate", "flip", "slow", "pass")):
        for step in range(2):
            proxy.spoil(mode, 0.7)
            for k, node in enumerate(it.nodes):
                ingest(node, some_songs(f"TRX{n}y{step}z{k}w", 4))
            time.sleep(0.3)
    proxy.spoil("pass")
    need(proxy.spoiled > 10, f"only {proxy.spoiled} connections were spoiled")
    until(lambda: it.master.json("status")["tracks"] == 6 * 2 * 3 * 4, "all tracks at the master", 90)
    all_equal(it.nodes, 90)
    same(it.master.json("status")["conflicts"], 0, "conflicts")
    proxy.close()
    it.end()


def killed_at_random_they_end_equal(test):
    it = Federation(test, "kills", 3)
    rng = random.Random(test.options.seed)
    print(f"# seed {test.options.seed}")
    end = time.monotonic() + test.options.seconds
    kills = tracks = 0
    while time.monotonic() < end:
        node = rng.choice(it.nodes)
        ingest(node, some_songs(f"TRK{tracks}x", 5))
        tracks += 5
        time.sleep(rng.uniform(0, 0.15))
        server = rng.choice(it.all)
        server.kill()
        kills += 1
        if rng.random() < 0.3:
            time.sleep(rng.uniform(0, 0.5))
        server.start()
    print(f"# {kills} kills, {tracks} tracks")
    until(lambda: it.master.json("status")["tracks"] == tracks, "all tracks at the master", 120)
    it.end()
    same(it.master.json("status")["conflicts"], 0, "conflicts")


def a_full_disk_is_overcome(test):
    it = Federation(test, "full", 1)
    slave = it.servers[0]
    ingest(it.master, some_songs("TRA", 3))
    all_equal(it.nodes)
    infinity = resource.RLIM_INFINITY
    limit = os.stat(it.slaves[0].folder / "data.mdb").st_size + 65536
    resource.prlimit(slave.process.pid, resource.RLIMIT_FSIZE, (limit, infinity))
    ingest(it.master, some_songs("TRB", 300, pairs=900))
    until(lambda: it.slaves[0].json("status")["master"]["error"] or "File too large" in slave.words(), "the failure", 30)
    need(slave.process.poll() is None, "the slave died of a full disk")
    resource.prlimit(slave.process.pid, resource.RLIMIT_FSIZE, (infinity, infinity))
    all_equal(it.nodes, 90)
    # The same at the master: what is contributed stays at the slave until there is room.
    limit = os.stat(it.master.folder / "data.mdb").st_size + 65536
    resource.prlimit(it.server.process.pid, resource.RLIMIT_FSIZE, (limit, infinity))
    ingest(it.slaves[0], some_songs("TRC", 300, pairs=900))
    until(lambda: " 507 " in it.server.words(), "the master's failure", 30)
    resource.prlimit(it.server.process.pid, resource.RLIMIT_FSIZE, (infinity, infinity))
    until(lambda: it.master.json("status")["tracks"] == 603, "all tracks at the master", 90)
    it.end()


def rss(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0


def raw(port, data, seconds=5.0, pause=0.0):
    """Sends bytes (a list of pieces: with pauses) and gives what comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as peer:
        back = b""
        try:
            for piece in data if isinstance(data, list) else [data]:
                peer.sendall(piece)
                time.sleep(pause)
            while chunk := peer.recv(65536):
                back += chunk
                if len(back) > 1 << 20:
                    break
        except OSError:
            pass
        return back


def attacks_are_refused(test):
    it = Federation(test, "attacks", 1, options=("--connections", "300", "--per-address", "200"))
    master, server = it.master, it.server
    master.run("ingest", SONGS)
    ingest(it.slaves[0], some_songs("TRS", 3))
    all_equal(it.nodes)
    before = (master.digest(), rss(server.process))
    stranger = test.node("attacks-stranger")
    ingest(stranger, some_songs("TREVIL", 3))
    key = server.json("/feed.json")["key"]
    stranger.run("join", server.url, key)
    done = stranger.run("sync", statuses=(1,))
    need(b"the sender of the contribution is not a source" in done.stderr, f"the message is {done.stderr!r}")
    # The copy of the feed is everybody's; what is contributed without a key is not taken.
    need(has(stranger, "TRS1"), "a stranger reads the feed")
    same(stranger.json("status")["master"]["pending"], 3, "what the stranger could not contribute")
    same(server.get("/contributions", data=b"x" * 1000)[0], 400, "no trailer")
    same(server.get("/contributions", {"Echoprint-Trailer": "0" * 388}, b"x" * 1000)[0], 400, "a trailer of zeros")
    same(server.get("/join", data=b"{}")[0], 403, "an empty request to join")
    same(server.get("/join", data=b'{"name":"../x","key":"' + b"0" * 64 + b'","proof":"' + b"0" * 64 + b'"}')[0], 403, "a path as a name")
    chunk = b"POST /join HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"a" * 0xffff + b"\r\n"
    huge = b"POST /join HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
    rng = random.Random(1)
    for what in ([chunk] * 5, huge, b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                 b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
                 b"GET /packets/%00/%2e%2e/%2e%2e/key HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                 *[bytes(rng.randrange(256) for _ in range(rng.randrange(1, 2000))) for _ in range(30)],
                 *[b"POST /contributions HTTP/1.1\r\nHost: x\r\nEchoprint-Trailer: " + rng.randbytes(80).hex().encode()
                   + b"\r\nContent-Length: 10\r\n\r\n0123456789" for _ in range(10)]):
        back = raw(server.port, what, seconds=2.0)
        need(b" 200 " not in back[:20], f"{str(what)[:60]} was answered {back[:60]!r}")
    # Many who connect and say nothing, or little by little: others are served.
    idle = []
    for n in range(400):
        try:
            peer = socket.create_connection(("127.0.0.1", server.port), timeout=2, source_address=(f"127.0.0.{2 + n % 2}", 0))
            peer.sendall(b"GET /feed.json HT")
            idle.append(peer)
        except OSError:
            break
    need(len(idle) > 150, f"only {len(idle)} connections were taken up")
    ingest(master, some_songs("TRLATE", 2))
    it.servers[0].node.run("show", "TRS1")
    for peer in idle:
        peer.close()
    until(lambda: has(it.slaves[0], "TRLATE1"), "a track in spite of the idle", 60)
    time.sleep(0.2)
    need(rss(server.process) < before[1] + (64 << 20) or SANITIZED, f"memory grew from {before[1]} to {rss(server.process)}")
    need(not any("EVIL" in track for track in master.contents().decode().split()), "the stranger's tracks came in")
    need("400" in server.words() and "403" in server.words(), "the log says what was refused")
    it.end()


def it_is_a_service(test):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ep", dir="/tmp"))
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(folder / "notify"))
    told.settimeout(30)
    node = test.node("service")
    try:
        server = Server(node, env={"NOTIFY_SOCKET": str(folder / "notify")})
        same(told.recv(100), b"READY=1", "what the manager was told")
        second = node.run("serve", "--listen", "127.0.0.1:0", statuses=(1,))
        need(b"another `serve`" in second.stderr, f"the message is {second.stderr!r}")
        wrong = test.node("service-other").run("serve", "--listen", f"127.0.0.1:{server.port}", statuses=(1,))
        need(b"in use" in wrong.stderr, f"the message is {wrong.stderr!r}")
        server.stop()
        same(told.recv(100), b"STOPPING=1", "what the manager was told")
    finally:
        told.close()
        shutil.rmtree(folder)


def it_ends_in_order_while_it_is_asked(test):
    """Often, as a race of threads would show at some ends only; the library makes the gap between
    them wide."""
    library = os.environ.get("ECHOPRINT_SLOW_EPOLL")
    if not library or SANITIZED:
        raise Skip("needs the library slow_epoll, which no sanitizer bears beside it")
    node = test.node("busy")

    def ask(port, ended):
        while not ended.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as peer:
                peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                peer.recv(100)

    for _ in range(20):
        server = Server(node, env={"LD_PRELOAD": library})
        ended = threading.Event()
        clients = [threading.Thread(target=ask, args=(server.port, ended), daemon=True) for _ in range(6)]
        for client in clients:
            client.start()
        time.sleep(0.05)
        try:
            server.stop()
        finally:
            ended.set()
            for client in clients:
                client.join()


def add_options(parser):
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--only", action="append", help="only checks with this in their name")


def body(test):
    for function in (what_is_ingested_anywhere_is_everywhere, a_song_that_two_slaves_bring_is_one,
                     a_mirror_hands_on_its_masters_feed, a_join_while_it_serves_is_followed,
                     an_invitation_of_another_data_folder_is_told_apart, it_speaks_http,
                     its_answers_to_mistakes_are_for_programs_and_browsers, the_first_query_costs_no_more_than_the_next,
                     a_slave_without_its_master_says_so, a_sync_tells_the_master_how_far_it_came,
                     ingest_needs_the_token, tls_and_a_proxy_on_the_way, a_broken_download_goes_on_where_it_stopped,
                     faults_on_the_way_lose_nothing, killed_at_random_they_end_equal, a_full_disk_is_overcome,
                     attacks_are_refused, it_is_a_service, it_ends_in_order_while_it_is_asked):
        if not test.options.only or any(word in function.__name__ for word in test.options.only):
            began = time.monotonic()
            test.check("serve: " + function.__name__.replace("_", " "), function, test)
            print(f"# {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    run(body, add_options)

#!/usr/bin/env python3
"""Measures the feed: how far slaves lag behind a steady stream, what a new slave and one that was
away fetch, what a thousand slaves that poll cost their master, alone and behind nginx, and what
becomes of a master and those whom it serves when a hundred thousand connections are attempted.

usage: feed.py --build BUILD [--part lag|new|behind|poll|crowd]... [options]
Every figure is printed with what it was measured on; all is on this machine, over loopback.
"""

import argparse
import bz2
import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import random
import re
import resource
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request


class Node:
    def __init__(self, bench, name):
        self.bench, self.name = bench, name
        self.folder = bench.folder / name

    def command(self, *words):
        return [str(self.bench.program), "-d", str(self.folder), *map(str, words)]

    def run(self, *words, **kwargs):
        return subprocess.run(self.command(*words), check=True, capture_output=True, **kwargs).stdout

    def json(self, *words):
        return json.loads(self.run("--json", *words))

    def serve(self, *options, **kwargs):
        return Server(self, *options, **kwargs)


MANY = ("--per-address", 100000, "--connections", 100000)


class Server:
    def __init__(self, node, *options, limits=MANY):
        self.node = node
        self.log = node.bench.folder / f"{node.name}.log"
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(node.command("serve", "--listen", "127.0.0.1:0", *limits, *options),
                                            stderr=out, stdout=out)
        self.port = 0
        while not self.port:
            match = re.search(rb"serves on port (\d+)[:;]", self.log.read_bytes())
            self.port = int(match.group(1)) if match else 0
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.port}/"

    def text(self, path):
        with urllib.request.urlopen(self.url + path) as answer:
            return answer.read().decode()

    def json(self, path):
        return json.loads(self.text(path))

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, field="VmHWM"):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(field + r":\s+(\d+)", text).group(1)) * 1024

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Bench:
    def __init__(self, options):
        self.options = options
        self.program = (pathlib.Path(options.build) / "echoprint").resolve()
        self.generator = (pathlib.Path(options.build) / "bench" / "generate").resolve()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="echoprint-feed-bench-"))

    def songs(self, count, first):
        done = subprocess.run([self.generator, "--songs", str(count), "--first-id", str(first), "--format", "json"],
                              check=True, capture_output=True)
        return json.loads(done.stdout)

    def slave(self, name, master, url):
        node = Node(self, name)
        node.run("init", "--name", name)
        node.run("join", url, master.json("source", "add", name, "--url", url)["invitation"])
        return node


def percent(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


# ---- lag ----


def watch(server, key, seen, stop):
    """Notes when a position was first there."""
    connection = None
    import http.client
    last = -1
    while not stop.is_set():
        connection = connection or http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        position = int(re.search(rf"^echoprint_{key} (\d+)", text, re.M).group(1))
        if position != last:
            seen.append((time.monotonic(), position))
            last = position
        time.sleep(0.02)


def lag(bench):
    """Tracks come to the master, some each tick; a slave's lag is how long after the master's it
    had a position."""
    rate, seconds = bench.options.rate, bench.options.seconds
    master = Node(bench, "lag-master")
    master.run("init", "--name", "centre")
    server = master.serve()
    slaves = [bench.slave(f"lag-{n}", master, server.url) for n in range(3)]
    servers = [slave.serve() for slave in slaves]
    songs = bench.songs(rate * seconds, 0)
    stop = threading.Event()
    seen = [[] for _ in range(4)]
    watchers = [threading.Thread(target=watch, args=(one, key, notes, stop))
                for one, key, notes in zip([server, *servers], ["position"] + ["feed_position"] * 3, seen)]
    for thread in watchers:
        thread.start()
    began = time.monotonic()
    cpu = [one.cpu() for one in [server, *servers]]
    step = max(1, rate // 5)
    bodies = [json.dumps(songs[at:at + step]).encode() for at in range(0, len(songs), step)]
    token = pathlib.Path(master.folder, "ingest.token")
    headers = {"Authorization": f"Bearer {token.read_text().strip()}"} if token.exists() else {}
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as senders:
        sent = []
        for number, body in enumerate(bodies):
            sent.append(senders.submit(lambda body: urllib.request.urlopen(
                urllib.request.Request(server.url + "ingest", data=body, headers=headers)).read(), body))
            time.sleep(max(0, began + (number + 1) * step / rate - time.monotonic()))
    for one in sent:
        one.result()
    took = time.monotonic() - began
    time.sleep(3)
    stop.set()
    for thread in watchers:
        thread.join()
    cpu = [one.cpu() - before for one, before in zip([server, *servers], cpu)]
    lags = []
    for notes in seen[1:]:
        for moment, position in seen[0]:
            arrived = next((when for when, has in notes if has >= position), None)
            lags.append(arrived - moment if arrived else float("inf"))
    same = len({node.json("digest")["digest"] for node in [master, *slaves]}) == 1
    print(f"lag: {len(songs)} tracks at {len(songs) / took:.0f} tracks/s for {took:.0f} s to three slaves: median "
          f"{statistics.median(lags):.3f} s, 99 % {percent(lags, 0.99):.3f} s, most {max(lags):.3f} s; CPU of the master "
          f"{100 * cpu[0] / took:.0f} %, of a slave {100 * statistics.mean(cpu[1:]) / took:.0f} %; equal at the end: {same}")
    for one in [*servers, server]:
        one.stop()


# ---- new slaves, and slaves that were away ----


def folder_size(folder):
    return sum(path.stat().st_blocks * 512 for path in pathlib.Path(folder).rglob("*") if path.is_file())


def new_slave(bench):
    """What a new slave fetches, and how long until it is equal; against rsync of the data folder
    and bzip2."""
    options = bench.options
    master = Node(bench, "new-master")
    if options.master:
        master.folder = pathlib.Path(options.master)
    else:
        generator = subprocess.Popen([bench.generator, "--documents", str(options.documents)], stdout=subprocess.PIPE)
        subprocess.run(master.command("slave-ingest", "-q", "-"), stdin=generator.stdout, check=True, capture_output=True)
    documents = master.json("digest") and master.json("status")["documents"]
    began = time.monotonic()
    server = master.serve()
    while server.json("status")["published"] == 0:
        time.sleep(0.1)
    feed = server.json("feed.json")
    print(f"new: {documents} documents; first publication {time.monotonic() - began:.1f} s, "
          f"{sum(packet['size'] for packet in feed['packets']) / 1e6:.1f} MB in {len(feed['packets'])} packets")
    slave = bench.slave("new-slave", master, server.url)
    began = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = slave.json("sync")
    took = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    same = slave.json("digest")["digest"] == master.json("digest")["digest"]
    print(f"new: a new slave fetches {report['bytes'] / 1e6:.1f} MB in {report['packets']} packets and is equal ({same}) "
          f"after {took:.1f} s ({after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.1f} s of CPU, "
          f"peak {after.ru_maxrss / 1e3:.0f} MB)")
    server.stop()
    if shutil.which("rsync"):
        copy = bench.folder / "rsynced"
        began = time.monotonic()
        done = subprocess.run(["rsync", "-a", "--stats", "--no-whole-file", "--exclude", "feed", f"{master.folder}/", f"{copy}/"],
                              check=True, capture_output=True, text=True)
        sent = re.search(r"Total bytes sent: ([\d,]+)", done.stdout).group(1)
        print(f"new: rsync of the data folder sends {int(sent.replace(',', '')) / 1e6:.1f} MB in {time.monotonic() - began:.1f} s")
    rows = subprocess.run([bench.generator, "--documents", "4000"], check=True, capture_output=True).stdout
    began = time.monotonic()
    packed = len(bz2.compress(rows, 9)) / 4000 * documents
    rate = len(rows) / (time.monotonic() - began)
    print(f"new: bzip2 -9 of the CSV would be {packed / 1e6:.0f} MB (of 4,000 documents, scaled), and take "
          f"{len(rows) / 4000 * documents / rate:.0f} s to pack")


def behind(bench):
    """A slave that was away for an hour at 10 tracks a second, in a feed that was published each
    second."""
    master = Node(bench, "behind-master")
    songs = bench.songs(2000, 0)
    master.run("ingest", "-q", "-", input=json.dumps(songs).encode())
    target = bench.folder / "behind-feed"
    master.run("publish", target)
    slave = bench.slave("behind-slave", master, str(target))
    master.run("publish", target)
    slave.run("sync")
    tracks, size = bench.options.behind, 0
    songs = bench.songs(tracks, 2000)
    for at in range(0, tracks, 100):
        master.run("ingest", "-q", "-", input=json.dumps(songs[at:at + 100]).encode())
        master.run("publish", target)
    began = time.monotonic()
    report = slave.json("sync")
    took = time.monotonic() - began
    whole = sum(packet["size"] for packet in json.loads((target / "feed.json").read_text())["packets"]
                if not packet.get("merged_away"))
    del size
    same = slave.json("digest")["digest"] == master.json("digest")["digest"]
    print(f"behind: {tracks} tracks behind (an hour at 10 tracks/s is 36,000), published 100 at a time: {report['bytes'] / 1e6:.2f} MB "
          f"in {report['packets']} packets, equal ({same}) after {took:.2f} s; the whole feed is {whole / 1e6:.2f} MB, "
          f"feed.json {(target / 'feed.json').stat().st_size / 1e3:.1f} kB")


# ---- a thousand who poll ----


class Pollers:
    """Slaves as one thread with many sockets: each asks for feed.json with its tag, waiting for
    news."""

    def __init__(self, port, count, wait):
        self.port, self.wait = port, wait
        self.poll = select.epoll()
        self.peers = {}
        self.answers = 0
        self.bytes = 0
        self.news = []
        self.stop = False
        for _ in range(count):
            self.open()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def open(self):
        peer = socket.create_connection(("127.0.0.1", self.port))
        self.peers[peer.fileno()] = [peer, b"", '"none"']
        self.poll.register(peer.fileno(), select.EPOLLIN)
        self.ask(self.peers[peer.fileno()])

    def ask(self, entry):
        head = f"GET /feed.json HTTP/1.1\r\nHost: x\r\nIf-None-Match: {entry[2]}\r\n"
        entry[0].sendall((head + (f"Prefer: wait={self.wait}\r\n" if self.wait else "") + "\r\n").encode())

    def run(self):
        while not self.stop:
            for number, _ in self.poll.poll(0.2):
                entry = self.peers[number]
                data = entry[0].recv(1 << 18)
                if not data:
                    self.poll.unregister(number)
                    entry[0].close()
                    del self.peers[number]
                    self.open()
                    continue
                entry[1] += data
                self.bytes += len(data)
                self.take(entry)

    def take(self, entry):
        head, found, body = entry[1].partition(b"\r\n\r\n")
        if not found:
            return
        length = re.search(rb"content-length: (\d+)", head, re.I)
        if b" 304 " not in head[:20] and length and len(body) < int(length.group(1)):
            return
        tag = re.search(rb"etag: (\S+)", head, re.I)
        if tag and tag.group(1).decode() != entry[2]:
            entry[2] = tag.group(1).decode()
            self.news.append(time.monotonic())
        entry[1] = b""
        self.answers += 1
        self.ask(entry)

    def end(self):
        self.stop = True
        self.thread.join()
        for entry in self.peers.values():
            entry[0].close()


NGINX = """
worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 8192; }}
http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; upstream e {{ server 127.0.0.1:{port}; keepalive 2000; }}
keepalive_requests 1000000;
server {{ listen 127.0.0.1:{own}; location /packets/ {{ root {feed}; }}
{feed_json}
location / {{ proxy_pass http://e; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}
"""


def cpu_of(processes):
    total = 0
    for pid in processes:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def nginx_pids(folder):
    parent = int((folder / "nginx.pid").read_text())
    children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [parent, *map(int, children)]


def measure_polls(bench, what, server, port, others, wait):
    """A thousand wait while a track comes each second."""
    count, seconds = bench.options.pollers, bench.options.poll_seconds
    pollers = Pollers(port, count, wait)
    time.sleep(2)
    songs = bench.songs(seconds, 5000000 + random.randrange(1000000))
    before, other_before, answers, sent = server.cpu(), cpu_of(others()), pollers.answers, pollers.bytes
    began = time.monotonic()
    spreads = []
    for song in songs:
        pollers.news.clear()
        start = time.monotonic()
        urllib.request.urlopen(urllib.request.Request(server.url + "ingest", data=json.dumps([song]).encode())).read()
        time.sleep(max(0, start + 1 - time.monotonic()))
        if len(pollers.news) >= count:
            spreads.append(sorted(pollers.news)[count - 1] - start)
    took = time.monotonic() - began
    print(f"poll: {what}: {count} slaves, a track each second for {took:.0f} s: {(pollers.answers - answers) / took:.0f} answers/s, "
          f"{(pollers.bytes - sent) / took / 1e6:.1f} MB/s; CPU of echoprint {100 * (server.cpu() - before) / took:.0f} %"
          + (f", of nginx {100 * (cpu_of(others()) - other_before) / took:.0f} %" if others() else "")
          + f"; memory {server.memory() / 1e6:.0f} MB; the last of all knew "
          + (f"{statistics.median(spreads):.2f} s after the ingest began (median), {max(spreads):.2f} s at most" if spreads
             else "not within a second"))
    pollers.end()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def poll(bench):
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    master = Node(bench, "poll-master")
    master.run("ingest", "-q", "-", input=json.dumps(bench.songs(2000, 0)).encode())
    server = master.serve()
    idle = Pollers(server.port, bench.options.pollers, 25)
    time.sleep(3)
    before = server.cpu()
    time.sleep(20)
    print(f"poll: nothing new for 20 s, {bench.options.pollers} slaves that wait: CPU of echoprint "
          f"{100 * (server.cpu() - before) / 20:.1f} %, memory {server.memory() / 1e6:.0f} MB")
    idle.end()
    measure_polls(bench, "alone, waiting", server, server.port, lambda: [], 25)
    if shutil.which("nginx"):
        for what, feed_json, wait in (
                ("behind nginx, waiting", "", 25),
                ("feed.json as a file by nginx, asked for all the time", f"location = /feed.json {{ root {master.folder}/feed; }}", 0)):
            folder = bench.folder / f"nginx-{wait}"
            folder.mkdir()
            os.chmod(bench.folder, 0o755)
            own = free_port()
            (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=server.port, own=own, feed=f"{master.folder}/feed",
                                                            feed_json=feed_json).replace("worker_processes 1;", "worker_processes 1; user root;"))
            subprocess.run(["nginx", "-c", folder / "nginx.conf"], check=True)
            time.sleep(0.5)
            pids = nginx_pids(folder)
            measure_polls(bench, what, server, own, lambda: pids, wait)
            os.kill(pids[0], signal.SIGTERM)
    server.stop()


# ---- a hundred thousand connections ----


class Crowd:
    """Connections from many addresses of this machine, of four kinds in turn: who says nothing,
    sends half a request, sends a byte at a time, asks and leaves at once. They stay until the
    server ends them; where more are open than MOST, the oldest leave."""

    MOST = 12000

    FIRST = {"silent": b"", "half": b"GET /feed.json HTTP/1.1\r\nHost: x\r\n", "drip": b"G",
             "polite": b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"}

    def __init__(self, port, addresses):
        self.port = port
        self.addresses = [f"127.0.{1 + n // 250}.{2 + n % 250}" for n in range(addresses)]
        self.poll = select.epoll()
        self.open = {}
        self.drips = []
        self.counts = {"attempted": 0, "not connected": 0, "answered": 0, "ended by the server": 0, "left": 0,
                       "held": 0}

    def attempt(self, number):
        kind = list(self.FIRST)[number % 4]
        self.counts["attempted"] += 1
        peer = socket.socket()
        try:
            peer.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            peer.bind((self.addresses[number // 4 % len(self.addresses)], 0))
            peer.setblocking(False)
            peer.connect_ex(("127.0.0.1", self.port))
            self.open[peer.fileno()] = [peer, kind, False]
            self.poll.register(peer.fileno(), select.EPOLLOUT | select.EPOLLIN)
        except OSError:
            self.counts["not connected"] += 1
            peer.close()

    def end(self, number, what):
        self.counts[what] += 1
        self.poll.unregister(number)
        self.open.pop(number)[0].close()

    def step(self, number):
        peer, kind, connected = self.open[number]
        try:
            if not connected:
                if peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    self.end(number, "not connected")
                    return
                self.open[number][2] = True
                self.poll.modify(number, select.EPOLLIN)
                peer.send(self.FIRST[kind])
                if kind == "drip":
                    self.drips.append((time.monotonic() + 1, number, peer))
            elif data := peer.recv(4096):
                self.end(number, "answered" if b" 200 " in data[:20] else "ended by the server")
            else:
                self.end(number, "ended by the server")
        except BlockingIOError:
            pass
        except OSError:
            self.end(number, "ended by the server")

    def drip(self):
        while self.drips and self.drips[0][0] < time.monotonic():
            _, number, peer = self.drips.pop(0)
            if number in self.open and self.open[number][0] is peer:
                try:
                    peer.send(b"E")
                    self.drips.append((time.monotonic() + 1, number, peer))
                except OSError:
                    pass  # the poll tells

    def run(self, attempts, rate):
        began = time.monotonic()
        while self.counts["attempted"] < attempts or self.drips and time.monotonic() < began + attempts / rate:
            due = min(attempts, int((time.monotonic() - began) * rate))
            for number in range(self.counts["attempted"], due):
                self.attempt(number)
                if len(self.open) > self.MOST:
                    self.end(next(iter(self.open)), "left")
            for number, _ in self.poll.poll(0.005):
                self.step(number)
            self.drip()
        self.counts["held"] = len(self.open)
        for number in list(self.open):
            self.open.pop(number)[0].close()


def run_crowd(port, addresses, attempts, rate, results):
    crowd_ = Crowd(port, addresses)
    crowd_.run(attempts, rate)
    results.put(crowd_.counts)


class Honest(threading.Thread):
    """Asks for the feed and a song once a second, and notes how long that takes."""

    def __init__(self, server, code):
        super().__init__()
        self.server, self.code = server, code
        self.took = {"feed.json": [], "query": []}
        self.failed = 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            for path, body in (("feed.json", None), ("query", b"fp_code=" + self.code)):
                began = time.monotonic()
                try:
                    urllib.request.urlopen(self.server.url + path, data=body, timeout=30).read()
                    self.took[path].append(time.monotonic() - began)
                except OSError:
                    self.failed += 1
            self.ended.wait(1)


def late(master, server, slave_server, song):
    """How long after its ingest at the master a track is at the slave, in seconds."""
    tracks = int(re.search(r"^echoprint_tracks (\d+)", slave_server.text("metrics"), re.M).group(1))
    master.run("ingest", "-q", "-", input=json.dumps([song]).encode())
    began = time.monotonic()
    while int(re.search(r"^echoprint_tracks (\d+)", slave_server.text("metrics"), re.M).group(1)) == tracks:
        if time.monotonic() - began > 120:
            return float("inf")
        time.sleep(0.02)
    return time.monotonic() - began


def crowd(bench):
    """As many connections as are asked for, while a slave follows and an honest client asks."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    options = bench.options
    master = Node(bench, "crowd-master")
    master.run("init", "--name", "centre")
    songs = bench.songs(2000, 0)
    master.run("ingest", "-q", "-", input=json.dumps(songs).encode())
    server = master.serve(limits=())
    slave = bench.slave("crowd-slave", master, server.url)
    slave_server = slave.serve(limits=())
    while slave.json("digest") != master.json("digest"):
        time.sleep(0.2)
    honest = Honest(server, songs[7]["code"].encode())
    honest.start()
    time.sleep(3)
    usual = {path: statistics.median(took) for path, took in honest.took.items()}
    before = (server.files(), server.memory("VmRSS"), server.memory("RssAnon"), server.cpu(), server.log.stat().st_size)
    results = multiprocessing.Queue()
    process = multiprocessing.Process(target=run_crowd, args=(server.port, options.crowd_addresses, options.crowd,
                                                              options.crowd_rate, results))
    began = time.monotonic()
    process.start()
    lates, most = [], [0, 0]
    more = iter(bench.songs(1000, 7000000))
    while process.is_alive() and results.empty():
        lates.append(late(master, server, slave_server, next(more)))
        most = [max(most[0], server.memory("VmRSS")), max(most[1], server.memory("RssAnon"))]
        time.sleep(1)
    counts = results.get(timeout=10)
    took = time.monotonic() - began
    process.join()
    honest.ended.set()
    honest.join()
    cpu = server.cpu() - before[3]
    said = server.log.read_bytes()[before[4]:]
    end = time.monotonic() + 90
    while server.files() > before[0] and time.monotonic() < end:
        time.sleep(1)
    print(f"crowd: {', '.join(f'{count} {what}' for what, count in counts.items())}, from {options.crowd_addresses} "
          f"addresses in {took:.0f} s; CPU of echoprint {100 * cpu / took:.0f} %")
    print(f"crowd: memory {before[1] / 1e6:.1f} MB before (anonymous {before[2] / 1e6:.1f}), at most "
          f"{most[0] / 1e6:.1f} MB (anonymous {most[1] / 1e6:.1f}); files {before[0]} before, {server.files()} at the end")
    for path, times in honest.took.items():
        print(f"crowd: /{path} of an honest client: {len(times)} answers, median {statistics.median(times):.4f} s "
              f"(before: {usual[path]:.4f} s), most {max(times):.3f} s")
    print(f"crowd: {honest.failed} honest requests failed; {len(lates)} tracks came to the slave, median "
          f"{statistics.median(lates):.2f} s, most {max(lates):.2f} s late; equal at the end: "
          f"{slave.json('digest')['digest'] == master.json('digest')['digest']}; log {len(said.splitlines())} lines, "
          f"{len(said)} bytes")
    print("crowd: the last of the log:\n  " + "\n  ".join(said.decode().splitlines()[-4:]))
    slave_server.stop()
    server.stop()


PARTS = {"lag": lag, "new": new_slave, "behind": behind, "poll": poll, "crowd": crowd}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--rate", type=int, default=100, help="tracks a second")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--documents", type=int, default=100000, help="of the master of a new slave")
    parser.add_argument("--master", help="a data folder to be that master, instead")
    parser.add_argument("--behind", type=int, default=36000)
    parser.add_argument("--pollers", type=int, default=1000)
    parser.add_argument("--poll-seconds", type=int, default=20)
    parser.add_argument("--crowd", type=int, default=100000, help="connections attempted")
    parser.add_argument("--crowd-rate", type=int, default=1000, help="and a second")
    parser.add_argument("--crowd-addresses", type=int, default=16, help="from so many addresses")
    options = parser.parse_args()
    bench = Bench(options)
    try:
        for part in options.part or PARTS:
            PARTS[part](bench)
            sys.stdout.flush()
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)


if __name__ == "__main__":
    main()

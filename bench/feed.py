#!/usr/bin/env python3
"""Measures the feed: how far slaves lag behind a steady stream, what a new slave and one that was away fetch,
and what a thousand slaves that poll cost their master, alone and behind nginx.

usage: feed.py --build BUILD [--part lag|new|behind|poll]... [options]
Every figure is printed with what it was measured on; all is on this machine, over loopback.
"""

import argparse
import bz2
import concurrent.futures
import json
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

    def serve(self, *options):
        return Server(self, *options)


class Server:
    def __init__(self, node, *options):
        self.node = node
        self.log = node.bench.folder / f"{node.name}.log"
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(node.command("serve", "--listen", "127.0.0.1:0", "--per-address", 100000,
                                                         "--connections", 100000, *options), stderr=out, stdout=out)
        self.port = 0
        while not self.port:
            match = re.search(rb"port (\d+)", self.log.read_bytes())
            self.port = int(match.group(1)) if match else 0
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.port}/"

    def json(self, path):
        with urllib.request.urlopen(self.url + path) as answer:
            return json.loads(answer.read())

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) * 1024

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
    """Tracks come to the master, some each tick; a slave's lag is how long after the master's it had a position."""
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
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as senders:
        for number, body in enumerate(bodies):
            senders.submit(lambda body: urllib.request.urlopen(
                urllib.request.Request(server.url + "ingest", data=body)).read(), body)
            time.sleep(max(0, began + (number + 1) * step / rate - time.monotonic()))
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
    """What a new slave fetches, and how long until it is equal; against rsync of the data folder and bzip2."""
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
    """A slave that was away for an hour at 10 tracks a second, in a feed that was published each second."""
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
    """Slaves as one thread with many sockets: each asks for feed.json with its tag, waiting for news."""

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


PARTS = {"lag": lag, "new": new_slave, "behind": behind, "poll": poll}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--rate", type=int, default=100, help="tracks a second")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--documents", type=int, default=100000, help="of the master of a new slave")
    parser.add_argument("--master", help="a data folder to be that master, instead")
    parser.add_argument("--behind", type=int, default=36000)
    parser.add_argument("--pollers", type=int, default=1000)
    parser.add_argument("--poll-seconds", type=int, default=20)
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

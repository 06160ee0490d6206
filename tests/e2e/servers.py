"""What the tests of the feed share: nodes that serve, songs, and a proxy that spoils what it passes
on."""

import json
import os
import pathlib
import random
import re
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from subprocess import DEVNULL

from common import Wrong, codegen_bytes, need, same, song, start


def is_sanitized():
    """Whether the program under test has a sanitizer in it, and so takes its time and memory."""
    program = next((sys.argv[at + 1] for at, word in enumerate(sys.argv[:-1]) if word == "--program"), None)
    data = pathlib.Path(program).read_bytes() if program else b""
    return b"__asan_init" in data or b"__tsan_init" in data


SANITIZED = is_sanitized()
PATIENCE = 3  # with a machine that has other things to do


def some_songs(prefix, count, pairs=200):
    """Songs that are nobody's copy."""
    songs = []
    for n in range(count):
        rng = random.Random(f"{prefix}{n}")
        songs.append(song(f"{prefix}{n}", [(rng.randrange(1 << 20), moment) for moment in
                                        sorted(rng.sample(range(pairs * 6), pairs))]))
    return songs


def ingest(node, items):
    return node.json("ingest", "-", data=codegen_bytes(items))


def held_port(host):
    """A socket that holds a port which nobody else has: nobody is given it, nor can take it, until
    it is closed. A server can, as both reuse addresses and this one does not listen; while no
    server does, connections are refused."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind((host, 0))
    return holder


class Server:
    """`serve` of a node, restarted at will on the same port."""

    def __init__(self, node, *options, host="127.0.0.1", port=None, env=None):
        self.node, self.options, self.host, self.env = node, options, host, env
        # Until this object is gone, while the server is down, too.
        self.holder = None if port else held_port(host)
        self.port = port or self.holder.getsockname()[1]
        self.log = pathlib.Path(f"{node.folder}.serve.log")
        self.process = None
        self.start()

    def start(self):
        begin = self.log.stat().st_size if self.log.exists() else 0
        out = open(self.log, "ab")
        self.process = start(
            self.node.command("-v", "serve", "--listen", f"{self.host}:{self.port}", *self.options),
            stdout=out, stderr=out, stdin=DEVNULL,
            env={**os.environ, **self.env} if self.env else None)
        out.close()
        end = time.monotonic() + 30 * PATIENCE
        while time.monotonic() < end:
            match = re.search(rb"serves on port (\d+)[:;]", self.log.read_bytes()[begin:])
            if match:
                self.port = int(match.group(1))
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise Wrong(f"the server does not start: {self.words()[-400:]}")

    def words(self):
        return self.log.read_text(errors="replace")

    @property
    def url(self):
        return f"http://{self.host}:{self.port}/"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, seconds=60 * PATIENCE):
        """Ends it in order; what it says of leaks and races is an error."""
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(timeout=seconds)
        need(status == 0, f"the server ended with {status}: {self.words()[-1500:]}")

    @property
    def token(self):
        """The header that /ingest asks for, where no token was set."""
        return {"Authorization": "Bearer " + (self.node.folder / "ingest.token").read_text().strip()}

    def get(self, path, headers=None, data=None, method=None, timeout=30):
        """(status, headers, body) of a request."""
        request = urllib.request.Request(self.url.rstrip("/") + path, data=data,
                                         headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()

    def json(self, path):
        return json.loads(self.get(path)[2])


def invite(master, name, url):
    return master.json("source", "add", name, "--url", url)["invitation"]


def joined(test, master, name, url, *options):
    """A new slave of a master."""
    node = test.node(name)
    node.run("init", "--name", name)
    node.run("join", *options, url, invite(master, name, url))
    return node


def until(condition, what, seconds=60):
    """Waits until a condition holds, for seconds or longer: whether it comes is the question. Gives
    how long it took."""
    began = time.monotonic()
    last = None
    while time.monotonic() - began < seconds * PATIENCE:
        try:
            if condition():
                return time.monotonic() - began
        except (Wrong, OSError) as why:
            last = why
        time.sleep(0.02)
    raise Wrong(f"not within {seconds * PATIENCE} s: {what}" + (f" ({last})" if last else ""))


def all_equal(nodes, seconds=60):
    return until(lambda: len({node.digest() for node in nodes}) == 1, "equal digests", seconds)


def synced(slave, master, **how):
    """A slave that fetches until it is its master's equal: what is ingested is published a moment
    later."""
    until(lambda: slave.run("sync", **how) and slave.digest() == master.digest(), "equal digests after a sync", 20)


class Proxy:
    """Passes bytes on between a client and a server, and spoils them as it is told.

    mode: "pass", "cut" (refuses connections), "reset" (in the middle), "truncate" (ends early),
    "flip" (changes a bit), "slow". `rate` is how many of the connections are spoiled."""

    def __init__(self, port, seed=1):
        self.target = port
        self.mode = "pass"
        self.rate = 1.0
        self.random = random.Random(seed)
        self.spoiled = 0
        self.passed = 0
        self.ends = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stopped = False
        threading.Thread(target=self.run, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def spoil(self, mode, rate=1.0):
        """From now on; connections that are open end, so that the next ones are spoiled."""
        self.mode, self.rate = mode, rate
        for end in list(self.ends):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def run(self):
        while not self.stopped:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        mode = self.mode if self.random.random() < self.rate else "pass"
        if mode != "pass":
            self.spoiled += 1
        if mode == "cut":
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        self.ends |= {client, server}
        threading.Thread(target=self.pump, args=(client, server, "pass", 0), daemon=True).start()
        self.pump(server, client, mode, self.random.randrange(100, 4000))

    def pump(self, source, sink, mode, at):
        done = 0
        try:
            while True:
                data = source.recv(1024 if mode == "slow" else 65536)
                if not data:
                    break
                if mode == "slow":
                    time.sleep(0.02)
                if mode in ("reset", "truncate", "flip") and done + len(data) > at:
                    if mode == "flip":
                        place = max(0, at - done)
                        data = data[:place] + bytes([data[place] ^ 4]) + data[place + 1:]
                        mode = "pass"
                    else:
                        data = data[:max(0, at - done)]
                        sink.sendall(data)
                        self.passed += len(data)
                        if mode == "truncate":
                            # Who reads may be slow: what was sent is read before the other pump
                            # sees the end.
                            source.shutdown(socket.SHUT_RDWR)
                            sink.shutdown(socket.SHUT_WR)
                            return
                        sink.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                        break
                sink.sendall(data)
                done += len(data)
                self.passed += len(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
            self.ends.discard(end)

    def close(self):
        self.stopped = True
        self.listener.close()


def monitored(node, streams, enough):
    """A monitor hears streams, which are a dictionary, until the log of plays has enough."""
    config = node.folder.parent / f"{node.folder.name}.ini"
    config.write_text("".join(f"[{name}]\nurl = {url}\n" for name, url in streams.items()), encoding="utf-8")
    monitor = node.start("monitor", "--config", config)
    until(enough, "plays")
    monitor.terminate()
    same(monitor.wait(timeout=60), 0, "the end of the monitor")

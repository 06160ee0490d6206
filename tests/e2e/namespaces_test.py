#!/usr/bin/env python3
"""A master and three slaves that serve, each a host of its own: in its network namespace, on a
bridge that joins them.

Needs root and `ip netns`. The bridge is in a namespace too: nothing of the machine's own network is
touched, and no packet leaves it."""

import json
import os
import shutil
import subprocess
import time

from common import Node, ROOT, Skip, need, plain, run, same, unpack
from servers import SANITIZED, Server, all_equal, ingest, invite, some_songs, until

REAL = [item for name in ("songs-a.json", "songs-b.json") for item in json.loads((ROOT / "demo" / name).read_text())]
PORT = 8070
# What a song may take to be found everywhere; longer where the machine has other things to do.
SECONDS = (2.0 if not SANITIZED else 20.0) * max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))
DOWN_S = 3.0
# What makes a link bad, and the next best where the kernel has it not: what does not fit in a small
# queue is lost.
BAD = (("netem", "delay", "40ms", "10ms", "loss", "5%"), ("tbf", "rate", "1mbit", "burst", "3kb", "limit", "6kb"))


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"`ip {' '.join(words)}`: {done.stderr.strip()}")


class Network:
    """Hosts on a bridge, by name; each is a namespace with a link of the hub's."""

    def __init__(self, names):
        if os.geteuid() != 0:
            raise Skip("needs root, to make network namespaces")
        if not shutil.which("ip"):
            raise Skip("ip is not installed")
        self.hub = f"ep{os.getpid()}"
        self.names = names

    def __enter__(self):
        self.try_kernel()
        try:
            for name in self.names:
                self.add_host(name)
        except OSError:
            self.__exit__()
            raise
        return self

    def try_kernel(self):
        """Makes the hub; where that cannot be, nothing of this can."""
        try:
            ip("netns", "add", self.hub)
            ip("-n", self.hub, "link", "add", "bridge", "type", "bridge")
            ip("-n", self.hub, "link", "set", "bridge", "up")
            ip("-n", self.hub, "link", "add", "one", "type", "veth", "peer", "name", "other")
        except OSError as why:
            self.__exit__()
            raise Skip(f"no network namespaces with a bridge here: {why}") from why

    def add_host(self, name):
        ip("netns", "add", self.host(name))
        ip("-n", self.hub, "link", "add", "name", self.link(name), "type", "veth",
           "peer", "name", "eth0", "netns", self.host(name))
        ip("-n", self.hub, "link", "set", "dev", self.link(name), "master", "bridge", "up")
        ip("-n", self.host(name), "address", "add", self.address(name) + "/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            ip("-n", self.host(name), "link", "set", "dev", link, "up")

    def __exit__(self, *_):
        for name in (self.hub, *map(self.host, self.names)):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)

    def host(self, name):
        return f"{self.hub}-{name}"

    @staticmethod
    def link(name):
        return f"to-{name}"

    def address(self, name):
        return f"10.8.70.{1 + self.names.index(name)}"

    def on(self, name):
        """What a command begins with that runs on a host."""
        return ["ip", "netns", "exec", self.host(name)]

    def plug(self, name, is_in):
        ip("-n", self.hub, "link", "set", "dev", self.link(name), "up" if is_in else "down")

    def tc(self, name, *words):
        """Does the same to both ends of a host's link; gives whether that went well."""
        return shutil.which("tc") is not None and all(
            subprocess.run(["tc", "-n", where, "qdisc", words[0], "dev", link, "root", *words[1:]],
                           capture_output=True).returncode == 0
            for where, link in ((self.hub, self.link(name)), (self.host(name), "eth0")))

    def spoil(self, name):
        """Makes a host's link slow and lossy; gives how, or None where the kernel cannot."""
        return next((how[0] for how in BAD if self.tc(name, "replace", *how)), None)

    def repair(self, name):
        need(self.tc(name, "delete"), "the link is good again")


class Federation:
    """A master and slaves, each on a host of a network, all by serve."""

    def __init__(self, test, network, name):
        self.nodes = [Node(test.program, test.folder / f"{name}-{host}", network.on(host)) for host in network.names]
        self.master, *self.slaves = self.nodes
        url = f"http://{network.address(network.names[0])}:{PORT}/"
        self.servers = [self.serve(network, network.names[0], self.master)]
        for host, slave in zip(network.names[1:], self.slaves):
            slave.run("join", url, invite(self.master, host, url))
            self.servers.append(self.serve(network, host, slave))

    @staticmethod
    def serve(network, host, node):
        return Server(node, host=network.address(host), port=PORT)

    def end(self, count):
        """All is quiet: all are equal and whole, end in order, and have each of so many tracks
        once."""
        all_equal(self.nodes)
        for server in self.servers:
            server.stop()
        for node in self.nodes:
            node.verify()
            status = node.json("status")
            same((status["tracks"], status["conflicts"]), (count, 0), f"tracks and conflicts at {node.folder.name}")


def excerpt(item):
    """Some half minute of a song, as a code string."""
    pairs = unpack(item["code"])
    start = pairs[len(pairs) // 2][1]
    return plain((code, moment - start) for code, moment in pairs if start <= moment < start + 1300)


def is_found(node, item):
    done = node.run("--json", "query", excerpt(item), statuses=(0, 3))
    return json.loads(done.stdout)["track_id"] == item["metadata"]["track_id"]


def tracks(nodes):
    return [node.json("status")["tracks"] for node in nodes]


def a_song_ingested_anywhere_is_found_everywhere(test):
    with Network(["master", "a", "b", "c"]) as network:
        it = Federation(test, network, "spread")
        slowest = 0
        for node, item in zip(it.nodes, REAL):
            began = time.monotonic()
            ingest(node, [item])
            until(lambda: all(is_found(other, item) for other in it.nodes), item["metadata"]["track_id"], 30)
            slowest = max(slowest, time.monotonic() - began)
        print(f"# the slowest was found everywhere after {slowest:.2f} s")
        need(slowest < SECONDS, f"the slowest was found everywhere after {slowest:.2f} s, over {SECONDS:.1f} s")
        it.end(4)


def a_cable_pulled_out_and_a_bad_link_lose_nothing(test):
    with Network(["master", "a", "b", "c"]) as network:
        it = Federation(test, network, "cut")
        apart, *others = it.slaves
        ingest(it.master, [REAL[0]])
        all_equal(it.nodes)
        network.plug("a", False)
        for n, node in enumerate(it.nodes):
            ingest(node, [REAL[1 + n], *some_songs(f"TRCUT{n}x", 20)])
        began = time.monotonic()
        until(lambda: tracks([it.master, *others]) == [1 + 3 * 21] * 3, "what the others ingested at all others", 30)
        time.sleep(max(0, DOWN_S - (time.monotonic() - began)))
        same(tracks([apart]), [1 + 21], "tracks of the slave that is cut off")
        need(is_found(apart, REAL[2]) and not is_found(apart, REAL[1]), "a slave that is cut off finds what it has")
        how = network.spoil("a")
        network.plug("a", True)
        for n, node in enumerate(it.nodes):
            ingest(node, some_songs(f"TRBAD{n}x", 20))
        took = all_equal(it.nodes)
        print(f"# equal {took:.1f} s after the cable was in again, by {how or 'a good link: tc has no bad one here'}")
        if how:
            network.repair("a")
        it.end(1 + 4 * 21 + 4 * 20)


def body(test):
    for function in (a_song_ingested_anywhere_is_found_everywhere, a_cable_pulled_out_and_a_bad_link_lose_nothing):
        test.check("namespaces: " + function.__name__.replace("_", " "), function, test)


if __name__ == "__main__":
    run(body)

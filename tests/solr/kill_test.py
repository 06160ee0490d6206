#!/usr/bin/env python3
"""Solr's nodes, ZooKeeper and the push are killed at any moment while the log changes.

usage: kill_test.py --program PROGRAM [--seconds N] [--seed N] [--mutant]

In the end the collection must hold what the log holds; whenever Solr has come back, nothing at or
below the collection's mark may be missing; and while a replica is away the watermark must not pass
what came before it went. With --mutant a program is built that moves the watermark after the first
answer, and must fail.
"""

import pathlib
import random
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import cluster as solr  # noqa: E402
from common import Wrong, need, run, same, start  # noqa: E402
from servers import ingest, some_songs, until  # noqa: E402

COLLECTION = "kills"


class World:
    def __init__(self, test, cloud):
        self.cloud = cloud
        self.node = test.node("node")
        self.node.run("init")
        self.pushes = open(test.folder / "push.log", "ab")
        self.where = ["--collection", COLLECTION]
        self.node.run("solr", "init", cloud.url, *self.where, "--shards", 2, "--replicas", 2)
        self.process = None
        self.live = []
        self.made = 0

    def start_push(self):
        self.process = start(self.node.command("solr", "push", self.cloud.url, *self.where, "--watch", "--retry", "5"),
                             stdout=self.pushes, stderr=self.pushes)

    def keep_pushing(self):
        if not self.process or self.process.poll() is not None:
            self.start_push()

    def end_push(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            same(self.process.wait(300), 0, "how the push ended")

    def state(self):
        status = self.node.json("status")
        followers = {one["name"]: one["position"] for one in status.get("followers", ())}
        return status["position"], followers.get(f"solr.{COLLECTION}", 0)

    def change(self, rng):
        """Songs come, get other contents, and go."""
        kind = rng.random()
        if kind < 0.2 and self.live:
            gone = [self.live.pop(rng.randrange(len(self.live))) for _ in range(min(3, len(self.live)))]
            self.node.run("delete", *gone)
            return
        if kind < 0.35 and self.live:
            items = some_songs(f"new{self.made}x", 1)
            items[0]["metadata"]["track_id"] = rng.choice(self.live)
        else:
            items = some_songs(f"s{self.made}x", rng.randrange(1, 30))
            self.live += [item["metadata"]["track_id"] for item in items]
        self.made += 1
        ingest(self.node, items)

    def push_whole(self):
        self.end_push()
        self.cloud.wait_until_active(f"{COLLECTION}-1")
        self.node.run("solr", "push", self.cloud.url, *self.where)

    def check_whole(self):
        report = self.node.json("solr", "verify", self.cloud.url, *self.where)
        same(report["digest"], self.node.digest(), "the digest of the collection")
        same((report["missing"], report["different"], report["behind"]), (0, 0, 0), "missing, different, behind")

    def check_marked(self):
        """Nothing up to the mark is missing, whatever has not come yet."""
        report = self.node.json("solr", "verify", self.cloud.url, *self.where, "--retry", "300", statuses=(0, 1, 3))
        same((report["missing"], report["different"]), (0, 0), f"missing and different up to {report['position']}")


def waits_for_all_replicas(world):
    """While a replica is away, what came since is sent and found, but the watermark waits."""
    world.change(random.Random(1))
    world.push_whole()
    world.cloud.nodes[1].kill()
    before, _ = world.state()
    for seed in range(5):
        world.change(random.Random(seed + 2))
    position, _ = world.state()
    need(position > before, "the log has not changed")
    world.start_push()

    def is_there():
        body = b'{"query":"*:*","limit":0,"facet":{"last":"max(version)"}}'
        world.cloud.get(f"{COLLECTION}/update?softCommit=true", body=b"[]")
        found = world.cloud.get(f"{COLLECTION}/select", body=body)["facets"]
        return found.get("last", 0) >= position

    until(is_there, "everything is on the leaders", 120)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        watermark = world.state()[1]
        need(watermark <= before, f"the watermark is at {watermark}, but a replica has nothing above {before}")
        time.sleep(0.5)
    world.cloud.nodes[1].start()
    world.cloud.wait_for_node(1)
    until(lambda: world.state()[1] == position, "the watermark comes to the end of the log", 300)
    world.end_push()
    world.check_whole()


def survives_kills(world, seconds, seed):
    rng = random.Random(seed)
    print(f"# seed {seed}, {seconds:g} s", flush=True)
    end = time.monotonic() + seconds
    kills = dict.fromkeys(("node0", "node1", "zk", "push"), 0)
    away = {}  # a process of Solr, and when it is started again
    targets = {"node0": world.cloud.nodes[0], "node1": world.cloud.nodes[1], "zk": world.cloud.zk}
    next_kill = time.monotonic() + rng.uniform(5, 20)
    while time.monotonic() < end:
        world.keep_pushing()
        world.change(rng)
        now = time.monotonic()
        for name in [name for name, at in away.items() if at <= now]:
            targets[name].start()
            del away[name]
        if now >= next_kill:
            name = rng.choice(list(kills))
            next_kill = now + rng.uniform(3, 40)
            if name == "push":
                world.process.kill()
                world.process.wait()
            elif name in away:
                continue
            else:
                targets[name].kill()
                away[name] = now + rng.uniform(0, 25)
            kills[name] += 1
            if rng.random() < 0.15 and not away:
                world.check_marked()
        time.sleep(rng.uniform(0.05, 0.4))
    for name in away:
        targets[name].start()
    for number in range(2):
        world.cloud.wait_for_node(number)
    print(f"# killed: {kills}; {world.made} batches of songs, position {world.state()[0]}", flush=True)
    world.cloud.wait_until_active(f"{COLLECTION}-1")
    world.check_marked()
    world.push_whole()
    world.check_whole()


def mutated(test):
    """A program of which the watermark moves after the first answer and commit, whoever has it."""
    copy = test.folder / "mutant"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", "build", "build-*"))
    path = copy / "src/net/solr/push.c"
    text = path.read_text()
    old = "	if (push->doubt) {\n"
    need(text.count(old) == 1, "the mutant has no place")
    path.write_text(text.replace(old, "	if (push->sent > 0)\n		return ep_solr_commit(push->solr, push->real, err);\n" + old))
    subprocess.run(["meson", "setup", copy / "build", copy], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", copy / "build", "echoprint"], check=True, stdout=subprocess.DEVNULL)
    return copy / "build/echoprint"


def fails_as_it_must(test, cloud):
    world = World(test, cloud)
    try:
        waits_for_all_replicas(world)
    except Wrong as why:
        need("the watermark is at" in str(why), f"it failed for another reason: {why}")
        return
    raise Wrong("a watermark that moves after the first answer was not noticed")


def body(test):
    folder, why = solr.libraries()
    if not folder:
        test.report("skip", "kills of Solr", why)
        return
    if test.options.mutant:
        test.program = str(mutated(test))
    with solr.Cluster(test.folder / "cloud") as cloud:
        if test.options.mutant:
            test.check("a watermark that moves after the first answer is noticed", fails_as_it_must, test, cloud)
            return
        world = World(test, cloud)
        test.check("the watermark waits for all replicas", waits_for_all_replicas, world)
        test.check("kills at any moment lose nothing", survives_kills, world, test.options.seconds, test.options.seed)


def options(parser):
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--mutant", action="store_true")


run(body, options)

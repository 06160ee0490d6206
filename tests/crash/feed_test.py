#!/usr/bin/env python3
"""A publication that stops at any operation, and the one behind it.

`publish` runs in a folder with a master and its feed, so that packets are due to be merged, or are
to be made anew. It stops at every point between two operations on files: killed, by a power cut
(model.py), asked to end (SIGTERM), or by an operation that fails (full disk, broken disk). Then

- whoever reads the feed at that instant finds a whole one: slaves that follow it are equal to it;
- `publish` again, with more to say, succeeds;
- feed.json says of each packet what the packet says itself, and all files that it names are there;
- a new slave, one that was behind and one that was in step are the master's equals.

That the test can fail is shown by mutants of the record, which must be found.
"""

import copy
import errno
import hashlib
import json
import os
import shutil
import struct
import sys

import common
import model as m
from common import Song

FAULTS = ("%d kill", "%d term", "%d " + str(errno.ENOSPC), "%d " + str(errno.ENOSPC) + "+",
          "%d " + str(errno.EIO), "%d short")
SLAVES = ("new", "behind", "step")


def big_song(number):
    """One whose packet is above the smallest level."""
    return Song(number, seconds=2000, codes_a_second=8.0)


def ingest(program, data, path, songs):
    common.write_codegen(path, songs)
    program.must(data, "ingest", "--dedup", "off", path)


class World:
    """A master, its feed and slaves; all can be set back to where they were."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.root = folder + "/root"
        self.master = self.root + "/master"
        self.feed = self.root + "/feed"
        self.kept = folder + "/kept"
        os.makedirs(self.feed)
        self.was_damaged = False  # before the publication: then not all slaves can follow it
        self.small = common.write_codegen(folder + "/small.json", [Song(9000)])
        program.must(self.master, "init", "--name", "centre")
        self.publish()
        for name in SLAVES:
            self.join(name)
        self.publish()

    def slave(self, name):
        return f"{self.folder}/{name}"

    def join(self, name):
        added = self.program.must(self.master, "source", "add", name, "--url", self.feed, "--json")
        self.program.must(self.slave(name), "init", "--name", name)
        self.program.must(self.slave(name), "join", self.feed, added.json["invitation"])

    def publish(self):
        self.program.must(self.master, "publish", self.feed)

    def add(self, number, *songs):
        ingest(self.program, self.master, f"{self.folder}/song{number}.json", songs)

    def keep(self):
        """From now on, this is where all is set back to."""
        shutil.copytree(self.root, self.kept + "/root")
        for name in SLAVES:
            shutil.copytree(self.slave(name), f"{self.kept}/{name}")

    def back(self, *names):
        for name in names:
            shutil.rmtree(f"{self.folder}/{name}", ignore_errors=True)
            shutil.copytree(f"{self.kept}/{name}", f"{self.folder}/{name}")

    # -- what must hold --

    def slaves_follow(self, when, digest=None):
        problems = []
        self.back(*SLAVES)
        for name in SLAVES:
            ran = self.program.run(self.slave(name), "sync", "--json")
            if ran.status == 4 and not digest and not os.path.exists(self.feed + "/feed.json"):
                continue  # there is no feed yet
            if ran.status:
                problems.append(f"{when}, slave {name}: {ran.words()}")
            elif not ran.json["equal"]:
                problems.append(f"{when}, slave {name} is not its feed's equal")
            elif digest and self.digest(self.slave(name)) != digest:
                problems.append(f"{when}, slave {name} is not its master's equal")
        return problems

    def digest(self, data):
        return self.program.must(data, "digest", "--json").json["digest"]

    def feed_is_whole(self):
        with open(self.feed + "/feed.json", encoding="utf-8") as file:
            feed = json.load(file)
        at = 0
        for packet in feed["packets"]:
            words = f"packet {packet['after']} to {packet['last']}"
            if not packet.get("merged_away"):
                if packet["after"] != at:
                    return [f"{words} does not follow {at}"]
                at = packet["last"]
            if packet["size"] == 0:
                continue
            path = f"{self.feed}/packets/{packet['name']}"
            if not os.path.isfile(path):
                return [f"{words} is not there"]
            with open(path, "rb") as file:
                data = file.read()
            if (len(data), hashlib.sha256(data).hexdigest()) != (packet["size"], packet["sha256"]):
                return [f"{words} has other bytes"]
            if struct.unpack_from("<QQ", data, 64) != (packet["after"], packet["last"]):
                return [f"{words} says itself {struct.unpack_from('<QQ', data, 64)}"]
        left = [name for name in os.listdir(self.feed + "/packets") if name.endswith(".part")]
        return [f"packets lead to {at}"] if at != feed["position"] else \
            [f"{name} is left" for name in left]

    def check(self):
        """Of what a stop left: it can be followed, and the next publication heals all."""
        problems = [] if self.was_damaged else self.slaves_follow("at that instant")
        self.program.must(self.master, "ingest", "--dedup", "off", self.small)
        ran = self.program.run(self.master, "publish", self.feed)
        if ran.status:
            return problems + [f"publish again: {ran.words()}"]
        return problems + self.feed_is_whole() + \
            self.slaves_follow("after the next publication", self.digest(self.master))


# ---- scenarios: what the publication that stops has to do ----


def merge(world):
    """Eight packets above the smallest level are there with this publication."""
    for number in range(8):
        world.add(number, big_song(number))
        if number == 7:
            break
        world.publish()
        if number in (2, 6):
            for name in ("behind", "step") if number == 2 else ("step",):
                world.program.must(world.slave(name), "sync")


def first(world):
    """The first publication: what was there goes."""
    shutil.rmtree(world.feed + "/packets")
    os.unlink(world.feed + "/feed.json")
    world.add(0, Song(1), Song(2))


def mend(world):
    """Packets are damaged, one is gone, and what they held has changed in part."""
    for number in range(10):
        world.add(number, Song(number), Song(100 + number))
        world.publish()
        if number in (2, 5):
            for name in ("behind", "step") if number == 2 else ("step",):
                world.program.must(world.slave(name), "sync")
    world.program.must(world.slave("step"), "sync")
    world.add(10, Song(5, version=1), Song(8, version=1))
    with open(world.feed + "/feed.json", encoding="utf-8") as file:
        packets = json.load(file)["packets"]
    world.was_damaged = True
    for place, packet in enumerate(packets):
        path = f"{world.feed}/packets/{packet['name']}"
        if place % 4 == 0:
            os.unlink(path)
        elif place % 2 == 0 or not packet.get("merged_away"):
            with open(path, "r+b") as file:
                file.seek(70)
                file.write(b"damaged")


SCENARIOS = {"merge": merge, "first": first, "mend": mend}


# ---- kills and power cuts ----


def record(world):
    """The operations of the publication."""
    path = world.folder + "/trace"
    initial = m.Model(world.root)
    initial.scan()
    paths = m.inodes_below(world.root)
    ran = world.program.run(world.master, "publish", world.feed,
                            environment=world.program.preloaded(ECHOPRINT_TRACE=path))
    if ran.status:
        raise RuntimeError(f"publish: {ran.words()}")
    operations = m.read_trace(path)
    m.annotate(operations, world.root, paths)
    return initial, operations


def states_of(initial, operations):
    """All different states that a kill or a power cut may leave: {fingerprint: (how, view)}."""
    found = {}
    model = copy.deepcopy(initial)
    for count in range(len(operations) + 1):
        if count:
            model.apply(operations[count - 1])
        for names, data in m.MODELS:
            view = model.view(names, data)
            how = f"{m.kept(names, data)} after operation {count} of {len(operations)}"
            if count:
                how += f" ({operations[count - 1]})"
            found[m.fingerprint(view)] = (how, view)
    return found.values()


def check_states(world, initial, operations, enough=10 ** 9):
    """(number of states, problems)"""
    problems = []
    count = 0
    for how, view in states_of(initial, operations):
        count += 1
        m.build(view, world.root, world.root)
        problems += [f"{how}: {problem}" for problem in world.check()[:1]]
        if len(problems) >= enough:
            break
    return count, problems


def without_sync_of(part):
    return lambda operations: [operation for operation in operations if not (
        operation.kind == m.SYNC and part(operation.target))]


MUTANTS = {
    "packets are not synced": without_sync_of(lambda path: path.endswith(".part") and "/packets/" in path or
                                              path.endswith(".packet")),
    "the packets' folder is not synced": without_sync_of(lambda path: path.endswith("/packets")),
    "feed.json is not synced": without_sync_of(lambda path: "feed.json" in path),
}


def power_cuts(results, world, name):
    initial, operations = record(world)
    count, problems = check_states(world, initial, operations)
    results.check(f"{name}: killed, or a power cut, at every operation", problems,
                  f"{len(operations)} operations, {count} states")
    for text in problems[1:6]:
        common.say(f"    {text}")
    if name != "merge":
        return
    for mutant, change in MUTANTS.items():
        changed = change(operations)
        found = len(changed) < len(operations) and check_states(world, initial, changed, 1)[1]
        results.check(f"{name}: it is found where {mutant}", "" if found else "it is not")


# ---- operations that fail ----


def key_of(world):
    """What is left but for moments: ranges and sizes of packets, and the log."""
    def short(name):
        return name.rsplit("-", 1)[0]

    packets = world.feed + "/packets"
    files = sorted((short(name), os.path.getsize(f"{packets}/{name}"))
                   for name in os.listdir(packets)) if os.path.isdir(packets) else []
    says = ""
    if os.path.exists(world.feed + "/feed.json"):
        with open(world.feed + "/feed.json", encoding="utf-8") as file:
            says = [(p["after"], p["last"], p["size"]) for p in json.load(file)["packets"]]
    with open(world.master + "/data.mdb", "rb") as file:
        return repr((files, says, common.sha256_of(file.read())))


def fails(world, fault):
    """Publishes with a fault; (problems, whether the fault came)"""
    path = world.folder + "/trace"
    if os.path.exists(path):
        os.unlink(path)
    ran = world.program.run(world.master, "publish", world.feed,
                            environment=world.program.preloaded(
                                ECHOPRINT_TRACE=path, ECHOPRINT_TRACE_FAIL=fault))
    came = os.path.exists(path) and any(o.kind == m.FAILED for o in m.read_trace(path))
    if ran.status not in (0, 1, -9) or (ran.status == 1 and not ran.stderr.strip()):
        return [ran.words()], came
    return [], came


def faults(results, world, name):
    problems = []
    sound = set()
    count = 0
    world.back("root")
    operations = len(record(world)[1])
    for number in range(1, operations + 4):
        for form in FAULTS:
            world.back("root")
            wrong, came = fails(world, form % number)
            if not came:
                continue
            count += 1
            key = key_of(world)
            if not wrong and key not in sound:
                wrong = world.check()
            if not wrong:
                sound.add(key)
            problems += [f"{form % number}: {problem}" for problem in wrong[:1]]
    results.check(f"{name}: every operation may fail", problems,
                  f"{count} faults, {len(sound)} different states")
    for text in problems[1:6]:
        common.say(f"    {text}")


def main():
    parser = common.arguments_parser(__doc__.splitlines()[0], needs_trace=True)
    parser.add_argument("--only", choices=SCENARIOS)
    arguments = parser.parse_args()
    results = common.Results()
    program = common.Program(arguments.program, arguments.trace)
    with common.work_folder() as folder:
        folder = os.path.realpath(folder)
        for name, prepare in SCENARIOS.items():
            if arguments.only in (None, name):
                world = World(program, f"{folder}/{name}")
                prepare(world)
                world.keep()
                power_cuts(results, world, name)
                faults(results, world, name)
    return results.end()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Random histories of a master and its slaves, as processes, with kills, full disks, wrong clocks
and restores.

usage: histories_test.py --program PATH [--seconds S] [--seed N [--only K]] [--shrink SECONDS]

History K of a seed is a list of steps that is made before it is played, so that steps can be left
out: what fails is played again with fewer of them, and the shortest list that still fails is
printed. The kills fall where they fall, so a history may have to be played more than once to fail
again.

The model has no rules of what stands. It notes, of what every node said it had done, which version
the node had shown before: the new one supersedes that one, and all that it superseded. In the end,
when everybody has synced until nothing changes, the following must hold:

- All nodes have the same digest, nothing waits, `verify` finds nothing.
- Every version that a node acknowledged is what the master has, or was superseded by that, or is
  kept aside somewhere.
- What was deleted is not back by itself.

Let off is only what was on no other disk than such as were replaced by an older copy.

One long file: most of it is History, whose steps all see the same nodes.
"""

import datetime
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import time

from clock_test import LIBRARIES, environment
from common import Clock, Node, Wrong, codegen_bytes, csv, io, need, run, song
from servers import Server, invite

TRACKS = ["TRA", "TRB", "TRC", "TRD", "TRE"]
HOMES = {"TRA": "one", "TRB": "two", "TRC": "master"}  # whose they are mostly
DAY = datetime.datetime(2001, 1, 1)
CLOCKS = ["@1970-01-01 00:00:01", "-10y", "+20y", "-1h", "+3d"]
LIBRARY = next((path for path in LIBRARIES if pathlib.Path(path).exists()), None)
CALM_ROUNDS = 14

# What a command may say where it exits with 1 (the disk is full) or 3, besides what is said of a
# limited file.
REFUSALS = ["belongs to the master", "belongs to the master: it can be changed only there", "there is no track", "no track ",
            "no matching version", "is a copy", "is not a copy", "can only be accepted",
            "no such version", "is no copy", "itself", "cannot be accepted", "were set aside: select one",
            "has already been deleted", "is not there", "there is no source", "has been deleted", "refused (403)", "of another", "decided there", "decided at the master"]
FULL = ["File too large", "No space left", "full"]


# ---- the model ----


class Model:
    """Versions are numbers; those of deletions too. `below` has all that a version superseded."""

    def __init__(self):
        self.count = 0
        self.track = {}
        self.below = {}
        self.maker = {}
        self.acknowledged = set()
        self.deleted = {}  # a deletion: what was there before, None where that is not known
        self.given_up = set()  # dropped by hand
        self.said_again = {}  # a version: the number of the last act that brought it back by hand
        self.acts = 0

    def new(self, track, maker):
        self.count += 1
        self.track[self.count] = track
        self.below[self.count] = set()
        self.maker[self.count] = maker
        return self.count

    def supersedes(self, one, other):
        if other is not None and other != one:
            self.below[one] |= {other} | self.below[other]

    def upon(self, one, before, track):
        """`one` was said where `before` was shown; where nothing was, upon whatever deletion."""
        self.acts += 1
        if before is not None:
            self.supersedes(one, before)
            return
        for deletion in [n for n in self.deleted if self.track[n] == track and n != one]:
            self.supersedes(one, deletion)

    def with_below(self, versions):
        return {v for one in versions for v in {one} | self.below[one]}


def date_of(version):
    return (DAY + datetime.timedelta(seconds=version)).strftime("%Y-%m-%dT%H:%M:%SZ")


def version_of(date):
    seconds = (datetime.datetime.strptime(date, "%Y-%m-%dT%H:%M:%SZ") - DAY).total_seconds()
    return int(seconds) if 0 < seconds < 86400 else None


def song_of(track, version):
    rng = random.Random(f"{track}/{version}")
    size = rng.choice([40, 40, 40, 400])
    pairs = [(rng.randrange(1 << 20), moment) for moment in sorted(rng.sample(range(6 * size + 200), size))]
    return song(track, pairs, title=f"v{version}")


class Copy:
    def __init__(self, folder, heard, number):
        self.folder, self.heard, self.number = folder, heard, number


class Member:
    """A node, and what the model knows of it."""

    def __init__(self, name, node):
        self.name, self.node = name, node
        self.heard = set()  # versions that its disk had
        self.shown = {}
        # (track, number among its versions): version, or None for one that is not known
        self.aside = {}
        self.aside_deletions = set()
        self.copies = []
        self.looked = False  # whether `shown` is what it shows
        self.trouble = ""  # what the recipes have to be followed for: "restart", "epoch"


# ---- a history ----


def make_steps(rng):
    """A list of steps: each has all that chance decides about it."""
    actor = lambda: rng.choice(["master", "master", "one", "one", "two", "two", "three"])
    steps = []
    for _ in range(rng.choice([15, 25, 40])):
        what = rng.choices(
            ["put", "edit", "again", "delete", "sync", "round", "copy", "restore", "heal", "accept", "drop", "link",
             "release", "remove", "rejoin", "kill server", "serve slave"],
            [14, 4, 2, 4, 12, 4, 2, 5, 3, 2, 0.5, 2, 1, 0.5, 0.7, 2, 1])[0]
        who, track = actor(), rng.choice(TRACKS)
        if what in ("put", "delete", "again", "link") and rng.random() < 0.7:
            who = HOMES.get(track, who)
        if what == "restore" and rng.random() < 0.5:
            who = "master"
        steps.append({"what": what, "who": who, "track": track, "other": rng.choice(TRACKS),
                      "fault": rng.choices(["", "kill", "full", "clock"], [14, 2, 1, 1])[0],
                      "number": rng.random(), "after": rng.choice([0, 2, 5, 10, 20, 40, 80])})
    return steps


class History:
    def __init__(self, test, name, seed, counts):
        self.test, self.name, self.counts = test, name, counts
        rng = random.Random(seed)
        self.http = rng.random() < 0.5
        self.slaves_count = rng.choice([2, 2, 3])
        self.first_tracks = rng.random() < 0.7
        self.copied = ["master"][:rng.randrange(5)] + rng.sample(["one", "two"], rng.choice([0, 1, 2]))
        self.steps = make_steps(rng)
        self.numbers = list(range(len(self.steps)))
        self.said = []

    # ---- commands ----

    def say(self, words):
        self.said.append(words)
        if self.test.options.loud:
            print("# " + words, flush=True)

    def limits(self, member):
        """A disk on which the log may grow by so much and no more."""
        size = (member.node.folder / "data.mdb").stat().st_size + self.room
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        return limit

    def command(self, member, step, *words, data=None):
        """Runs a command with the step's fault. Gives (whether it was killed, status, output,
        errors)."""
        fault = step.get("fault", "")
        env = {**os.environ, **environment(LIBRARY, CLOCKS[int(step["number"] * len(CLOCKS))])} \
            if fault == "clock" and LIBRARY else None
        self.room = int(step.get("number", 0) * 5) * 4096
        process = member.node.start("--json", *words, stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
                                    env=env, preexec_fn=self.limits(member) if fault == "full" else None)
        killed = False
        try:
            out, errors = process.communicate(data, timeout=step["after"] / 1000 if fault == "kill" else 120)
        except subprocess.TimeoutExpired:
            process.kill()
            out, errors = process.communicate()
            killed = fault == "kill"
            need(killed, f"{member.name}: `{' '.join(map(str, words))}` hangs")
            self.counts["kills"] += 1
        errors = errors.decode("utf-8", "replace")
        status = process.returncode
        if killed:
            self.write_again(member)
        else:
            self.judge(member, words, fault, status, errors)
        self.say(f"{member.name}$ {' '.join(map(str, words))} {'[' + fault + ']' if fault else ''} -> "
                 f"{'killed' if killed else status} {errors.strip()[-160:]}")
        return killed, status, out, errors

    def write_again(self, member):
        """Who is killed between the end of a transaction and telling the others of it leaves
        readers at the one before, until somebody writes: only then is seen whether what was killed
        had done its work."""
        member.node.run("delete", "NOSUCH", statuses=(1, 5))

    def judge(self, member, words, fault, status, errors):
        told = f"{member.name}: `{' '.join(map(str, words))}` exited with {status}: {errors[-300:]}"
        need(status in (0, 1, 3, 4, 5), told)
        if status == 1:
            need(any(word in errors for word in REFUSALS + (FULL if fault == "full" else [])), told)

    # ---- what a node shows ----

    def look(self, member):
        """Reads what a node shows, and what is kept aside there."""
        rows = csv.reader(io.StringIO(member.node.contents().decode(), newline=""))
        shown = {}
        for row in rows:
            shown[row[0].rsplit("-", 1)[0]] = int(row[6][1:])
        links = {}
        if self.has_links:
            links = {link["track_id"]: link["original"] for link in member.node.json("duplicates")["copies"]}
        for copy in links:
            shown[copy] = self.ask(member, copy)
        member.shown, member.links, member.looked = shown, links, True
        member.aside, member.aside_deletions = {}, set()
        for item in member.node.json("conflicts")["conflicts"]:
            key = (item["track_id"], item["version"])
            if item["deletion"]:
                member.aside_deletions.add(item["track_id"])
                member.aside[key] = 0
            else:
                member.aside[key] = version_of(item["import_date"])
        self.hear(member)

    def hear(self, member):
        member.heard |= set(member.shown.values()) | {v for v in member.aside.values() if v}

    def shows(self, member, track):
        """The version that a node shows, or None."""
        return member.shown.get(track) if member.looked else self.ask(member, track)

    def ask(self, member, track):
        done = member.node.run("--json", "show", track, statuses=(0, 1))
        if done.returncode:
            return None
        return int(json.loads(done.stdout)["documents"][0]["track"][1:])

    # ---- what users say ----

    def put_version(self, step, version):
        member, track = self.who(step), step["track"]
        before = self.shows(member, track)
        killed, status, out, _ = self.command(member, step, "ingest", "--import-date", date_of(version), "-",
                                              data=codegen_bytes([song_of(track, version)]))
        if status == 5:
            self.in_trouble(member, "epoch")
        report = json.loads(out) if not killed and status == 0 else None
        stands = report and report["new"] + report["updated"] > 0 or self.ask(member, track) == version
        if stands:
            member.shown[track] = version
            self.model.upon(version, before, track)
            member.heard.add(version)
            self.model.said_again[version] = self.model.acts
        if report:
            need(stands or report["conflict"], f"{member.name} acknowledged v{version} of {track}, and shows another")
            if self.model.maker[version] == member.name or stands:
                self.model.acknowledged.add(version)
            member.heard.add(version)

    def put(self, step):
        self.put_version(step, self.model.new(step["track"], self.who(step).name))

    def edit(self, step):
        """The operator changes what is another's."""
        step = {**step, "who": "master"}
        self.put(step)
        master = self.master()
        self.look(master)
        mine = [key for key, version in master.aside.items() if version == self.model.count]
        if mine:
            self.accept_version(step, *mine[0], self.model.count)

    def again(self, step):
        """Contents that were there once."""
        old = [v for v in self.model.acknowledged if self.model.track[v] == step["track"] and v not in self.model.deleted]
        if old:
            self.put_version(step, sorted(old)[int(step["number"] * len(old))])

    def note_deletion(self, member, track, before, acknowledged):
        deletion = self.model.new(track, member.name)
        self.model.upon(deletion, before, track)
        self.model.deleted[deletion] = (before, self.model.acts)
        member.heard.add(deletion)
        if acknowledged:
            self.model.acknowledged.add(deletion)
        self.say(f"#  d{deletion} at {member.name}: {track} was v{before}")

    def delete(self, step):
        member, track = self.who(step), step["track"]
        before = self.shows(member, track)
        if before is None:
            return
        killed, status, out, _ = self.command(member, step, "delete", track)
        if status == 5:
            self.in_trouble(member, "epoch")
        if self.ask(member, track) is None:
            member.shown.pop(track, None)
            self.note_deletion(member, track, before, not killed and status == 0)
        else:
            need(killed or status, f"{member.name} acknowledged a deletion of {track}, and has it")

    def accept(self, step):
        member = self.who(step)
        self.look(member)
        if not member.aside:
            return
        (track, number), version = sorted(member.aside.items())[int(step["number"] * len(member.aside))]
        self.accept_version(step, track, number, version)

    def accept_version(self, step, track, number, version):
        member = self.who(step)
        before = member.shown.get(track)
        killed, status, _, _ = self.command(member, step, "conflicts", "--accept", track, "--version", number)
        if status == 5:
            self.in_trouble(member, "epoch")
        after = self.ask(member, track)
        member.looked = False
        done = not killed and status == 0
        if version == 0:
            if after is None and before is not None:
                self.note_deletion(member, track, before, done)
            return
        if done:
            need(after is not None, f"{member.name} accepted a version of {track}, and has none")
            need(version is None or after == version, f"{member.name} accepted v{version} of {track}, and shows v{after}")
        if after != before and after is not None:
            self.model.upon(after, before, track)
            self.model.said_again[after] = self.model.acts
            member.heard.add(after)

    def drop(self, step):
        member = self.who(step)
        self.look(member)
        if not member.aside:
            return
        (track, number), version = sorted(member.aside.items())[int(step["number"] * len(member.aside))]
        self.model.given_up |= {v for (t, _), v in member.aside.items() if t == track and v}
        if version == 0 or track in member.aside_deletions:
            self.model.given_up |= {d for d in self.model.deleted if self.model.track[d] == track}
        self.model.given_up = self.model.with_below(self.model.given_up)
        self.command(member, step, "conflicts", "--drop", track, "--version", number)

    def link(self, step):
        member = self.who(step)
        if step["track"] != step["other"]:
            self.has_links = True
            self.command(member, step, "duplicates", "--link", step["track"], step["other"])

    def release(self, step):
        self.command(self.who(step), step, "duplicates", "--release", step["track"])

    # ---- what carries it ----

    def master(self):
        return self.members["master"]

    def slaves(self):
        return [member for name, member in self.members.items() if name != "master"]

    def who(self, step):
        return self.members.get(step["who"], self.members["one"])

    def in_trouble(self, member, what):
        if member.trouble != "epoch":
            member.trouble = what

    def sync(self, member, step, *options):
        member.looked = False
        self.master().looked &= not self.http
        killed, status, out, errors = self.command(member, step, "sync", *options)
        if status == 5 and not killed:
            need("still not equal" not in errors and "changed by something else" not in errors,
                 f"{member.name} is not equal when everything is applied: {errors}")
            self.in_trouble(member, "restart" if "has begun a new epoch" in errors else "epoch")
        if killed and self.http:
            time.sleep(0.05)  # what was sent may still be taken in
        if not killed and status == 0 and json.loads(out).get("equal") and json.loads(out).get("local_only") == 0:
            both = self.master().heard | member.heard
            # What a deletion is cannot be seen: who is equal has heard of it.
            self.settle_hearing(member, both)
        return status if not killed else None

    def settle_hearing(self, member, both):
        deletions = {d for d in both if d in self.model.deleted}
        if not deletions - member.heard and not (self.http and deletions - self.master().heard):
            return
        absent = {track for track in TRACKS if self.shows(member, track) is None}
        heard = {d for d in deletions if self.model.track[d] in absent}
        member.heard |= heard
        if not self.http:
            # the feed may be older than the log; what the slave sent has been published, though
            return
        self.master().heard |= {d for d in heard if d in member.heard and self.shows(self.master(), self.model.track[d]) is None}

    def publish(self, step, *options):
        if self.http:
            return 0
        self.master().looked = False
        killed, status, _, errors = self.command(self.master(), step, "publish", *options, self.feed)
        if status == 5 and not killed:
            self.in_trouble(self.master(), "epoch")
        return status if not killed else None

    def step_sync(self, step):
        member = self.who(step)
        if member is not self.master():
            self.sync(member, step)
        elif not self.http:
            self.publish(step)
        self.look(member)
        self.look(self.master())

    def round(self, step):
        for slave in self.slaves():
            self.sync(slave, {})
            self.publish({})
        for slave in self.slaves():
            self.sync(slave, {})
            self.look(slave)
        self.look(self.master())

    def kill_server(self, step):
        """While a slave speaks with it, or the master publishes."""
        member = self.who(step)
        if not self.http or member is self.master():
            self.publish({**step, "fault": "kill"})
            return
        member.looked = self.master().looked = False
        process = member.node.start("sync")
        time.sleep(step["after"] / 1000)
        self.stop_server(True)
        self.counts["kills"] += 1
        self.say(f"{member.name}$ sync; the master's `serve` is killed")
        self.start_server()
        process.communicate(timeout=120)
        self.look(member)

    def serve_slave(self, step):
        member = self.who(step)
        if member is self.master() or not self.http:
            return
        server = Server(member.node)
        self.say(f"{member.name}$ serve, for a while")
        time.sleep(4 * step["after"] / 1000)
        if step["fault"] == "kill":
            server.kill()
            self.counts["kills"] += 1
            time.sleep(0.05)
        else:
            server.stop()
        self.look(member)
        self.look(self.master())

    def stop_server(self, hard):
        if self.http and self.server.process.poll() is None:
            if hard:
                self.server.kill()
            else:
                self.server.stop()

    def start_server(self):
        """A stale master does not start to serve: then it is to begin a new epoch."""
        if not self.http:
            return
        try:
            self.server.start()
        except Wrong:
            status = self.server.process.wait()
            need(status == 5 and "begins a new epoch" in self.server.words()[-300:], self.server.words()[-600:])
            self.say("master$ serve -> 5")
            self.in_trouble(self.master(), "epoch")

    # ---- copies ----

    def copy(self, step):
        member = self.who(step)
        if member is self.master():
            self.stop_server(step["fault"] == "kill")
        self.look(member)
        into = pathlib.Path(f"{member.node.folder}.copy{len(member.copies)}")
        shutil.copytree(member.node.folder, into)
        feed = None
        if member is self.master() and not self.http:
            feed = pathlib.Path(f"{into}.feed")
            shutil.copytree(self.feed, feed)
        copy = Copy(into, set(member.heard), len(member.copies))
        copy.feed = feed
        member.copies.append(copy)
        self.say(f"# {member.name} is copied ({copy.number})")
        if member is self.master():
            self.start_server()

    def restore(self, step):
        member = self.who(step)
        if not member.copies:
            return
        copy = member.copies[int(step["number"] * len(member.copies))]
        if member is self.master():
            self.stop_server(step["fault"] == "kill")
        shutil.rmtree(member.node.folder)
        shutil.copytree(copy.folder, member.node.folder)
        member.heard = set(copy.heard)
        member.looked = False
        member.trouble = ""
        what = "the feed stays"
        if copy.feed and step["after"] in (2, 5):
            shutil.rmtree(self.feed)
            shutil.copytree(copy.feed, self.feed)
            what = "the feed's folder too"
        elif copy.feed and step["after"] in (10,):
            shutil.rmtree(self.feed)
            self.feed.mkdir()
            what = "the feed's folder is empty"
        self.say(f"# {member.name} is restored from copy {copy.number}; {what}")
        self.counts["restores of masters" if member is self.master() else "restores of slaves"] += 1
        if member is self.master():
            self.start_server()

    def begin_epoch(self):
        self.say("# a new epoch")
        self.counts["new epochs"] += 1
        if self.http:
            self.stop_server(False)
            self.server.options = ("--new-epoch",)
            self.server.start()
            self.server.options = ()
        else:
            done = self.command(self.master(), {}, "publish", "--new-epoch", self.feed)
            need(done[1] == 0, f"publish --new-epoch exited with {done[1]}: {done[3]}")
        self.master().trouble = ""

    def heal(self, step):
        """The recipe for a master that was restored."""
        for slave in self.slaves():
            if self.sync(slave, {}) == 5:
                self.sync(slave, {})
        self.publish({})
        if any(member.trouble == "epoch" for member in self.members.values()):
            self.begin_epoch()
            for slave in self.slaves():
                slave.trouble = "restart" if slave.trouble else ""
        for slave in self.slaves():
            self.sync(slave, {})
            if slave.trouble:
                slave.trouble = ""
                self.sync(slave, {}, "--restart")
                self.sync(slave, {})
        self.publish({})

    # ---- sources ----

    def remove(self, step):
        member = self.who(step)
        if member is self.master():
            return
        self.look(self.master())
        before = dict(self.master().shown)
        options = ["--with-tracks", "--yes"] if step["number"] < 0.3 else []
        killed, status, _, _ = self.command(self.master(), {**step, "fault": ""}, "source", "remove", member.name, *options)
        if status == 5:
            self.in_trouble(self.master(), "epoch")
        self.look(self.master())
        for track, version in before.items():
            if track not in self.master().shown:
                self.note_deletion(self.master(), track, version, not killed and status == 0)

    def join(self, member):
        where = self.server.url if self.http else str(self.feed)
        key = member.node.json("status")["key"]
        done = self.master().node.run("--json", "source", "add", member.name, key, statuses=(0, 1, 5))
        self.say(f"master$ source add {member.name} KEY -> {done.returncode} {done.stderr.decode()[-150:].strip()}")

    def rejoin(self, step):
        member = self.who(step)
        if member is not self.master():
            self.join(member)

    # ---- all of it ----

    def begin(self):
        self.model = Model()
        self.has_links = False
        self.said = []
        folder = self.test.new_folder(f"{self.name}")
        self.folder = folder
        self.feed = folder / "feed"
        self.feed.mkdir()
        self.members = {"master": Member("master", Node(self.test.program, folder / "master"))}
        for name in ["one", "two", "three"][:self.slaves_count]:
            self.members[name] = Member(name, Node(self.test.program, folder / name))
        master = self.master().node
        for name, member in self.members.items():
            member.node.run("init", "--name", "centre" if name == "master" else name)
        where = str(self.feed)
        if self.http:
            self.server = Server(master)
            where = self.server.url
        else:
            master.run("publish", self.feed)
        for slave in self.slaves():
            slave.node.run("join", where, invite(master, slave.name, where))
        if not self.http:
            master.run("publish", self.feed)
        if self.first_tracks:
            for track, who in zip(TRACKS, ["one", "two", "master"]):
                self.put({"who": who, "track": track, "fault": "", "number": 0, "after": 0})
            self.round({})
        for who in self.copied:
            self.copy({"who": who, "fault": ""})

    def play(self, step):
        what = step["what"]
        {"put": self.put, "edit": self.edit, "again": self.again, "delete": self.delete, "accept": self.accept, "drop": self.drop,
         "sync": self.step_sync, "round": self.round, "copy": self.copy, "restore": self.restore, "heal": self.heal,
         "link": self.link, "release": self.release, "remove": self.remove, "rejoin": self.rejoin,
         "kill server": self.kill_server, "serve slave": self.serve_slave}[what](step)

    def calm(self):
        """Everybody syncs, by the recipes, until nothing changes."""
        last = None
        why = "?"
        for number in range(CALM_ROUNDS):
            for member in self.members.values():
                self.settle_sources(member)
            self.heal({})
            if self.http:
                # the master looks twenty times a second for what is to be published
                time.sleep(0.12)
            states = [member.node.json("status") for member in self.members.values()]
            digests = [state["digest"] for state in states]
            waits = [state["master"]["pending"] for state in states[1:]]
            now = (digests, [state["position"] for state in states])
            trouble = [member.trouble for member in self.members.values()]
            why = f"digests {[d[:6] for d in digests]}, pending {waits}, trouble {trouble}"
            if len(set(digests)) == 1 and not any(waits) and not any(trouble) and now == last:
                return
            last = now
        raise Wrong(f"not at rest after {CALM_ROUNDS} rounds: {why}")

    def settle_sources(self, member):
        if member is self.master():
            return
        states = {source["name"]: source["state"] for source in self.master().node.json("source", "list")["sources"]}
        if states.get(member.name) != "in":
            self.join(member)

    def check(self):
        model = self.model
        for member in self.members.values():
            self.look(member)
            member.node.verify()
        final = self.master().shown
        kept = {v for member in self.members.values() for v in member.aside.values() if v}
        odd = {track for member in self.members.values() for (track, _), v in member.aside.items() if v is None}
        aside_deletions = set().union(*(member.aside_deletions for member in self.members.values()))
        alive = set().union(*(member.heard for member in self.members.values()))
        good = model.with_below(set(final.values()) | kept) | model.given_up
        for deletion in model.deleted:
            track = model.track[deletion]
            if track not in final or track in aside_deletions:
                good |= {deletion} | model.below[deletion]
        for version in sorted(model.acknowledged & alive):
            track = model.track[version]
            shown = final.get(track)
            told = (f"{track} of {model.maker[version]}: the master shows v{shown}; aside are "
                    f"{sorted(v for v in kept if model.track.get(v) == track)}")
            if version in model.deleted:
                before, act = model.deleted[version]
                back = shown is not None and shown in {before} | model.below[version]
                need(not back or version in good or model.said_again.get(shown, 0) > act,
                     f"the deletion d{version} (of v{before}) is undone, {told}")
            elif track not in odd:
                need(version in good, f"v{version} is gone, {told}")

    def run(self, numbers=None):
        try:
            self.begin()
            for number in self.numbers if numbers is None else numbers:
                self.said.append(f"# step {number}")
                self.play(self.steps[number])
            self.said.append("# the end")
            self.calm()
            self.check()
        finally:
            if self.http and getattr(self, "server", None):
                self.server.kill()
            if not self.test.options.keep:
                shutil.rmtree(self.folder, ignore_errors=True)


# ---- shrinking ----


def shrink(history, seconds):
    """Leaves out steps as long as it still fails; gives the steps, what was said, and why it
    failed."""
    clock = Clock(seconds)
    numbers, best, why = list(history.numbers), list(history.said), None
    size = max(1, len(numbers) // 2)
    while clock.left() > 0:
        left_out = False
        for at in range(len(numbers) - size, -1, -size):
            tried = numbers[:at] + numbers[at + size:]
            if clock.left() <= 0:
                break
            try:
                history.run(tried)
            except Exception as error:
                numbers, best, why, left_out = tried, list(history.said), error, True
        if size == 1 and not left_out:
            break
        size = max(1, size // 2)
    return numbers, best, why


def play(test, seed, number, counts):
    history = History(test, f"h{seed}-{number}", f"{seed}/{number}", counts)
    counts["histories"] += 1
    steps = None
    if test.options.steps:
        steps = [int(word) for word in test.options.steps.split(",")]
    try:
        history.run(steps)
    except Exception as error:
        numbers, said, why = shrink(history, test.options.shrink) if not steps else (steps, history.said, error)
        print(f"# {'HTTP' if history.http else 'folder'}, {history.slaves_count} slaves; steps "
              f"{','.join(map(str, numbers))} of {len(history.steps)} (--seed {seed} --only {number} --steps ...)")
        print("\n".join(said))
        print(f"# first: {error}\n# shrunk: {why}", flush=True)
        raise


def main(test):
    options = test.options
    clock = Clock(options.seconds)
    seed = options.seed if options.seed is not None else int(time.time() * 1000) % 1000000000
    counts = dict.fromkeys(["histories", "kills", "restores of masters", "restores of slaves", "new epochs"], 0)
    number = options.only or 0
    while clock.left() > 0 and test.counts["not ok"] < options.failures:
        test.check(f"history {number} of seed {seed}", play, test, seed, number, counts)
        number += 1
        if options.only is not None:
            break
    print("# " + ", ".join(f"{count} {what}" for what, count in counts.items()))


def add_options(parser):
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", type=int, help="only the history of that number")
    parser.add_argument("--steps", help="only these of its steps")
    parser.add_argument("--shrink", type=float, default=60, help="seconds to look for a shorter one that fails")
    parser.add_argument("--failures", type=int, default=3, help="end after so many")
    parser.add_argument("--loud", action="store_true", help="print every step")


if __name__ == "__main__":
    run(main, add_options)

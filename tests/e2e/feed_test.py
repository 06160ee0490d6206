#!/usr/bin/env python3
"""A feed in a folder: what a slave follows, what it refuses, what it does when one of the two is an
old copy.

One long file: every test starts from one kind of federation, which is made here.
"""

import itertools
import json
import os
import pathlib
import shutil
import subprocess

from clock_test import LIBRARIES, environment
from common import DATA, Skip, need, rows_of, run, same, song
from servers import ingest, invite, joined, some_songs

SONGS = DATA / "songs.json"


class Federation:
    """A master that publishes into a folder, and slaves that follow it there."""

    def __init__(self, test, name, *slaves):
        self.folder = test.new_folder(name + "-feed")
        self.master = test.node(name + "-master")
        self.master.run("init", "--name", "centre")
        self.publish()
        self.slaves = [joined(test, self.master, f"{name}-{slave}", str(self.folder)) for slave in slaves]
        self.publish()

    def publish(self, *options, **kwargs):
        return self.master.json("publish", *options, self.folder, **kwargs)

    def round(self):
        """Everybody sends, the master publishes, everybody fetches."""
        for _ in range(2):
            for slave in self.slaves:
                slave.run("sync")
            self.publish()
        return [slave.json("sync") for slave in self.slaves]

    def feed(self):
        return json.loads((self.folder / "feed.json").read_text())

    def equal(self, what):
        for slave in self.slaves:
            same(slave.digest(), self.master.digest(), f"digest of {slave.folder.name} {what}")
            slave.verify()


def carries_everything_both_ways(test):
    it = Federation(test, "both", "paris", "rome")
    it.master.run("ingest", SONGS)
    ingest(it.slaves[0], some_songs("TRP", 5))
    ingest(it.slaves[1], some_songs("TRR", 5))
    reports = it.round()
    it.equal("after a round")
    need(all(report["equal"] and report["local_only"] == 0 for report in reports), f"reports: {reports}")
    same(it.master.json("status")["sources"], {"local": 56, "master": 0, "both-paris": 5, "both-rome": 5}, "sources")
    it.slaves[0].run("delete", "TRP1")
    it.master.run("delete", "TRR1")
    it.round()
    it.equal("after deletions")
    same(it.master.json("status")["tracks"], 9 + 4 + 4, "tracks")
    same([peer["state"] for peer in it.master.json("source", "list")["sources"]], ["in", "in"], "sources")


def merges_packets_and_keeps_small_ones(test):
    it = Federation(test, "levels", "slave")
    slave = it.slaves[0]
    for n in range(40):
        ingest(it.master, some_songs(f"TRL{n}x", 3))
        it.publish()
        if n % 7 == 0:
            slave.run("sync")
    feed = it.feed()
    live = [packet for packet in feed["packets"] if not packet.get("merged_away")]
    need(len(live) < 20, f"{len(live)} packets are live")
    same([live[0]["after"], live[-1]["last"]], [0, feed["position"]], "range of the live packets")
    for one, two in zip(live, live[1:]):
        same(two["after"], one["last"], "where a packet begins")
    report = slave.json("sync")
    it.equal("at the end")
    new = joined(test, it.master, "levels-new", str(it.folder))
    first = new.json("sync")
    same(new.digest(), it.master.digest(), "digest of a new slave")
    need(first["packets"] <= len(live) and first["bytes"] <= sum(packet["size"] for packet in live),
         f"a new slave fetched {first}, live are {len(live)}")
    same(slave.json("sync")["packets"], 0, "packets with nothing new")
    need(report["bytes"] < first["bytes"] / 2, f"{report} for one that was nearly current, {first} for a new one")


def refused(it, slave, status, words, what):
    done = slave.run("sync", statuses=(status,))
    need(words in done.stderr.decode(), f"{what}: the message is {done.stderr!r}")
    shown = slave.json("status")["master"]["error"]
    need(shown and words in shown, f"{what}: status shows {shown!r}")


def refuses_what_is_not_its_masters(test):
    it = Federation(test, "refuse", "slave")
    slave = it.slaves[0]
    other = test.node("refuse-other")
    ingest(it.master, some_songs("TRM", 3))
    it.publish()
    slave.run("sync")
    before = slave.digest()
    path = it.folder / "feed.json"
    good = path.read_bytes()
    ingest(it.master, some_songs("TRN", 3))
    it.publish()
    new = path.read_bytes()

    def spoiled(data, status, words, what):
        path.write_bytes(data)
        refused(it, slave, status, words, what)
        same(slave.digest(), before, f"digest after {what}")

    spoiled(new.replace(b'"position":', b'"position" :', 1), 7, "not signed", "a changed byte")
    spoiled(b"{}", 7, "signature", "no signature")
    spoiled(b"", 7, "signature", "an empty file")
    spoiled(new[:-20], 7, "not signed", "a cut file")
    foreign = test.new_folder("refuse-foreign")
    ingest(other, some_songs("TRX", 3))
    other.run("publish", foreign)
    spoiled((foreign / "feed.json").read_bytes(), 7, "not signed", "another master's feed")
    path.write_bytes(new)
    slave.run("sync")
    before = slave.digest()
    spoiled(good, 5, "went back", "a feed that was rolled back")
    path.write_bytes(new)
    slave.run("sync")
    same(slave.digest(), it.master.digest(), "digest at the end")


def damaged_packets_are_refused(test):
    it = Federation(test, "damage", "slave")
    slave = it.slaves[0]
    ingest(it.master, some_songs("TRM", 30))
    it.publish()
    packet = next((it.folder / "packets").glob("*.packet"))
    good = packet.read_bytes()
    for what, bad in (("flipped", good[:700] + bytes([good[700] ^ 1]) + good[701:]), ("cut", good[:-9]),
                      ("longer", good + b"x"), ("empty", b"")):
        packet.write_bytes(bad)
        done = slave.run("sync", statuses=(7,))
        need(b"damaged on the way" in done.stderr, f"{what}: {done.stderr!r}")
        same(slave.json("status")["documents"], 0, f"documents after a packet that is {what}")
    packet.unlink()
    done = slave.run("sync", statuses=(4,))
    need(b"are missing" in done.stderr, f"gone: {done.stderr!r}")
    packet.write_bytes(good)
    slave.run("sync")
    it.equal("at the end")
    missing = test.node("damage-nowhere")
    done = missing.run("join", str(it.folder / "nothing"), "0" * 64, statuses=(0, 4))
    need(missing.run("sync", statuses=(4,)), "a folder that is not there")


def a_newer_format_is_told(test):
    """Signed as it must be, but of a later format: by the keys of the master."""
    it = Federation(test, "newer", "slave")
    tool = os.environ.get("ECHOPRINT_SIGN")
    need(tool, "no tool to sign with")
    text = (it.folder / "feed.json").read_bytes().split(b"\n", 1)[1]
    newer = text.replace(b'"format":2', b'"format":3', 1)
    need(newer != text, "feed.json says otherwise which format it has")
    done = subprocess.run([tool, str(it.master.folder), "echoprint feed 2"], input=newer, capture_output=True,
                          check=True)
    (it.folder / "feed.json").write_bytes(b'{"signature":"' + done.stdout.strip() + b'",\n' + newer)
    refused(it, it.slaves[0], 6, "format 3", "a newer format")


def warns_of_a_feed_that_stands_still(test):
    it = Federation(test, "stale", "slave")
    ingest(it.master, some_songs("TRM", 2))
    it.publish()
    library = next((path for path in LIBRARIES if pathlib.Path(path).exists()), None)
    if not library:
        raise Skip("libfaketime is not here")
    done = it.slaves[0].run("sync", env=environment(library, "+3d"))
    need(b"hours old" in done.stderr, f"the message is {done.stderr!r}")
    # Clocks that are wrong by years, on either side, decide nothing.
    ingest(it.master, some_songs("TRO", 2))
    it.publish(env=environment(library, "-10y"))
    it.slaves[0].run("sync", env=environment(library, "+20y"))
    it.equal("with wrong clocks")


def a_master_from_an_old_copy_is_found_out(test):
    it = Federation(test, "old", "paris", "rome")
    paris, rome = it.slaves
    ingest(it.master, some_songs("TRA", 4))
    ingest(paris, some_songs("TRP", 4))
    it.round()
    shutil.copytree(it.master.folder, f"{it.master.folder}.copy")
    ingest(it.master, some_songs("TRB", 4))
    ingest(paris, some_songs("TRQ", 4))
    it.round()
    it.equal("before the loss")
    shutil.rmtree(it.master.folder)
    shutil.copytree(f"{it.master.folder}.copy", it.master.folder)
    # The folder knows more than the log: it is not written over.
    done = it.master.run("publish", it.folder, statuses=(5,))
    need(b"older copy" in done.stderr, f"the message is {done.stderr!r}")
    # Nor is anything said that could stand against what it knows.
    for command in (("delete", "TRA0"), ("ingest", SONGS), ("publish", test.new_folder("old-elsewhere"))):
        done = it.master.run(*command, statuses=(5,))
        need(b"--new-epoch" in done.stderr, f"{command[0]} said {done.stderr!r}")
    shutil.rmtree(it.master.folder)
    shutil.copytree(f"{it.master.folder}.copy", it.master.folder)
    # Published elsewhere only, the slaves find out: first that it goes back, later that it is
    # another history.
    shutil.rmtree(it.folder)
    it.folder.mkdir()
    it.publish()
    for slave in it.slaves:
        refused(it, slave, 5, "went back", "an older feed")
    ingest(it.master, some_songs("TRC", 20))
    it.publish()
    refused(it, rome, 5, "a different history", "a feed that went on")
    # A slave shows the master what it has seen of the lost history. Then the master says nothing
    # more,
    it.master.run("publish", it.folder, statuses=(5,))
    before = it.master.digest()
    for command in (("delete", "TRA0"), ("publish", it.folder), ("ingest", SONGS), ("master-ingest", "-s", "x", "-"),
                    ("duplicates", "--link", "TRA0", "TRA1")):
        done = it.master.run(*command, data=b"TRX-0,4.12,1 2,3,,,\r\n" if "-" in command else None, statuses=(5,))
        need(b"--new-epoch" in done.stderr, f"{command[0]} said {done.stderr!r}")
    same(it.master.digest(), before, "digest of a master that is an old copy")
    # until it begins a new epoch. Slaves start again when they are told to.
    it.publish("--new-epoch")
    for slave in it.slaves:
        refused(it, slave, 5, "has begun a new epoch", "a new epoch")
        slave.run("sync", "--restart")
    it.round()
    it.equal("after starting again")
    # What slaves brought is there again, and what the master itself ingested after the copy, as
    # slaves have its seals.
    tracks = {row[0].split("-")[0] for row in rows_of(it.master.contents())}
    expected = {f"TR{letter}{n}" for letter, count in zip("ABCPQ", (4, 4, 20, 4, 4)) for n in range(count)}
    same(tracks, expected, "tracks of all")
    it.master.verify()
    # To the same epoch nobody has to start again, and loses nothing by it.
    for slave in it.slaves:
        slave.run("sync", "--restart")
    it.round()
    it.equal("after starting again twice")
    same(it.master.json("status")["tracks"], len(expected), "tracks after that")


def what_was_lost_is_not_overridden(test):
    """A slave's deletion, and who took an id first, stand after the master was restored."""
    it = Federation(test, "lost", "paris", "rome")
    paris, rome = it.slaves
    ingest(paris, some_songs("TRP", 3))
    it.round()
    shutil.copytree(it.master.folder, f"{it.master.folder}.copy")
    paris.run("delete", "TRP1")
    ingest(paris, some_songs("TRQ", 1))
    it.round()
    it.equal("before the loss")
    shutil.rmtree(it.master.folder)
    shutil.move(f"{it.master.folder}.copy", it.master.folder)
    shutil.rmtree(it.folder)
    it.folder.mkdir()
    # The restored master's operator takes an id that paris had taken in the history that was lost.
    ingest(it.master, [song("TRQ0", [(9, 9)])])
    it.publish()
    for slave in it.slaves:
        refused(it, slave, 5, "", "an older feed")
        slave.run("sync", statuses=(5,))
    it.master.run("publish", it.folder, statuses=(5,))  # which sees what the slaves have shown
    it.publish("--new-epoch")
    for slave in it.slaves:
        slave.run("sync", "--restart")
    it.round()
    it.equal("after starting again")
    it.master.run("show", "TRP1", statuses=(1,))
    same(it.master.json("status")["sources"], {"local": 0, "master": 0, "lost-paris": 3, "lost-rome": 0}, "documents by source")
    kept = [(one["track_id"], one["source"]) for one in it.master.json("conflicts")["conflicts"]]
    same(kept, [("TRQ0", "local")], "what is kept aside")


def a_slave_from_an_old_copy_goes_on(test):
    it = Federation(test, "slaveold", "paris", "rome")
    paris = it.slaves[0]
    ingest(paris, some_songs("TRA", 3))
    it.round()
    shutil.copytree(paris.folder, f"{paris.folder}.copy")
    ingest(paris, some_songs("TRB", 3))
    it.round()
    shutil.rmtree(paris.folder)
    shutil.copytree(f"{paris.folder}.copy", paris.folder)
    ingest(paris, some_songs("TRC", 3))
    it.round()
    it.equal("after the slave was an old copy")
    same(it.master.json("status")["tracks"], 9, "tracks of the master")


def what_is_the_masters_is_changed_there(test):
    """A slave's user cannot make its copy another than the master's."""
    it = Federation(test, "masters", "paris")
    paris = it.slaves[0]
    ingest(it.master, some_songs("TRM", 2))
    ingest(paris, some_songs("TRP", 2))
    it.round()
    words = "belongs to the master: it can be changed only there".encode()
    for command in (("delete", "TRM0"), ("duplicates", "--link", "TRM0", "TRP0"), ("duplicates", "--release", "TRM0")):
        done = paris.run(*command, statuses=(1,))
        need(words in done.stderr, f"{command} said {done.stderr!r}")
    paris.run("duplicates", "--link", "TRP0", "TRM0")
    paris.run("delete", "TRP1", "TRM1", statuses=(3,))
    it.round()
    it.equal("after what was refused, a link and a deletion")
    same([it.master.json("status")[what] for what in ("tracks", "tombstones")], [3, 1], "tracks and deletions of the master")


def two_nodes_with_one_key_lose_nothing(test):
    it = Federation(test, "twins", "paris", "rome")
    paris = it.slaves[0]
    ingest(paris, some_songs("TRA", 3))
    it.round()
    twin = test.node("twins-copy")
    shutil.copytree(paris.folder, twin.folder, dirs_exist_ok=True)
    it.slaves.append(twin)
    ingest(paris, some_songs("TRB", 3))
    ingest(twin, some_songs("TRC", 3))
    for _ in range(3):
        it.round()
    it.equal("with two of one key")
    same(it.master.json("status")["tracks"], 9, "tracks of the master")


def contributions_are_applied_once_and_in_order(test):
    it = Federation(test, "replay", "paris")
    paris = it.slaves[0]
    inbox = it.folder / "contributions"
    ingest(paris, some_songs("TRA", 3))
    paris.run("sync")
    first = next(inbox.glob("*.packet"))
    kept = (first.name, first.read_bytes())
    it.publish()
    paris.run("sync")
    paris.run("delete", "TRA1")
    paris.run("sync")
    second = next(inbox.glob("*.packet"))
    later = (second.name, second.read_bytes())
    it.publish()
    it.round()
    digest, position = it.master.digest(), it.master.json("status")["position"]
    for name, data in (kept, later, kept):
        (inbox / name).write_bytes(data)
        it.publish()
    same((it.master.digest(), it.master.json("status")["position"]), (digest, position), "the master after replays")
    # Forged: other bytes under a good signature, another's signature, none.
    name, data = later
    for what, bad in (("changed", data[:300] + bytes([data[300] ^ 1]) + data[301:]),
                      ("signature", data[:-1] + bytes([data[-1] ^ 1])), ("unsigned", data[:-130] + b"\0\0"),
                      ("cut", data[:-40]), ("no packet", b"hello" * 100), ("empty", b"")):
        (inbox / name).write_bytes(bad)
        done = it.master.run("publish", it.folder)
        need(b"refused" in done.stderr, f"{what}: {done.stderr!r}")
        need(not (inbox / name).exists(), f"{what}: it stays")
    # What is no file is neither waited for nor followed.
    os.mkfifo(inbox / "pipe.packet")
    (inbox / "link.packet").symlink_to(it.master.folder / "data.mdb")
    (inbox.parent / "joins" / "link.json").symlink_to(it.master.folder / "key")
    victim = it.folder / "victim"
    victim.write_text("mine")
    (it.folder / "feed.json.part").symlink_to(victim)
    ingest(it.master, some_songs("TRM", 1))
    done = it.master.run("publish", it.folder)
    same(done.stderr.count(b"it is not a regular file"), 3, "what is refused")
    same(victim.read_text(), "mine", "a file behind a link")
    same(it.feed()["position"], position + 1, "the feed, beside what is no file")
    it.master.run("delete", "TRM0")
    it.publish()
    position = it.master.json("status")["position"]
    same((it.master.digest(), it.master.json("status")["position"]), (digest, position), "the master after forgeries")
    it.equal("at the end")


def a_hostile_folder_leads_nowhere(test):
    """Who writes to the folder of a feed changes nothing outside of it, and keeps nobody
    waiting."""
    it = Federation(test, "hostile", "paris")
    paris, victim = it.slaves[0], test.new_folder("hostile-victim")
    ingest(paris, some_songs("TRA", 1))
    paris.run("sync")
    inbox, answers = it.folder / "contributions", it.folder / "answers"
    packet = next(inbox.glob("*.packet")).read_bytes()
    it.publish()
    paris.run("sync")
    (victim / "package.json").write_text("mine")
    files = lambda: {path.name: path.read_text() for path in victim.iterdir()}
    numbers = itertools.count()

    def publish(words, status=0):
        ingest(it.master, some_songs(f"TRM{next(numbers)}x", 1))
        done = it.master.run("publish", it.folder, statuses=(status,))
        need(words in done.stderr, f"the message is {done.stderr!r}, expected {words!r}")
        same(files(), {"package.json": "mine"}, "what is outside")
        if status == 0:
            same(it.feed()["position"], it.master.json("status")["position"], "the feed's position")

    # A contribution that was seen, under the name of a file that answers lead to.
    answers.rename(it.folder / "old")
    answers.symlink_to(victim)
    (inbox / "package.packet").write_bytes(packet)
    publish(b"/answers is not a folder, or is a link")
    need((inbox / "package.packet").exists(), "what cannot be answered stays")
    answers.unlink()
    publish(b"")
    need(len(list(answers.iterdir())) == 1 and not (answers / "package.json").exists(), "an answer has the name of what it answers")
    # Folders, pipes and links named like files.
    (inbox / "x.packet").mkdir()
    os.mkfifo(inbox / "y.packet")
    publish(b"x.packet was refused: it is not a regular file")
    need((inbox / "x.packet").is_dir(), "what is no file is left")
    os.rmdir(inbox / "x.packet")
    os.unlink(inbox / "y.packet")
    (it.folder / "joins").mkdir(exist_ok=True)
    (it.folder / "joins" / "x.json").write_bytes(b"x" * 5000)
    publish(b"x.json was refused: it is larger than 4096 bytes")
    inbox.rename(it.folder / "kept")
    inbox.symlink_to(victim)
    (victim / "package.json").rename(victim / "package.packet")
    files = lambda: {path.name.replace(".packet", ".json"): path.read_text() for path in victim.iterdir()}
    publish(b"/contributions is not a folder, or is a link")
    inbox.unlink()
    (it.folder / "kept").rename(inbox)
    # An answer that cannot be given stops neither the others nor the feed.
    ingest(paris, some_songs("TRB", 1))
    paris.run("sync")
    name = next(inbox.glob("*.packet")).stem + ".json"
    (answers / name).mkdir()
    publish(b"cannot rename")
    (answers / name).rmdir()
    publish(b"")
    paris.run("sync")
    same(paris.json("status")["master"]["pending"], 0, "what waits")
    # The lock and the packets are those of the folder.
    lock, packets = it.folder / ".lock", it.folder / "packets"
    for make in (lambda: lock.symlink_to(victim / "made"), lambda: os.link(victim / "package.packet", lock), lambda: os.mkfifo(lock)):
        lock.unlink()
        make()
        publish(b"/.lock is not a regular file", 1)
    lock.unlink()
    os.mkfifo(packets / ".new.part")
    publish(b"")
    (it.folder / "feed.json").rename(it.folder / "there.json")
    os.mkfifo(it.folder / "feed.json")
    publish(b"feed.json is damaged and was rebuilt")
    (it.folder / "there.json").rename(it.folder / "feed.json")
    packets.rename(it.folder / "real")
    packets.symlink_to(victim)
    publish(b"/packets is not a folder, or is a link", 1)
    # And a slave follows no link there.
    done = paris.run("sync", statuses=(0, 7))
    packets.unlink()
    (it.folder / "real").rename(packets)
    answers.rename(it.folder / "old2")
    answers.symlink_to(victim)
    ingest(paris, some_songs("TRC", 1))
    done = paris.run("sync", statuses=(7,))
    need(b"/answers is not a folder, or is a link" in done.stderr, f"the message is {done.stderr!r}")
    answers.unlink()
    (it.folder / "old2").rename(answers)
    (it.folder / "feed.json").rename(it.folder / "there.json")
    os.mkfifo(it.folder / "feed.json")
    done = paris.run("sync", statuses=(7,))
    need(b"feed.json is not a regular file" in done.stderr, f"the message is {done.stderr!r}")
    (it.folder / "feed.json").unlink()
    (it.folder / "there.json").rename(it.folder / "feed.json")
    it.round()
    it.equal("when the folder is as it was")


def a_removed_source_is_refused(test):
    it = Federation(test, "removed", "paris", "rome")
    paris, rome = it.slaves
    ingest(paris, some_songs("TRA", 3))
    ingest(rome, some_songs("TRR", 3))
    it.round()
    it.master.run("source", "remove", "removed-paris")
    ingest(paris, some_songs("TRB", 3))
    paris.run("sync")
    done = it.master.run("publish", it.folder)
    need(b"refused" in done.stderr, f"the message is {done.stderr!r}")
    same(it.master.json("status")["tracks"], 6, "tracks of the master")
    same(it.master.json("source", "remove", "removed-rome", "--with-tracks", "--yes")["deleted"], 3, "tracks that went")
    same(it.master.json("status")["tracks"], 3, "tracks of the master")


def an_invitation_is_good_once(test):
    it = Federation(test, "invited", "paris")
    invitation = invite(it.master, "rome", str(it.folder))
    rome, thief = test.node("invited-rome"), test.node("invited-thief")
    rome.run("join", str(it.folder), invitation)
    it.publish()
    rome.run("join", str(it.folder), invitation)
    for answer in (it.folder / "answers").iterdir():
        answer.unlink()
    thief.run("join", str(it.folder), invitation)
    done = it.master.run("publish", it.folder)
    need(b"there is no open invitation for source" in done.stderr, f"the message is {done.stderr!r}")
    for bad in (invitation[:-1], invitation.replace(":rome:", ":roma:"), "x", invitation + "0"):
        done = thief.run("join", str(it.folder), bad, statuses=(2,))
        need(b"invitation" in done.stderr, f"the message is {done.stderr!r}")
    done = it.master.run("source", "add", "rome", statuses=(1,))
    need(b"already exists" in done.stderr, f"the message is {done.stderr!r}")
    # Without a secret: the keys of both are told by hand.
    lyon = test.node("invited-lyon")
    lyon.run("init", "--name", "lyon")
    done = lyon.run("join", str(it.folder), "5" * 64, statuses=(7,))
    need(b"signed" in done.stderr, f"the message is {done.stderr!r}")
    same(lyon.json("status")["master"], None, "the master, of a wrong key")
    key = lyon.json("join", str(it.folder), it.feed()["key"])["key"]
    it.master.run("source", "add", "lyon", key)
    ingest(lyon, some_songs("TRL", 2))
    it.slaves = [lyon]
    it.round()
    it.equal("of one that was let in by its key")


def a_killed_publish_leaves_a_whole_feed(test):
    it = Federation(test, "killed", "slave")
    slave = it.slaves[0]
    for n in range(12):
        ingest(it.master, some_songs(f"TRK{n}x", 30))
        process = it.master.start("publish", it.folder)
        try:
            process.wait(timeout=0.002 * n)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stderr.close()
        process.stdout.close()
        slave.run("sync")
    it.publish()
    slave.run("sync")
    it.equal("after kills")


def keys_are_private(test):
    it = Federation(test, "keys", "slave")
    for node in (it.master, it.slaves[0]):
        same(oct(os.stat(node.folder / "key").st_mode & 0o777), "0o600", "mode of the key")
    (it.master.folder / "key").write_text("nonsense")
    done = it.master.run("publish", it.folder, statuses=(7,))
    need(b"does not contain a key" in done.stderr, f"the message is {done.stderr!r}")


def a_source_at_its_limit_changes_what_it_has(test):
    """What a new state takes the place of makes room for it."""
    it = Federation(test, "limit", "paris")
    paris = it.slaves[0]
    large, small = (some_songs("TRA", 1, pairs)[0] for pairs in (4000, 3000))
    ingest(paris, [large])
    it.round()
    used = sum(form["bytes"] for form in it.master.json("status")["forms"].values())
    it.master.run("source", "limit", "limit-paris", "--bytes", used + 500)
    ingest(paris, [small])
    ingest(paris, some_songs("TRB", 1, 4000))
    it.round()
    same(rows_of(it.master.run("show", "--csv", "TRA0").stdout), rows_of(paris.run("show", "--csv", "TRA0").stdout),
         "rows of the track that became smaller")
    same(it.master.run("show", "TRB0", statuses=(0, 1)).returncode, 1, "the status of showing what exceeds the limit")
    same(paris.json("status")["master"]["full"], 1, "tracks that exceed the limit")


def body(test):
    for function in (carries_everything_both_ways, merges_packets_and_keeps_small_ones,
                     refuses_what_is_not_its_masters, damaged_packets_are_refused, a_newer_format_is_told,
                     warns_of_a_feed_that_stands_still, a_master_from_an_old_copy_is_found_out, what_was_lost_is_not_overridden,
                     a_slave_from_an_old_copy_goes_on, what_is_the_masters_is_changed_there, two_nodes_with_one_key_lose_nothing,
                     contributions_are_applied_once_and_in_order, a_hostile_folder_leads_nowhere, a_removed_source_is_refused,
                     an_invitation_is_good_once, a_killed_publish_leaves_a_whole_feed, keys_are_private,
                     a_source_at_its_limit_changes_what_it_has):
        test.check("feed: " + function.__name__.replace("_", " "), function, test)


if __name__ == "__main__":
    run(body)

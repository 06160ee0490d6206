#!/usr/bin/env python3
"""What is damaged, in the way, or missing in the folder of a feed: it is noticed, and made good."""

import hashlib
import json
import os
import shutil
import subprocess

from common import need, run, same
from feed_test import Federation
from servers import Server, all_equal, ingest, invite, joined, some_songs, synced, until


def flip(path, at=-1):
    """Changes a bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[at if at >= 0 else len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def publications_at_once_keep_their_own(test):
    """Into two folders, and into one, twice."""
    it = Federation(test, "atonce", "paris")
    other = test.new_folder("atonce-other")
    it.master.run("publish", other)
    rome = test.node("atonce-rome")
    rome.run("init", "--name", "rome")
    rome.run("join", other, invite(it.master, "rome", str(other)))
    it.master.run("publish", other)
    slaves = [it.slaves[0], rome]
    for n in range(6):
        for slave, prefix in zip(slaves, "PR"):
            ingest(slave, some_songs(f"TR{prefix}{n}x", 30))
            slave.run("sync")
        folders = [it.folder, other, it.folder, other]
        processes = [it.master.start("publish", folder, stdout=subprocess.DEVNULL) for folder in folders]
        for process in processes:
            words = process.communicate()[1]
            same((process.returncode, words), (0, b""), f"publish number {n} beside others")
        for slave in slaves:
            slave.run("sync")
    for folder in (it.folder, other):
        it.master.run("publish", folder)
    for slave in slaves:
        slave.run("sync")
        same(slave.digest(), it.master.digest(), f"digest of {slave.folder.name}")
    same(it.master.json("status")["sources"], {"local": 0, "master": 0, "atonce-paris": 180, "rome": 180}, "sources")


def a_damaged_receipt_is_asked_for_again(test):
    it = Federation(test, "receipt", "paris")
    paris = it.slaves[0]
    for n, (what, damage) in enumerate((("flipped", flip), ("empty", lambda path: path.write_bytes(b"")),
                                        ("too large", lambda path: path.write_bytes(bytes(20 << 20))))):
        ingest(paris, some_songs(f"TR{n}x", 2))
        paris.run("sync")
        it.publish()
        receipt = max((it.folder / "answers").glob("?" * 64 + ".json"), key=lambda path: path.stat().st_mtime_ns)
        good = receipt.read_bytes()
        damage(receipt)
        paris.run("sync")
        same(paris.json("status")["master"]["error"], None, f"what status says of a receipt that is {what}")
        it.publish()
        need(abs(len(receipt.read_bytes()) - len(good)) < 100, f"a receipt that was {what} was not replaced")
        same(paris.json("sync")["contributed"], 2, f"tracks, with a receipt that was {what}")
    it.equal("with receipts that were damaged")


def a_damaged_answer_to_a_join_is_asked_for_again(test):
    it = Federation(test, "welcome")
    rome = test.node("welcome-rome")
    rome.run("init", "--name", "rome")
    invitation = invite(it.master, "rome", str(it.folder))
    rome.run("join", str(it.folder), invitation)
    it.publish()
    answer = next((it.folder / "answers").iterdir())
    good = answer.read_bytes()
    for damage in (flip, lambda path: path.write_bytes(bytes(10000))):
        damage(answer)
        need(rome.json("join", str(it.folder), invitation)["waits"], "it does not ask again")
        it.publish()
        same(answer.read_bytes(), good, "the answer")
        need(not rome.json("join", str(it.folder), invitation)["waits"], "it still waits")


def what_lies_in_the_inbox_never_stops_a_publication(test):
    it = Federation(test, "inbox", "paris")
    paris = it.slaves[0]
    for place in ("contributions", "joins"):
        (it.folder / place).mkdir(exist_ok=True)
        (it.folder / place / "unknown").write_text("nothing of this feed's")
        for suffix in ("json", "packet"):
            (it.folder / place / f"folder.{suffix}" / "deep").mkdir(parents=True)
    for n in range(2):
        ingest(it.master, some_songs(f"TR{n}x", 2))
        ingest(paris, some_songs(f"TRP{n}x", 2))
        paris.run("sync")
        done = it.master.run("publish", it.folder)
        same(done.stderr.count(b"it is not a regular file"), 2, "what is refused")
        paris.run("sync")
        it.equal("with folders among the contributions")
    # An answer that has no place is told.
    answers = it.folder / "answers"
    answers.rename(it.folder / "answers.old")
    answers.write_text("a file")
    ingest(it.master, some_songs("TRM", 2))
    ingest(paris, some_songs("TRQ", 2))
    paris.run("sync", statuses=(7,))
    done = it.master.run("publish", it.folder)
    same(it.feed()["position"], it.master.json("status")["position"], "what was published")
    answers.unlink()
    paris.run("sync")
    it.publish()
    paris.run("sync")
    it.equal("with its place again")


def packets_of(it):
    """The packets that feed.json names: (path, what it says)."""
    return [(it.folder / "packets" / packet["name"], packet) for packet in it.feed()["packets"] if packet["size"]]


def every_packet_is_whole(it):
    for path, packet in packets_of(it):
        same(hashlib.sha256(path.read_bytes()).hexdigest(), packet["sha256"], f"hash of {path.name}")


def a_long_feed(test, name, *slaves):
    """With packets that were merged and such that were not; and slaves at every publication of it,
    not synced."""
    it = Federation(test, name, *slaves)
    kept = []
    for n in range(11):
        ingest(it.master, some_songs(f"TR{n}x", 3))
        it.publish()
        if n in (2, 6, 9):
            it.slaves[0].run("sync")
            kept.append(test.node(f"{name}-at{n}"))
            shutil.copytree(it.slaves[0].folder, kept[-1].folder)
    # What moves on is not in the packets of its range any more, when they are made anew.
    ingest(it.master, [dict(item, metadata=dict(item["metadata"], title="again")) for item in some_songs("TR1x", 3)])
    it.master.run("delete", "TR3x1")
    it.publish()
    it.slaves += kept
    return it


DAMAGES = (("flipped", flip), ("cut", lambda path: path.write_bytes(path.read_bytes()[:-9])),
           ("longer", lambda path: path.write_bytes(path.read_bytes() + b"x")),
           ("empty", lambda path: path.write_bytes(b"")), ("gone", lambda path: path.unlink()),
           ("a folder", lambda path: (path.unlink(), (path / "deep").mkdir(parents=True))))


def damaged_packets_are_made_anew(test):
    it = a_long_feed(test, "anew", "paris", "rome")
    everything = (it.folder, it.master.folder, *(slave.folder for slave in it.slaves))
    for folder in everything:
        shutil.copytree(folder, f"{folder}.kept")
    need(any(packet.get("merged_away") for _, packet in packets_of(it)), "no packet was merged away")
    for what, damage in DAMAGES:
        last = len(packets_of(it)) - 1
        for n in range(last + 1) if what == "flipped" else (0, last - 3, last):
            path, packet = packets_of(it)[n]
            damage(path)
            done = it.master.run("publish", it.folder)
            need(path.name.encode() in done.stderr, f"a packet that is {what} is not told: {done.stderr!r}")
            every_packet_is_whole(it)
            need(not path.is_file(), f"the file of {path.name} stays")
            same(it.master.run("publish", it.folder).stderr, b"", "what is told of a feed that was mended")
            for slave in it.slaves:
                slave.run("sync")
            it.equal(f"with packet {n} of {path.name} that is {what}")
            for folder in everything:
                shutil.rmtree(folder)
                shutil.copytree(f"{folder}.kept", folder)
    shutil.rmtree(it.folder / "packets")
    it.publish()
    every_packet_is_whole(it)
    for slave in it.slaves:
        slave.run("sync")
    it.equal("with no packet left")


def a_damaged_feed_json_is_made_anew(test):
    it = a_long_feed(test, "json", "paris", "rome")
    path = it.folder / "feed.json"
    for what, damage in (*DAMAGES, ("too large", lambda path: path.write_bytes(bytes(3 << 20)))):
        good = path.read_bytes()
        damage(path)
        done = it.master.run("publish", it.folder)
        need(what == "gone" or b"feed.json is damaged" in done.stderr, f"{what}: {done.stderr!r}")
        every_packet_is_whole(it)
        if what == "flipped":  # What was merged before is gone on from.
            need(len(it.feed()["packets"]) > 2, f"the feed begins anew: {it.feed()}")
            for slave in it.slaves:
                slave.run("sync")
            it.equal(f"with a feed.json that was {what}")
        path.write_bytes(good)
        it.publish()
    (it.folder / "feed.json.spare").write_bytes(b"")
    flip(path)
    it.publish()
    ingest(it.master, some_songs("TRN", 2))
    it.publish()
    for slave in it.slaves:
        slave.run("sync")
    it.equal("with a feed that began anew")
    # Another's feed is not written over.
    other = test.node("json-other")
    other.run("init", "--name", "other")
    elsewhere = test.new_folder("json-elsewhere")
    other.run("publish", elsewhere)
    data = (elsewhere / "feed.json").read_bytes()
    done = it.master.run("publish", elsewhere, statuses=(5,))
    need(b"is the feed of another node" in done.stderr, f"the message is {done.stderr!r}")
    same((elsewhere / "feed.json").read_bytes(), data, "another's feed.json")


def what_lies_in_the_way_never_stops_a_publication(test):
    it = Federation(test, "way", "paris")
    for n in range(9):
        ingest(it.master, some_songs(f"TR{n}x", 2))
        for name in ("feed.json.part", "packets/.new.part", "feed.json.spare", "feed.json.spare.part", ".checked",
                     "damaged/x/y", "packets/x.packet", "feed.json.part-2"):
            place = it.folder / name
            if place.is_file():
                place.unlink()
            (place / "deep").mkdir(parents=True, exist_ok=True)
        if n == 3:
            (it.folder / ".lock").unlink()
            (it.folder / ".lock" / "deep").mkdir(parents=True)
        if n == 5:
            shutil.rmtree(it.folder / "packets")
            (it.folder / "packets").write_text("a file")
        if n == 7:
            (it.folder / "packets" / "link.packet").symlink_to(it.folder)
            os.mkfifo(it.folder / "packets" / "pipe.packet")
        it.publish()
        every_packet_is_whole(it)
        it.slaves[0].run("sync")
        it.equal(f"after publication {n}")


def a_slave_takes_other_packets_where_one_is_damaged(test):
    it = a_long_feed(test, "others", "paris", "rome")
    notes = it.folder / "damaged"
    merged = [(path, packet) for path, packet in packets_of(it) if not packet.get("merged_away")]
    path, packet = merged[0]
    need(packet["after"] == 0 and len(packets_of(it)) > 8, "nothing was merged")
    path.write_bytes(path.read_bytes() + b"more")
    rome = it.slaves[1]
    report = rome.json("sync")
    need(report["packets"] > 5 and report["equal"], f"the report is {report}")
    same(rome.digest(), it.master.digest(), "digest of one that took small packets")
    same([note.name for note in notes.iterdir()], [path.name], "what the slave says to be damaged")
    need(path.name.encode() in it.master.run("publish", it.folder).stderr, "it is not made anew")
    same(list(notes.iterdir()), [], "notes that are left")
    # Where there is no other, it is said which one it is.
    path, _ = packets_of(it)[-1]
    flip(path)
    done = it.slaves[0].run("sync", statuses=(7,))
    need(f"the feed of centre at file://{it.folder}: packet {path.name} was damaged".encode() in done.stderr,
         f"the message is {done.stderr!r}")
    it.publish()
    for slave in it.slaves:
        slave.run("sync")
    it.equal("with a packet made anew")


def what_serve_hands_out_heals(test):
    """A slave that gets a damaged packet, or none, has the master look at it."""
    master = test.node("served-master")
    master.run("init", "--name", "centre")
    server = Server(master)
    ingest(master, some_songs("TRM", 20))
    for n, damage in enumerate((flip, lambda path: path.unlink(), lambda path: path.write_bytes(b"short"))):
        until(lambda: json.loads(server.get("/feed.json")[2])["tracks"] == 20, "a feed of all tracks", 20)
        slave = joined(test, master, f"served-slave{n}", server.url)
        packets = master.folder / "feed" / "packets"
        for packet in json.loads(server.get("/feed.json")[2])["packets"]:
            damage(packets / packet["name"])
        slave.run("sync", statuses=(0, 4, 7))
        synced(slave, master, statuses=(0, 4, 7))
    need("is damaged and was rebuilt" in server.words(), "nothing is told")
    until(lambda: not any((master.folder / "feed" / "damaged").iterdir()), "no notes that are left", 20)
    server.stop()
    # And what was damaged while nobody looked, at its start.
    for packet in packets.iterdir():
        flip(packet)
    told = server.words().count("is damaged and was rebuilt")
    server.start()
    until(lambda: server.words().count("is damaged and was rebuilt") > told, "a packet that is found at the start", 20)
    server.stop()


def a_mirror_heals(test):
    master = test.node("mirrored-master")
    master.run("init", "--name", "centre")
    server = Server(master)
    middle = joined(test, master, "mirrored-middle", server.url)
    mirror = Server(middle, "--mirror")
    ingest(master, some_songs("TRM", 20))
    all_equal([master, middle])
    folder = middle.folder / "mirror"
    for n, damage in enumerate((flip, lambda path: path.unlink(), lambda path: path.write_bytes(b"short"))):
        feed = json.loads((folder / "feed.json").read_text())
        for packet in feed["packets"]:
            damage(folder / "packets" / packet["name"])
        leaf = test.node(f"mirrored-leaf{n}")
        leaf.run("init", "--name", f"leaf{n}")
        leaf.run("join", mirror.url, feed["key"])
        leaf.run("sync", statuses=(0, 4, 7))
        synced(leaf, master, statuses=(0, 4, 7))
        for packet in feed["packets"]:
            same(hashlib.sha256((folder / "packets" / packet["name"]).read_bytes()).hexdigest(), packet["sha256"],
                 "hash of a packet in the mirror")
    mirror.stop()
    flip(folder / "feed.json")
    mirror.start()
    until(lambda: json.loads((folder / "feed.json").read_text())["signature"] and
          mirror.get("/feed.json")[2] == server.get("/feed.json")[2], "a feed.json that is the master's", 20)
    mirror.stop()
    server.stop()


CHECKS = (publications_at_once_keep_their_own, a_damaged_receipt_is_asked_for_again,
          a_damaged_answer_to_a_join_is_asked_for_again, what_lies_in_the_inbox_never_stops_a_publication,
          damaged_packets_are_made_anew, a_damaged_feed_json_is_made_anew, what_lies_in_the_way_never_stops_a_publication,
          a_slave_takes_other_packets_where_one_is_damaged, what_serve_hands_out_heals, a_mirror_heals)


def body(test):
    for function in CHECKS:
        test.check("heals: " + function.__name__.replace("_", " "), function, test)


if __name__ == "__main__":
    run(body)

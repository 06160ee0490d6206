#!/usr/bin/env python3
"""What is damaged, in the way, or missing in the folder of a feed: it is noticed, and made good."""

import subprocess

from common import need, run, same
from feed_test import Federation
from servers import ingest, invite, some_songs


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
        same(done.stderr.count(b"it is no file"), 2, "what is refused")
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


CHECKS = (publications_at_once_keep_their_own, a_damaged_receipt_is_asked_for_again,
          a_damaged_answer_to_a_join_is_asked_for_again, what_lies_in_the_inbox_never_stops_a_publication)


def body(test):
    for function in CHECKS:
        test.check("heals: " + function.__name__.replace("_", " "), function, test)


if __name__ == "__main__":
    run(body)

#!/usr/bin/env python3
"""Backups of nodes that run, and what becomes of the nodes that are restored from them."""

import concurrent.futures
import random
import shutil
import threading

from common import Node, codegen_bytes, need, rows_of, run, same
from servers import Server, all_equal, ingest, joined, some_songs, synced


def restored(test, file, name, *options):
    """A data folder made of a backup."""
    node = test.node(name)
    node.run("restore", *options, file)
    node.verify()
    return node


def backups_while_all_runs(test):
    master = test.node("master")
    master.run("init", "--name", "centre")
    server = Server(master)
    slave = joined(test, master, "slave", server.url)
    served = Server(slave)
    made = []
    for number in range(8):
        # One ingest through the server, one beside it, and a backup meanwhile.
        songs = some_songs(f"TRM{number}", 40)
        file = test.folder / "songs.json"
        file.write_bytes(codegen_bytes(songs))
        process = master.start("ingest", file)
        report = master.json("backup", test.folder / f"b{number}")
        process.communicate()
        same(process.returncode, 0, "exit status of the ingest")
        made.append((report["position"], report["digest"]))
    need(len(set(made)) > 2, "the backups are of several positions")
    same(made, sorted(made, key=lambda one: one[0]), "positions in the order of the backups")
    all_equal([master, slave])
    master.run("backup", test.folder / "last")
    server.stop()
    served.stop()
    for number, (position, digest) in enumerate(made):
        copy = restored(test, test.folder / f"b{number}", f"copy{number}")
        found = copy.json("digest")
        same((found["position"], found["digest"]), (position, digest), "position and digest")
    last = restored(test, test.folder / "last", "copy")
    same(last.digest(), master.digest(), "the digest of the last backup")
    same(last.contents(), master.contents(), "the rows of the last backup")
    same(last.json("status")["key"], master.json("status")["key"], "the key")


def a_slave_goes_on(test):
    """From an older copy, with its key: what it lacks comes back."""
    master = test.node("master2")
    master.run("init", "--name", "centre")
    server = Server(master)
    slave = joined(test, master, "slave2", server.url)
    ingest(master, some_songs("TRA", 5))
    ingest(slave, some_songs("TRB", 5))
    synced(slave, master)
    slave.run("backup", test.folder / "slave2.backup")
    ingest(master, some_songs("TRC", 5))
    ingest(slave, some_songs("TRD", 5))
    synced(slave, master)
    copy = restored(test, test.folder / "slave2.backup", "slave2-restored")
    synced(copy, master)
    same(copy.json("digest")["digest"], slave.json("digest")["digest"], "the digest of the copy")
    ingest(copy, some_songs("TRE", 2))  # it may contribute as before
    synced(copy, master)
    server.stop()


def a_slave_without_its_key_joins_again(test):
    master = test.node("master3")
    master.run("init", "--name", "centre")
    server = Server(master)
    slave = joined(test, master, "slave3", server.url)
    ingest(slave, some_songs("TRF", 5))
    synced(slave, master)
    slave.run("backup", "--without-key", test.folder / "slave3.backup")
    copy = restored(test, test.folder / "slave3.backup", "slave3-restored")
    need(copy.json("status")["key"] != slave.json("status")["key"], "the key is a new one")
    ingest(copy, some_songs("TRG", 1))
    refused = copy.run("sync", statuses=(0, 1, 3, 4, 7))
    need(refused.returncode != 0, "it contributes with a key that nobody knows")
    invitation = master.json("source", "add", "other", "--url", server.url)["invitation"]
    copy.run("join", server.url, invitation)
    synced(copy, master)
    server.stop()


def a_master_is_moved(test):
    """Its last state: slaves go on, without a new epoch."""
    master = test.node("master4")
    master.run("init", "--name", "centre")
    server = Server(master)
    slave = joined(test, master, "slave4", server.url)
    ingest(master, some_songs("TRH", 5))
    synced(slave, master)
    server.stop()
    master.run("backup", test.folder / "master4.backup")
    moved = restored(test, test.folder / "master4.backup", "master4-moved")
    server = Server(moved, port=server.port)
    ingest(moved, some_songs("TRI", 5))
    ingest(slave, some_songs("TRJ", 5))
    synced(slave, moved)
    server.stop()


def a_master_is_an_older_copy(test):
    """Slaves that have seen more stop, until a new epoch begins; then what they have comes back."""
    master = test.node("master5")
    master.run("init", "--name", "centre")
    server = Server(master)
    slave = joined(test, master, "slave5", server.url)
    ingest(master, some_songs("TRK", 5))
    synced(slave, master)
    master.run("backup", test.folder / "master5.backup")
    ingest(master, some_songs("TRL", 5))  # lost here, but not on the slave
    ingest(slave, some_songs("TRN", 5))
    synced(slave, master)
    rows = sorted(slave.contents().splitlines())
    server.stop()
    copy = test.node("master5-restored")
    done = copy.run("restore", test.folder / "master5.backup")
    need(b"--new-epoch" in done.stderr, f"a new epoch is not spoken of: {done.stderr!r}")
    server = Server(copy, port=server.port)
    ingest(copy, some_songs("TRO", 1))  # another history
    stopped = slave.run("sync", statuses=(5,))
    need(b"--new-epoch" in stopped.stderr, f"the slave says nothing of it: {stopped.stderr!r}")
    slave.run("sync", statuses=(5,))
    server.stop()
    server = Server(copy, "--new-epoch", port=server.port)
    slave.run("sync", "--restart")
    synced(slave, copy)
    need(set(rows) <= set(copy.contents().splitlines()), "what the slave had is not all there again")
    copy.verify()
    server.stop()


def a_pipe(test):
    """From a stream into a stream, whole or not at all."""
    master = Node(test.program, test.folder / "master")
    whole = master.run("backup", "-").stdout
    copy = test.node("piped")
    copy.run("restore", "-", data=whole)
    same(copy.digest(), master.digest(), "the digest")
    for size in (0, 7, 1000, len(whole) - 1):
        other = test.node("cut")
        other.run("restore", "-", data=whole[:size], statuses=(1, 7))
        need(not list(test.folder.glob("cut*")), "a restore that failed has left something")


def a_folder_of_backups(test):
    """While an ingest and `serve` run; each of those that are kept comes back, to the byte."""
    node = test.node("paged")
    node.run("init", "--name", "centre")
    server = Server(node)
    folder = test.folder / "kept"
    made = {}
    for number in range(6):
        file = test.folder / "more.json"
        file.write_bytes(codegen_bytes(some_songs(f"TRS{number}", 60)))
        process = node.start("ingest", file)
        while True:
            report = node.json("backup", "--to", folder)
            made[report["position"]] = report["digest"]
            if process.poll() is not None:
                break
        process.communicate()
    server.stop()
    node.run("delete", "TRS03", "TRS15")
    last = node.json("backup", "--to", folder)
    need(last["added"] < last["pages"] / 2, f"{last['added']} of {last['pages']} pages were stored for two deletions")
    made[last["position"]] = last["digest"]
    for position, digest in made.items():
        copy = test.node("paged-restored")
        copy.run("restore", folder, "--at", position)
        copy.verify()
        found = copy.json("digest")
        same((found["position"], found["digest"]), (position, digest), "position and digest")
        shutil.rmtree(copy.folder)
    copy = restored(test, folder, "paged-last")
    same(copy.contents(), node.contents(), "the rows of the newest")
    kept = node.json("backup", "--to", folder, "--keep", 2)
    listed = node.json("backup", "--to", folder, "--list")["backups"]
    same([one["number"] for one in listed], [kept["number"] - 1, kept["number"]], "the backups that are kept")
    node.run("restore", "--check", folder)
    node.run("restore", "--check", folder, "--at", last["position"])
    other = test.node("stranger")
    other.run("init")
    other.run("backup", "--to", folder, statuses=(1,))


def every_byte_of_a_folder_of_backups_is_checked(test):
    """A byte changed anywhere is an error, and never a data folder that is another."""
    node = test.node("small")
    node.run("init", "--name", "centre")
    ingest(node, some_songs("TRT", 3))
    folder = test.folder / "damaged"
    node.run("backup", "--to", folder)
    rng = random.Random(7)
    for path in sorted(folder.glob("*/*")):
        whole = path.read_bytes()
        for at in [rng.randrange(len(whole)) for _ in range(60)] + [0, 16, 20, len(whole) - 1]:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1:])
            done = node.run("restore", "--check", folder, statuses=(0, 1, 6, 7))
            if done.returncode == 0:  # bytes behind the last page of a pack
                copy = restored(test, folder, "undamaged")
                same(copy.digest(), node.digest(), f"the digest with byte {at} of {path.name} changed")
                shutil.rmtree(copy.folder)
        path.write_bytes(whole)
    node.run("restore", "--check", folder)


def compactions_between_ingests(test):
    """Whoever opens the log while it is replaced waits, and writes into the new one."""
    node = test.node("compacted")
    node.run("init", "--name", "centre")
    ingest(node, some_songs("TRP", 30))
    ended = threading.Event()
    told = []

    def ingests(number):
        for song in some_songs(f"TRQ{number}x", 12):
            ingest(node, [song])
            told.append(song["metadata"]["track_id"])

    def compacts():
        statuses = []
        while not ended.is_set() or 0 not in statuses:
            statuses.append(node.run("compact", "--json", statuses=(0, 1)).returncode)
        return statuses

    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        compacting = pool.submit(compacts)
        for one in [pool.submit(ingests, number) for number in range(3)]:
            one.result()
        ended.set()
        need(0 in compacting.result(), "no compaction was done")
    ids = {row[0].rsplit("-", 1)[0] for row in rows_of(node.contents())}
    need(set(told) <= ids, f"lost: {sorted(set(told) - ids)}")
    node.verify()


def disk_comes_back(test):
    """After deletions, not while somebody has the log open; queries answer as before."""
    node = test.node("compacted2")
    node.run("init", "--name", "centre")
    songs = some_songs("TRR", 300)
    ingest(node, songs)
    node.run("delete", *[song["metadata"]["track_id"] for song in songs[10:]])
    digest = node.digest()
    server = Server(node)
    refused = node.run("compact", statuses=(1,))
    need(str(server.process.pid).encode() in refused.stderr, f"it does not say who: {refused.stderr!r}")
    server.stop()
    before = (node.folder / "data.mdb").stat().st_size
    made = node.json("compact")
    same(made["before"], before, "the size before")
    need(made["after"] < before / 2, f"the log has {made['after']} bytes, and had {before}")
    same(node.digest(), digest, "the digest")
    node.verify()
    answer = node.json("query", songs[3]["code"])
    same(answer["track_id"], songs[3]["metadata"]["track_id"], "the answer to a query")


def body(test):
    test.check("backups while all runs", backups_while_all_runs, test)
    test.check("a restored slave goes on", a_slave_goes_on, test)
    test.check("a slave without its key joins again", a_slave_without_its_key_joins_again, test)
    test.check("a master is moved", a_master_is_moved, test)
    test.check("a master is an older copy", a_master_is_an_older_copy, test)
    test.check("through pipes", a_pipe, test)
    test.check("a folder of backups", a_folder_of_backups, test)
    test.check("every byte of a folder of backups is checked", every_byte_of_a_folder_of_backups_is_checked, test)
    test.check("compactions between ingests", compactions_between_ingests, test)
    test.check("disk comes back", disk_comes_back, test)


if __name__ == "__main__":
    run(body)

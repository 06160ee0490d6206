#!/usr/bin/env python3
"""What a node acknowledged is kept, where it is easily lost: unsent changes, restarts that break
off, older copies between a receipt and the feed, links whose tracks change, versions that are
accepted."""

import pathlib
import random
import shutil

from clock_test import LIBRARIES, environment
from common import Skip, codegen_bytes, need, rows_of, run, same, song
from feed_test import Federation
from servers import Server, ingest, invite, some_songs, until


def a_song(track, version, pairs=60, of=None):
    """A song, whose title tells its version; `of` is the song whose codes it has."""
    made = some_songs(f"{of or track}v{version}x", 1, pairs)[0]
    made["metadata"].update(track_id=track, title=f"{track} v{version}")
    return made


def title(node, track):
    """What a node shows of a track: its version, or None."""
    shown = node.run("show", "--csv", track, statuses=(0, 1))
    titles = {row[6] for row in rows_of(shown.stdout)} if shown.returncode == 0 else {None}
    same(len(titles), 1, f"titles of the documents of {track}")
    return titles.pop()


def everywhere(it, track, expected):
    for node in [it.master, *it.slaves]:
        same(title(node, track), expected, f"{track} at {node.folder.name}")


def links_of(node):
    return sorted((item["track_id"], item["original"]) for item in node.json("duplicates")["copies"])


def copied(node):
    shutil.copytree(node.folder, f"{node.folder}.copy")


def restored(node):
    shutil.rmtree(node.folder)
    shutil.copytree(f"{node.folder}.copy", node.folder)


# ---- restores ----


def a_slave_from_between_its_receipt_and_the_feed(test):
    """The copy has a change that the master took and that no feed had shown yet."""
    it = Federation(test, "between", "paris", "rome")
    paris = it.slaves[0]
    ingest(paris, [a_song("T", 1)])
    paris.run("sync")
    it.publish()
    feed = it.folder / "feed.json"
    kept = feed.read_bytes()
    feed.unlink()
    paris.run("sync", statuses=(4,))  # the receipt is read, the feed is not there
    copied(paris)
    feed.write_bytes(kept)
    it.round()
    ingest(paris, [a_song("T", 2)])
    it.round()
    everywhere(it, "T", "T v2")
    restored(paris)
    ingest(paris, [a_song("OTHER", 1)])
    it.round()
    it.equal("after the restore")
    everywhere(it, "T", "T v2")
    everywhere(it, "OTHER", "OTHER v1")


def a_restart_that_breaks_off_loses_nothing(test):
    it = Federation(test, "broken", "paris", "rome")
    paris = it.slaves[0]
    copied(it.master)
    ingest(it.master, some_songs("LOST", 5, 40))
    ingest(it.slaves[1], some_songs("OF ROME", 2, 40))
    it.round()
    before = it.master.digest()
    restored(it.master)
    it.publish("--new-epoch")
    packets, away = it.folder / "packets", it.folder / "away"
    packets.rename(away)
    ingest(paris, some_songs("UNSENT", 1, 40))
    paris.run("sync", "--restart", statuses=(0, 4, 7))
    paris.run("sync", "--restart", statuses=(0, 4, 7))
    packets.mkdir(exist_ok=True)
    for packet in away.iterdir():
        packet.rename(packets / packet.name)
    for slave in it.slaves:
        slave.run("sync", "--restart")
    it.round()
    it.equal("after restarts that broke off")
    it.slaves[0].run("delete", "UNSENT0")
    it.round()
    same(it.master.digest(), before, "digest, but for what is new")
    # Who says again what was lost does not become its owner.
    same(it.master.json("status")["sources"], {"local": 5, "master": 0, "broken-paris": 0, "broken-rome": 2}, "sources")
    need(ingest(it.slaves[1], [a_song("OF ROME0", 2)])["conflict"] == 0, "its owner may not change it")
    it.round()
    everywhere(it, "OF ROME0", "OF ROME0 v2")


def a_restart_before_the_new_epoch_decides_nothing(test):
    it = Federation(test, "early", "paris", "rome")
    ingest(it.master, [a_song("X", 1)])
    it.round()
    copied(it.master)
    ingest(it.master, some_songs("A", 10, 40))
    ingest(it.master, [a_song("X", 5)])
    it.round()
    restored(it.master)
    shutil.rmtree(it.folder)
    it.folder.mkdir()
    ingest(it.master, [a_song("X", 7)])
    ingest(it.master, some_songs("B", 20, 40))
    it.publish()
    for slave in it.slaves:
        for words in (("sync",), ("sync", "--restart")):
            done = slave.run(*words, statuses=(5,))
            need(b"--new-epoch" in done.stderr, f"{words} said {done.stderr!r}")
            same(title(slave, "X"), "X v5", "X, before a new epoch")
    it.master.run("publish", it.folder, statuses=(5,))
    it.publish("--new-epoch")
    for slave in it.slaves:
        slave.run("sync", "--restart")
    it.round()
    it.equal("in the new epoch")
    everywhere(it, "X", "X v7")
    same(it.master.json("status")["tracks"], 31, "tracks: none of both histories is lost")
    same({item["track_id"] for item in it.master.json("conflicts")["conflicts"]}, {"X"}, "what is kept aside")


def two_epochs_begun_by_one_clock_are_two(test):
    library = next((path for path in LIBRARIES if pathlib.Path(path).exists()), None)
    if not library:
        raise Skip("libfaketime is not here")
    it = Federation(test, "clock", "paris", "rome")
    it.round()
    copied(it.master)
    for number in (1, 2):
        restored(it.master)
        shutil.rmtree(it.folder)
        it.folder.mkdir()
        it.publish("--new-epoch", env=environment(library, "@1970-01-01 00:00:01"))
        ingest(it.master, some_songs(f"E{number}T", 5 * number, 40))
        it.publish()
        if number == 1:
            for slave in it.slaves:
                slave.run("sync", "--restart")
    for slave in it.slaves:
        for _ in range(2):
            slave.run("sync", statuses=(5,))
    it.master.run("publish", it.folder, statuses=(5,))
    it.publish("--new-epoch")
    for slave in it.slaves:
        slave.run("sync", "--restart")
    it.round()
    it.equal("in the epoch behind both")
    same(it.master.json("status")["tracks"], 15, "tracks of both")


# ---- changes that cross ----


def what_another_brought_meanwhile_is_kept_aside(test):
    """While a slave serves and cannot contribute, the feed brings a track that it ingests too."""
    rome_and_master = Federation(test, "meanwhile", "rome")
    master, rome = rome_and_master.master, rome_and_master.slaves[0]
    server = Server(master)
    paris = test.node("meanwhile-paris")
    paris.run("init", "--name", "paris")
    paris.run("join", "--mirror", rome_and_master.folder, server.url, invite(master, "paris", server.url))
    paris.run("sync")
    ingest(rome, [a_song("X", 1)])
    rome_and_master.round()
    away = rome_and_master.folder.with_name("meanwhile-away")
    server.kill()
    rome_and_master.folder.rename(away)
    slave = Server(paris)
    ingest(paris, [a_song("OTHER", 1)])
    until(lambda: paris.json("status")["master"]["error"], "paris finds nobody")
    same(ingest(paris, [a_song("X", 2)])["new"], 1, "documents of X v2 at paris")
    away.rename(rome_and_master.folder)
    server.start()
    until(lambda: master.json("conflicts")["conflicts"] or paris.json("conflicts")["conflicts"],
          "the second version of X is kept aside")
    until(lambda: rome_and_master.publish() and master.digest() == paris.digest(), "equal digests")
    same(title(paris, "X"), "X v1", "X, as the first who brought it has it")
    slave.stop()
    # The master took OTHER, perhaps after it last published: paris then sends it again.
    rome_and_master.slaves.append(paris)
    rome_and_master.round()
    server.stop()
    rome_and_master.equal("at the end")
    everywhere(rome_and_master, "OTHER", "OTHER v1")


def a_dump_of_the_master_does_not_override_what_was_not_dumped(test):
    paris, master, out = test.node("csv-paris"), test.node("csv-master"), test.new_folder("csv-files")
    ingest(paris, [a_song("L", 1)])
    master.run("master-ingest", "-s", "paris", *paris.dump("slave-dump", out)["paths"])
    ingest(paris, [a_song("L", 2)])
    paris.run("slave-ingest", *master.dump("master-dump", out)["paths"])
    same(title(paris, "L"), "L v2", "L at paris")
    same(paris.dump("slave-dump", out)["documents"], 1, "documents of the next dump")


def an_accepted_version_replaces_all_of_the_track(test):
    it = Federation(test, "accept", "paris", "rome")
    long, short = (song("T", [(1 + n, n * 7700 // 300) for n in range(300)], title="T v1", duration=180),
                   a_song("T", 2, 100))
    need(ingest(it.slaves[0], [long])["new"] > 1, "it has not several documents")
    it.slaves[0].run("sync")
    it.publish()
    same(ingest(it.slaves[1], [short])["new"], 1, "documents of the other")
    it.round()
    everywhere(it, "T", "T v1")
    it.master.run("conflicts", "--accept", "T")
    same(title(it.master, "T"), "T v2", "T, when its other version is accepted")
    it.round()
    it.equal("when it is everywhere")
    everywhere(it, "T", "T v2")
    same(len(rows_of(it.slaves[0].run("show", "--csv", "T").stdout)), 1, "documents of T at who brought the other")


# ---- links ----


def a_link_ends_with_the_contents_that_it_is_about(test):
    node = test.node("ends")
    copy = a_song("COPY", 1, of="ORIGINAL")
    node.json("ingest", "-", data=codegen_bytes([a_song("ORIGINAL", 1), copy]))
    same(links_of(node), [("COPY", "ORIGINAL")], "links")
    ingest(node, [a_song("ORIGINAL", 2)])
    same(links_of(node), [], "links, when the original is another song")
    found = node.run("query", "-", data=codegen_bytes([copy]), statuses=(0, 1, 3)).stdout
    need(b"COPY" in found and b"ORIGINAL" not in found, f"the song that was the copy is not found: {found!r}")
    need(b"COPY-0" in node.contents(), "the song that was the copy is not dumped")


def linked(test, name):
    """paris has TP, and rome a copy of it, TR."""
    it = Federation(test, name, "paris", "rome")
    paris, rome = it.slaves
    ingest(paris, [a_song("TP", 1), a_song("TX", 1)])
    it.round()
    ingest(rome, [a_song("TR", 1, of="TP")])
    it.round()
    it.round()
    same(links_of(it.master), [("TR", "TP")], "links")
    return it


def an_original_that_is_deleted_and_put_again(test):
    it = linked(test, "again")
    paris = it.slaves[0]
    paris.run("delete", "TP")
    ingest(paris, [a_song("TP", 2)])
    for _ in range(2):
        it.round()
    it.equal("after another song under the original's id")
    same([links_of(node) for node in (it.master, *it.slaves)], [[], [], []], "links")
    everywhere(it, "TR", "TR v1")
    everywhere(it, "TP", "TP v2")


def an_original_that_is_linked_and_released(test):
    it = linked(test, "released")
    paris = it.slaves[0]
    paris.run("duplicates", "--link", "TP", "TX")
    paris.run("duplicates", "--release", "TP")
    for _ in range(2):
        it.round()
    it.equal("after a link and a release of the original")
    need(len({tuple(links_of(node)) for node in (it.master, *it.slaves)}) == 1, "links differ")
    paris.run("sync", "--restart")
    it.round()
    it.equal("after a restart")


def a_link_to_what_nobody_has_hides_nothing(test):
    """A slave links its original to an id that no other node knows."""
    it = linked(test, "nobody")
    paris, rome = it.slaves
    paris.json("ingest", "--dedup", "off", "-", data=codegen_bytes([a_song("NOSUCH", 1)]))
    paris.run("duplicates", "--link", "TP", "NOSUCH")
    paris.run("delete", "NOSUCH")
    ingest(rome, [a_song("MORE", 1)])
    for _ in range(2):
        it.round()
    it.equal("after a link to what nobody has")
    for node in (it.master, rome):
        found = node.run("query", "-", data=codegen_bytes([a_song("TR", 1, of="TP")])).stdout
        need(b"TP" in found or b"TR" in found, f"the song is hidden at {node.folder.name}: {found!r}")
    everywhere(it, "TR", "TR v1")
    everywhere(it, "MORE", "MORE v1")
    same(rome.json("status")["master"]["pending"], 0, "what waits at the other slave")


def a_link_whose_original_changed_outlives_a_restore(test):
    it = Federation(test, "changed", "paris", "rome")
    it.round()
    copied(it.master)
    it.master.json("ingest", "--dedup", "off", "-", data=codegen_bytes([a_song("TRO", 1), a_song("TRP", 1)]))
    it.master.run("duplicates", "--link", "TRP", "TRO")
    it.master.json("ingest", "--dedup", "off", "-", data=codegen_bytes([a_song("TRO", 2)]))
    it.round()
    restored(it.master)
    it.publish("--new-epoch")
    for slave in it.slaves:
        slave.run("sync", "--restart")
    it.round()
    it.equal("after the restore")
    same(it.master.json("status")["tracks"], 2, "tracks")
    same([links_of(node) for node in (it.master, *it.slaves)], [[], [], []], "links")


def an_accepted_version_under_a_link(test):
    it = Federation(test, "under", "paris", "rome")
    paris = it.slaves[0]
    paris.json("ingest", "--dedup", "off", "-", data=codegen_bytes([a_song("TRO", 1), a_song("TRP", 1)]))
    it.round()
    it.master.run("delete", "TRP")
    it.publish()
    paris.json("ingest", "--dedup", "off", "-", data=codegen_bytes([a_song("TRP", 2)]))
    paris.run("duplicates", "--link", "TRP", "TRO")
    it.round()
    for item in it.master.json("conflicts")["conflicts"]:
        it.master.run("conflicts", "--accept", item["track_id"])
    it.master.verify()
    it.round()
    it.equal("when what was kept aside is accepted")
    need(len({tuple(links_of(node)) for node in (it.master, *it.slaves)}) == 1, "links differ")


def a_link_whose_track_goes_with_the_next_contribution(test):
    """A contribution holds 8 MB of entries: the second track does not fit into the first one, its
    link would."""
    it = Federation(test, "next", "paris", "rome")
    paris = it.slaves[0]
    rng = random.Random(8)
    for track in ("TRA", "TRB"):
        pairs = [(rng.getrandbits(20), n // 2) for n in range(2000000)]
        paris.json("ingest", "--dedup", "off", "-", data=codegen_bytes([song(track, pairs)]))
    paris.run("duplicates", "--link", "TRB", "TRA")
    paris.run("sync")
    it.publish()
    same(paris.json("sync")["contributed"], 1, "entries of the first contribution")
    for _ in range(2):
        it.round()
    it.equal("after all contributions")
    same([links_of(node) for node in (it.master, *it.slaves)], [[("TRB", "TRA")]] * 3, "links")


def body(test):
    for function in (a_slave_from_between_its_receipt_and_the_feed, a_restart_that_breaks_off_loses_nothing,
                     a_restart_before_the_new_epoch_decides_nothing, two_epochs_begun_by_one_clock_are_two,
                     what_another_brought_meanwhile_is_kept_aside, a_dump_of_the_master_does_not_override_what_was_not_dumped,
                     an_accepted_version_replaces_all_of_the_track, a_link_ends_with_the_contents_that_it_is_about,
                     an_original_that_is_deleted_and_put_again, an_original_that_is_linked_and_released,
                     a_link_to_what_nobody_has_hides_nothing, a_link_whose_original_changed_outlives_a_restore, an_accepted_version_under_a_link,
                     a_link_whose_track_goes_with_the_next_contribution):
        test.check("keeps: " + function.__name__.replace("_", " "), function, test)


if __name__ == "__main__":
    run(body)

#!/usr/bin/env python3
"""Fields of tracks: from what is ingested to all nodes, through edits, conflicts, copies of data
folders and CSV files; and that what older programs wrote is read.

usage: fields_test.py --program PATH

tests/data/fields.tar.xz has data folders and packets of one collection: `before` was written by a
program that knew no fields, `after` has some, and a link and a version that is set aside.
"""

import json
import shutil
import tarfile

import packet_reader
from audio import FFMPEG, RATE, ffmpeg, music, wav
from common import DATA, Skip, codegen_bytes, csv_of, need, rows_of, run, same, song
from servers import Server, all_equal, joined, some_songs, synced, until

ISRC = "USRC17607839"
RECORDING = "b1a9c0e9-d987-4042-ae91-78d6a3267d69"
PAIRS = [(n * 7919 % (1 << 20), n) for n in range(10, 2400, 10)]
OTHER_PAIRS = [(n * 104729 % (1 << 20), n) for n in range(10, 2400, 10)]

# Digests of the two collections, as they were written.
BEFORE = "49b91f1a849b6e6a39daf94e527b859cb9d21fd072c5e7c531fd2c4edcdfbf07"
AFTER = "2ce8f92b65a83171d4290975b3b425eca844f57fe8cdff1295fc39913705c0df"


def fields_of(node, track):
    return node.json("show", track).get("fields", {})


def artist_of(node, track):
    return node.json("show", track)["documents"][0]["artist"]


def put(node, track, pairs=PAIRS, **fields):
    node.run("ingest", "-", data=codegen_bytes([song(track, pairs, artist="A", fields=fields)]))


def same_digests(*nodes):
    same(len({node.digest() for node in nodes}), 1, "different digests")


def federation(test, name, slaves):
    """A master that serves, and slaves of it."""
    master = test.node(name + "-master")
    master.run("init", "--name", "main")
    server = Server(master)
    return master, server, [joined(test, master, f"{name}-{slave}", server.url) for slave in slaves]


def exchange(master, *slaves):
    """All of them send, and fetch what the others sent."""
    for slave in slaves:
        slave.run("sync")
    for slave in slaves:
        synced(slave, master)


# ---- formats ----


def unpacked(test, name):
    """The golden data folders and packets."""
    folder = test.new_folder(name)
    with tarfile.open(DATA / "fields.tar.xz") as archive:
        archive.extractall(folder)
    return folder


def what_was_written_is_read(test):
    folder = unpacked(test, "golden")
    for name, digest, has in (("before", BEFORE, {}), ("after", AFTER, {"isrc": ISRC, "x.y": "ä = ="})):
        node, other = test.node(f"golden/{name}"), test.node(f"golden-{name}")
        same(node.digest(), digest, f"digest of {name}")
        node.run("verify", "--rebuild-index")  # it is left out
        same(fields_of(node, "TRA"), has, f"fields of {name}")
        other.run("slave-ingest", folder / f"{name}.packet")
        same(other.digest(), digest, f"digest of the packet of {name}")
        other.verify()
        packet = packet_reader.read_packet((folder / f"{name}.packet").read_bytes())
        again = packet_reader.read_packet(node.run("master-dump", "--all", "--format", "packet", "-o", "-").stdout)
        same(again.entries, packet.entries, f"entries of the packet of {name}")
        same(packet.header.version, 3 if has else 2, f"version of the packet of {name}")
    after = test.node("golden/after")
    same([link["track_id"] for link in after.json("duplicates")["copies"]], ["TRB"], "copies")
    after.run("conflicts", "--accept", "TRA")
    same(fields_of(after, "TRA"), {"isrc": ISRC, "x.y": "ä = ="}, "fields with rows that were accepted")
    same(artist_of(after, "TRA"), "Csv", "their artist")
    after.verify()


def an_old_collection_gets_fields(test):
    unpacked(test, "older")
    node = test.node("older/before")
    before = node.digest()
    node.run("edit", "TRA", "--field", "isrc=" + ISRC)
    need(node.digest() != before, "fields do not count in the digest")
    node.verify()
    node.run("edit", "TRA", "--field", "isrc=")
    same(node.digest(), before, "the digest without them")
    packet = packet_reader.read_packet(node.run("master-dump", "--all", "--format", "packet", "-o", "-").stdout)
    same(packet.header.version, 2, "version of a packet without fields")


# ---- where they come from ----


def tags_become_fields(test):
    if not FFMPEG:
        raise Skip("there is no ffmpeg")
    folder = test.new_folder("tags")
    source = folder / "song.wav"
    source.write_bytes(wav(music(16), RATE, 2))
    names = {"song.flac": ("ISRC", "MUSICBRAINZ_TRACKID"), "song.ogg": ("ISRC", "MUSICBRAINZ_TRACKID"),
             "song.mp3": ("TSRC", "MusicBrainz Track Id"), "song.wma": ("WM/ISRC", "MusicBrainz/Track Id"),
             "song.m4a": ("ISRC", "MusicBrainz Track Id")}
    for name, (isrc, recording) in names.items():
        ffmpeg("-i", source, "-metadata", f"{isrc}={ISRC}", "-metadata", f"{recording}={RECORDING}",
               *(["-movflags", "use_metadata_tags"] if name.endswith("m4a") else []), folder / name)
    ffmpeg("-i", source, "-metadata", "ISRC=" + "x" * 1025, folder / "long.flac")
    node = test.node("tagged")
    for name in (*names, "long.flac", "song.wav"):
        node.run("ingest", "--dedup", "off", "--id-from", "hash", folder / name)
        track = rows_of(node.run("master-dump", "-o", "-").stdout)[0][0].split("-")[0]
        same(fields_of(node, track), {"isrc": ISRC, "musicbrainz_recordingid": RECORDING} if name in names else {},
             f"fields of {name}")
        node.run("master-dump", "-o", test.new_folder(name))
    node.verify()


# ---- where they go ----


def fields_reach_all_nodes(test):
    master, server, (a, b) = federation(test, "reach", "ab")
    put(a, "TRA", isrc=ISRC, mood="calm")
    put(a, "TRPLAIN", OTHER_PAIRS)
    exchange(master, a, b)
    same([fields_of(node, "TRA") for node in (master, b)], [{"isrc": ISRC, "mood": "calm"}] * 2, "fields")
    # Its owner changes them, and the master does.
    a.run("edit", "TRA", "--field", "mood=", "--field", "year=1971")
    exchange(master, a, b)
    same(fields_of(b, "TRA"), {"isrc": ISRC, "year": "1971"}, "fields after an edit of the owner")
    master.run("edit", "TRA", "--artist", "Master's", "--field", "label=XL")
    exchange(master, a, b)
    same(fields_of(a, "TRA"), {"isrc": ISRC, "label": "XL", "year": "1971"}, "fields after an edit of the master")
    same(artist_of(a, "TRA"), "Master's", "artist")
    same(a.json("status")["sources"]["local"], 2 + 2, "documents that are still the slave's")
    # Who may not says so.
    done = b.run("edit", "TRA", "--field", "x=y", statuses=(1,))
    need(b"belongs to the master: it can be changed only there" in done.stderr, done.stderr)
    answer = json.loads(server.get("/query?fp_code=" + song("", PAIRS)["code"])[2])
    same(answer.get("fields"), {"isrc": ISRC, "label": "XL", "year": "1971"}, "fields of an answer over HTTP")
    answer = json.loads(server.get("/query?fp_code=" + song("", OTHER_PAIRS)["code"])[2])
    same((answer["track_id"], "fields" in answer), ("TRPLAIN", False), "an answer without fields")
    a.run("delete", "TRA")
    exchange(master, a, b)
    put(a, "TRA")
    exchange(master, a, b)
    same(fields_of(b, "TRA"), {}, "fields of a track that was deleted and came again")
    for node in (master, a, b):
        node.verify()
    server.stop()


def a_conflict_keeps_its_fields(test):
    master, server, (a, b) = federation(test, "conflict", "ab")
    put(a, "TRA", isrc=ISRC)
    exchange(master, a, b)
    a.run("edit", "TRA", "--field", "mood=mine")
    master.run("edit", "TRA", "--field", "mood=theirs")
    exchange(master, a, b)
    same([fields_of(node, "TRA")["mood"] for node in (master, a, b)], ["theirs"] * 3, "the first that was there")
    same(len(master.json("conflicts")["conflicts"]), 1, "versions set aside")
    master.run("conflicts", "--accept", "TRA")
    exchange(master, a, b)
    same([fields_of(node, "TRA") for node in (master, a, b)], [{"isrc": ISRC, "mood": "mine"}] * 3, "accepted")
    for node in (master, a, b):
        node.verify()
    server.stop()


def a_restored_slave_has_them_again(test):
    master, server, (a, b) = federation(test, "restored", "ab")
    put(a, "TRA", isrc="OLD")
    exchange(master, a, b)
    copy = test.folder / "restored-copy"
    shutil.copytree(a.folder, copy)
    a.run("edit", "TRA", "--field", f"isrc={ISRC}")
    exchange(master, a, b)
    shutil.rmtree(a.folder)
    shutil.move(copy, a.folder)
    same(fields_of(a, "TRA"), {"isrc": "OLD"}, "fields of the copy")
    exchange(master, a, b)
    same(fields_of(a, "TRA"), {"isrc": ISRC}, "fields from the feed")
    same(a.json("status")["conflicts"], 0, "conflicts")
    # A change by the copy that goes another way is reported, not lost.
    a.run("edit", "TRA", "--field", "mood=x")
    exchange(master, a, b)
    same(fields_of(b, "TRA"), {"isrc": ISRC, "mood": "x"}, "fields at the other slave")
    a.verify()
    server.stop()


def an_edit_leaves_copies_copies(test):
    master, server, (a, b) = federation(test, "copies", "ab")
    put(a, "TRA", isrc=ISRC)
    exchange(master, a)
    put(b, "TRB")
    exchange(master, b, a)

    def links(node):
        return [(link["track_id"], link["original"]) for link in node.json("duplicates")["copies"]]

    until(lambda: links(master) == [("TRB", "TRA")], "the copy is found")
    exchange(master, a, b)
    for node, track in ((b, "TRB"), (master, "TRA"), (master, "TRB")):
        node.run("edit", track, "--field", f"by={node.folder.name}")
        exchange(master, a, b)
        until(lambda: links(master) == [("TRB", "TRA")], f"the copy after an edit of {track}")
        exchange(master, a, b)
        same([links(other) for other in (a, b)], [[("TRB", "TRA")]] * 2, f"copies after an edit of {track}")
    for node in (master, a, b):
        node.verify()
    server.stop()


# ---- CSV ----


def a_csv_takes_nothing_away(test):
    master, slave = test.node("csv-master"), test.node("csv-slave")
    put(master, "TRA", isrc=ISRC)
    old = master.contents()
    slave.run("slave-ingest", "-", data=master.run("master-dump", "--all", "--format", "packet", "-o", "-").stdout)
    same(slave.json("slave-ingest", "-", data=old)["unchanged"], 2, "rows that are there")
    need(ISRC.encode() not in old, "fields in a CSV")
    master.run("edit", "TRA", "--artist", "New")
    changed = slave.json("slave-ingest", "-", data=master.contents())
    same((changed["conflict"], fields_of(slave, "TRA")), (2, {"isrc": ISRC}), "rows in conflict, and fields")
    slave.run("conflicts", "--accept", "TRA", statuses=(0, 1))
    same(fields_of(slave, "TRA"), {"isrc": ISRC}, "fields")
    # A CSV alone goes as it went.
    only = test.node("csv-only")
    only.run("slave-ingest", "-", data=old)
    only.run("slave-ingest", "-", data=master.contents())
    same((artist_of(only, "TRA"), fields_of(only, "TRA")), ("New", {}), "artist and fields from CSV alone")
    for node in (master, slave, only):
        node.verify()


def who_used_csv_goes_on_with_the_feed(test):
    """The same rows were there before by CSV: that is no conflict with fields."""
    master = test.node("moved-master")
    a, b = test.node("moved-a"), test.node("moved-b")
    master.run("init", "--name", "main")
    a.run("init", "--name", "moved-a")
    for track, pairs in (("TRA", PAIRS), ("TRC", OTHER_PAIRS)):
        put(a, track, pairs, isrc=ISRC)
    master.run("master-ingest", "-s", "moved-a", "-", data=a.run("slave-dump", "-o", "-").stdout)
    b.run("slave-ingest", "-", data=master.contents())
    same(fields_of(master, "TRA"), {}, "fields from CSV")
    server = Server(master)
    for node, name in ((a, "moved-a"), (b, "moved-b")):
        invitation = master.json("source", "add", name, "--url", server.url)["invitation"]
        node.run("join", server.url, invitation)
    exchange(master, a, b)
    same([fields_of(node, "TRC") for node in (master, a, b)], [{"isrc": ISRC}] * 3, "fields")
    same([node.json("status")["conflicts"] for node in (master, a, b)], [0] * 3, "conflicts")
    a.run("edit", "TRA", "--field", "isrc=")
    exchange(master, a, b)
    same_digests(master, a, b)
    for node in (master, a, b):
        node.verify()
    server.stop()


def body(test):
    for check in (what_was_written_is_read, an_old_collection_gets_fields, tags_become_fields, fields_reach_all_nodes,
                  a_conflict_keeps_its_fields, a_restored_slave_has_them_again, an_edit_leaves_copies_copies,
                  a_csv_takes_nothing_away, who_used_csv_goes_on_with_the_feed):
        test.check(check.__name__.replace("_", " "), check, test)


if __name__ == "__main__":
    run(body)

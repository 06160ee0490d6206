#!/usr/bin/env python3
"""The promise of docs/compatibility.md: what older programs wrote is read, and upgraded in place;
and what a newer program wrote is refused as newer.

usage: formats_test.py --program PATH

The sets are in tests/corpus/formats; make_set.py beside them made them.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zlib

from common import HERE, Skip, need, pack, rows_of, run, same

CORPUS = HERE.parent / "corpus" / "formats"
sys.path.insert(0, str(CORPUS))
import make_set  # noqa: E402

MANIFEST = json.loads((CORPUS / "manifest.json").read_text(encoding="utf-8"))
FIRST_LOG = 3  # lower ones were never released
NEWEST = "plays-2"  # what this program writes
SONG = "TRINXRJ7E1DE724287"


class Set:
    """A set of the corpus, unpacked anew for each check."""

    def __init__(self, test, name, check):
        self.test, self.facts, self.folder = test, MANIFEST[name], test.new_folder(f"{name}-{check}")
        with tarfile.open(CORPUS / f"{name}.tar.xz") as archive:
            archive.extractall(self.folder)
        self.feed = self.folder / "feed"
        self.nodes = {node: self.node(node) for node in make_set.NODES}

    def node(self, name):
        return self.test.node(self.folder / name)

    def log_of(self, name):
        return self.folder / name / "data.mdb"

    def follow_here(self, name):
        """Slaves know the feed by its folder, which was another."""
        self.nodes[name].run("join", self.feed, self.nodes["master"].json("status")["key"])


def piece():
    """Half a minute of a song, as a query."""
    return pack([pair for pair in make_set.real_songs()[SONG] if 200 <= pair[1] < 1500])


def holds(node, facts, what):
    same(make_set.facts(node), facts, what)


# ---- what is read ----


def has_the_formats_of_the_manifest(test, name):
    corpus = Set(test, name, "formats")
    same(make_set.formats_of(corpus.folder), corpus.facts["formats"], "formats")


def reading_changes_nothing(test, name):
    corpus = Set(test, name, "read")
    for name, node in corpus.nodes.items():
        before = corpus.log_of(name).read_bytes()
        holds(node, corpus.facts["nodes"][name], name)
        node.verify()
        for words in (["show", SONG], ["conflicts"], ["duplicates"], ["slave-dump", "--all", "-o", "-"]):
            node.run(*words, statuses=(0, 1) if name == "bergen" else (0,))
        need(corpus.log_of(name).read_bytes() == before, f"reading has changed the log of {name}")


def is_upgraded_in_place(test, name):
    corpus = Set(test, name, "upgrade")
    node, facts = corpus.nodes["master"], corpus.facts["nodes"]["master"]
    need(SONG in node.run("query", piece()).stdout.decode(), "the song is not found")
    need(SONG in node.run("tracks", "artist").stdout.decode(), "the song is not listed")
    node.run("edit", SONG, "--field", "x=1")
    need(node.digest() != facts["digest"], "a field does not count")
    node.run("edit", SONG, "--field", "x=")
    same(node.json("status")["index"]["waiting"], 0, "changes that wait for the index")
    node.run("compact")
    holds(node, facts, "the node after an edit")
    node.verify()
    same(make_set.formats_of(corpus.folder)["index"], MANIFEST[NEWEST]["formats"]["index"], "version of the index")


def packets_are_taken_in(test, name):
    corpus = Set(test, name, "packets")
    for words, there in (([corpus.folder / "master.packet"], "fresh"), (sorted(corpus.feed.glob("packets/*.packet")), "of-feed")):
        node = corpus.node(there)
        node.run("slave-ingest", *words)
        same(node.digest(), corpus.facts["nodes"]["master"]["digest"], f"digest from {words}")
        node.verify()
    node = corpus.nodes["master"]
    node.run("master-ingest", "-s", "oslo", corpus.folder / "oslo.packet")
    holds(node, corpus.facts["after"], "the master with the slave's packet")
    node.verify()


def the_feed_is_followed(test, name):
    corpus = Set(test, name, "feed")
    corpus.follow_here("bergen")
    corpus.nodes["bergen"].run("sync")  # from the files that the old program left
    holds(corpus.nodes["bergen"], corpus.facts["nodes"]["master"], "a slave that was behind")
    corpus.follow_here("oslo")
    corpus.nodes["master"].run("publish", corpus.feed)  # takes the contribution
    for slave in ("oslo", "bergen"):
        corpus.nodes[slave].run("sync")
    for name, node in corpus.nodes.items():
        holds(node, corpus.facts["after"], name)
        node.verify()


def backups_are_restored(test, name):
    corpus = Set(test, name, "backups")
    for there, source, of in (("one", "master.backup", "master"), ("two", "backups", "master"), ("three", "backups-of-bergen", "bergen")):
        corpus.node(there).run("restore", corpus.folder / source)
        holds(corpus.node(there), corpus.facts["nodes"][of], source)
        corpus.node(there).verify()
    same(corpus.node("one").run("plays", "--format", "csv").stdout.decode(), corpus.facts["plays"], "restored plays")


def plays_are_read(test, name):
    corpus = Set(test, name, "plays")
    same(corpus.nodes["master"].run("plays", "--format", "csv").stdout.decode(), corpus.facts["plays"], "plays")


# ---- what was never released ----


def is_refused_untouched(test, name):
    corpus = Set(test, name, "refused")
    said = f"has format {corpus.facts['formats']['log']}, of a build before the first release"
    for name, node in corpus.nodes.items():
        before = corpus.log_of(name).read_bytes()
        for words in (["status"], ["query", piece()], ["delete", SONG], ["init"], ["sync"], ["serve"], ["backup", test.folder / "none"]):
            need(said in node.run(*words, statuses=(5,)).stderr.decode(), f"{words} does not say: {said}")
        need(corpus.log_of(name).read_bytes() == before, "the log has changed")
    fresh = corpus.node("fresh")
    for path in (corpus.folder / "master.packet", *corpus.feed.glob("packets/*.packet")):
        said = fresh.run("slave-ingest", path, statuses=(5,)).stderr.decode()
        need("the packet has version 1, of a build before the first release" in said, said)
    fresh.run("join", corpus.feed, json.loads((corpus.feed / "feed.json").read_text())["key"], statuses=(7,))
    need(rows_of(fresh.contents()) == [], "what was refused left something")


def rows_move_to_a_new_folder(test, name):
    corpus = Set(test, name, "moved")
    fresh = corpus.node("fresh")
    fresh.run("slave-ingest", "--dedup", "off", corpus.folder / "master.csv")
    same(make_set.facts(fresh)["rows"], corpus.facts["nodes"]["master"]["rows"], "rows")
    fresh.verify()


# ---- what is newer ----


def all_that_is_written_is_in_the_corpus(test):
    """A format that changes needs a set: docs/compatibility.md."""
    maker = make_set.Maker(test.program, test.new_folder("written"))
    maker.federation()
    maker.files()
    same(make_set.formats_of(maker.folder), MANIFEST[NEWEST]["formats"], "formats that this program writes")


def newer_values(path, *changes):
    """Changes the number at the start of named values, wherever they are in a file of LMDB."""
    data = path.read_bytes()
    for name, old, new in changes:
        need(name + bytes([old]) in data, f"{name} with {old} is not in {path}")
        data = data.replace(name + bytes([old]), name + bytes([new]))
    path.write_bytes(data)


def newer_byte(path, at, old, new):
    data = bytearray(path.read_bytes())
    same(data[at], old, f"byte {at} of {path.name}")
    data[at] = new
    path.write_bytes(data)


def refuses(node, said, *commands, status=6):
    """Commands that end with the status for what is newer, and say which version it has."""
    for words in commands:
        done = node.run(*words, statuses=(status,))
        need(said in done.stderr.decode(), f"{words} says {done.stderr.decode()!r}, not {said!r}")


def a_newer_log(test):
    corpus = Set(test, NEWEST, "log")
    path, node = corpus.log_of("master"), corpus.nodes["master"]
    newer_values(path, (b"format", 3, 4))
    before = path.read_bytes()
    refuses(node, "has format 4, but this program knows only 3", ["status"], ["verify"], ["delete", SONG], ["init"], ["serve"], ["query", piece()],
            ["publish", corpus.feed], ["compact"], ["backup", corpus.folder / "b"], ["slave-ingest", corpus.folder / "master.csv"])
    need(path.read_bytes() == before, "the log has changed")


def a_newer_entry(test):
    corpus = Set(test, NEWEST, "entry")
    path, node = corpus.log_of("master"), corpus.nodes["master"]
    data = bytearray(path.read_bytes())
    for begin, size in make_set.entries(bytes(data)):
        data[begin] = 5
        data[begin + size - 4:begin + size] = zlib.crc32(data[begin:begin + size - 4]).to_bytes(4, "little")
    path.write_bytes(data)
    refuses(node, "has layout 5, but this program knows only 4", ["master-dump", "--all", "-o", "-"], ["show", "TRODD"])


def newer_values_of_the_log(test):
    corpus = Set(test, NEWEST, "values")
    newer_values(corpus.log_of("master"), (b"token.reader", 1, 2))
    refuses(corpus.nodes["master"], "has layout 2, but this program knows only 1", ["token", "list"])
    newer_values(corpus.log_of("master"), (b"peer.oslo", 3, 4))
    refuses(corpus.nodes["master"], "has layout 4, but this program knows only 3", ["source", "list"])
    newer_values(corpus.log_of("oslo"), (b"master", 2, 3))
    refuses(corpus.nodes["oslo"], "has layout 3, but this program knows only 2", ["sync"])


def a_newer_index_is_made_anew_when_asked(test):
    corpus = Set(test, NEWEST, "index")
    node = corpus.nodes["master"]
    for shard in (corpus.folder / "master/index").glob("*.shard"):
        newer_byte(shard, 7, 3, 4)
    refuses(node, "has version 4, but this program knows at most 3", ["query", piece()])
    newer_values(corpus.log_of("master"), (b"index", 3, 4))
    refuses(node, "the index has version 4, but this program knows only 3", ["query", piece()])
    node.run("verify", "--rebuild-index")
    need(SONG in node.run("query", piece()).stdout.decode(), "the song is not found")


def a_newer_packet(test):
    corpus = Set(test, NEWEST, "packet")
    newer_byte(corpus.folder / "master.packet", 8, 3, 4)
    refuses(corpus.node("fresh"), "the packet has version 4, but this program knows only 3", ["slave-ingest", corpus.folder / "master.packet"])


def a_newer_feed(test):
    tool = os.environ.get("ECHOPRINT_SIGN")
    if not tool:
        raise Skip("ECHOPRINT_SIGN does not name the signing tool")
    corpus = Set(test, NEWEST, "feed-json")
    corpus.follow_here("bergen")
    text = (corpus.feed / "feed.json").read_bytes().split(b"\n", 1)[1].replace(b'"format":2', b'"format":3', 1)
    done = subprocess.run([tool, str(corpus.folder / "master"), "echoprint feed 2"], input=text, capture_output=True, check=True)
    (corpus.feed / "feed.json").write_bytes(b'{"signature":"' + done.stdout.strip() + b'",\n' + text)
    refuses(corpus.nodes["bergen"], "has format 3, but this program knows 1 to 2", ["sync"])


def a_newer_contribution_is_refused(test):
    corpus = Set(test, NEWEST, "contribution")
    (path,) = corpus.feed.glob("contributions/*.packet")
    newer_byte(path, 8, 2, 4)
    done = corpus.nodes["master"].run("publish", corpus.feed, statuses=(0, 3))
    need("version 4, but this program knows only 3" in done.stderr.decode(), done.stderr.decode())
    same(corpus.nodes["master"].digest(), corpus.facts["nodes"]["master"]["digest"], "digest")


def newer_plays(test):
    corpus = Set(test, NEWEST, "plays-newer")
    newer_values(corpus.folder / "master/plays/data.mdb", (b"format", 2, 3))
    refuses(corpus.nodes["master"], "has format 3, but this program knows only 2", ["plays"])


def newer_backups(test):
    corpus = Set(test, NEWEST, "backup-newer")
    backup = corpus.folder / "master.backup"
    whole = backup.read_bytes()
    text = whole.replace(b'"format":1', b'"format":2', 1)[:-32]
    need(text != whole[:-32], "the manifest says otherwise which format it has")
    (corpus.folder / "manifest.backup").write_bytes(text + hashlib.blake2b(text, digest_size=32).digest())
    refuses(corpus.node("one"), "the manifest has format 2, but this program knows only 1", ["restore", corpus.folder / "manifest.backup"])
    newer_byte(backup, 8, 1, 2)
    refuses(corpus.node("one"), "the backup has version 2, but this program knows only 1", ["restore", backup])
    for path in (*corpus.folder.glob("backups/maps/*"), *corpus.folder.glob("backups/packs/*")):
        before = path.read_bytes()
        newer_byte(path, 8, 1, 2)
        refuses(corpus.node("one"), "has version 2, but this program knows only 1", ["restore", corpus.folder / "backups"])
        path.write_bytes(before)
    need(not (corpus.folder / "one").exists(), "a data folder was made")


def body(test):
    for name, facts in MANIFEST.items():
        checks = [has_the_formats_of_the_manifest]
        if facts["formats"]["log"] < FIRST_LOG:
            checks += [is_refused_untouched, rows_move_to_a_new_folder]
        else:
            checks += [reading_changes_nothing, is_upgraded_in_place, packets_are_taken_in, the_feed_is_followed]
            checks += [backups_are_restored] if "backup" in facts["formats"] else []
            checks += [plays_are_read] if "plays" in facts else []
        for check in checks:
            test.check(f"{name}: {check.__name__.replace('_', ' ')}", check, test, name)
            for folder in test.folder.glob(f"{name}-*"):
                shutil.rmtree(folder)
    for check in (all_that_is_written_is_in_the_corpus, a_newer_log, a_newer_entry, newer_values_of_the_log, a_newer_index_is_made_anew_when_asked, a_newer_packet, a_newer_feed,
                  a_newer_contribution_is_refused, newer_plays, newer_backups):
        test.check(check.__name__.replace("_", " "), check, test)


if __name__ == "__main__":
    run(body)

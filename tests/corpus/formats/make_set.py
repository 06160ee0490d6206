#!/usr/bin/env python3
"""Makes one set of the corpus of formats: what a program writes, and what it says of it.

usage: make_set.py --program PATH NAME

A master with two slaves and a feed in a folder, and all that they left: NAME.tar.xz, and an item of
manifest.json. Run it with the last program that writes a format, before the format is changed
(docs/compatibility.md). What an older program cannot do is left out.
"""

import argparse
import glob
import hashlib
import json
import lzma
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "e2e"))
from audio import music, wav  # noqa: E402
from common import DATA, Node, codegen_bytes, csv_of, song, unpack  # noqa: E402

NODES = ("master", "oslo", "bergen")
ISRC = "USRC17607839"
# Real songs, whole if they are short, and else cut after so many pairs: the corpus stays small.
PAIRS = 900
WHOLE = 3100


def real_songs():
    """Pairs of the real songs, by their ids."""
    items = json.loads((DATA / "songs.json").read_text())
    found = {item["metadata"]["track_id"]: sorted(unpack(item["code"]), key=lambda pair: pair[1]) for item in items}
    return {track: pairs[:None if len(pairs) <= WHOLE else PAIRS] for track, pairs in found.items()}


# ---- what format something has ----


def in_log(log, name, size):
    """The number at the start of a named value."""
    at = log.rfind(name.encode())
    return int.from_bytes(log[at + len(name):at + len(name) + size], "little") if at >= 0 else None


def entries(log):
    """Where entries begin that lie within a page, and their sizes: nodes of LMDB's pages with a key
    of 8 bytes, and a checksum that is right."""
    for at in range(0, len(log) - 16, 2):
        size = int.from_bytes(log[at:at + 4], "little")
        begin = at + 16
        if log[at + 4:at + 8] == b"\0\0\x08\0" and 56 <= size <= 4096 and zlib.crc32(
                log[begin:begin + size - 4]) == int.from_bytes(log[begin + size - 4:begin + size], "little"):
            yield begin, size


def formats_of(folder):
    """What versions the files have, by what is in them."""
    log = (folder / "master/data.mdb").read_bytes()
    found = {"log": in_log(log, "format", 8), "entry": max(log[begin] for begin, _ in entries(log)), "index": in_log(log, "index", 1)}
    shards = glob.glob(str(folder / "master/index/*.shard"))
    if shards:
        found["shard"] = pathlib.Path(shards[0]).read_bytes()[7]
    found["packet"] = (folder / "master.packet").read_bytes()[8]
    found["feed"] = json.loads((folder / "feed/feed.json").read_text())["format"]
    if (folder / "master/plays/data.mdb").exists():
        found["plays"] = in_log((folder / "master/plays/data.mdb").read_bytes(), "format", 8)
    if (folder / "master.backup").exists():
        found["backup"] = (folder / "master.backup").read_bytes()[8]
    return found


# ---- what is made ----


def facts(node):
    """What a node holds."""
    status = node.json("status")
    rows = sorted(node.contents().splitlines(True))
    return {"digest": status["digest"], "documents": status["documents"], "tracks": status["tracks"],
            "rows": hashlib.sha256(b"".join(rows)).hexdigest()}


class Maker:
    def __init__(self, program, folder):
        self.program, self.folder, self.feed = str(pathlib.Path(program).resolve()), folder, folder / "feed"
        self.nodes = {name: Node(self.program, folder / name) for name in NODES}

    def run(self, node, *words, **options):
        return self.nodes[node].run(*words, **options).stdout

    def knows(self, command, word):
        done = subprocess.run([self.program, command, "--help"], capture_output=True, text=True)
        return done.returncode == 0 and word in done.stdout

    def ingest(self, node, *songs):
        self.run(node, "ingest", "-", data=codegen_bytes(songs))

    def slave(self, name):
        self.run(name, "init", "--name", name)
        url = ["--url", self.feed] if self.knows("source", "--url") else []
        invitation = self.run("master", "source", "add", name, *url).decode().strip().splitlines()[-1]
        self.run(name, "join", self.feed, invitation)

    def publish(self):
        self.run("master", "publish", self.feed)

    def federation(self):
        """Copies, deletions, odd rows, a conflict, sources; in the end a slave that is behind, and
        one whose contribution the master has not taken."""
        real = real_songs()
        ids = list(real)
        fields = {"isrc": ISRC, "mood": "calm ä"} if self.knows("edit", "--field") else {}
        named = {track: song(track, real[track], artist="Artist ä", release="Release", title=f'Title, "{at}"')
                 for at, track in enumerate(ids)}
        self.run("master", "init", "--name", "main")
        self.publish()
        for name in ("oslo", "bergen"):
            self.slave(name)
            self.publish()
            self.run(name, "sync")
        first = named[ids[0]]
        if fields:
            first["metadata"]["fields"] = fields
        self.ingest("master", first, named[ids[1]], song("TRDELETED", real[ids[2]]))
        self.run("master", "delete", "TRDELETED")
        if self.knows("duplicates", "--link"):
            self.ingest("master", song("TRCOPY", real[ids[1]], artist="Other"))
        odd = csv_of([("TRODD-0", "4.11", "0012 5  77 9", "61", "a,b", 'say "x"', "line\nfeed"), ("TRODD-x", "4.11", "", "0", "", "", ""),
                      ("-TR-7", "4.12", "5 900 4 10", "7", "", "ö", "")])
        self.run("master", "master-ingest", "-s", "paper", "-", data=odd)
        if fields:
            self.run("master", "edit", "TRODD", "--field", "mood=odd")
        self.publish()
        self.run("oslo", "sync")
        self.ingest("oslo", named[ids[3]], named[ids[4]])
        self.run("oslo", "sync")
        self.publish()
        self.run("oslo", "sync")
        self.run("bergen", "sync")
        # Of a song that is another's: it is set aside.
        other = csv_of([(ids[3] + "-0", "4.12", "1 2 3 4", "9", "", "", "not mine")])
        self.run("master", "master-ingest", "-s", "paper", "-", data=other, statuses=(0, 3))
        self.ingest("master", named[ids[5]])
        plays = self.plays() if self.knows("plays", "--format") else None
        self.publish()
        # What the master has not seen: a new song and a deletion.
        self.ingest("oslo", named[ids[6]])
        self.run("oslo", "delete", ids[4])
        self.run("oslo", "sync")
        return plays

    def files(self):
        for name, node, command in (("master.packet", "master", "master-dump"), ("oslo.packet", "oslo", "slave-dump")):
            (self.folder / name).write_bytes(self.run(node, command, "--all", "--format", "packet", "-o", "-"))
        (self.folder / "master.csv").write_bytes(self.run("master", "master-dump", "--all", "-o", "-"))
        if self.knows("backup", "--to"):
            self.run("master", "backup", self.folder / "master.backup")
            self.run("master", "backup", "--to", self.folder / "backups")
            self.run("bergen", "backup", "--to", self.folder / "backups-of-bergen")

    def after(self):
        """What all nodes hold when everything was exchanged, on copies."""
        there = self.folder / "after"
        there.mkdir()
        for name in (*NODES, "feed"):
            shutil.copytree(self.folder / name, there / name)
        other = Maker(self.program, there)
        # They know the feed by its folder.
        hidden = self.folder / "feed-before"
        self.feed.rename(hidden)
        (there / "feed").rename(self.feed)
        other.feed = self.feed
        other.publish()
        for name in ("oslo", "bergen"):
            other.run(name, "sync")
        found = [facts(node) for node in other.nodes.values()]
        shutil.rmtree(self.feed)
        hidden.rename(self.feed)
        shutil.rmtree(there)
        if len({fact["digest"] for fact in found}) != 1:
            sys.exit(f"the nodes differ: {found}")
        return found[0]

    def plays(self):
        """A song from sound, on the master, and a stream that plays it."""
        sound = self.folder / "sounding.wav"
        sound.write_bytes(wav(music(70, rate=11025), 11025, 2))
        self.run("master", "ingest", "--id-from", "hash", sound)
        if self.knows("tracks", "--json") and self.knows("edit", "--field"):
            track = json.loads(self.run("master", "tracks", "sounding", "--json"))["track_id"]
            self.run("master", "edit", track, "--field", f"isrc={ISRC}")
        self.run("master", "monitor", f"radio={sound}")
        sound.unlink()
        return self.run("master", "plays", "--format", "csv").decode()


def packed(folder, path):
    with lzma.open(path, "wb", preset=9 | lzma.PRESET_EXTREME) as out, tarfile.open(fileobj=out, mode="w") as archive:
        for item in sorted(folder.rglob("*")):
            # Locks are of no use elsewhere.
            if item.is_file() and item.name not in ("lock.mdb", "lock", "index.lock"):
                info = archive.gettarinfo(item, str(item.relative_to(folder)))
                info.uid = info.gid = info.mtime = 0
                info.uname = info.gname = ""
                with open(item, "rb") as data:
                    archive.addfile(info, data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("name")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="echoprint-formats-"))
    maker = Maker(options.program, folder)
    plays = maker.federation()
    if maker.knows("token", "add"):
        maker.run("master", "token", "add", "reader", "--role", "query")
    maker.files()
    item = {"program": maker.run("master", "--version").decode().split()[1], "formats": formats_of(folder),
            "nodes": {name: facts(node) for name, node in maker.nodes.items()}, "after": maker.after()}
    packed(folder, HERE / f"{options.name}.tar.xz")
    path = HERE / "manifest.json"
    manifest = json.loads(path.read_text()) if path.exists() else {}
    manifest[options.name] = {**item, **({"plays": plays} if plays else {})}
    path.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()

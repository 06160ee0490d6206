#!/usr/bin/env python3
"""What went wrong in the system of 2011 and must not here, defect by defect.

usage: defects_test.py --program PATH
"""

import json
import random
import resource
import signal
import subprocess
import threading
import time

from common import (DATA, FILE_NAME, codegen_bytes, csv_of, need, plain, read_files, rows_of,
                    rows_of_song, run, same, song, unpack)

ROW = ("TR{}-0", "4.12", "1 2", "3", "artist", "release", "track")


def rows_for(first, last):
    return [(ROW[0].format(n),) + ROW[1:] for n in range(first, last)]


def put(node, rows, *options):
    return node.json("slave-ingest", *options, "-", data=csv_of(rows))


def real_songs():
    return json.loads((DATA / "songs.json").read_text(encoding="utf-8"))


# ---- 1: the clock is the watermark ----


def boundary_second(test):
    """Documents of the second of a dump are sent once, whether they came before or after it."""
    node, out = test.node("boundary"), test.new_folder("boundary-files")
    found = []
    for turn in range(5):
        put(node, rows_for(10 * turn, 10 * turn + 10))
        result = node.dump("master-dump", out)
        put(node, rows_for(1000 + turn, 1001 + turn), "--import-date", result["lastdump"])
        found += rows_of(read_files(result["paths"]))
    found += rows_of(read_files(node.dump("master-dump", out)["paths"]))
    same(sorted(found), sorted(rows_for(0, 50) + rows_for(1000, 1005)), "the rows of all dumps")


def late_and_early(test):
    """A document stamped years ago or in years is in the next dump, and in no other."""
    node, out = test.node("late"), test.new_folder("late-files")
    put(node, rows_for(0, 1))
    node.dump("master-dump", out)
    put(node, rows_for(1, 2), "--import-date", "1999-01-01T00:00:00Z")
    put(node, rows_for(2, 3), "--import-date", "2099-01-01T00:00:00Z")
    same(rows_of(read_files(node.dump("master-dump", out)["paths"])), rows_for(1, 3), "the rows")
    same(node.dump("master-dump", out)["files"], [], "files of another dump")
    same(node.json("show", "TR2")["import_date"], "2099-01-01T00:00:00Z", "the date of import")


# ---- 2: paging while something is ingested ----


def ingest_during_dump(test):
    node, out = test.node("paging"), test.new_folder("paging-files")
    put(node, rows_for(0, 3000))
    wrong = []

    def ingest():
        try:
            for turn in range(15):
                put(node, rows_for(3000 + 10 * turn, 3010 + 10 * turn))
        except Exception as why:
            wrong.append(str(why))

    writer = threading.Thread(target=ingest)
    writer.start()
    names = []
    while writer.is_alive():
        result = node.dump("master-dump", out, "--lines", "7")
        names += [path.name for path in result["paths"]]
    writer.join()
    same(wrong, [], "failures")
    result = node.dump("master-dump", out)
    names += [path.name for path in result["paths"]]
    same(len(names), len(set(names)), "different names")
    found = rows_of(read_files(out / name for name in names))
    same(sorted(found), sorted(rows_for(0, 3150)), "the rows of all dumps")


# ---- 3: a dump killed half way ----


def killed_dumps(test):
    """Under final names there is only what is complete, and all of it together is everything."""
    node, out = test.node("killed"), test.new_folder("killed-files")
    items = real_songs()
    node.json("ingest", "-", data=codegen_bytes(items))
    rng = random.Random(1)
    killed, count = 0, 0
    for turn in range(25):
        count += 1
        put(node, rows_for(turn, turn + 1))
        process = node.start("master-dump", "-o", out, "--lines", "20", stdout=subprocess.DEVNULL)
        time.sleep(rng.random() * 0.03)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
        for path in out.glob("echoprint-*"):
            data = path.read_bytes()
            need(data.endswith(b"\r\n") and len(rows_of(data)[-1]) == 7, f"{path.name} is cut off")
    node.dump("master-dump", out)
    left = [path.name for path in out.iterdir() if not FILE_NAME.match(path.name)]
    same(left, [], "files that are left")
    found = rows_of(read_files(out.iterdir()))
    expected = [row for item in items for row in rows_of_song(item)] + rows_for(0, count)
    same(len(found), len(expected), "rows of all dumps")
    same(sorted(found), sorted(expected), "the rows of all dumps")
    need(killed, "no dump was killed")


def full_disk(test):
    """A dump that cannot be written leaves nothing, and the next one has everything."""
    node, out = test.node("full"), test.new_folder("full-files")
    node.json("ingest", DATA / "songs.json")
    done = subprocess.run(node.command("master-dump", "-o", out), capture_output=True,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                                                (400000, 400000)))
    same(done.returncode, 1, f"exit status ({done.stderr.decode()})")
    need(b"cannot write" in done.stderr, done.stderr.decode())
    same(list(out.iterdir()), [], "files that are left")
    same(node.dump("master-dump", out)["documents"], 56, "documents of the next dump")


# ---- 4: no count, no checksum, no provenance, no deletions ----


def told_by_the_dump(test):
    node, out = test.node("told"), test.new_folder("told-files")
    node.run("init", "--name", "origin")
    node.json("ingest", DATA / "songs.json")
    result = node.dump("slave-dump", out, "--lines", "30", "--checksums")
    same([item["documents"] for item in result["files"]], [30, 26], "documents of the files")
    need("-origin-" in result["files"][0]["name"], "the name of the node is not in the file's")
    need(all(len(item["sha256"]) == 64 for item in result["files"]), "no checksum")
    same((result["from"], result["to"]), (0, 9), "the positions")
    node.json("delete", "TRKFTYFE14BD3CAA1F")
    same(node.dump("slave-dump", out)["deletions"], 1, "deletions")


def damage_is_noticed(test):
    """A packed file that lost its end is refused, and --strict keeps nothing of it."""
    node, out = test.node("damage"), test.new_folder("damage-files")
    node.json("ingest", DATA / "songs.json")
    for how in ("bzip2", "zstd"):
        path = node.dump("master-dump", out, "--all", "--compress", how)["paths"][0]
        path.write_bytes(path.read_bytes()[:-500])
        other = test.node(f"damage-{how}")
        other.run("slave-ingest", "--strict", path, statuses=(7,))
        same(other.json("status")["documents"], 0, "documents")


def packets_carry_it_all(test):
    """What a CSV cannot: a checksum of its own, and deletions."""
    node, other = test.node("packets"), test.node("packets-other")
    out = test.new_folder("packets-files")
    node.json("ingest", DATA / "songs.json")
    path = node.dump("master-dump", out, "--format", "packet")["paths"][0]
    data = path.read_bytes()
    for damaged in (data[:-1], data[:3000] + bytes([data[3000] ^ 1]) + data[3001:]):
        other.run("slave-ingest", "--strict", "-", data=damaged, statuses=(7,))
        same(other.json("status")["documents"], 0, "documents")
    other.json("slave-ingest", "-", data=data)
    node.json("delete", "TRKFTYFE14BD3CAA1F")
    path = node.dump("master-dump", out, "--format", "packet")["paths"][0]
    other.json("slave-ingest", path)
    same(other.digest(), node.digest(), "the digest")


# ---- 5: a slave gets its own songs back as new ----


def own_songs_come_back(test):
    slave, master = test.node("own-slave"), test.node("own-master")
    slave.json("ingest", DATA / "songs.json", "--import-date", "2011-01-01T00:00:00Z")
    before = slave.json("status")
    master.json("master-ingest", "-s", "one", "-", data=slave.contents())
    counts = slave.json("slave-ingest", "-", data=master.contents())
    same((counts["unchanged"], counts["read"]), (56, 56), "unchanged and read")
    after = slave.json("status")
    same(before["unconfirmed_tracks"], 9, "unconfirmed tracks before")
    same(after["unconfirmed_tracks"], 9, "unconfirmed tracks after: no CSV confirms any")
    for key in ("position", "digest", "sources"):
        same(after[key], before[key], key)
    shown = slave.json("show", "TRKFTYFE14BD3CAA1F")
    same((shown["source"], shown["import_date"], shown["confirmed"]),
         ("local", "2011-01-01T00:00:00Z", False), "source, date and confirmation")


# ---- 6: two ids for one song ----


def two_ids_are_kept(test):
    node = test.node("two-ids")
    items = real_songs()[:3]
    copies = [{**item, "metadata": {**item["metadata"], "track_id": f"TRCOPY{i}"}}
              for i, item in enumerate(items)]
    node.json("ingest", "-", "--dedup", "off", data=codegen_bytes(items + copies))
    expected = [row for item in items + copies for row in rows_of_song(item)]
    same(rows_of(node.contents()), expected, "all rows")


def two_ids_are_found(test):
    """The original answers neither, as no song is better than its copy; we answer either."""
    node = test.node("two-ids")
    for item in real_songs()[:3]:
        pairs = [pair for pair in unpack(item["code"]) if pair[1] < 1300]
        found = [node.run("query", "--rule", rule, plain(pairs), statuses=(0, 3)).stdout.decode()
                 .split("\t")[0] for rule in ("evidence", "original")]
        number = real_songs().index(item)
        need(found[0] in (item["metadata"]["track_id"], f"TRCOPY{number}"), f"found {found[0]}")
        same(found[1], "-", "the answer of the original's rule")


# ---- 7: documents and codes that part ----


def delete_takes_all(test):
    node = test.node("delete")
    node.json("ingest", DATA / "songs.json")
    rows = rows_of(node.contents())
    gone = "TRKFTYFE14BD3CAA1F"
    node.json("delete", gone)
    same(rows_of(node.contents()), [row for row in rows if not row[0].startswith(gone)], "all rows")
    node.run("show", gone, statuses=(1,))
    node.verify()
    node.json("ingest", DATA / "songs.json")
    same(sorted(rows_of(node.contents())), sorted(rows), "all rows, ingested again")
    node.verify()


def document_without_codes(test):
    """An empty code string is a document as any other."""
    node = test.node("silent")
    rows = [("TRA-0", "4.12", "", "3", "", "", ""), ("TRB-0", "4.12", "1 2", "3", "", "", "")]
    put(node, rows)
    same(rows_of(node.contents()), rows, "all rows")


# ---- 8: names that are not ASCII, bad rows ----


def other_letters(test):
    nodes = [test.node(f"letters-{i}") for i in range(3)]
    names = ["Bj\u00f6rk", "\u67b6\u7a7a", "\u0395\u03bb\u03bb\u03ac\u03b4\u03b1", "\U0001f3b5",
             "e\u0301", "\u05d0\u05d1"]
    items = [song(f"TR\u00c4{i}", [(1, 2)], artist=name, release=name, title=name)
             for i, name in enumerate(names)]
    expected = [row for item in items for row in rows_of_song(item)]
    env = {"LC_ALL": "C", "LANG": "C"}
    nodes[0].json("ingest", "-", data=codegen_bytes(items), env=env)
    nodes[1].json("master-ingest", "-s", "one", "-", data=nodes[0].contents(), env=env)
    nodes[2].json("slave-ingest", "-", data=nodes[1].contents(), env=env)
    for node in nodes:
        same(rows_of(node.contents()), expected, "all rows")
    same(nodes[2].run("show", "TR\u00c40", env=env).stdout.decode().count("Bj\u00f6rk"), 3, "names")


def bad_row(test):
    node = test.node("bad-row")
    good = rows_for(0, 100)
    data = csv_of(good[:50]) + b"only,three,columns\r\n\xff\r\n" + csv_of(good[50:])
    counts = json.loads(node.run("--json", "slave-ingest", "-", data=data, statuses=(3,)).stdout)
    same((counts["new"], counts["rejected"]), (100, 2), "new and rejected")
    same(rows_of(node.contents()), good, "all rows")


# ---- 9: everything is manual ----


def one_pipe(test):
    """From slave to master to slaves in one line, without files, and again without harm."""
    folder = test.new_folder("pipe")
    for name in ("a", "m", "b"):
        test.node(f"pipe/{name}").run("init")
    script = ('ep=$1; "$ep" -d a ingest "$2" && "$ep" -d a slave-dump --all -o - --compress zstd | '
              '"$ep" -d m master-ingest -s a - && "$ep" -d m master-dump --all -o - | '
              '"$ep" -d b slave-ingest -')
    for _ in range(2):
        done = subprocess.run(["/bin/sh", "-c", script, "sh", test.program, DATA / "songs.json"],
                              cwd=folder, capture_output=True, timeout=300)
        same((done.returncode, done.stderr), (0, b""), "exit status and words")
    nodes = [test.node(f"pipe/{name}") for name in ("a", "m", "b")]
    same(len({node.digest() for node in nodes}), 1, "different digests")
    same([node.json("status")["documents"] for node in nodes], [56] * 3, "documents")
    same(sorted(path.name for path in folder.iterdir()), ["a", "b", "m"], "files and folders")


def main(test):
    for name, function in (
            ("defect 1: the boundary second is sent once", boundary_second),
            ("defect 1: no date keeps a document from being sent", late_and_early),
            ("defect 2: an ingest during dumps loses and repeats nothing", ingest_during_dump),
            ("defect 3: a killed dump leaves nothing that looks complete", killed_dumps),
            ("defect 3: a dump that has no room leaves nothing", full_disk),
            ("defect 4: a dump says counts, checksums, origin, range, deletions", told_by_the_dump),
            ("defect 4: a packed file that was cut short is refused", damage_is_noticed),
            ("defect 4: a packet carries checksum and deletions", packets_carry_it_all),
            ("defect 5: own songs that come back are known", own_songs_come_back),
            ("defect 6: two ids of one song are both kept", two_ids_are_kept),
            ("defect 6: a song under two ids is found", two_ids_are_found),
            ("defect 7: a deleted track is gone with its codes", delete_takes_all),
            ("defect 7: a document without codes does not stop a dump", document_without_codes),
            ("defect 8: names in all letters", other_letters),
            ("defect 8: a bad row does not stop an ingest", bad_row),
            ("defect 9: one pipe does everything", one_pipe)):
        test.check(name, function, test)


if __name__ == "__main__":
    run(main)

#!/usr/bin/env python3
"""Data folders that are short, cut short, or have flipped bits; input that ends in a bad way."""

import collections
import random
import shutil
import subprocess

from common import DATA, csv_of, need, run, same
from servers import SANITIZED

SONGS = DATA / "songs.json"


def large(seed, count):
    rng = random.Random(seed)
    return " ".join(f"{rng.randrange(1 << 32)} {moment}" for moment in range(count))


def a_short_file_that_is_whole_is_read(test):
    """The log's library does not write pages that one transaction makes and frees: the file ends
    early."""
    node = test.node("short")
    node.run("ingest", SONGS)
    small = ("BIG-0", "4.12", "1 2", "1", "", "", "")
    rows = [("BIG-0", "4.12", large(1, 160000), "1", "", "", ""), ("ZZ-0", "4.12", "1 2", "1", "", "", ""), small]
    node.run("slave-ingest", "-", data=csv_of(rows))
    node.verify()
    shown = node.run("show", "--csv", "BIG").stdout
    same(shown, csv_of([small]), "the track")


def a_file_that_was_cut_is_refused_and_left_alone(test):
    node = test.node("cut")
    node.run("ingest", SONGS)
    data = node.folder / "data.mdb"
    size = data.stat().st_size
    for part in (0.2, 0.4, 0.6):  # its end may be pages that were freed, and is not missed
        whole = data.read_bytes()
        cut = whole[:int(size * part) // 4096 * 4096]
        data.write_bytes(cut)
        for words in (("status",), ("verify",), ("ingest", SONGS), ("master-dump", "-o", "-")):
            done = node.run(*words, statuses=(7,))
            need(b"was truncated" in done.stderr, f"{words[0]}: the message is {done.stderr!r}")
        need(data.read_bytes() == cut, "the file was changed")
        data.write_bytes(whole)
    node.verify()


def flipped_bits_are_found(test):
    node = test.node("flipped")
    node.run("ingest", SONGS)
    data = node.folder / "data.mdb"
    whole = data.read_bytes()
    found = 0
    rng = random.Random(5)
    for _ in range(25):
        place = whole.index(b"TR", rng.randrange(len(whole) // 2))
        at = place + 60 + rng.randrange(200)
        if at >= len(whole):
            continue
        data.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1:])
        done = node.run("verify", statuses=(0, 7))
        found += done.returncode == 7
    data.write_bytes(whole)
    node.verify()
    need(found >= 10, f"verify found {found} of 25 flipped bits near the tracks")


PAGE = 4096


def damaged_page(rng, whole):
    """The bytes with a page, or eight of them, as it should not be: other bytes, none, another
    page, changed bits."""
    data = bytearray(whole)
    pages = len(data) // PAGE
    at = PAGE * rng.randrange(pages)
    kind = rng.choice(("other", "none", "another", "bits", "head", "places", "eight"))
    if kind == "other":
        data[at:at + PAGE] = rng.randbytes(PAGE)
    elif kind == "none":
        data[at:at + PAGE] = bytes(PAGE)
    elif kind == "another":
        other = PAGE * rng.randrange(pages)
        data[at:at + PAGE] = whole[other:other + PAGE]
    elif kind == "bits":
        for _ in range(rng.randrange(1, 40)):
            data[at + rng.randrange(PAGE)] ^= 1 << rng.randrange(8)
    elif kind == "head":
        data[at + rng.randrange(16)] = rng.randrange(256)
    elif kind == "places":  # of the entries in the page
        for _ in range(rng.randrange(1, 8)):
            data[at + 16 + rng.randrange(64)] = rng.randrange(256)
    else:
        for page in rng.sample(range(2, pages), 8):
            data[page * PAGE:(page + 1) * PAGE] = rng.randbytes(PAGE)
    return kind, bytes(data)


def a_damaged_page_ends_no_command_by_a_signal(test):
    """LMDB trusts its pages; what it does over one that was overwritten must not be how a command
    ends."""
    rng = random.Random(11)
    node = test.node("pages")
    node.run("ingest", SONGS)
    rows = [(f"TRP{i}-0", "4.12", large(i, 60), "1", "a", "b", "c") for i in range(60)]
    node.run("master-ingest", "-s", "paris", "-", data=csv_of(rows))
    node.run("master-ingest", "-s", "rome", "-", data=csv_of([("TRP1-0", "4.12", "1 2", "1", "", "", "")]), statuses=(0, 3))
    node.run("delete", "TRP7")
    node.run("source", "add", "paris", "--url", "http://127.0.0.1:1/")
    whole = (node.folder / "data.mdb").read_bytes()
    more = csv_of([("TRQ-0", "4.12", "1 2", "1", "", "", "")])
    reading = [("status",), ("digest",), ("show", "TRP5"), ("verify",), ("master-dump", "--all", "-o", "-"), ("duplicates",),
               ("conflicts",), ("source", "list"), ("query", "1 2 3 4")]
    writing = [("slave-ingest", "-"), ("ingest", SONGS), ("delete", "TRP9"),
               ("source", "add", "lyon", "--url", "http://127.0.0.1:1/"), ("publish", test.folder / "pages-copy" / "out")]
    ends = collections.Counter()
    for n in range(30 if SANITIZED else 170):
        kind, damaged = damaged_page(rng, whole)
        for words in rng.sample(reading, 4) + rng.sample(writing, 2):
            copy = test.node("pages-copy")
            shutil.rmtree(copy.folder, ignore_errors=True)
            shutil.copytree(node.folder, copy.folder)
            (copy.folder / "data.mdb").write_bytes(damaged)
            done = copy.run(*words, data=more, statuses=range(-64, 256))
            ends[done.returncode] += 1
            need(done.returncode in (0, 1, 3, 7), f"{words} ended with {done.returncode} over {kind}, {n}: {done.stderr!r}")
            need(done.returncode in (0, 3) or done.stderr.strip(), f"{words} ended with {done.returncode} and no word")
            # a track that cannot be found, or a write that the system refuses
            if done.returncode == 1:
                need(any(word in done.stderr for word in (b"there is no track", b"cannot write the log")),
                     f"{words} over {kind}, {n}: {done.stderr!r}")
    print(f"# how commands ended: {dict(ends)}")
    need(ends[7] > sum(ends.values()) // 20, f"too few pages were noticed: {dict(ends)}")
    need(ends[1] <= sum(ends.values()) // 100, f"too many failed without knowing why: {dict(ends)}")


def a_failure_ends_the_wait_for_a_pipe(test):
    node = test.node("waiting")
    process = node.start("master-ingest", "-s", "x", "--rejects", "/dev/full", "-", stdin=subprocess.PIPE)
    process.stdin.write(b"bad row\n")
    process.stdin.flush()
    status = process.wait(timeout=120)  # the pipe stays open: who waits for it does not end
    process.stdin.close()
    words = process.stderr.read().decode()
    same(status, 1, "exit status")
    need("/dev/full" in words and "No space left" in words, f"the message is {words!r}")


def body(test):
    for function in (a_short_file_that_is_whole_is_read, a_file_that_was_cut_is_refused_and_left_alone,
                     flipped_bits_are_found, a_damaged_page_ends_no_command_by_a_signal, a_failure_ends_the_wait_for_a_pipe):
        test.check(function.__name__.replace("_", " "), function, test)


if __name__ == "__main__":
    run(body)

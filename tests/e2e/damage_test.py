#!/usr/bin/env python3
"""Data folders that are short, cut short, or have flipped bits; input that ends in a bad way."""

import random
import subprocess

from common import DATA, csv_of, need, run, same

SONGS = DATA / "songs.json"


def large(seed, count):
    rng = random.Random(seed)
    return " ".join(f"{rng.randrange(1 << 32)} {moment}" for moment in range(count))


def a_short_file_that_is_whole_is_read(test):
    """The log's library does not write pages that one transaction makes and frees: the file ends early."""
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
            need(b"cut short" in done.stderr, f"{words[0]}: the message is {done.stderr!r}")
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
                     flipped_bits_are_found, a_failure_ends_the_wait_for_a_pipe):
        test.check(function.__name__.replace("_", " "), function, test)


if __name__ == "__main__":
    run(body)

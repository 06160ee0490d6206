#!/usr/bin/env python3
"""A small file that unpacks to rows as long as they may be takes memory for one of them, not for
many."""

import os
import subprocess
import sys

from common import need, run
from servers import SANITIZED

MB = 1 << 20
FIELD = 16 * MB - 8

# Runs a command on the file that is its standard input, and tells how much memory it had at most.
PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdin=sys.stdin, stdout=subprocess.DEVNULL)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


# Meson has malloc fill memory, which takes also what the program never touches.
PLAIN = {name: value for name, value in os.environ.items() if name != "MALLOC_PERTURB_"}


def peak(node, file, *words):
    with open(file, "rb") as data:
        done = subprocess.run([sys.executable, "-c", PEAK, *node.command(*words)], stdin=data, capture_output=True,
                              env=PLAIN)
    status, size = map(int, done.stdout.split())
    need(status == 0, f"{words[0]} ended with {status}: {done.stderr!r}")
    return size


def packed(test, name, rows):
    path = test.folder / name
    with open(path, "wb") as file:
        with subprocess.Popen(["zstd", "-q", "-c"], stdin=subprocess.PIPE, stdout=file) as zstd:
            for row in rows:
                zstd.stdin.write(row)
    return path


def long_rows(test):
    codes = (b"1 1 " * (FIELD // 4))[:-1]
    names = b",".join(letter * FIELD for letter in (b"a", b"b", b"c"))[:-200000]
    for what, count, rest in (("codes", 6, b"a,b,c"), ("codes and names", 4, names)):
        file = packed(test, "rows.csv.zst", (b"T%d-0,4.12,%s,60,%s\r\n" % (n, codes, rest) for n in range(count)))
        need(file.stat().st_size < MB, "it is a small file")
        node = test.node("long-" + what.replace(" ", "-"))
        sizes = {words[0]: peak(node, file, *words) for words in (("slave-ingest", "--dedup", "off", "-"), ("verify",),
                                                                  ("master-dump", "--all", "-o", "-"))}
        print(f"# MB at most, rows of long {what}: {sizes}")
        need(SANITIZED or sizes["slave-ingest"] < 300, f"an ingest of long {what} takes {sizes['slave-ingest']} MB")
        need(SANITIZED or sizes["verify"] < 320, f"verifying long {what} takes {sizes['verify']} MB")


def body(test):
    test.check("long rows are in memory one at a time", long_rows, test)


if __name__ == "__main__":
    run(body)

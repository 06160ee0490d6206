#!/usr/bin/env python3
"""Compares the CSV reader and writer with Python's csv module on seeded random rows.

usage: csv_against_python.py CSV_ROWS [ROWS [SEED]]

CSV_ROWS is the program made from csv_rows.c. ROWS (default 1,000,000) are spread over many small
files, read in pieces of random size; fields around the limit of 16 MiB come on top. Needs Python
3.11 or later, which takes NUL for a character as any other.
"""

import csv
import io
import json
import os
import random
import subprocess
import sys

FIELD_MAX = 16 << 20
ROW_MAX = 64 << 20
RAW_KEPT = 1024
COLUMNS = 7
OK, TOO_LONG, NOT_CLOSED = 0, 1, 2
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

ALPHABETS = [
    ['"', ",", "\r", "\n", "\r\n", "a"],
    ['"', '""', ",", "\n", " ", "x"],
    ['"', ",", "\r", "\n", "\r\n", "\0", " ", "\t", "'", ";", "\\", "a", "b", "\u00e9", "\u2028"],
    ["a", "b", ",", "\r\n", ""],
    ["\r", "\n", "\r\n", ","],
    ["\ufeff", '"', ",", "\n", "\udcff", "\U0001f3b5", "\x0b", "\x0c", "\x1c", "\x85"],
    ['"a"', '"a"b', '"",', 'a"b', '"\r\n"', ',"', '",', "12 34 56", "\n", "\r\n"],
]


def text_as(data):
    """A file as the module's documentation says to open it; any bytes survive."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", errors="surrogateescape",
                            newline="")


class Lines:
    """Hands lines to csv.reader, and remembers the bytes of the record under way."""

    def __init__(self, data):
        self.file = text_as(data)
        self.taken = []
        self.ended = False

    def __iter__(self):
        return self

    def __next__(self):
        line = self.file.readline()
        if not line:
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        return line

    def take(self):
        raw = to_bytes("".join(self.taken))
        self.taken.clear()
        return raw


def to_bytes(text):
    return text.encode("utf-8", "surrogateescape")


def rows_of_python(data):
    lines = Lines(data)
    for number, fields in enumerate(csv.reader(lines), 1):
        raw = lines.take()
        if not fields:
            continue
        # Only a record that is inside quotes makes the reader ask for a line behind the last one.
        fault = NOT_CLOSED if lines.ended else OK
        fields = [to_bytes(field) for field in fields]
        if len(raw) > ROW_MAX or any(len(field) > FIELD_MAX for field in fields):
            fault = TOO_LONG
        kept = fields[:COLUMNS]
        if fault == TOO_LONG:
            kept = [b""] * len(kept)
            raw = raw[:RAW_KEPT]
        yield [number, fault, len(fields)] + [field.hex() for field in kept] + [raw.hex()]


def rows_of_ours(program, data, seed, block_size):
    done = subprocess.run([program, "read", str(seed), str(block_size)], input=data,
                          stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare_reader(program, data, seed, block_size):
    expected = list(rows_of_python(data))
    found = rows_of_ours(program, data, seed, block_size)
    if expected != found:
        at = next((i for i, pair in enumerate(zip(expected, found)) if pair[0] != pair[1]),
                  min(len(expected), len(found)))
        with open("csv_against_python.failed", "wb") as file:
            file.write(data)
        sys.exit(f"reader: seed {seed}, block size {block_size}, row {at} of {len(expected)}:\n"
                 f"python {str(expected[at:at + 1])[:500]}\nours   {str(found[at:at + 1])[:500]}\n"
                 f"the input is in csv_against_python.failed")
    return len(expected)


def compare_writer(program, rows):
    expected = io.StringIO()
    csv.writer(expected).writerows(rows)
    lines = [",".join(to_bytes(field).hex() for field in row) if row else "-" for row in rows]
    done = subprocess.run([program, "write"], input="\n".join(lines).encode() + b"\n",
                          stdout=subprocess.PIPE, check=True)
    if done.stdout != to_bytes(expected.getvalue()):
        sys.exit(f"writer: differs in {rows!r}"[:2000])
    return len(rows)


def random_file(rng, rows):
    """Bytes that come to about so many rows."""
    alphabet = rng.choice(ALPHABETS)
    pieces = rng.choices(alphabet, k=rows * rng.choice([3, 8, 20]))
    if rng.random() < 0.5:
        # Line ends that quotes cannot hide for long, so that there are many rows.
        for i in range(0, len(pieces), 9):
            pieces[i] = rng.choice(["\r\n", "\n", "\r"])
    data = to_bytes("".join(pieces))
    if rng.random() < 0.2:
        data = BYTE_ORDER_MARK * rng.choice([1, 1, 2]) + data
    return data


def random_rows(rng, count):
    alphabet = rng.choice(ALPHABETS)
    return [["".join(rng.choices(alphabet, k=rng.choice([0, 0, 1, 3, 30])))
             for _ in range(rng.choice([0, 1, 1, 2, 7, 7, 9]))] for _ in range(count)]


def large_files():
    row = b"TR-0,4.12,%s,240,artist,release,track\r\n"
    for extra in (-1, 0, 1):
        plain = b"7" * (FIELD_MAX + extra)
        quotes = b'""' * (FIELD_MAX + extra)
        yield row % plain + row % b"1 2"
        yield b'x\r\n\r\n"' + plain + b'",b\n' + row % b"3 4"
        yield row % (b'"' + quotes + b'"') + row % b"1 2"
        yield b'1\n"' + plain
        yield b",".join([b"0"] * 9 + [plain, b"x\ry"])
    for size in (ROW_MAX - 1, ROW_MAX, ROW_MAX + 1):
        part = FIELD_MAX - 4
        # Four fields, their commas, and more up to the size with the line end.
        front = (b"8" * part + b",") * 4
        yield front + b"9" * (size - len(front) - 2) + b"\r\n" + row % b"5 6"
    yield b",\n" * 1_000_000


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program = os.path.abspath(sys.argv[1])
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    csv.field_size_limit(sys.maxsize)
    rng = random.Random(seed)
    read = written = files = 0
    while read < wanted:
        size = rng.choice([1, 1, 5, 5, 20, 40] * 20 + [1000, 1000, 1000, 5000, 20000])
        block_size = rng.choice([1, 7, 100, 5000, 0, 0, 0]) if size <= 1000 else 0
        read += compare_reader(program, random_file(rng, size), rng.randrange(1, 1 << 60),
                               block_size)
        files += 1
        if written < wanted // 4:
            written += compare_writer(program, random_rows(rng, size))
    for data in large_files() if wanted >= 1_000_000 else []:
        read += compare_reader(program, data, rng.randrange(1, 1 << 60) if read % 2 else 0, 0)
        files += 1
    print(f"csv: {read} rows of {files} files read, {written} rows written as Python does")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Prints the codes of codegen JSON files as plain code strings, one track a line, for train_onset.

usage: train_onset_codes.py [--half 0|1] FILE...

With --half, every second track only, to measure on the others.
"""
import argparse
import base64
import json
import sys
import zlib


def pairs(code):
    """The (code, time) pairs of a packed code string: all times as five hex digits, then all
    codes."""
    if not code:
        return []
    digits = zlib.decompress(base64.urlsafe_b64decode(code))
    numbers = [int(digits[i:i + 5], 16) for i in range(0, len(digits), 5)]
    half = len(numbers) // 2
    return list(zip(numbers[half:], numbers[:half]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    for name in options.files:
        with open(name, encoding="utf-8") as file:
            tracks = json.load(file)
        for number, track in enumerate(tracks):
            if options.half is None or number % 2 == options.half:
                numbers = [str(n) for pair in pairs(track.get("code")) for n in pair]
                sys.stdout.write(" ".join(numbers) + "\n")


if __name__ == "__main__":
    main()

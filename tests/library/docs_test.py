#!/usr/bin/env python3
"""The examples of docs/library.md run as they stand there, and the manual page names every function.

usage: docs_test.py --library LIBECHOPRINT.SO --decoder ECHOPRINT-DECODER
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "python" / "tests"))

import sound  # noqa: E402

BLOCK = re.compile(r"^```(c|python)\n(.*?)^```$", re.M | re.S)
# What each prints, in their order.
EXPECTED = ["song at 10 s\n", r"2 documents\nsong at 10 s\n(TR\w+ .*\n){2}", r"song plays 8\nsong is over 8\n",
            r"False query code length is too small\n"]


def compile_c(code, folder, library):
    (folder / "example.c").write_text(code)
    done = subprocess.run([os.environ.get("CC", "cc"), "-std=c99", "-Wall", "-Werror", f"-I{ROOT}/include", "example.c", library,
                           f"-Wl,-rpath,{pathlib.Path(library).parent}", "-o", "example"], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout if done.returncode else ""


def make_sounds(folder):
    song = sound.music(5, 40)
    (folder / "music").mkdir()
    sound.write_wav(folder / "music" / "song.wav", song)
    sound.write_wav(folder / "recording.wav", song[10 * sound.RATE:35 * sound.RATE])
    sound.write_wav(folder / "broadcast.wav", type(song)("h", bytes(16 * sound.RATE)) + song)


def run_block(kind, code, number, library, decoder):
    """Why a block does not print what it must; "" where it does."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_sounds(folder)
        for path, link in ((library, "libechoprint.so.0"), (decoder, "echoprint-decoder")):
            (folder / link).symlink_to(path)
        environment = dict(os.environ, ECHOPRINT_LIBRARY=str(folder / "libechoprint.so.0"), PYTHONPATH=str(ROOT / "python"),
                           LD_LIBRARY_PATH=str(folder))
        if kind == "c" and (why := compile_c(code, folder, library)):
            return why
        if number == 2:  # it listens with what was ingested
            subprocess.run([sys.executable, "-c", "import echoprint; echoprint.Database('data', 'c').ingest('music')"], cwd=folder,
                           env=environment, check=True)
        command = ["./example"] if kind == "c" else [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        good = done.returncode == 0 and re.fullmatch(EXPECTED[number], done.stdout)
        return "" if good else f"status {done.returncode}, it printed {done.stdout!r}, and said {done.stderr[-2000:]}"


def missing_in_manual(library):
    """Functions that the manual page does not name."""
    page = (ROOT / "man" / "echoprint.3.scd").read_text()
    listed = (ROOT / "tests" / "data" / "abi.txt").read_text()
    names = re.findall(r"^function (\w+)", listed, re.M)
    return [name for name in names if f"*{name}*" not in page] if names else ["no function is known"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", required=True)
    parser.add_argument("--decoder", required=True)
    options = parser.parse_args()
    library, decoder = (str(pathlib.Path(path).resolve()) for path in (options.library, options.decoder))
    loaded = subprocess.run(["ldd", library], text=True, stdout=subprocess.PIPE).stdout
    counts = {"ok": 0, "not ok": 0, "skip": 0}

    def tell(verdict, name, why=""):
        counts[verdict] += 1
        print(f"{verdict} {name}" + (f": {why}" if why else ""))

    blocks = BLOCK.findall((ROOT / "docs" / "library.md").read_text())
    tell("ok" if len(blocks) == len(EXPECTED) else "not ok", "every example has what it must print")
    for number, (kind, code) in enumerate(blocks):
        name = f"example {number + 1} of docs/library.md ({kind}) runs"
        if "libasan" in loaded or "libtsan" in loaded:
            tell("skip", name, "the library is built with a sanitizer")
        elif kind == "python" and sys.version_info < (3, 9):
            tell("skip", name, "python3 is older than 3.9")
        else:
            why = run_block(kind, code, number, library, decoder)
            tell("not ok" if why else "ok", name, why)
    missing = missing_in_manual(library)
    tell("not ok" if missing else "ok", "the manual page names every function", ", ".join(missing))
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped")
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())

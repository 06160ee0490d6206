#!/usr/bin/env python3
"""The examples of examples/ find songs in a database that the program made.

usage: examples_test.py --program ECHOPRINT --library LIBECHOPRINT.SO IDENTIFY...
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

import audio  # noqa: E402


def run(command):
    return subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--library", required=True)
    parser.add_argument("examples", nargs="+")
    options = parser.parse_args()
    os.environ["LD_LIBRARY_PATH"] = str(pathlib.Path(options.library).resolve().parent)
    commands = []
    # A sanitizer must be loaded before python: then the example in Python cannot load the library.
    loaded = run(["ldd", options.library]).stdout
    sanitized = "libasan" in loaded or "libtsan" in loaded
    if not sanitized:
        commands.append([sys.executable, ROOT / "examples" / "identify.py", pathlib.Path(options.library).resolve()])
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        # A program that the library is a part of looks for the decoder beside itself.
        for program in [*options.examples, pathlib.Path(options.program).parent / "echoprint-decoder"]:
            shutil.copy(program, folder)
        commands = [[pathlib.Path(folder) / pathlib.Path(example).name] for example in options.examples] + commands
        data, known, unknown = (pathlib.Path(folder) / name for name in ("data", "known.wav", "unknown.wav"))
        known.write_bytes(audio.wav(audio.music(40, seed=1, rate=11025), 11025, 2))
        unknown.write_bytes(audio.wav(audio.music(20, seed=2, rate=11025), 11025, 2))
        made = run([options.program, "-d", data, "ingest", known])
        if made.returncode:
            print(f"not ok the song is ingested: {made.stderr}")
            return 1
        for command in commands:
            done = run([*command, data, known, unknown])
            lines = done.stdout.splitlines()
            good = (done.returncode == 0 and len(lines) == 2 and lines[0].startswith(f"{known}: TR") and
                    lines[0].endswith(" - known") and lines[1].startswith(f"{unknown}: no results found"))
            failed += not good
            name = f"{pathlib.Path(command[-2] if len(command) > 1 else command[0]).name} finds a song, and no other"
            print(f"ok {name}" if good else f"not ok {name}: {done.stdout}{done.stderr}")
        if sanitized:
            print("skip identify.py: the library is built with a sanitizer")
    print(f"{len(commands) - failed} passed, {failed} failed, {int(sanitized)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

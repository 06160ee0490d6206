#!/usr/bin/env python3
"""Compiles every header of include/, src/, tests/ and bench/ alone and twice, with gcc and clang: it includes
what it needs, and has a guard.

usage: check_headers.py [COMPILER]...   (default: gcc clang)
"""

import os
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ["include", "src", "tests", "bench", "tools"]
LIBRARIES = ["libsodium", "nettle", "libdeflate", "zlib", "libzstd", "liblzma", "jansson", "lmdb", "libmicrohttpd", "libcurl", "tokyocabinet",
             "libavformat", "libavcodec", "libavutil", "libswresample", "libseccomp"]
OPTIONS = ["-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-Isrc", "-Iinclude", "-I."]
# Headers that are no headers, each with the reason.
EXCEPTIONS = {
    "src/generator/generator_lanes.h": "a template: who includes it says how wide vectors are, and includes it for each width",
}


def complaint(compiler, flags, header):
    """What a compiler says of a header; "" where nothing."""
    unit = f'#include "{header}"\n#include "{header}"\nextern int of_a_unit_that_is_not_empty;\n'
    done = subprocess.run([compiler, *OPTIONS, *flags, "-x", "c", "-"], cwd=ROOT, input=unit, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return f"{header} does not compile alone with {compiler}:\n{done.stdout}" if done.returncode else ""


def main():
    headers = sorted(path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*.h"))
    compilers = sys.argv[1:] or ["gcc", "clang"]
    flags = subprocess.run(["pkg-config", "--cflags", *LIBRARIES], text=True, check=True, stdout=subprocess.PIPE).stdout.split()
    jobs = [(compiler, flags, header) for header in headers if header not in EXCEPTIONS for compiler in compilers]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = [text for text in pool.map(lambda job: complaint(*job), jobs) if text]
    found += [f"{name} is an exception in tools/check_headers.py, and is not there" for name in EXCEPTIONS if name not in headers]
    print("\n".join(found) if found else f"{len(headers) - len(EXCEPTIONS)} headers compile alone")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

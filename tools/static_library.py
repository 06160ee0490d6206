#!/usr/bin/env python3
"""Makes libechoprint.a: the archives of the rooms as one object, in which echoprint_* alone is seen.

usage: static_library.py OUTPUT ARCHIVE... -- COMPILER...

The first archive is taken whole, of the others what it needs. $OBJCOPY and $AR are used where they
are set: those of another processor.
"""

import os
import pathlib
import subprocess
import sys


def main():
    output, *archives = sys.argv[1:sys.argv.index("--")]
    compiler = sys.argv[sys.argv.index("--") + 1:]
    one = pathlib.Path(output + ".p.o")
    subprocess.run([*compiler, "-r", "-nostdlib", "-o", one, "-Wl,--whole-archive", archives[0], "-Wl,--no-whole-archive",
                    "-Wl,--start-group", *archives[1:], "-Wl,--end-group"], check=True)
    subprocess.run([os.environ.get("OBJCOPY", "objcopy"), "--wildcard", "--keep-global-symbol=echoprint_*", one], check=True)
    pathlib.Path(output).unlink(missing_ok=True)
    subprocess.run([os.environ.get("AR", "ar"), "rcs", output, one], check=True)
    one.unlink()


if __name__ == "__main__":
    main()

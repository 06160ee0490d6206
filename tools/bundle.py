#!/usr/bin/env python3
"""Puts the libraries that the programs in a tree need beside them, and has the programs look there.

usage: bundle.py TREE    TREE has bin/echoprint and libexec/echoprint/echoprint-decoder

Copies them to TREE/lib, with the licences of their Debian packages in TREE/share/doc/licences, and
prints where each came from. The libraries of glibc stay those of the system: they must fit its
kernel and its name services.
"""

import pathlib
import re
import shutil
import subprocess
import sys

PROGRAMS = ("bin/echoprint", "libexec/echoprint/echoprint-decoder")
# src/net/late.c and src/net/legacy/casket.c load these when they need them.
LOADED_LATE = ("libcurl.so.4", "libmicrohttpd.so.12", "libtokyocabinet.so.9")
OF_GLIBC = re.compile(r"^(ld-linux.*|linux-vdso|lib(c|m|dl|pthread|rt|resolv|util|anl|nss_.*))\.so")


def output(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def needed_by(program):
    """The paths of all libraries that a program or library needs, by those of its libraries, too."""
    lines = output("ldd", program)
    missing = re.findall(r"(\S+) => not found", lines)
    if missing:
        sys.exit(f"bundle.py: {program} needs {', '.join(missing)}, which is not installed")
    return {path for name, path in re.findall(r"(\S+) => (/\S+)", lines) if not OF_GLIBC.match(pathlib.Path(name).name)}


def found_late():
    cache = output("/sbin/ldconfig", "-p")
    for name in LOADED_LATE:
        place = re.search(rf"^\s+{re.escape(name)} .*=> (\S+)$", cache, re.M)
        if not place:
            sys.exit(f"bundle.py: {name} is not installed")
        yield place[1]


def packages_of(paths):
    """The Debian packages of files, each of which may be known by its name before /usr was merged."""
    names = {}
    for path in paths:
        for name in (path, str(pathlib.Path(path).resolve())):
            names |= {name: path, name.removeprefix("/usr"): path}
    done = subprocess.run(["dpkg-query", "-S", *names], capture_output=True, text=True)
    found = [line.split(": ") for line in done.stdout.splitlines()]
    return {names[name]: package.split(":")[0] for package, name in found}


def main():
    tree = pathlib.Path(sys.argv[1])
    paths = set(found_late())
    for program in [*(tree / name for name in PROGRAMS), *sorted(paths)]:
        paths |= needed_by(program)
    (tree / "lib").mkdir()
    licences = tree / "share/doc/licences"
    licences.mkdir(parents=True)
    for path in sorted(paths):
        copy = tree / "lib" / pathlib.Path(path).name
        shutil.copyfile(path, copy)
        subprocess.run(["patchelf", "--force-rpath", "--set-rpath", "$ORIGIN", copy], check=True)
        print(path)
    for package in set(packages_of(paths).values()):
        shutil.copyfile(f"/usr/share/doc/{package}/copyright", licences / package)
    for program in PROGRAMS:
        up = "/".join([".."] * (len(pathlib.Path(program).parts) - 1))
        subprocess.run(["patchelf", "--force-rpath", "--set-rpath", f"$ORIGIN/{up}/lib", tree / program], check=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""The interface of libechoprint: which functions it shows, and how its structs lie in memory, are those
of tests/data/abi.txt; and its header compiles alone, as C99 and as C++.

usage: abi_test.py --library LIBECHOPRINT.SO [--rewrite]

What is in abi.txt never changes within one soname; what is new is added at the end of a struct.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HEADER = ROOT / "include" / "echoprint.h"
GOLDEN = ROOT / "tests" / "data" / "abi.txt"
COMMENT = re.compile(r"/\*.*?\*/", re.S)
STRUCT = re.compile(r"^struct (echoprint_\w+) \{(.*?)^\};", re.S | re.M)
ENUM = re.compile(r"^enum echoprint_\w+ \{(.*?)\};", re.S | re.M)
# A member ends with its name, an array's with its size; that of a function is in its middle.
MEMBER = re.compile(r"\(\*(\w+)\)|(\w+)(?:\[\d+\])?$")


def compile_with(command, source, folder, name):
    path = pathlib.Path(folder) / name
    path.write_text(source)
    done = subprocess.run([*command, f"-I{HEADER.parent}", str(path)], cwd=folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.stdout if done.returncode else ""


def members(body):
    for line in body.split(";"):
        if line := " ".join(line.split()):
            found = MEMBER.search(line)
            yield found[1] or found[2]


def layout(folder):
    """Sizes, offsets and values, as lines that a C program prints."""
    text = COMMENT.sub("", HEADER.read_text())
    lines = ["#include <echoprint.h>", "#include <stdio.h>", "int main(void) {"]
    for name, body in STRUCT.findall(text):
        lines.append(f'printf("struct {name} %zu\\n", sizeof(struct {name}));')
        lines += [f'printf("struct {name}.{member} %zu\\n", offsetof(struct {name}, {member}));' for member in members(body)]
    for body in ENUM.findall(text):
        names = re.findall(r"ECHOPRINT_\w+", body)
        lines += [f'printf("value {name} %d\\n", (int){name});' for name in names]
    lines.append("return 0; }")
    why = compile_with([os.environ.get("CC", "cc"), "-o", "layout"], "\n".join(lines), folder, "layout.c")
    if why:
        raise SystemExit(why)
    return subprocess.run([pathlib.Path(folder) / "layout"], text=True, check=True, stdout=subprocess.PIPE).stdout.splitlines()


def functions(library):
    listed = subprocess.run(["nm", "-D", "--defined-only", library], text=True, check=True, stdout=subprocess.PIPE).stdout
    return sorted("function " + line.split()[2] for line in listed.splitlines() if line.split()[1] != "A")


def has_grown(line, found):
    """Whether a line is the size of a struct that is larger now; where its members lie has lines of its
    own."""
    words = line.split()
    sizes = [int(other.split()[2]) for other in found if other.split()[:2] == words[:2]]
    return words[0] == "struct" and "." not in words[1] and sizes != [] and sizes[0] > int(words[2])


def report(name, why):
    print(f"not ok {name}: {why}" if why else f"ok {name}")
    return bool(why)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", required=True)
    parser.add_argument("--rewrite", action="store_true")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        found = functions(options.library) + layout(folder)
        if options.rewrite:
            GOLDEN.write_text("\n".join(found) + "\n")
        golden = GOLDEN.read_text().splitlines()
        gone = [line for line in golden if line not in found and not has_grown(line, found)]
        new = [line for line in found if line not in golden]
        failed += report("nothing that hosts rely on has changed", "; ".join(gone))
        failed += report("what is new is in tests/data/abi.txt (--rewrite)", "; ".join(new))
        unit = '#include <echoprint.h>\n#include <echoprint.h>\nint main(void) { return echoprint_version() == 0; }\n'
        strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
        failed += report("the header compiles alone as C99",
                         compile_with([os.environ.get("CC", "cc"), "-std=c99", *strict], unit, folder, "unit.c"))
        if plus := shutil.which("c++") or shutil.which("g++") or shutil.which("clang++"):
            failed += report("the header compiles alone as C++", compile_with([plus, "-std=c++11", *strict], unit, folder, "unit.cc"))
        else:
            print("skip the header compiles alone as C++: there is no C++ compiler")
    passed = 4 - failed - (0 if plus else 1)
    print(f"{passed} passed, {failed} failed, {0 if plus else 1} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

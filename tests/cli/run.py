#!/usr/bin/env python3
"""Runs the command-line tests: shell snippets with the output and exit status that they must give.

usage: run.py --program PATH [--rewrite] [--keep] [FILE.test...]

A FILE.test (default: all beside this script) is a list of cases, which run in order in one
temporary folder:

    === a sentence that says what must hold
    shell commands
    --- stdout
    what they print
    --- stderr
    what they say
    --- exit 3

Sections that would be empty, and `--- exit 0`, are left out. Lines above the first case are
comments. --rewrite puts what was found in place of what was expected: read the difference before
you keep it.

The commands find `echoprint` and its old names in PATH, the real songs in $DATA, and make.py, which
makes input that a shell cannot, as `make`. In the output, what differs from run to run is replaced:
the temporary folder by DIR, moments of today by DATE, seconds by S, ids made today by GENERATED,
the name of the host by HOST, sizes on disk by SIZE, keys of nodes by KEY, and the lines on how
codes are kept by one. A carriage return shows as \\r and a byte that is no UTF-8 as \\xff. With
--json, `read` must be the sum of the six kinds of rows.
"""

import argparse
import calendar
import difflib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
OLD_NAMES = ["master_dump", "slave_dump", "master_ingest", "slave_ingest", "fastingest"]
KINDS = ["new", "updated", "unchanged", "duplicate", "conflict", "rejected"]
NEAR_S = 2 * 86400


class Case:
    def __init__(self, name):
        self.name = name
        self.script = []
        self.sections = {"stdout": [], "stderr": []}
        self.exit = 0


def parse(path):
    head, cases, into = [], [], None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("=== "):
            cases.append(Case(line[4:]))
            into = cases[-1].script
        elif not cases:
            head.append(line)
        elif line in ("--- stdout", "--- stderr"):
            into = cases[-1].sections[line[4:]]
        elif line.startswith("--- exit "):
            cases[-1].exit = int(line[9:])
            into = []
        else:
            into.append(line)
    for case in cases:
        while case.script and not case.script[-1]:
            case.script.pop()
        for lines in case.sections.values():
            while lines and not lines[-1]:
                lines.pop()
    return head, cases


def print_case(case, found, status):
    lines = ["=== " + case.name] + case.script
    for section, text in found.items():
        if text:
            lines += ["--- " + section] + text
    if status:
        lines.append(f"--- exit {status}")
    return lines + [""]


def near(moment):
    return abs(moment - time.time()) < NEAR_S


def replace_date(match):
    try:
        moment = calendar.timegm(time.strptime(match.group(), "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        return match.group()
    return "DATE" if near(moment) else match.group()


def replace_id(match):
    return "GENERATED" if near(int(match.group(1), 16) / 1000) else match.group()


def host_name():
    name = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()[:63]) or "node"
    return re.escape("node" if name in ("local", "master") else name)


def normalise(output, folder):
    text = output.decode("utf-8", "backslashreplace").replace("\r", "\\r")
    text = text.replace(str(folder), "DIR")
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", replace_date, text)
    text = re.sub(r"TR[A-Z]{5}([0-9A-F]{11})(?![0-9A-Z])", replace_id, text)
    text = re.sub(r", \d+\.\d\d s$", ", S s", text, flags=re.M)
    text = re.sub(r'"seconds":[0-9.e+-]+', '"seconds":S', text)
    text = re.sub(r"^on disk {6}.*$", "on disk      SIZE", text, flags=re.M)
    text = re.sub(r'("sources":\{[^}]*\},"bytes":)\d+', r"\1SIZE", text)
    text = re.sub(r'^(key {10})[0-9a-f]{64}$', r"\1KEY", text, flags=re.M)
    text = re.sub(r'("key":")[0-9a-f]{64}"', r'\1KEY"', text)
    text = re.sub(r"^(node |name {9})" + host_name() + r"(?= |$)", r"\1HOST", text, flags=re.M)
    text = re.sub(r'(\{"name":")' + host_name() + r'(",")', r"\1HOST\2", text)
    text = re.sub(r"(echoprint-slave-)" + host_name() + r"(-DATE)", r"\1HOST\2", text)
    text = re.sub(r"(^stored +[\d,]+ documents? in the \w+ encoding, [\d.]+ bytes each\n)+", "FORMS\n", text,
                  flags=re.M)
    text = re.sub(r'"forms":\{("\w+":\{"documents":\d+,"bytes":\d+\},?)+\}', '"forms":FORMS', text)
    return text.splitlines()


def broken_sums(lines):
    """Results of an ingest, whose parts must add up."""
    for line in lines:
        if not line.startswith('{"read":'):
            continue
        result = json.loads(line.replace(":S", ":0"))
        if result["read"] != sum(result[kind] for kind in KINDS):
            yield f"read is not the sum of the other six: {line}"


def environment(folder, program):
    binaries = folder / "bin"
    binaries.mkdir()
    for name in ["echoprint"] + OLD_NAMES:
        (binaries / name).symlink_to(program)
    make = binaries / "make"
    make.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "make.py"}" "$@"\n')
    make.chmod(0o755)
    kept = {name: value for name, value in os.environ.items()
            if name.endswith("SAN_OPTIONS") or name == "ECHOPRINT_MAP_SIZE"}
    return {"UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1", **kept,
            "PATH": f"{binaries}:{os.environ.get('PATH', '/usr/bin:/bin')}", "LC_ALL": "C.UTF-8",
            "HOME": str(folder), "TZ": "UTC", "PYTHONDONTWRITEBYTECODE": "1",
            "DATA": str(HERE.parent / "data")}


def run_case(case, folder, env):
    done = subprocess.run(["/bin/sh", "-c", "\n".join(case.script)], cwd=folder / "work", env=env,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    found = {"stdout": normalise(done.stdout, folder), "stderr": normalise(done.stderr, folder)}
    return found, done.returncode


def differences(case, found, status):
    for section, expected in case.sections.items():
        yield from difflib.unified_diff(expected, found[section], f"{section} expected",
                                        f"{section} found", lineterm="")
    if status != case.exit:
        yield f"exit status is {status}, expected {case.exit}"
    yield from broken_sums(found["stdout"])


def run_file(path, options):
    """Runs the cases of one file; gives how many passed and failed."""
    head, cases = parse(path)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="echoprint-cli-")).resolve()
    (folder / "work").mkdir()
    env = environment(folder, options.program)
    out, passed, failed = head, 0, 0
    try:
        for case in cases:
            found, status = run_case(case, folder, env)
            wrong = list(differences(case, found, status))
            out += print_case(case, found, status)
            print(f"{'not ok' if wrong else 'ok'} {path.stem}: {case.name}")
            for line in wrong:
                print("    " + line)
            passed += not wrong
            failed += bool(wrong)
    finally:
        if options.keep:
            print(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if options.rewrite:
        while out and not out[-1]:
            out.pop()
        path.write_text("\n".join(out) + "\n", encoding="utf-8")
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--rewrite", action="store_true")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folders")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    options = parser.parse_args()
    options.program = pathlib.Path(options.program).resolve()
    if not os.access(options.program, os.X_OK):
        sys.exit(f"there is no program {options.program}")
    passed = failed = 0
    for path in options.files or sorted(HERE.glob("*.test")):
        counts = run_file(path, options)
        passed += counts[0]
        failed += counts[1]
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed and not options.rewrite else 0)


if __name__ == "__main__":
    main()

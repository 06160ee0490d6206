#!/usr/bin/env python3
"""All checks of the project: lint, builds without warnings, tests under sanitizers.

usage: check.py [--only STAGE]... [--deep]   (stages: lint, thread, gcc, release, clang)

Compilers and clang-tidy compute all the time, tests wait now and then: while one stage is tested,
the next is built, and gives way. Ends with what failed, the lines that say why, a line "N passed, N
failed, N skipped", and exit status 1 where something failed.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOTALS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
TAP = re.compile(r"^(not )?ok\b(.*)$", re.M)
# A line that begins what is told of another check, or of all.
NEXT = re.compile(r"^(ok|not ok|skip) |^\d+ passed, |^1\.\.\d+$")
# A line that begins a sanitizer's report.
REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error: ")
# So much is told of a failure at the end.
REASON_LINES = 40
REASON_COLUMNS = 1000

# Leaks are errors; a sanitizer's finding ends the program.
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}
# The thread sanitizer leaves less address space than the log's map would take.
SMALL_MAP = {"thread": {"ECHOPRINT_MAP_SIZE": str(1 << 36)}}

# Functions and lines, which a sanitizer's report names; what only a debugger reads takes a fifth of
# the time.
LINES = "-Dc_args=-g1"

# Each stage: the compiler, meson's options, what is built (nothing named: all), the suites or tests
# that are run. First the one that is built the soonest; last the one whose tests wait the least, as
# nothing is built beside them.
STAGES = {
    "thread": ("gcc", ["-Dbuildtype=debugoptimized", "-Db_sanitize=thread", LINES],
               ["echoprint", "echoprint-decoder", "play_streams", "tests/pipeline_test", "tests/log_test", "tests/sign",
                "tests/library/library_test", "tests/library/threads_test"],
               ["pipeline", "log", "attack_http", "attack_load", "attack_master", "attack_packet", "concurrent",
                "library library", "library threads", "packet", "query", "serve", "streams"]),
    "gcc": ("gcc", ["-Dbuildtype=debugoptimized", "-Db_sanitize=address,undefined", LINES], [],
            ["--suite", "unit", "--suite", "law", "--suite", "cli", "--suite", "e2e"]),
    # What sanitizers make meaningless, limits of memory and the filter of system calls, is checked
    # here.
    "release": ("gcc", ["-Dbuildtype=release"], [],
                ["crash at every operation", "full disk", "kill", "memory", "query", "query_sound", "sandbox", "sound",
                 "streams", "world"]),
    "clang": ("clang", ["-Dbuildtype=release"], [], ["--suite", "unit", "--suite", "law"]),
}
GIVING_WAY = ["nice"]
# One more test than cores at a time, as some of them wait.
TESTS_AT_ONCE = len(os.sched_getaffinity(0)) + 1


def last_lines(text, count=REASON_LINES):
    """The last lines; those from where a sanitizer's report begins, where there is one."""
    lines = [line for line in text.splitlines() if line.strip()]
    begin = next((at for at, line in enumerate(lines) if REPORT.search(line)), max(0, len(lines) - count))
    return lines[begin:begin + count]


def failing_lines(output):
    """The lines "not ok ..." of a test, each with what was printed behind it until another
    check."""
    found, inside = [], False
    for line in output.splitlines():
        if NEXT.match(line):
            inside = line.startswith("not ok") and "# SKIP" not in line.upper()
        if inside and line.strip():
            found.append(line)
    return found


def reason(output, errors, ended):
    """Why a test failed, in a few lines: its failing checks, else its last words; what it said on
    standard error; how it ended, where that tells more."""
    lines = (failing_lines(output) or last_lines(output))[:REASON_LINES]
    return ended + lines + last_lines(errors, REASON_LINES - len(lines))


class Totals:
    """Counts and prints what was found; two threads tell it."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []
        self.lock = threading.Lock()

    def add(self, name, counted, line, output="", why=None):
        """why: lines that are told again at the end; else the last ones of the output."""
        passed, failed, skipped = counted
        with self.lock:
            self.passed += passed
            self.failed += failed
            self.skipped += skipped
            print(f"{'FAIL' if failed else 'ok  '} {name}{line}", flush=True)
            if failed:
                self.failures.append((name, last_lines(output) if why is None else why))
                print(output[-6000:], flush=True)

    def tell(self):
        """The end of all: what failed, why, and the counts."""
        for name, _ in self.failures:
            print(f"failed: {name}")
        for name, why in self.failures:
            print(f"why {name}:")
            for line in why:
                print(f"    {line[:REASON_COLUMNS]}")
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)


def run(arguments, **options):
    return subprocess.run(arguments, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          errors="replace", **options)


def step(totals, name, arguments, shown="", **options):
    """Runs a command that is one check; says how long it took. Of its words, where it fails, those
    lines are printed that have `shown` in them."""
    began = time.monotonic()
    done = run(arguments, **options)
    good = done.returncode == 0
    words = "\n".join(line for line in done.stdout.splitlines() if shown in line)
    totals.add(name, (int(good), int(not good), 0), f" ({time.monotonic() - began:.0f} s)", words)
    return good


def sources(*folders):
    return [str(path) for folder in folders for path in sorted((ROOT / folder).rglob("*.[ch]"))]


def read_quickly(totals):
    """What of lint takes no time."""
    step(totals, "lint: every file is formatted",
         ["clang-format", "--dry-run", "-Werror", *sources("include", "examples", "src", "tests", "bench", "tools")])
    step(totals, "lint: rooms, names and modules hang together", [sys.executable, "tools/check_rooms.py"])
    step(totals, "lint: the log's values are those of its page", [sys.executable, "tools/check_values.py"])
    step(totals, "lint: packages need and show what is there", [sys.executable, "tools/check_packages.py"])
    step(totals, "lint: every header compiles alone", [sys.executable, "tools/check_headers.py"])


# clang's analyzer stops at so many states of a function: with its own limit, 225,000, it takes four
# times as long, a third of the time of all checks.
NOT_DEEP = [f"-extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", "max-nodes=50000")]


def tidy(totals, deep):
    build = configure(totals, "tidy", "clang", ["-Dtests=disabled"])
    if build:
        program = shutil.which("run-clang-tidy") or next(iter(sorted(
            str(path) for path in pathlib.Path("/usr/bin").glob("run-clang-tidy*"))), None)
        step(totals, "lint: clang-tidy finds nothing",
             [*GIVING_WAY, program, "-quiet", *([] if deep else NOT_DEEP), "-p", str(build), f"{ROOT}/src/.*"],
             shown="error: ")


def is_sanitized(options):
    """Whether gcc may warn of what a sanitizer has added, and no source has: gcc 14 takes the case of a
    pointer that is null for one that happens."""
    return any("sanitize" in option for option in options)


def configure(totals, name, compiler, options):
    """Makes the build folder of a stage; None where that fails."""
    build = ROOT / f"build-check/{name}"
    environment = dict(os.environ, CC=compiler)
    if (build / "build.ninja").exists():
        return build
    build.parent.mkdir(exist_ok=True)
    werror = "false" if is_sanitized(options) else "true"
    done = step(totals, f"{name}: configured with {compiler}",
                ["meson", "setup", str(build), f"-Dwerror={werror}", "-Dtests=enabled", "-Db_lundef=false", *options],
                env=environment)
    return build if done else None


def count_test(totals, stage, test):
    """Counts one test of meson: its own checks, where it tells them."""
    output = test.get("stdout") or ""
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    told = TOTALS.findall(output)
    tap = [] if told else TAP.findall(output)
    if test["result"] == "SKIP":
        counted = (0, 0, 1)
    elif told:
        counted = tuple(int(number) for number in told[-1])
    elif tap:
        # cmocka says "not ok N # SKIP" where others say "ok".
        skipped = sum(1 for _, rest in tap if "# SKIP" in rest.upper())
        bad = sum(1 for no, rest in tap if no and "# SKIP" not in rest.upper())
        counted = (len(tap) - bad - skipped, bad, skipped)
    else:
        counted = (1, 0, 0)
    passed, failed, skipped = counted
    if not good and failed == 0:
        failed = 1
    line = f": {passed} passed, {failed} failed, {skipped} skipped ({test.get('duration', 0):.0f} s)"
    line += "".join(f"\n     {why}" for why in re.findall(r"^skip .*$", output, re.M))
    errors = test.get("stderr") or ""
    # A test that counts its own failures ends with 1.
    ended = [] if good or test.get("returncode") == 1 else [
        f"{test['result']} with status {test.get('returncode')} after {test.get('duration', 0):.0f} s"]
    totals.add(f"{stage}: {test['name']}", (passed, failed, skipped), line, output + errors,
               reason(output, errors, ended))


def make(totals, stage):
    """Builds a stage; gives its folder, or None."""
    compiler, options, targets, _ = STAGES[stage]
    build = configure(totals, stage, compiler, options)
    words = "builds" if is_sanitized(options) else "builds without warnings"
    good = build and step(totals, f"{stage}: {words}",
                          [*GIVING_WAY, "ninja", "-C", str(build), *targets])
    return build if good else None


def test(totals, stage, build):
    log = build / "meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    done = run(["meson", "test", "-C", str(build), "--no-rebuild", "--num-processes", str(TESTS_AT_ONCE),
                *STAGES[stage][3]], env=dict(os.environ, **SANITIZERS, **SMALL_MAP.get(stage, {})))
    if not log.exists():
        totals.add(f"{stage}: tests", (0, 1, 0), "", done.stdout)
        return
    for line in log.read_text(errors="replace").splitlines():
        count_test(totals, stage, json.loads(line))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=["lint", *STAGES], help="only this stage")
    parser.add_argument("--deep", action="store_true", help="clang's analyzer with its own limits")
    options = parser.parse_args()
    wanted = options.only or ["lint", *STAGES]
    totals = Totals()
    with ThreadPoolExecutor(1) as maker:
        lint = "lint" in wanted
        quick = maker.submit(read_quickly, totals) if lint else None
        builds = {stage: maker.submit(make, totals, stage) for stage in STAGES if stage in wanted}
        slow = maker.submit(tidy, totals, options.deep) if lint else None
        for stage, built in builds.items():
            if build := built.result():
                test(totals, stage, build)
        for reading in filter(None, (quick, slow)):
            reading.result()
    totals.tell()
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())

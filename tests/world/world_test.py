#!/usr/bin/env python3
"""The simulated world: histories that are kept, random ones, and that a seed always gives the same.

usage: world_test.py --world PROGRAM [--histories N] [--seed N] [--processes P]
"""

import argparse
import pathlib
import subprocess
import sys

KEPT = pathlib.Path(__file__).resolve().parent / "histories"


def run(world, *arguments):
    return subprocess.run([world, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def kept_histories_hold(world, options):
    problems = []
    for path in sorted(KEPT.glob("*.txt")):
        done = run(world, "--replay", str(path))
        if done.returncode:
            problems.append(done.stdout)
    return "".join(problems)


def the_same_seed_gives_the_same_history(world, options):
    arguments = ["--histories", "40", "--seed", str(options.seed), "--tell", "--keep-going", "--no-shrink"]
    once, again = (run(world, *arguments).stdout.splitlines()[:-1] for _ in range(2))
    return "" if once and once == again else "two runs of one seed differ:\n" + "\n".join(
        f"{a}\n{b}" for a, b in zip(once, again) if a != b)


def signatures_make_no_difference(world, options):
    """libsodium's own signatures in place of those that stand for them."""
    done = run(world, "--real-signatures", "--histories", "20", "--seed", str(options.seed))
    return done.stdout if done.returncode else ""


def random_histories_hold(world, options):
    done = run(world, "--histories", str(options.histories), "--seed", str(options.seed),
               "--processes", str(options.processes))
    print("# " + done.stdout.splitlines()[-1])
    return done.stdout if done.returncode else ""


TESTS = [kept_histories_hold, the_same_seed_gives_the_same_history, signatures_make_no_difference, random_histories_hold]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", required=True)
    parser.add_argument("--histories", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    failed = 0
    for test in TESTS:
        problem = test(options.world, options)
        print(f"{'not ok' if problem else 'ok'} {test.__name__}", flush=True)
        if problem:
            print("\n".join("# " + line for line in problem.splitlines()[:60]), flush=True)
            failed += 1
    print(f"{len(TESTS) - failed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

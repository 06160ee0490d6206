#!/usr/bin/env python3
"""Kills and power cuts at every operation of the log of plays.

tests/tools/plays.c makes one change after the other, each a commit that it reports. It runs once
under a library that records what is done to files (trace.c). For every point between two operations
the folder is built as a kill there, or a power cut, would leave it (model.py), and read:

- it is the log as after one of the commits, as a whole: the last that was reported, or one behind;
- before anything was reported, it may be absent;
- the same changes again complete, so that nothing hinders who goes on.

That the test can fail is shown by mutants of the record, which must be found.
"""

import copy
import os
import shutil
import subprocess
import sys

import common
import model as m

STEPS = 26


class Log:
    """The tool, and what it has to find after each commit."""

    def __init__(self, tool, trace, folder):
        self.tool = tool
        self.folder = folder
        self.root = folder + "/s0"
        self.program = common.Program(tool, trace)
        self.expected = []
        for steps in range(STEPS + 1):
            data = f"{folder}/expected{steps}"
            os.makedirs(data)
            subprocess.run([tool, "write", data, str(steps)], check=True, stdout=subprocess.DEVNULL)
            self.expected.append(self.read(data))
            shutil.rmtree(data)

    def read(self, data):
        done = subprocess.run([self.tool, "read", data], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout if done.returncode in (0, 1) else f"exit status {done.returncode}: {done.stdout}"

    def record(self):
        """What is done to files while all changes are made, and the model before it."""
        os.makedirs(self.root + "/node")
        initial = m.Model(self.root)
        initial.scan()
        trace, out = self.folder + "/trace", self.folder + "/stdout"
        paths = m.inodes_below(self.root)
        with open(out, "wb") as stdout:
            subprocess.run([self.tool, "write", self.root + "/node", str(STEPS)], check=True, stdout=stdout,
                           env=self.program.preloaded(ECHOPRINT_TRACE=trace))
        operations = m.read_trace(trace)
        m.annotate(operations, self.root, paths)
        with open(out, "rb") as stdout:
            return initial, operations, stdout.read()

    def check(self, view, reported):
        """What is wrong with a state, when so many commits had been reported."""
        shutil.rmtree(self.root)
        os.makedirs(self.root)
        m.build(view, self.root, self.root)
        found = self.read(self.root + "/node")
        legal = self.expected[reported:reported + 2] + (["absent\n"] if reported == 0 else [])
        if found not in legal:
            return f"the log is as after no commit from {reported} on: {found[-300:]!r}"
        done = subprocess.run([self.tool, "write", self.root + "/node", "3"], capture_output=True, text=True)
        return "" if done.returncode == 0 else f"it cannot be written: {done.stderr[-300:]}"


def states(initial, operations, models):
    """All different states: (operations done, how, view)."""
    model = copy.deepcopy(initial)
    seen = {}
    for count in range(len(operations) + 1):
        if count:
            model.apply(operations[count - 1])
        for names, data in models:
            view = model.view(names, data)
            seen[m.fingerprint(view)] = (count, m.kept(names, data), view)
    return sorted(seen.values(), key=lambda state: state[:2])


def problems_of(log, initial, operations, output, models, until_wrong=False):
    found = states(initial, operations, models)
    wrong = []
    for count, how, view in found:
        reported = output[:operations[count - 1].reported].count(b"\n") if count else 0
        problem = log.check(view, reported)
        if problem:
            wrong.append(f"{how} after operation {count} of {len(operations)}: {problem}")
            if until_wrong:
                break
    return wrong, len(found)


def without_syncs(operations):
    return [operation.copy(flags=operation.flags & ~m.DURABLE) for operation in operations if operation.kind != m.SYNC]


def early_reports(operations):
    """As if a change were reported before it is committed."""
    later = [operation.reported for operation in operations[12:]] + [operations[-1].reported] * 12
    return [operation.copy(reported=reported) for operation, reported in zip(operations, later)]


def main():
    parser = common.arguments_parser(__doc__.splitlines()[0], needs_trace=True)
    arguments = parser.parse_args()
    results = common.Results()
    with common.work_folder() as folder:
        log = Log(os.path.abspath(arguments.program), arguments.trace, os.path.realpath(folder))
        initial, operations, output = log.record()
        results.check("all changes were reported", [] if output.count(b"\n") == STEPS else repr(output))
        wrong, count = problems_of(log, initial, operations, output, m.MODELS)
        results.check("every crash is survived", wrong, f"{len(operations)} operations, {count} states")
        for name, change in (("no sync", without_syncs), ("a change is reported before it is durable", early_reports)):
            wrong, _ = problems_of(log, initial, change(operations), output, m.MODELS, until_wrong=True)
            results.check(f"mutant is found: {name}", [] if wrong else "it survives", wrong[0][:160] if wrong else "")
    return results.end()


if __name__ == "__main__":
    sys.exit(main())

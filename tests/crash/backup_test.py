#!/usr/bin/env python3
"""Kills and power cuts at every operation of `backup`, `restore` and `compact`.

Each runs once under a library that records what is done to files (trace.c). For every point between
two operations the folder is built as a kill there, or a power cut, would leave it (model.py):

- what a backup, or a data folder, has its name is whole: checked by the program, with the position
  and the digest that it must have; before that it is absent, or as it was;
- when the command has reported, the new one is there;
- a log that is made compact is the same log at any moment;
- the same command again succeeds, and leaves no part files.

Each operation also fails once (full disk, broken disk, half a write, a request to end): then the
exit status is 1, nothing unfinished is left, and what had its name is as it was.

That the test can fail is shown by mutants of the record, which must be found.
"""

import copy
import errno
import os
import shutil
import subprocess
import sys

import common
import model as m
from common import Song


class Command:
    """A command in a folder of its own, and what may be left of it."""

    def __init__(self, program, folder, name):
        self.program = program
        self.name = name
        self.root = f"{folder}/{name}"
        self.trace = f"{folder}/{name}.trace"
        self.node = self.root + "/node"
        os.makedirs(self.root)
        program.must(self.node, "init", "--name", "centre")
        self.ingest(1, 4)

    def ingest(self, first, last):
        songs = common.write_codegen(self.root + ".json", [Song(number) for number in range(first, last)])
        self.program.must(self.node, "ingest", songs)

    def standing(self, data):
        found = self.program.run(data, "digest", "--json")
        return (found.json["position"], found.json["digest"]) if found.status == 0 else found.words()

    def record(self):
        """What is done to files by the command, and the model before it."""
        initial = m.Model(self.root)
        initial.scan()
        paths = m.inodes_below(self.root)
        with open(self.trace + ".out", "wb") as out:
            subprocess.run(self.arguments(), check=True, stdout=out, stderr=subprocess.DEVNULL,
                           env=self.program.preloaded(ECHOPRINT_TRACE=self.trace))
        operations = m.read_trace(self.trace)
        reported = os.path.getsize(self.trace + ".out")
        operations.append(m.Operation(m.END, reported=reported))
        m.annotate(operations, self.root, paths)
        return initial, operations

    def check(self, view, reported):
        """What is wrong with a state."""
        shutil.rmtree(self.root)
        os.makedirs(self.root)
        m.build(view, self.root, self.root)
        return self.problem(reported) or self.again()

    def again(self):
        ran = subprocess.run(self.arguments(), capture_output=True, text=True, env=self.program.environment)
        if ran.returncode:
            return f"the second run ends with {ran.returncode}: {ran.stderr[-300:]}"
        return f"left behind: {left(self.root)}" if left(self.root) else self.problem(True)


class Backup(Command):
    """A newer backup in place of an older one, or the first."""

    def __init__(self, program, folder, name, older):
        super().__init__(program, folder, name)
        self.file = self.root + "/out/centre.backup"
        os.makedirs(self.root + "/out")
        self.older = "absent"
        if older:
            program.must(self.node, "backup", self.file)
            self.older = self.standing(self.node)
            self.ingest(4, 6)
        self.newer = self.standing(self.node)

    def arguments(self):
        return [self.program.path, "-d", self.node, "--json", "backup", self.file]

    def problem(self, reported):
        found = "absent"
        if os.path.exists(self.file):
            ran = self.program.run("none", "restore", "--check", "--json", self.file)
            found = (ran.json["position"], ran.json["digest"]) if ran.status == 0 else ran.words()
        legal = [self.newer] if reported else [self.older, self.newer]
        return "" if found in legal else f"the backup is {found}, and not one of {legal}"


class Folder(Command):
    """A third backup in a folder, of which two are kept; or the first."""

    def __init__(self, program, folder, name, plays, older):
        super().__init__(program, folder, name)
        self.folder = self.root + "/out"
        subprocess.run([plays, "write", self.node, "3"], check=True, stdout=subprocess.DEVNULL)
        self.older = []
        os.makedirs(self.folder)
        for number in range(older):
            program.must(self.node, "backup", "--to", self.folder)
            self.older.append(self.standing(self.node))
            self.ingest(10 + 20 * number, 30 + 20 * number)
            program.must(self.node, "compact")  # all pages are others: no backup needs the first pack
        self.newer = self.standing(self.node)

    def arguments(self):
        return [self.program.path, "-d", self.node, "--json", "backup", "--to", self.folder, "--keep", "2"]

    def problem(self, reported):
        """Each backup that is listed can be restored, and none was lost."""
        listed = self.program.run("none", "backup", "--to", self.folder, "--list", "--json")
        found = []
        for kept in listed.json["backups"] if listed.status == 0 else []:
            ran = self.program.run("none", "restore", "--check", "--json", "--at", str(kept["position"]), self.folder)
            found.append((ran.json["position"], ran.json["digest"]) if ran.status == 0 else ran.words())
        all_of_them = self.older + [self.newer]
        legal = [self.older, all_of_them, all_of_them[-2:]]
        # The second run may have added the same state again.
        again = [all_of_them + [self.newer], [self.newer] * 2]
        legal = [all_of_them[-2:]] + again if reported else legal
        return "" if found in legal else f"the backups are {found}, and not one of {legal}"

    def again(self):
        problem = super().again()
        used = self.packs()
        return problem or ("" if used <= {1, 2, 3} else f"packs are left: {used}")

    def packs(self):
        return {int(name.split(".")[0]) for name in os.listdir(self.folder + "/packs")}


class Restore(Command):
    """A backup with a log of plays and a token into a new folder."""

    def __init__(self, program, folder, name, plays):
        super().__init__(program, folder, name)
        subprocess.run([plays, "write", self.node, "3"], check=True, stdout=subprocess.DEVNULL)
        with open(self.node + "/ingest.token", "w", encoding="ascii") as file:
            file.write("0123456789abcdef\n")
        self.expected = self.standing(self.node)
        self.key = self.file("node/key")
        program.must(self.node, "backup", self.root + "/centre.backup")
        shutil.rmtree(self.node)

    def arguments(self):
        return [self.program.path, "-d", self.node, "--json", "restore", self.root + "/centre.backup"]

    def file(self, name):
        try:
            with open(f"{self.root}/{name}", "rb") as file:
                return file.read()
        except OSError:
            return None

    def problem(self, reported):
        if not os.path.exists(self.node):
            return "it is absent, but was reported" if reported else ""
        if self.standing(self.node) != self.expected:
            return f"the log is {self.standing(self.node)}, and not {self.expected}"
        if self.file("node/key") != self.key or self.file("node/ingest.token") != b"0123456789abcdef\n":
            return "the key or the token is not as it was"
        verified = self.program.run(self.node, "verify")
        if verified.status:
            return f"verify: {verified.words()}"
        played = self.program.run(self.node, "plays", "--json")
        return "" if played.status == 0 else f"plays: {played.words()}"

    def again(self):
        if os.path.exists(self.node):
            shutil.rmtree(self.node)  # what is there is not overwritten
        return super().again()


class Compact(Command):
    """A log and a log of plays with free pages."""

    def __init__(self, program, folder, name, plays):
        super().__init__(program, folder, name)
        for number in range(10, 60):
            songs = common.write_codegen(self.root + ".json", [Song(number)])
            program.must(self.node, "ingest", "--no-index", songs)
        program.must(self.node, "delete", *[Song(number).track_id for number in range(10, 55)])
        subprocess.run([plays, "write", self.node, "20"], check=True, stdout=subprocess.DEVNULL)
        program.run(self.node, "query", "1 2")  # brings the index up to date
        self.expected = self.standing(self.node)
        self.played = self.plays()
        self.before = self.size()

    def arguments(self):
        return [self.program.path, "-d", self.node, "--json", "compact"]

    def plays(self):
        return self.program.run(self.node, "plays", "--json").stdout

    def size(self):
        return os.path.getsize(self.node + "/data.mdb")

    def problem(self, reported):
        if reported and self.size() >= self.before:
            return f"the log has {self.size()} bytes, and had {self.before}"
        if self.standing(self.node) != self.expected:
            return f"the log is {self.standing(self.node)}, and not {self.expected}"
        verified = self.program.run(self.node, "verify")
        if verified.status:
            return f"verify: {verified.words()}"
        return "" if self.plays() == self.played else "the plays are not as they were"


def states(initial, operations, models):
    """All different states: (operations done, how, view)."""
    model = copy.deepcopy(initial)
    seen = {}
    for count in range(len(operations) + 1):
        if count:
            model.apply(operations[count - 1])
        done = count == len(operations)
        for names, data in models:
            view = model.view(names, data)
            seen[(m.fingerprint(view), done)] = (count, m.kept(names, data), view)
    return sorted(seen.values(), key=lambda state: state[:2])


def problems_of(command, initial, operations, models, until_wrong=False):
    found = states(initial, operations, models)
    wrong = []
    for count, how, view in found:
        problem = command.check(view, count == len(operations))
        if problem:
            wrong.append(f"{how} after operation {count} of {len(operations)}: {problem}")
            if until_wrong:
                break
    return wrong, len(found)


FAULTS = ("%d term", f"%d {errno.ENOSPC}", f"%d {errno.ENOSPC}+", f"%d {errno.EIO}", "%d short")


def left(root):
    """Names of unfinished files and folders."""
    return [name for _, folders, files in os.walk(root) for name in folders + files
            if name.endswith((".part", ".tmp"))]


def emptied(root):
    """Whether what is left is a folder without data, whose removal has failed."""
    return not any("data.mdb" in files for folder, _, files in os.walk(root) if folder.endswith(".tmp")) and \
        set(left(root)) == {"compact.tmp"}


def problem_of_fault(command, fault):
    """What is wrong when an operation fails; None where there is no such operation."""
    if os.path.exists(command.trace):
        os.unlink(command.trace)
    ran = subprocess.run(command.arguments(), capture_output=True, text=True,
                         env=command.program.preloaded(ECHOPRINT_TRACE=command.trace, ECHOPRINT_TRACE_FAIL=fault))
    if not any(o.kind == m.FAILED for o in m.read_trace(command.trace)):
        return None
    if ran.returncode not in (0, 1) or (ran.returncode == 1 and not ran.stderr.strip()):
        return f"exit status {ran.returncode}: {ran.stderr[-300:]}"
    if left(command.root) and not emptied(command.root):
        return f"left behind: {left(command.root)}"
    return command.problem(ran.returncode == 0)


def faults(command, initial, count):
    """An operation fails, or the program is asked to end before it: nothing unfinished is left."""
    wrong = []
    came = 0
    for number in range(1, count + 4):
        for form in FAULTS:
            shutil.rmtree(command.root)
            os.makedirs(command.root)
            m.build(initial.view(), command.root, command.root)
            problem = problem_of_fault(command, form % number)
            came += problem is not None
            if problem:
                wrong.append(f"{form % number}: {problem}")
    return wrong, came


def without(kind, ending):
    """Drops the operations of a kind on the files whose paths end so."""
    return lambda operations: [o for o in operations if not (o.kind == kind and o.target.endswith(ending))]


def without_last_sync(operations):
    """Drops the sync of the folder behind the rename."""
    last = max(i for i, o in enumerate(operations) if o.kind == m.SYNC)
    return operations[:last] + operations[last + 1:]


def under_the_final_name(operations):
    """Written under the final name at once."""
    final = {o.inode: o.other for o in operations if o.kind == m.RENAME}
    return [o.copy(path=final[o.inode]) if o.kind == m.CREATE and o.inode in final else o
            for o in operations if not (o.kind == m.RENAME and o.inode in final)]


def packs_first(operations):
    """The packs that a removed map needs go before the map."""
    packs = [o for o in operations if o.kind == m.UNLINK and o.target.endswith(".pack")]
    first = min(i for i, o in enumerate(operations) if o.kind == m.UNLINK and o.target.endswith(".map"))
    return operations[:first] + packs + [o for o in operations[first:] if o not in packs] if packs else operations


MUTANTS = [
    ("backup", "fsync of the file removed", without(m.SYNC, "centre.backup.part")),
    ("backup", "fsync of its folder removed", without_last_sync),
    ("backup", "written under its final name", under_the_final_name),
    ("folder", "fsync of the pack removed", without(m.SYNC, ".pack.part")),
    ("folder", "fsync of the folder of packs removed", without(m.SYNC, "out/packs")),
    ("folder", "fsync of the map removed", without(m.SYNC, ".map.part")),
    ("folder", "packs removed before the maps that need them", packs_first),
    ("restore", "fsync of the log removed", without(m.SYNC, "data.mdb")),
    ("restore", "fsync of the key removed", without(m.SYNC, "node.part/key")),
    ("restore", "fsync of the new folder removed", without(m.SYNC, "node.part")),
    ("restore", "fsync of the folder above removed", without_last_sync),
    ("compact", "fsync of the copies removed", without(m.SYNC, "compact.tmp/data.mdb")),
    ("compact", "written over the log", under_the_final_name),
    ("compact", "fsync of the folder removed", without(m.SYNC, "node")),
]


def main():
    parser = common.arguments_parser(__doc__.splitlines()[0], needs_trace=True)
    parser.add_argument("--plays", required=True, help="the tool that writes logs of plays (plays.c)")
    arguments = parser.parse_args()
    program = common.Program(arguments.program, arguments.trace)
    plays = os.path.abspath(arguments.plays)
    results = common.Results()
    with common.work_folder() as folder:
        folder = os.path.realpath(folder)
        commands = [Backup(program, folder, "backup", True), Backup(program, folder, "first", False),
                    Folder(program, folder, "folder", plays, 2), Folder(program, folder, "new folder", plays, 0),
                    Restore(program, folder, "restore", plays), Compact(program, folder, "compact", plays)]
        for command in commands:
            initial, operations = command.record()
            wrong, count = problems_of(command, initial, operations, m.MODELS)
            results.check(f"{command.name}: every crash is survived", wrong,
                          f"{len(operations)} operations, {count} states")
            wrong, came = faults(command, initial, len(operations))
            results.check(f"{command.name}: every operation may fail", wrong, f"{came} faults")
            for name, change in [mutant[1:] for mutant in MUTANTS if mutant[0] == command.name]:
                changed = change(operations)
                wrong, _ = problems_of(command, initial, changed, m.MODELS, until_wrong=True)
                unchanged = "" if changed != operations else "nothing was changed"
                results.check(f"{command.name}: mutant is found: {name}", unchanged or ([] if wrong else "it survives"),
                              wrong[0][:160] if wrong else "")
    return results.end()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""A disk that is full, fails, or may only be read.

- Every operation of ingest, delete and dump fails once (the library of trace.c does it): with "no
  space left", with an error of the disk, from then on for all, or as a write that is cut short. The
  command says so and fails, or gets by without; the folder is as a kill there would leave it; the
  same command again completes.
- A small file system in memory fills up for real, in a mount namespace of its own: the message
  names what is full, nothing that was there is lost, no file stands under its final name in part,
  and with room made everything completes. The same with a limit on the size of files.
- A data folder, and a folder for dumps, that can only be read.

One long file: all three run the same commands and ask the same of what they left.
"""

import errno
import os
import resource
import shutil
import subprocess
import sys

import common
import model as m
from checker import Checker
from common import Song
from scenarios import Maker, dump_files, make_all, status_of, summary

FAULTS = [
    ("no space left", "%d " + str(errno.ENOSPC)),
    ("no space left from then on", "%d " + str(errno.ENOSPC) + "+"),
    ("an error of the disk", "%d " + str(errno.EIO)),
    ("a write cut short", "%d short"),
]
WORDS = {errno.ENOSPC: "No space left on device", errno.EIO: "Input/output error"}


# ---- every operation fails ----


def failed_here(record):
    """Whether the record holds an operation that was made to fail."""
    return os.path.exists(record) and any(o.kind == m.FAILED for o in m.read_trace(record))


def run_with_fault(checker, program, faulty, fault):
    """Runs the scenario's commands, the one of that number with a fault, until one fails; returns
    (last run, whether the fault came)."""
    record = checker.root + ".trace"
    reached = False
    for number, arguments in enumerate(checker.scenario.commands):
        if os.path.exists(record):
            os.unlink(record)
        more = {"ECHOPRINT_TRACE_FAIL": fault} if number == faulty else {}
        environment = program.preloaded(ECHOPRINT_TRACE=record, **more,
                                        **checker.scenario.environment)
        ran = program.run(checker.data, "--json", *[checker.here(a) for a in arguments],
                          environment=environment)
        reached = reached or failed_here(record)
        if ran.status not in (0, 3):
            break
    return ran, reached


def words_missing(ran, fault):
    """A failure names its reason."""
    number = fault.split()[1].rstrip("+")
    wanted = WORDS.get(int(number)) if number != "short" else None
    if not ran.stderr.strip():
        return ["it failed without a word"]
    if wanted and wanted not in ran.stderr:
        return [f"the reason is not named: {ran.words()}"]
    return []


def check_fault(checker, program, faulty, fault, sound):
    """Returns (problems, whether the fault came). sound: what was found sound already, to be added
    to: several faults of one operation may leave the same behind."""
    scenario = checker.scenario
    m.build(scenario.initial.view(), checker.root, scenario.root)
    ran, reached = run_with_fault(checker, program, faulty, fault)
    problems = []
    if ran.status in (0, 3):
        if reached:
            problems += ["it was reported as done: " + problem
                         for problem in checker.check_after(False, True)]
    elif ran.status != 1:
        problems.append(ran.words())
    else:
        problems += words_missing(ran, fault)
    left = m.fingerprint(m.read_back(checker.root))
    if left in sound:
        return problems, reached
    problems += checker.check_before(0)
    failed, _ = checker.rerun(None)
    problems += failed or checker.check_after(False, False)
    if not problems:
        sound.add(left)
    return problems, reached


def faults_of(scenario):
    """(number of the command, fault, text) for all operations, also those that come only after a
    fault."""
    for faulty in range(len(scenario.commands)):
        here = sum(1 for operation in scenario.operations if operation.command == faulty)
        for number in range(1, here + 4):
            for name, form in FAULTS:
                yield faulty, form % number, f"{scenario.commands[faulty][0]}: operation " \
                                             f"{number}: {name}"


def every_operation_fails(results, program, folder):
    scenarios = make_all(Maker(program, folder))
    for scenario in scenarios.values():
        checker = Checker(program, scenario, 1)
        wrong = []
        sound = set()
        came = 0
        for faulty, fault, text in faults_of(scenario):
            problems, reached = check_fault(checker, program, faulty, fault, sound)
            came += reached
            if problems:
                wrong.append(f"{text}: {problems[0]}")
        results.check(f"{scenario.name}: every operation may fail", wrong,
                      f"{came} faults, {len(sound)} different states")
        for text in wrong[1:6]:
            common.say(f"    {text}")


# ---- a small file system ----


def inside_namespace():
    """Runs this script again where mounts are its own; returns only where that is not possible,
    with the reason, or inside."""
    if os.environ.get("ECHOPRINT_TEST_NAMESPACE"):
        return None
    environment = dict(os.environ, ECHOPRINT_TEST_NAMESPACE="1")
    for more in ([], ["-r"]):  # as root; else as root of a user namespace
        command = ["unshare", "-m"] + more
        try:
            tried = subprocess.run(command + ["sh", "-c", "mount -t tmpfs none /mnt"],
                                   capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if tried.returncode == 0:
            os.execvpe("unshare", command + [sys.executable] + sys.argv, environment)
    return common.first_line(tried.stderr) or "no mount namespace can be made"


class Disk:
    """A file system in memory of a fixed size."""

    mounted = []

    def __init__(self, folder, name, size_kb):
        self.path = os.path.join(folder, name)
        os.makedirs(self.path)
        self.mounted.append(self)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "none", self.path],
                       check=True)

    def remount(self, options):
        # With the type and source named, mount(8) does not add the old owner, which a user's own
        # namespace cannot map.
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"remount,{options}", "none", self.path], check=True)

    def fill(self, leave_kb=0):
        """Fills it up with one file."""
        with open(os.path.join(self.path, "filler"), "wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)) == 4096:
                    pass
            except OSError:
                pass
            file.truncate(max(0, file.tell() // 4096 * 4096 - leave_kb * 1024))

    def empty(self):
        os.unlink(os.path.join(self.path, "filler"))

    @classmethod
    def close_all(cls):
        for disk in cls.mounted:
            subprocess.run(["umount", "-l", disk.path], check=False)


def full(ran, *names):
    """A full disk: status 1, and what is full is named."""
    problems = []
    if ran.status != 1:
        problems.append(f"not exit status 1, but {ran.words()}")
    if "No space left on device" not in ran.stderr and "File too large" not in ran.stderr:
        problems.append(f"the reason is not named: {ran.words()}")
    if not any(name in ran.stderr for name in names):
        problems.append(f"what is full is not named: {ran.words()}")
    return problems


def whole(program, data, before=None):
    """The log can be read, and is as before."""
    verified = program.run(data, "verify")
    if verified.status != 0:
        return [f"verify: {verified.words()}"]
    if before and summary(status_of(program, data)) != before:
        return ["the log is not as it was"]
    return []


def final_files(folder, complete):
    """complete: the contents that files may have."""
    return [f"{name} is there in part" for name, content in dump_files(folder).items()
            if content not in complete]


def left_over(folder):
    return [f"{name} is left over" for name in os.listdir(folder) if common.is_part_file(name)]


def big_csv(folder, count=12, seconds=3000):
    return common.write_csv(os.path.join(folder, "big.csv"), [
        Song(5000 + i, seconds=seconds, codes_a_second=25) for i in range(count)])


class Node:
    """A node with some songs on a disk, and what it is to hold in the end."""

    def __init__(self, program, folder, disk_kb):
        self.program = program
        self.disk = Disk(folder, f"disk{disk_kb}-{len(os.listdir(folder))}", disk_kb)
        self.data = self.disk.path + "/node"
        self.out = self.disk.path + "/out"
        os.makedirs(self.out)
        self.first = common.write_csv(folder + "/first.csv", [Song(4000 + i) for i in range(4)])
        program.must(self.data, "slave-ingest", self.first)
        self.before = summary(status_of(program, self.data))


def full_ingest(results, program, folder, big):
    node = Node(program, folder, 1536)
    for strict in (["--strict"], []):
        ran = program.run(node.data, "slave-ingest", *strict, big)
        name = " ".join(["slave-ingest"] + strict)
        results.check(f"full disk: {name} says so", full(ran, node.data))
        results.check(f"full disk: {name} loses nothing",
                      whole(program, node.data, node.before if strict else None))
    shown = [program.run(node.data, "show", Song(4000 + i).track_id).status for i in range(4)]
    results.check("full disk: what was there is there", "" if shown == [0] * 4 else str(shown))
    node.disk.remount("size=64m")
    again = program.run(node.data, "slave-ingest", big)
    reference = folder + "/reference"
    program.must(reference, "slave-ingest", node.first, big)
    same = status_of(program, reference)["digest"] == status_of(program, node.data)["digest"]
    results.check("full disk: with more room slave-ingest completes",
                  again.words() if again.status else
                  whole(program, node.data) + ([] if same else ["another digest"]))
    return node, reference


def full_dump(results, program, node, reference, folder):
    kept = folder + "/kept"
    os.makedirs(kept)
    # Beside the series, so that the watermark stays.
    program.must(reference, "master-dump", "--all", "--lines", "10", "-o", kept)
    complete = set(dump_files(kept).values())
    small = Disk(folder, "dumps", 600)
    for options in ([], ["--compress", "zstd"]):
        before = summary(status_of(program, node.data))
        ran = program.run(node.data, "master-dump", "--lines", "10", "-o", small.path, *options)
        name = " ".join(["master-dump"] + options)
        results.check(f"full disk: {name} says so", full(ran, "echoprint-replication-out"))
        results.check(f"full disk: {name} leaves no file and no watermark",
                      final_files(small.path, set()) + left_over(small.path) +
                      whole(program, node.data, before))
    ran = program.run(node.data, "master-dump", "--all", "-o", "-",
                      stdout_path="/dev/full")
    results.check("full disk: master-dump -o - says so", full(ran, "standard output"))
    # The files fit, but the log has no room for the note.
    node.disk.fill()
    ran = program.run(node.data, "master-dump", "--lines", "10", "-o", folder)
    problems = [] if ran.status == 0 else full(ran, node.data)
    results.check("full disk: master-dump with no room for its note says so, or completes",
                  problems + final_files(folder, complete) + whole(program, node.data))
    node.disk.empty()
    small.remount("size=64m")
    again = program.run(node.data, "master-dump", "--lines", "10", "-o", small.path)
    rows = sorted(row for where in (folder, small.path)
                  for content in dump_files(where).values() for row in common.parse_rows(content))
    wanted = sorted(row for content in complete for row in common.parse_rows(content))
    results.check("full disk: with more room master-dump completes",
                  (again.words() if again.status else []) or
                  final_files(small.path, complete) + left_over(small.path) + left_over(folder) +
                  ([] if rows == wanted else [f"{len(rows)} rows, not {len(wanted)}"]))


def full_delete(results, program, node):
    before = summary(status_of(program, node.data))
    node.disk.fill()
    ids = [Song(5000 + i).track_id for i in range(12)]
    ran = program.run(node.data, "delete", *ids)
    # Pages that are free within the log may be enough.
    problems = whole(program, node.data) if ran.status == 0 else \
        full(ran, node.data) + whole(program, node.data, before)
    results.check("full disk: delete says so and changes nothing, or completes", problems)
    node.disk.empty()
    program.run(node.data, "delete", *ids)
    results.check("full disk: with more room delete completes", whole(program, node.data) +
                  ([] if status_of(program, node.data)["tracks"] == 4 else ["tracks are left"]))


def full_init(results, program, folder):
    disk = Disk(folder, "init", 64)
    for leave_kb in (0, 4, 8, 16, 32, 48):
        disk.fill(leave_kb)
        data = disk.path + f"/node{leave_kb}"
        ran = program.run(data, "init", "--name", "small")
        problems = [] if ran.status == 0 and leave_kb >= 40 else full(ran, data)
        read = program.run(data, "status")
        if read.status not in (0, 1):
            problems.append(f"status: {read.words()}")
        disk.empty()
        disk.remount("size=8m")
        again = program.run(data, "init", "--name", "small")
        if again.status:
            problems.append(f"with more room: {again.words()}")
        else:
            problems += whole(program, data)
        results.check(f"full disk: init with {leave_kb} KiB left says so, and completes later",
                      problems)
        shutil.rmtree(data, ignore_errors=True)
        disk.remount("size=64k")


def full_rejects(results, program, folder):
    disk = Disk(folder, "rejects", 64)
    data = folder + "/rejecting"
    bad = folder + "/bad.csv"
    with open(bad, "wb") as file:
        for i in range(40):
            file.write(b"TRBAD-%d,4.12,%s,60,a,b\r\n" % (i, b"1 2 " * 1500))
            file.write(common.csv_bytes(Song(6000 + i, seconds=20).rows()))
    path = disk.path + "/rejects.csv"
    ran = program.run(data, "slave-ingest", "--rejects", path, bad)
    results.check("full disk: --rejects says so", full(ran, path) + whole(program, data))
    disk.remount("size=8m")
    again = program.run(data, "slave-ingest", "--rejects", path, bad)
    lines = open(path, "rb").read().count(b"\n") if os.path.exists(path) else 0
    results.check("full disk: with more room --rejects completes",
                  (again.words() if again.status != 3 else []) or
                  ([] if lines == 40 else [f"{lines} rejected rows are in the file, not 40"]) +
                  ([] if status_of(program, data)["tracks"] == 40 else ["tracks are missing"]))


# ---- a limit on the size of files ----


def limited(bytes_max):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, bytes_max))


def file_limit(results, program, folder, big):
    data = folder + "/limited"
    out = folder + "/limited-out"
    os.makedirs(out)
    ran = program.run(data, "slave-ingest", big, preexec_fn=limited(300 * 1024))
    results.check("limit of file size: slave-ingest says so", full(ran, data) +
                  whole(program, data))
    program.must(data, "slave-ingest", big)
    before = summary(status_of(program, data))
    ran = program.run(data, "master-dump", "-o", out, preexec_fn=limited(300 * 1024))
    results.check("limit of file size: master-dump says so",
                  full(ran, "echoprint-replication-out") + final_files(out, set()) +
                  left_over(out) + whole(program, data, before))
    ran = program.run(data, "master-dump", "-o", out)
    results.check("limit of file size: without it master-dump completes",
                  ran.words() if ran.status else left_over(out))


# ---- folders that can only be read ----


def refused(ran, *names):
    problems = []
    if ran.status != 1:
        problems.append(f"not exit status 1, but {ran.words()}")
    if "Read-only file system" not in ran.stderr:
        problems.append(f"the reason is not named: {ran.words()}")
    if not any(name in ran.stderr for name in names):
        problems.append(f"what can only be read is not named: {ran.words()}")
    return problems


def read_only(results, program, folder):
    node = Node(program, folder, 4096)
    dumps = folder + "/no-dumps"
    os.makedirs(dumps)
    other = Disk(folder, "read-only-dumps", 4096)
    other.remount("ro")
    before = summary(status_of(program, node.data))
    ran = program.run(node.data, "master-dump", "-o", other.path)
    results.check("read-only folder: master-dump -o says so",
                  refused(ran, other.path, "echoprint-replication-out") +
                  whole(program, node.data, before))
    lock = node.data + "/lock.mdb"
    for with_lock in (True, False):
        if not with_lock:
            node.disk.remount("rw")
            os.unlink(lock)
        node.disk.remount("ro")
        suffix = "" if with_lock else ", without lock.mdb"
        for command in (["status"], ["verify"], ["digest"], ["show", Song(4000).track_id],
                        ["master-dump", "--dry-run"], ["master-dump", "-o", "-"]):
            ran = program.run(node.data, *command)
            results.check(f"read-only data folder{suffix}: {' '.join(command)} reads",
                          ran.words() if ran.status else "")
        for command in (["slave-ingest", node.first], ["delete", Song(4000).track_id],
                        ["init"], ["master-dump", "-o", dumps]):
            ran = program.run(node.data, *command)
            name = " ".join(command[:1])
            results.check(f"read-only data folder{suffix}: {name} says so",
                          refused(ran, node.data) + final_files(dumps, set()))
    node.disk.remount("rw")
    results.check("read-only data folder: all is there afterwards",
                  whole(program, node.data, before))
    new = program.run(other.path + "/new", "init")
    results.check("read-only folder: init of a new data folder says so",
                  refused(new, other.path))


def on_small_disks(results, program, folder, big):
    os.makedirs(folder)
    node, reference = full_ingest(results, program, folder, big)
    full_dump(results, program, node, reference, folder)
    full_delete(results, program, node)
    full_init(results, program, folder)
    full_rejects(results, program, folder)
    read_only(results, program, folder)


def main():
    arguments = common.arguments_parser(__doc__.splitlines()[0], needs_trace=True).parse_args()
    why_not = inside_namespace()
    results = common.Results()
    program = common.Program(arguments.program, arguments.trace)
    with common.work_folder() as folder:
        folder = os.path.realpath(folder)
        os.makedirs(folder + "/faults")
        every_operation_fails(results, program, folder + "/faults")
        big = big_csv(folder)
        file_limit(results, program, folder, big)
        if why_not:
            results.skip("full disk", f"no file system can be mounted here: {why_not}")
            results.skip("read-only folder", f"no file system can be mounted here: {why_not}")
            return results.end()
        try:
            on_small_disks(results, program, folder + "/mounts", big)
        finally:
            Disk.close_all()
    return results.end()


if __name__ == "__main__":
    sys.exit(main())

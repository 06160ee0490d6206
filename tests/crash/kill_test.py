#!/usr/bin/env python3
"""Programs that are really killed: at random moments, and by the signals that ask for an end.

The kills are a check of the model that crash_test.py enumerates: what a kill leaves for real is
held against the same rules. The seed is printed; --seed repeats a run (its moments are times, so
not to the operation).
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import common
from common import Song

# What an interrupted command may still use: a second of all cores. Others may use them too.
END_CPU_S = 1.0 * len(os.sched_getaffinity(0))
END_S = 120  # of which the rest goes to others
SANITIZED = 6  # times slower
STARTED_S = 30


# ---- at random moments ----


class Input:
    """Files that all rounds ingest, and their rows."""

    def __init__(self, folder):
        songs = [Song(8000 + i, seconds=600, codes_a_second=20) for i in range(24)]
        self.files = [common.write_csv(f"{folder}/in{i}.csv", songs[6 * i:6 * i + 6])
                      for i in range(4)]
        self.rows = sorted(row for song in songs for row in song.rows())


class Round:
    """A node that is killed until its work is done."""

    def __init__(self, program, folder, given, rng):
        self.program = program
        self.files = given.files
        self.rows = given.rows
        self.rng = rng
        self.data = folder + "/node"
        self.out = folder + "/out"
        os.makedirs(self.out)
        self.kills = 0
        self.longest = 0.05  # of a run that ended by itself

    def run_and_kill(self, *arguments):
        """Runs a command and kills it at a random moment. Whether it ended by itself."""
        began = time.monotonic()
        process = subprocess.Popen([self.program.path, "-d", self.data, *arguments],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env=self.program.environment)
        try:
            process.wait(timeout=self.rng.uniform(0, 1.2 * self.longest))
            self.longest = max(0.02, min(self.longest, time.monotonic() - began))
            if process.returncode != 0:
                raise RuntimeError(f"{arguments[0]}: exit status {process.returncode}: "
                                   f"{process.stderr.read().decode()[-300:]}")
            return True
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.kills += 1
            self.longest *= 1.05  # at last it is long enough
            return False
        finally:
            process.stderr.close()

    def check(self):
        if not os.path.exists(self.data + "/data.mdb"):
            return []
        ran = self.program.run(self.data, "verify")
        # A kill may have come before the first commit.
        return [] if ran.status in (0, 1) else [f"verify: {ran.words()}"]

    def rows_in_files(self):
        rows = []
        for name in os.listdir(self.out):
            if common.is_dump_file(name):
                with open(os.path.join(self.out, name), "rb") as file:
                    rows += common.parse_rows(file.read())
        return sorted(rows)

    def work(self):
        """All of it, again and again until it ends by itself."""
        problems = []
        for command in ([["slave-ingest", *self.files[:2]], ["master-dump"],
                         ["slave-ingest", *self.files[2:]], ["master-dump"]]):
            if command[0] == "master-dump":
                command += ["-o", self.out, "--lines", "5"]
            while not problems and not self.run_and_kill(*command):
                problems += self.check()
        problems += self.check()
        rows = self.rows_in_files()
        if rows != self.rows:
            problems.append(f"{len(rows)} rows are in the files ({len(set(rows))} different), not "
                            f"{len(self.rows)}")
        problems += [f"{name} is left over" for name in os.listdir(self.out)
                     if common.is_part_file(name)]
        return problems


def kill_at_random(results, program, folder, seed, seconds):
    given = Input(folder)
    end = time.monotonic() + seconds
    rounds = kills = 0
    problems = []
    while time.monotonic() < end and not problems:
        where = f"{folder}/round{rounds}"
        os.makedirs(where)
        one = Round(program, where, given, random.Random(seed * 1000 + rounds))
        problems = one.work()
        rounds += 1
        kills += one.kills
        shutil.rmtree(where)
    results.check(f"killed at random moments (seed {seed})", problems,
                  f"{kills} kills in {rounds} rounds")


# ---- signals that ask for an end ----


def wait_for(what, process):
    end = time.monotonic() + STARTED_S
    while not what():
        if time.monotonic() > end or process.poll() is not None:
            return False
        time.sleep(0.005)
    return True


def cpu_s(process):
    """What a process has used so far."""
    with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def interrupt(program, process, number):
    """Returns (problems, words on standard error)."""
    before = cpu_s(process)
    children = os.times()
    process.send_signal(number)
    try:
        _, words = process.communicate(timeout=END_S * (SANITIZED if program.runtimes else 1))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return ["it does not end"], ""
    after = os.times()
    problems = []
    used = after.children_user + after.children_system - children.children_user - \
        children.children_system - before
    if used > END_CPU_S * (SANITIZED if program.runtimes else 1):
        problems.append(f"it took {used:.1f} s of CPU time to end, in "
                        f"{after.elapsed - children.elapsed:.1f} s")
    if process.returncode != 1:
        problems.append(f"exit status {process.returncode}, not 1: {words.decode()[-300:]}")
    return problems, words.decode()


def tracks(program, data):
    ran = program.run(data, "status", "--json")
    return ran.json["tracks"] if ran.status == 0 else 0


def ingest_from_pipe(results, program, folder, number):
    """What came before a pause of the input is committed, and kept whoever still writes."""
    name = signal.Signals(number).name
    data = f"{folder}/pipe-{name}"
    songs = [Song(9000 + i) for i in range(20)]
    rows = [common.csv_bytes(song.rows()) for song in songs]
    process = subprocess.Popen([program.path, "-d", data, "slave-ingest", "-"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=program.environment)
    process.stdin.write(b"".join(rows[:10]) + rows[10][:200])
    process.stdin.flush()
    came = wait_for(lambda: tracks(program, data) >= 9, process)
    problems, words = interrupt_with_open_pipe(program, process, number)
    if not came:
        problems.append("what came before a pause was not committed")
    if "interrupted" not in words or "kept" not in words:
        problems.append(f"it does not say what was kept: {words!r}")
    kept = tracks(program, data)
    # The last song might still have grown, so nine or ten.
    if not 9 <= kept <= 10:
        problems.append(f"{kept} tracks were kept, not 9 or 10")
    verified = program.run(data, "verify")
    if verified.status:
        problems.append(f"verify: {verified.words()}")
    file = common.write_csv(f"{folder}/{name}.csv", songs)
    again = program.run(data, "--json", "slave-ingest", file)
    if again.status or tracks(program, data) != len(songs):
        problems.append(f"it does not complete later: {again.words()}")
    elif again.json["read"] != 2 * len(songs):
        problems.append(f"{again.json['read']} rows were read again, not {2 * len(songs)}")
    results.check(f"{name} in an ingest from a pipe", problems)


def interrupt_with_open_pipe(program, process, number):
    """The writer is still there: the end of input must not be what ends the program."""
    stdin = process.stdin
    process.stdin = None
    try:
        return interrupt(program, process, number)
    finally:
        try:
            stdin.close()
        except BrokenPipeError:
            pass


def big_node(program, folder):
    data = folder + "/big"
    file = common.write_csv(folder + "/big.csv", [
        Song(9500 + i, seconds=6000, codes_a_second=30) for i in range(6)])
    program.must(data, "slave-ingest", file)
    with open(file, "rb") as one:
        content = one.read()
    # Ids of one size, so that the songs can be copied under others: hundreds of megabytes of rows.
    copies = f"{folder}/copies.csv"
    with open(copies, "wb") as out:
        for i in range(30):
            out.write(content.replace(b"TRCRASH", b"TRCR%03d" % i))
    program.must(data, "slave-ingest", copies)
    os.unlink(copies)
    return data


def interrupt_dump(results, program, folder, data, number, options):
    name = signal.Signals(number).name
    out = f"{folder}/dump-{name}{''.join(options)}"
    os.makedirs(out)
    before = program.must(data, "status", "--json").json["dumps"]
    process = subprocess.Popen(
        [program.path, "-d", data, "master-dump", "-o", out, "--lines", "20", *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=program.environment)
    started = wait_for(lambda: any(common.is_part_file(file) for file in os.listdir(out)), process)
    problems, words = interrupt(program, process, number)
    check = f"{name} in a dump" + (f" with {' '.join(options)}" if options else "")
    if not started or (process.returncode == 0 and os.listdir(out)):
        results.skip(check, "the dump was done before the signal came")
        return
    if "interrupted" not in words:
        problems.append(f"it does not say that it was interrupted: {words!r}")
    problems += [f"{file} is left" for file in os.listdir(out)]
    if program.must(data, "status", "--json").json["dumps"] != before:
        problems.append("the watermark has moved")
    results.check(check, problems)


def main():
    parser = common.arguments_parser(__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100000)
    parser.add_argument("--seconds", type=float, default=10, help="of random kills")
    arguments = parser.parse_args()
    results = common.Results()
    program = common.Program(arguments.program)
    with common.work_folder() as folder:
        kill_at_random(results, program, folder, arguments.seed, arguments.seconds)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            ingest_from_pipe(results, program, folder, number)
        data = big_node(program, folder)
        for options in ([], ["--compress", "zstd"], ["--compress", "bzip2"]):
            interrupt_dump(results, program, folder, data, signal.SIGTERM, options)
        interrupt_dump(results, program, folder, data, signal.SIGINT, [])
        out = folder + "/complete"
        os.makedirs(out)
        ran = program.run(data, "--json", "master-dump", "-o", out)
        status = program.must(data, "status", "--json").json
        results.check("an interrupted dump completes later", ran.words() if ran.status else
                      "" if ran.json["documents"] == status["documents"] else
                      f"{ran.json['documents']} documents, not {status['documents']}")
    return results.end()


if __name__ == "__main__":
    sys.exit(main())

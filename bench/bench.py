#!/usr/bin/env python3
"""Measures Echoprint beside PostgreSQL, SQLite and DuckDB, with cat and cp as limits, on generated
CSV. Echoprint is measured with its search index and without, which the others do not have either;
SQLite with its default journal and with WAL.

All are run in turn, several times, in one go on one machine; shown are medians. Nothing is dropped
or synced between the runs: the CSV is in the page cache where there is room, and each program is as
durable as it is by default (the ingests, COPY in and .import sync what they commit; Echoprint also
syncs the files that it dumps, the others and cp do not). What each wrote is compared with the CSV.
A peak of memory below that of this program, 30 MB, shows as that. CPU time of PostgreSQL is that of
the whole server and the client. "th" is how many threads each may use for the work: who uses
several has less wall clock for the same CPU time, and "a core" is the figure to compare.
"""
import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile

from peers import Duckdb, Postgres, Sqlite, SqliteWal
from running import (BenchError, digest_of_lines, file_system_of, folder_size, output_of,
                     processor_name, run, sha256_of)

DOCUMENTS = 66000
DOCUMENTS_QUICK = 5000
DOCUMENT_SIZE = 16100  # bytes of CSV, about
ROOM = 8  # times the CSV that is needed on disk

LOAD_MAX = 0.5  # load average, above which others disturb

MEGA = 1e6


class Echoprint:
    """The program that this is about."""

    name = "Echoprint"
    threads = len(os.sched_getaffinity(0))
    options = ()

    def __init__(self, build, workdir):
        self.program = os.path.join(build, "echoprint")
        self.data = os.path.join(workdir, "echoprint")
        self.out = os.path.join(workdir, "dump")

    def version(self):
        """Its version."""
        return output_of([self.program, "--version"])

    def start(self):
        """Nothing to start."""

    def stop(self):
        """Nothing to stop."""

    def load(self, source):
        """Ingests the CSV file source, into a new data folder."""
        shutil.rmtree(self.data, ignore_errors=True)
        usage = run([self.program, "-d", self.data, "--json", "slave-ingest",
                     *self.options, source.path])
        report = json.loads(usage.output)
        if report["read"] != source.rows or report["new"] != source.rows:
            raise BenchError(f"Echoprint took in {report['new']} rows of {source.rows}")
        return usage

    def size(self):
        """Bytes that the data folder takes on disk."""
        return folder_size(self.data)

    def dump(self, source):
        """Writes files, which must be the CSV file source."""
        os.makedirs(self.out)
        usage = run([self.program, "-d", self.data, "-q", "master-dump", "--all", "-o", self.out])
        # ...-1.csv to ...-12.csv, in the order of their numbers.
        names = sorted(os.listdir(self.out), key=lambda name: (len(name), name))
        if sha256_of([os.path.join(self.out, name) for name in names]) != source.sha256:
            raise BenchError("Echoprint dumped other rows than it took in")
        shutil.rmtree(self.out)
        return usage

    def dump_to_pipe(self):
        """Writes into a pipe."""
        return run([self.program, "-d", self.data, "-q", "master-dump", "--all", "-o", "-"],
                   reader=["wc", "-c"])


class EchoprintNoIndex(Echoprint):
    """Without its search index, which the others do not have either."""

    name = "no index"
    options = ("--no-index",)

    def version(self):
        """Told once."""
        return ""


class Source:
    """The CSV that all take in, and what tells whether they gave it back."""

    def __init__(self, path):
        self.path = path
        self.size = os.stat(path).st_size
        self.sha256 = sha256_of([path])
        self.lines = digest_of_lines(path)
        self.rows = self.lines[0]


class Bench:
    """What is measured with, and what came of it: by program and task, a Usage for every run."""

    def __init__(self, options, workdir):
        self.options = options
        self.workdir = workdir
        self.source = None
        self.usages = {}
        self.folders = {}
        self.skipped = []
        self.load = os.getloadavg()[0]
        build = os.path.abspath(options.build)
        self.systems = [Echoprint(build, workdir), EchoprintNoIndex(build, workdir)]
        for peer in (Postgres, Sqlite, SqliteWal, Duckdb):
            if not peer.present():
                self.skipped.append(f"{peer.name} is skipped: {peer.missing}")
            else:
                self.systems.append(peer(workdir))

    def say(self, text):
        """Tells on a terminal what is being done."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()

    def generate(self):
        """Makes the CSV."""
        self.say("generating songs")
        generate = os.path.join(os.path.abspath(self.options.build), "bench", "generate")
        path = os.path.join(self.workdir, "documents.csv")
        usage = run([generate, "--documents", str(self.options.documents)], stdout=path)
        self.note("generator", "make", usage)
        os.chmod(path, 0o644)
        self.source = Source(path)

    def note(self, name, task, usage):
        """Keeps a result."""
        self.usages.setdefault((name, task), []).append(usage)

    def limits(self):
        """What reading and copying takes."""
        copy = os.path.join(self.workdir, "copy")
        self.note("cat", "read", run(["cat", self.source.path], reader=["wc", "-c"]))
        self.note("cp", "copy", run(["cp", self.source.path, copy]))
        os.remove(copy)

    def one_run(self, number):
        """Every task once; out goes what went in just before."""
        for system in self.systems:
            self.say(f"run {number} of {self.options.runs}: {system.name} in")
            self.note(system.name, "in", system.load(self.source))
            self.folders[system.name] = system.size()
            self.say(f"run {number} of {self.options.runs}: {system.name} out")
            self.note(system.name, "out", system.dump(self.source))
            usage = system.dump_to_pipe()
            size = int(usage.output)
            if size < self.source.size - 2 * self.source.rows:
                raise BenchError(f"{system.name} wrote {size} bytes of {self.source.size} "
                                 "into a pipe")
            self.note(system.name, "pipe", usage)
        self.say(f"run {number} of {self.options.runs}: cat and cp")
        self.limits()

    def measure(self):
        """Everything."""
        try:
            for system in self.systems:
                system.start()
            self.generate()
            for number in range(self.options.runs):
                self.one_run(number + 1)
        finally:
            for system in self.systems:
                system.stop()
            self.say("")

    def median(self, name, task, what):
        """The median of wall, cpu or memory; None where it was not measured."""
        usages = self.usages.get((name, task))
        return statistics.median(getattr(usage, what) for usage in usages) if usages else None

    def environment(self):
        """Where this was measured."""
        versions = ", ".join(filter(None, (system.version() for system in self.systems)))
        return (f"{processor_name()}, {len(os.sched_getaffinity(0))} cores; Linux "
                f"{platform.release()}; {file_system_of(self.workdir)}; {versions}")


TASKS = (("in", "slave-ingest / COPY in / .import"),
         ("out", "master-dump / COPY out / export, to files"),
         ("pipe", "the same, into a pipe"))
LIMITS = (("cat", "read", "cat, into a pipe"), ("cp", "copy", "cp"),
          ("generator", "make", "the generator"))


def result_of(bench, name, task):
    """One line of the table, as a dict."""
    usages = bench.usages[name, task]
    wall = bench.median(name, task, "wall")
    cpu = bench.median(name, task, "cpu")
    threads = {system.name: system.threads for system in bench.systems}.get(name, 1)
    return {"name": name, "task": task, "threads": threads, "wall_s": wall, "cpu_s": cpu,
            "wall_of_runs_s": [usage.wall for usage in usages],
            "cpu_of_runs_s": [usage.cpu for usage in usages],
            "mb_per_s": bench.source.size / MEGA / wall,
            "mb_per_cpu_s": bench.source.size / MEGA / max(cpu, 1e-3),
            "memory_mb": max(usage.memory for usage in usages) / MEGA}


def goals_of(bench):
    """What the figures are to be: (what, measured, goal, unit, at least or at most); None where it
    could not be measured."""
    def ratio(peer, task):
        own = "no index" if task == "in" else "Echoprint"
        other = bench.median(peer, task, "wall")
        return None if other is None else other / bench.median(own, task, "wall")

    def per_core(task, name="Echoprint"):
        return bench.source.size / MEGA / bench.median(name, task, "cpu")

    memory = max(usage.memory for (name, _), usages in bench.usages.items()
                 for usage in usages if name in ("Echoprint", "no index"))
    return [("ingest --no-index, PostgreSQL's COPY in", ratio("PostgreSQL", "in"), 10, "times", True),
            ("ingest --no-index, SQLite's .import", ratio("SQLite", "in"), 2, "times", True),
            ("ingest --no-index", per_core("in", "no index"), 150, "MB/s a core", True),
            ("master-dump, PostgreSQL's COPY out", ratio("PostgreSQL", "out"), 3, "times", True),
            ("master-dump, SQLite's export", ratio("SQLite", "out"), 2, "times", True),
            ("master-dump into a pipe", per_core("pipe"), 500, "MB/s a core", True),
            ("data folder, of the CSV 1 /", bench.source.size / bench.folders["Echoprint"], 20, "",
             True),
            ("memory of dump and ingest", memory / MEGA, 256, "MB", False)]


def report_of(bench):
    """All that --json writes."""
    results = [result_of(bench, *key) for key in bench.usages]
    goals = [{"what": what, "measured": measured, "goal": goal, "unit": unit,
              "met": None if measured is None else (measured >= goal) == at_least}
             for what, measured, goal, unit, at_least in goals_of(bench)]
    return {"environment": bench.environment(), "load": bench.load, "documents": bench.source.rows,
            "bytes": bench.source.size, "sha256": bench.source.sha256,
            "runs": bench.options.runs, "results": results,
            "folder_bytes": bench.folders, "goals": goals, "skipped": bench.skipped}


def print_line(label, result):
    """One line of the table of results."""
    runs = result["wall_of_runs_s"]
    print(f"  {label:<14}{result['threads']:3}{result['wall_s']:9.2f}"
          f"  {min(runs):7.2f} -{max(runs):7.2f}"
          f"{result['cpu_s']:9.2f}{result['mb_per_s']:9.0f}{result['mb_per_cpu_s']:9.0f}"
          f"{result['memory_mb']:9.0f}")


def print_report(bench, report):
    """The tables."""
    print(report["environment"])
    print(f"{report['documents']:,} documents, {report['bytes']:,} bytes of CSV; median of "
          f"{report['runs']} runs of each, in turn\n")
    results = {(result["name"], result["task"]): result for result in report["results"]}
    print(f"  {'':<14}{'th':>3}{'wall s':>9}  {'least - most':>16}{'CPU s':>9}{'MB/s':>9}"
          f"{'a core':>9}{'peak MB':>9}")
    for task, title in TASKS:
        print(title)
        for system in bench.systems:
            print_line(system.name, results[system.name, task])
    print("limits")
    for name, task, label in LIMITS:
        print_line(label, results[name, task])
    print("\non disk")
    for name, size in report["folder_bytes"].items():
        print(f"  {name:<14}{size / MEGA:9.1f} MB, 1/{report['bytes'] / size:.1f} of the CSV")
    print("\ngoals")
    for goal in report["goals"]:
        measured = "skipped" if goal["measured"] is None else f"{goal['measured']:.1f}"
        met = {True: "met", False: "MISSED", None: "skipped"}[goal["met"]]
        print(f"  {goal['what']:<40}{measured:>9} of {goal['goal']} {goal['unit']:<12} {met}")
    for words in report["skipped"]:
        print(words)
    if report["load"] > LOAD_MAX:
        print(f"other programs were running (load average {report['load']:.1f} at the start): wall "
              "clock and ratios are not to be trusted, CPU time is less affected")


def check_room(workdir, documents):
    """Refuses to begin what would fill the disk."""
    need = documents * DOCUMENT_SIZE * ROOM + 200 * 1000 * 1000
    free = shutil.disk_usage(workdir).free
    if free < need:
        raise BenchError(f"{workdir} has {free / 1e9:.1f} GB free, and {need / 1e9:.1f} GB are "
                         "needed: give another folder with --workdir, or less with --documents")


def remove_folder(folder):
    """Removes a folder, whoever owns what is in it."""
    shutil.rmtree(folder, ignore_errors=True)
    if os.path.exists(folder):
        print(f"bench.py: cannot remove all of {folder}", file=sys.stderr)


def read_options():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder of the build (default: build)")
    parser.add_argument("--documents", type=int, help=f"default: {DOCUMENTS}, 1.06 GB")
    parser.add_argument("--quick", action="store_true",
                        help=f"{DOCUMENTS_QUICK} documents, one run, to see that all works")
    parser.add_argument("--runs", type=int, help="runs of each (default: 3)")
    parser.add_argument("--json", metavar="FILE", help="write the results to FILE as JSON")
    parser.add_argument("--workdir", default=os.environ.get("TMPDIR", "/var/tmp"),
                        help="folder for a temporary folder (default: $TMPDIR or /var/tmp)")
    options = parser.parse_args()
    options.documents = options.documents or (DOCUMENTS_QUICK if options.quick else DOCUMENTS)
    options.runs = options.runs or (1 if options.quick else 3)
    if options.documents < 1 or options.runs < 1:
        parser.error("--documents and --runs must be 1 or more")
    for program in ("echoprint", "bench/generate"):
        if not os.access(os.path.join(options.build, program), os.X_OK):
            parser.error(f"{options.build}/{program} is not there: ninja -C {options.build}")
    return options


def stop(number, _frame):
    """A signal ends the bench as Ctrl-C does, so that it cleans up."""
    raise KeyboardInterrupt(number)


def main():
    options = read_options()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    workdir = None
    try:
        check_room(options.workdir, options.documents)
        workdir = tempfile.mkdtemp(prefix="echoprint-bench-", dir=os.path.abspath(options.workdir))
        os.chmod(workdir, 0o755)
        bench = Bench(options, workdir)
        bench.measure()
        report = report_of(bench)
    except BenchError as error:
        sys.exit(f"bench.py: {error}")
    except KeyboardInterrupt:
        sys.exit("bench.py: stopped")
    finally:
        if workdir:
            remove_folder(workdir)
    print_report(bench, report)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Measures Echoprint with a million documents, 16 GB of CSV, which never lie on the disk.

Two parts. First, on fewer documents in a file, in turn and several times: the ingest of a packet
beside the ingest of the CSV that it stands for. Then, once and with all documents: the generator
into an ingest, everything out again as CSV and as a packet, the packet into a second data folder,
and CSV out of that. Both CSVs must be, byte for byte, what the generator writes.

CPU time and memory are those of echoprint alone. The wall clock of an ingest from the generator is
also the generator's, whose own time is shown; that of a dump is also that of a program that hashes
what comes. A peak of memory below that of this program, 30 MB, shows as that.
"""
import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from running import (BenchError, Usage, file_system_of, folder_size, output_of, processor_name,
                     run, sha256_of)

DOCUMENTS = 1000000
RATIO_DOCUMENTS = 66000
DOCUMENT_SIZE = 16900  # bytes of CSV, about
FOLDER_SIZE = 300  # bytes that a document takes in a data folder, at most
PACKET_GOAL = 5  # times faster than CSV
MEMORY_GOAL = 256  # MB

MEGA = 1e6

# Hashes its standard input: prints the number of bytes and their SHA-256.
HASH = """
import hashlib, sys
digest, size = hashlib.sha256(), 0
while block := sys.stdin.buffer.read(1 << 20):
    digest.update(block)
    size += len(block)
print(size, digest.hexdigest())
"""


def run_from(source, command):
    """Runs a command that reads what the command `source` writes; its Usage, and the CPU seconds of
    the source."""
    start = time.monotonic()
    children = []
    try:
        giver = subprocess.Popen(source, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, start_new_session=True)
        children.append(giver)
        taker = subprocess.Popen(command, stdin=giver.stdout, stdout=subprocess.PIPE,
                                 start_new_session=True)
        children.append(taker)
        giver.stdout.close()
        output = taker.stdout.read()
        usages = {}
        for child in (taker, giver):
            _, status, usages[child] = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
    except BaseException:
        for child in children:
            if child.returncode is None:
                os.killpg(child.pid, signal.SIGKILL)
        raise
    wall = time.monotonic() - start
    for child in (taker, giver):
        if child.returncode != 0:
            raise BenchError(f"{' '.join(child.args)} failed with exit status {child.returncode}")
    used, given = usages[taker], usages[giver]
    return (Usage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, output),
            given.ru_utime + given.ru_stime)


class Node:
    """A data folder."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder

    def command(self, *arguments):
        """The command line of a command on it."""
        return [self.program, "-d", self.folder, *arguments]

    def ingest(self, path, documents):
        """Takes a file into a new data folder, which must bring so many documents."""
        self.remove()
        usage = run(self.command("--json", "slave-ingest", path))
        check_ingest(usage, documents)
        return usage

    def dump_packet(self, path):
        """Writes everything as one packet."""
        return run(self.command("-q", "master-dump", "--all", "--format", "packet", "-o", "-"),
                   stdout=path)

    def dump_csv(self, size, sha256):
        """Writes everything as CSV, which must have this size and hash."""
        usage = run(self.command("-q", "master-dump", "--all", "-o", "-"),
                    reader=[sys.executable, "-c", HASH])
        if usage.output.split() != [b"%d" % size, sha256.encode()]:
            raise BenchError(f"{self.folder} gave other CSV than was taken in")
        return usage

    def verify(self):
        """Reads everything back."""
        usage = run(self.command("--json", "verify"))
        report = json.loads(usage.output)
        if report["problems"]:
            raise BenchError(f"verify found {report['problems']} problems")
        return usage

    def digest(self):
        """The state digest."""
        return json.loads(run(self.command("--json", "digest")).output)["digest"]

    def remove(self):
        """Removes the data folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def check_ingest(usage, documents):
    """All documents must be new."""
    report = json.loads(usage.output)
    if report["read"] != report["new"] or (documents and report["new"] != documents):
        raise BenchError(f"of {report['read']} documents {report['new']} are new, and "
                         f"{documents or 'all'} were to be")
    return report["new"]


class Bench:
    """What is measured, and what came of it."""

    def __init__(self, options, workdir):
        self.options = options
        self.workdir = workdir
        self.program = os.path.join(os.path.abspath(options.build), "echoprint")
        self.generate = os.path.join(os.path.abspath(options.build), "bench", "generate")
        self.packet = os.path.join(workdir, "documents.packet")
        self.ratio = {"usages": {}}
        self.large = {"steps": []}

    def say(self, text):
        """Tells on a terminal what is being done."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()

    def node(self, name):
        """A data folder in the work folder."""
        return Node(self.program, os.path.join(self.workdir, name))

    # ---- packet beside CSV ----

    def measure_ratio(self):
        """The ingest of a packet beside that of its CSV."""
        csv = os.path.join(self.workdir, "documents.csv")
        first, second = self.node("from-csv"), self.node("from-packet")
        self.say("generating songs")
        run([self.generate, "--documents", str(self.options.ratio_documents)], stdout=csv)
        size = os.stat(csv).st_size
        sha256 = sha256_of([csv])
        documents = check_ingest(first.ingest(csv, None), None)
        first.dump_packet(self.packet)
        usages = {"CSV in": [], "packet in": [], "CSV out": [], "packet out": [], "verify": []}
        for number in range(self.options.runs):
            self.say(f"run {number + 1} of {self.options.runs}: {documents:,} documents")
            usages["CSV in"].append(first.ingest(csv, documents))
            usages["packet in"].append(second.ingest(self.packet, documents))
            usages["CSV out"].append(second.dump_csv(size, sha256))
            usages["packet out"].append(second.dump_packet(self.packet))
            usages["verify"].append(second.verify())
        self.ratio = {"documents": documents, "csv_bytes": size,
                      "packet_bytes": os.stat(self.packet).st_size, "usages": usages}
        os.remove(csv)
        os.remove(self.packet)
        first.remove()
        second.remove()

    # ---- a million ----

    def step(self, name, usage, **more):
        """Keeps what a step took."""
        self.large["steps"].append({"name": name, "wall_s": usage.wall, "cpu_s": usage.cpu,
                                    "memory_mb": usage.memory / MEGA, **more})

    def measure_large(self):
        """The round trip of all documents."""
        generate = [self.generate, "--documents", str(self.options.documents)]
        first, second = self.node("first"), self.node("second")

        self.say("the generator alone")
        usage = run(generate, reader=[sys.executable, "-c", HASH])
        size, sha256 = int(usage.output.split()[0]), usage.output.split()[1].decode()
        self.step("generator alone, into a hash", usage)

        self.say("generator into slave-ingest")
        usage, generator_cpu = run_from(generate, first.command("--json", "slave-ingest", "-"))
        documents = check_ingest(usage, None)
        self.step("CSV from the generator in", usage, generator_cpu_s=generator_cpu)

        self.say("CSV out")
        self.step("CSV out, into a hash", first.dump_csv(size, sha256))
        self.say("packet out")
        self.step("packet out", first.dump_packet(self.packet))
        self.say("packet in")
        self.step("packet in", second.ingest(self.packet, documents))
        if first.digest() != second.digest():
            raise BenchError("the packet made another state")
        self.say("CSV out again")
        self.step("CSV out of that, into a hash", second.dump_csv(size, sha256))
        self.say("verify")
        self.step("verify", second.verify())
        self.large.update({"documents": documents, "csv_bytes": size, "sha256": sha256,
                           "packet_bytes": os.stat(self.packet).st_size,
                           "folder_bytes": folder_size(first.folder),
                           "folder_of_packet_bytes": folder_size(second.folder),
                           "digest": first.digest()})

    def environment(self):
        """Where this was measured."""
        return (f"{processor_name()}, {len(os.sched_getaffinity(0))} cores; Linux "
                f"{platform.release()}; {file_system_of(self.workdir)}; "
                f"{output_of([self.program, '--version'])}")

    def report(self):
        """All that --json writes."""
        report = {"environment": self.environment(), "goals": []}
        if self.options.runs:
            report["few"] = few_of(self.ratio)
            report["goals"].append(goal_of("packet in beside CSV in, wall clock",
                                           report["few"]["ratio_wall"], PACKET_GOAL, "times", True))
            report["goals"].append(goal_of("packet in beside CSV in, CPU time",
                                           report["few"]["ratio_cpu"], PACKET_GOAL, "times", True))
        if self.options.documents:
            report["many"] = self.large
            steps = {step["name"]: step for step in self.large["steps"]}
            report["goals"].append(goal_of(
                "the same of all documents, CPU time",
                steps["CSV from the generator in"]["cpu_s"] / steps["packet in"]["cpu_s"],
                PACKET_GOAL, "times", True))
            memory = max(step["memory_mb"] for name, step in steps.items()
                         if not name.startswith("generator"))
            report["goals"].append(goal_of("memory", memory, MEMORY_GOAL, "MB", False))
        return report


def goal_of(what, measured, goal, unit, at_least):
    """One goal, as a dict."""
    return {"what": what, "measured": measured, "goal": goal, "unit": unit,
            "met": (measured >= goal) == at_least}


def few_of(ratio):
    """The first part, as a dict of medians."""
    few = {key: ratio[key] for key in ("documents", "csv_bytes", "packet_bytes")}
    few["steps"] = []
    medians = {}
    for name, usages in ratio["usages"].items():
        wall = statistics.median(usage.wall for usage in usages)
        cpu = statistics.median(usage.cpu for usage in usages)
        medians[name] = wall, cpu
        few["steps"].append({"name": name, "wall_s": wall, "cpu_s": cpu,
                             "memory_mb": max(usage.memory for usage in usages) / MEGA,
                             "wall_of_runs_s": [usage.wall for usage in usages],
                             "cpu_of_runs_s": [usage.cpu for usage in usages]})
    few["ratio_wall"] = medians["CSV in"][0] / medians["packet in"][0]
    few["ratio_cpu"] = medians["CSV in"][1] / medians["packet in"][1]
    return few


def print_steps(part):
    """A table of what was done."""
    print(f"  {'':<30}{'wall s':>9}{'CPU s':>9}{'MB/s':>9}{'a core':>9}{'docs/s':>11}"
          f"{'peak MB':>9}")
    for step in part["steps"]:
        wall, cpu = step["wall_s"], max(step["cpu_s"], 1e-3)
        mega = part["csv_bytes"] / MEGA
        more = (f"  and {step['generator_cpu_s']:.1f} s CPU of the generator"
                if "generator_cpu_s" in step else "")
        print(f"  {step['name']:<30}{wall:9.2f}{cpu:9.2f}{mega / wall:9.0f}{mega / cpu:9.0f}"
              f"{part['documents'] / wall:11,.0f}{step['memory_mb']:9.0f}{more}")


def print_report(report):
    """The tables."""
    print(report["environment"] + "; MB are of CSV")
    if "few" in report:
        few = report["few"]
        print(f"\n{few['documents']:,} documents: {few['csv_bytes']:,} bytes of CSV in a file, "
              f"{few['packet_bytes']:,} of packet; medians of "
              f"{len(few['steps'][0]['cpu_of_runs_s'])} runs, in turn")
        print_steps(few)
    if "many" in report:
        many = report["many"]
        count = many["documents"]
        print(f"\n{count:,} documents: {many['csv_bytes']:,} bytes of CSV, through pipes, once")
        print_steps(many)
        for name, what in (("packet_bytes", "packet"), ("folder_bytes", "data folder from CSV"),
                           ("folder_of_packet_bytes", "data folder from the packet")):
            size = many[name]
            print(f"  {what:<30}{size:15,} bytes, {size / count:.1f} a document, 1/"
                  f"{many['csv_bytes'] / size:.1f} of the CSV")
        print(f"  CSV of both data folders is the generator's: sha256 {many['sha256']}")
    print("\ngoals")
    for goal in report["goals"]:
        print(f"  {goal['what']:<40}{goal['measured']:9.1f} of {goal['goal']} {goal['unit']:<6}"
              f"{'met' if goal['met'] else 'MISSED'}")


def check_room(options):
    """Refuses to begin what would fill the disk."""
    need = max(options.documents * FOLDER_SIZE * 3,
               options.ratio_documents * DOCUMENT_SIZE * 5 // 4 if options.runs else 0) + 10 ** 8
    free = shutil.disk_usage(options.workdir).free
    if free < need:
        raise BenchError(f"{options.workdir} has {free / 1e9:.1f} GB free, and {need / 1e9:.1f} GB "
                         "are needed: give another folder with --workdir, or less documents")


def read_options():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder of the build (default: build)")
    parser.add_argument("--documents", type=int, default=DOCUMENTS,
                        help=f"of the second part; 0: not done (default: {DOCUMENTS})")
    parser.add_argument("--ratio-documents", type=int, default=RATIO_DOCUMENTS,
                        help=f"of the first part (default: {RATIO_DOCUMENTS}, 1.1 GB)")
    parser.add_argument("--runs", type=int, default=3,
                        help="runs of the first part; 0: not done (default: 3)")
    parser.add_argument("--json", metavar="FILE", help="write the results to FILE as JSON")
    parser.add_argument("--workdir", default=os.environ.get("TMPDIR", "/var/tmp"),
                        help="folder for a temporary folder (default: $TMPDIR or /var/tmp)")
    options = parser.parse_args()
    if options.documents < 0 or options.runs < 0 or options.ratio_documents < 1:
        parser.error("--documents and --runs must be 0 or more, --ratio-documents 1 or more")
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
        check_room(options)
        workdir = tempfile.mkdtemp(prefix="echoprint-large-", dir=os.path.abspath(options.workdir))
        bench = Bench(options, workdir)
        if options.runs:
            bench.measure_ratio()
        if options.documents:
            bench.measure_large()
        bench.say("")
        report = bench.report()
    except BenchError as error:
        sys.exit(f"large.py: {error}")
    except KeyboardInterrupt:
        sys.exit("large.py: stopped")
    finally:
        if workdir:
            shutil.rmtree(workdir, ignore_errors=True)
    print_report(report)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()

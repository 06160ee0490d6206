#!/usr/bin/env python3
"""Measures how many bytes a document takes: as CSV, compressed, in the log, in a packet.

Of real songs, and of songs of the generator. The tables of the onset coder have been learnt on the
real songs; so these are measured again with tables that were learnt on the other half of them.
"""
import argparse
import concurrent.futures
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile

from running import (BenchError, file_system_of, folder_size, output_of, processor_name, run)
from two_fold import MEASURED, TwoFold

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCUMENTS = 5000
NEED = 2 * 1000 * 1000 * 1000  # bytes of free disk

COMPRESSORS = (("bzip2 -9", ["bzip2", "-9c"]),
               ("xz -9e", ["xz", "-9ec", "-T1"]),
               ("zstd -19 --long", ["zstd", "-q", "-19", "--long", "-c"]))

PACKET_MOST = 140  # bytes a document
PACKET_OF_BZIP2 = 30  # times smaller


class Node:
    """A data folder."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder

    def call(self, *arguments, stdout=None):
        """Runs a command on it."""
        return run([self.program, "-d", self.folder, *arguments], stdout=stdout).output

    def ingest(self, path, songs):
        """Takes in a file, all of it."""
        how = ("ingest", "--dedup", "off") if songs else ("slave-ingest",)
        report = json.loads(self.call("--json", *how, path))
        if report["read"] != report["new"]:
            raise BenchError(f"{path}: of {report['read']} documents {report['new']} are new")

    def dump(self, out, form):
        """Writes everything to a file; gives its size."""
        self.call("-q", "master-dump", "--all", "--format", form, "-o", "-", stdout=out)
        return os.stat(out).st_size

    def verified(self):
        """What verify says, which must be that all is well."""
        report = json.loads(self.call("--json", "verify"))
        if report["problems"]:
            raise BenchError(f"verify found {report['problems']} problems")
        return report


def compressed_size(command, path):
    """Bytes that a command makes of a file."""
    with open(path, "rb") as source:
        with subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE,
                              start_new_session=True) as child:
            try:
                size = 0
                while block := child.stdout.read(1 << 20):
                    size += len(block)
            except BaseException:
                child.kill()
                raise
        if child.returncode != 0:
            raise BenchError(f"{command[0]} failed")
    return size


def measure(program, path, workdir, name):
    """Takes in a file of songs or rows, and gives the sizes of everything but compressed CSV."""
    folder = os.path.join(workdir, "data")
    node = Node(program, folder)
    node.ingest(path, path.endswith(".json"))
    csv = os.path.join(workdir, "documents.csv")
    packet = os.path.join(workdir, "documents.packet")
    sizes = {"name": name, "CSV": node.dump(csv, "csv"), "packet": node.dump(packet, "packet"),
             "data folder": folder_size(folder)}
    report = node.verified()
    sizes["documents"] = report["documents"]
    sizes["tracks"] = report["tracks"]
    sizes["forms"] = report["forms"]
    sizes["codes alone"] = sum(form["bytes"] for form in report["forms"].values())
    check_packet(program, packet, csv, workdir)
    shutil.rmtree(folder)
    return sizes


def check_packet(program, packet, csv, workdir):
    """The packet must stand for the same rows."""
    other = Node(program, os.path.join(workdir, "other"))
    other.ingest(packet, False)
    again = os.path.join(workdir, "again.csv")
    other.dump(again, "csv")
    if subprocess.run(["cmp", "-s", csv, again], check=False).returncode != 0:
        raise BenchError("the packet gave other rows")
    os.remove(again)
    shutil.rmtree(other.folder)


class Bench:
    """What is measured, and what came of it."""

    def __init__(self, options, workdir):
        self.options = options
        self.workdir = workdir
        self.program = os.path.join(os.path.abspath(options.build), "echoprint")
        self.sets = []
        self.folds = []
        self.notes = []
        self.speeds = []

    def say(self, text):
        """Tells on a terminal what is being done."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{text}")
            sys.stderr.flush()

    def real_songs(self):
        """(name, path) of real songs."""
        data = self.options.data
        if data:
            return [(name, os.path.join(data, name)) for name in MEASURED]
        self.notes.append("the shared data are not there (ECHOPRINT_SHARED_DATA): of real songs "
                          "only tests/data/songs.json is measured, with the tables as they are")
        return [("songs.json", os.path.join(ROOT, "tests", "data", "songs.json"))]

    def generated(self):
        """CSV of the generator."""
        path = os.path.join(self.workdir, "generated.csv")
        generate = os.path.join(os.path.abspath(self.options.build), "bench", "generate")
        run([generate, "--documents", str(self.options.documents)], stdout=path)
        return path

    def measure_sets(self):
        """Everything but the two halves."""
        songs = self.real_songs()
        songs.append(("generated", self.generated()))
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for name, path in songs:
                self.say(f"measuring {name}")
                sizes = measure(self.program, path, self.workdir, name)
                csv = os.path.join(self.workdir, "documents.csv")
                for label, size in zip((label for label, _ in COMPRESSORS),
                                       pool.map(lambda item, of=csv: compressed_size(item[1], of),
                                                COMPRESSORS)):
                    sizes[label] = size
                self.sets.append(sizes)
                if self.options.speed:
                    self.measure_speed(name, csv)

    def measure_speed(self, name, csv):
        """The coder beside compressors, on this CSV."""
        self.say(f"measuring the coder on {name}")
        coder = os.path.join(os.path.abspath(self.options.build), "bench", "coder")
        figures = os.path.join(self.workdir, "coder.json")
        words = run([coder, "--json", figures, csv]).output.decode()
        with open(figures, encoding="utf-8") as file:
            self.speeds.append({"name": name, "words": words, **json.load(file)})

    def measure_folds(self):
        """Each half of the real songs, with tables learnt on the other."""
        if not self.options.data:
            return
        folder = os.path.join(self.workdir, "two-fold")
        os.makedirs(folder)
        fold = TwoFold(ROOT, self.options.data, folder)
        self.say("preparing two halves")
        fold.prepare()
        for half in (0, 1):
            self.say(f"learning from half {half}")
            program = fold.program(half)
            for name in MEASURED:
                path = fold.path_of(name, 1 - half)
                sizes = measure(program, path, self.workdir, name)
                known = measure(self.program, path, self.workdir, name)
                csv = os.path.join(self.workdir, "documents.csv")
                sizes.update({"half": 1 - half, "as built": known["packet"],
                              "bzip2 -9": compressed_size(COMPRESSORS[0][1], csv)})
                self.folds.append(sizes)

    def environment(self):
        """Where this was measured."""
        versions = ", ".join([output_of([self.program, "--version"]),
                              "bzip2 " + bzip2_version(),
                              output_of(["xz", "--version"]).split("\n")[0],
                              "zstd " + output_of(["zstd", "--version"]).split(" v")[-1]
                              .split(",")[0]])
        return (f"{processor_name()}, {len(os.sched_getaffinity(0))} cores; Linux "
                f"{platform.release()}; {file_system_of(self.workdir)}; {versions}")


def bzip2_version():
    """bzip2 tells its version on stderr, and only among other words."""
    done = subprocess.run(["bzip2", "--help"], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    words = (done.stderr + done.stdout).split("Version ")
    return words[1].split(",")[0] if len(words) > 1 else ""


def summed(sizes, name):
    """Several sets as one."""
    total = {"name": name}
    for key, value in sizes[0].items():
        if isinstance(value, int) and key != "half":
            total[key] = sum(one[key] for one in sizes)
    return total


def goals_of(sets, folds):
    """(what, measured, goal, unit, at least or at most). Of real songs, those of the halves count
    where there are any."""
    goals = []
    if folds:
        sets = [summed([one for one in folds if one["name"] == name], name + ", by halves")
                for name in MEASURED] + [one for one in sets if one["name"] == "generated"]
    for one in sets:
        goals.append((f"packet, {one['name']}", one["packet"] / one["documents"], PACKET_MOST,
                      "bytes a document", False))
        goals.append((f"packet in bzip2 -9, {one['name']}", one["bzip2 -9"] / one["packet"],
                      PACKET_OF_BZIP2, "times", True))
    return [{"what": what, "measured": measured, "goal": goal, "unit": unit,
             "met": (measured >= goal) == at_least}
            for what, measured, goal, unit, at_least in goals]


ROWS = ("CSV", *(label for label, _ in COMPRESSORS), "data folder", "packet", "codes alone")


def print_set(sizes):
    """The table of one set."""
    documents = sizes["documents"]
    forms = ", ".join(f"{form['documents']:,} {name}" for name, form in sizes["forms"].items()
                      if form["documents"])
    print(f"\n{sizes['name']}: {documents:,} documents in {sizes['tracks']:,} tracks; stored as "
          f"{forms}")
    print(f"  {'':<18}{'bytes':>14}{'a document':>12}{'% of CSV':>10}{'bzip2 -9 is':>13}")
    for row in ROWS:
        size = sizes[row]
        print(f"  {row:<18}{size:14,}{size / documents:12.1f}{100 * size / sizes['CSV']:10.2f}"
              f"{sizes['bzip2 -9'] / size:11.2f} x")


def print_folds(folds):
    """The table of the halves."""
    print("\nreal songs by halves, with tables learnt on the other half: bytes a document")
    print(f"  {'':<22}{'half':>5}{'documents':>11}{'codes':>9}{'packet':>9}{'as built':>10}"
          f"{'% of CSV':>10}{'bzip2 -9 is':>13}")
    lines = list(folds)
    for name in MEASURED:
        lines.append(summed([fold for fold in folds if fold["name"] == name], name))
    lines.append(summed(folds, "all"))
    for line in lines:
        count = line["documents"]
        print(f"  {line['name']:<22}{line.get('half', 'sum')!s:>5}{count:11,}"
              f"{line['codes alone'] / count:9.1f}{line['packet'] / count:9.1f}"
              f"{line['as built'] / count:10.1f}{100 * line['packet'] / line['CSV']:10.2f}"
              f"{line['bzip2 -9'] / line['packet']:11.2f} x")


def print_report(report):
    """The tables."""
    print(report["environment"])
    for sizes in report["sets"]:
        print_set(sizes)
    if report["halves"]:
        print_folds(report["halves"])
    for speed in report["speeds"]:
        print(f"\nspeed of the coder, {speed['name']}: {speed['words']}", end="")
    print("\ngoals")
    for goal in report["goals"]:
        print(f"  {goal['what']:<52}{goal['measured']:9.1f} of {goal['goal']} {goal['unit']:<18}"
              f"{'met' if goal['met'] else 'MISSED'}")
    for words in report["notes"]:
        print(words)


def shared_data():
    """The folder of real songs; None where it is not there."""
    folder = os.environ.get("ECHOPRINT_SHARED_DATA",
                            os.path.join(os.path.dirname(ROOT), "shared", "data"))
    present = os.path.exists(os.path.join(folder, "library.json"))
    return os.path.abspath(folder) if present else None


def read_options():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder of the build (default: build)")
    parser.add_argument("--documents", type=int, default=DOCUMENTS,
                        help=f"documents of the generator (default: {DOCUMENTS})")
    parser.add_argument("--no-halves", action="store_true", help="do not learn new tables")
    parser.add_argument("--speed", action="store_true",
                        help="measure the speed of the coder too, with bench/coder")
    parser.add_argument("--json", metavar="FILE", help="write the results to FILE as JSON")
    parser.add_argument("--workdir", default=os.environ.get("TMPDIR", "/var/tmp"),
                        help="folder for a temporary folder (default: $TMPDIR or /var/tmp)")
    options = parser.parse_args()
    options.data = shared_data()
    if options.documents < 1:
        parser.error("--documents must be 1 or more")
    for program in ("echoprint", "bench/generate", "bench/coder"):
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
        free = shutil.disk_usage(options.workdir).free
        need = NEED + options.documents * 16100 * 4
        if free < need:
            raise BenchError(f"{options.workdir} has {free / 1e9:.1f} GB free, and "
                             f"{need / 1e9:.1f} GB are needed: give another folder with --workdir")
        workdir = tempfile.mkdtemp(prefix="echoprint-sizes-", dir=os.path.abspath(options.workdir))
        bench = Bench(options, workdir)
        bench.measure_sets()
        if not options.no_halves:
            bench.measure_folds()
        bench.say("")
        report = {"environment": bench.environment(), "sets": bench.sets, "halves": bench.folds,
                  "speeds": bench.speeds, "goals": goals_of(bench.sets, bench.folds),
                  "notes": bench.notes}
    except BenchError as error:
        sys.exit(f"sizes.py: {error}")
    except KeyboardInterrupt:
        sys.exit("sizes.py: stopped")
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

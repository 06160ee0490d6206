#!/usr/bin/env python3
"""Measures the index and the query as the database grows: generated documents beside a library of
real songs, of which degraded excerpts are asked.

For each number of documents: what making the index takes, what it takes on disk; what a query
takes, and whether its answers are still right. The index is made by an ingest that finds its files
gone. A query's time is the least of several runs on one core, as other programs disturb; of 30 s
excerpts the median and what 99 % stay below are shown. The mean is CPU time of all questions. The
cold time is the median over a few of the 30 s excerpts, each asked by a new process after the
system's caches were dropped; only root can do that.
"""
import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile

from excerpts import Data, missing
from plot import Axis, Panel, draw
from running import BenchError, processor_name, run

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCUMENTS = (10000, 30000, 100000, 300000, 1000000)
TICKS = (*DOCUMENTS, 3000000, 10000000)
DROP_CACHES = "/proc/sys/vm/drop_caches"
FOLDER_SIZE = 1000  # bytes that a document takes in a data folder and its index, at most
SECONDS_30 = ("clean30", "mp3_32k_22k", "noise10db", "vol-20db", "lowpass4k")
ROUNDS = 3  # times that all questions are asked in one run where many are needed
LOAD_MAX = 1.0

MEDIAN_GOAL, MOST_GOAL = 2, 10  # ms


class Files:
    """What is asked and taken in, in a folder of its own."""

    def __init__(self, data, folder):
        self.data = data
        self.questions = list(data.excerpts())
        self.library = os.path.join(os.path.abspath(data.folder), "library.json")
        self.song = os.path.join(folder, "song.json")
        self.once = os.path.join(folder, "once.txt")
        self.often = os.path.join(folder, "often.txt")
        self.one = os.path.join(folder, "one.txt")
        with open(self.song, "w", encoding="utf-8") as file:
            json.dump(data.library[:1], file)
        codes = "".join(question.code + "\n" for question in self.questions)
        for path, count in ((self.once, 1), (self.often, ROUNDS)):
            with open(path, "w", encoding="utf-8") as file:
                file.write(codes * count)


class Base:
    """A database of generated documents and the library."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder

    def command(self, *arguments):
        return [self.program, "-d", self.folder, "-q", "--json", *arguments]

    def make(self, generate, documents, library):
        giver = subprocess.Popen([generate, "--documents", str(documents)], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
        taker = subprocess.run(self.command("slave-ingest", "--dedup", "off", "-"), stdin=giver.stdout,
                               capture_output=True, check=False)
        giver.stdout.close()
        if giver.wait() or taker.returncode:
            raise BenchError(f"taking in {documents} documents failed: {taker.stderr.decode().strip()}")
        run(self.command("ingest", library))

    def documents(self):
        return json.loads(run(self.command("status")).output)["documents"]

    def shards(self):
        folder = os.path.join(self.folder, "index")
        return [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".shard")]

    def make_index(self, song):
        """Takes the index away and lets the ingest of a song that is there already make it anew."""
        for path in self.shards():
            os.remove(path)
        usage = run(self.command("ingest", song))
        if not self.shards():
            raise BenchError("the ingest did not make the index")
        return usage

    def ask(self, path, one_core):
        """Usage of the questions in a file."""
        prefix = ["taskset", "-c", "0"] if one_core else []
        return run(prefix + self.command("query", path), good=(0, 3))


def measure_cold(base, files, count):
    """The median of some questions with nothing cached, in ms; None without the right to drop the caches."""
    if not count or not os.access(DROP_CACHES, os.W_OK):
        return None
    questions = [question for question in files.questions if question.kind in SECONDS_30]
    times = []
    for question in questions[::max(1, len(questions) // count)][:count]:
        with open(files.one, "w", encoding="utf-8") as file:
            file.write(question.code + "\n")
        os.sync()
        with open(DROP_CACHES, "w", encoding="utf-8") as file:
            file.write("3\n")
        run([base.program, "--version"])  # so that the program itself is cached
        times.append(json.loads(base.ask(files.one, True).output)["qtime"])
    return sorted(times)[len(times) // 2]


def least(usages, what):
    return min(getattr(usage, what) for usage in usages)


def share_below(sorted_values, share):
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


def measure_queries(base, files, runs):
    """Times and answers of all questions."""
    once = [base.ask(files.once, True) for _ in range(runs)]
    often = [base.ask(files.often, True) for _ in range(runs)]
    both = [base.ask(files.often, False) for _ in range(runs)]
    count = len(files.questions)
    times, answers = [], []
    for usage in (*once, *often):
        answers = [json.loads(line) for line in usage.output.splitlines()]
        for start in range(0, len(answers), count):
            times.append([answer["qtime"] for answer in answers[start:start + count]])
    quickest = [min(of_question) for of_question in zip(*times)]
    ordered = sorted(ms for ms, question in zip(quickest, files.questions) if question.kind in SECONDS_30)
    mean = (least(often, "cpu") - least(once, "cpu")) / ((ROUNDS - 1) * count)
    right = sum(answer["track_id"] in question.right for question, answer in zip(files.questions, answers))
    strangers = sum(answer["match"] and not question.right
                    for question, answer in zip(files.questions, answers))
    wrong = sum(answer["match"] for answer in answers[:count]) - right - strangers
    return {"median_ms": share_below(ordered, 0.5), "most_ms": share_below(ordered, 0.99),
            "mean_ms": mean * 1000, "a_second": ROUNDS * count / least(both, "wall"),
            "memory_mb": max(usage.memory for usage in both) / 1e6,
            "hits": sum(answer["read"]["hits"] for answer in answers[:count]) / count,
            "right": right, "wrong": wrong, "strangers": strangers}


def measure(options, files, documents, workdir):
    program = os.path.abspath(os.path.join(options.build, "echoprint"))
    ready = options.ready and os.path.join(os.path.abspath(options.ready), str(documents))
    base = Base(program, ready or os.path.join(workdir, str(documents)))
    if not ready:
        free = shutil.disk_usage(workdir).free
        if free < documents * FOLDER_SIZE:
            raise BenchError(f"{workdir} has {free / 1e9:.1f} GB free, and {documents * FOLDER_SIZE / 1e9:.1f} "
                             "are needed: give another folder with --workdir, or --documents")
        base.make(os.path.abspath(os.path.join(options.build, "bench/generate")), documents, files.library)
    made = [base.make_index(files.song) for _ in range(options.index_runs)]
    size = sum(os.path.getsize(path) for path in base.shards())
    result = {"documents": base.documents(), "index_cpu_s": least(made, "cpu") if made else None,
              "index_wall_s": least(made, "wall") if made else None,
              "index_memory_mb": max(usage.memory for usage in made) / 1e6 if made else None,
              "index_bytes": size, **measure_queries(base, files, options.runs),
              "cold_ms": measure_cold(base, files, options.cold)}
    result["bytes_a_document"] = size / result["documents"]
    if not ready:
        shutil.rmtree(base.folder)
    return result


COLUMNS = (("documents", "documents", ","), ("index s", "index_wall_s", ".1f"),
           ("CPU s", "index_cpu_s", ".1f"), ("peak MB", "index_memory_mb", ".0f"),
           ("B/document", "bytes_a_document", ".0f"), ("median ms", "median_ms", ".2f"),
           ("99 % ms", "most_ms", ".2f"), ("mean ms", "mean_ms", ".2f"), ("cold ms", "cold_ms", ".0f"),
           ("hits", "hits", ",.0f"), ("queries/s", "a_second", ".0f"),
           ("peak MB", "memory_mb", ".0f"), ("right", "right", "d"), ("wrong", "wrong", "d"),
           ("strangers", "strangers", "d"))


def print_header():
    print("".join(f"{name:>11}" for name, _, _ in COLUMNS), flush=True)


def print_result(result):
    print("".join(f"{'-':>11}" if result[key] is None else f"{result[key]:>11{form}}"
                  for _, key, form in COLUMNS), flush=True)


def draw_growth(path, results):
    low, high = results[0]["documents"] / 1.3, results[-1]["documents"] * 1.3
    x_axis = Axis("documents", low, high, [(n, f"{n:,}") for n in TICKS if low < n < high], True)

    def points(key):
        return [(result["documents"], result[key]) for result in results if result[key] is not None]

    def ticks(values):
        return [(value, f"{value:g}") for value in values]

    draw(path, [
        Panel("A query of a 30 s excerpt, on one core", x_axis,
              Axis("ms", 0.3, 300, ticks((0.3, 1, 3, 10, 30, 100, 300)), True),
              [("median", points("median_ms")), ("99 %", points("most_ms")),
               ("median, nothing cached", points("cold_ms"))], dots=True),
        Panel("Making the index", x_axis, Axis("CPU s", 0.1, 1000, ticks((0.1, 1, 10, 100, 1000)), True),
              [("CPU s, all cores", points("index_cpu_s"))], dots=True),
        Panel("Size of the index", x_axis, Axis("bytes a document", 0, 1000, ticks(range(0, 1001, 200))),
              [("bytes a document", points("bytes_a_document"))], dots=True)])


def print_goals(result):
    if result["documents"] < DOCUMENTS[-1]:
        return
    print(f"\nat {result['documents']:,} documents")
    for what, key, goal in (("median", "median_ms", MEDIAN_GOAL), ("99 %", "most_ms", MOST_GOAL)):
        met = "met" if result[key] <= goal else "MISSED"
        print(f"  {what:<8}{result[key]:8.2f} of {goal} ms  {met}")


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder of the build (default: build)")
    parser.add_argument("--data", default=os.path.join(ROOT, "../shared/data"),
                        help="folder of the fingerprints (default: ../shared/data)")
    parser.add_argument("--documents", type=int, nargs="+", default=DOCUMENTS,
                        help="numbers of generated documents, ascending (default: 10,000 to a million)")
    parser.add_argument("--runs", type=int, default=3, help="runs of the queries (default: 3)")
    parser.add_argument("--cold", type=int, default=21, metavar="N",
                        help="questions that are asked with nothing cached (default: 21; 0: none)")
    parser.add_argument("--index-runs", type=int, default=1,
                        help="runs of making the index (default: 1; 0: it is left as it is)")
    parser.add_argument("--ready", metavar="DIR",
                        help="folder of data folders that are made already, named by the number of documents")
    parser.add_argument("--workdir", default=os.environ.get("TMPDIR", "/var/tmp"),
                        help="folder for a temporary folder (default: $TMPDIR or /var/tmp)")
    parser.add_argument("--json", metavar="FILE", help="write the results to FILE as JSON")
    parser.add_argument("--svg", metavar="FILE", help="draw the growth")
    options = parser.parse_args()
    if min(*options.documents, options.runs) < 1 or options.index_runs < 0:
        parser.error("--documents and --runs must be 1 or more, --index-runs 0 or more")
    for program in ("echoprint", "bench/generate"):
        if not os.access(os.path.join(options.build, program), os.X_OK):
            parser.error(f"{options.build}/{program} is not there: ninja -C {options.build}")
    return options


def stop(number, _frame):
    """A signal ends the bench as Ctrl-C does, so that it cleans up."""
    raise KeyboardInterrupt(number)


def main():
    options = read_options()
    absent = missing(options.data)
    if absent:
        print(f"skip: {os.path.normpath(absent)} is not there; --data DIR says where the fingerprints are")
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    load = os.getloadavg()[0]
    results = []
    try:
        with tempfile.TemporaryDirectory(prefix="echoprint-bench-", dir=options.workdir) as workdir:
            files = Files(Data(options.data), workdir)
            print(f"{processor_name()}, {len(os.sched_getaffinity(0))} cores; Linux {platform.release()}; "
                  f"{len(files.questions)} questions, least of {options.runs} runs\n")
            print_header()
            for documents in options.documents:
                results.append(measure(options, files, documents, workdir))
                print_result(results[-1])
    except BenchError as error:
        sys.exit(f"query.py: {error}")
    except KeyboardInterrupt:
        sys.exit("query.py: stopped")
    print_goals(results[-1])
    if load > LOAD_MAX:
        print(f"other programs were running (load average {load:.1f} at the start): wall clock is not to be "
              "trusted, CPU time is less affected")
    if options.svg:
        draw_growth(options.svg, results)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"load": load, "results": results}, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()

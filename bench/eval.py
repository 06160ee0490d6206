#!/usr/bin/env python3
"""Asks degraded excerpts of real songs, and strangers, by the original's rule and ours.

First all excerpts against the whole library. Then strangers by folds: of five databases each lacks
a fifth of the songs, recordings that are the same held together, and the excerpts of these songs
and cuts of them are strangers to it, of the same kind and often of the same game as what it holds.
From the scores comes what every threshold would give: a table, and with --svg a picture.

With --fit the weights of the rule are fitted anew to these answers, and shown beside those in
src/match/rule.c; each answer is judged by weights that did not see its song.
"""
import argparse
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

from excerpts import FOLDS, Data, missing
from logistic import cross_validated, fit
from plot import Axis, Panel, draw

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RULES = ("original", "evidence")
EVIDENCE = ("codes", "second_codes", "self_codes", "elsewhere_codes", "onsets", "second_onsets",
            "self_onsets", "elsewhere_onsets", "moments", "query_codes")
QUERY_CODES_MIN, MOMENTS_MIN = 200, 6  # src/match/rule.c
THRESHOLDS = (0, 20, 30, 40, 45, 50, 55, 60, 70, 80, 100, 120)
ACCEPTED = 50  # EP_SCORE_ACCEPTED
PARTS = 10  # of the cross-validation


class Node:
    """A database in a folder of its own."""

    def __init__(self, program, folder, songs):
        self.program = program
        self.folder = folder
        self.ingest(songs)

    def ingest(self, songs):
        self.call(["ingest", "-"], json.dumps(songs))

    def delete(self, songs):
        self.call(["delete", *(song["metadata"]["track_id"] for song in songs)], "")

    def call(self, arguments, text):
        done = subprocess.run([self.program, "-d", self.folder, "-q", "--json", *arguments],
                              input=text, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 3):
            sys.exit(f"eval.py: echoprint {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout

    def ask(self, questions, rule):
        """Their answers, in order."""
        codes = "".join(question.code + "\n" for question in questions)
        answers = [json.loads(line) for line in self.call(["query", "--rule", rule, "-"], codes).splitlines()]
        if len(answers) != len(questions):
            sys.exit(f"eval.py: {len(questions)} questions, {len(answers)} answers")
        return [Case(question, answer) for question, answer in zip(questions, answers)]


class Case:
    """A question and its answer."""

    def __init__(self, question, answer):
        self.question = question
        self.score = answer["score"]
        self.match = answer["match"]
        self.right = self.match and answer["track_id"] in question.right
        self.evidence = answer.get("evidence")
        self.own_speed = answer.get("speed", 1) == 1
        self.offset_s = answer["offset_s"]

    def features(self):
        """What the rule weighs: src/match/rule.h."""
        def feature(name, value):
            if name == "query_codes":
                return math.log(max(value, QUERY_CODES_MIN))
            return math.log(max(value, 1) + 2) if "onsets" in name else math.log(value + 1)
        return tuple(feature(name, self.evidence[name]) for name in EVIDENCE)


class Results:
    """All that was asked: by each rule, and what is only asked to fit the weights."""

    def __init__(self):
        self.excerpts = {}
        self.unrelated = {}
        self.folds = {rule: [] for rule in RULES}
        self.encoded_anew = []
        self.on_the_air = []
        self.off_the_air = []  # the same questions where their songs are not there


def say(words):
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)


def measure(program, data, workdir):
    results = Results()
    say("the whole library")
    node = Node(program, os.path.join(workdir, "all"), data.library)
    excerpts, unrelated = list(data.excerpts()), list(data.unrelated())
    for rule in RULES:
        results.excerpts[rule] = node.ask(excerpts, rule)
        results.unrelated[rule] = node.ask(unrelated, rule)
    results.encoded_anew = node.ask(list(data.encoded_anew()), "evidence")
    tracks, heard = data.on_the_air()
    if heard:
        say("on the air")
        air = Node(program, os.path.join(workdir, "air"), data.library + tracks)
        results.on_the_air = air.ask(heard, "evidence")
        results.off_the_air = node.ask(heard, "evidence")
    for fold in range(FOLDS):
        say(f"fold {fold + 1} of {FOLDS}")
        node = Node(program, os.path.join(workdir, str(fold)), data.without(fold))
        strangers = list(data.strangers(fold))
        for rule in RULES:
            results.folds[rule] += node.ask(strangers, rule)
    say("")
    name_rejected(results)
    return results


def measure_beside(program, data, workdir, beside):
    """The same by evidence with the documents of another data folder beside the library, in a
    copy."""
    say(f"beside {beside}")
    results = Results()
    folder = os.path.join(workdir, "beside")
    shutil.copytree(beside, folder)
    node = Node(program, folder, data.library)
    results.excerpts["evidence"] = node.ask(list(data.excerpts()), "evidence")
    results.unrelated["evidence"] = node.ask(list(data.unrelated()), "evidence")
    for fold in range(FOLDS):
        say(f"beside {beside}: fold {fold + 1} of {FOLDS}")
        node.ingest(data.library)
        node.delete(data.of_fold(fold))
        results.folds["evidence"] += node.ask(list(data.strangers(fold)), "evidence")
    say("")
    name_rejected(results)
    return results


def name_rejected(results):
    """A rejected answer does not name its track. It was the right one where the evidence is more
    than without the song: nothing else was added."""
    without = {case.question.code: case for case in results.folds["evidence"] + results.off_the_air}
    for case in results.excerpts["evidence"] + results.on_the_air:
        if case.question.right and not case.match:
            other = without[case.question.code]
            case.right = case.evidence["codes"] > other.evidence["codes"]


# ---- what came out ----

def kinds_of(cases):
    return list(dict.fromkeys(case.question.kind for case in cases))


def percent(part, whole):
    return 100 * part / whole if whole else 0.0


def print_excerpts(results):
    print("excerpts of songs of the library, and strangers\n")
    print(f"  {'':<14}{'':>7}  {'original':^27}  {'evidence':^27}")
    print(f"  {'kind':<14}{'asked':>7}" + f"  {'right':>9}{'wrong':>9}{'rejected':>9}" * 2)
    totals = {rule: [0, 0, 0] for rule in RULES}
    for kind in kinds_of(results.excerpts["evidence"]):
        line = ""
        for rule in RULES:
            cases = [case for case in results.excerpts[rule] if case.question.kind == kind]
            right = sum(case.match and case.right for case in cases)
            wrong = sum(case.match and not case.right for case in cases)
            counts = [right, wrong, len(cases) - right - wrong]
            if kind != "stranger":
                totals[rule] = [a + b for a, b in zip(totals[rule], counts)]
            line += "  " + "".join(f"{count:9}" for count in counts)
        if kind == "stranger":
            print_totals(totals)
        print(f"  {kind:<14}{len(cases):7}{line}")
    print("\n  of a stranger every answer is wrong, and rejecting it is right\n")


def print_offsets(results):
    errors = sorted(abs(case.offset_s - case.question.offset_s) for case in results.excerpts["evidence"]
                    if case.match and case.right)
    near = sum(error <= 0.1 for error in errors)
    print(f"  the offset is right to 0.1 s for {near} of {len(errors)}; half are right to "
          f"{errors[len(errors) // 2]:.3f} s\n")


def print_totals(totals):
    asked = sum(totals["evidence"])
    print(f"  {'all':<14}{asked:7}"
          + "".join("  " + "".join(f"{count:9}" for count in totals[rule]) for rule in RULES))


def print_on_the_air(results):
    if not results.on_the_air:
        return
    print("as they are heard on the air\n")
    print(f"  {'kind':<14}{'right':>7}{'wrong':>7}{'none':>7}{'accepted':>10}")
    for kind in (*sorted(kinds_of(results.on_the_air)), None):
        cases = [case for case in results.on_the_air if kind in (None, case.question.kind)]
        known = [case for case in cases if case.question.right]
        right = sum(case.match and case.right for case in known)
        matches = sum(case.match for case in known)
        strangers = sum(case.match for case in cases if not case.question.right)
        print(f"  {kind or 'all':<14}{right:7}{matches - right:7}{len(known) - matches:7}{strangers:10}")
    print()


def print_strangers(results):
    print("strangers accepted: by folds, and unrelated songs\n")
    print(f"  {'kind':<14}{'asked':>7}{'original':>10}{'%':>8}{'evidence':>10}{'%':>8}")
    cases = {rule: results.folds[rule] + results.unrelated[rule] for rule in RULES}
    for kind in (*kinds_of(cases["evidence"]), None):
        counts = [[case.match for case in cases[rule] if kind in (None, case.question.kind)]
                  for rule in RULES]
        print(f"  {kind or 'all':<14}{len(counts[0]):7}"
              + "".join(f"{sum(count):10}{percent(sum(count), len(count)):8.2f}" for count in counts))
    print()


def curve(cases, counts):
    """For each threshold how many of the cases that count are at or above it."""
    return [(threshold, sum(case.score >= threshold and counts(case) for case in cases))
            for threshold in range(0, 131)]


def curves_of(results):
    """(name, how many there are, curve) of what is right and what is false."""
    excerpts = [case for case in results.excerpts["evidence"] if case.question.right]
    strangers = [case for case in results.excerpts["evidence"] if not case.question.right]
    folds = results.folds["evidence"]
    cuts = [case for case in folds if case.question.kind == "cut"]
    lacking = [case for case in folds if case.question.kind != "cut"]
    sets = (("right", excerpts, lambda case: case.right),
            ("wrong song", excerpts, lambda case: not case.right),
            ("51 strangers", strangers, lambda case: True),
            ("excerpts, by folds", lacking, lambda case: True),
            ("cuts, by folds", cuts, lambda case: True),
            ("unrelated songs", results.unrelated["evidence"], lambda case: True))
    return [(name, len(cases), curve(cases, counts)) for name, cases, counts in sets]


def print_thresholds(curves, where):
    print(f"accepted by threshold of the score, evidence, {where}\n")
    print(f"  {'':>9}" + "".join(f"{name:>20}" for name, _, _ in curves))
    print(f"  {'threshold':>9}" + "".join(f"{'of ' + str(count):>20}" for _, count, _ in curves))
    for threshold in THRESHOLDS:
        print(f"  {threshold:9}" + "".join(
            f"{points[threshold][1]:12} {percent(points[threshold][1], count):6.2f}%"
            for _, count, points in curves))
    print()


def draw_thresholds(path, curves):
    x_axis = Axis("threshold of the score", 0, 130, [(x, str(x)) for x in range(0, 131, 10)])
    rates = [(name, [(x, percent(y, count)) for x, y in points]) for name, count, points in curves]
    mark = (ACCEPTED, "accepted from here on")
    draw(path, [
        Panel("Right answers: 700 degraded excerpts of songs of the library", x_axis,
              Axis("% accepted", 60, 100, [(y, str(y)) for y in range(60, 101, 5)]), rates[:1], mark),
        Panel("False answers: no answer is right, or another is", x_axis,
              Axis("% accepted", 0.03, 100, [(0.03, "0"), *((y, f"{y:g}") for y in (0.1, 0.3, 1, 3, 10, 30, 100))],
                   logarithmic=True), rates[1:], (ACCEPTED, ""))])


# ---- the weights ----

def weights_in_source():
    """Those of src/match/rule.c, the constant last, and its threshold."""
    with open(os.path.join(ROOT, "src/match/rule.c"), encoding="utf-8") as file:
        source = file.read()
    numbers = re.search(r"weights = \{([^}]*)\}", source).group(1)
    threshold = float(re.search(r"#define THRESHOLD \(?(-?[0-9.]+)\)?", source).group(1))
    return [float(number) for number in numbers.split(",")], threshold


def print_fit(results, data):
    heard = [case for case in results.on_the_air if case.question.right and case.own_speed]
    good = ([case for case in results.excerpts["evidence"] if case.question.right]
            + results.encoded_anew + [case for case in heard if case.right])
    bad = ([case for case in results.excerpts["evidence"] if not case.question.right]
           + results.folds["evidence"] + results.unrelated["evidence"]
           + [case for case in heard if not case.right] + results.off_the_air)
    bad = [case for case in bad if case.own_speed]
    cases = good + bad
    examples = [(case.features(), i < len(good)) for i, case in enumerate(cases)]
    weights, threshold = weights_in_source()
    print(f"weights, fitted to {len(good)} answers that are right and {len(bad)} that are not\n")
    print(f"  {'':<22}" + "".join(f"{name:>18}" for name in (*EVIDENCE, "constant")))
    for name, row in (("src/match/rule.c", weights), ("fitted here", fit(examples))):
        print(f"  {name:<22}" + "".join(f"{weight:18.2f}" for weight in row))
    odds = cross_validated(examples, [data.group_number(case.question.song) for case in cases], PARTS)
    print(f"\nby weights that did not see the song, in {PARTS} parts; the threshold in use is {threshold}\n")
    print(f"  {'threshold':>9}{'right of':>12}{'encoded anew':>14}{'strangers':>11}{'all that are not right':>25}")
    odds = [odd if case.evidence["moments"] >= MOMENTS_MIN else -math.inf
            for odd, case in zip(odds, cases)]
    tell_odds(odds, cases, len(good), threshold)


def tell_odds(odds, cases, good, threshold):
    excerpts = [i for i in range(good) if cases[i].question.offset_s is not None]
    anew = [i for i in range(good) if cases[i].question.kind == "encoded anew"]
    strangers = [i for i in range(good, len(odds)) if cases[i].question.kind == "stranger"]
    for limit in (threshold - 1, threshold - 0.5, threshold, threshold + 0.5, threshold + 1, threshold + 2):
        counts = [sum(odds[i] >= limit for i in part)
                  for part in (excerpts, anew, strangers, range(good, len(odds)))]
        print(f"  {limit:9.2f}{f'{counts[0]} of {len(excerpts)}':>12}{f'{counts[1]} of {len(anew)}':>14}"
              f"{f'{counts[2]} of {len(strangers)}':>11}"
              f"{f'{counts[3]} of {len(odds) - good}':>16}{percent(counts[3], len(odds) - good):8.2f}%")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder of the build (default: build)")
    parser.add_argument("--data", default=os.path.join(ROOT, "../shared/data"),
                        help="folder of the fingerprints (default: ../shared/data)")
    parser.add_argument("--svg", metavar="FILE", help="draw the curve over the threshold")
    parser.add_argument("--beside", metavar="DIR", help="ask also with the documents of a data folder beside "
                        "the library; it is copied")
    parser.add_argument("--fit", action="store_true", help="fit the weights of the rule anew")
    options = parser.parse_args()
    absent = missing(options.data)
    if absent:
        print(f"skip: {os.path.normpath(absent)} is not there; --data DIR says where the fingerprints are")
        return
    program = os.path.abspath(os.path.join(options.build, "echoprint"))
    if not os.access(program, os.X_OK):
        parser.error(f"{program} is not there: ninja -C {options.build}")
    data = Data(options.data)
    try:
        with tempfile.TemporaryDirectory(prefix="echoprint-eval-") as workdir:
            results = measure(program, data, workdir)
            beside = options.beside and measure_beside(program, data, workdir, options.beside)
    except KeyboardInterrupt:
        sys.exit("eval.py: stopped")
    print_excerpts(results)
    print_offsets(results)
    print_strangers(results)
    print_on_the_air(results)
    curves = curves_of(results)
    print_thresholds(curves, "in the library")
    if options.beside:
        print_thresholds(curves_of(beside), f"beside {options.beside}")
    if options.svg:
        draw_thresholds(options.svg, curves)
    if options.fit:
        print_fit(results, data)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Kills and power cuts at every operation of ingest, delete and dump.

Each scenario runs once under a library that records what the program does to files (trace.c). Then,
for every point between two operations, the folder is built as a kill there, or a power cut, would
leave it (model.py). On each of these states the program is run for real, and it is checked that

- the log is whole, and stands at a commit: nothing half, nothing lost that had been reported;
- every file under the name of a dump is complete, and every file that had been reported is there;
- the watermark is not past what is in the files;
- the same command again completes: the log is as if nothing had happened, every document is in
  exactly one dump file, and nothing is left under another name;
- after a kill and that second run, a power cut loses nothing that the second run reported;
- a crash of that second run, at any of its operations, is survived like that of the first.

That the test can fail is shown by mutants: the record is changed as if the program had a protection
less, and the test must find states that are wrong. A mutant that survives is a failure.
"""

import copy
import multiprocessing
import os
import random
import sys
import time

import common
import damage
import model as m
from checker import Checker
from mutants import MUTANTS
from scenarios import Maker, Scenario, fresh_model, make_all

PROCESSES = damage.PROCESSES


# ---- all states of a scenario ----


def states_of(initial, operations):
    """All different states: {fingerprint: (operations done, names, data)}. Where a state comes
    again, the last point counts: more had been reported by then. And the kills, which differ by
    what is durable too: {fingerprint: operations done}."""
    found = {}
    kills = {}
    tried = 0
    model = copy.deepcopy(initial)
    for count in range(len(operations) + 1):
        if count:
            model.apply(operations[count - 1])
        for names, data in m.MODELS:
            tried += 1
            key = m.fingerprint(model.view(names, data))
            if (names, data) == m.KILLED:
                kills[key + m.fingerprint(model.view("none", "none"))] = count
            else:
                found[key] = (count, names, data)
    return found, kills, tried


class Worker:
    """Checks states one after the other, in a folder of its own."""

    def __init__(self, program, scenario, mutant, number):
        self.checker = Checker(program, scenario, number)
        self.scenario = scenario
        self.second_change = mutant.change if mutant and mutant.second else None
        self.model = fresh_model(scenario)
        self.count = 0

    def model_at(self, count):
        if count < self.count:
            self.model = fresh_model(self.scenario)
            self.count = 0
        while self.count < count:
            self.model.apply(self.scenario.operations[self.count])
            self.count += 1
        return self.model

    def check(self, task):
        """Yields (what was checked, problems): of the state, then of those that follow it."""
        count, names, data, deep = task
        model = self.model_at(count)
        if (names, data) != m.KILLED:
            yield self.describe(count, names, data), self.checker.check(
                model.view(names, data), count, names in m.REORDERED)
            return
        killed = copy.deepcopy(model)
        problems, operations = self.checker.check_killed(killed, count, self.second_change)
        yield self.describe(count, names, data), problems
        if deep and not problems:
            yield from self.check_second_run(killed, count, operations)

    def check_second_run(self, killed, count, operations):
        """A crash of the recovery from a crash, at every point."""
        found, kills, _ = states_of(killed, operations)
        points = sorted(list(found.values()) + [(point,) + m.KILLED for point in kills.values()])
        model = copy.deepcopy(killed)
        done = 0
        for point, names, data in points:
            while done < point:
                model.apply(operations[done])
                done += 1
            problems = self.checker.check(model.view(names, data), count, names in m.REORDERED,
                                          second=True)
            last = f", then {m.kept(names, data)} after operation {point} of {len(operations)} of "\
                   "the second run"
            yield self.describe(count, *m.KILLED) + last, problems

    def describe(self, count, names, data):
        operations = self.scenario.operations
        last = f" ({operations[count - 1]})" if count else ""
        return f"{m.kept(names, data)} after operation {count} of {len(operations)}{last}"


worker = None
enough = None  # set where no more tasks need to be checked


def start_worker(program, scenario, mutant, numbers, seen_enough):
    global worker, enough
    worker = Worker(program, scenario, mutant, numbers.get())
    enough = seen_enough


def run_task(task):
    results = []
    if enough.is_set():
        return task, results
    try:
        results += worker.check(task)
    except Exception as error:  # a check that cannot be made is a finding
        results.append((str(task), [f"{type(error).__name__}: {error}"]))
    return task, results


def check_states(program, scenario, tasks, mutant=None, until_wrong=False):
    """Checks tasks (operations done, names, data, deep) on all cores; yields (task, [(what,
    problems)]). until_wrong: only until a state is wrong, in an order in which one soon is."""
    context = multiprocessing.get_context("fork")
    seen_enough = context.Event()
    numbers = context.Queue()
    for number in range(PROCESSES):
        numbers.put(number + 1)
    # Workers replay the operations, so each gets neighbours.
    order, together = sorted(tasks), 4
    if until_wrong:
        random.Random(len(order)).shuffle(order)
        together = 1
    with context.Pool(PROCESSES, start_worker,
                      (program, scenario, mutant, numbers, seen_enough)) as pool:
        for task, outcomes in pool.imap_unordered(run_task, order, chunksize=together):
            if until_wrong and any(problems for _, problems in outcomes):
                seen_enough.set()
            yield task, outcomes


# ---- the run ----


def record_is_complete(scenario):
    """What the record says was done is what lies on the disk."""
    model = fresh_model(scenario)
    for operation in scenario.operations:
        model.apply(operation)
    said = model.view()
    found = m.read_back(scenario.root)
    differing = sorted(name for name in said.keys() | found.keys()
                       if said.get(name, b"absent") != found.get(name, b"absent"))
    return [f"{name} is not as recorded" for name in differing]


class Sound:
    """What is known of a scenario's states without a mutant."""

    def __init__(self, found, kills):
        self.known = set(found) | {key[:m.KEY_SIZE] for key in kills}
        self.kills = set(kills.values())


def run_scenario(results, program, scenario, deep):
    began = time.monotonic()
    results.check(f"{scenario.name}: the record is complete", record_is_complete(scenario))
    found, kills, tried = states_of(scenario.initial, scenario.operations)
    sound = Sound(found, kills)
    tasks = [state + (False,) for state in found.values()]
    tasks += [(count,) + m.KILLED + (deep,) for count in set(kills.values())]
    wrong = []
    checked = 0
    for task, outcomes in check_states(program, scenario, tasks):
        checked += len(outcomes)
        if outcomes[0][1]:
            sound.kills.discard(task[0])
        for what, problems in outcomes:
            if problems:
                wrong.append(f"{what}: {'; '.join(problems)}")
    wrong.sort()
    results.check(f"{scenario.name}: every crash is survived", wrong,
                  f"{len(scenario.operations)} operations, {tried} crashes, {len(tasks)} of them "
                  f"different, {checked} states with those of second runs, "
                  f"{time.monotonic() - began:.1f} s")
    for text in wrong[1:10]:
        common.say(f"    {text}")
    return sound


def run_mutant(program, scenario, mutant, sound, quick):
    """Returns the number of states that the mutant adds, how many of them were checked (quick: no
    more than it takes to find one that is wrong), how many are wrong, and how the first is."""
    mutated = Scenario(scenario.name, scenario.root)
    mutated.__dict__.update(scenario.__dict__)
    if mutant.second:
        tasks = [(count,) + m.KILLED + (False,) for count in sound.kills]
    else:
        mutated.operations = mutant.change(scenario.operations)
        found, kills, _ = states_of(mutated.initial, mutated.operations)
        # A state that was sound before can be wrong only where more has been reported.
        reports = [(o.command, o.reported) for o in mutated.operations] != \
            [(o.command, o.reported) for o in scenario.operations]
        tasks = [state + (False,) for key, state in found.items()
                 if reports or key not in sound.known]
        tasks += [(count,) + m.KILLED + (False,) for key, count in kills.items()
                  if reports or key[:m.KEY_SIZE] not in sound.known]
    wrong = checked = 0
    example = ""
    for _, outcomes in check_states(program, mutated, tasks, mutant, until_wrong=quick):
        checked += bool(outcomes)
        for what, problems in outcomes:
            wrong += bool(problems)
            if problems and not example:
                example = f"{what}: {problems[0]}"
    return len(tasks), checked, wrong, example


def run_damage(results, program, folder, table, quick):
    count, _, missed = damage.flips(program, folder)
    results.check("verify finds every flipped byte of an entry",
                  f"{missed} of {count} were not found" if missed else "", f"{count} bytes")
    name = "checksum of entries removed"
    count, checked, missed = damage.flips(
        program, folder, program.preloaded(ECHOPRINT_TRACE_NO_CRC="1"), until_missed=quick)
    table.append((name, count, checked, missed))
    results.check(f"mutant is found: {name}", "" if missed else
                  f"it survives: {count} bytes, all of them found",
                  f"{missed} of {checked} bytes were not found")


def run(results, program, folder, arguments):
    scenarios = make_all(Maker(program, folder), arguments.scenario)
    sound = {name: run_scenario(results, program, scenario, not arguments.quick)
             for name, scenario in scenarios.items()}
    table = []
    for mutant in MUTANTS:
        if mutant.scenario not in scenarios:
            continue
        states, checked, wrong, example = run_mutant(program, scenarios[mutant.scenario], mutant,
                                                     sound[mutant.scenario], arguments.quick)
        table.append((mutant.name, states, checked, wrong))
        results.check(f"mutant is found: {mutant.name}", "" if wrong else
                      f"it survives: {states} states, none of them wrong",
                      f"{wrong} of {checked} states are wrong, as: {example}")
    if not arguments.scenario:
        run_damage(results, program, folder, table, arguments.quick)
    print(f"\n{'mutant':52} {'states':>7} {'checked':>7} {'wrong':>7}")
    for name, states, checked, wrong in table:
        print(f"{name:52} {states:7} {checked:7} {wrong:7}")
    print()
    return results.end()


def main():
    parser = common.arguments_parser(__doc__.splitlines()[0], needs_trace=True)
    parser.add_argument("--quick", action="store_true",
                        help="without crashes of the run that follows a kill, and with no more of "
                             "a mutant's states than it takes to find one that is wrong")
    parser.add_argument("--scenario", help="only this one, e.g. slave_dump, and its mutants")
    arguments = parser.parse_args()
    results = common.Results()
    program = common.Program(arguments.program, arguments.trace)
    with common.work_folder() as folder:
        return run(results, program, os.path.realpath(folder), arguments)


if __name__ == "__main__":
    sys.exit(main())

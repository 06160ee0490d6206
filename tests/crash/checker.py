"""The check of one state of a folder: what must hold when a crash left it like this."""

import copy
import json
import os

import common
import model as m
from scenarios import answers_of, dump_files, summary


def is_index_file(name):
    return name == "lock" or name.endswith(".shard")


class Checker:
    """Runs the program on states below a root of its own."""

    def __init__(self, program, scenario, number):
        self.program = program
        self.scenario = scenario
        self.root = scenario.root[:-2] + "%02d" % number
        os.makedirs(self.root, exist_ok=True)
        self.data = self.here(scenario.data)
        self.out = self.here(scenario.out)

    def here(self, text):
        return text.replace(self.scenario.root, self.root)

    def reported(self, operation_count):
        """The results that had been printed when so many operations were done."""
        scenario = self.scenario
        results = []
        if operation_count == 0:
            return results
        last = scenario.operations[operation_count - 1]
        for number in range(last.command + 1):
            text = scenario.outputs[number]
            if number == last.command:
                text = text.encode()[:last.reported].decode(errors="replace")
            if text.endswith("\n"):
                results.append(json.loads(text))
        return results

    def read_status(self, problems, absent_ok):
        """The status of a log that must be whole; None where there is none."""
        verified = self.program.run(self.data, "verify")
        status = self.program.run(self.data, "status", "--json")
        if verified.status == 1 and status.status == 1 and absent_ok:
            return None
        if verified.status != 0:
            problems.append(f"verify: {verified.words()}")
        if status.status != 0:
            problems.append(f"status: {status.words()}")
        return status.json if status.status == 0 else None

    def check_files(self, problems):
        """Every file under a final name is complete; returns {name: sha256} and all rows."""
        rows = []
        sums = {}
        for name, content in sorted(dump_files(self.out).items()):
            sums[name] = common.sha256_of(content)
            if sums[name] in self.scenario.expected_files:
                rows += self.scenario.expected_files[sums[name]]
            else:
                problems.append(f"{name} is not complete: {len(content)} bytes")
        return sums, sorted(rows)

    def check_reported(self, results, status, sums, problems, second):
        position = status["position"] if status else 0
        for result in results:
            if result.get("position", 0) > position:
                problems.append(f"position {result['position']} was reported, the log is at "
                                f"{position}")
            if "data" in result and status is None:
                problems.append("the data folder was reported, and is not there")
            for file in result.get("files", []):
                if sums.get(file["name"]) != file["sha256"]:
                    problems.append(f"{file['name']} was reported, and is not there in full")
        rejects = None if second else self.scenario.rejects  # the second run writes it anew
        if rejects and len(results) == len(self.scenario.commands):
            path = self.here(rejects[0])
            content = open(path, "rb").read() if os.path.exists(path) else None
            if content != rejects[1]:
                problems.append("the rejected rows were reported as written, and are not there")

    def check_watermarks(self, status, rows, problems):
        there = set(rows)
        for kind, position, wanted in self.scenario.dumps:
            if status["dumps"][kind]["position"] >= position:
                missing = [row[0] for row in wanted if row not in there]
                if missing:
                    problems.append(f"the watermark is at {position}, but {len(missing)} documents"
                                    f" before it are in no file ({missing[0]})")

    def check_before(self, operation_count, second=False):
        """The state as it is found. second: it is that of a second run."""
        problems = []
        results = self.reported(operation_count)
        status = self.read_status(problems, self.scenario.may_be_absent and not results)
        sums, rows = self.check_files(problems)
        self.check_reported(results, status, sums, problems, second)
        if status:
            point = (status["position"], status["digest"])
            empty = self.scenario.may_be_absent and status["position"] == 0
            if point not in self.scenario.legal and not empty:
                problems.append(f"the log stands at position {point[0]}, which is no commit")
            self.check_watermarks(status, rows, problems)
        return problems

    def check_after(self, absent_ok, leftovers_ok, twice_ok=False):
        """The state after a second run."""
        problems = []
        status = self.read_status(problems, absent_ok)
        if status and summary(status) != self.scenario.final:
            differing = [key for key, value in self.scenario.final.items()
                         if summary(status)[key] != value]
            problems.append(f"other {', '.join(differing)} than without the crash")
        if status:
            problems += self.check_index(status, leftovers_ok)
        _, rows = self.check_files(problems)
        if rows != self.scenario.rows:
            lost = [row[0] for row in self.scenario.rows if row not in set(rows)]
            twice = sorted({row[0] for row in rows if rows.count(row) > 1})
            if lost:
                problems.append(f"{len(lost)} documents are in no file ({lost[0]})")
            if twice and not twice_ok:
                problems.append(f"{len(twice)} documents are in two files ({twice[0]})")
        for name in os.listdir(self.out) if os.path.isdir(self.out) else []:
            if common.is_part_file(name) and not leftovers_ok:
                problems.append(f"{name} is left over")
        if not leftovers_ok:
            problems += self.left_in_data()
        rejects = self.scenario.rejects
        if rejects and (not os.path.exists(self.here(rejects[0])) or
                        open(self.here(rejects[0]), "rb").read() != rejects[1]):
            problems.append("the rejected rows are not in their file")
        return problems

    def check_index(self, status, leftovers_ok):
        """Answers as without the crash, with the files that it is made of."""
        problems = []
        answers = answers_of(self.program, self.data, self.scenario.queries)
        if answers != self.scenario.answers:
            problems.append(f"queries are answered {answers}, not {self.scenario.answers}")
        folder = self.data + "/index"
        shards = [name for name in os.listdir(folder) if name.endswith(".shard")] \
            if os.path.isdir(folder) else []
        if len(shards) != status["index"]["shards"] and not leftovers_ok:
            problems.append(f"{len(shards)} files are in the index, which has "
                            f"{status['index']['shards']}")
        return problems

    def left_in_data(self):
        """An empty folder, that a log was made in, may stay; check_index counts shards."""
        known = self.scenario.names + list(m.IGNORED)
        problems = []
        for folder, _, files in os.walk(self.data):
            index = folder == self.data + "/index"
            problems += [f"{name} is left over in the data folder" for name in files
                         if name not in known and not (index and is_index_file(name))]
        return problems

    def rerun(self, record):
        """The same commands again; record: where to record them, or None. Returns problems, and
        the operations."""
        operations = []
        for arguments in self.scenario.commands:
            arguments = [self.here(argument) for argument in arguments]
            environment = self.program.environment
            if record:
                if os.path.exists(record):
                    os.unlink(record)
                environment = self.program.preloaded(ECHOPRINT_TRACE=record,
                                                     **self.scenario.environment)
            elif self.scenario.environment:
                environment = self.program.preloaded(**self.scenario.environment)
            ran = self.program.run(self.data, "--json", *arguments, environment=environment)
            if ran.status not in self.scenario.rerun_statuses:
                return [f"{arguments[0]} again: {ran.words()}"], operations
            if record and os.path.exists(record):
                operations += m.read_trace(record)
        return [], operations

    def check(self, state, operation_count, names_lost=False, second=False):
        """All of it for one state: as it is found, and after the same commands again. names_lost:
        a folder kept later changes of its names without earlier ones. second: what was crashed
        was a second run already."""
        m.build(state, self.root, self.scenario.root)
        problems = self.check_before(operation_count, second)
        failed, _ = self.rerun(None)
        # Where a file cannot be renamed in one step, it may be under neither name after two
        # crashes, and all files of the dump are sent again.
        twice_ok = second and names_lost and bool(self.scenario.environment)
        return problems + (failed or self.check_after(False, False, twice_ok))

    def check_killed(self, killed, operation_count, change=None):
        """The same for a kill, where what was not synced is there but not yet durable: once the
        second run has reported, a power cut must lose nothing. change: of the record of the second
        run. Returns the problems, and the second run's operations as if done in the model."""
        m.build(killed.view(), self.root, self.scenario.root)
        problems = self.check_before(operation_count)
        killed.attach(self.root)
        paths = m.inodes_below(self.root)
        failed, operations = self.rerun(self.root + ".trace")
        problems += failed or self.check_after(False, False)
        m.annotate(operations, self.root, paths)
        operations = [operation.copy(
            path=operation.path.replace(self.root, self.scenario.root),
            other=operation.other.replace(self.root, self.scenario.root),
            data=operation.data.replace(self.root.encode(), self.scenario.root.encode()))
            for operation in operations]
        if not problems:
            problems = self.check_cut_again(killed, change(operations) if change else operations)
        return problems, operations

    def check_cut_again(self, killed, operations):
        model = copy.deepcopy(killed)
        for operation in operations:
            model.apply(operation)
        m.build(model.view("none", "none"), self.root, self.scenario.root)
        return ["power cut after the second run: " + problem
                for problem in self.check_after(False, True)]

"""What is crashed: commands in small folders, recorded once, and what may come of them."""

import copy
import os
import shutil
import subprocess

import common
import model as m
from common import Song


class Scenario:
    """Commands run in a folder, and all that they may leave. Paths below the root are told apart
    by it; states are checked below other roots of the same length."""

    def __init__(self, name, root):
        self.name = name
        self.root = root
        self.data = root + "/node"
        self.out = root + "/out"
        self.commands = []
        self.environment = {}
        self.rerun_statuses = (0,)
        self.rejects = None  # (path, contents) that are there once the last command reported
        self.operations = []
        self.outputs = []
        self.initial = None
        # Filled by learn():
        self.legal = set()  # (position, digest) that the log may stand at
        self.may_be_absent = False
        self.final = {}
        self.names = []  # of what is in the data folder in the end
        self.queries = root + ".queries"  # the codes of all documents in the end, one a line
        self.answers = []  # what they are answered
        self.dumps = []  # (kind, position, rows) of the files there may be
        self.expected_files = {}  # sha256: rows
        self.rows = []  # of all files in the end

    def command(self, *arguments):
        self.commands.append([str(argument) for argument in arguments])


def status_of(program, data):
    return program.must(data, "status", "--json").json


def summary(status):
    """What must be equal after a crash and a second run."""
    return {
        "documents": status["documents"], "tracks": status["tracks"],
        "position": status["position"], "digest": status["digest"],
        "sources": status["sources"],
        "master": status["dumps"]["master"]["position"],
        "slave": status["dumps"]["slave"]["position"],
    }


def dump_files(folder):
    """{name: contents} of the files that stand under names of dumps."""
    found = {}
    if os.path.isdir(folder):
        for name in os.listdir(folder):
            if common.is_dump_file(name):
                with open(os.path.join(folder, name), "rb") as file:
                    found[name] = file.read()
    return found


def rows_of(program, content, scratch):
    """The rows of a dump file, whatever packed it: the program itself unpacks."""
    if content[:4] != b"\x28\xb5\x2f\xfd" and content[:3] != b"BZh":
        return common.parse_rows(content)
    with open(scratch + ".packed", "wb") as file:
        file.write(content)
    shutil.rmtree(scratch, ignore_errors=True)
    program.must(scratch, "slave-ingest", scratch + ".packed")
    done = program.must(scratch, "master-dump", "-o", "-", "--all")
    return common.parse_rows(done.stdout.encode())


def trace_commands(program, scenario):
    """Runs the commands under the recorder; the folder is then as they left it."""
    record = scenario.root + ".trace"
    out = scenario.root + ".stdout"
    operations = []
    scenario.outputs = []
    paths = m.inodes_below(scenario.root)
    for number, arguments in enumerate(scenario.commands):
        if os.path.exists(record):
            os.unlink(record)
        environment = program.preloaded(ECHOPRINT_TRACE=record, **scenario.environment)
        output, status = run_to_file(program, scenario.data, arguments, environment, out)
        if status not in (0, 3):
            raise RuntimeError(f"{scenario.name}: {arguments}: exit status {status}: {output}")
        scenario.outputs.append(output)
        here = m.read_trace(record) if os.path.exists(record) else []
        here.append(m.Operation(m.END, reported=len(output)))
        for operation in here:
            operation.command = number
        operations += here
    m.annotate(operations, scenario.root, paths)
    scenario.operations = operations


def run_to_file(program, data, arguments, environment, path):
    """Runs with standard output into a file, whose size the recorder notes. JSON is asked for."""
    with open(path, "wb") as out, open(path + ".err", "wb") as err:
        done = subprocess.run([program.path, "-d", data, "--json"] + arguments, stdout=out,
                              stderr=err, stdin=subprocess.DEVNULL, env=environment,
                              timeout=common.READING_TIMEOUT_S)
    with open(path, encoding="utf-8") as out:
        return out.read(), done.returncode


def learn(program, scenario, initial_model, before):
    """Finds out what the undisturbed run makes of the folder, and what is legal on the way."""
    scenario.initial = initial_model
    write_queries(program, scenario)
    scenario.answers = answers_of(program, scenario.data, scenario.queries)
    if not set(scenario.answers) - {"-"}:
        raise RuntimeError(f"{scenario.name}: no song is found: {scenario.answers}")
    scenario.names = sorted(name for name in os.listdir(scenario.data) if name not in m.IGNORED)
    scenario.final = summary(status_of(program, scenario.data))
    if before is None:
        scenario.may_be_absent = True
    else:
        scenario.legal.add((before["position"], before["digest"]))
        scenario.before = before
    scenario.legal.add((scenario.final["position"], scenario.final["digest"]))
    files = dump_files(scenario.out)
    for content in files.values():
        rows = rows_of(program, content, scenario.root + ".scratch")
        scenario.expected_files[common.sha256_of(content)] = rows
        scenario.rows += rows
    scenario.rows.sort()


def write_queries(program, scenario):
    copy_of_data = scenario.root + ".asked"
    shutil.copytree(scenario.data, copy_of_data)
    done = program.must(copy_of_data, "master-dump", "-o", "-", "--all")
    shutil.rmtree(copy_of_data)
    with open(scenario.queries, "w", encoding="utf-8") as file:
        file.writelines(row[2] + "\n" for row in common.parse_rows(done.stdout.encode()))


def answers_of(program, data, queries):
    """Which tracks are found by the codes of all documents: in the index, and in its tail."""
    ran = program.run(data, "query", queries)
    if ran.status not in (0, 3):
        return [ran.words()]
    return [line.split("\t")[0] for line in ran.stdout.splitlines()]


def fresh_model(scenario):
    """A model as before the first operation; the caller may change it."""
    return copy.deepcopy(scenario.initial)


# ---- the scenarios ----


class Maker:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.number = 0
        self.inputs = folder + "/inputs"
        os.makedirs(self.inputs)

    def path(self, name):
        return os.path.join(self.inputs, name)

    def new(self, name):
        self.number += 1
        root = f"{self.folder}/s{self.number:03d}-00"
        os.makedirs(root + "/out")
        return Scenario(name, root)

    def finish(self, scenario):
        """Records the scenario, whose folder is ready."""
        before = None
        if os.path.exists(scenario.data + "/data.mdb"):
            before = summary(status_of(self.program, scenario.data))
        initial = m.Model(scenario.root)
        initial.scan()
        shutil.copytree(scenario.root, scenario.root + ".before")
        trace_commands(self.program, scenario)
        learn(self.program, scenario, initial, before)
        return scenario

    def learn_commits(self, scenario, steps, expected_commits):
        """Which (position, digest) the log may stand at: run the steps one by one on a copy. Every
        one is one commit; should a slow machine have made more (input that pauses is committed),
        the record is made again."""
        scratch = scenario.root + ".steps"
        for _ in range(5):
            commits = sum(1 for operation in scenario.operations
                          if operation.flags & m.DURABLE)
            if commits == expected_commits:
                break
            shutil.rmtree(scenario.root)
            shutil.copytree(scenario.root + ".before", scenario.root)
            scenario.initial.scan()
            trace_commands(self.program, scenario)
        else:
            raise RuntimeError(f"{scenario.name}: {commits} commits, not {expected_commits}")
        shutil.copytree(scenario.root + ".before", scratch)
        for arguments in steps:
            data = scratch + "/" + os.path.relpath(scenario.data, scenario.root)
            arguments = [argument.replace(scenario.root, scratch) for argument in arguments]
            self.program.run(data, *arguments)
            status = status_of(self.program, data)
            scenario.legal.add((status["position"], status["digest"]))
        shutil.rmtree(scratch)

    # -- ingest --

    def new_node(self):
        scenario = self.new("init and ingest into a new folder")
        scenario.data = scenario.root + "/deep/node"
        files = [common.write_codegen(self.path(f"new{i}.json"), [Song(10 * i), Song(10 * i + 1)])
                 for i in range(3)]
        scenario.command("init", "--name", "north")
        scenario.command("ingest", *files)
        self.finish(scenario)
        steps = [["init", "--name", "north"]] + [["ingest", file] for file in files]
        # the empty log, the index, and how far copies were looked for
        self.learn_commits(scenario, steps, 7)
        return scenario

    def slave_ingest(self):
        scenario = self.new("slave-ingest of four files")
        local = common.write_codegen(self.path("local.json"), [Song(1), Song(2)])
        self.program.must(scenario.data, "ingest", local)
        files = [common.write_csv(self.path(f"master{i}.csv"),
                                  [Song(100 + 10 * i + k) for k in range(3)]) for i in range(4)]
        # One file brings back what is there already, from here and from the master.
        with open(files[3], "ab") as file:
            file.write(common.csv_bytes(Song(100).rows()))
        scenario.command("slave-ingest", *files)
        self.finish(scenario)
        # a merge, and copies
        self.learn_commits(scenario, [["slave-ingest", file] for file in files], 7)
        return scenario

    def update(self):
        scenario = self.new("slave-ingest of changed songs, with rejected rows")
        songs = [Song(200 + i) for i in range(6)]
        first = common.write_csv(self.path("first.csv"), songs)
        self.program.must(scenario.data, "slave-ingest", first)
        changed = [Song(200 + i, version=1) for i in range(3)]
        bad = b"TRBAD-0,4.12,1 2 3,60,a,b,c\r\n"
        files = []
        for i in range(2):
            path = common.write_csv(self.path(f"changed{i}.csv"),
                                    changed[2 * i:2 * i + 2] + [Song(210 + i)])
            with open(path, "ab") as file:
                file.write(bad)
            files.append(path)
        scenario.rejects = (scenario.out + "/rejects.csv", bad + bad)
        scenario.rerun_statuses = (3,)
        scenario.command("slave-ingest", "--rejects", scenario.rejects[0], *files)
        self.finish(scenario)
        self.learn_commits(scenario, [["slave-ingest", file] for file in files], 5)
        return scenario

    def delete(self):
        scenario = self.new("delete")
        songs = [Song(300 + i) for i in range(6)]
        first = common.write_csv(self.path("delete.csv"), songs)
        self.program.must(scenario.data, "slave-ingest", first)
        scenario.rerun_statuses = (0, 1, 3)  # those that are deleted already are not there
        scenario.command("delete", songs[0].track_id, songs[3].track_id)
        scenario.command("delete", songs[5].track_id)
        self.finish(scenario)
        self.learn_commits(scenario, scenario.commands, 2)
        return scenario

    def edit(self):
        """Names and fields; of a copy and of its original, whose link goes with them."""
        scenario = self.new("edit")
        songs = [Song(700 + i) for i in range(4)]
        songs.append(Song(700))
        songs[4].track_id = "TRCOPY"
        file = common.write_codegen(self.path("edit.json"), songs)
        self.program.must(scenario.data, "ingest", "--dedup", "exact", file)
        scenario.command("edit", songs[1].track_id, "--artist", "New", "--field", "isrc=USRC17607839")
        scenario.command("edit", songs[0].track_id, "--field", "isrc=GBAYE0000001")
        scenario.command("edit", "TRCOPY", "--field", "mood=calm", "--release", "")
        self.finish(scenario)
        # and what the index does behind each
        self.learn_commits(scenario, scenario.commands, 7)
        return scenario

    # -- dump --

    def local_songs(self, scenario, first, count, name):
        file = common.write_codegen(self.path(name),
                                    [Song(first + i) for i in range(count)])
        self.program.must(scenario.data, "ingest", file)

    @staticmethod
    def note_dump(scenario, kind):
        scenario.dumps.append((kind, scenario.final[kind], scenario.rows))

    def slave_dump(self, name="slave-dump into several files", environment=None):
        scenario = self.new(name)
        scenario.environment = environment or {}
        self.program.must(scenario.data, "init", "--name", "south")
        self.local_songs(scenario, 400, 9, "dump.json")
        foreign = common.write_csv(self.path("foreign.csv"), [Song(450)])
        self.program.must(scenario.data, "slave-ingest", foreign)
        scenario.command("slave-dump", "--lines", "10", "--checksums", "-o", scenario.out)
        self.finish(scenario)
        self.note_dump(scenario, "slave")
        return scenario

    def master_dump(self):
        scenario = self.new("master-dump --compress zstd")
        self.local_songs(scenario, 500, 6, "zstd.json")
        scenario.command("master-dump", "--lines", "8", "--compress", "zstd", "--checksums", "-o",
                         scenario.out)
        self.finish(scenario)
        self.note_dump(scenario, "master")
        return scenario

    def second_dump(self):
        scenario = self.new("ingest and second dump")
        self.local_songs(scenario, 600, 5, "second1.json")
        self.program.must(scenario.data, "slave-dump", "--lines", "10", "-o", scenario.out)
        old = dump_files(scenario.out)
        old_rows = [row for content in old.values() for row in common.parse_rows(content)]
        at = status_of(self.program, scenario.data)["position"]
        more = common.write_codegen(self.path("second2.json"), [Song(610 + i) for i in range(4)])
        scenario.command("ingest", more)
        scenario.command("slave-dump", "--lines", "10", "--checksums", "-o", scenario.out)
        self.finish(scenario)
        scenario.dumps.append(("slave", at, old_rows))
        self.note_dump(scenario, "slave")
        return scenario


def make_all(maker, only=None):
    """{name: scenario}, or only one of them."""
    makers = {
        "new_node": maker.new_node, "slave_ingest": maker.slave_ingest, "update": maker.update,
        "delete": maker.delete, "edit": maker.edit,
        "slave_dump": maker.slave_dump, "master_dump": maker.master_dump,
        "second_dump": maker.second_dump,
        "no_noreplace": lambda: maker.slave_dump(
            "slave-dump where renaming cannot keep from replacing",
            {"ECHOPRINT_TRACE_NO_NOREPLACE": "1"}),
    }
    return {name: make() for name, make in makers.items() if only in (None, name)}

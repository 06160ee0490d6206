"""What Echoprint is compared with: PostgreSQL and SQLite, as Debian packages them, and DuckDB, as
PyPI has it, as they are set up by default; SQLite with its write-ahead log, too. Each takes in the
CSV into a table of seven text columns with a primary key."""
import csv
import glob
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import time

from running import BenchError, Usage, digest_of_lines, output_of, run, sha256_of

TABLE = ("create table documents (track_id text primary key, codever text, codes text, "
         "length text, artist text, release text, track text)")


class _Digest:
    """A file that keeps nothing of what is written to it but the SHA-256."""

    def __init__(self):
        self.sha256 = hashlib.sha256()

    def write(self, text):
        """As a file has it."""
        self.sha256.update(text.encode())


def rewritten_sha256(path):
    """The SHA-256 of the CSV in path once it is quoted no more than need be."""
    digest = _Digest()
    csv.field_size_limit(1 << 30)
    writer = csv.writer(digest)
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.reader(file):
            writer.writerow(row)
    return digest.sha256.hexdigest()


class Sqlite:
    """SQLite by its command-line program, with its default journal, in one thread."""

    name = "SQLite"
    threads = 1
    journal = "delete"
    missing = "sqlite3 is not there: apt-get install sqlite3"

    def __init__(self, workdir):
        self.database = os.path.join(workdir, "sqlite.db")
        self.out = os.path.join(workdir, "sqlite.csv")
        self.known_good = None

    @staticmethod
    def present():
        """Whether it can be run."""
        return shutil.which("sqlite3") is not None

    @staticmethod
    def version():
        """Its version."""
        return "SQLite " + output_of(["sqlite3", "--version"]).split(" ")[0]

    def start(self):
        """Nothing to start."""

    def stop(self):
        """Nothing to stop."""

    def load(self, source):
        """Takes in the CSV file source, into a new database."""
        for path in glob.glob(self.database + "*"):
            os.remove(path)
        run(["sqlite3", self.database, f"pragma journal_mode = {self.journal}", TABLE])
        usage = run(["sqlite3", self.database, ".mode csv", f".import '{source.path}' documents"])
        count = run(["sqlite3", self.database, "select count(*) from documents"]).output
        if int(count) != source.rows:
            raise BenchError(f"SQLite took in {int(count)} rows of {source.rows}")
        return usage

    def size(self):
        """Bytes that its data take on disk."""
        return os.stat(self.database).st_blocks * 512

    def dump(self, source):
        """Writes a file. SQLite puts more fields in quotes; once these are off, it must be the CSV
        file source."""
        usage = run(["sqlite3", self.database, ".mode csv", f".once '{self.out}'",
                     "select * from documents"])
        written = sha256_of([self.out])
        if written != self.known_good:
            if rewritten_sha256(self.out) != source.sha256:
                raise BenchError("SQLite exported other rows than it took in")
            self.known_good = written
        os.remove(self.out)
        return usage

    def dump_to_pipe(self):
        """Writes into a pipe."""
        return run(["sqlite3", self.database, ".mode csv", "select * from documents"],
                   reader=["wc", "-c"])


class SqliteWal(Sqlite):
    """SQLite with a write-ahead log, which the import writes back when it ends."""

    name = "SQLite, WAL"
    journal = "wal"

    @staticmethod
    def version():
        """Told once."""
        return ""


# Arguments: the database, and a statement, of which the one number is printed if it selects one.
DUCKDB = """
import duckdb, sys
done = duckdb.connect(sys.argv[1]).execute(sys.argv[2])
if sys.argv[2].startswith("select"):
    print(done.fetchall()[0][0])
"""


class Duckdb:
    """DuckDB in a process of its own, with as many threads as it takes."""

    name = "DuckDB"
    threads = len(os.sched_getaffinity(0))
    missing = "the Python module duckdb is not there: pip install duckdb"

    def __init__(self, workdir):
        self.database = os.path.join(workdir, "duck.db")
        self.out = os.path.join(workdir, "duck.csv")
        self.known_good = None

    @staticmethod
    def present():
        """Whether it can be run."""
        return Duckdb.version() != ""

    @staticmethod
    def version():
        """Its version."""
        number = output_of([sys.executable, "-c", "import duckdb; print(duckdb.__version__)"])
        return f"DuckDB {number}" if number else ""

    def start(self):
        """Nothing to start."""

    def stop(self):
        """Nothing to stop."""

    def call(self, statement, **how):
        """Carries out a statement."""
        return run([sys.executable, "-c", DUCKDB, self.database, statement], **how)

    def load(self, source):
        """Takes in the CSV file source, into a new database."""
        for path in glob.glob(self.database + "*"):
            os.remove(path)
        self.call(TABLE)
        usage = self.call(f"copy documents from '{source.path}' (format csv, header false)")
        count = self.call("select count(*) from documents").output
        if int(count) != source.rows:
            raise BenchError(f"DuckDB took in {int(count)} rows of {source.rows}")
        return usage

    def size(self):
        """Bytes that its data take on disk."""
        return os.stat(self.database).st_blocks * 512

    def dump(self, source):
        """Writes a file, which must be the CSV file source but for quotes and line ends."""
        usage = self.call(f"copy documents to '{self.out}' (format csv, header false)")
        written = sha256_of([self.out])
        if written != self.known_good:
            if rewritten_sha256(self.out) != source.sha256:
                raise BenchError("DuckDB exported other rows than it took in")
            self.known_good = written
        os.remove(self.out)
        return usage

    def dump_to_pipe(self):
        """Writes into a pipe."""
        return self.call("copy documents to '/dev/stdout' (format csv, header false)",
                         reader=["wc", "-c"])


class Postgres:
    """A server of its own on a socket in the work folder, with the settings that initdb makes."""

    name = "PostgreSQL"
    threads = 1  # of the session that copies; its writers are others
    missing = ("PostgreSQL is not there, or there is no user postgres to run it as: "
               "apt-get install postgresql")

    def __init__(self, workdir):
        self.folder = os.path.join(workdir, "postgres")
        self.data = os.path.join(self.folder, "data")
        self.out = os.path.join(self.folder, "out.csv")
        self.running = False
        self.postmaster = 0

    @staticmethod
    def programs():
        """The folder of the newest version's programs; None where there is none."""
        found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
        if not found:
            return None
        return os.path.dirname(max(found, key=lambda path: float(path.split("/")[4])))

    @staticmethod
    def user():
        """The user that the server is to run as, who is not root; None where there is none."""
        if os.geteuid() != 0:
            return pwd.getpwuid(os.geteuid())
        try:
            return pwd.getpwnam("postgres")
        except KeyError:
            return None

    @classmethod
    def present(cls):
        """Whether it can be run."""
        return cls.programs() is not None and cls.user() is not None and shutil.which("psql")

    @classmethod
    def version(cls):
        """Its version."""
        version = output_of([os.path.join(cls.programs(), "postgres"), "--version"])
        return version.replace("postgres (PostgreSQL)", "PostgreSQL")

    def as_user(self, command):
        """A command that runs as the user of the server."""
        if os.geteuid() != 0:
            return command
        return ["runuser", "-u", self.user().pw_name, "--", *command]

    def call(self, program, *arguments):
        """Runs one of the server's programs."""
        command = self.as_user([os.path.join(self.programs(), program), *arguments])
        done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, start_new_session=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"{program} failed: {(done.stdout + done.stderr).strip()}")

    def psql(self, *statements):
        """The command that has statements carried out, each in a transaction of its own."""
        command = ["psql", "-X", "-q", "-A", "-t", "-h", self.folder, "-d", "postgres",
                   "-v", "ON_ERROR_STOP=1"]
        for statement in statements:
            command += ["-c", statement]
        return self.as_user(command)

    def start(self):
        """Makes the database and starts the server."""
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        if os.geteuid() == 0:
            os.chown(self.folder, self.user().pw_uid, self.user().pw_gid)
        self.call("initdb", "-D", self.data, "--encoding=UTF8", "--locale=C.UTF-8",
                  "--auth=trust")
        self.running = True
        log = os.path.join(self.folder, "log")
        self.call("pg_ctl", "-w", "-D", self.data, "-l", log, "-o",
                  f"-c listen_addresses='' -c unix_socket_directories='{self.folder}'", "start")
        with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8") as file:
            self.postmaster = int(file.readline())

    def stop(self):
        """Stops the server; nothing of it is kept."""
        if self.running:
            self.running = False
            try:
                self.call("pg_ctl", "-w", "-D", self.data, "-m", "immediate", "stop")
            except BenchError:
                pass

    def cpu_time(self):
        """Seconds of CPU that the server took so far, those of ended sessions included."""
        ticks = 0
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(stat, encoding="utf-8", errors="replace") as file:
                    pid, rest = file.read().split(" (", 1)
            except OSError:
                continue
            fields = rest.rsplit(") ", 1)[1].split()
            if int(pid) == self.postmaster:
                ticks += sum(map(int, fields[11:15]))
            elif int(fields[1]) == self.postmaster:
                ticks += sum(map(int, fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def sessions(self):
        """How many clients the server still serves: sessions that end take a moment."""
        return sum(b"[local]" in _command_line(pid) for pid in _children(self.postmaster))

    def measured(self, *statements, reader=None):
        """Runs statements; CPU time and memory are the server's and the client's."""
        before = self.cpu_time()
        usage = run(self.psql(*statements), reader=reader)
        while self.sessions():
            time.sleep(0.01)
        cpu = usage.cpu + self.cpu_time() - before
        memory = usage.memory
        for line in usage.output.decode(errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                memory += int(line.split()[1]) * 1024
        return Usage(usage.wall, cpu, memory, usage.output)

    def load(self, source):
        """Takes in the CSV file source, into a new table."""
        run(self.psql("drop table if exists documents", TABLE, "checkpoint"))
        usage = self.measured(f"copy documents from '{source.path}' with (format csv)",
                              "select pg_read_file('/proc/self/status')")
        count = run(self.psql("select count(*) from documents")).output
        if int(count) != source.rows:
            raise BenchError(f"PostgreSQL took in {int(count)} rows of {source.rows}")
        return usage

    def size(self):
        """Bytes that the table takes on disk, with its key; the write-ahead log not counted."""
        size = run(self.psql("select pg_total_relation_size('documents')")).output
        return int(size)

    def dump(self, source):
        """Writes a file, which must have the lines of the CSV file source: PostgreSQL puts short
        rows where there is room, and so keeps no order."""
        usage = self.measured(f"copy documents to '{self.out}' with (format csv)",
                              "select pg_read_file('/proc/self/status')")
        if digest_of_lines(self.out) != source.lines:
            raise BenchError("PostgreSQL wrote other rows than it took in")
        os.remove(self.out)
        return usage

    def dump_to_pipe(self):
        """Writes into a pipe."""
        return self.measured("copy documents to stdout with (format csv)", reader=["wc", "-c"])


def _children(pid):
    """Processes that pid started."""
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            with open(path, encoding="utf-8") as file:
                found += file.read().split()
        except OSError:
            pass
    return found


def _command_line(pid):
    """What a process calls itself."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""

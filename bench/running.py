"""Runs a command and says what it took: wall clock, CPU time, memory; and where it ran."""
import hashlib
import os
import signal
import subprocess
import time


class BenchError(Exception):
    """What makes a measurement worthless: it is told, and ends the bench."""


class Usage:
    """What one run took: seconds of wall clock, seconds of CPU, bytes of memory at the peak."""

    def __init__(self, wall, cpu, memory, output):
        self.wall = wall
        self.cpu = cpu
        self.memory = memory
        self.output = output


def run(command, *, reader=None, stdout=None, good=(0,)):
    """Runs a command to its end. Its standard output goes to the file `stdout`, or into a pipe that
    the command `reader` reads to its end (whose CPU time does not count, and whose output is kept),
    or into Usage.output. Exit statuses that are not good are a
    BenchError."""
    start = time.monotonic()
    with open(stdout, "wb") if stdout else open(os.devnull, "wb") as file:
        sink = file if stdout else subprocess.PIPE
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sink,
                                 stderr=subprocess.PIPE, start_new_session=True, cwd="/")
        other = None
        try:
            if reader:
                other = subprocess.Popen(reader, stdin=child.stdout, stdout=subprocess.PIPE)
                child.stdout.close()
                output = other.stdout.read()
            else:
                output = child.stdout.read() if child.stdout else b""
            words = child.stderr.read()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if other:
                other.wait()
        except BaseException:
            if child.returncode is None:
                os.killpg(child.pid, signal.SIGKILL)
            raise
    wall = time.monotonic() - start
    if child.returncode not in good:
        raise BenchError(f"{' '.join(command)} failed with exit status {child.returncode}: "
                         f"{words.decode(errors='replace').strip()}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output)


def output_of(command):
    """What a command prints, for versions; empty where it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def sha256_of(paths):
    """The SHA-256 of files one after the other, in hex."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()


def digest_of_lines(path):
    """The number of lines in a file, and a sum over them that knows no order and no line ends."""
    total = count = 0
    with open(path, "rb") as file:
        for line in file:
            digest = hashlib.sha256(line.rstrip(b"\r\n")).digest()
            total += int.from_bytes(digest, "little")
            count += 1
    return count, total % (1 << 256)


def folder_size(folder):
    """Bytes on disk of all files in a folder, sparse ones counted as what they take."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            size += os.lstat(os.path.join(place, name)).st_blocks * 512
    return size


def file_system_of(folder):
    """The type of file system that a folder is on."""
    best, kind = "", "unknown"
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            point, this_kind = line.split()[1:3]
            inside = os.path.join(os.path.realpath(folder), "").startswith(os.path.join(point, ""))
            if inside and len(point) >= len(best):
                best, kind = point, this_kind
    return kind


def processor_name():
    """What the processor calls itself."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown processor"

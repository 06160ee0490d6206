"""The command lines of a page of the documentation: found in it, run in their order, and compared
with what the page shows of their output.

A block is a run of lines with four blanks in front. A line of it is a command if it begins with one
of COMMANDS, perhaps behind `NAME$ `, `$ ` or `# `; other lines below it are what it prints. `NAME$ `
says on which node it runs. Behind two blanks and a `#` stands a remark; "exit status N" in it is
checked.
"""

import collections
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import audio
from common import ROOT, Node, Skip, need, same, start
from servers import PATIENCE, held_port, until

COMMANDS = ("echoprint", "sudo", "sudoedit", "make", "mkdir", "find", "ffmpeg", "arecord", "curl", "systemctl", "umask", "mv", "cp", "rm",
            "rsync", "apt", "ufw", "nft", "openssl", "certbot", "SSL_CERT_FILE=fullchain.pem", "tests/", "bench/", "build/", "tools/", "git", "cd", "journalctl", "python3")
LINE = re.compile(r"^ {4}(?: {2})?(?:(?P<node>[a-z]*)(?P<prompt>[$#]) +)?(?P<command>.*?)(?: {2,}# ?(?P<remark>.*))?$")
Line = collections.namedtuple("Line", "node command remark printed")

# What stands in no output twice, and what stands for it.
CHANGING = [(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "DATE"), (r"#echoprint1:\S*", "#echoprint1:..."), (r"\b[0-9a-f]{32,}\b", "HEX"),
            (r"\bTR[A-Z0-9]{16,32}\b", "ID"), (r"\b\d+(\.\d+)? (s|bytes|kB|MB|GB|pages)\b", "SIZE"), (r"[ \t]+", " ")]


def blocks(page):
    """The blocks of a page, each a list of lines without their ends."""
    found, open_block = [], None
    for line in page.splitlines():
        if line.startswith("    ") and line.strip():
            if open_block is None:
                open_block = []
                found.append(open_block)
            open_block.append(line)
        else:
            open_block = None
    return found


def read(line):
    """(node, command, remark) of a line that is a command, else None."""
    found = LINE.match(line)
    command = found["command"] if found else ""
    named = any(command == word or command.startswith(word + " ") or word.endswith("/") and command.startswith(word) for word in COMMANDS)
    # "# words" in a file of settings is a comment.
    return (found["node"] or "", command, found["remark"] or "") if named else None


def lines_of(page):
    """All commands of a page in their order; and the blocks that have none."""
    commands, others = [], []
    for block in blocks(page):
        if not read(block[0]):
            others.append(block)
            continue
        for line in block:
            told = read(line)
            last = commands[-1] if commands else None
            if last and last.command.endswith("\\"):
                commands[-1] = last._replace(command=last.command[:-1].rstrip() + " " + line.strip())
            elif told:
                commands.append(Line(*told, []))
            else:
                last.printed.append(line.strip())
    return commands, others


def common_form(text):
    for pattern, word in CHANGING:
        text = re.sub(pattern, word, text)
    return text.strip()


def fits(expected, found):
    """Whether a printed line is the expected one, in which "..." stands for anything."""
    parts = [re.escape(part) for part in common_form(expected).split("...")]
    return re.fullmatch(".*".join(parts), common_form(found)) is not None


class Music:
    """Songs with names, as files of several formats, and recordings of them."""

    SONGS = [("morning", "Ada", "Morning"), ("noon", "Ada", "Noon"), ("night", "Bo", "Night")]

    def __init__(self):
        if not shutil.which("ffmpeg"):
            raise Skip("ffmpeg is not installed")
        self.sounds = [audio.wav(audio.music(60, seed, 11025), 11025, 2) for seed in range(len(self.SONGS))]

    def write(self, folder):
        """Music/ with the songs, and a recording of the second one from its 20th second on."""
        (folder / "Music").mkdir()
        for number, (name, artist, title) in enumerate(self.SONGS):
            audio.ffmpeg("-i", "-", "-metadata", f"artist={artist}", "-metadata", f"title={title}", folder / "Music" / f"{name}.flac",
                         data=self.sounds[number])
        for name in ("recording.wav", "phone.m4a"):
            audio.ffmpeg("-i", "-", "-ss", 20, "-t", 30, folder / name, data=self.sounds[1])
        audio.ffmpeg("-i", "-", folder / "song.mp3", data=self.sounds[0])
        shutil.copy(ROOT / "demo/songs-a.json", folder)
        shutil.copy(ROOT / "demo/songs-b.json", folder)


class Page:
    """A page that is played in a folder of its own.

    instead   (pattern, text) pairs for what the page names and the test cannot have, such as hosts
    before    {words: function(page, line)}: called before each line that contains the words
    not_run   {words: reason}: lines that begin with the words are not run
    data      patterns of the first lines of blocks that are no commands
    section   a pattern of the parts of the page that are meant; None: all"""

    def __init__(self, test, name, instead=(), before=None, not_run=None, data=(), section=None):
        self.test, self.name = test, name
        text = (ROOT / name).read_text()
        if section:
            text = "".join(re.findall(section, text, re.M | re.S))
        self.lines, others = lines_of(text)
        self.others = others
        self.before, self.not_run, self.instead = before or {}, not_run or {}, list(instead)
        self.folder = test.new_folder(name.replace("/", "-"))
        self.ports = [held_port("127.0.0.1") for _ in range(3)]
        self.invitation, self.key = "?", "?"
        self.running = {}  # data folder: process of a server
        self.ran = 0
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "echoprint").symlink_to(test.program)
        unknown = [block[0] for block in others if not any(re.match(pattern, block[0].strip()) for pattern in data)]
        need(not unknown, f"{name} has blocks that are neither commands nor known as data: {unknown}")

    def node(self, name):
        return Node(self.test.program, self.folder / name)

    def settle(self, names):
        """Waits until nodes hold the same, and something."""
        nodes = [self.node(name) for name in names]
        until(lambda: len({node.digest() for node in nodes}) == 1 and nodes[0].json("status")["tracks"], f"equal digests of {names}", 60)

    def in_touch(self, master, count):
        """Waits until a master knows of so many slaves that they have all."""
        until(lambda: [peer["lag"] for peer in self.node(master).json("source", "list")["sources"]] == [0] * count, "slaves that have all", 60)

    def data_of(self, line):
        """The data folder that a command is for."""
        found = re.search(r"echoprint (?:.*?)-d (\S+)", line.command)
        return str(self.folder / (found[1] if found else line.node or ".local/share/echoprint"))

    def environment(self, line):
        return {**os.environ, "HOME": str(self.folder), "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "NO_COLOR": "1",
                "ECHOPRINT_DATA": self.data_of(line) if line.node else "", "XDG_DATA_HOME": ""}

    def placed(self, text):
        """A command of the page with the ports, hosts and secrets of here."""
        for pattern, word in self.instead:
            text = re.sub(pattern, word, text)
        text = re.sub(r"0\.0\.0\.0:807(\d)", r"127.0.0.1:807\1", text)
        text = re.sub(r":807([0-2])\b", lambda found: f":{self.ports[int(found[1])].getsockname()[1]}", text)
        text = text.replace("'INVITATION'", f"'{self.invitation}'")
        return re.sub(r"\bKEY\b", self.key, text)

    def unplaced(self, text):
        for number, port in enumerate(self.ports):
            text = text.replace(f":{port.getsockname()[1]}", f":807{number}").replace(f"port {port.getsockname()[1]}", f"port 807{number}")
        return text.replace(str(self.folder) + "/", "").replace(str(self.folder), "~")

    def play(self):
        unused = set(self.not_run)
        try:
            for line in self.lines:
                skipped = next((words for words in self.not_run if line.command.startswith(words)), None)
                if skipped:
                    unused.discard(skipped)
                    continue
                for words, function in self.before.items():
                    if words in line.command:
                        line = function(self, line) or line
                self.run(line)
                self.ran += 1
        finally:
            self.stop_all()
        need(not unused, f"{self.name} no longer has the lines {sorted(unused)}, which are said not to be run")

    def run(self, line):
        command = self.placed(line.command)
        if re.search(r"echoprint .*?\bserve\b|monitor --config \S+$", command):
            self.serve(line, command)
            return
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=self.folder, capture_output=True, timeout=120 * PATIENCE,
                              stdin=subprocess.DEVNULL, env=self.environment(line))
        words = (done.stderr + done.stdout).decode(errors="replace")
        expected = re.search(r"exit status (\d+)", line.remark)
        same(done.returncode, int(expected[1]) if expected else 0, f"{self.name}: the exit status of `{line.command}` ({words[-400:]!r})")
        invited = re.search(r"\S*#echoprint1:\S*", words)
        self.invitation = invited[0] if invited else self.invitation
        self.compare(line, words)

    def compare(self, line, words):
        """What the page shows must be there, line by line, in this order; more may be there."""
        found = self.unplaced(words).splitlines()
        for expected in line.printed:
            if expected == "...":
                continue
            wanted = expected
            for pattern, word in self.instead:
                wanted = re.sub(pattern, word, wanted)
            at = next((at for at, one in enumerate(found) if fits(wanted, one)), None)
            need(at is not None, f"{self.name}: `{line.command}` does not print {expected!r}, but {self.unplaced(words)!r}")
            del found[at]

    def serve(self, line, command):
        """Starts what goes on until it is stopped: `serve`, or a monitor that looks at its file."""
        data = self.data_of(line)
        self.stop(data)
        command = self.with_port(command)
        log = pathlib.Path(f"{data}.serve.log")
        out = open(log, "wb")
        process = start(["bash", "-c", "exec " + command], cwd=self.folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=self.environment(line))
        out.close()
        self.running[data] = process
        end = time.monotonic() + 30 * PATIENCE
        while not re.search(rb"(serves on port|monitoring \d+ stream).*\n", log.read_bytes()):
            need(process.poll() is None and time.monotonic() < end, f"{self.name}: `{line.command}` does not serve: {log.read_text()!r}")
            time.sleep(0.02)
        self.compare(line, log.read_text())

    def with_port(self, command):
        """On the pages, each node has a machine of its own; here, a port that no other one has."""
        if "serve" not in command:
            return command
        taken = {int(port) for data in self.running for port in re.findall(r"serves on port (\d+)", pathlib.Path(data + ".serve.log").read_text())}
        wanted = re.search(r"--listen 127\.0\.0\.1:(\d+)", command)
        port = int(wanted[1]) if wanted else self.ports[0].getsockname()[1]
        if port in taken:
            port = next(one.getsockname()[1] for one in self.ports if one.getsockname()[1] not in taken)
        return (command[:wanted.start()] + command[wanted.end():] if wanted else command) + f" --listen 127.0.0.1:{port}"

    def stop(self, data):
        process = self.running.pop(data, None)
        if process:
            process.send_signal(signal.SIGTERM)
            same(process.wait(timeout=60 * PATIENCE), 0,
                 f"{self.name}: the exit status of serve on {data} ({pathlib.Path(data + '.serve.log').read_text()[-400:]!r})")

    def stop_all(self):
        for data in list(self.running):
            self.stop(data)

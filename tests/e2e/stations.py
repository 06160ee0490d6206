"""Stations for the tests: a server that sends whatever a test wants, and a program that plays."""

import pathlib
import queue
import socket
import struct
import threading
import time

from common import Wrong, need, start
from subprocess import PIPE


class Stations:
    """A server on a port of its own. Each path has a function that is called with the socket and
    the request, in a thread of its own, and may do what it likes."""

    def __init__(self):
        self.paths = {}
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        self.stopping = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while not self.stopping.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        with connection:
            try:
                request = b""
                while b"\r\n\r\n" not in request:
                    more = connection.recv(4096)
                    if not more:
                        return
                    request += more
                path = request.split()[1].decode()
                self.asked.append(path)
                function = self.paths.get(path.split("?")[0])
                if function:
                    function(connection, request.decode("latin-1"))
                else:
                    connection.sendall(b"HTTP/1.0 404 Not Found\r\n\r\n")
            except OSError:
                pass

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def put(self, path, data, kind="audio/mpeg", status="HTTP/1.0 200 OK", headers=()):
        """A path with bytes, or with an iterator of them, after which the connection is closed."""

        def send(connection, request):
            lines = [status, f"Content-Type: {kind}", *headers]
            connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
            for piece in [data] if isinstance(data, bytes) else data():
                connection.sendall(piece)

        self.paths[path] = send
        return self.url(path)

    def redirect(self, path, to):
        return self.put(path, b"", status="HTTP/1.0 302 Found", headers=[f"Location: {to}"])

    def close(self):
        self.stopping.set()
        self.listener.close()


def with_titles(data, every, titles):
    """Bytes of sound with blocks of titles between them: titles[n] in the nth, or none."""
    out = bytearray()
    for number, at in enumerate(range(0, len(data), every)):
        piece = data[at:at + every]
        out += piece
        if len(piece) == every:
            text = titles[number] if number < len(titles) else b""
            text = b"StreamTitle='" + text + b"';StreamUrl='';" if text else b""
            text += bytes(-len(text) % 16)
            out += struct.pack("B", len(text) // 16) + text
    return bytes(out)


class Player:
    """The program that plays, and what it says."""

    def __init__(self, test, name, *urls, obeys=True):
        self.folder = test.new_folder(name)
        program = pathlib.Path(test.program).parent / "play_streams"
        words = ["-q"] if obeys else []
        self.process = start([str(program), *words, "-o", str(self.folder), *map(str, urls)], stdin=PIPE, stdout=PIPE, text=True,
                             bufsize=1)
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def until(self, condition, what, seconds=120):
        """Waits until the lines so far fulfil a condition; gives what that gave."""
        end = time.monotonic() + seconds
        while True:
            found = condition(self.seen)
            if found:
                return found
            try:
                line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                line = ""
            if line is None:
                raise Wrong(f"the program ended before {what}: {self.seen[-5:]}")
            if line:
                self.seen.append(line)
            elif time.monotonic() >= end:
                raise Wrong(f"waited in vain until {what}: {self.seen[-10:]}")

    def until_state(self, number, state, seconds=120, after=0):
        """Waits for a state of a stream; gives its words: of "waiting", when it is tried again, and
        why."""
        prefix = f"{number} {state}"

        def find(lines):
            return next((line for line in lines[after:] if line == prefix or line.startswith(prefix + " ")), None)

        return self.until(find, prefix, seconds)[len(prefix):].strip()

    def until_why(self, number, seconds=120):
        return self.until_state(number, "waiting", seconds).split(" ", 1)[1]

    def titles(self, number):
        return [line.split(" title ", 1)[1] for line in self.seen if line.startswith(f"{number} title ")]

    def tell(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def facts(self):
        """What is known of each stream, by its number."""
        begin = len(self.seen)
        self.tell("facts")
        self.until(lambda lines: "done" in lines[begin:], "the facts are told")
        found = {}
        for line in self.seen[begin:]:
            words = line.split()
            if len(words) > 2 and words[1] == "facts":
                found[int(words[0])] = {"state": words[2], **dict(word.split("=", 1) for word in words[3:])}
        return found

    def samples(self, number):
        return (self.folder / f"{number}.raw").read_bytes()

    def quit(self):
        """Ends it in order."""
        if self.process.poll() is None:
            self.tell("quit")
        self.until(lambda lines: "closed" in lines, "it is closed", 120)
        status = self.process.wait(timeout=60)
        need(status == 0, f"the player ended with {status}")

    def decoders(self):
        """(process id of the one that makes them, those of the decoders)"""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                name, rest = path.read_text(errors="replace").rsplit(")", 1)
                if rest.split()[1] == str(self.process.pid) and rest.split()[0] != "Z":
                    found.append((int(path.parent.name), pathlib.Path(path.parent / "cmdline").read_bytes()))
            except OSError:
                pass
        found.sort()
        return found[0][0], [process for process, _ in found[1:]]

    def memory(self):
        """MB that the program and its decoders have for themselves."""
        total = 0
        maker, decoders = self.decoders()
        for process in (self.process.pid, maker, *decoders):
            try:
                for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Private_"):
                        total += int(line.split()[1])
            except OSError:
                pass
        return total / 1024

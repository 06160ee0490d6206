"""What the tests of attacks share: what strangers send by hand, and what a slave would send."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import time

from common import DATA, run
from servers import PATIENCE, Server, ingest, joined, some_songs

SONGS = DATA / "songs.json"
MB = 1 << 20
# bytes: the packet's hash, the size of the signature, two keys and the signature
TRAILER = 32 + 2 + 128


def master_and_slave(test, name, *options):
    """A master that serves, and a slave of it that has contributed three tracks."""
    master = test.node(name + "-master")
    master.run("init", "--name", "centre")
    master.run("ingest", SONGS)
    server = Server(master, *options)
    slave = joined(test, master, name + "-slave", server.url)
    ingest(slave, some_songs(f"TR{name}", 3))
    slave.run("sync")
    return master, server, slave


def signature(node, purpose, what):
    done = subprocess.run([os.environ["ECHOPRINT_SIGN"], node.folder, purpose], input=what, capture_output=True, check=True)
    return done.stdout.strip()


def memory(server):
    """Bytes of the server's own memory; of the log's pages, none."""
    text = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", text).group(1)) * 1024


def lines_of(server):
    return server.log.read_bytes().split(b"\n")[:-1]


def connect(server, head=b"", address="127.0.0.1", seconds=20 * PATIENCE):
    peer = socket.create_connection(("127.0.0.1", server.port), timeout=seconds, source_address=(address, 0))
    peer.sendall(head)
    return peer


def answer_to(server, request, seconds=20 * PATIENCE):
    """What comes back, up to the end of the connection; b"" where it just ends."""
    back = b""
    with contextlib.suppress(OSError), connect(server, request, seconds=seconds) as peer:
        while chunk := peer.recv(65536):
            back += chunk
    return back


def status_of(answer):
    match = re.match(rb"HTTP/1.[01] (\d\d\d) ", answer)
    return int(match.group(1)) if match else 0


def trailer_of(packet):
    return {"Echoprint-Trailer": packet[-TRAILER:].hex()}


def contribution_of(node):
    """The contribution that a slave would send, as it lies in its folder when the master does not
    answer."""
    path = node.folder / "contribution.packet"
    node.run("sync", statuses=(4,))
    return path.read_bytes()


def run_attacks(checks, add_options=None):
    """Makes these checks, or those that --only names; says how long each took."""
    def options(parser):
        parser.add_argument("--only", action="append", help="only checks with this in their name")
        if add_options:
            add_options(parser)

    def body(test):
        for function in checks:
            if not test.options.only or any(word in function.__name__ for word in test.options.only):
                began = time.monotonic()
                test.check("attack: " + function.__name__.replace("_", " "), function, test)
                print(f"# {time.monotonic() - began:.1f} s")

    run(body, options)

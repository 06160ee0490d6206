#!/usr/bin/env python3
"""While one process opens or closes the log, no other does: LMDB 0.9.31 destroys its mutexes in the
last close, and a process that opens it meanwhile has reads that fail. A library holds a process
where LMDB would begin, so this is seen with any version."""

import os
import pathlib
import time

from common import Clock, Skip, csv_of, need, run
from servers import SANITIZED

# no wait takes long, but a machine may be slow
PATIENCE_S = 120


class Visitor:
    """A command that can be held when it opens or closes the log."""

    def __init__(self, test, node, name, *words, hold=(), **kwargs):
        library = os.environ.get("ECHOPRINT_SLOW_DOOR")
        if not library or SANITIZED:
            raise Skip("needs the library slow_door, which no sanitizer bears beside it")
        self.name = name
        self.log = node.folder / "data.mdb"
        self.door = test.new_folder(name)
        for what in hold:
            (self.door / f"hold-{what}").touch()
        env = {**os.environ, "LD_PRELOAD": library, "ECHOPRINT_DOOR": str(self.door)}
        self.process = node.start(*words, env=env, **kwargs)

    def came(self, what):
        """Whether it has begun to "open" or to "close"."""
        return (self.door / what).exists()

    def waits(self):
        """Whether it waits for the lock on data.mdb."""
        inode = self.log.stat().st_ino
        for line in pathlib.Path("/proc/locks").read_text(encoding="ascii").splitlines():
            words = line.split()
            if words[1] == "->" and words[2] == "FLOCK" and int(words[5]) == self.process.pid and \
                    int(words[6].split(":")[2]) == inode:
                return True
        return False

    def wait_until(self, condition, what):
        clock = Clock(PATIENCE_S)
        while not condition():
            need(self.process.poll() is None, f"{self.name} ended: {self.process.poll()}")
            need(clock.left() > 0, f"{self.name} does not {what}")
            time.sleep(0.005)

    def go_on(self, what):
        (self.door / f"hold-{what}").unlink()

    def end(self):
        _, words = self.process.communicate(timeout=PATIENCE_S)
        need(self.process.returncode == 0, f"{self.name} exited with {self.process.returncode}: {words!r}")


def stays_out(held, other, what):
    """While `held` stands at the door, `other` does not get to `what`."""
    other.wait_until(lambda: other.waits() or other.came(what), f"come to {what} the log")
    need(not other.came(what), f"{other.name} began to {what} the log while {held.name} was at it")


def none_opens_while_one_closes(test):
    node = test.node("closing")
    node.run("init", "--name", "n")
    first = Visitor(test, node, "the one that closes", "digest", hold=("close",))
    first.wait_until(lambda: first.came("close"), "close")
    second = Visitor(test, node, "the one that opens", "digest")
    stays_out(first, second, "open")
    first.go_on("close")
    first.end()
    second.end()
    need(second.came("open"), "the library did not see that the log was opened")


def none_closes_while_one_opens(test):
    node = test.node("opening")
    node.run("init", "--name", "n")
    ends = Visitor(test, node, "the one that ends", "slave-ingest", "--no-index", "-", stdin=-1)
    ends.wait_until(lambda: ends.came("open"), "open")
    # Its rows are in the log when it has opened that and waits for more.
    ends.process.stdin.write(csv_of([("TR1-0", "4.12", "1 2 3 4", "60", "", "", "")]))
    ends.process.stdin.flush()
    ends.wait_until(lambda: node.json("digest")["position"] == 1, "take in a row")
    opens = Visitor(test, node, "the one that comes", "digest", hold=("open",))
    opens.wait_until(lambda: opens.came("open"), "open")
    ends.process.stdin.close()
    ends.process.stdin = None
    stays_out(opens, ends, "close")
    opens.go_on("open")
    opens.end()
    ends.end()
    need(ends.came("close"), "the library did not see that the log was closed")


def body(test):
    for function in (none_opens_while_one_closes, none_closes_while_one_opens):
        test.check(function.__name__.replace("_", " "), function, test)


if __name__ == "__main__":
    run(body)

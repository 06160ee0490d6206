#!/usr/bin/env python3
"""The recipes of docs/replication.md, "Restores and moves", as they stand there.

usage: restores_test.py --program PATH [--page FILE]

The command lines of a recipe are read out of the page and run by a shell, each with the data folder
of the node that stands before its `$`. The page's names of places (/srv/feed, URL, KEY, DATA ...)
are replaced by those of the test, and nothing else is. What the page says of a command is checked:
"# exit status N", a "text in quotes", and the words that it prints. Of a line that says "# or:
COMMAND", that command is run where the feed goes over HTTP.

Before a recipe the test makes the situation that it is for; behind it all nodes must hold the same,
what living nodes had acknowledged must be there or be kept aside, and `verify` must find nothing.

One long file: it has one situation for each recipe of one page.
"""

import collections
import os
import pathlib
import re
import shlex
import shutil
import subprocess

from common import ROOT, Node, codegen_bytes, csv, io, need, run, same
from servers import Server, some_songs, until

Line = collections.namedtuple("Line", "node command remark printed")
LINE = re.compile(r"^    ([a-z]*)\$ +(echoprint .*?|rm .*?)(?: {2,}# ?(.*))?$")


def recipe(page, title):
    """The command lines of a section, with what the page says that they print."""
    section = page.split(f"\n### {title}\n", 1)
    need(len(section) == 2, f"the page has no section \"{title}\"")
    lines = []
    for text in re.split(r"\n##+ ", section[1])[0].splitlines():
        found = LINE.match(text)
        if found:
            lines.append(Line(found[1], found[2], found[3] or "", []))
        elif text.startswith("    ") and lines:
            lines[-1].printed.append(text.strip())
    need(lines, f"there is no command in \"{title}\"")
    return lines


HTTP, FOLDER, OLD_FOLDER = "over HTTP", "by a folder", "by a folder that is as old as the master"


class World:
    """A master and its slaves; the feed goes by a folder or over HTTP."""

    def __init__(self, test, name, how, *slaves):
        self.test, self.http = test, how == HTTP
        self.feed_is_old = how == OLD_FOLDER
        self.folder = test.new_folder(name)
        self.page = pathlib.Path(test.options.page).read_text()
        self.feed = self.folder / "srv-feed"
        self.nodes, self.servers = {}, {}
        self.living = []
        self.invitation = "?"
        self.status = 0
        self.tells = True
        self.compares = True
        self.places = {}
        centre = self.node("centre")
        self.feed.mkdir()
        if self.http:
            self.serve("centre")
        else:
            self.nodes["centre"].run("publish", self.feed)
        self.key = centre.json("status")["key"]
        for slave in slaves:
            self.join(slave)
        self.rounds()

    def node(self, name, folder=None):
        self.nodes[name] = Node(self.test.program, folder or self.folder / name)
        self.living.append(name)
        if not folder:
            self.nodes[name].run("init", "--name", name)
        return self.nodes[name]

    @property
    def url(self):
        return self.servers["centre"].url if self.http else str(self.feed)

    def join(self, name):
        invitation = self.nodes["centre"].json("source", "add", name, "--url", self.url)["invitation"]
        self.node(name).run("join", self.url, invitation)
        self.publish()

    def serve(self, name, *options):
        if name in self.servers:
            self.servers[name].stop()
            self.servers[name].options = options
            self.servers[name].start()
        else:
            self.servers[name] = Server(self.nodes[name], *options)

    def publish(self, *statuses):
        if not self.http:
            self.nodes["centre"].run("publish", self.feed, statuses=statuses or (0,))

    def slaves(self):
        return [name for name in self.living if name != self.master()]

    def master(self):
        return "oslo" if "oslo" in self.servers and "centre" not in self.living else "centre"

    def rounds(self):
        """Until all hold the same."""
        def equal():
            for _ in range(2):
                for name in self.slaves():
                    self.nodes[name].run("sync")
                if "centre" in self.living:
                    self.publish()
            for name in self.slaves():
                self.nodes[name].run("sync")
            return len({self.nodes[name].digest() for name in self.living}) == 1 \
                and not any(self.nodes[name].json("status")["master"]["pending"] for name in self.slaves())
        until(equal, "equal digests", 20)

    def put(self, name, track, version):
        """A song, whose title tells its version."""
        songs = some_songs(f"{track}v{version}x", 1, 60)
        songs[0]["metadata"].update(track_id=track, title=f"{track} v{version}")
        report = self.nodes[name].json("ingest", "-", data=codegen_bytes(songs))
        same((report["new"] + report["updated"], report["conflict"]), (1, 0), f"documents and conflicts of {track} v{version} at {name}")

    def delete(self, name, track):
        self.nodes[name].run("delete", track)

    def titles(self, name):
        rows = csv.reader(io.StringIO(self.nodes[name].contents().decode(), newline=""))
        return {row[0].rsplit("-", 1)[0]: row[6].split()[-1] for row in rows}

    def aside(self, name):
        return sorted((item["track_id"], item["deletion"])
                      for item in self.nodes[name].json("conflicts")["conflicts"])

    def copy(self, name):
        """A copy of its data folder, made while nothing ran."""
        server = self.servers.get(name)
        if server:
            server.stop()
        shutil.copytree(self.nodes[name].folder, f"{self.nodes[name].folder}.copy")
        if name == "centre":
            shutil.copytree(self.feed, f"{self.feed}.copy")
        if server:
            server.start()

    def restore(self, name):
        server = self.servers.get(name)
        if server:
            server.stop()
        shutil.rmtree(self.nodes[name].folder)
        shutil.copytree(f"{self.nodes[name].folder}.copy", self.nodes[name].folder)
        if name == "centre" and self.feed_is_old:
            shutil.rmtree(self.feed)
            shutil.copytree(f"{self.feed}.copy", self.feed)
        if server:
            server.start()

    # ---- the page ----

    def placed(self, words):
        """The page's words, with the places of this test."""
        for name, place in {"/srv/feed": str(self.feed), "INVITATION": self.invitation, **self.places}.items():
            words = re.sub(rf"(?<![A-Z]){re.escape(name)}(?![A-Z])", lambda _: place, words)
        return words

    def follow(self, title):
        """Runs a recipe."""
        for line in recipe(self.page, title):
            self.play(line)

    def play(self, line):
        command, remark = line.command, line.remark
        other = re.match(r"or(?:: echoprint|: | over HTTP)?(.*)", remark)
        if self.http and " publish " in f" {command} ":
            if not (other and other[1].strip().startswith(("serve", "echoprint serve"))):
                return
            command, remark = "echoprint " + other[1].strip().removeprefix("echoprint "), ""
        if not self.http and command.startswith("echoprint serve") and line.node == "centre":
            return
        told = line.printed and line.printed[0].startswith("echoprint: ")
        # What tells that the master is an older copy is its folder, or a slave.
        if not self.http and told and "--new-epoch" in " ".join(line.printed):
            self.tells = line.node == ("paris" if self.feed_is_old else "centre")
        if not self.http and not self.tells and (told or remark.startswith("the same")):
            return
        if command.startswith("echoprint serve"):
            self.serve(line.node, *shlex.split(command)[2:])
            return
        found = re.search(r"exit status (\d)", remark)
        if not found and not remark.startswith("the same"):
            self.status = 0
        self.status = int(found[1]) if found else self.status
        if told:
            self.status = 5
        self.shell(line, command, remark)
        sends = command.startswith("echoprint sync") and line.node in self.slaves()
        if sends:
            if "centre" in self.living:
                self.publish(0, 5)
            self.settle()

    def settle(self):
        """Over HTTP, what was contributed is published a moment later."""
        for server in self.servers.values():
            if server.process.poll() is None:
                node = server.node
                def published():
                    status = node.json("status")
                    return status["master"] is not None or status["published"] == status["position"] or self.status
                until(published, "everything is published", 10)

    def shell(self, line, command, remark):
        program = pathlib.Path(self.test.program)
        node = self.nodes.get(line.node)
        env = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
        if node:
            env["ECHOPRINT_DATA"] = str(node.folder)
            self.places["DATA"] = str(node.folder)
        done = subprocess.run(["bash", "-o", "pipefail", "-c", self.placed(command)], env=env, capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL)
        told = f"{line.node}$ {command}"
        need(done.returncode == self.status, f"`{told}` exited with {done.returncode}, the page says {self.status}: {done.stderr[-400:]}")
        if "source add" in command:
            self.invitation = done.stdout.strip().splitlines()[-1].strip()
        for quoted in re.findall(r'"([^"]+)"', remark):
            need(quoted in done.stdout, f"`{told}` does not say \"{quoted}\": {done.stdout}")
        if line.printed and self.compares:
            self.compare(told, " ".join(line.printed), done.stderr)

    def compare(self, told, words, printed):
        """Numbers may be others."""
        pattern = r"\s+".join(re.sub(r"\d+", r"\\d+", re.escape(word)) for word in self.placed(words).split())
        need(re.search(pattern, printed), f"`{told}` prints {printed!r}, the page says {words!r}")

    # ---- at the end ----

    def check(self, expected, aside=()):
        self.rounds()
        for name in self.living:
            same(self.titles(name), expected, f"tracks of {name}")
            self.nodes[name].verify()
        kept = set().union(*(self.aside(name) for name in self.living))
        same(kept, set(aside), "what is kept aside")


# ---- recipes ----


def a_slave_was_restored(test, how):
    it = World(test, f"slave-{how.split()[-1]}", how, "paris", "oslo")
    it.put("paris", "KEPT", 1)
    it.put("paris", "GONE", 1)
    it.rounds()
    it.delete("paris", "GONE")
    it.rounds()
    it.copy("paris")
    it.put("paris", "KEPT", 2)
    it.put("paris", "GONE", 2)
    it.put("paris", "NEW", 1)
    it.put("oslo", "OTHER", 1)
    it.rounds()
    it.restore("paris")
    it.put("paris", "LATER", 1)
    it.follow("A slave was restored from an older copy")
    it.check({"KEPT": "v2", "GONE": "v2", "NEW": "v1", "OTHER": "v1", "LATER": "v1"})


def prepare_master(test, name, how):
    """What a master loses by a restore: states of slaves and its own, deletions, links."""
    it = World(test, name, how, "paris", "oslo")
    it.put("paris", "T", 1)
    it.put("paris", "D", 1)
    it.put("centre", "OWN", 1)
    it.put("oslo", "AWAY", 1)
    it.rounds()
    it.delete("paris", "D")
    it.rounds()
    it.copy("centre")
    it.put("paris", "T", 2)
    it.put("paris", "D", 2)
    it.put("centre", "OWN", 2)
    it.put("centre", "FRESH", 1)
    it.put("oslo", "O", 1)
    it.put("oslo", "O2", 1)
    it.rounds()
    it.delete("oslo", "AWAY")
    it.nodes["centre"].run("duplicates", "--link", "O2", "O")
    it.rounds()
    return it


LOST = {"T": "v2", "D": "v2", "OWN": "v2", "FRESH": "v1", "O": "v1"}


def has_link(it):
    for name in it.living:
        same([(copy["track_id"], copy["original"]) for copy in it.nodes[name].json("duplicates")["copies"]],
             [("O2", "O")], f"links at {name}")


def a_master_was_restored(test, how):
    it = prepare_master(test, f"master-{how.split()[-1]}", how)
    it.restore("centre")
    it.follow("A master was restored from an older copy")
    it.check(LOST)
    has_link(it)


def a_restored_master_went_on(test, how):
    """What its operator did since the restore stands; what that overrides is kept aside."""
    it = prepare_master(test, f"went-on-{how.split()[-1]}", how)
    it.restore("centre")
    it.put("centre", "OWN", 3)
    it.put("centre", "SINCE", 1)
    it.put("paris", "LATE", 1)
    it.follow("A master was restored from an older copy")
    it.check({**LOST, "OWN": "v3", "SINCE": "v1", "LATE": "v1"}, {("OWN", False)})
    has_link(it)


def a_stale_master_does_nothing(test, how):
    it = prepare_master(test, f"stale-{how.split()[-1]}", how)
    it.restore("centre")
    if how != FOLDER:
        for _ in range(2):
            it.nodes["paris"].run("sync", statuses=(5,))
    it.publish(5)
    songs = codegen_bytes(some_songs("X", 1, 60))
    for words in (("ingest", "-"), ("delete", "T"), ("duplicates", "--link", "T", "OWN"), ("master-ingest", "-s", "paris", "-")):
        it.nodes["centre"].run(*words, data=songs if words[0] == "ingest" else b"", statuses=(0, 5) if words[-1] == "-" and
                               words[0] == "master-ingest" else (5,))
    it.put("oslo", "KEEP", 1)
    it.nodes["oslo"].run("sync", statuses=(0, 4, 5))
    same(it.nodes["oslo"].json("status")["master"]["pending"] > 0, True, "whether what a stale master does not take waits")
    it.compares = False  # it is told in other words by now
    it.follow("A master was restored from an older copy")
    it.check({**LOST, "KEEP": "v1"})


def a_slave_folder_was_copied(test, how):
    it = World(test, f"twice-{how.split()[-1]}", how, "paris")
    it.put("paris", "T", 1)
    it.put("paris", "U", 1)
    it.rounds()
    it.copy("paris")
    it.node("rome", pathlib.Path(f"{it.nodes['paris'].folder}.copy"))
    it.put("paris", "P", 1)
    it.put("rome", "R", 1)
    it.rounds()
    it.put("paris", "T", 2)
    it.put("rome", "T", 3)
    it.nodes["paris"].run("sync")
    it.publish()
    it.settle()
    it.rounds()
    same({name: it.titles(name)["T"] for name in it.living}, dict.fromkeys(it.living, "v2"), "T, which both changed")
    same([("T", False)] in (it.aside("rome"), it.aside("centre")), True, "whether the other's change is kept aside")
    it.places["URL"] = it.url
    it.follow("A slave's data folder was copied, and both copies are used")
    it.publish()
    it.put("rome", "OF ROME", 1)
    it.put("paris", "U", 2)
    it.check({"T": "v2", "U": "v2", "P": "v1", "R": "v1", "OF ROME": "v1"}, {("T", False)})
    sources = it.nodes["centre"].json("status")["sources"]
    same((sources["paris"], sources["rome"]), (4, 1), "documents of paris and rome")


def two_masters_are_alive(test, how):
    it = World(test, f"two-{how.split()[-1]}", how, "paris", "oslo")
    it.put("paris", "T", 1)
    it.put("oslo", "O", 1)
    it.put("centre", "M", 1)
    it.rounds()
    it.copy("centre")
    twin_folder = pathlib.Path(f"{it.nodes['centre'].folder}.copy")
    twin = it.node("twin", twin_folder)
    it.living.remove("twin")
    where = it.folder / "twin-feed"
    where.mkdir()
    if it.http:
        server = Server(twin)
        place = server.url
    else:
        twin.run("publish", where)
        place = str(where)
    oslo = it.nodes["oslo"]
    oslo.run("join", place, it.key)
    it.put("oslo", "O", 2)
    it.put("twin", "BY TWIN", 1)

    def at_twin():
        oslo.run("sync")
        if not it.http:
            twin.run("publish", where)
        oslo.run("sync")
        return oslo.digest() == twin.digest() and twin.json("status")["tracks"] == 4
    until(at_twin, "oslo is twin's equal", 20)
    it.put("twin", "UNSEEN", 1)
    for n in range(4):
        it.put("centre", f"BY CENTRE {n}", 1)
    it.living.remove("oslo")
    it.put("paris", "T", 2)
    it.rounds()
    it.living.append("oslo")
    if it.http:
        server.stop()
    it.places = {"URL": it.url, "KEY": it.key, "TWIN": str(twin_folder), "CENTRE": str(it.nodes["centre"].folder)}
    it.follow("Two masters are alive")
    it.check({"T": "v2", "O": "v2", "M": "v1", "BY TWIN": "v1", "UNSEEN": "v1",
              **{f"BY CENTRE {n}": "v1" for n in range(4)}})


def the_masters_key_is_lost(test, how):
    it = World(test, f"key-{how.split()[-1]}", how, "paris", "oslo")
    it.put("paris", "T", 1)
    it.put("oslo", "O", 1)
    it.put("centre", "M", 1)
    it.rounds()
    # paris has been told more than oslo, and has said something that nobody heard.
    it.put("paris", "T", 2)
    it.put("centre", "M", 2)
    it.nodes["paris"].run("sync")
    it.publish()
    it.settle()
    it.nodes["paris"].run("sync")
    same(it.titles("paris"), {"T": "v2", "O": "v1", "M": "v2"}, "tracks of paris")
    it.put("paris", "UNSENT", 1)
    if it.http:
        it.servers.pop("centre").stop()
    shutil.rmtree(it.nodes["centre"].folder)
    shutil.rmtree(it.feed)
    it.living.remove("centre")
    # The new master serves; its address is the page's.
    it.servers["oslo"] = Server(it.nodes["oslo"])
    it.servers["oslo"].stop()
    it.places = {"http://oslo.example:8070/": it.servers["oslo"].url}
    it.follow("The master is lost, and its key too")
    it.check({"T": "v2", "O": "v1", "M": "v1", "UNSENT": "v1"}, {("M", False)})
    it.put("oslo", "M", 3)
    it.put("paris", "T", 3)
    it.check({"T": "v3", "O": "v1", "M": "v3", "UNSENT": "v1"}, {("M", False)})
    sources = it.nodes["oslo"].json("status")["sources"]
    same((sources["local"], sources["paris"]), (2, 2), "documents of oslo and paris")


def a_restore_undoes_nothing(test, how):
    it = prepare_master(test, f"undo-{how.split()[-1]}", how)
    it.restore("centre")
    it.follow("A master was restored from an older copy")
    it.check(LOST)
    has_link(it)
    section = it.page.split("\n### To undo something\n")[1].split("\n### ")[0]
    need("everything comes back" in section and "`delete`" in section and "`ingest`" in section,
         "the page does not say how to undo")
    it.delete("centre", "T")
    it.put("paris", "OTHER", 1)
    it.rounds()
    it.put("paris", "T", 1)
    it.put("centre", "OWN", 1)
    it.check({**LOST, "T": "v1", "OWN": "v1", "OTHER": "v1"})


def a_source_came_to_its_limit(test, how):
    it = World(test, f"limit-{how.split()[-1]}", how, "paris")
    it.nodes["centre"].run("source", "limit", "paris", "--tracks", 2)
    for n in range(4):
        it.put("paris", f"T{n}", 1)
    def is_told():
        done = it.nodes["paris"].run("sync")
        it.publish()
        it.settle()
        return b"2 full" in done.stdout
    until(is_told, "`sync` says what is over the limit", 10)
    same(it.nodes["paris"].json("status")["master"]["full"], 2, "tracks that are over the limit")
    need(b"limit" in it.nodes["paris"].run("status").stdout, "status says nothing of the limit")
    same(len(it.titles("centre")), 2, "tracks of the master")
    same(len(it.titles("paris")), 4, "tracks of paris")
    it.follow("A source has come to its limit")
    it.check({f"T{n}": "v1" for n in range(4)})


def every_recipe_is_played(test):
    page = pathlib.Path(test.options.page).read_text()
    need("\n## Restores and moves\n" in page, "the page has no recipes")
    titles = re.findall(r"^### (.*)$", page.split("\n## Restores and moves\n")[1].split("\n## ")[0], re.M)
    same(titles, ["A slave was restored from an older copy", "A master was restored from an older copy",
                  "A slave's data folder was copied, and both copies are used", "Two masters are alive",
                  "The master is lost, and its key too", "To undo something", "A source has come to its limit"], "the recipes")


OF_MASTERS = (a_master_was_restored, a_restored_master_went_on, a_stale_master_does_nothing)


def main(test):
    test.check("restores: every recipe is played", every_recipe_is_played, test)
    for how in (FOLDER, OLD_FOLDER, HTTP):
        for function in (a_slave_was_restored, a_master_was_restored, a_restored_master_went_on, a_stale_master_does_nothing,
                         a_slave_folder_was_copied, two_masters_are_alive, the_masters_key_is_lost, a_restore_undoes_nothing,
                         a_source_came_to_its_limit):
            if test.options.only and test.options.only not in function.__name__:
                continue
            if how == OLD_FOLDER and function not in OF_MASTERS:
                continue
            test.check(f"restores: {function.__name__.replace('_', ' ')}, {how}", function, test, how)


def add_options(parser):
    parser.add_argument("--page", default=str(ROOT / "docs/replication.md"))
    parser.add_argument("--only")


if __name__ == "__main__":
    run(main, add_options)

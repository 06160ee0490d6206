#!/usr/bin/env python3
"""One song once: two slaves bring the same songs under other ids, and other encodings of songs.

usage: copies_test.py --program PATH
"""
import json
import subprocess

from common import Wrong, codegen_bytes, need, plain, run, same, shared_data, unpack
from servers import Server, joined, synced, until


def renamed(items, prefix):
    """The same songs under other ids."""
    return [{**item, "metadata": {**item["metadata"], "track_id": f"{prefix}{number:05d}"}}
            for number, item in enumerate(items)]


def id_of(item):
    return item["metadata"]["track_id"]


def excerpt(item):
    """Half a minute of a song as plain text, from some way in."""
    pairs = unpack(item["code"])
    start = max(0, pairs[-1][1] // 2 - 650)
    return plain((code, time) for code, time in pairs if start <= time < start + 1300)


def links(node):
    return {link["track_id"]: link for link in node.json("duplicates")["copies"]}


class Federation:
    """Slaves that dump to a master, whose dump all take in."""

    def __init__(self, test, name, count):
        self.master = test.node(f"{name}-master")
        self.slaves = [test.node(f"{name}-{number}") for number in range(count)]

    def exchange(self):
        for number, slave in enumerate(self.slaves):
            data = slave.run("slave-dump", "--format", "packet", "-o", "-").stdout
            self.master.json("master-ingest", "-s", f"slave-{number}", "-", data=data)
        packet = self.master.run("master-dump", "--all", "--format", "packet", "-o", "-").stdout
        for slave in self.slaves:
            slave.json("slave-ingest", "-", data=packet)
        same(len({node.digest() for node in (self.master, *self.slaves)}), 1, "different digests")


def golden(test, folder):
    """The defect's own case: the original then holds each song twice, and finds none."""
    items = json.loads((folder / "golden/codegen.json").read_text())
    it = Federation(test, "golden", 2)
    it.slaves[0].json("ingest", "-", data=codegen_bytes(items))
    it.slaves[1].json("ingest", "-", data=codegen_bytes(renamed(items, "TRB")))
    it.exchange()
    found = links(it.master)
    same(len(found), 100, "copies")
    same({link["kind"] for link in found.values()}, {"exact"}, "their kind")
    rows = it.master.run("master-dump", "--all", "-o", "-").stdout.splitlines()
    same(len(rows), 827, "rows of the master's CSV")
    for node in (it.master, *it.slaves):
        questions = "".join(excerpt(item) + "\n" for item in items).encode()
        answers = node.run("query", "-", data=questions, statuses=(0,)).stdout.decode().splitlines()
        same([line.split("\t")[0] for line in answers], [id_of(item) for item in items], "answers")
    for slave in it.slaves:
        slave.verify()


def releases(test, folder):
    """A link takes nothing away: released, every row is there as it came."""
    items = json.loads((folder / "golden/codegen.json").read_text())[:10]
    copies = renamed(items, "TRB")
    node, plain_node = test.node("release"), test.node("release-plain")
    node.json("ingest", "-", data=codegen_bytes(items + copies))
    plain_node.json("ingest", "-", "--dedup", "off", data=codegen_bytes(items + copies))
    same(set(links(node)), {id_of(item) for item in copies}, "what is linked")
    need(node.digest() != plain_node.digest(), "a link is part of the state")
    for item in copies:
        node.run("duplicates", "--release", id_of(item))
    same(sorted(node.contents().splitlines()), sorted(plain_node.contents().splitlines()), "rows")
    same(node.digest(), plain_node.digest(), "digests")
    node.verify()


def encoded_anew(test, folder):
    """Other encodings are linked to their songs; of what else is there, only what is related."""
    related = [set(group["track_ids"]) for group in json.loads((folder / "related.json").read_text())]
    anew = json.loads((folder / "reencoded.json").read_text())
    true = {id_of(item): item["metadata"]["true_track_id"] for item in anew}
    node = test.node("anew")
    node.json("master-ingest", "-s", "a", "-", data=csv_of(test, folder / "library.json", "library"))
    node.json("master-ingest", "-s", "b", "-", data=csv_of(test, folder / "unrelated.json", "unrelated"))
    before = links(node)
    same([link["kind"] for link in before.values()], ["exact"] * 5, "links of what one source brought, and to strangers")
    node.json("master-ingest", "-s", "c", "-", data=csv_of(test, folder / "reencoded.json", "reencoded"))
    found = {copy: link for copy, link in links(node).items() if copy not in before}
    right = [copy for copy, link in found.items()
             if copy in true and (link["original"] == true[copy]
                                  or {link["original"], true[copy]} in related)]
    print(f"# {len(right)} of {len(true)} linked to their song")
    same(set(found) - set(right), set(), "what is linked wrongly")
    need(len(right) >= 147, f"{len(right)} are linked")


def library_alone(test, folder):
    """With everything compared, the library has no copies but what is listed as related."""
    related = [set(group["track_ids"]) for group in json.loads((folder / "related.json").read_text())]
    node = test.node("alone")
    node.json("ingest", "--dedup", "match", folder / "library.json", folder / "unrelated.json")
    pairs = [{copy, link["original"]} for copy, link in links(node).items()]
    same([pair for pair in pairs if pair not in related], [], "pairs that are not related")
    same(len(pairs), 8, "pairs")


class Beside:
    """What is linked of songs that a command ingests, on a node where `serve` looks for copies,
    too."""

    def __init__(self, test, folder, name):
        self.test = test
        self.name = name  # before those of its nodes
        self.count = 0
        library = json.loads((folder / "library.json").read_text())
        anew = json.loads((folder / "reencoded.json").read_text())
        by_id = {id_of(item): item for item in library}
        self.coded = next(item for item in anew if item["metadata"]["true_track_id"] in by_id)
        song = by_id[self.coded["metadata"]["true_track_id"]]
        other = next(item for item in library if item is not song)
        self.songs = [song, other]
        self.exact = renamed([other], "EXACT")[0]
        self.new = [self.coded, self.exact]
        self.mark = renamed([other], "MARK")[0]

    def csv(self, items):
        self.count += 1
        slave = self.test.node(f"{self.name}-csv-{self.count}")
        slave.json("ingest", "--dedup", "off", "-", data=codegen_bytes(items))
        return slave.run("slave-dump", "--all", "-o", "-").stdout

    def server_looks(self, node, server):
        """Waits until `serve` has looked at all that is there: at a song that no command knows of,
        too."""
        same(server.get("/ingest", server.token, codegen_bytes([self.mark]))[0], 200, "status of /ingest")
        until(lambda: id_of(self.mark) in links(node), "the link of what came over HTTP")

    def command_first(self, node, words, data):
        node.json(*words, "-", data=data)
        server = Server(node)
        self.server_looks(node, server)
        server.stop()

    def server_first(self, node, words, data):
        """The command has put its first file into the log, and waits for the second one, standard
        input."""
        path = self.test.folder / f"{node.folder.name}.songs"
        path.write_bytes(data)
        server = Server(node)
        before = node.json("digest")["position"]
        command = node.start("-q", *words, path, "-", stdin=subprocess.PIPE)
        until(lambda: command.poll() is not None or node.json("digest")["position"] > before,
              "what the command ingests")
        if command.poll() is not None:
            raise Wrong(f"the command has ended: {command.communicate()}")
        self.server_looks(node, server)
        said = command.communicate(b"[]" if words[0] == "ingest" else b"")[1]
        same(command.returncode, 0, f"the command's exit status ({said!r})")
        server.stop()

    def linked(self, node, order, words):
        """Which of the songs are linked, but for the mark."""
        data = codegen_bytes(self.new) if words[0] == "ingest" else self.csv(self.new)
        order(node, words, data)
        return sorted(set(links(node)) - {id_of(self.mark)})

    def compare(self, make, *words, linked):
        """Both orders, each on a node of its own; linked: which songs are to be."""
        expected = sorted(map(id_of, linked))
        found = {}
        for order in (self.command_first, self.server_first):
            self.count += 1
            found[order.__name__] = self.linked(make(f"{self.name}-{self.count}"), order, words)
        same(found, dict.fromkeys(found, expected), f"what is linked by `{' '.join(words)}`")

    # ---- nodes that have the songs ----

    def master(self, name):
        node = self.test.node(name)
        node.json("master-ingest", "-s", "x", "-", data=self.csv(self.songs))
        return node

    def slave(self, name):
        """Its master is out of reach then, so that nothing comes back from it."""
        master = self.test.node(f"{name}-master")
        master.json("ingest", "-", data=codegen_bytes(self.songs))
        server = Server(master)
        node = joined(self.test, master, name, server.url)
        synced(node, master)
        server.stop()
        return node

    def slave_by_files(self, name):
        """As those of 2011: it has never heard of keys."""
        node = self.test.node(name)
        node.json("slave-ingest", "-", data=self.csv(self.songs))
        return node


def master_beside_serve(test, folder):
    """A master links other encodings of what another source brought, whoever looks first."""
    it = Beside(test, folder, "master-beside")
    it.compare(it.master, "master-ingest", "-s", "y", linked=it.new)
    it.compare(it.master, "ingest", linked=it.new)


def slave_beside_serve(test, folder):
    """A slave links exact copies, and only its own songs, whoever looks first."""
    it = Beside(test, folder, "slave-beside")
    it.compare(it.slave, "ingest", linked=[it.exact])
    it.compare(it.slave, "master-ingest", "-s", "y", linked=[])
    it.compare(it.slave_by_files, "ingest", linked=[it.exact])


def asked_beside_serve(test, folder):
    """What --dedup asks for holds for the command's own tracks, whoever looks first; what comes
    over HTTP meanwhile is linked by the node's role."""
    it = Beside(test, folder, "asked-beside")
    it.compare(it.master, "master-ingest", "-s", "y", "--dedup", "off", linked=[])
    it.compare(it.master, "master-ingest", "-s", "y", "--dedup", "exact", linked=[it.exact])
    it.compare(it.master, "master-ingest", "-s", "x", "--dedup", "match", linked=it.new)
    it.compare(it.slave_by_files, "ingest", "--dedup", "off", linked=[])
    it.compare(it.slave_by_files, "ingest", "--dedup", "match", linked=it.new)


def asked_before_it_is_looked(test, folder):
    """What was asked for lasts until copies are looked for: a command that failed had not come to
    that."""
    it = Beside(test, folder, "asked-before")
    node = it.master("asked-before")
    path = test.folder / "asked-before.csv"
    path.write_bytes(it.csv(it.new))
    node.run("master-ingest", "-s", "y", "--dedup", "off", path, test.folder / "not-there.csv", statuses=(1,))
    node.json("master-ingest", "-s", "z", "-", data=it.csv([it.mark]))
    same(sorted(links(node)), [id_of(it.mark)], "what is linked")
    node.verify()


def csv_of(test, path, name):
    """The rows of songs of code generator's JSON, as a slave dumps them."""
    slave = test.node(f"csv-{name}")
    slave.json("ingest", "--dedup", "off", path)
    return slave.run("slave-dump", "--all", "-o", "-").stdout


def body(test):
    folder = shared_data()
    if not folder or not (folder / "reencoded.json").is_file():
        test.report("skip", "one song once", "../shared/data is not there")
        return
    for function in (golden, releases, encoded_anew, library_alone, master_beside_serve,
                     slave_beside_serve, asked_beside_serve, asked_before_it_is_looked):
        test.check("copies: " + function.__name__.replace("_", " "), function, test, folder)


if __name__ == "__main__":
    run(body)

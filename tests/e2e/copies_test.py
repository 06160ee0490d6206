#!/usr/bin/env python3
"""One song once: two slaves bring the same songs under other ids, and other encodings of songs.

usage: copies_test.py --program PATH
"""
import json

from common import codegen_bytes, need, plain, run, same, shared_data, unpack


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
    for function in (golden, releases, encoded_anew, library_alone):
        test.check("copies: " + function.__name__.replace("_", " "), function, test, folder)


if __name__ == "__main__":
    run(body)

#!/usr/bin/env python3
"""Random histories of a master and two slaves against a simple model.

usage: random_history_test.py --program PATH [--seconds S] [--seed N]

The model is a dict of rows a track, with its source, its position, what it was before, and a
tombstone in place of a deleted one. Nodes exchange CSV alone, which is taken by contents: it
changes only what a CSV of the same source made, and brings back nothing that was there before.
After every command its counts must be the program's; now and then all rows and positions too; and
nodes that hold the same must have the same digest. --seed runs one history.
"""

import random
import time

from common import (Clock, codegen_bytes, csv_of, read_files, rows_of, rows_of_song, run, same,
                    song)

KINDS = ("new", "updated", "unchanged", "conflict", "rejected")
STEPS = 40
KEPT = 9  # states that a track is known to have had
TEXTS = ["", "a", "b", "Bj\u00f6rk", "x,y", 'say "so"', "two\r\nlines"]


def track_of(document_id):
    """The part before the first "-" names the track; where nothing stands there, the whole id."""
    at = document_id.find("-")
    return document_id[:at] if at > 0 else document_id


def order(document_id):
    """Documents stand by number, and behind them those without one, by their bytes."""
    suffix = document_id[len(track_of(document_id)):]
    number = suffix[1:]
    plain = number.isascii() and number.isdigit() and (number == "0" or number[0] != "0")
    return (0, int(number), b"") if plain else (1, 0, suffix.encode())


def contents_of(rows):
    return frozenset(rows.values())


class Track:
    def __init__(self, rows, source, position):
        self.rows = rows  # by document id
        self.source = source
        self.position = position
        self.deleted = False
        self.shrunk = False
        self.by_csv_of = None if source == "local" else source
        self.states = [contents_of(rows)]

    def change(self, rows, by_csv_of, position, shrunk):
        self.rows, self.by_csv_of, self.position, self.shrunk = rows, by_csv_of, position, shrunk
        self.deleted = not rows
        self.states = (self.states + [contents_of(rows)])[-KEPT:]


class Model:
    """What a node must hold."""

    def __init__(self):
        self.tracks = {}
        self.position = 0
        self.watermarks = {"master-dump": 0, "slave-dump": 0}

    def put(self, counts, rows, source, whole):
        """Puts rows of one track, with the last one of a document that comes twice."""
        track_id = track_of(rows[0][0])
        given = {}
        repeated = {"changed": 0, "same": 0}
        for row in rows:
            if row[0] in given:
                repeated["same" if given[row[0]] == row else "changed"] += 1
            given[row[0]] = row
        there = self.tracks.get(track_id)
        counts["unchanged"] += repeated["same"]
        kind = self.put_rows(counts, track_id, there, given, source, whole)
        counts[kind] += repeated["changed"]

    def put_rows(self, counts, track_id, there, given, source, whole):
        """Says as what repeated rows count, of which the last one stands."""
        if not there:
            self.position += 1
            self.tracks[track_id] = Track(given, source, self.position)
            counts["new"] += len(given)
            return "updated"
        user = source == "local"
        may_change = user and (there.deleted or there.source == "local") or source == there.by_csv_of == there.source
        rows_now = given if whole else {**there.rows, **given}
        gone = whole and set(there.rows) - set(given)
        states = there.states[-1:] if user else there.states
        if contents_of(given) in states or contents_of(rows_now) in states and not gone:
            counts["unchanged"] += len(given)
            return "updated"
        new = sum(key not in there.rows for key in given)
        updated = sum(there.rows.get(key, row) != row for key, row in given.items())
        unchanged = len(given) - new - updated
        if not may_change:
            counts["conflict"] += new + updated or unchanged
            counts["unchanged"] += unchanged if new + updated else 0
            return "conflict"
        counts["new"] += new
        counts["updated"] += updated
        counts["unchanged"] += unchanged
        self.position += 1
        if there.deleted:
            there.source = source
        there.change(rows_now, None if user else source, self.position, bool(gone))
        return "updated"

    def ingest_rows(self, rows, source):
        counts = dict.fromkeys(KINDS, 0)
        group = []
        for row in rows:
            if group and track_of(group[0][0]) != track_of(row[0]):
                self.put(counts, group, source, False)
                group = []
            group.append(row)
        if group:
            self.put(counts, group, source, False)
        return counts

    def ingest_songs(self, items):
        counts = dict.fromkeys(KINDS, 0)
        for item in items:
            rows = rows_of_song(item)
            if rows:
                self.put(counts, rows, "local", "-" not in item["metadata"]["track_id"])
        return counts

    def delete(self, track_id):
        track = self.tracks.get(track_id)
        if not track or track.deleted:
            return 0
        self.position += 1
        track.change({}, None, self.position, False)
        return 1

    def live(self, after=0, source=None):
        return sorted((track for track in self.tracks.values()
                       if not track.deleted and track.position > after
                       and source in (None, track.source)), key=lambda track: track.position)

    def deletions(self, after, source):
        """Of tracks, and of some of their documents, which a CSV cannot say."""
        return sum(track.position > after and source in (None, track.source)
                   and (track.deleted or (track.shrunk and after > 0))
                   for track in self.tracks.values())

    def rows(self, after=0, source=None):
        return [track.rows[key] for track in self.live(after, source)
                for key in sorted(track.rows, key=order)]

    def contents(self):
        return frozenset(row for track in self.live() for row in track.rows.values())


class History:
    def __init__(self, test, seed, digests):
        self.rng = random.Random(seed)
        self.digests = digests  # by contents, and the other way round
        self.nodes = {name: test.node(f"{seed}-{name}") for name in ("master", "one", "two")}
        self.models = {name: Model() for name in self.nodes}
        self.out = test.new_folder(f"{seed}-files")
        self.from_slaves = []  # (slave, rows)
        self.from_master = []  # rows
        self.steps = []
        for name, node in self.nodes.items():
            node.run("init", "--name", "node-" + name)

    # ---- random input ----

    def track_id(self):
        return self.rng.choice(["TRA", "TRB", "TRC", "TRD", "TRE", "TR\u00c4"])

    def some_song(self):
        rng = self.rng
        pairs = [(rng.randrange(4), time) for time in
                 range(0, rng.choice([100, 1000, 2000, 4000, 9000]), rng.choice([97, 301]))]
        rng.shuffle(pairs)
        track_id = self.track_id() + rng.choice(["", "", "", "", "-x"])
        return song(track_id, pairs if rng.random() < 0.95 else [], artist=rng.choice(TEXTS),
                    title=rng.choice(TEXTS[:2]), duration=rng.choice([0, 60.9]))

    def some_row(self):
        rng = self.rng
        suffix = rng.choice(["-0", "-1", "-2", "-3", "-10", "-00", "-x", "", "-1-0"])
        codes = " ".join(str(rng.randrange(5)) for _ in range(2 * rng.randrange(3)))
        return (self.track_id() + suffix, "4.12", codes, rng.choice(["0", "60"]),
                rng.choice(TEXTS), "", rng.choice(TEXTS[:2]))

    # ---- steps ----

    def ingest(self, name, model, node):
        items = [self.some_song() for _ in range(self.rng.randrange(1, 5))]
        self.compare(model.ingest_songs(items), node.json("ingest", "-", data=codegen_bytes(items)))

    def slave_rows(self, name, model, node):
        """The master's dump, and sometimes rows that no master ever had."""
        rows = self.rng.choice(self.from_master) if self.from_master else []
        if self.rng.random() < 0.3:
            rows = [self.some_row() for _ in range(self.rng.randrange(1, 9))]
        self.compare(model.ingest_rows(rows, "master"),
                     node.json("slave-ingest", "-", data=csv_of(rows)))

    def master_rows(self):
        model, node = self.models["master"], self.nodes["master"]
        source, rows = self.rng.choice(self.from_slaves) if self.from_slaves else ("one", [])
        if self.rng.random() < 0.2:
            rows = [self.some_row() for _ in range(self.rng.randrange(1, 9))]
        self.compare(model.ingest_rows(rows, source),
                     node.json("master-ingest", "-s", source, "-", data=csv_of(rows)))

    def dump(self, name, kind):
        model, node = self.models[name], self.nodes[name]
        source = "local" if kind == "slave-dump" else None
        after = model.watermarks[kind]
        rows = model.rows(after, source)
        found = node.dump(kind, self.out, "--lines", self.rng.choice([1, 3, 250000]),
                          "--compress", "none")
        same((found["documents"], found["deletions"], found["from"], found["to"]),
             (len(rows), model.deletions(after, source), after, model.position),
             "documents, deletions, from and to")
        same(read_files(found["paths"]), csv_of(rows), "the rows dumped")
        if rows:
            model.watermarks[kind] = model.position
            if kind == "slave-dump":
                self.from_slaves.append((name, rows))
            else:
                self.from_master.append(rows)

    def delete(self, name, model, node):
        ids = sorted({self.track_id() for _ in range(self.rng.randrange(1, 3))})
        deleted = sum(model.delete(track_id) for track_id in ids)
        found = node.json("delete", *ids, statuses=(0, 1, 3))
        same((found["deleted"], found["missing"], found["position"]),
             (deleted, len(ids) - deleted, model.position), "deleted, missing and position")

    def compare(self, expected, found):
        same({kind: found[kind] for kind in KINDS}, expected, "the counts")

    # ---- checks ----

    def check_node(self, name):
        model, node = self.models[name], self.nodes[name]
        same(rows_of(node.contents()), model.rows(), "all rows")
        status = node.json("status")
        live = model.live()
        same((status["documents"], status["tracks"], status["position"], status["tombstones"]),
             (sum(len(track.rows) for track in live), len(live), model.position,
              len(model.tracks) - len(live)), "documents, tracks, position and tombstones")
        sources = {}
        for track in live:
            sources[track.source] = sources.get(track.source, 0) + len(track.rows)
        same({key: n for key, n in status["sources"].items() if n}, sources, "the sources")
        contents = model.contents()
        same(self.digests.setdefault(contents, status["digest"]), status["digest"],
             "the digest of the same contents")
        same(self.digests.setdefault(status["digest"], contents), contents,
             "the contents of the same digest")

    def step(self):
        rng = self.rng
        name = rng.choice(["one", "two"])
        model, node = self.models[name], self.nodes[name]
        what = rng.choices(["ingest", "slave rows", "master rows", "slave-dump", "master-dump",
                            "delete", "master delete"], [6, 5, 5, 4, 4, 2, 1])[0]
        self.steps.append(f"{what} ({name})")
        if what == "ingest":
            self.ingest(name, model, node)
        elif what == "slave rows":
            self.slave_rows(name, model, node)
        elif what == "master rows":
            self.master_rows()
        elif what == "slave-dump":
            self.dump(name, "slave-dump")
        elif what == "master-dump":
            self.dump("master", "master-dump")
        elif what == "delete":
            self.delete(name, model, node)
        else:
            self.delete("master", self.models["master"], self.nodes["master"])
        if rng.random() < 0.3:
            self.check_node(rng.choice(list(self.nodes)))

    def run(self):
        try:
            for _ in range(STEPS):
                self.step()
            for name, node in self.nodes.items():
                self.check_node(name)
                node.verify()
        except Exception:
            print(f"# steps: {', '.join(self.steps)}")
            raise


def check_seed(test, seed, digests):
    test.check(f"history of seed {seed}", lambda: History(test, seed, digests).run())


def main(test):
    digests = {}
    if test.options.seed is not None:
        check_seed(test, test.options.seed, digests)
        return
    clock = Clock(test.options.seconds)
    seed = int(time.time() * 1000) % 1000000000
    while clock.left() > 0:
        check_seed(test, seed, digests)
        seed += 1


def add_options(parser):
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int)


if __name__ == "__main__":
    run(main, add_options)

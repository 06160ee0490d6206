#!/usr/bin/env python3
"""Moving over from the servers of 2011: nothing is lost, at whatever moment it is stopped.

usage: legacy_import_test.py --program PATH [--only CHECK]
"""

import collections
import json
import lzma
import random
import signal
import socket
import threading
import time

import casket
from common import DATA, Skip, csv_of, need, plain, rows_of, run, same, shared_data
from old_servers import Servers


def some_rows(count, track="TRA", documents=5):
    """Rows of small tracks."""
    chance = random.Random(track)
    return [(f"{track}{n // documents:05}-{n % documents}", "4.12",
             plain([(chance.randrange(1 << 20), 40 * n + i) for i in range(6)]), "60",
             f"artist {n // documents}", "", f"song {n // documents}") for n in range(count)]


def real_rows():
    return rows_of(lzma.decompress((DATA / "songs.csv.xz").read_bytes()))


def by_track(rows):
    tracks = collections.defaultdict(list)
    for row in rows:
        tracks[row[0].split("-")[0]].append(row)
    return dict(tracks)


class Case:
    """Old servers and a node, of which the test is over when its block is."""

    def __init__(self, test, name):
        self.node, self.name, self.test = test.node(name), name, test

    def __enter__(self):
        self.servers = Servers()
        return self

    def __exit__(self, *_):
        self.servers.close()

    def run(self, *options, **kwargs):
        return self.node.run("legacy", "import", *self.servers.options, *options, **kwargs)

    def json(self, *options, **kwargs):
        return self.node.json("legacy", "import", *self.servers.options, *options, **kwargs)

    def counts(self, *options, **kwargs):
        found = self.json(*options, **kwargs)
        return {key: value for key, value in found.items() if value and key not in ("seconds", "position")}

    def words(self, *options, statuses=(3,)):
        return self.run(*options, statuses=statuses).stderr.decode()

    def count_requests(self):
        counter = collections.Counter()
        self.servers.on_request = lambda kind: counter.update([kind])
        return counter


# ---- what comes over ----


def rows_come_over_byte_for_byte(test):
    with Case(test, "bytes") as it:
        rows = real_rows()
        it.servers.ingest(rows)
        same(it.counts(), {"read": len(rows), "new": len(rows)}, "counts")
        same(it.node.contents(), csv_of(rows), "dump")
        same(it.counts("--check"), {"equal": len(rows)}, "check")
        it.node.verify()


def golden_songs_come_over_byte_for_byte(test):
    if not shared_data():
        raise Skip("the larger set of real songs is not here")
    data = lzma.decompress((shared_data() / "golden" / "dump.csv.xz").read_bytes())
    with Case(test, "golden") as it:
        it.servers.ingest(rows_of(data))
        same(it.counts(), {"read": 827, "new": 827}, "counts")
        need(it.node.contents() == data, "the dump differs from what the old servers had")


def sources_and_dates_are_kept(test):
    with Case(test, "sources") as it:
        it.servers.ingest(some_rows(10, "TRA"), "local", "2011-05-01T00:00:01Z")
        it.servers.ingest(some_rows(5, "TRB"), "radio-1", "2012-06-02T10:00:00.250Z")
        it.servers.ingest(some_rows(5, "TRC"), "master", "2012-06-02T10:00:00Z")
        it.run()
        for track, source, date in (("TRA00001", "local", "2011-05-01T00:00:01Z"),
                                    ("TRB00000", "radio-1", "2012-06-02T10:00:00Z"),
                                    ("TRC00000", "master", "2012-06-02T10:00:00Z")):
            shown = it.node.json("show", track)
            same((shown["source"], shown["import_date"]), (source, date), track)


STRANGE = ["a \"q\" b", "a\\b", "a TO b", "a*", "*", "* ", "lower", "UPPER", "(x) [y] {z}", "\u00e4-0", "\uffee-0",
           "\U0001f600-0", "\U0001f600\U0001f601-1", "a&b<c>", "a+b:c", "a]b-0", "-TR-0", "TR", "TR-x", "TR-0", "TR-10",
           "TR-2", "TR!-0", "550e8400-e29b-11d4-0", "lastdump2"]


def strange_ids_and_texts_come_over(test):
    """Also by the second way, which names every id in a query."""
    texts = ["", "caf\u00e9", "\U0001f3b5 \u97f3", "a,\"b\"\r\nc\rd", "\u2028\u0085\x7f\t", "&amp;<x>", "\\u0041 \\"]
    rows = [(name, "4.12", "1 2 3 4", "7", texts[i % 7], texts[(i + 1) % 7], texts[(i + 2) % 7])
            for i, name in enumerate(STRANGE)]
    with Case(test, "strange") as it:
        it.servers.ingest(rows)
        for document in it.servers.solr.committed.values():
            if document["track_id"] not in ("TR", "lastdump2"):
                del document["import_date"]
        same(it.counts(), {"read": len(rows), "new": len(rows)}, "counts")
        same(sorted(rows_of(it.node.contents())), sorted(rows), "rows")
        # The document TR is of the track TR, which has one date.
        same(it.counts("--check"), {"equal": len(rows), "other_date": 1}, "check")


def documents_of_many_pages_come_together(test):
    """A track over two pages and two dates is one, and comes in one piece where its date is one."""
    rows = some_rows(2600, "TRP", 7)
    with Case(test, "pages") as it:
        it.servers.ingest(rows[:1700])
        it.servers.ingest(rows[1700:], date="2011-07-01T00:00:00Z")
        it.run()
        tracks = by_track(rows)
        same(it.node.json("status")["position"], len(tracks) + 1, "position: one track had two dates")
        same(by_track(rows_of(it.node.contents())), tracks, "rows")


def documents_that_move_during_the_walk_are_not_lost(test):
    """The server gets documents again while it is read, which moves them behind the others."""
    rows = some_rows(3000, "TRM", 3)
    new = some_rows(30, "TRN", 3)
    with Case(test, "moves") as it:
        it.servers.ingest(rows)
        pages = it.count_requests()

        def move(kind):
            pages.update([kind])
            if kind == "select" and pages["select"] == 3:
                it.servers.ingest(rows[300:900] + new, date="2011-06-01T12:00:00Z")

        it.servers.on_request = move
        it.run()
        same(sorted(rows_of(it.node.contents())), sorted(rows + new), "rows")


# ---- what does not come over ----


def what_cannot_be_taken_is_named_and_the_rest_comes(test):
    with Case(test, "rejects") as it:
        rows = some_rows(12, "TRR", 3)
        it.servers.ingest(rows)
        del it.servers.tyrant.values[b"TRR00001-1"]
        it.servers.tyrant.values[b"TRR00002-0"] = b"1 2 x"
        it.servers.solr.committed["TRR00003-2"]["length"] = -3
        it.servers.tyrant.values.update({b"GONE-0": b"1 2", b"GONE-1": b"3 4", b"lastdump": b"2011-06-01T12:00:00Z"})
        words = it.words()
        for expected in ("TRR00001-1 not imported: Tokyo Tyrant has no codes for it",
                         "TRR00002-0 not imported: ", "TRR00003-2 not imported: length \"-3\"",
                         "GONE-0 not imported: Tokyo Tyrant has codes of it", "GONE-1 not imported"):
            need(expected in words, f"no word of {expected}: {words}")
        need("lastdump" not in words and "TRR00000" not in words, words)
        bad = ("TRR00001-1", "TRR00002-0", "TRR00003-2")
        same(rows_of(it.node.contents()), [row for row in rows if row[0] not in bad], "rows")
        same(it.counts(statuses=(3,)), {"read": 12, "unchanged": 9, "rejected": 3, "without_codes": 1, "without_document": 2},
             "counts of a further run")


def names_of_sources_that_are_none_need_another(test):
    with Case(test, "names") as it:
        rows = some_rows(6, "TRS", 3)
        it.servers.ingest(rows[:3], "my slave")
        it.servers.ingest(rows[3:], "radio")
        need("--other-source" in it.words(), "no hint at the option")
        same(it.node.json("status")["sources"], {"local": 0, "master": 0, "radio": 3}, "sources")
        it.run("--other-source", "slave-x")
        same(it.node.json("status")["sources"], {"local": 0, "master": 0, "radio": 3, "slave-x": 3}, "sources")
        it.run("--other-source", "a b", statuses=(2,))


# ---- again ----


def a_further_run_reads_no_codes_of_what_is_known(test):
    with Case(test, "again") as it:
        rows = some_rows(2000, "TRG")
        it.servers.ingest(rows)
        it.run()
        requests = it.count_requests()
        same(it.counts(), {"read": 2000, "unchanged": 2000}, "counts")
        same(requests["get"], 1, "values that were read: lastdump alone")
        it.servers.ingest(some_rows(5, "TRH"), date="2011-06-01T11:00:00Z")
        requests.clear()
        same(it.counts(), {"read": 2005, "unchanged": 2000, "new": 5}, "counts")
        same(requests["get"], 6, "values that were read")
        changed = rows[7][:2] + ("5 6",) + rows[7][3:]
        it.servers.ingest([changed], date="2011-06-03T12:00:00Z")
        same(it.counts(), {"read": 2005, "unchanged": 2004, "updated": 1}, "counts")
        requests.clear()
        same(it.counts("--full")["unchanged"], 2005, "of a full run")
        same(requests["get"], 2006, "values that were read by --full")


def a_check_finds_every_kind_of_difference(test):
    with Case(test, "check") as it:
        rows = some_rows(40, "TRK", 4)
        it.servers.ingest(rows)
        it.run()
        digest, position = it.node.digest(), it.node.json("status")["position"]
        same(it.counts("--check"), {"equal": 40}, "check of what is equal")
        documents, values = it.servers.solr.committed, it.servers.tyrant.values
        for name, (field, value) in {"TRK00000-0": ("artist", "x"), "TRK00001-0": ("release", "x"), "TRK00002-0": ("track", "x"),
                                     "TRK00003-0": ("length", 61), "TRK00004-0": ("codever", "4"),
                                     "TRK00005-0": ("source", "radio")}.items():
            documents[name][field] = value
        values[b"TRK00006-0"] = b"1 2"
        del values[b"TRK00007-0"]
        del it.servers.solr.pending["TRK00008-0"], values[b"TRK00008-0"]
        it.servers.ingest(some_rows(1, "TRL", 1))
        words = it.words("--check")
        for expected in ("TRK00000-0: its artist differs", "TRK00001-0: its release differs", "TRK00002-0: its track name differs",
                         "TRK00003-0: its length differs", "TRK00004-0: its codever differs",
                         "TRK00005-0: its source differs", "TRK00006-0: its codes differ",
                         "TRK00007-0: Tokyo Tyrant has no codes", "TRK00008-0: it is only here", "TRL00000-0: it is not here"):
            need(expected in words, f"no word of {expected}: {words}")
        same(it.counts("--check", statuses=(3,)), {"equal": 31, "different": 8, "missing": 1, "only_here": 1, "without_codes": 1},
             "counts")
        same((it.node.digest(), it.node.json("status")["position"]), (digest, position), "digest and position")


def killed_at_any_moment_it_goes_on(test):
    """After each of its requests; what is there at the end is what one run would have brought."""
    rows = some_rows(1500, "TRX", 3)
    for n in (1, 2, 3, 40, 400, 1400, 1502):
        with Case(test, f"killed-{n}") as it:
            it.servers.ingest(rows)
            counter, started = [], threading.Event()

            def kill(kind):
                counter.append(kind)
                if len(counter) == n:
                    started.wait()
                    process.send_signal(signal.SIGKILL)

            it.servers.on_answer = kill
            process = it.node.start("legacy", "import", *it.servers.options)
            started.set()
            process.communicate()
            same(process.returncode, -signal.SIGKILL, f"exit status after request {n}")
            it.servers.on_answer = lambda kind: None
            it.run()
            need(it.node.contents() == csv_of(rows), f"killed at request {n}: other rows")
            it.node.verify()


def what_was_committed_before_an_interruption_is_kept(test):
    with Case(test, "interrupted") as it:
        it.servers.ingest(some_rows(3000, "TRI"))
        counter, started = collections.Counter(), threading.Event()

        def interrupt(kind):
            counter.update([kind])
            if counter["get"] == 2000 and kind == "get":
                started.wait()
                process.send_signal(signal.SIGINT)
                time.sleep(0.3)

        it.servers.on_request = interrupt
        process = it.node.start("legacy", "import", *it.servers.options)
        started.set()
        words = process.communicate()[1].decode()
        need(process.returncode == 1 and "run the same command again" in words, f"{process.returncode}: {words}")
        need(it.node.json("status")["documents"] > 500, "little was kept")
        it.servers.on_request = lambda kind: None
        it.run()
        same(it.node.json("status")["documents"], 3000, "documents")


# ---- the file of a Tokyo Tyrant ----


def a_casket_is_read_without_a_server(test):
    if not casket.library():
        raise Skip("libtokyocabinet is not installed")
    with Case(test, "casket") as it:
        rows = real_rows()
        it.servers.ingest(rows)
        it.servers.tyrant.values.update({b"lastdump": b"2011-06-01T12:00:00Z", b"GONE-0": b"1 2"})
        path = test.folder / "casket.tch"
        casket.make(path, it.servers.tyrant.values)
        before = path.read_bytes()
        command = ("legacy", "import", "--solr", it.servers.url, "--tyrant-file", path)
        it.servers.tyrant.values.clear()
        done = it.node.run(*command)
        need(b"GONE-0 not imported" in done.stderr, done.stderr.decode())
        same(it.node.contents(), csv_of(rows), "dump")
        it.node.run(*command, "--check")
        need(path.read_bytes() == before, "the file was changed")
        open_casket = casket.Casket(test.folder / "open.tch")
        words = it.node.run(*command[:-1], test.folder / "open.tch", statuses=(1,)).stderr.decode()
        need("a server has it open" in words, words)
        open_casket.close()
        it.node.run(*command[:-1], test.folder / "no.tch", statuses=(1,))
        it.node.run(*command[:-1], test.folder, statuses=(1,))


def damaged_caskets_are_errors_at_worst(test):
    if not casket.library():
        raise Skip("libtokyocabinet is not installed")
    with Case(test, "damaged") as it:
        rows = some_rows(300, "TRD")
        it.servers.ingest(rows)
        path = test.folder / "good.tch"
        casket.make(path, it.servers.tyrant.values)
        good, chance, bad = path.read_bytes(), random.Random(1), test.folder / "bad.tch"
        seen = collections.Counter()
        for n in range(60):
            data = bytearray(good)
            if n % 3 == 0:
                data = data[:chance.randrange(len(data))]
            for _ in range(chance.choice((1, 10, 3000)) if n % 3 else 0):
                where = chance.randrange(256) if n % 3 == 1 else chance.randrange(len(data))
                data[where] = chance.randrange(256)
            bad.write_bytes(data)
            node = test.node(f"damaged-{n}")
            done = node.run("legacy", "import", "--solr", it.servers.url, "--tyrant-file", bad, "--no-index",
                            statuses=(0, 1, 3, 4, 7))
            seen[done.returncode] += 1
            need(done.returncode == 0 or done.stderr, f"number {n}: no word")
            if (node.folder / "data.mdb").exists():
                node.verify()
        need(seen[1] and len(seen) > 1, f"exit statuses {dict(seen)}")


# ---- bad answers ----


def bad_answers_are_clear_errors(test):
    rows = some_rows(20, "TRE")

    def in_json(change):
        def answer(kind, data):
            if kind != "select":
                return data
            value = json.loads(data)
            change(value["response"])
            return json.dumps(value).encode()
        return answer

    def documents(change):
        return in_json(lambda response: [change(document) for document in response["docs"]])

    solr = {
        "not JSON": (lambda kind, data: data[:-30], "is not JSON"),
        "an array": (lambda kind, data: b"[]", "no response with numFound"),
        "no UTF-8": (lambda kind, data: data.replace(b"artist 1", b"artist\xff1"), "is not JSON"),
        "deep": (lambda kind, data: b"[" * 100000, "is not JSON"),
        "a number as text": (documents(lambda d: d.update(artist=5)), "artist is not a text"),
        "no id": (documents(lambda d: d.pop("track_id")), "has no track_id"),
        "a bad date": (documents(lambda d: d.update(import_date="2011-06-31T12:00:00Z")), "is not a time"),
        "documents that are none": (in_json(lambda r: r.update(docs=[1] * len(r["docs"]))), "is not an object"),
        "too many": (in_json(lambda r: r.update(docs=r["docs"] * 100)), "were asked"),
        "another order": (in_json(lambda r: [d.update(import_date=f"20{30 - i}-01-01T00:00:00Z") for i, d in enumerate(r["docs"])]),
                          "does not answer in the order of dates"),
    }
    tyrant = {
        "another protocol": (lambda kind, data: b"HTTP/1.1 400", "but Tokyo Tyrant answers with 00 or 01"),
        "cut off": (lambda kind, data: data[:-1] if kind == "get" else data, None),
        "a wrong size": (lambda kind, data: b"\0\xff\xff\xff\xff" + data[5:] if kind == "get" else data, None),
    }
    with Case(test, "answers") as it:
        it.servers.ingest(rows)
        for name, (change, words) in solr.items():
            it.servers.solr_answer = change
            done = it.run(statuses=(1, 7))
            need(words in done.stderr.decode(), f"{name}: {done.stderr.decode()}")
        it.servers.solr_answer = lambda kind, data: data
        for name, (change, words) in tyrant.items():
            it.servers.tyrant_answer = change
            process = it.node.start("legacy", "import", *it.servers.options)
            time.sleep(0.5 if words is None else 0)
            if words is None:  # it waits for the rest: until the server goes, or for a minute
                process.send_signal(signal.SIGINT)
            said = process.communicate()[1].decode()
            need(process.returncode in (1, 7) and (words or "") in said, f"{name}: {process.returncode}: {said}")
        it.servers.tyrant_answer = lambda kind, data: data
        same(it.counts()["read"], 20, "documents read at last")
        same(it.node.contents(), csv_of(rows), "dump")


def a_server_that_is_not_there_is_unreachable(test):
    with Case(test, "nobody") as it:
        it.servers.ingest(some_rows(5))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            nobody = f"127.0.0.1:{free.getsockname()[1]}"
            for solr, tyrant in ((it.servers.url, nobody), (f"http://{nobody}/solr/fp", it.servers.address)):
                done = it.node.run("legacy", "import", "--solr", solr, "--tyrant", tyrant, statuses=(4,))
                need(nobody in done.stderr.decode(), done.stderr.decode())
        it.node.run("legacy", "import", "--solr", it.servers.url + "x", "--tyrant", it.servers.address, statuses=(1,))
        it.node.run("legacy", "import", "--solr", "nowhere", "--tyrant", it.servers.address, statuses=(2,))
        it.node.run("legacy", "import", "--solr", it.servers.url, "--tyrant", "127.0.0.1:x", statuses=(2,))


def body(test):
    for check in (rows_come_over_byte_for_byte, golden_songs_come_over_byte_for_byte, sources_and_dates_are_kept,
                  strange_ids_and_texts_come_over, documents_of_many_pages_come_together,
                  documents_that_move_during_the_walk_are_not_lost, what_cannot_be_taken_is_named_and_the_rest_comes,
                  names_of_sources_that_are_none_need_another, a_further_run_reads_no_codes_of_what_is_known,
                  a_check_finds_every_kind_of_difference, killed_at_any_moment_it_goes_on,
                  what_was_committed_before_an_interruption_is_kept, a_casket_is_read_without_a_server,
                  damaged_caskets_are_errors_at_worst, bad_answers_are_clear_errors,
                  a_server_that_is_not_there_is_unreachable):
        if test.options.only in (None, check.__name__):
            test.check(check.__name__, check, test)


def add_options(parser):
    parser.add_argument("--only", metavar="CHECK")


if __name__ == "__main__":
    run(body, add_options)

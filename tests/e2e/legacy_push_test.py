#!/usr/bin/env python3
"""Living beside the servers of 2011: they get what the log has, at whatever moment it is stopped.

usage: legacy_push_test.py --program PATH [--only CHECK]
"""

import concurrent.futures
import datetime
import json
import re
import shutil
import signal
import socket
import threading

from common import codegen_bytes, csv_of, need, plain, rows_of, run, same, song
from legacy_import_test import STRANGE, Case, real_rows, some_rows
from servers import Server, until


class Push(Case):
    def put(self, rows, *options):
        self.node.run("slave-ingest", *options, "-", data=csv_of(rows))

    def run(self, *options, **kwargs):
        return self.node.run("legacy", "push", *self.servers.options, *options, **kwargs)

    def json(self, *options, **kwargs):
        return self.node.json("legacy", "push", *self.servers.options, *options, **kwargs)

    def keys(self):
        return {key.decode() for key in self.servers.tyrant.values}

    def ids(self):
        return set(self.servers.solr.committed)

    def watermark(self):
        found = [f["position"] for f in self.node.json("status").get("followers", []) if f["name"] == "legacy.legacy"]
        return found[0] if found else 0

    def position(self):
        return self.node.json("status")["position"]


# ---- what is sent ----


def their_dump_has_what_ours_has(test):
    with Push(test, "dump") as it:
        rows = real_rows()
        it.put(rows)
        before = datetime.datetime.utcnow().replace(microsecond=0)
        same(it.counts(), {"sent": len(rows)}, "counts")
        same(csv_of(it.servers.rows()), it.node.contents(), "their dump")
        after = datetime.datetime.utcnow()
        for document in it.servers.solr.committed.values():
            date = datetime.datetime.strptime(document["import_date"], "%Y-%m-%dT%H:%M:%SZ")
            need(before <= date <= after, f"imported at {date}, but was pushed from {before} to {after}")
            same(document["source"], "master", "source")
        same(it.watermark(), it.position(), "watermark")


def what_is_there_is_not_sent_again(test):
    with Push(test, "twice") as it:
        rows = some_rows(1200)
        it.put(rows)
        it.run()
        requests = it.count_requests()
        same(it.counts(), {}, "counts of a second push")
        same(dict(requests), {}, "requests of a second push")
        same(it.counts("--all"), {"unchanged": 1200}, "counts with --all")
        need(not {"put", "add", "out", "delete"} & set(requests), f"--all sent something: {dict(requests)}")
        it.servers.tyrant.values[b"TRA00003-1"] = b"1 2"
        del it.servers.tyrant.values[b"TRA00004-1"]
        it.servers.solr.pending.pop("TRA00005-1")
        it.servers.ingest([rows[31][:4] + ("x", "y", "z")])
        same(it.counts("--all"), {"unchanged": 1196, "sent": 4}, "counts after four were changed")
        same(sorted(it.servers.rows()), sorted(rows), "rows")
        it.put([rows[7][:2] + ("7 8",) + rows[7][3:]])
        same(it.counts(), {"unchanged": 4, "sent": 1}, "counts after a document was changed")


def what_was_imported_is_not_sent_back(test):
    with Push(test, "back") as it:
        rows = some_rows(50)
        it.servers.ingest(rows, "radio")
        it.node.run("legacy", "import", *it.servers.options)
        same(it.counts(), {"unchanged": 50}, "counts")
        same({d["import_date"] for d in it.servers.solr.committed.values()}, {"2011-06-01T12:00:00Z"}, "dates")


def sources_are_sent(test):
    with Push(test, "sources") as it:
        it.node.run("ingest", "-", data=codegen_bytes([song("TRMINE", [(1, 2), (3, 4)])]))
        it.node.run("master-ingest", "-s", "radio", "-", data=csv_of(some_rows(5)))
        it.run()
        same({k: d["source"] for k, d in it.servers.solr.committed.items() if k.endswith("-0")},
             {"TRMINE-0": "local", "TRA00000-0": "radio"}, "sources")


def strange_ids_and_texts_go_over(test):
    with Push(test, "strange") as it:
        texts = ["", "caf\u00e9", "\U0001f3b5", "a,\"b\"\n<c>", "\u2028\x7f\t", "&amp;<x>]]>", "\\u0041 \\"]
        rows = [(name, "4.12", "1 2 3 4", "7", texts[i % 7], texts[(i + 1) % 7], texts[(i + 2) % 7])
                for i, name in enumerate(STRANGE)]
        it.put(rows)
        same(it.counts(), {"sent": len(rows)}, "counts")
        same(sorted(it.servers.rows()), sorted(rows), "rows")
        same(it.counts("--all"), {"unchanged": len(rows)}, "counts with --all")


def what_they_cannot_take_is_named_and_left_out(test):
    with Push(test, "leftout") as it:
        rows = [("TRQ0-0", "4.12", "1 2", "1", "bell\a", "", ""), ("TRQ1-0", "4.12", "1 2", "1", "fine", "", ""),
                ("TRQ2-0", "4.12", "1 2", "1", "", "a\rb", ""), ("TRQ3-0", "4.12", "1 2", "1", "caf\u00e9", "", ""),
                ("TRQ4-0", "4.12", "", "1", "silence", "", "")]
        it.put(rows)
        done = it.run("--json", statuses=(3,))
        same({k: v for k, v in json.loads(done.stdout).items() if k in ("sent", "left_out")}, {"sent": 4, "left_out": 1}, "counts")
        words = done.stderr.decode()
        need("TRQ0-0: its artist has the control character 07 at byte 5" in words, words)
        need("TRQ2-0: it has a CR" in words, words)
        same(it.servers.rows(), rows[1:], "rows")
        same(it.watermark(), it.position(), "watermark")
        words = it.node.run("legacy", "push", *it.servers.options, "--name", "other", "--ascii", statuses=(3,)).stderr.decode()
        need("TRQ3-0: its artist is not ASCII" in words, words)


def copies_are_not_sent(test):
    with Push(test, "copies") as it:
        pairs = [(code * 37 % (1 << 20), code // 3) for code in range(600)]
        it.node.run("ingest", "-", data=codegen_bytes([song("TRONE", pairs), song("TRTWO", pairs)]))
        it.run()
        same(it.ids(), {"TRONE-0"}, "documents")
        it.node.run("duplicates", "--release", "TRTWO")
        it.run()
        same(it.ids(), {"TRONE-0", "TRTWO-0"}, "documents after it was released")


# ---- what goes ----


def deletions_are_exact(test):
    with Push(test, "deletions") as it:
        rows = some_rows(2, "TRA", 2) + [("TRA00000B-0", "4.12", "1 2", "1", "", "", ""), ("TRA0-0", "4.12", "1 2", "1", "", "", "")]
        it.put(rows)
        it.run()
        it.servers.ingest([("TRA00000-7", "4.12", "5 6", "1", "", "", ""), ("TRA00000-other-0", "4.12", "5 6", "1", "", "", ""),
                           ("TRA00000.", "4.12", "5 6", "1", "", "", "")])
        it.node.run("delete", "TRA00000")
        done = it.run("--json")
        same(json.loads(done.stdout)["deleted"], 3, "documents deleted")
        need("TRA00000-other-0: not deleted" in done.stderr.decode(), done.stderr.decode())
        left = {"TRA00000B-0", "TRA0-0", "TRA00000-other-0", "TRA00000."}
        same((it.ids(), it.keys()), (left, left), "what is left")
        same(it.counts(), {}, "counts of a further push")


def a_track_that_lost_documents_loses_them_there(test):
    with Push(test, "shrunk") as it:
        pairs = [(n, 40 * n) for n in range(200)]
        it.node.run("ingest", "-", data=codegen_bytes([song("TRS", pairs)]))
        it.run()
        count = len(it.ids())
        it.node.run("ingest", "-", data=codegen_bytes([song("TRS", pairs[:100])]))
        it.run()
        need(len(it.ids()) < count, f"{count} documents became {len(it.ids())}")
        same(csv_of(it.servers.rows()), it.node.contents(), "their dump")
        same(it.keys(), it.ids(), "keys")


def lastdump_is_never_written(test):
    with Push(test, "lastdump") as it:
        it.servers.tyrant.values[b"lastdump"] = b"2011-06-01T12:00:00Z"
        it.put(some_rows(5) + [("lastdump", "4.12", "1 2", "1", "", "", "")])
        words = it.run(statuses=(3,)).stderr.decode()
        need("lastdump: " in words, words)
        it.node.run("delete", "lastdump")
        it.run()
        same(it.servers.tyrant.values[b"lastdump"], b"2011-06-01T12:00:00Z", "lastdump")


def a_restored_log_goes_on(test):
    with Push(test, "restored") as it:
        it.put(some_rows(10, "TRA"))
        it.run()
        shutil.copytree(it.node.folder, test.folder / "copy")
        it.put(some_rows(10, "TRB"))
        it.run()
        shutil.rmtree(it.node.folder)
        shutil.copytree(test.folder / "copy", it.node.folder)
        it.put(some_rows(20, "TRC"))
        same(it.counts(), {"sent": 20}, "counts")
        need({row[0] for row in rows_of(it.node.contents())} <= it.ids(), "something is missing")


# ---- stopped at any moment ----


class Dumps:
    """Their dump script: documents from the date of the last dump up to now."""

    def __init__(self, servers):
        self.servers, self.rows, self.failed = servers, set(), None

    def dump(self):
        now = datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%SZ")
        last = self.servers.tyrant.values.get(b"lastdump", b"").decode()
        for name, document in list(self.servers.solr.committed.items()):
            if last <= document["import_date"] <= now:
                if name.encode() not in self.servers.tyrant.values:
                    self.failed = f"a dump of theirs finds no codes of {name}, and ends"
                    return
                self.rows.add((name, self.servers.tyrant.values[name.encode()]))
        self.servers.tyrant.values[b"lastdump"] = now.encode()

    def wait_and_dump(self):
        """When the dates of all documents have come, which are a little ahead."""
        newest = max(document["import_date"] for document in self.servers.solr.committed.values())
        while datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%SZ") < newest:
            threading.Event().wait(0.1)
        self.dump()
        need(not self.failed, self.failed)

    def dump_later_than_all(self):
        """So that no later dump takes a document that is not sent again."""
        while self.servers.tyrant.values.get(b"lastdump", b"").decode() <= max(
                document["import_date"] for document in self.servers.solr.committed.values()):
            threading.Event().wait(0.1)
            self.wait_and_dump()


def expected_state(it):
    return {row[0]: row for row in rows_of(it.node.contents())}


def killed_at_request(test, moment, n):
    """Kills a push that puts, changes and deletes at its request number n, where their dump runs,
    too. What another push leads to must be the same. False if there are not so many requests."""
    with Push(test, f"killed-{moment}-{n}") as it:
        it.put(some_rows(6, "TRA", 3))
        it.run()
        changed = [row[:2] + ("9 9",) + row[3:] for row in some_rows(2, "TRA", 3)]
        it.put(changed + some_rows(4, "TRB", 2))
        it.node.run("delete", "TRA00001")
        dumps, seen, started = Dumps(it.servers), [], threading.Event()
        dumps.dump_later_than_all()

        def kill(kind):
            seen.append(kind)
            if len(seen) == n:
                started.wait()
                dumps.dump()
                process.send_signal(signal.SIGKILL)
                process.wait()

        setattr(it.servers, moment, kill)
        process = it.node.start("legacy", "push", *it.servers.options)
        started.set()
        process.communicate()
        setattr(it.servers, moment, lambda kind: None)
        if process.returncode == 0:
            return False
        same(process.returncode, -signal.SIGKILL, f"exit status at request {n}")
        documents = expected_state(it)
        dumps.wait_and_dump()
        it.run()
        same({row[0]: row for row in it.servers.rows()}, documents, f"their rows, killed at request {n}, {seen[-1]}")
        same(it.keys() - {"lastdump"}, set(documents), f"their keys, killed at request {n}, {seen[-1]}")
        dumps.wait_and_dump()
        for name, row in documents.items():
            need((name, row[2].encode()) in dumps.rows, f"their dumps missed {name}, killed at request {n}, {seen[-1]}")
        return True


def killed_at_any_request_it_loses_nothing(test, moment):
    """Side by side, as a push waits for the dates of its documents."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        killed = list(pool.map(lambda n: killed_at_request(test, moment, n), range(1, 33)))
    need(killed.count(True) > 15 and not killed[-1], f"killed at {killed.count(True)} requests")


def killed_before_any_request(test):
    killed_at_any_request_it_loses_nothing(test, "on_request")


def killed_before_any_answer(test):
    killed_at_any_request_it_loses_nothing(test, "on_answer")


def broken_off_after_codes(it, *options):
    """A push that gets no further than to the codes of its first batch."""
    process = None

    def kill(kind):
        if kind == "put":
            started.wait()
            process.kill()

    started = threading.Event()
    it.servers.on_answer = kill
    process = it.node.start("legacy", "push", *it.servers.options, *options)
    started.set()
    process.communicate()
    it.servers.on_answer = lambda kind: None
    same(process.returncode, -signal.SIGKILL, "exit status")


def dates_of(it, track):
    return {name: d["import_date"] for name, d in it.servers.solr.committed.items() if name.startswith(track)}


def a_track_that_was_sent_in_part_and_then_changed_is_sent_whole(test):
    """Its documents stand behind 1,200 others then, in another batch."""
    with Push(test, "moved") as it:
        rows = some_rows(2, "TRA", 2)
        it.put(rows)
        it.run()
        before = dates_of(it, "TRA")
        rows[0] = rows[0][:2] + ("9 9",) + rows[0][3:]
        it.put(rows)
        broken_off_after_codes(it)
        it.put(some_rows(1200, "TRB"))
        rows[1] = rows[1][:4] + ("x",) + rows[1][5:]
        it.put(rows)
        it.run()
        after = dates_of(it, "TRA")
        need(after["TRA00000-0"] > before["TRA00000-0"], "codes that Solr does not have were taken for sent")
        same(it.counts("--all"), {"unchanged": 1202}, "counts with --all")


def a_broken_off_comparison_goes_on(test):
    with Push(test, "goes-on") as it:
        it.put(some_rows(2, "TRA", 2))
        it.run()
        before = dates_of(it, "TRA")
        it.servers.tyrant.values[b"TRA00000-0"] = b"1 2"
        broken_off_after_codes(it, "--all")
        it.run()
        need(dates_of(it, "TRA")["TRA00000-0"] > before["TRA00000-0"], "the comparison was not gone on with")
        same(it.counts("--all"), {"unchanged": 2}, "counts with --all")


def dumps_of_theirs_at_any_request_miss_nothing(test):
    with Push(test, "dumps") as it:
        dumps = Dumps(it.servers)
        it.servers.on_request = it.servers.on_answer = lambda kind: dumps.dump()
        it.put(some_rows(10))
        it.run()
        it.put(some_rows(10, "TRB"))
        it.run()
        it.servers.on_request = it.servers.on_answer = lambda kind: None
        dumps.wait_and_dump()
        same({name for name, _ in dumps.rows}, it.ids(), "documents in their dumps")


def a_clock_of_theirs_that_is_ahead_hides_nothing(test):
    with Push(test, "ahead") as it:
        it.servers.tyrant.values[b"lastdump"] = b"2100-01-01T00:00:00Z"
        it.put(some_rows(3))
        it.run()
        same({d["import_date"] for d in it.servers.solr.committed.values()}, {"2100-01-01T00:00:01Z"}, "dates")


def a_commit_that_takes_long_does_not_hide_documents(test):
    """A dump of theirs runs between adding and the commit, which takes longer than expected."""
    with Push(test, "slow") as it:
        dumps, commits = Dumps(it.servers), []

        def slow(kind):
            commits.append(kind)
            if commits[-2:] == ["add", "commit"] and commits.count("add") == 1:
                end = datetime.datetime.utcnow() + datetime.timedelta(seconds=4)
                while datetime.datetime.utcnow() < end:
                    threading.Event().wait(0.2)
                dumps.dump()

        it.servers.on_request = slow
        it.put(some_rows(10))
        it.run()
        dumps.wait_and_dump()
        same({name for name, _ in dumps.rows}, it.ids(), "documents in their dumps")


def a_failure_keeps_the_watermark(test):
    for kind, change in {"add": b"<html>", "commit": b"", "put": b"\1", "out": b"\7"}.items():
        with Push(test, f"fails-{kind}") as it:
            it.put(some_rows(6, "TRA", 3))
            it.run()
            it.node.run("delete", "TRA00001")
            it.put(some_rows(6, "TRB", 3))
            before = it.watermark()
            answer = lambda name, data: change if name == kind else data
            it.servers.solr_answer = it.servers.tyrant_answer = answer
            done = it.run(statuses=(1, 4, 7))
            need(done.stderr, "no word")
            same(it.watermark(), before, f"watermark after {kind} failed")
            it.servers.solr_answer = it.servers.tyrant_answer = lambda name, data: data
            it.run()
            same({row[0]: row for row in it.servers.rows()}, expected_state(it), "rows")


def what_an_interrupted_push_has_added_is_not_taken_for_nothing(test):
    """It was added and not committed; then the log went back to what their Solr shows: somebody's
    later commit must not bring out the other."""
    with Push(test, "uncommitted") as it:
        def name(title):
            it.node.run("ingest", "-", data=codegen_bytes([song("TRU", [(1, 2), (3, 4)], title=title)]))

        name("a name")
        it.run()
        rows = it.servers.rows()
        name("another name")
        started = threading.Event()
        adds = []

        def kill(kind):
            adds.append(kind)
            if adds[-2:] == ["add", "commit"]:
                started.wait()
                process.send_signal(signal.SIGKILL)
                process.wait()
                raise ConnectionError("the server ends before it commits")

        it.servers.on_request = kill
        process = it.node.start("legacy", "push", *it.servers.options)
        started.set()
        process.communicate()
        it.servers.on_request = lambda kind: None
        same((process.returncode, it.servers.rows()), (-signal.SIGKILL, rows), "exit status, rows that are seen")
        name("a name")
        it.run()
        it.servers.solr.update(b"<commit />")
        same(it.servers.rows(), rows, "rows after somebody's commit")


# ---- serve ----


def serve_keeps_them_in_step(test):
    with Push(test, "serve") as it:
        it.put(some_rows(5))
        server = Server(it.node, "--legacy-solr", it.servers.url, "--legacy-tyrant", it.servers.address)
        until(lambda: len(it.ids()) == 5, "what was there is pushed")
        pairs = [(code * 37 % (1 << 20), code // 3) for code in range(600)]
        it.node.run("ingest", "-", "--no-index", data=codegen_bytes([song("TRONE", pairs), song("TRTWO", pairs)]))
        until(lambda: "TRONE-0" in it.ids(), "a new song is pushed")
        it.node.run("delete", "TRA00000")
        until(lambda: it.ids() == {"TRONE-0"} and it.keys() == {"TRONE-0"}, "a deletion is pushed, and a copy is not")
        down = ConnectionError("down")

        def refuse(kind):
            raise down

        it.servers.on_request = refuse
        it.put(some_rows(3, "TRB", 3))
        until(lambda: "legacy.legacy: " in server.words(), "a failure is told")
        it.servers.on_request = lambda kind: None
        until(lambda: len(it.ids()) == 4, "it goes on when they are back")
        until(lambda: it.watermark() == it.position(), "the watermark follows")
        need(b"legacy.legacy" in server.get("/metrics")[2], "no metric")
        server.stop()


# ---- bytes ----

ADD = re.compile(rb'<add>(<doc>(<field name="\w+">[^<]*</field>){9}</doc>)+</add>$')


def the_bytes_are_those_of_the_protocol(test):
    """Against a socket that only listens: requests byte by byte, as the original scripts sent them."""
    with Push(test, "golden-bytes") as it:
        it.put([("TRGOLD-", "4.12", "101282 9 17 9", "12", "a&b", "<r>", "t")])
        bodies, requests = [], bytearray()
        update = it.servers.solr.update
        it.servers.solr.update = lambda body: (bodies.append(body), update(body))[1]
        with socket.create_server(("127.0.0.1", 0)) as tyrant:
            def answer():
                connection, _ = tyrant.accept()
                with connection:
                    while data := connection.recv(65536):
                        requests.extend(data)
                        connection.sendall(b"\1" if data.startswith(b"\xc8\x30") else b"\0")

            threading.Thread(target=answer, daemon=True).start()
            address = f"127.0.0.1:{tyrant.getsockname()[1]}"
            it.node.run("legacy", "push", "--solr", it.servers.url, "--tyrant", address)
        get = bytes.fromhex("c830 00000008 6c61737464756d70")
        same(bytes(requests), get + bytes.fromhex("c810 00000007 0000000d") + b"TRGOLD-" + b"101282 9 17 9", "requests")
        same((bodies[0], bodies[2:]), (b"<commit />", [b"<commit />"]), "bodies around the documents")
        need(ADD.match(bodies[1]), bodies[1].decode())
        for field in (b'"fp">101282 9 17 9<', b'"length">12<', b'"artist">a&amp;b<', b'"release">&lt;r&gt;<', b'"track_id">TRGOLD-<'):
            need(field in bodies[1], f"no {field} in {bodies[1]}")


def body(test):
    for check in (their_dump_has_what_ours_has, what_is_there_is_not_sent_again, what_was_imported_is_not_sent_back,
                  sources_are_sent, strange_ids_and_texts_go_over, what_they_cannot_take_is_named_and_left_out,
                  copies_are_not_sent, deletions_are_exact, a_track_that_lost_documents_loses_them_there,
                  lastdump_is_never_written, a_restored_log_goes_on, killed_before_any_request,
                  killed_before_any_answer, a_track_that_was_sent_in_part_and_then_changed_is_sent_whole,
                  a_broken_off_comparison_goes_on, dumps_of_theirs_at_any_request_miss_nothing,
                  a_clock_of_theirs_that_is_ahead_hides_nothing, a_commit_that_takes_long_does_not_hide_documents,
                  what_an_interrupted_push_has_added_is_not_taken_for_nothing, serve_keeps_them_in_step, a_failure_keeps_the_watermark,
                  the_bytes_are_those_of_the_protocol):
        if test.options.only in (None, check.__name__):
            test.check(check.__name__, check, test)


def add_options(parser):
    parser.add_argument("--only", metavar="CHECK")


if __name__ == "__main__":
    run(body, add_options)

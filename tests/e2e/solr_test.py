#!/usr/bin/env python3
"""The log in a SolrCloud of two nodes, of the artifacts that Maven Central has; and answers that no
Solr would give, from a stub."""

import base64
import http.server
import json
import shutil
import sys
import threading
import urllib.parse

from common import DATA, HERE, Node, Skip, codegen_bytes, need, pack, run, same, shared_data, song, unpack
from servers import Server, ingest, some_songs, until

sys.path.insert(0, str(HERE.parent / "solr"))
import cluster as solr  # noqa: E402

REAL = json.loads((DATA / "songs.json").read_text())


def piece(item, first=300, times=1300):
    """30 seconds of a song, as a code string."""
    pairs = [(code, moment - first) for code, moment in unpack(item["code"])
             if first <= moment < first + times]
    return pack(pairs)


class Collection:
    """A node, and a collection of its own that its log goes into."""

    def __init__(self, test, cloud, name, shards=2, replicas=2):
        self.test, self.cloud, self.name = test, cloud, name
        self.node = test.node(name)
        self.node.run("init")
        self.nowhere = Node(test.program, test.folder / f"{name}-nowhere")
        self.where = ["--collection", name]
        test.node("x").run("solr", "init", cloud.url, *self.where, "--shards", shards, "--replicas",
                           replicas)

    def push(self, *options, statuses=(0,)):
        return self.node.json("solr", "push", self.cloud.url, *self.where, *options, statuses=statuses)

    def verify(self, statuses=(0,)):
        report = self.node.json("solr", "verify", self.cloud.url, *self.where, statuses=statuses)
        if statuses == (0,):
            same(report["digest"], self.node.digest(), "the digest of the collection")
        return report

    def ask(self, code, statuses=(0, 3)):
        """The answer of a machine without a data folder."""
        words = ["query", "--solr", self.cloud.url, *self.where, "--speed", "0", "-"]
        return self.nowhere.json(*words, data=(code + "\n").encode(), statuses=statuses)

    def finds(self, item, track_id=None):
        found = self.ask(piece(item))["track_id"]
        same(found, track_id or item["metadata"]["track_id"], "what a piece of a song is from")


def follows_the_log(test, cloud):
    """Puts, changes, deletions and links come in; what is sent again changes nothing."""
    of = Collection(test, cloud, "follow")
    ingest(of.node, REAL)
    again = of.node.run("solr", "init", cloud.url, *of.where).stdout
    need(b"was there already" in again, f"a second init says {again}")
    same(of.push()["sent"], len(REAL), "changes sent")
    same(of.push()["sent"], 0, "changes sent the second time")
    of.verify()
    for item in REAL[:3]:
        of.finds(item)
    same(of.ask(piece(some_songs("stranger", 1, 3000)[0], 300))["track_id"], None, "a stranger")
    deleted, copied = REAL[0]["metadata"]["track_id"], REAL[1]
    of.node.run("delete", deleted)
    copy = song("COPY", unpack(copied["code"]), artist="another one")
    of.node.json("ingest", "--dedup", "off", "-", data=codegen_bytes([copy]))
    of.push()
    of.node.run("duplicates", "--link", "COPY", copied["metadata"]["track_id"])
    of.push()
    of.verify()
    same(of.ask(piece(REAL[0]))["track_id"], None, "a song that was deleted")
    of.finds(copied)
    status = of.node.json("status")
    same(status["followers"], [{"name": "solr.follow", "position": status["position"], "waiting": 0}],
         "followers")
    of.node.run("delete", copied["metadata"]["track_id"])
    of.push()
    of.verify()
    of.finds(copied, "COPY")
    # A new collection is filled, and takes the place of the old one.
    before = cloud.get("follow/select?q=*:*&rows=0")["response"]["numFound"]
    of.push("--restart")
    same(cloud.get("follow/select?q=*:*&rows=0")["response"]["numFound"], before, "documents")
    of.node.run("solr", "forget", *of.where)
    need("followers" not in of.node.json("status"), "a follower that was forgotten is listed")
    same(of.push()["sent"], before - 1, "what is sent to a collection that was forgotten")  # without the mark
    need("follow-1" not in cloud.get("admin/collections?action=LIST")["collections"],
         "the collection that was replaced is still there")
    of.verify()


def knows_who_is_a_copy(test, cloud):
    """What a change of one track makes of the copies of its copies is sent, too."""
    of = Collection(test, cloud, "chain", shards=1, replicas=1)
    songs = some_songs("chain", 4, 3000)
    ingest(of.node, songs)
    for copy, original in ((3, 2), (2, 1), (1, 0)):
        of.node.run("duplicates", "--link", f"chain{copy}", f"chain{original}")
    of.push()
    of.verify()
    of.node.run("delete", "chain1")
    same([one["track_id"] for one in of.node.json("duplicates")["copies"]], ["chain3"], "copies")
    of.push()
    of.verify()
    same(of.ask(piece(songs[3]))["track_id"], None, "the copy of a copy, which is a copy now")
    of.node.run("duplicates", "--release", "chain3")
    of.push()
    of.verify()
    of.finds(songs[3])


def goes_on_after_interruptions(test, cloud):
    """A collection without its alias, and leftovers of a restart, are in nobody's way."""
    cloud.get("admin/collections?action=CREATE&name=again-1&numShards=1&collection.configName=echoprint-1")
    of = Collection(test, cloud, "again", shards=1, replicas=1)
    ingest(of.node, REAL[:2])
    of.push()
    other = test.node("again-other")
    ingest(other, some_songs("left", 2))
    cloud.get("admin/collections?action=CREATE&name=again-2&numShards=1&collection.configName=echoprint-1")
    left = json.dumps({"id": "!mark", "kind": "mark", "log": "another", "version": 9, "position": 9}).encode()
    cloud.get("again-2/update/json/docs?commit=true", body=left)
    other.run("solr", "push", "--restart", cloud.url, *of.where)
    same(other.json("solr", "verify", cloud.url, *of.where)["digest"], other.digest(), "the digest")
    names = cloud.get("admin/collections?action=LIST")["collections"]
    same([name for name in names if name.startswith("again")], ["again-2"], "collections")


def finds_among_long_tracks(test, cloud):
    """Entries of long tracks are fetched together, and none displaces another."""
    of = Collection(test, cloud, "long", shards=1, replicas=1)
    songs = some_songs("long", 4, 60000)
    ingest(of.node, songs)
    of.push()
    of.verify()
    for item in songs:
        of.finds(item)


def passes_over_a_wrong_node(test, cloud):
    of = Collection(test, cloud, "wrongnode", shards=1, replicas=1)
    ingest(of.node, REAL[:2])
    url = f"{cloud.urls[0]}/elsewhere,{cloud.url}"
    of.node.run("solr", "push", url, *of.where)
    of.nowhere.run("query", "--solr", url, *of.where, "--speed", "0", "-", data=(piece(REAL[0]) + "\n").encode())


def belongs_to_one_log(test, cloud):
    """A collection of another log, or one that is ahead of a restored log, is refused."""
    of = Collection(test, cloud, "owner", shards=1, replicas=1)
    ingest(of.node, REAL[:2])
    of.push()
    other = test.node("other")
    ingest(other, some_songs("other", 2))
    done = other.run("solr", "push", cloud.url, *of.where, statuses=(5,))
    need(b"--restart" in done.stderr, f"it is not said what helps: {done.stderr}")
    shutil.copytree(of.node.folder, test.folder / "owner-old")
    ingest(of.node, some_songs("later", 3))
    of.push()
    restored = test.node("owner-old")
    done = restored.run("solr", "push", cloud.url, *of.where, statuses=(5,))
    need(b"restored" in done.stderr, f"it is not said what happened: {done.stderr}")
    of.verify()
    other.run("solr", "push", "--restart", cloud.url, *of.where)
    same(other.json("solr", "verify", cloud.url, *of.where)["digest"], other.digest(), "the digest")


def sends_again_what_was_lost(test, cloud):
    """Documents that went behind the watermark's back are noticed, and sent again."""
    of = Collection(test, cloud, "lost")
    ingest(of.node, REAL + some_songs("more", 60))
    of.push()
    body = json.dumps({"delete": {"query": "id:(\"t:more7\" \"t:more8\")"}}).encode()
    cloud.get("lost/update?commit=true", body=body)
    report = of.verify(statuses=(1,))
    same((report["missing"], report["different"]), (2, 0), "what verify finds")
    done = of.node.run("--json", "solr", "push", cloud.url, *of.where)
    need(b"is incomplete" in done.stderr, f"nothing is said of it: {done.stderr}")
    of.verify()


def notices_a_restored_snapshot(test, cloud):
    """A collection that was restored from an older snapshot gets what it lacks, also while a server
    runs that has sent all of it before."""
    of = Collection(test, cloud, "snapshot", shards=2, replicas=1)
    ingest(of.node, REAL)
    of.push()
    place = f"location={test.new_folder('snapshots')}&name=one"
    cloud.get(f"admin/collections?action=BACKUP&collection=snapshot-1&{place}")
    server = Server(of.node, "--solr", cloud.url, *of.where)
    ingest(of.node, some_songs("after", 30))
    of.node.run("delete", REAL[0]["metadata"]["track_id"])
    until(lambda: server.json("/status")["followers"][0]["waiting"] == 0, "the lag is 0")
    cloud.get(f"admin/collections?action=RESTORE&collection=snapshot-1&{place}")
    of.verify(statuses=(1, 3))
    ingest(of.node, some_songs("last", 1))
    until(lambda: of.verify(statuses=(0, 1, 3))["behind"] == 0, "the mark is at the end of the log again")
    server.stop()
    of.verify()


def names_what_solr_refuses(test, cloud):
    """A document that Solr refuses is named; all others come in."""
    of = Collection(test, cloud, "refuse", shards=1, replicas=1)
    schema = cloud.get_text("follow/admin/file?file=schema.xml")
    wrong = schema.replace('<field name="artist" type="string" indexed="false" stored="true"/>',
                           '<field name="artist" type="long" indexed="false" stored="true"/>')
    need(wrong != schema, "the schema has no artist")
    config = cloud.get_text("follow/admin/file?file=solrconfig.xml")
    for name, text in (("schema.xml", wrong), ("solrconfig.xml", config)):
        cloud.get(f"admin/configs?action=UPLOAD&name=strict&filePath={name}&overwrite=true",
                  body=text.encode(), kind="application/octet-stream")
    cloud.get("admin/collections?action=MODIFYCOLLECTION&collection=refuse-1&collection.configName=strict")
    cloud.get("admin/collections?action=RELOAD&name=refuse-1")
    items = some_songs("number", 40)
    for number, item in enumerate(items):
        item["metadata"]["artist"] = "a band" if number in (3, 17) else str(number)
    ingest(of.node, items)
    done = of.node.run("--json", "solr", "push", cloud.url, *of.where, statuses=(3,))
    same((json.loads(done.stdout)["sent"], json.loads(done.stdout)["refused"]), (40, 2), "sent and refused")
    need(b"number3:" in done.stderr and b"number17:" in done.stderr, f"they are not named: {done.stderr}")
    same(of.push()["sent"], 0, "what is sent again")
    same(of.verify(statuses=(1,))["refused"], 2, "what verify says of them")


def serves_and_keeps_in_step(test, cloud):
    """`serve --solr`: of a node, which keeps the collection in step; without one, a front end."""
    of = Collection(test, cloud, "serve")
    server = Server(of.node, "--solr", cloud.url, *of.where)
    front = Server(of.nowhere, "--solr", cloud.url, *of.where)
    ingest(of.node, REAL)
    of.node.run("delete", REAL[0]["metadata"]["track_id"])
    last = of.node.json("status")["position"]
    until(lambda: front.json("/status")["position"] == last, "the front end has all")
    until(lambda: server.json("/status")["followers"][0]["waiting"] == 0, "the lag is 0")
    metrics = server.get("/metrics")[2].decode()
    need('echoprint_follower_lag{follower="solr.serve"} 0\n' in metrics, "the lag is not among the metrics")
    same(front.get("/healthz")[0], 200, "the health of the front end")
    body = urllib.parse.urlencode({"fp_code": piece(REAL[1])}).encode()
    answer = json.loads(front.get("/query", data=body, timeout=120)[2])
    same(answer["track_id"], REAL[1]["metadata"]["track_id"], "the answer of the front end")
    same(front.get("/query", data=b"x=1")[0], 400, "a query without codes")
    need(not of.nowhere.folder.exists(), "a front end made a data folder")
    front.stop()
    server.stop()
    of.verify()


def finds_degraded_excerpts(test, cloud):
    """The same evidence and rule decide as on the embedded index."""
    folder = shared_data()
    if not folder:
        raise Skip("shared data is not there")
    of = Collection(test, cloud, "library")
    of.node.run("ingest", folder / "library.json")
    of.push()
    of.verify()
    queries = json.loads((folder / "queries.json").read_text())[::3]
    words = ["query", "--solr", cloud.url, *of.where, "-"]
    done = of.nowhere.run("--json", *words, data="".join(q["code"] + "\n" for q in queries).encode(), statuses=(0, 3))
    found = [json.loads(line)["track_id"] for line in done.stdout.splitlines()]
    known = [(q["true_track_id"], got) for q, got in zip(queries, found) if q["true_track_id"]]
    right = sum(got == true for true, got in known)
    wrong = sum(got not in (true, None) for true, got in known)
    strange = sum(got is not None for q, got in zip(queries, found) if not q["true_track_id"])
    need(right >= 0.98 * len(known) and wrong == 0 and strange == 0,
         f"{right} of {len(known)} right, {wrong} wrong, {strange} strangers")


def tells_partial_from_none(test, cloud):
    """While a shard is missing there is no answer, which is not "no match"; the watermark waits."""
    of = Collection(test, cloud, "partial", shards=2, replicas=1)
    ingest(of.node, REAL + some_songs("half", 20))
    of.push()
    of.finds(REAL[1])
    cloud.nodes[1].kill()
    try:
        one = Node(test.program, test.folder / "partial-nowhere")
        done = one.run("query", "--solr", cloud.urls[0], *of.where, "--retry", "0", "-",
                       data=(piece(REAL[1]) + "\n").encode(), statuses=(4,))
        same(done.stdout, b"", "what is answered")
    finally:
        cloud.nodes[1].start()
        cloud.wait_for_node(1)
    cloud.wait_until_active("partial-1")
    of.finds(REAL[1])


# ---- answers that no Solr would give ----


class Liar(http.server.BaseHTTPRequestHandler):
    """Answers everything with what its server has been told."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, body, size = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if size is None else size))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    do_GET = do_POST

    def log_message(self, *_):
        pass


def documents(*items):
    return json.dumps({"responseHeader": {"QTime": 0}, "response": {"docs": list(items)}}).encode()


def hostile_answers():
    yield "nothing", 200, b"", None
    yield "no JSON", 200, b"<html>", None
    yield "an array", 200, b"[]", None
    yield "deep JSON", 200, b'{"response":' * 5000, None
    yield "truncated", 200, documents()[:-4], None
    yield "cut off", 200, documents(), 10000
    yield "no documents", 200, b'{"response":{"docs":7}}', None
    yield "odd documents", 200, documents(1, None, [], {"id": 7}, {"id": "t:A"}, {"id": "t:A", "position": -1}), None
    yield "endless positions", 200, documents({"id": "t:A", "position": 1e300, "crc": "x", "score": "y"}), None
    yield "wrong base64", 200, documents({"id": "t:A", "position": 5, "crc": 1, "score": 2, "entry": "####"}), None
    yield "short entry", 200, documents({"id": "t:A", "position": 5, "crc": 0, "score": 2, "entry": "AAAA"}), None
    yield "many documents", 200, documents(*({"id": f"t:{n}", "position": n, "score": 1} for n in range(5000))), None
    yield "partial", 200, b'{"responseHeader":{"partialResults":true},"response":{"docs":[]}}', None
    yield "refusal", 400, b'{"error":{"msg":"\x1b[2J \xff"}}', None
    yield "failure", 500, b'{"error":{"msg":7}}', None
    yield "password", 401, b"who are you?", None
    yield "elsewhere", 302, b"", None


def survives_lies(test):
    """Whatever is answered: an error, or no match; no crash, and no watermark moves."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/solr"
    node = test.node("lies")
    ingest(node, REAL[:1])
    try:
        for name, *server.answer in hostile_answers():
            for words in (["query", "--solr", url, "-"], ["solr", "verify", url], ["solr", "init", url]):
                node.run(*words, "--retry", "0", data=(piece(REAL[0]) + "\n").encode(),
                         statuses=(1, 3, 4, 7))
            node.run("solr", "push", url, "--retry", "0", statuses=(1, 4, 5, 7))
            need("followers" not in node.json("status"), f"{name}: a watermark moved")
    finally:
        server.shutdown()


class Guarded(Liar):
    """Answers only who gives user and password."""

    def do_POST(self):
        expected = "Basic " + base64.b64encode(b"reader:a:b c").decode()
        known = self.headers.get("Authorization") == expected
        self.server.answer = (200, documents(), None) if known else (401, b"", None)
        super().do_POST()


def gives_user_and_password(test):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    node, secret = test.node("guarded"), test.folder / "auth"
    words = ["query", "--solr", f"http://127.0.0.1:{server.server_port}/solr", "-", "--retry", "0"]
    question = (piece(REAL[0]) + "\n").encode()
    try:
        done = node.run(*words, data=question, statuses=(4,))
        need(b"--auth-file" in done.stderr, f"it is not said what helps: {done.stderr}")
        secret.write_text("reader:wrong\n")
        secret.chmod(0o600)
        node.run(*words, "--auth-file", secret, data=question, statuses=(4,))
        secret.write_text("reader:a:b c\n")
        node.run(*words, "--auth-file", secret, data=question, statuses=(3,))
    finally:
        server.shutdown()


def refuses_what_is_no_url(test):
    node = test.node("urls")
    node.run("init")
    for url in ("ftp://host/solr", "http://user:secret@host/solr", "http://host/solr?x=1", ""):
        done = node.run("solr", "push", url, statuses=(2,))
        need(b"secret" not in done.stderr, "a password is shown")
    node.run("solr", "push", "http://host/solr", "--collection", "-x/y", statuses=(2,))


def body(test):
    test.check("what is no URL is refused", refuses_what_is_no_url, test)
    test.check("answers that no Solr would give end in an error", survives_lies, test)
    test.check("user and password are given", gives_user_and_password, test)
    folder, why = solr.libraries()
    checks = [("a collection follows the log", follows_the_log),
              ("a collection knows who is a copy", knows_who_is_a_copy),
              ("interruptions of init and restart are mended", goes_on_after_interruptions),
              ("long tracks are found", finds_among_long_tracks),
              ("a wrong node is passed over", passes_over_a_wrong_node),
              ("a collection belongs to one log", belongs_to_one_log),
              ("what a collection lost is sent again", sends_again_what_was_lost),
              ("a restored snapshot is noticed", notices_a_restored_snapshot),
              ("what Solr refuses is named", names_what_solr_refuses),
              ("serve keeps a collection in step, and answers from it", serves_and_keeps_in_step),
              ("degraded excerpts are found", finds_degraded_excerpts),
              ("a missing shard is an error", tells_partial_from_none)]
    if not folder:
        for name, _ in checks:
            test.report("skip", name, why)
        return
    with solr.Cluster(test.folder / "cloud") as cloud:
        for name, function in checks:
            test.check(name, function, test, cloud)


run(body)

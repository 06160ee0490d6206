#!/usr/bin/env python3
"""Queries from SolrCloud beside those of the embedded index, and how fast a collection is filled.

usage: solr.py --program PROGRAM [--shared FOLDER] [--documents N] [--shards N] [--replicas N] [--nodes N]
       [--lag SECONDS] [--keep DATA_FOLDER]

The database is FOLDER/library.json and N generated documents; the queries are FOLDER/queries.json,
700 degraded excerpts and 51 strangers. All runs on this machine: Solr's nodes share its cores with
the program and with each other. Where the time of a query goes is seen by a proxy between the
program and Solr.
"""

import argparse
import http.client
import http.server
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "tests" / "solr")]

import cluster as solr  # noqa: E402


class Proxy(http.server.BaseHTTPRequestHandler):
    """Passes requests on to a node, and notes how long each took."""

    protocol_version = "HTTP/1.1"
    calls = []
    target = None
    local = threading.local()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not hasattr(self.local, "node"):
            self.local.node = http.client.HTTPConnection(*self.target)
        began = time.perf_counter()
        self.local.node.request("POST", self.path, body, {"Content-Type": self.headers["Content-Type"]})
        answer = self.local.node.getresponse()
        data = answer.read()
        spent = (time.perf_counter() - began) * 1000
        inside = json.loads(data)["responseHeader"].get("QTime", 0)
        kind = "entries" if b"&q=id" in body else "search"
        self.calls.append((kind, len(body), len(data), spent, inside))
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def run(*words, **kwargs):
    return subprocess.run([str(word) for word in words], check=kwargs.pop("check", True), capture_output=True, text=True,
                          **kwargs)


def score(queries, words, cores="0"):
    """Asks all queries; gives a line."""
    done = run("taskset", "-c", cores, *words, "-", input="".join(q["code"] + "\n" for q in queries), check=False)
    if done.returncode not in (0, 3):
        sys.exit(done.stderr)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    known = [(q["true_track_id"], a["track_id"]) for q, a in zip(queries, answers) if q["true_track_id"]]
    right = sum(got == true for true, got in known)
    wrong = sum(got not in (None, true) for true, got in known)
    strange = sum(a["track_id"] is not None for q, a in zip(queries, answers) if not q["true_track_id"])
    times = sorted(a["total_time"] for q, a in zip(queries, answers) if q["true_track_id"])
    others = sorted(a["total_time"] for q, a in zip(queries, answers) if not q["true_track_id"])
    return (f"{right} of {len(known)} right, {wrong} wrong, {strange} of {len(others)} strangers; "
            f"median {statistics.median(times):.1f} ms, 99 % {times[int(len(times) * .99)]:.0f} ms; "
            f"strangers {statistics.median(others or [0]):.0f} ms")


def make_data(options, folder):
    data = folder / "node"
    if options.keep and pathlib.Path(options.keep).exists():
        shutil.copytree(options.keep, data)
        return data
    generated = folder / "generated.csv"
    with open(generated, "wb") as out:
        subprocess.run([ROOT / "build/bench/generate", "--documents", str(options.documents)], stdout=out, check=True)
    run(options.program, "-d", data, "ingest", pathlib.Path(options.shared) / "library.json")
    run(options.program, "-d", data, "slave-ingest", generated)
    if options.keep:
        shutil.copytree(data, options.keep)
    return data


def lag(options, data, where, seconds):
    """Ingests 100 tracks a second, and samples how many changes the collection is behind."""
    from servers import some_songs  # needs common's options of its own
    push = subprocess.Popen([options.program, "-d", data, "solr", "push", *where, "--watch"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    behind = []
    for second in range(seconds):
        began = time.monotonic()
        items = some_songs(f"lag{second}x", 100, 600)
        text = "[" + ",".join(json.dumps(item) for item in items) + "]"
        run(options.program, "-d", data, "ingest", "--no-index", "--dedup", "off", "-", input=text)
        time.sleep(max(0, 1 - (time.monotonic() - began)))
        followers = json.loads(run(options.program, "-d", data, "--json", "status").stdout)["followers"]
        behind.append(next(one["waiting"] for one in followers if one["name"] == f"solr.{where[-1]}"))
    push.terminate()
    push.wait()
    return f"median {statistics.median(behind):.0f} changes behind, at most {max(behind)}, in {seconds} s"


def size_of(cloud, options):
    """Bytes of one replica of each shard, together."""
    total = 0
    for number in range(len(cloud.urls)):
        metrics = cloud.get("admin/metrics?group=core&prefix=INDEX.sizeInBytes", number)["metrics"]
        total += sum(one["INDEX.sizeInBytes"] for one in metrics.values())
    return total / options.replicas


def measure(options, folder, cloud):
    data = make_data(options, folder)
    queries = json.loads((pathlib.Path(options.shared) / "queries.json").read_text())
    tracks = json.loads(run(options.program, "-d", data, "--json", "status").stdout)
    print(f"{tracks['documents']:,} documents in {tracks['tracks']:,} tracks; {options.shards} shards, "
          f"{options.replicas} replicas, {options.nodes} nodes on this machine", flush=True)
    for connections in options.connections:
        name = f"by{connections}"
        where = [cloud.url, "--collection", name]
        run(options.program, "solr", "init", *where, "--shards", options.shards, "--replicas", options.replicas)
        began = time.monotonic()
        run(options.program, "-d", data, "solr", "push", *where, "--connections", connections)
        spent = time.monotonic() - began
        print(f"filled by {connections} connections: {spent:.0f} s, {tracks['documents'] / spent:.0f} documents/s, "
              f"{tracks['tracks'] / spent:.0f} tracks/s", flush=True)
        if connections != options.connections[-1]:
            cloud.get(f"admin/collections?action=DELETEALIAS&name={name}")
            cloud.get(f"admin/collections?action=DELETE&name={name}-1")
    print(f"on disk: {size_of(cloud, options) / tracks['tracks']:.0f} bytes a track in each replica", flush=True)
    began = time.monotonic()
    run(options.program, "solr", "verify", "-d", data, *where)
    print(f"verify: {time.monotonic() - began:.1f} s", flush=True)
    print("embedded index:", score(queries, [options.program, "-d", data, "--json", "query"]), flush=True)
    ask = [options.program, "--json", "query", "--solr", cloud.url, "--collection", name]
    score(queries, ask)  # the JVM compiles what is used often
    print("from Solr:", score(queries, ask), flush=True)
    print("from Solr, --speed 0:", score(queries, [*ask, "--speed", "0"]), flush=True)
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    Proxy.target = ("127.0.0.1", cloud.ports[0])
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    score([q for q in queries if q["true_track_id"]],
          [options.program, "--json", "query", "--speed", "0", "--solr", f"http://127.0.0.1:{proxy.server_port}/solr",
           "--collection", name])
    for kind in ("search", "entries"):
        of = [call[1:] for call in Proxy.calls if call[0] == kind]
        sent, got, spent, inside = (statistics.median(one[i] for one in of) for i in range(4))
        print(f"  {kind}: {len(of)} requests for 700 queries; median {spent:.1f} ms, of these {inside:.0f} in Solr; "
              f"{sent:.0f} bytes sent, {got:.0f} received", flush=True)
    if options.lag:
        print("100 tracks/s:", lag(options, data, where, options.lag), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--shared", default=ROOT.parent / "shared" / "data")
    parser.add_argument("--documents", type=int, default=100000)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 4], help="that fill a collection, one after the other")
    parser.add_argument("--lag", type=int, default=60)
    parser.add_argument("--keep", help="a data folder to use, or to leave there")
    options = parser.parse_args()
    options.program = str(pathlib.Path(options.program).resolve())
    folder = pathlib.Path(tempfile.mkdtemp(prefix="echoprint-solr-", dir="/var/tmp"))
    try:
        with solr.Cluster(folder / "cloud", nodes=options.nodes, quick=False, memory="2g") as cloud:
            measure(options, folder, cloud)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()

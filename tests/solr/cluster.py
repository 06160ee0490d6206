"""A SolrCloud on loopback for tests: ZooKeeper and nodes, a process each, of the artifacts that
Maven Central has. They are fetched once, into a cache beside the user's others."""

import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
SOLR_XML = """<solr>
  <str name="allowPaths">*</str>
  <solrcloud>
    <str name="host">127.0.0.1</str>
    <int name="hostPort">${hostPort:8983}</int>
    <str name="hostContext">solr</str>
    <int name="zkClientTimeout">${zkClientTimeout:10000}</int>
  </solrcloud>
</solr>
"""
# A machine with much other work has taken 60 s for what takes 3.
PATIENCE_S = 300


def libraries():
    """The folder of Solr's jars and of our launcher; None and why where there is none."""
    for program in ("java", "javac", "mvn"):
        if not shutil.which(program):
            return None, f"{program} is not there"
    sources = [HERE / "pom.xml", HERE / "Launch.java"]
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    folder = CACHE / "echoprint" / f"solr-{key}"
    if folder.is_dir():
        return folder, None
    making = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    try:
        subprocess.run(
            ["mvn", "-B", "-q", "-f", HERE / "pom.xml", f"-Dmaven.repo.local={making}/repository",
             "dependency:copy-dependencies", f"-DoutputDirectory={making}/lib",
             "-DincludeScope=runtime"],
            check=True, capture_output=True, text=True, timeout=900)
        subprocess.run(["javac", "-cp", f"{making}/lib/*", "-d", making / "classes",
                        HERE / "Launch.java"], check=True, capture_output=True, text=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as failure:
        shutil.rmtree(making, ignore_errors=True)
        output = (failure.stdout or "") if isinstance(failure.stdout or "", str) else ""
        if isinstance(failure, subprocess.CalledProcessError) and failure.cmd[0] == "javac":
            raise RuntimeError(failure.stderr)
        return None, f"Maven cannot fetch Solr: {output.strip()[-300:]}"
    shutil.rmtree(making / "repository")
    try:
        making.rename(folder)
    except OSError:  # another one was faster
        shutil.rmtree(making)
    return folder, None


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def wait_for(what, condition, seconds=PATIENCE_S):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited for {seconds} s in vain: {what}")


class Process:
    def __init__(self, cluster, name, arguments, memory):
        self.cluster, self.name, self.arguments, self.memory = cluster, name, arguments, memory
        self.process = None

    def start(self):
        lib = self.cluster.lib
        log = open(self.cluster.folder / f"{self.name}.log", "ab")
        self.process = subprocess.Popen(
            ["java", f"-Xmx{self.memory}", "-XX:TieredStopAtLevel=1" if self.cluster.quick else
             "-XX:+UseSerialGC", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={HERE}/log4j2.xml",
             "-cp", f"{lib}/classes:{lib}/lib/*", "Launch", *map(str, self.arguments)],
            stdin=subprocess.PIPE, stdout=log, stderr=log)
        log.close()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.stdin.close()
            if self.name == "zk":
                self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


class Cluster:
    """Use as a context. quick: the JVM compiles little, which is best for short tests."""

    def __init__(self, folder, nodes=2, quick=True, memory="1g"):
        self.lib, why = libraries()
        assert self.lib, why
        self.folder, self.quick = pathlib.Path(folder), quick
        self.folder.mkdir(parents=True, exist_ok=True)
        zk_port = free_port()
        self.zk_port = zk_port
        self.zk = Process(self, "zk", ["zk", zk_port, self.folder / "zk"], "128m")
        self.ports, self.nodes = [], []
        for number in range(nodes):
            home = self.folder / f"node{number}"
            home.mkdir(exist_ok=True)
            (home / "solr.xml").write_text(SOLR_XML)
            port = free_port()
            self.ports.append(port)
            self.nodes.append(Process(self, f"node{number}",
                                      ["node", port, home, f"127.0.0.1:{zk_port}"], memory))
        self.urls = [f"http://127.0.0.1:{port}/solr" for port in self.ports]
        self.url = ",".join(self.urls)

    def __enter__(self):
        try:
            self.zk.start()
            wait_for("ZooKeeper", lambda: answers(self.zk_port))
            for node in self.nodes:
                node.start()
            for number in range(len(self.nodes)):
                self.wait_for_node(number)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in (*self.nodes, self.zk):
            if process.process and process.process.poll() is None:
                process.kill()

    def wait_for_node(self, number):
        def ready():
            try:
                live = self.get("admin/collections?action=CLUSTERSTATUS", number)
                return f"127.0.0.1:{self.ports[number]}_solr" in live["cluster"]["live_nodes"]
            except OSError:
                return False
        wait_for(f"node {number}", ready)

    def get(self, path, number=0, body=None, kind="application/json"):
        """The JSON of an answer of a node; raises OSError where it is none."""
        request = urllib.request.Request(f"{self.urls[number]}/{path}", data=body)
        if body is not None:
            request.add_header("Content-Type", kind)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def get_text(self, path):
        with urllib.request.urlopen(f"{self.urls[0]}/{path}", timeout=120) as answer:
            return answer.read().decode()

    def wait_until_active(self, collection):
        def active():
            try:
                status = self.get(f"admin/collections?action=CLUSTERSTATUS&collection={collection}")
            except OSError:
                return False
            live = set(status["cluster"]["live_nodes"])
            shards = [shard for one in status["cluster"]["collections"].values()
                      for shard in one["shards"].values()]
            replicas = [one for shard in shards for one in shard["replicas"].values()]
            return (all(one["state"] == "active" and one["node_name"] in live for one in replicas)
                    and all(any(one.get("leader") == "true" for one in shard["replicas"].values())
                            for shard in shards))
        wait_for(f"all replicas of {collection} are active", active)

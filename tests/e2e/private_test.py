#!/usr/bin/env python3
"""A private federation: a master, two slaves and a mirror that let in only sources and tokens. All
come into step, and an outsider gets nothing, by whatever path and method. Then tokens: what each role
may do, that one that was removed opens nothing, and that secrets are written nowhere."""

import json
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

from common import ROOT, Skip, need, run, same
from servers import Server, all_equal, ingest, invite, some_songs, until

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def routes():
    """(method, path) of every route of `serve`, from its tables; a tree with something in it."""
    found = []
    for table in [ROOT / "src/net/serve.c", *sorted((ROOT / "src/net/api").glob("*.c"))]:
        for method, path, tree in re.findall(
                r'\{\s*\.method = "(\w+)",\s*\.path = "([^"]+)"(,\s*\.tree = true)?', table.read_text()):
            found.append((method, path + ("x" if tree else "")))
    need(len(found) >= 11, f"only {len(found)} routes are found in the sources")
    return found


class Outsider:
    """Asks without anything that shows who it is, or with something that is worth nothing."""

    def __init__(self, url, authority=None):
        self.url = url.rstrip("/")
        self.context = ssl.create_default_context(cafile=authority) if authority else None

    def ask(self, method, path, headers=None, data=None):
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.context) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()


def gets_nothing(outsider, secrets, headers=None):
    """Every path with every method: refused, and nothing of interest in what comes back. What is
    signed itself, a request to join and a contribution, is refused for what it is."""
    seen = set()
    paths = {path for _, path in routes()}
    for path in sorted(paths | {"/nothing", "/packets/0000000000000000-1.packet", "/v1/", "/v1/tracks/TRA0", "/status?token=x"}):
        for method in METHODS:
            data = b"{}" if method in ("POST", "PUT", "PATCH") else None
            status, got, body = outsider.ask(method, path, headers, data)
            own_proof = (method, path) in (("POST", "/join"), ("POST", "/contributions"))
            allowed = (400, 401, 403) if own_proof else (401, 403)
            need(status in allowed, f"{method} {path} was answered {status}: {body[:200]!r}")
            need(status != 401 or got["WWW-Authenticate"], f"{method} {path}: no WWW-Authenticate")
            text = body + str(got).encode()
            need(len(body) < 400, f"{method} {path}: {len(body)} bytes: {body[:200]!r}")
            for secret in secrets:
                need(secret.encode() not in text, f"{method} {path} tells {secret}: {text!r}")
            seen.add((method, path))
    need(len(seen) >= 7 * len(paths), "not all was tried")
    # The pages for people, which ask for a token, are the program's own files and no more.
    for path, file in (("/", "index.html"), ("/?token=x", "index.html"), ("/console/app.js", "app.js")):
        status, got, body = outsider.ask("GET", path, headers)
        same((status, body), (200, (ROOT / "src/net/console" / file).read_bytes()), f"{path}")
        need("Set-Cookie" not in got and not any(secret in str(got) for secret in secrets), f"{path} tells something in {got}")
        for method in METHODS:
            if method not in ("GET", "HEAD"):
                need(outsider.ask(method, path, headers)[0] in (401, 403), f"{method} {path} was let in")


def certificate(test):
    if not shutil.which("openssl"):
        raise Skip("openssl is not installed")
    folder = test.folder / "tls"
    if not folder.exists():
        folder.mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", "/CN=127.0.0.1",
                        "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


def token(node, name, role):
    return {"Authorization": "Bearer " + node.json("token", "add", name, "--role", role)["token"]}


def key_of(node):
    return node.json("status")["key"]


class Federation:
    def __init__(self, test, name, authority=None, options=()):
        scheme = "https" if authority else "http"
        env = {"SSL_CERT_FILE": str(authority)} if authority else None
        self.master = test.node(f"{name}-centre")
        self.master.run("init", "--name", "centre")
        ingest(self.master, some_songs("TRC", 3))
        self.server = Server(self.master, "--private", *options)
        self.url = f"{scheme}://127.0.0.1:{self.server.port}/"
        self.nodes, self.servers = [self.master], [self.server]
        self.mirror = self.slave(test, f"{name}-mirror", env, "--mirror", "--private", *options)
        mirror = f"{scheme}://127.0.0.1:{self.servers[-1].port}/"
        self.mirror_url = mirror
        self.paris = self.slave(test, f"{name}-paris", env)
        # Of those that it passes the feed on to, a private mirror is told by its own operator.
        self.oslo = test.node(f"{name}-oslo")
        self.oslo.run("init", "--name", "oslo")
        self.mirror.run("source", "add", "oslo", key_of_new(self.oslo))
        self.oslo.run("join", "--mirror", mirror, self.url, invite(self.master, "oslo", self.url), env=env)
        self.nodes.append(self.oslo)
        self.servers.append(Server(self.oslo, env=env))

    def slave(self, test, name, env, *options):
        node = test.node(name)
        short = name.split("-")[1]
        node.run("init", "--name", short)
        node.run("join", self.url, invite(self.master, short, self.url), env=env)
        self.nodes.append(node)
        self.servers.append(Server(node, *options, env=env))
        return node


def key_of_new(node):
    """A node makes its key when it first needs it."""
    node.run("publish", str(node.folder) + ".feed")
    return key_of(node)


def in_step(test, name, authority=None, options=()):
    it = Federation(test, name, authority, options)
    for prefix, node in (("TRP", it.paris), ("TRO", it.oslo), ("TRM", it.mirror), ("TRX", it.master)):
        ingest(node, some_songs(prefix, 2))
    until(lambda: it.master.json("status")["tracks"] == 11, "everything at the master")
    all_equal(it.nodes)
    same({node.json("status")["tracks"] for node in it.nodes}, {11}, "tracks of each node")
    # That a slave first asks for a challenge is no refusal.
    for server in (it.server, it.servers[1]):
        need(" 401 " not in server.words(), f"a refusal where all was well: {server.words()}")
        metrics = server.get("/metrics", token(server.node, "scraper", "query"))[2] if not authority else b"echoprint_refused_total 0\n"
        need(b"echoprint_refused_total 0\n" in metrics, "a refusal is counted where all was well")
    secrets = ["centre", "paris", "oslo", "TRC0", "TRP1", key_of(it.paris), it.master.digest()]
    for url in (it.url, it.mirror_url):
        for headers in (None, {"Authorization": "Bearer ept_" + "0" * 40}, {"Authorization": "Echoprint " + "0" * 242},
                        {"X-Forwarded-For": "127.0.0.1"}):
            gets_nothing(Outsider(url, authority), secrets, headers)
    return it


def a_private_federation_is_in_step(test):
    it = in_step(test, "plain")
    removed_sources_get_nothing(it)
    passes_are_for_one_place_and_time(it)
    words_have_no_secrets(it)


def a_private_federation_over_tls(test):
    cert, key = certificate(test)
    in_step(test, "tls", cert, ("--certificate", cert, "--key", key))


def removed_sources_get_nothing(it):
    """Also one that is waiting for news when it is removed."""
    before = it.paris.digest()
    it.master.run("source", "remove", "paris")
    ingest(it.master, some_songs("TRN", 2))
    all_equal([it.master, it.oslo, it.mirror])
    done = it.paris.run("sync", statuses=(1,))
    need(b"401" in done.stderr and b"this key is not a source here" in done.stderr, f"the words are {done.stderr!r}")
    same(it.paris.digest(), before, "what paris has")
    until(lambda: "401" in (it.paris.json("status")["master"]["error"] or ""), "its status tells why")
    same(it.paris.digest(), before, "what paris has in the end")


def passes_are_for_one_place_and_time(it):
    """What somebody has listened to opens the same place again for a while, and nothing else."""
    lines = []
    listener = socket.create_server(("127.0.0.1", 0))
    fake = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    challenge = Outsider(it.url).ask("GET", "/feed.json")[1]["WWW-Authenticate"]
    need(re.fullmatch(r'Bearer, Echoprint challenge="[0-9a-f]{48}"', challenge), f"the challenge is {challenge}")
    # A slave that is led elsewhere signs for the place that it asks for.
    key = key_of(it.master)
    oslo = it.oslo
    it.servers[-1].stop()
    oslo.run("join", fake, key)
    syncing = oslo.start("sync", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(8):
        client, _ = listener.accept()
        request = client.recv(65536).decode()
        lines.append(request)
        answer = f"HTTP/1.1 401 No\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        client.sendall(answer.encode())
        client.close()
        if "Authorization: Echoprint" in request and request.startswith("GET /feed.json"):
            break
    syncing.wait(timeout=60)
    heard = re.search(r"Authorization: (Echoprint [^\r]+)", lines[-1])
    need(heard, f"no pass in {lines}")
    outsider = Outsider(it.url)
    pass_ = {"Authorization": heard.group(1)}
    same(outsider.ask("GET", "/feed.json", pass_)[0], 200, "the place that was signed for, within minutes")
    for path in ("/packets/0-1.packet", "/status", "/metrics", "/v1/history", "/query?fp_code=1%202", "/feed.json/"):
        same(outsider.ask("GET", path, pass_)[0], 401, f"another place, {path}")
    same(outsider.ask("HEAD", "/feed.json", pass_)[0], 401, "another method")
    same(Outsider(it.mirror_url).ask("GET", "/feed.json", pass_)[0], 401, "another server, whose challenge it is not")
    broken = pass_["Authorization"]
    for at in (12, 80, 130, len(broken) - 1):
        other = broken[:at] + ("0" if broken[at] != "0" else "1") + broken[at + 1:]
        same(outsider.ask("GET", "/feed.json", {"Authorization": other})[0], 401, f"a pass with another digit at {at}")
    it.server.stop()
    it.server.start()
    status, _, body = outsider.ask("GET", "/feed.json", pass_)
    same(status, 401, "a server that was started again")
    need(b"the challenge has expired" in body, f"the words are {body}")
    listener.close()


def words_have_no_secrets(it):
    for server in it.servers:
        words = server.words()
        need("ept_" not in words and "Echoprint " not in words, "a token or pass in what the server says")
        need((server.node.folder / "ingest.token").read_text().strip() not in words, "the token for /ingest in what it says")


# What docs/replication.md and docs/api.md say: path and method, and the least role that is let in.
ROLES = {
    "none": [("GET", "/feed.json"), ("GET", "/query?fp_code=1"), ("GET", "/status"), ("GET", "/metrics"), ("GET", "/"), ("GET", "/console/app.js"), ("GET", "/healthz"),
             ("GET", "/v1/openapi.json")],
    "query": [("POST", "/v1/identify"), *[("GET", "/v1/" + path) for path in (
        "tracks", "tracks/x", "changes", "sources", "copies", "conflicts", "pending", "plays", "status", "history")]],
    "ingest": [("POST", "/ingest"), ("POST", "/v1/tracks")],
    "admin": [("PATCH", "/v1/tracks/x"), ("DELETE", "/v1/tracks/x"), ("POST", "/v1/sources"), ("DELETE", "/v1/sources/x"),
              ("POST", "/v1/copies"), ("DELETE", "/v1/copies/x"), ("POST", "/v1/conflicts")],
}


def roles_are_kept(test):
    node = test.node("roles")
    node.run("init", "--name", "roles")
    server = Server(node)
    headers = {"none": {"X-Forwarded-For": "10.0.0.1"}} | {role: token(node, role, role) for role in ("query", "ingest", "admin")}
    order = list(headers)
    known = {pair for requests in ROLES.values() for pair in requests}
    for pair in routes():
        need(pair in known or not pair[1].startswith("/v1/"), f"no role is told for {pair}")
    for least, requests in ROLES.items():
        for method, path in requests:
            for role in order:
                status = server.get(path, headers[role], b"x" if method == "POST" else None, method)[0]
                enough = order.index(role) >= order.index(least)
                need((status not in (401, 403)) == enough, f"{method} {path} with the role {role} was answered {status}")
    song = json.dumps(some_songs("TRT", 1)).encode()
    same(server.get("/ingest", headers["ingest"], song)[0], 200, "an ingest with such a token")
    same(server.get("/ingest", server.token, song)[0], 200, "an ingest with the token of the data folder")
    same(server.get("/ingest", headers["query"], song)[0], 403, "an ingest with a token that may only query")
    node.run("token", "remove", "ingest")
    same(server.get("/ingest", headers["ingest"], song)[0], 401, "an ingest with a token that was removed")


def outsiders_see_health_alone(test):
    """Of a node that is not private. A program on the same machine sees the state, unless its request
    says that it is passed on, or asks for another host, as a page in a browser would."""
    node = test.node("health")
    node.run("init", "--name", "secretname")
    invite(node, "otherslave", "http://x/")
    server = Server(node)
    secrets = [b"secretname", b"otherslave", key_of(node).encode(), node.digest().encode()]
    for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=1"}, {"Via": "1.1 x"}, {"X-Real-IP": "::1"},
                    {"Host": "evil.example"}, {"Host": "evil.example:8070"}, {"Host": "127.0.0.1.evil.example"}, {"Host": ""},
                    {"Authorization": "Bearer nonsense"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
                    {"Origin": "http://127.0.0.1:1"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        # The pages for people are the same at every node.
        for path in ("/", "/console/app.js"):
            status, _, body = server.get(path, headers)
            same(status, 200, f"{path} for {headers}")
            for secret in secrets:
                need(secret not in body, f"{path} for {headers} tells {secret}")
        for path in ("/status", "/metrics"):
            status, _, body = server.get(path, headers)
            same(status, 200, f"{path} for {headers}")
            for secret in secrets:
                need(secret not in body, f"{path} for {headers} tells {secret}")
            need(b"healthy" in body and b"version" in body, f"{path} is {body[:200]!r}")
    same(server.json("/status")["name"], "secretname", "the state for a program on this machine")
    for own in ({"Origin": f"http://127.0.0.1:{server.port}"}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        same(json.loads(server.get("/status", own)[2])["name"], "secretname", f"the state for a page of the node's own, {own}")
    mine = token(node, "mine", "query")
    same(json.loads(server.get("/status", mine | {"X-Forwarded-For": "x"})[2])["name"], "secretname", "the state with a token")


def an_open_node_trusts_no_address(test):
    """Of a node that listens beyond this machine, loopback is nobody."""
    node = test.node("wide")
    node.run("init", "--name", "widename")
    server = Server(node, host="0.0.0.0")
    server.host = "127.0.0.1"
    need(b"widename" not in server.get("/status")[2], "a name for whoever comes by loopback")


def secrets_are_nowhere(test):
    """Not in what a server says, in what `ps` shows, or in what others may read."""
    node = test.node("secrets")
    node.run("init", "--name", "s")
    server = Server(node, "--private")
    mine = token(node, "mine", "admin")
    secret = mine["Authorization"].split()[1]
    for path in ("/status", f"/x/{secret[:4]}", "/status?token=" + secret, "/query?fp_code=1"):
        server.get(path, mine)
    server.get("/status", {"Authorization": "Bearer " + secret[:-1]})
    server.get("/status", {"Authorization": secret})
    for line in (f"GET /status HTTP/1.1\r\nAuthorization: Bearer {secret}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",):
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(line.encode())
            raw.recv(4096)
    need(secret not in server.words() and secret[4:] not in server.words(), "the token is in what the server says")
    command = pathlib.Path(f"/proc/{server.process.pid}/cmdline").read_bytes()
    need(secret.encode() not in command and (node.folder / "ingest.token").read_bytes().strip() not in command, "a token in ps")
    same(node.folder.stat().st_mode & 0o077, 0, "the mode of the data folder for others")
    for path in node.folder.rglob("*"):
        need(path.is_dir() or path.stat().st_mode & 0o077 == 0, f"others may read {path}")
        need(not path.is_file() or secret.encode() not in path.read_bytes(), f"{path} has the token itself")
    server.stop()


def body(test):
    test.check("a private master, two slaves and a mirror are in step, and an outsider gets nothing", a_private_federation_is_in_step, test)
    test.check("the same over TLS", a_private_federation_over_tls, test)
    test.check("each role may what it may", roles_are_kept, test)
    test.check("outsiders see whether a node is well, and no names", outsiders_see_health_alone, test)
    test.check("a node that others reach trusts no address", an_open_node_trusts_no_address, test)
    test.check("secrets are in no log, list of processes or file", secrets_are_nowhere, test)


if __name__ == "__main__":
    run(body)

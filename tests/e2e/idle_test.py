#!/usr/bin/env python3
"""A node to which nothing happens writes nothing into its log, and who reads it keeps no old
pages."""

import json
import struct
import time

from common import need, run, same
from servers import Server, all_equal, ingest, invite, joined, some_songs, until

PAGE = 4096


def log_of(node):
    """The number of the last transaction of a node's log, and its file's size and moment of
    change."""
    data = node.folder / "data.mdb"
    with open(data, "rb") as file:
        pages = [file.read(PAGE), file.read(PAGE)]
    # A meta page: 16 bytes of header, magic, version, address, size of the map, two databases, last
    # page, number.
    numbers = [struct.unpack_from("<Q", page, 16 + 24 + 2 * 48 + 8)[0] for page in pages]
    info = data.stat()
    return max(numbers), info.st_size, info.st_mtime_ns


def settled(node):
    """Waits until nothing follows what happened any more; gives what the log is then."""
    last = [log_of(node), time.monotonic()]

    def quiet():
        now = log_of(node)
        if now != last[0]:
            last[:] = now, time.monotonic()
        return time.monotonic() - last[1] > 4  # copies are looked for after 2 s

    until(quiet, f"nothing is written into the log of {node.folder.name}", 60)
    return log_of(node)


def an_idle_node_writes_nothing(test):
    master = test.node("master")
    master.run("init", "--name", "centre")
    server = Server(master)
    slave = joined(test, master, "slave", server.url)
    mirror = joined(test, master, "mirror", server.url)
    servers = [Server(slave), Server(mirror, "--mirror")]
    nodes = [master, slave, mirror]
    ingest(master, some_songs("TRA", 5))
    ingest(slave, some_songs("TRB", 5))
    all_equal(nodes)
    status = master.json("status")
    key, position = slave.json("status")["key"], status["position"]
    before = [settled(node) for node in nodes]

    def peer():
        return next(one for one in master.json("status")["peers"] if one["name"] == "slave")

    # A slave that says where it is, time and again, each time something else.
    for behind in (3, 0, 7, 1):
        headers = {"Echoprint-At": f"{key} {position - behind}"}
        until(lambda: server.get("/feed.json", headers) and peer()["fetched"] == position - behind,
              f"status knows that the slave is {behind} behind", 20)
        same(peer()["lag"], behind, "lag")
        same(server.json("/status")["peers"][0]["fetched_at"] is not None, True, "the server knows when")
    for _ in range(300):
        server.get("/feed.json", headers)
    # A contribution that is refused.
    server.get("/contributions", {"Echoprint-Trailer": "00"}, b"none")
    # A master that comes and goes.
    for _ in range(3):
        server.stop()
        for node in (slave, mirror):
            until(lambda: node.json("status")["master"]["error"], f"{node.folder.name} says that the master is gone", 60)
        server.start()
        for node in (slave, mirror):
            until(lambda: node.json("status")["master"]["error"] is None, f"{node.folder.name} is in step again", 60)
    need(slave.json("status")["master"]["contact"], "the slave knows when it reached its master")
    after = [log_of(node) for node in nodes]
    same(after, before, "transactions, size and moment of change of the logs")
    for one in (server, *servers):
        one.stop()
    for node in nodes:
        node.verify()


def what_is_known_of_contacts_outlives_damage(test):
    """The file beside the log is of no use to anything else: any bytes there are passed over."""
    master = test.node("damaged")
    master.run("init", "--name", "centre")
    server = Server(master)
    slave = joined(test, master, "damaged-slave", server.url)
    key = slave.json("status")["key"]
    ingest(master, some_songs("TRA", 3))
    path = master.folder / "contacts"
    for content in (b"", b"\0" * 5000, b"x\n" * 100, f"{key} 1 2\n".encode(), f"{key} {'9' * 400}\n".encode(),
                    f"{key} 99999999 5 5 5 5 {'e' * 5000}\n".encode()):
        path.write_bytes(content)
        shown = master.json("status")["peers"][0]
        need(shown["lag"] is None or shown["lag"] >= 0, f"lag {shown['lag']}")
        server.get("/feed.json", {"Echoprint-At": f"{key} 2"})
        until(lambda: master.json("status")["peers"][0]["fetched"] == 2, "it is written anew", 20)
    server.stop()


def who_reads_keeps_no_old_pages(test):
    """Transactions that change no track: the index is not opened anew for them, and lets go of old
    pages all the same."""
    node = test.node("reader")
    node.run("init", "--name", "centre")
    ingest(node, some_songs("TRA", 50))
    server = Server(node)
    code = json.dumps(some_songs("TRA", 1)[0]["code"])
    server.get("/query", data=b"fp_code=" + code.encode())
    settled(node)
    sizes = []
    for n in range(240):
        invite(node, "paris", server.url)
        node.run("source", "remove", "paris")
        if n % 60 == 59:
            sizes.append(log_of(node)[1])
    print(f"# bytes after every 120 transactions: {sizes}")
    need(sizes[-1] - sizes[0] < 16 * PAGE, f"the log grows with every transaction: {sizes}")
    server.stop()
    node.verify()


def body(test):
    for function in (an_idle_node_writes_nothing, what_is_known_of_contacts_outlives_damage, who_reads_keeps_no_old_pages):
        test.check(function.__name__.replace("_", " "), function, test)


if __name__ == "__main__":
    run(body)

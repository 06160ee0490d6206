#!/usr/bin/env python3
"""How long the pages of a running node take until they can be used, what they fetch, and what an
open page costs the node.

--slaves N with --token (of the role admin) makes the node a master of N slaves: each is admitted by
its key, and waits for news of the feed as `serve` of a slave does, until this ends. Their names stay."""

import argparse
import hashlib
import json
import os
import pathlib
import socket
import statistics
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from browser import Browser, use_the_python_of_debian

use_the_python_of_debian()

# What a page is for is there, and when what it asks for has come.
PAGES = {
    "overview": ("", "document.querySelectorAll('.tile').length > 3 && document.querySelectorAll('figure svg path').length > 2"),
    "identify": ("identify", "document.querySelector('.drop')"),
    "tracks": ("tracks", "document.querySelectorAll('tbody tr').length > 1"),
    "tracks with a word": ("tracks?q=a", "document.querySelectorAll('tbody tr, .empty, .failed').length > 0"),
    "copies": ("copies", "document.querySelector('.pair, .empty')"),
    "conflicts": ("conflicts", "document.querySelector('.pair, .empty')"),
    "federation": ("federation", "document.querySelector('svg.federation .box')"),
    "streams": ("streams", "document.querySelector('table, .empty')"),
}
# The page is usable when it is drawn: behind the next frame.
WATCH = """const done = arguments[1], ready = new Function('return ' + arguments[0]);
const data = () => Math.max(0, ...performance.getEntriesByType('resource').filter((one) => one.name.includes('/v1/')).map((one) => one.responseEnd));
(function look() { ready() ? requestAnimationFrame(() => setTimeout(() => done([performance.now(), performance.now() - data()])))
    : requestAnimationFrame(look); })();"""


class Slaves:
    """Slaves of a master as it sees them: keys that are admitted, and requests that wait for news."""

    def __init__(self, url, token, count):
        self.address = urllib.parse.urlsplit(url)
        self.keys = [hashlib.sha256(f"slave {n}".encode()).hexdigest() for n in range(count)]
        self.sockets = []
        with urllib.request.urlopen(url + "feed.json") as answer:
            self.tag, feed = answer.headers["ETag"], json.load(answer)
        with urllib.request.urlopen(url + "v1/status") as answer:
            digest = json.load(answer)["digest"]
        for n, key in enumerate(self.keys):
            body = json.dumps({"name": f"slave-{n:03}", "key": key}).encode()
            request = urllib.request.Request(url + "v1/sources", body, {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
            try:
                urllib.request.urlopen(request).close()
            except urllib.error.HTTPError as why:
                if why.code != 409:  # it is there from the last time
                    raise
        self.said = f"{feed['position']} {digest}"

    def wait(self):
        """Each asks for the next feed, and waits a minute."""
        for connection in self.sockets:
            connection.close()
        self.sockets = [socket.create_connection((self.address.hostname, self.address.port)) for _ in self.keys]
        for connection, key in zip(self.sockets, self.keys):
            connection.sendall((f"GET /feed.json HTTP/1.1\r\nHost: {self.address.netloc}\r\nIf-None-Match: {self.tag}\r\nPrefer: wait=60\r\n"
                                f"Echoprint-At: {key} {self.said}\r\n\r\n").encode())


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fetched(browser):
    """Bytes of answers since the last call, as they came, and the largest of them."""
    sizes, names = {}, {}
    for entry in browser.driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        given = message["params"]
        if message["method"] == "Network.requestWillBeSent":
            names[given["requestId"]] = urllib.parse.urlsplit(given["request"]["url"]).path
        if message["method"] == "Network.loadingFinished":
            sizes[given["requestId"]] = given["encodedDataLength"]
    largest = max(sizes, key=sizes.get, default=None)
    return sum(sizes.values()), sizes.get(largest, 0), names.get(largest, "")


def measure_times(browser, url, turns):
    print(f"{'page':20} {'ready':>8} {'at most':>8} {'behind its data':>16} {'fetched':>9}  largest")
    for name, (page, ready) in PAGES.items():
        times = []
        for _ in range(turns):
            browser.cdp("Network.clearBrowserCache")
            browser.driver.get("about:blank")
            fetched(browser)
            browser.open(f"{url}#/{page}")
            times.append(browser.driver.execute_async_script(WATCH, ready))
        size, largest, what = fetched(browser)
        all_ms, own_ms = zip(*times)
        print(f"{name:20} {statistics.median(all_ms):5.0f} ms {max(all_ms):5.0f} ms {statistics.median(own_ms):13.0f} ms "
              f"{size / 1000:6.0f} kB  {largest / 1000:.0f} kB {what}")


def measure_cost(browser, url, pid, seconds, slaves):
    """Without a page and with each that asks again by itself."""
    for name in (None, "overview", "federation", "streams"):
        browser.open("about:blank" if name is None else f"{url}#/{PAGES[name][0]}")
        if slaves:
            slaves.wait()
        time.sleep(2)
        before, began = cpu_s(pid), time.monotonic()
        time.sleep(seconds)
        share = (cpu_s(pid) - before) / (time.monotonic() - began)
        print(f"{name or 'no page'} open for {seconds} s: {share * 100:.2f} % of a core")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="of the node, such as http://127.0.0.1:8070/")
    parser.add_argument("turns", nargs="?", type=int, default=5)
    parser.add_argument("--slaves", type=int, default=0)
    parser.add_argument("--token")
    parser.add_argument("--pid", type=int, help="of `serve`: also measures what an open page costs it")
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    slaves = Slaves(given.url, given.token, given.slaves) if given.slaves else None
    with tempfile.TemporaryDirectory() as folder:
        browser = Browser(pathlib.Path(folder))
        browser.look(1280)
        if slaves:
            slaves.wait()
            time.sleep(3)
        measure_times(browser, given.url, given.turns)
        if given.pid:
            measure_cost(browser, given.url, given.pid, given.seconds, slaves)
        browser.close()


if __name__ == "__main__":
    main()

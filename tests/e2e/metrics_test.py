#!/usr/bin/env python3
"""The numbers that /metrics gives: their page, the alerts and the dashboard name the same ones, and
they count what happened."""

import json
import re
import shutil
import subprocess

from common import ROOT, Skip, need, run, same
from servers import Server, ingest, invite, joined, some_songs, until

PAGE = ROOT / "docs/metrics.md"
RULES = ROOT / "service/prometheus/echoprint.rules.yml"
DASHBOARD = ROOT / "service/grafana/echoprint.json"
NAME = re.compile(r"\bechoprint_(\w+)")
OF_HISTOGRAM = re.compile(r"_(bucket|sum|count)$")


def documented():
    """Names by type."""
    names = {}
    for cells in re.findall(r"^\| (`.*?`) \| (\w+) \|", PAGE.read_text(), re.M):
        for name in re.findall(r"`(\w+)`", cells[0]):
            names[name] = cells[1]
    return names


def types_of(text):
    return dict(re.findall(r"^# TYPE echoprint_(\w+) (\w+)$", text, re.M))


def samples_of(text):
    """Values by name and labels."""
    return {key: float(value) for key, value in re.findall(r"^echoprint_(\S+) (\S+)$", text, re.M)}


def promtool(*arguments, data=None):
    found = subprocess.run(["sh", ROOT / "tools/promtool.sh"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if found.returncode:
        raise Skip("there is no promtool, and Debian's package prometheus cannot be fetched")
    done = subprocess.run([found.stdout.strip(), *arguments], input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    need(done.returncode == 0, f"promtool {arguments[0]} {arguments[1]}: {done.stdout.decode()[-600:]}")
    return done.stdout.decode()


class Federation:
    def __init__(self, test):
        self.master = test.node("master")
        self.master.run("init", "--name", "home")
        self.server = Server(self.master)
        self.slave = joined(test, self.master, "oslo", self.server.url)
        self.slave_server = Server(self.slave)
        invite(self.master, "paris", self.server.url)

    def up(self):
        """Starts the servers, which end with the check that started them."""
        for server in (self.server, self.slave_server):
            if server.process.poll() is not None:
                server.start()
        return self

    def metrics(self, server=None):
        return (server or self.server).get("/metrics", self.server.token)[2].decode()


def all_names_are_told(it):
    it.up()
    told, seen = documented(), {}
    for server in (it.server, it.slave_server):
        status, _, text = server.get("/metrics", server.token)
        same(status, 200, "status")
        seen.update(types_of(text.decode()))
    for name, kind in seen.items():
        same(told.get(name), kind, f"the type of {name} in docs/metrics.md")
    for name in told:
        # Those of other systems and of the monitor are not here, as neither runs.
        if not re.match(r"follower_|monitor_|stream_|webhook_", name):
            need(name in seen, f"docs/metrics.md has {name}, but no node gives it")


def numbers_are_sound(it):
    same(promtool("check", "metrics", data=it.up().metrics().encode()), "", "what promtool says")


def queries_are_counted(it):
    before = samples_of(it.up().metrics())
    for _ in range(3):
        it.server.get("/query?fp_code=x")
    after = samples_of(it.metrics())
    for name in ("query_duration_seconds_count", 'query_duration_seconds_bucket{le="+Inf"}', "queries_total"):
        same(after[name] - before[name], 3, name)
    # Each code string of a request counts, also one that cannot be decoded.
    headers = {"Content-Type": "application/json", **it.server.token}
    until(lambda: it.server.get("/query?fp_code=1+2")[0] == 200, "an index")
    after = samples_of(it.metrics())
    same(it.server.get("/v1/identify", headers, json.dumps({"codes": ["1 2 3 4", "x"]}).encode())[0], 200, "status")
    later = samples_of(it.metrics())
    same(later["queries_total"] - after["queries_total"], 2, "queries of /v1/identify")
    for name in ("query_duration_seconds_count", "identify_duration_seconds_count"):
        same(later[name] - after[name], int(name.startswith("identify")), name)
    need(after["query_duration_seconds_sum"] >= before["query_duration_seconds_sum"], "the sum falls")


def contributions_are_counted(it):
    ingest(it.up().slave, some_songs("TRNEW", 3))
    until(lambda: samples_of(it.metrics())["contributed_tracks_total"] == 3, "the contribution")
    now = samples_of(it.metrics())
    same(now["contribution_duration_seconds_count"], now["contributions_total"], "contributions")
    until(lambda: samples_of(it.metrics()).get('source_lag{source="oslo"}') == 0, "the slave has all", 90)


def who_was_never_seen_is_absent(it):
    text = it.up().metrics()
    need('source_contact_seconds{source="oslo"}' in text, "the slave has no contact")
    need("paris" not in text, "a source that never came has a line")
    lone = samples_of(it.metrics())
    need(not any(name.startswith(("follower_", "stream_", "feed_")) for name in lone), "numbers of what is not there")


def alerts_are_as_expected(test):
    names = documented()
    for name in NAME.findall(RULES.read_text()):
        need(OF_HISTOGRAM.sub("", name) in names, f"the alerts use {name}, which docs/metrics.md does not have")
    folder = test.new_folder("rules")
    shutil.copy(RULES, folder)
    shutil.copy(ROOT / "tests/prometheus/rules_test.yml", folder)
    promtool("check", "rules", folder / RULES.name)
    promtool("test", "rules", folder / "rules_test.yml")


def the_dashboard_is_sound():
    board, names = json.loads(DASHBOARD.read_text()), documented()
    places, ids = set(), set()
    for panel in board["panels"]:
        need(panel["id"] not in ids, f"two panels have the number {panel['id']}")
        ids.add(panel["id"])
        at = panel["gridPos"]
        for place in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            need(place not in places and place[0] < 24, f"panel {panel['title']} lies on another, or outside")
            places.add(place)
        need(panel["type"] == "row" or panel["targets"], f"panel {panel['title']} shows nothing")
    used = set(NAME.findall(json.dumps(board)))
    for name in used:
        base = OF_HISTOGRAM.sub("", name)
        need(base in names, f"the dashboard uses {name}, which docs/metrics.md does not have")
        same(name != base, names[base] == "histogram", f"{name} is a part of a histogram")
    need(len(used) > 20, f"the dashboard uses only {len(used)} numbers")


def body(test):
    it = Federation(test)
    ingest(it.master, some_songs("TRA", 2))
    test.check("contributions are counted, and how far a slave is behind", contributions_are_counted, it)
    test.check("docs/metrics.md has all names, and the right types", all_names_are_told, it)
    test.check("queries are counted, with their time", queries_are_counted, it)
    test.check("what was never seen is absent, and not 0", who_was_never_seen_is_absent, it)
    test.check("promtool finds nothing wrong with the numbers", numbers_are_sound, it)
    test.check("alerts fire when they should", alerts_are_as_expected, test)
    test.check("the dashboard shows numbers that there are", the_dashboard_is_sound)


if __name__ == "__main__":
    run(body)

#!/usr/bin/env python3
"""A real Icecast server, fed by ffmpeg: streams play, titles come, and what dies comes back."""

import time

from common import Skip, need, run, same
from icecast_server import KINDS, Icecast, missing
from servers import until
from stations import Player


def plays_every_kind(test, server):
    for kind in KINDS:
        server.feed(kind)
    player = Player(test, "kinds", *map(server.url, KINDS), server.url("mp3") + ".m3u")
    for number in range(len(KINDS) + 1):
        player.until_state(number, "playing")
    began = time.monotonic()
    before = player.facts()
    ten_seconds = lambda: all(int(now["samples"]) - int(before[n]["samples"]) > 110250 for n, now in player.facts().items())
    until(ten_seconds, "every stream plays ten seconds", 60)
    lasted, facts = time.monotonic() - began, player.facts()
    for number, kind in enumerate([*KINDS, "mp3"]):
        played = (int(facts[number]["samples"]) - int(before[number]["samples"])) / 11025
        need(played < lasted + 10, f"{kind}: {played:.1f} s of sound in {lasted:.1f} s")
        same(facts[number]["connections"], "1", f"connections of {kind}")
    same([facts[number]["codec"] for number in range(5)], ["mp3", "aac", "vorbis", "opus", "flac"], "codecs")
    player.quit()


def tells_titles(test, server):
    player = Player(test, "titles", server.url("mp3"))
    player.until_state(0, "playing")
    for title in ("Ä Band - Don't Stop", "Other - Song"):
        server.title("mp3", title)
        player.until(lambda _: title in player.titles(0), f"the title {title} comes")
    player.quit()


def comes_back_after_its_source(test, server):
    """A source that goes takes its listeners along; so does a server that dies."""
    player = Player(test, "back", server.url("aac"), server.url("mp3"))
    player.until_state(0, "playing")
    player.until_state(1, "playing")
    begin = len(player.seen)
    server.stop_feed("aac")
    player.until(lambda lines: any(line.startswith("0 waiting") for line in lines[begin:]), "it waits", 60)
    server.feed("aac")
    player.until(lambda lines: any(line == "0 playing" for line in lines[begin:]), "it plays again", 180)
    same(player.facts()[1]["connections"], "1", "connections of the other stream")
    begin = len(player.seen)
    for kind in list(server.feeds):
        server.stop_feed(kind)
    server.kill()
    for number in range(2):
        player.until(lambda lines: any(line.startswith(f"{number} waiting") for line in lines[begin:]), "it waits", 60)
    server.start()
    server.feed("aac")
    server.feed("mp3")
    for number in range(2):
        player.until(lambda lines: any(line == f"{number} playing" for line in lines[begin:]), "it plays again", 300)
    player.quit()


def skip(test, server):
    raise Skip(missing())


def body(test):
    server = None if missing() else Icecast()
    try:
        for check in (plays_every_kind, tells_titles, comes_back_after_its_source):
            test.check(check.__name__.replace("_", " "), check if server else skip, test, server)
    finally:
        if server:
            server.stop()


run(body)

#!/usr/bin/env python3
"""Music as it is heard on the air, by telephone and at other speeds; and what a probability means.

usage: on_the_air_test.py --program PATH
"""

import collections
import hashlib
import json
import lzma

from common import need, run, same, shared_data

PARTS = 5  # of the songs; one of them is left out, and its excerpts are strangers


def read(path):
    return json.loads(lzma.decompress(path.read_bytes()))


def answers_of(node, queries, *options):
    codes = "".join(query["code"] + "\n" for query in queries)
    done = node.run("--json", "query", *options, "-", data=codes.encode(), statuses=(0, 3))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    same(len(answers), len(queries), "answers")
    return answers


def is_right(query, answer):
    true = query["true_track_id"]
    return answer["track_id"] in (true, *(query.get("also_same_recording") or ()))


class OnTheAir:
    """The library and 192 further tracks, and excerpts of some of these and of others."""

    def __init__(self, test, folder):
        tracks = test.folder / "tracks.json"
        tracks.write_text(json.dumps(read(folder / "broadcast-tracks.json.xz")))
        self.queries = read(folder / "broadcast-queries.json.xz")
        self.node = test.node("air")
        self.node.json("ingest", folder / "library.json", tracks)
        self.answers = answers_of(self.node, self.queries)

    def excerpts(self):
        right, wrong, strangers = collections.Counter(), [], []
        for query, answer in zip(self.queries, self.answers):
            if not query["true_track_id"]:
                strangers += [query["query_id"]] * answer["match"]
            elif answer["match"] and not is_right(query, answer):
                wrong.append(query["query_id"])
            else:
                right[query["kind"]] += answer["match"]
        print(f"# {sum(right.values())} right, {len(wrong)} wrong, {len(strangers)} strangers")
        same(wrong, [], "wrong songs")
        need(len(strangers) <= 1, f"strangers accepted: {strangers}")
        need(sum(right.values()) >= 780, f"{sum(right.values())} are right: {dict(right)}")
        for kind, least in (("gsm", 26), ("clean10", 38), ("radio", 54), ("phone", 54)):
            need(right[kind] >= least, f"{kind}: {right[kind]}, and not {least}")
        same([right[f"lowpass{hertz}"] for hertz in (300, 600, 1000)], [0, 0, 0], "low-passed songs")

    def speeds(self):
        """The answer says how fast the excerpt was; without other speeds it is not found."""
        factors = {"speed+1": 1.01, "speed-1": 0.99, "tempo+2": 1.02}
        moved = [(query, answer) for query, answer in zip(self.queries, self.answers)
                 if query["kind"] in factors and query["true_track_id"]]
        found = [(query, answer) for query, answer in moved if answer["match"]]
        near = [query for query, answer in found
                if abs(answer["speed"] - factors[query["kind"]]) < 0.0051]
        need(len(found) >= 0.92 * len(moved), f"{len(found)} of {len(moved)}")
        need(len(near) >= 0.97 * len(found), f"{len(near)} of {len(found)} have the right speed")
        still = answers_of(self.node, [query for query, _ in moved], "--speed", "0")
        need(sum(answer["match"] for answer in still) < len(moved) / 20, "found at no other speed")
        same({answer["speed"] for answer in still}, {1.0}, "speeds")


class Calibration:
    """As many questions about songs that are there as about others; how many answers are right."""

    def __init__(self, test, folder):
        songs = json.loads((folder / "library.json").read_text())
        songs += read(folder / "broadcast-tracks.json.xz")
        self.gone = {song["metadata"]["track_id"] for song in songs
                     if hashlib.md5(song["metadata"]["track_id"].encode()).digest()[0] % PARTS == 0}
        kept = test.folder / "kept.json"
        kept.write_text(json.dumps([song for song in songs
                                    if song["metadata"]["track_id"] not in self.gone]))
        self.node = test.node("calibration")
        self.node.json("ingest", kept)
        self.queries = json.loads((folder / "queries.json").read_text())
        self.queries += read(folder / "broadcast-queries.json.xz")

    def is_stranger(self, query):
        return not query["true_track_id"] or \
            not {query["true_track_id"], *(query.get("also_same_recording") or ())} - self.gone

    def check(self):
        """In each range of probability, about as many answers are right as it says."""
        answers = answers_of(self.node, self.queries)
        strangers = sum(map(self.is_stranger, self.queries))
        weight = (len(self.queries) - strangers) / strangers
        for low, high in ((0.5, 0.9), (0.9, 1.01)):
            said, right, asked = 0, 0, 0
            for query, answer in zip(self.queries, answers):
                same(answer["probability"] is None, not answer["match"], "no answer, no probability")
                if not answer["match"] or not low <= answer["probability"] < high:
                    continue
                share = weight if self.is_stranger(query) else 1
                asked += share
                said += share * answer["probability"]
                right += share * is_right(query, answer)
            need(asked >= 50, f"{asked} answers from {low} on")
            error = max(3 * (0.25 / asked) ** 0.5 if low < 0.9 else 0.02, 0.02)
            print(f"# from {low}: said {said / asked:.3f}, seen {right / asked:.3f}, of {asked:.0f}")
            need(abs(said - right) / asked <= error, f"said {said / asked}, seen {right / asked}")


def main(test):
    folder = shared_data()
    if not folder or not (folder / "broadcast-queries.json.xz").is_file():
        test.report("skip", "music on the air", "../shared/data is not there")
        return
    air = OnTheAir(test, folder)
    test.check("excerpts as they are heard on the air", air.excerpts)
    test.check("other speeds", air.speeds)
    test.check("probabilities", Calibration(test, folder).check)


if __name__ == "__main__":
    run(main)

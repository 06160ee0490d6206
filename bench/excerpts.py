"""What there is to ask, from a folder of real fingerprints: degraded excerpts of the songs of a
library, excerpts and cuts of songs that it does not hold; and which songs are the same recording.
"""
import base64
import binascii
import hashlib
import json
import lzma
import os
import zlib

FILES = ("library.json", "queries.json", "related.json", "reencoded.json", "unrelated.json",
         "golden/codegen.json")

ON_THE_AIR = ("broadcast-tracks.json.xz", "broadcast-queries.json.xz")

FOLDS = 5
CUT_LENGTHS = (862, 1293)  # units of 23 ms: 20 and 30 s
CUT_FIRST = 200  # where the first cut of a song begins
CUT_PAIRS_MIN = 60


class Question:
    """A code string, and the ids that it is right to answer: none for a stranger."""

    def __init__(self, kind, song, code, right=(), offset_s=None):
        self.kind = kind
        self.song = song  # that it is from: one of the same group stands for all of them
        self.code = code
        self.right = frozenset(right)
        self.offset_s = offset_s  # where in its song it begins, where that is known


def missing(folder):
    """The first file that is not there; None where all are."""
    paths = (os.path.join(folder, name) for name in FILES)
    return next((path for path in paths if not os.path.exists(path)), None)


def pairs_of(code):
    """(code, time) pairs of a packed code string; none of an empty one."""
    try:
        digits = zlib.decompress(base64.urlsafe_b64decode(code))
    except (binascii.Error, zlib.error):
        return []
    count = len(digits) // 10
    numbers = [int(digits[5 * i:5 * i + 5], 16) for i in range(2 * count)]
    return list(zip(numbers[count:], numbers[:count]))


def cuts_of(code, every):
    """Plain code strings of stretches of a song: one of each length in so many of them."""
    pairs = sorted(pairs_of(code), key=lambda pair: pair[1])
    for length in CUT_LENGTHS:
        for start in range(CUT_FIRST, (pairs[-1][1] if pairs else 0) - length, every * length):
            cut = [f"{code} {time - start}" for code, time in pairs if start <= time < start + length]
            if len(cut) >= CUT_PAIRS_MIN:
                yield " ".join(cut)


class Data:
    """The folder's songs and questions."""

    def __init__(self, folder):
        self.folder = folder
        self.library = self.read("library.json")
        self.groups = {}
        for group in self.read("related.json"):
            for song in group["track_ids"]:
                self.groups.setdefault(song, set()).update(group["track_ids"])

    def read(self, name):
        opened = lzma.open if name.endswith(".xz") else open
        with opened(os.path.join(self.folder, name), "rt", encoding="utf-8") as file:
            return json.load(file)

    def same(self, song):
        """The ids of the recording that a song is."""
        return self.groups.get(song, {song})

    def group_number(self, song):
        """A number that all of a recording's ids have, and few others."""
        return int.from_bytes(hashlib.md5(min(self.same(song)).encode()).digest(), "little")

    def fold(self, song):
        """Of which fold a song is: 0 to FOLDS - 1."""
        return hashlib.md5(min(self.same(song)).encode()).digest()[0] % FOLDS

    def excerpts(self):
        """Degraded excerpts: of songs of the library, and some of others."""
        for query in self.read("queries.json"):
            song = query["true_track_id"]
            right = {song, *(query.get("also_same_recording") or ())} if song else ()
            yield Question(query["kind"] if song else "stranger",
                           song or query["heldout_track_id"], query["code"], right,
                           query["offset_s"])

    def encoded_anew(self):
        """Cuts of other encodings of songs of the library."""
        for song in self.read("reencoded.json"):
            true = song["metadata"]["true_track_id"]
            for code in cuts_of(song["code"], 3):
                yield Question("encoded anew", true, code, self.same(true))

    def unrelated(self):
        """Cuts of songs that the library does not hold."""
        for song in self.read("unrelated.json") + self.read("golden/codegen.json"):
            for code in cuts_of(song["code"], 3):
                yield Question("unrelated", song["metadata"]["track_id"], code)

    def on_the_air(self):
        """Further songs, and excerpts of them and of others as they are heard on the air, by
        telephone and at other speeds; none where they are not there."""
        if not all(os.path.exists(os.path.join(self.folder, name)) for name in ON_THE_AIR):
            return [], []
        tracks, queries = map(self.read, ON_THE_AIR)
        return tracks, [Question(query["kind"] if query["true_track_id"] else "stranger",
                                 query["true_track_id"] or query["file"], query["code"],
                                 [query["true_track_id"], *(query.get("also_same_recording") or ())]
                                 if query["true_track_id"] else ()) for query in queries]

    def of_fold(self, fold):
        """The songs of a fold."""
        return [song for song in self.library if self.fold(song["metadata"]["track_id"]) == fold]

    def without(self, fold):
        """The library without a fold."""
        return [song for song in self.library if self.fold(song["metadata"]["track_id"]) != fold]

    def strangers(self, fold):
        """What is not in the library without a fold: the fold's excerpts, and cuts of its songs."""
        for question in self.excerpts():
            if question.right and self.fold(question.song) == fold:
                yield Question(question.kind, question.song, question.code)
        for song in self.of_fold(fold):
            for code in cuts_of(song["code"], 6):
                yield Question("cut", song["metadata"]["track_id"], code)

#!/usr/bin/env python3
"""Reads packets as docs/formats/packet.md and the pages it points to tell, and shares no code with
the program: a second reader, to hold the first and the pages against.

    packet_reader.py FILE...

prints the documents of packets as rows of a dump. Whatever the pages refuse, and what is not as
they tell, is a Refused. Deletions and links are read and checked, and have no rows.

One long file: who writes a reader from the pages needs all of it, and can take it as it is.
"""

import bisect
import collections
import csv
import hashlib
import io
import math
import pathlib
import re
import struct
import subprocess
import sys
import zlib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Refused(Exception):
    """A packet that is not as the pages tell."""


def need(condition, why):
    if not condition:
        raise Refused(why)


class Bytes:
    """Bytes that are read from the front."""

    def __init__(self, data, name):
        self.data = data
        self.name = name
        self.at = 0

    def left(self):
        return len(self.data) - self.at

    def take(self, size):
        need(size <= self.left(), f"the {self.name} ends early")
        self.at += size
        return self.data[self.at - size:self.at]

    def rest(self):
        return self.take(self.left())

    def byte(self):
        return self.take(1)[0]

    def number(self, layout):
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))[0]

    def varint(self):
        value = 0
        for place in range(10):
            byte = self.byte()
            value |= (byte & 0x7f) << 7 * place
            if byte < 0x80:
                need(byte or place == 0, f"a varint of the {self.name} is not in its shortest form")
                need(value < 1 << 64, f"a varint of the {self.name} is above 64 bits")
                return value
        raise Refused(f"a varint of the {self.name} is longer than ten bytes")

    def text(self):
        return self.take(self.varint())

    def done(self):
        need(not self.left(), f"{self.left()} bytes too many in the {self.name}")


# ---- packet.md: the packet ----

MAGIC = bytes.fromhex("8945504b0d0a1a0a")
MASTER, SLAVE = 1, 2
PUT, DELETE, LINK = 1, 2, 3

Header = collections.namedtuple("Header", "version kind key epoch epoch_tag after last tracks documents deletions "
                                          "links made name sources parties marks_from marks head")
Entry = collections.namedtuple("Entry", "operation flags position source date documents track_id history about "
                                        "codes contents_hash rows fields link")
Packet = collections.namedtuple("Packet", "header entries blocks signature")


def read_packet(data):
    packet = Bytes(data, "packet")
    header = read_header(packet)
    entries = []
    position, blocks = header.after, 0
    while size := packet.number("I"):
        need(size <= 100_663_296, "a block is too large")
        checksum = packet.number("I")
        payload = packet.take(size)
        need(zlib.crc32(payload) == checksum, "a block's checksum is wrong")
        for entry in read_block(payload, header):
            need(position < entry.position <= header.last, "a position is out of order or out of range")
            position = entry.position
            entries.append(entry)
        blocks += 1
    hashed = packet.at
    need(packet.take(32) == blake2b(data[:hashed]), "the packet's hash is wrong")
    signature = packet.take(packet.number("H"))
    packet.done()
    count = collections.Counter(entry.operation for entry in entries)
    need(count[PUT] == header.tracks, "the number of tracks is wrong")
    need(sum(entry.documents for entry in entries if entry.operation == PUT) == header.documents,
         "the number of documents is wrong")
    need(count[DELETE] == header.deletions, "the number of deletions is wrong")
    need(count[LINK] == header.links, "the number of links is wrong")
    return Packet(header, entries, blocks, signature)


def read_header(packet):
    need(packet.take(8) == MAGIC, "this is no packet")
    version, kind, size = packet.number("H"), packet.number("H"), packet.number("I")
    need(version in (2, 3), f"the packet's version is {version}")
    need(kind in (MASTER, SLAVE), "the kind is unknown")
    need(120 <= size <= 16_777_216, "the header's size is out of range")
    rest = Bytes(packet.take(size - 4), "header")
    need(zlib.crc32(packet.data[:packet.at]) == packet.number("I"), "the header's checksum is wrong")
    key = rest.take(32)
    numbers = [rest.number(layout) for layout in "QQQQQQQQq"]
    after, last = numbers[2:4]
    need(after <= last < (1 << 64) - 1, "the range is wrong")
    name = rest.text()
    sources = [rest.text() for _ in range(rest.varint())]
    parties = read_list(rest, 0, 65_536, 32, "parties")
    marks_from = after + rest.varint()
    need(marks_from <= last + 1, "the marks begin behind the range")
    marks = read_marks(rest, after, last)
    head = rest.text()
    rest.done()
    return Header(version, kind, key, *numbers, name, sources, parties, marks_from, marks, head)


def read_list(data, least, most, size, name):
    """So many items of `size` bytes as a varint says."""
    count = data.varint()
    need(least <= count <= most, f"the number of {name} is out of range")
    return [data.take(size) for _ in range(count)]


def read_marks(rest, after, last):
    """Published positions of the sender's log, with their hashes."""
    marks = []
    position = after
    count = rest.varint()
    need(count <= 65_536, "the number of marks is out of range")
    for i in range(count):
        step = rest.varint()
        position += step
        need((step or not i) and position <= last, "a mark is out of order or out of range")
        marks.append((position, rest.take(16)))
    return marks


def read_block(payload, header):
    """The entries of a block."""
    payload = Bytes(payload, "block")
    count, size = payload.varint(), payload.varint()
    need(1 <= count <= 65_536, "the number of a block's entries is out of range")
    columns = Bytes(unpacked_frame(payload.text()), "columns")
    need(columns.left() == size, "the size of the columns is wrong")

    operations, flags = columns.take(count), columns.take(count)
    positions, sources, dates, documents, id_sizes, history_sizes, about_sizes, code_sizes = (
        [columns.varint() for _ in range(count)] for _ in range(8))
    ids = [columns.take(size) for size in id_sizes]
    histories = [columns.take(size) for size in history_sizes]
    abouts = [columns.take(size) for size in about_sizes]
    columns.done()
    need(set(operations) <= {PUT, DELETE, LINK}, "an operation is unknown")
    hashes = [None if operation == DELETE else payload.take(32) for operation in operations]
    codes = [payload.take(size) for size in code_sizes]
    payload.done()

    entries = []
    position = date = 0
    for i, operation in enumerate(operations):
        position += positions[i]
        date += unzigzag(dates[i])
        need(sources[i] < len(header.sources), "a source is not in the header's list")
        need(1 <= id_sizes[i] <= 255, "the size of a track id is out of range")
        need(flags[i] in ((0, 2) if operation == PUT else (0,)), "unknown flags")
        if operation == LINK:
            need(documents[i] == 0, "a link with documents")
        else:
            need(1 <= documents[i] <= 65_536, "the number of a track's documents is out of range")
        need(operation == PUT or not codes[i], "codes of what is no track")
        rows, fields, link = [], [], None
        if operation == PUT:
            rows, fields = read_track(ids[i], documents[i], abouts[i], codes[i], hashes[i])
            need(not fields or header.version == 3, "a track with fields in a packet of version 2")
        elif operation == LINK:
            link = read_link(ids[i], abouts[i], hashes[i])
        else:
            need(not abouts[i], "a delete with a track")
        history = read_history(histories[i], operation == LINK, ids[i], hashes[i], header.parties)
        entries.append(Entry(operation, flags[i], position, header.sources[sources[i]], date, documents[i], ids[i],
                             history, abouts[i], codes[i], hashes[i], rows, fields, link))
    return entries


def unzigzag(number):
    return -(number + 1 >> 1) if number & 1 else number >> 1


def blake2b(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def unpacked_frame(frame):
    """What is in one zstd frame; its blocks are walked over to see that it is one."""
    walk = Bytes(frame, "frame")
    need(walk.number("I") == 0xfd2fb528, "the columns are no zstd frame")
    descriptor = walk.byte()
    single = descriptor >> 5 & 1
    walk.take((0 if single else 1) + (0, 1, 2, 4)[descriptor & 3] + (single, 2, 4, 8)[descriptor >> 6])
    last = False
    while not last:
        block = int.from_bytes(walk.take(3), "little")
        last = block & 1
        walk.take(1 if block >> 1 & 3 == 1 else block >> 3)
    walk.take(4 if descriptor & 4 else 0)
    walk.done()
    done = subprocess.run(["zstd", "-d", "-q", "-c"], input=frame, capture_output=True)
    need(done.returncode == 0, "the columns cannot be unpacked")
    return done.stdout


# ---- log.md: a track ----


def read_track(track_id, count, about, codes, contents_hash):
    """The rows of a track, as tuples of bytes, and its fields, as pairs of them."""
    about = Bytes(about, "about")
    different = about.varint()
    fields = []
    if different == 0:
        fields = read_fields(about)
        different = about.varint()
    need(different >= 1, "a track without metadata")
    metadata = []
    for _ in range(different):
        metadata.append([about.text() for _ in range(5)])
    which = [about.varint() for _ in range(count)] if different > 1 else [0] * count
    need(max(which) < different, "an index of metadata is out of range")
    numbering = about.byte()
    need(numbering in (0, 1), "the numbering is unknown")
    tails = [about.text() for _ in range(count)] if numbering else [b"-%d" % i for i in range(count)]
    about.done()

    documents = read_codes(codes, [segment_of(tail) for tail in tails])
    texts = [b"echoprint track 1", track_id]
    rows = []
    for tail, index, document in zip(tails, which, documents):
        codever, length, artist, release, title = metadata[index]
        texts += [tail, codever, document, length, artist, release, title]
        rows.append((track_id + tail, codever, document, length, artist, release, title))
    found = blake2b(sized(texts))
    if fields:
        found = blake2b(sized([b"echoprint fields 1"]) + found + sized(text for field in fields for text in field))
    need(found == contents_hash, "a contents hash is wrong")
    return rows, fields


def sized(texts):
    return b"".join(struct.pack("<I", len(text)) + text for text in texts)


def read_fields(about):
    """The fields of a track."""
    count = about.varint()
    need(1 <= count <= 64, "the number of fields is out of range")
    fields = [(about.text(), about.text()) for _ in range(count)]
    keys = [key for key, _ in fields]
    need(keys == sorted(set(keys)), "the fields are not in order")
    need(sum(len(key) + len(value) for key, value in fields) <= 16384, "the fields are too large")
    for key, value in fields:
        need(re.fullmatch(rb"[a-z0-9_.-]{1,64}", key), "the key of a field is not allowed")
        need(1 <= len(value) <= 1024, "the value of a field is too long or empty")
        try:
            letters = value.decode()
        except UnicodeDecodeError:
            raise Refused("the value of a field is not UTF-8")
        need(not re.search("[\0-\x1f\x7f-\x9f]", letters), "a control character in a field")
    return fields


Link = collections.namedtuple("Link", "original copy_contents original_contents kind share coverage offset")


def read_link(copy, data, contents_hash):
    """Which track another is a copy of, or that it is none of any."""
    data = Bytes(data, "link")
    original, copy_contents = data.text(), data.take(16)
    need(len(original) <= 255, "the id of an original is too long")
    link = Link(original, copy_contents, b"", 0, 0, 0, 0)
    if original:
        original_contents, kind = data.take(16), data.byte()
        share, coverage, offset = data.varint(), data.varint(), unzigzag(data.varint())
        need(kind in (1, 2) and share <= 1000 and coverage <= 1000 and abs(offset) <= 1 << 32,
             "the evidence of a link is out of range")
        link = Link(original, copy_contents, original_contents, kind, share, coverage, offset)
    data.done()
    texts = (b"echoprint link 1", copy, original)
    need(blake2b(b"".join(struct.pack("<I", len(text)) + text for text in texts) + copy_contents
                 + link.original_contents) == contents_hash, "the hash of a link is wrong")
    return link


# ---- log.md: the history of an entry ----

CUT, SEALED, ALSO, STARTS, FLOOR = 1, 2, 4, 8, 16

Step = collections.namedtuple("Step", "generation party csv contents revision")
# `sealed` is the generation of the step that the seal is of; 0: there is none.
History = collections.namedtuple("History", "before steps sealed seal owner born also starts floor")


def read_history(data, is_link, subject, contents_hash, parties):
    """The steps that led to a state, with the revision of each; parties are keys."""
    data = Bytes(data, "history")
    flags, count = data.byte(), data.varint()
    need(flags < 32, "unknown flags of a history")
    need(1 <= count <= 4096, "the number of a history's steps is out of range")
    generation, before = 1, bytes(16)
    if flags & CUT:
        generation, before = data.varint(), data.take(16)
        need(2 <= generation < 1 << 63, "the generation of a history is out of range")

    def party(number):
        need(1 <= number <= len(parties), "a party is not in the header's list")
        return parties[number - 1]

    authors = [data.varint() for _ in range(count)]
    contents = [data.take(16) for _ in range(count - 1)] + [contents_hash[:16] if contents_hash else bytes(16)]
    steps, last = [], before
    for i, author in enumerate(authors):
        last = revision(is_link, subject, last, party(author >> 1), author & 1, contents[i])
        steps.append(Step(generation + i, party(author >> 1), author & 1, contents[i], last))
    sealed, seal, owner, born, floor = 0, b"", None, 0, 0
    if flags & SEALED:
        seal, owner, born, behind = data.take(8), party(data.varint()), data.varint(), data.varint()
        need(behind < count, "a seal of a step that is not there")
        sealed = steps[-1 - behind].generation
    also = read_list(data, 1, 4096, 16, "revisions") if flags & ALSO else []
    starts = read_list(data, 1, 4096, 16, "starts") if flags & STARTS else []
    if flags & FLOOR:
        floor = data.varint()
        need(floor, "a floor of 0")
    data.done()
    return History(before, steps, sealed, seal, owner, born, also, starts, floor)


def revision(is_link, subject, before, party, csv_made, contents):
    return hashlib.blake2b(b"echoprint revision 1" + bytes((is_link, csv_made)) + struct.pack("<H", len(subject))
                           + subject + before + party + contents, digest_size=16).digest()


# ---- codes.md: the codes of a track ----

SEG = 60 * 1000 / 23.2
HALF = SEG / 2
TIME_MAX = 2_147_483_647


def segment_of(tail):
    match = re.fullmatch(rb"-(0|[1-9][0-9]{0,6})", tail)
    number = int(match[1]) if match else None
    return number if match and number <= 1_660_720 else None


def segment_start(segment):
    return math.ceil(segment * HALF)


def segment_end(segment):
    return math.ceil(segment * HALF + SEG)


def read_codes(data, segments):
    """The code strings of documents with these segments (None: no segment)."""
    data = Bytes(data, "codes")
    documents = []
    text_bytes = 0
    work = Work()
    while len(documents) < len(segments):
        tag = data.byte()
        count = left = len(segments) - len(documents)
        if tag & 0x80:
            body = data.rest()
        else:
            count = data.varint()
            need(1 <= count < left, "the number of a run's documents is out of range")
            body = data.text()
        size, texts = read_run(tag & 0x7f, body, segments[len(documents):len(documents) + count], work)
        text_bytes += size
        need(text_bytes <= 256 << 20, "the codes of a track are too long")
        documents += texts
    data.done()
    return documents


def read_run(form, body, segments, work):
    """The size of the text of a run, and its documents."""
    need(form <= 3, "the form of a run is unknown")
    need(len(segments) == 1 or form in (1, 2), "a run of such a form with several documents")
    if form == 0:
        return len(body), [body]
    if form == 1:
        pairs = read_packed(body)
    elif form == 2:
        need(None not in segments, "onsets for a document without a segment")
        need_ascending(segments)
        pairs = read_onsets(body, segment_start(segments[0]), segment_end(segments[-1]), work)
    else:
        body = Bytes(body, "body of a run")
        first = body.varint()
        last = first + body.varint()
        need(last <= TIME_MAX, "a time is too large")
        pairs = read_onsets(body.rest(), first, last + 1, work)
    words = ["%d %d" % pair for pair in pairs]
    text = " ".join(words)
    if len(segments) == 1:
        return len(text), [text.encode()]
    need_ascending(segments)
    times = [time for _, time in pairs]
    need(times == sorted(times), "times of a run that go back")
    need(not times or segment_start(segments[0]) <= times[0] and times[-1] < segment_end(segments[-1]),
         "times of a run outside of its segments")
    documents = []
    for segment in segments:
        start = bisect.bisect_left(times, segment_start(segment))
        end = bisect.bisect_left(times, segment_end(segment))
        documents.append(" ".join(words[start:end]).encode())
    return len(text), documents


def need_ascending(segments):
    need(None not in segments and all(b == a + 1 for a, b in zip(segments, segments[1:])),
         "the segments of a run do not follow one another")


def read_packed(body):
    """The pairs (code, time) of a packed body."""
    body = Bytes(body, "packed body")
    kind = body.byte()
    need(kind <= 3, "the kind is unknown")
    pairs = []
    time = 0
    back = wide = False
    while body.left():
        step = body.varint()
        if kind & 2:
            step = unzigzag(step)
        need(step or not pairs, "two neighbouring groups of one time")
        back = back or step < 0
        time += step
        need(0 <= time <= TIME_MAX, "a time is out of range")
        count = body.varint()
        need(count >= 1, "a group of no codes")
        need(len(pairs) + count <= 16_777_216, "too many pairs")
        if kind & 1:
            codes = struct.unpack(f"<{count}I", body.take(4 * count))
            wide = wide or max(codes) >= 1 << 20
        else:
            codes = []
            for _ in range(count // 2):
                two = int.from_bytes(body.take(5), "little")
                codes += [two & 0xfffff, two >> 20]
            if count % 2:
                codes.append(int.from_bytes(body.take(3), "little"))
                need(codes[-1] < 1 << 20, "bits above a code")
        pairs += [(code, time) for code in codes]
    need(wide == bool(kind & 1) and back == bool(kind & 2), "a kind that nothing needs")
    return pairs


# ---- onset.md: pairs as onsets ----

PAIRS_MAX = 4_194_304
BANDS = 8
FAR = 2048  # distances from here on are all the same
OCTAVE = (65536, 68438, 71468, 74632, 77936, 81386, 84990, 88752, 92682, 96785, 101070, 105545, 110218,
          115098, 120194, 125515)
LEVELS = (1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 90)


def read_tables():
    """The trained numbers, flat, by name."""
    text = (ROOT / "src" / "code" / "onset" / "onset_tables.c").read_text()
    text = text[text.index("ep_onset_tables_1"):]
    parts = re.split(r"\.(\w+) = ", text)
    return {name: [int(number) for number in re.findall(r"\b\d+\b", numbers)]
            for name, numbers in zip(parts[1::2], parts[2::2])}


def make_survival():
    factors = [math.isqrt((1 << 30) * (1 << 31))]
    for _ in range(11):
        factors.append(math.isqrt(factors[-1] << 31))
    survival = []
    for c in range(4096):
        p = 65_503 << 31
        for i in range(12):
            if c >> 11 - i & 1:
                p = (p >> 31) * factors[i] + ((p & 0x7fffffff) * factors[i] >> 31)
        survival.append(p >> 31)
    return survival


def rate(weight):
    if weight >> 4 > 26:
        return 20_000
    return min(max((5909 * OCTAVE[weight & 15] >> 26 - (weight >> 4)) >> 16, 1), 20_000)


def age_class(age):
    for width, first, above, number in ((1, 16, 28, 0), (2, 28, 40, 12), (4, 40, 72, 18), (8, 72, 136, 26),
                                        (16, 136, 264, 34)):
        if age < above:
            return number + (age - first) // width
    return min(42 + (age - 264) // 64, 46)


def distance_size(distance):
    return min((distance - 16 >> 3).bit_length(), 7) if distance >= 16 else 0


TABLES = read_tables()
SURVIVAL = make_survival()
RATES = [rate(weight) for weight in range(4 * 255 + 1)]
AGE_WEIGHTS = [0] * 16 + [TABLES["age"][age_class(age)] for age in range(16, FAR + 1)]
LEVEL_OF = [sum(level <= count for level in LEVELS) for count in range(256)]
SIZES = [12 * distance_size(distance) for distance in range(2 * FAR + 1)]


class Work:
    """What the onsets of a track may cost to read."""

    def __init__(self):
        self.left = 2048

    def spend(self, units):
        self.left -= units
        need(self.left >= 0, "onsets are more work than their bytes may be")


class Symbols:
    def __init__(self, data, work):
        work.left += 32 * len(data)
        self.work = work
        self.data = data
        self.at = 0
        self.x = 0
        self.fill()

    def fill(self):
        while self.x < 1 << 23 and self.at < len(self.data):
            self.x = self.x << 8 | self.data[self.at]
            self.at += 1

    def value(self):
        return self.x & 0xffff

    def remove(self, start, size):
        self.x = size * (self.x >> 16) + (self.x & 0xffff) - start
        self.fill()

    def of_size(self, size):
        """The number of a symbol where all have this size."""
        number = self.value() // size
        self.remove(number * size, size)
        return number

    def done(self):
        need(self.at == len(self.data) and self.x == 0x5a, "the symbols do not end as they must")


class Support:
    """How often distances have been seen: `cells` has 12 size + level for each."""

    def __init__(self):
        self.counts = [0] * FAR
        self.cells = list(SIZES)

    def see(self, distance):
        if distance + 2 >= FAR:
            return
        for d, more in zip(range(distance - 2, distance + 3), (1, 2, 4, 2, 1)):
            self.counts[d] = min(self.counts[d] + more, 255)
            self.cells[d] = SIZES[d] + LEVEL_OF[self.counts[d]]


class Chances:
    """Weights of times, by what is known of the onsets so far."""

    def __init__(self, last):
        self.last = last
        self.supports = Support(), Support()
        self.followers = 0  # onsets that had one before them in their band
        self.counts = None  # of onsets at each time, in the bands before

    def begin(self, band, before):
        """before: the times of the band just before, or None for the first one."""
        table = TABLES["feature"][144 * band:144 * (band + 1)]
        size = self.last + 1
        if before is None:
            self.counts = [0] * size
        else:
            for time in before:
                self.counts[time] += 1
        self.onsets = []
        self.features = [table[0]] * size
        below = set(before or ())
        sums = [0, 0]  # sums[t + 2] is of the counts up to time t, with two times before 0
        for count in self.counts:
            sums.append(sums[-1] + count)
        sums += [sums[-1]] * 17
        for t in self.occupied():
            at = min(sums[t + 2] - sums[t + 1], 3)
            beside = min(sums[t + 1] - sums[t] + sums[t + 3] - sums[t + 2], 2)
            later = min(sums[t + 18] - sums[t + 4], 3)
            under = 2 if t in below else 1 if t - 1 in below or t + 1 in below else 0
            self.features[t] = table[48 * under + 12 * at + 4 * beside + later]

    def occupied(self):
        """Times from which an onset of the bands before is seen."""
        end = 0
        for time, count in enumerate(self.counts):
            if count:
                start = max(end, time - 16)
                end = min(time + 2, self.last + 1)
                yield from range(start, end)

    def rates(self, start, end):
        if not self.onsets:
            weight = TABLES["age"][47] + 64 + 64
            return [RATES[weight + feature] for feature in self.features[start:end]]
        support = 96 * min((self.followers >> 4).bit_length(), 7)
        first = TABLES["support"][support:support + 96]
        second = TABLES["support"][768 + support:768 + support + 96]
        cells, further = self.supports[0].cells, self.supports[1].cells
        gap = self.gap()
        rates = []
        for t in range(start, end):
            age = min(t - self.onsets[-1], FAR)
            weight = AGE_WEIGHTS[age] + self.features[t] + first[cells[age]]
            weight += 64 if gap is None else second[further[age + gap]]
            rates.append(RATES[weight])
        return rates

    def gap(self):
        return min(self.onsets[-1] - self.onsets[-2], FAR) if len(self.onsets) > 1 else None

    def see(self, time):
        if self.onsets:
            distance, gap = time - self.onsets[-1], self.gap()
            if distance < FAR:
                self.supports[0].see(distance)
                if gap is not None:
                    self.supports[1].see(distance + gap)
            self.followers += 1
        self.onsets.append(time)


def read_onsets(body, first, end, work):
    """The pairs (code, time) of onsets in the window first <= time < end."""
    data = Bytes(body, "onsets")
    version = data.byte()
    need(version & 0x7f == 1, "the version of the tables is unknown")
    if version & 0x80:
        last = data.varint()
        need(last <= min((1 << 30) - 1, 65_536 + 64 * len(body), 65_536 + 64 * PAIRS_MAX),
             "the last time of onsets is too large")
    else:
        need(end - first <= 61_441, "the last time of onsets is missing")
        last = end - first + 4095
    symbols = Symbols(data.rest(), work)
    pairs = read_bands(symbols, last, end - first)
    symbols.done()
    return [(code, first + time) for code, time in pairs]


def read_bands(symbols, last, end):
    """The pairs of all bands, with times from 0."""
    chances = Chances(last)
    pairs = []
    before = None
    for band in range(BANDS):
        chances.begin(band, before)
        before, carries = read_band(symbols, chances, end)
        pairs += emitted(band, before, carries, end)
        need(len(pairs) <= PAIRS_MAX, "too many pairs")
    return sorted(pairs, key=lambda pair: (pair[1], str(pair[0])))


def read_band(symbols, chances, end):
    """The times and carries of a band."""
    has_some = symbols.value() >= 1024
    symbols.remove(*(1024, 64_512) if has_some else (0, 1024))
    carries = []
    behind = 0
    while has_some and behind < 4:
        time = read_time(symbols, chances)
        if time is None:
            break
        symbols.work.spend(4)
        chances.see(time)
        carries.append(read_carries(symbols, carries))
        behind += time >= end
    return chances.onsets, carries


def read_time(symbols, chances):
    start = chances.onsets[-1] + 16 if chances.onsets else 0
    while start <= chances.last:
        symbols.work.spend(1)
        rates = chances.rates(start, min(start + 32, chances.last + 1))
        value = symbols.value()
        cost = 0
        above = survivors(0, 0)
        for i, more in enumerate(rates):
            cost += more
            below = survivors(cost, i + 1)
            if value >= below:
                symbols.remove(below, above - below)
                return start + i
            above = below
        symbols.remove(0, above)
        start += 32
    return None


def survivors(cost, i):
    return (SURVIVAL[cost & 4095] >> (cost >> 12) if cost >> 12 < 16 else 0) + 33 - i


def read_carries(symbols, before):
    if len(before) < 3:
        return symbols.of_size(65_536 >> len(before)) if before else 0
    context = 64 * before[-3] + 8 * before[-2] + before[-1]
    shares = TABLES["carries"][8 * context:8 * context + 8]
    shares[0] = 256 - sum(shares[1:])
    start = 0
    for number, share in enumerate(shares):
        size = 32 + 255 * share
        if symbols.value() < start + size:
            symbols.remove(start, size)
            return number
        start += size
    raise AssertionError("the shares do not add up")


def emitted(band, times, carries, end):
    """The codes of a band's onsets, with their times."""
    nothing = code_of(band, 0, 0)
    pairs = []
    for i, time in enumerate(times):
        followers = len(times) - 1 - i
        if time >= end or followers < 2:
            continue

        def difference(j, k):
            j += i
            return times[j] - times[j - k] - (carries[j] >> k - 1 & 1)

        codes = [code_of(band, difference(1, 1), difference(2, 1))]
        if followers >= 3:
            codes += [code_of(band, difference(1, 1), difference(3, 2)),
                      code_of(band, difference(2, 2), difference(3, 1))]
        if followers >= 4:
            codes += [code_of(band, difference(1, 1), difference(4, 3)),
                      code_of(band, difference(2, 2), difference(4, 2)),
                      code_of(band, difference(3, 3), difference(4, 1))]
        codes += [nothing] * (6 - len(codes))
        pairs += [(code, time) for code in codes]
    return pairs


def code_of(band, x, y):
    m, low = 0x5bd1e995, 0xffffffff
    k = ((x & 0xffff) | (y & 0xffff) << 16) * m & low
    k = (k ^ k >> 24) * m & low
    h = ((0x9ea5fa36 ^ 5) * m & low) ^ k ^ band
    h = h * m & low
    h = (h ^ h >> 13) * m & low
    return (h ^ h >> 15) & 0xfffff


# ---- rows ----


def rows_of(packet):
    """The rows of a packet's documents, as text."""
    return [tuple(field.decode("utf-8", "surrogateescape") for field in row)
            for entry in packet.entries for row in entry.rows]


def csv_of(rows):
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode("utf-8", "surrogateescape")


def main():
    for path in sys.argv[1:]:
        try:
            rows = rows_of(read_packet(pathlib.Path(path).read_bytes()))
        except Refused as why:
            sys.exit(f"{path}: {why}")
        sys.stdout.buffer.write(csv_of(rows))


if __name__ == "__main__":
    main()

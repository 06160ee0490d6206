"""The fp.py of 2011 by its names, on this database: programs written against it change their import.

    from echoprint import fp

It works on the data folder of $ECHOPRINT_DATA, else the one that the program uses, and makes it
where there is none; `use` names another. With local=True it works on a database of this process
alone, which is gone at its end. Decisions are those of 2011 (`query --rule original`), which read
all of the database for each query: `echoprint.Database` answers faster, and better.

docs/library.md lists what differs.
"""

from __future__ import annotations

import atexit
import bisect
import collections
import contextlib
import csv
import io
import itertools
import logging
import multiprocessing.util
import operator
import os
import pathlib
import random
import re
import shutil
import string
import tempfile
import threading
import time
from datetime import datetime, timezone
from typing import Any, Iterator, Optional, Union

from . import BadInputError, Database, EchoprintError, NotFoundError, Song, Track, decode
from . import _values as values

logger = logging.getLogger(__name__)

Fingerprint = dict[str, Any]

# Units of time: a minute, as the system of 2011 counts them, and half of it.
_SEGMENT = 60 * 1000.0 / 23.2
_HALF = _SEGMENT / 2.0
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_COLUMNS = ("track_id", "codever", "fp", "length", "artist", "release", "track")
_OPTIONAL = ("artist", "release", "track", "source", "import_date")
_ELBOW = 10
_ROWS = 30

# What is fixed when the module is loaded.
IMPORTDATE = datetime.now(timezone.utc).strftime(_MOMENT)


# ---- the databases ----


class _Databases:
    """The one that is used, and that of this process alone; each is opened when it is needed."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.shared: Optional[Database] = None
        self.own: Optional[Database] = None
        self.process = os.getpid()

    def enter(self) -> None:
        """A child of the process that opened them opens them itself, and has no own one yet."""
        if self.process != os.getpid():
            self.shared = self.own = None
            self.process = os.getpid()

    def get(self, local: bool) -> Database:
        with self.lock:
            self.enter()
            if local:
                self.own = self.own or _make_own()
                return self.own
            self.shared = self.shared or Database(_default_folder(), "c")
            return self.shared

    def set(self, shared: Database) -> None:
        with self.lock:
            self.enter()
            self.shared = shared

    def drop_own(self) -> None:
        with self.lock:
            self.enter()
            if self.own is not None:
                self.own.close()
                shutil.rmtree(self.own.path, ignore_errors=True)
            self.own = None


# A folder's name says which process it belongs to, and in which namespace that has its number.
_FOLDER = "echoprint-fp-{}-{}-"


def _make_own() -> Database:
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()
    _sweep(pathlib.Path(place))
    process = os.getpid()
    folder = tempfile.mkdtemp(prefix=_FOLDER.format(_namespace(), process), dir=place)
    atexit.register(_remove_own, folder, process)
    # A child of multiprocessing ends without what atexit has.
    multiprocessing.util.Finalize(None, _remove_own, (folder, process), exitpriority=0)
    return Database(folder, "c")


def _remove_own(folder: str, process: int) -> None:
    if process == os.getpid():
        _databases.drop_own()
        shutil.rmtree(folder, ignore_errors=True)


def _namespace() -> int:
    return os.stat("/proc/self/ns/pid").st_ino


def _sweep(place: pathlib.Path) -> None:
    """Removes the folders of processes of this user that were killed."""
    for folder in place.glob(_FOLDER.format(_namespace(), "*") + "*"):
        process = folder.name.split("-")[3]
        with contextlib.suppress(OSError):
            if process.isdecimal() and folder.stat().st_uid == os.getuid() and not os.path.exists(f"/proc/{process}"):
                shutil.rmtree(folder, ignore_errors=True)


_databases = _Databases()


def _default_folder() -> str:
    """As the program finds it."""
    data, share = os.environ.get("ECHOPRINT_DATA"), os.environ.get("XDG_DATA_HOME", "")
    if data:
        return data
    return os.path.join(share if share.startswith("/") else os.path.expanduser("~/.local/share"), "echoprint")


def use(database: Union[Database, values.Path]) -> Database:
    """Works on another database from now on: one that is open for writing, or a data folder."""
    used = database if isinstance(database, Database) else Database(database, "c")
    _databases.set(used)
    return used


# ---- code strings ----


def chunker(seq: Any, size: int) -> list[tuple[Any, ...]]:
    """Cuts a sequence into tuples of one size; the last may be shorter."""
    items = iter(seq)
    return list(iter(lambda: tuple(itertools.islice(items, size)), ()))


def _timed(code_string: str) -> list[tuple[str, int]]:
    """The codes of a plain code string, each with its time."""
    words = iter(code_string.split())
    return [(code, int(moment)) for code, moment in zip(words, words)]


def inflate_code_string(s: str) -> str:
    """A plain code string of hex text: n times of five digits, then n codes of five digits."""
    middle = len(s) // 10 * 5
    numbers = [int(digits, 16) for part in (s[:middle], s[middle:]) for digits in re.findall(".{1,5}", part)]
    count = middle // 5
    if len(numbers) != 2 * count:
        raise AssertionError(f"there are {count} times, but {len(numbers) - count} codes")
    return " ".join(f"{numbers[count + i]} {numbers[i]}" for i in range(count))


def decode_code_string(compressed_code_string: Union[str, bytes]) -> Optional[str]:
    """A plain code string of a packed one; None where it cannot be read."""
    if not compressed_code_string:
        return ""
    try:
        return decode(compressed_code_string).plain()
    except BadInputError as why:
        logger.warning("the code string cannot be decoded: %s", why)
        return None


def cut_code_string_length(code_string: str) -> str:
    """What of a plain code string is not later than a minute after its first pair."""
    pairs = _timed(code_string)
    if not pairs:
        return code_string
    minute = pairs[0][1] + int(_SEGMENT)
    return " ".join(f"{code} {moment}" for code, moment in pairs if moment <= minute)


def actual_matches(code_string_query: str, code_string_match: str, slop: int = 2, elbow: int = _ELBOW) -> int:
    """How many codes agree in time. Each code of the document is laid on the last of its kind in the
    query; the two shifts that most of them have in common count."""
    document = _timed(code_string_match)
    if len(document) < elbow:
        return 0
    query = sorted(_timed(code_string_query), key=operator.itemgetter(1))
    last = {code: (moment - query[0][1]) // slop for code, moment in query}
    shifts = collections.Counter(moment // slop - last[code] for code, moment in document if code in last)
    return sum(count for _, count in shifts.most_common(2))


def split_codes(fp: Fingerprint) -> list[Fingerprint]:
    """The documents of a song: a minute each, which begin every half minute."""
    pairs = [(moment, f"{code} {moment}") for code, moment in _timed(fp["fp"])]
    pairs.sort()
    about = {"length": fp["length"], "codever": fp["codever"], **{name: fp[name] for name in _OPTIONAL if name in fp}}
    documents: list[Fingerprint] = []
    while pairs and (begin := len(documents) * _HALF) <= pairs[-1][0]:
        first, end = (bisect.bisect_left(pairs, (moment,)) for moment in (begin, begin + _SEGMENT))
        codes = " ".join(text for _, text in pairs[first:end])
        documents.append({**about, "track_id": f"{fp['track_id']}-{len(documents)}", "fp": codes})
    return documents


_moments = itertools.count(int(time.time() * 1000))


def new_track_id() -> str:
    """TR, five letters by chance, and the time in hex."""
    letters = "".join(random.choices(string.ascii_uppercase, k=5))
    return f"TR{letters}{next(_moments):X}"


# ---- ingesting and deleting ----


def _date(text: str) -> datetime:
    return datetime.strptime(text, _MOMENT).replace(tzinfo=timezone.utc)


def _groups(documents: list[Fingerprint]) -> Iterator[tuple[str, Optional[str], list[Fingerprint]]]:
    """Documents that came with one source and one date, in order."""
    found: dict[tuple[Any, Any], list[Fingerprint]] = {}
    for document in documents:
        found.setdefault((document.get("source") or "local", document.get("import_date")), []).append(document)
    for (source, date), group in found.items():
        yield source, date, group


def _ingest_songs(database: Database, songs: list[Fingerprint], date: Optional[str]) -> None:
    database.ingest(*(Song(song["fp"], song["track_id"] or None, int(song["length"]), song.get("artist"), song.get("release"),
                           song.get("track"), str(song["codever"])) for song in songs),
                    import_date=_date(date) if date else None)


def _ingest_rows(database: Database, source: str, rows: list[Fingerprint], date: Optional[str]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([row.get(name, "") for name in _COLUMNS] for row in rows)
    refused: list[str] = []
    database.ingest(text.getvalue().encode("utf-8"), source=source, strict=True, import_date=_date(date) if date else None,
                    on_reject=lambda _file, what, number, reason: refused.append(f"{what} {number}: {reason}"))


def ingest(fingerprint_list: Union[Fingerprint, list[Fingerprint]], do_commit: bool = True, local: bool = False,
           split: bool = True) -> None:
    """Ingests fingerprints: dicts with track_id, fp (a plain code string), length and codever, and
    perhaps artist, release, track, source and import_date. Where they are not to be split, they are
    documents. All is kept when it returns."""
    fingerprints = fingerprint_list if isinstance(fingerprint_list, list) else [fingerprint_list]
    database = _databases.get(local)
    for fingerprint in fingerprints if split else []:
        missing = [name for name in ("track_id", "fp", "length", "codever") if name not in fingerprint]
        if missing:
            raise Exception(f"a fingerprint has no {', '.join(missing)}")
        fingerprint.setdefault("import_date", IMPORTDATE)
        fingerprint.setdefault("source", "local")
    for source, date, group in _groups(fingerprints):
        if split and source == "local":
            _ingest_songs(database, group, date)
        else:
            rows = [row for song in group for row in split_codes(song)] if split else group
            _ingest_rows(database, source, rows, date)


def delete(track_ids: Union[str, list[str]], do_commit: bool = True, local: bool = False) -> None:
    """Deletes tracks; those that are not there are passed over."""
    _databases.get(local).delete(*(track_ids if isinstance(track_ids, list) else [track_ids]))


def commit(local: bool = False) -> None:
    """Nothing is left to do: what was ingested or deleted is kept already."""


def erase_database(really_delete: bool = False, local: bool = False) -> None:
    """Deletes all tracks."""
    if not really_delete:
        raise Exception("nothing is deleted without really_delete=True")
    if local:
        local_erase_database()
    else:
        database = _databases.get(False)
        database.delete(*[track.track_id for track in database.tracks()])


# ---- reading ----


def _document_id(track_id: str) -> str:
    return track_id if "-" in track_id else track_id + "-0"


def _metadata(track: Track, document_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {"track_id": document_id, "length": track.length, "codever": track.codever, "source": track.source,
                             "import_date": track.import_date}
    found.update({name: getattr(track, name) for name in ("artist", "release", "track") if getattr(track, name)})
    return found


def metadata_for_track_id(track_id: Optional[str], local: bool = False) -> dict[str, Any]:
    """What is known of a track, or of a document: {} where it is not there."""
    if not track_id:
        return {}
    try:
        return _metadata(_databases.get(local).track(_document_id(track_id)), _document_id(track_id))
    except NotFoundError:
        return {}


def fp_code_for_track_id(track_id: str, local: bool = False) -> Optional[str]:
    """The plain code string of a document; None where it is not there."""
    try:
        documents = _databases.get(local).track(track_id).documents
    except NotFoundError:
        return None
    return next((document.codes for document in documents if document.document_id == track_id), None)


class Results:
    """The documents that a query found: `results` is a list of dicts."""

    def __init__(self, results: list[dict[str, Any]], milliseconds: int):
        self.header = {"QTime": milliseconds, "status": 0}
        self.results = results
        self.numFound = len(results)
        self.maxScore = max((item["score"] for item in results), default=0.0)

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.results)


def query_fp(code_string: str, rows: int = 15, local: bool = False, get_data: bool = False) -> Optional[Results]:
    """The documents with the most distinct codes of a plain code string, at most 30; None where it
    is no code string."""
    began = time.monotonic()
    try:
        candidates = _databases.get(local).candidates(decode(code_string), rows)
    except EchoprintError as why:
        logger.warning("the query failed: %s", why)
        return None
    results = []
    for candidate in candidates:
        item: dict[str, Any] = {"track_id": candidate.document_id, "score": candidate.score if local else float(candidate.score)}
        if get_data:
            item["length"] = candidate.length
            item.update({name: getattr(candidate, name) for name in ("artist", "release", "track") if getattr(candidate, name)})
            if local:
                item["fp"] = fp_code_for_track_id(candidate.document_id, local=True)
        results.append(item)
    return Results(results, int((time.monotonic() - began) * 1000))


# ---- matching ----


class Response:
    """What a query is from. It is true if the track is known."""

    # Why nothing was searched.
    NOT_ENOUGH_CODE, CANNOT_DECODE = 0, 1
    # Why none of what was found is the answer.
    NO_RESULTS, SINGLE_BAD_MATCH, MULTIPLE_BAD_HISTOGRAM_MATCH = 4, 2, 7
    # How the answer was found; the last two never occur.
    SINGLE_GOOD_MATCH, MULTIPLE_GOOD_MATCH_HISTOGRAM_DECREASED = 3, 6
    MULTIPLE_GOOD_MATCH_HISTOGRAM_INCREASED, MULTIPLE_GOOD_MATCH = 5, 8

    _MESSAGES = {NOT_ENOUGH_CODE: "query code length is too small", CANNOT_DECODE: "could not decode query code",
                 **dict.fromkeys((NO_RESULTS, SINGLE_BAD_MATCH, MULTIPLE_BAD_HISTOGRAM_MATCH), "no results found (type {})")}

    def __init__(self, code: int, TRID: Optional[str] = None, score: int = 0, qtime: int = 0, tic: int = 0,
                 metadata: Optional[dict[str, Any]] = None):
        self.code, self.TRID, self.score, self.qtime = code, TRID, score, qtime
        self.metadata: dict[str, Any] = metadata or {}
        self.total_time = _milliseconds() - tic

    def match(self) -> bool:
        return self.TRID is not None

    def __len__(self) -> int:
        return 1 if self.match() else 0

    def message(self) -> str:
        return self._MESSAGES.get(self.code, "OK (match type {})").format(self.code)


def _milliseconds() -> int:
    return int(time.time() * 1000)


def best_match_for_query(code_string: Union[str, bytes], elbow: int = _ELBOW, local: bool = False) -> Response:
    """What a code string, packed or plain, is from, by the rule of 2011."""
    tic = _milliseconds()
    text = code_string.decode("utf-8", "replace") if isinstance(code_string, bytes) else code_string
    try:
        codes = decode(text)
    except BadInputError as why:
        logger.warning("the code string cannot be decoded: %s", why)
        return Response(Response.CANNOT_DECODE, tic=tic)
    if len(codes) < elbow:
        logger.warning("the query has %d pairs, fewer than %d", len(codes), elbow)
        return Response(Response.NOT_ENOUGH_CODE, tic=tic)
    began = time.monotonic()
    answer = _databases.get(local).query(codes, rule="original", elbow=elbow)
    qtime = int((time.monotonic() - began) * 1000)
    if not answer:
        return Response(answer.type, qtime=qtime, tic=tic)
    track_id = (answer.track_id or "").split("-")[0]
    return Response(answer.type, track_id, answer.score, qtime, tic, metadata_for_track_id(answer.track_id, local))


# ---- the database of this process alone ----


def local_ingest(docs: list[Fingerprint], codes: Any = None) -> None:
    """Ingests documents; `codes` are those that they have."""
    ingest(docs, local=True, split=False)


def local_delete(tracks: list[str]) -> None:
    delete(tracks, local=True)


def local_query_fp(code_string: str, rows: int = 10, get_data: bool = False) -> Optional[Results]:
    return query_fp(code_string, rows, local=True, get_data=get_data)


def local_fp_code_for_track_id(track_id: str) -> Optional[str]:
    return fp_code_for_track_id(track_id, local=True)


def local_erase_database() -> None:
    _databases.drop_own()


def local_save(filename: values.Path) -> None:
    """Writes all documents, as rows of a dump."""
    with open(filename, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for track in _databases.get(True).tracks(documents=True):
            writer.writerows([row.document_id, row.codever, row.codes, row.length, row.artist, row.release, row.track]
                             for row in track.documents)


def local_load(filename: values.Path) -> None:
    """Reads what local_save wrote, in place of what is there."""
    local_erase_database()
    _databases.get(True).ingest(filename, source="local", strict=True)

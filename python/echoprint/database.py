"""A database of fingerprints."""

from __future__ import annotations

import ctypes
import datetime
import json
import os
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from ctypes import POINTER, byref, c_uint64, c_void_p
from dataclasses import dataclass, field
from typing import Any, Callable, Optional, Union

from . import _library as lib
from . import _values as values
from .codes import Codes

_MODES = {"r": 0, "w": 1, "c": 2}
_DEDUP = {"default": 0, "off": 1, "exact": 2, "match": 3}
_ID_FROM = {"made": 0, "path": 1, "hash": 2}
_RULES = {"evidence": 0, "original": 1}
_COMPRESSION = {"none": 0, "bzip2": 1, "zstd": 2}


def _one_of(choices: dict[str, int], name: str, value: str) -> int:
    if value not in choices:
        raise lib.UsageError(f"{name} is {value!r}, but must be one of {', '.join(choices)}")
    return choices[value]


# ---- what goes in and comes out ----


@dataclass
class Song:
    """A song to be ingested. `codes`: a code string, Codes, or pairs."""

    codes: Any
    track_id: Optional[str] = None  # None: one is made
    length: int = 0  # in seconds
    artist: Optional[str] = None
    release: Optional[str] = None
    track: Optional[str] = None
    codever: Optional[str] = None  # None: "4.12"
    fields: Mapping[str, str] = field(default_factory=dict)  # such as {"isrc": "USRC17607839"}


@dataclass
class Report:
    """What became of it, in documents: a song has one for each half minute."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    without_codes: int = 0
    deleted: int = 0
    position: int = 0
    track_ids: list[str] = field(default_factory=list)  # of songs, in their order


@dataclass
class Answer:
    """What a query is from. It is true if the track is known."""

    match: bool
    type: int  # as the system of 2011 numbers its decisions
    score: int
    message: str
    track_id: Optional[str]
    artist: str
    release: str
    track: str
    length: int
    offset: float  # in the track, in seconds, at the query's start
    speed: float
    probability: float
    fields: dict[str, str]

    def __bool__(self) -> bool:
        return self.match


@dataclass
class Play:
    """A song in a stream: once when it is recognised, and once when it is over."""

    track_id: str
    start: float  # in the stream, in seconds
    end: float  # when it ended; or how far the stream was
    over: bool
    score: int
    artist: str
    release: str
    track: str


@dataclass
class Document:
    """One row of a dump."""

    document_id: str
    codever: str
    codes: str
    length: str
    artist: str
    release: str
    track: str


@dataclass
class Track:
    track_id: str
    artist: str
    release: str
    track: str
    codever: str
    length: int
    source: str
    import_date: datetime.datetime
    position: int
    copy_of: Optional[str]
    document_count: int
    documents: list[Document]  # empty where they were not asked for
    fields: dict[str, str]
    confirmed: bool = False  # the master that this node follows has it as it is here


@dataclass
class Candidate:
    """A document that has codes of a query."""

    document_id: str
    score: int
    artist: str
    release: str
    track: str
    length: int


@dataclass
class State:
    position: int
    documents: int
    tracks: int
    tombstones: int
    links: int
    conflicts: int
    digest: str


@dataclass
class DumpFile:
    name: str
    documents: int
    bytes: int
    sha256: Optional[str]


@dataclass
class Dump:
    documents: int
    deletions: int
    start: int  # positions: behind this one
    end: int  # up to this one
    files: list[DumpFile]


@dataclass
class Sync:
    contributed: int
    refused: int
    start: int
    end: int
    documents: int
    deleted: int
    equal: bool
    local_only: int


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def _moment(seconds: int) -> datetime.datetime:
    return _EPOCH + datetime.timedelta(seconds=seconds)


def _seconds(moment: Optional[datetime.datetime]) -> int:
    if moment is None:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return int((moment - _EPOCH).total_seconds())


def _take_track(pointer: Any) -> Track:
    found = pointer.contents
    documents = [Document(**{name: values.from_text(getattr(row, name)) for name in lib.names_of(lib.Document)})
                 for row in lib.items_of(lib.Document, found.documents, found.documents_size, found.document_size)]
    track = Track(values.from_text(found.track_id), values.from_text(found.artist), values.from_text(found.release),
                  values.from_text(found.track), values.from_text(found.codever), found.length_s,
                  values.from_text(found.source), _moment(found.import_date), found.position,
                  values.from_text(found.copy_of) or None, found.document_count, documents,
                  values.from_fields(found.fields, found.field_count), bool(found.confirmed))
    lib.plain("track_free", pointer)
    return track


def _take_json(pointer: Any) -> dict[str, Any]:
    try:
        taken: dict[str, Any] = json.loads(ctypes.string_at(pointer.value or 0))
        return taken
    finally:
        lib.plain("text_free", pointer)


def _take_answer(pointer: Any) -> Answer:
    found = pointer.contents
    answer = Answer(bool(found.match), found.type, found.score, values.from_text(found.message),
                    values.from_text(found.track_id) or None, values.from_text(found.artist), values.from_text(found.release),
                    values.from_text(found.track), found.length_s, found.offset_s, found.speed, found.probability,
                    values.from_fields(found.fields, found.field_count))
    lib.plain("answer_free", pointer)
    return answer


# ---- what a database has open ----


class _Closing:
    """Something of the library that is closed at the end of a with statement, or with its object."""

    _handle: Optional[c_void_p] = None

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *why: object) -> None:
        self.close()

    def __del__(self) -> None:
        if self._handle is not None:
            self.close()


class _Child(_Closing):
    """Something of the library that is closed before its database."""

    _close = ""

    def __init__(self, database: Database, handle: c_void_p):
        self._handle: Optional[c_void_p] = handle
        self._lock = threading.Lock()  # one thread at a time
        self._database = database  # which stays open as long as this is used
        database._children.add(self)

    def _open(self) -> c_void_p:
        if self._handle is None:
            raise lib.UsageError("it has been closed")
        return self._handle

    def close(self) -> None:
        with self._lock:
            handle, self._handle = self._handle, None
            if handle is not None:
                lib.plain(self._close, handle)


class Listener(_Child):
    """Names the songs in samples that come in pieces."""

    _close = "listen_close"

    def _news(self) -> list[Play]:
        news = []
        while pointer := lib.plain("listen_next", self._open()):
            play = pointer.contents
            news.append(Play(values.from_text(play.track_id), play.start_s, play.end_s, bool(play.over), play.score,
                             values.from_text(play.artist), values.from_text(play.release), values.from_text(play.track)))
        return news

    def feed(self, samples: values.Samples) -> list[Play]:
        """Takes the next samples, and gives what they tell."""
        items, count = values.samples(samples)
        with self._lock:
            lib.call("listen_feed", self._open(), items, count)
            return self._news()

    def end(self) -> list[Play]:
        """The stream ends."""
        with self._lock:
            lib.call("listen_end", self._open())
            return self._news()


class _Tracks(_Child):
    _close = "tracks_close"

    def next(self) -> Optional[Track]:
        pointer = POINTER(lib.Track)()
        with self._lock:
            try:
                lib.call("tracks_next", byref(pointer), self._open())
            except lib.NotFoundError:
                return None
            return _take_track(pointer)


class Database(_Closing):
    """A data folder that is open. Any number of threads may use it at once.

    mode: "r" to read; "w" to write, too; "c": the same, and makes the folder where there is none.
    map_size: address space in bytes, which the database cannot outgrow; 0: 1 TiB.
    decoder: path of echoprint-decoder; None: that of this package, or as installed.
    """

    def __init__(self, path: values.Path, mode: str = "r", *, map_size: int = 0, decoder: Optional[values.Path] = None):
        self._children: weakref.WeakSet[_Child] = weakref.WeakSet()
        handle = c_void_p()
        options = lib.OpenOptions(mode=_one_of(_MODES, "mode", mode), map_size=map_size,
                                  decoder=values.path(decoder) if decoder else None)
        lib.call("open", byref(handle), values.path(path), byref(options))
        self._handle = handle
        self.path = os.fspath(path)

    def close(self) -> None:
        """Closes it, with its listeners and listings; no other thread may be using it."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        for child in list(self._children):
            child.close()
        lib.plain("close", handle)

    def __enter__(self) -> Database:
        return self

    def __repr__(self) -> str:
        return f"Database({self.path!r}{', closed' if self._handle is None else ''})"

    def _open(self) -> c_void_p:
        if self._handle is None:
            raise lib.UsageError("the database has been closed")
        return self._handle

    # ---- ingesting ----

    def ingest(self, *what: Union[Song, values.Path, bytes], source: Optional[str] = None, dedup: str = "default",
               id_from: str = "made", strict: bool = False, dry_run: bool = False, index: bool = True,
               import_date: Optional[datetime.datetime] = None,
               on_reject: Optional[Callable[[str, str, int, str], None]] = None) -> Report:
        """Ingests songs (all in one transaction), or files by their paths, or bytes of one file.

        source: None for songs of this node, and audio files, folders or JSON of the code generator;
        else of dumps: "local", "master", or the name of a slave.
        index: False leaves index and copies to `settle`.
        on_reject(file, what, number, reason) is told what is refused.

        An EchoprintError has a `report` where something was kept, or begun: songs with a report are
        in the database, and must not be ingested again; `settle` makes up for what failed.
        """
        failure: list[BaseException] = []

        def reject(_context: Any, file: bytes, kind: bytes, number: int, reason: bytes) -> None:
            try:
                if on_reject and not failure:
                    on_reject(os.fsdecode(file), values.from_text(kind), number, values.from_text(reason))
            except BaseException as why:  # it cannot pass through the library
                failure.append(why)

        options = lib.IngestOptions(source=values.text(source), dedup=_one_of(_DEDUP, "dedup", dedup),
                                    id_from=_one_of(_ID_FROM, "id_from", id_from), strict=int(strict), dry_run=int(dry_run),
                                    no_index=int(not index), import_date=_seconds(import_date))
        if on_reject:
            options.on_reject = lib.OnReject(reject)
        pointer = POINTER(lib.Report)()
        status, error = self._ingest(pointer, what, options)
        report = self._take_report(pointer) if pointer else None
        if failure:
            raise failure[0]
        try:
            lib.check(status, error)
        except lib.EchoprintError as why:
            why.report = report
            raise
        return report or Report()

    def _ingest(self, pointer: Any, what: tuple[Any, ...], options: lib.IngestOptions) -> tuple[int, lib.Error]:
        handle, out = self._open(), byref(pointer)
        if what and all(isinstance(item, Song) for item in what):
            if options.source or options.dry_run:
                raise lib.UsageError("songs have no source, and no dry run")
            songs, kept = self._songs(what)
            status = lib.status_of("ingest_songs", out, handle, songs, len(what), byref(options))
            del kept
            return status
        if len(what) == 1 and isinstance(what[0], (bytes, bytearray, memoryview)):
            raw = bytes(what[0])
            return lib.status_of("ingest_bytes", out, handle, raw, len(raw), byref(options))
        if any(isinstance(item, (Song, bytes, bytearray, memoryview)) for item in what):
            raise lib.UsageError("give songs alone, or paths alone, or the bytes of one file")
        paths, count = values.strings(values.path(item) for item in what)
        return lib.status_of("ingest_files", out, handle, paths, count, byref(options))

    @staticmethod
    def _songs(songs: tuple[Song, ...]) -> tuple[Any, list[Any]]:
        """As structs of the library's, and what must be kept as long as they are used."""
        items: Any = (lib.Song * len(songs))()
        kept: list[Any] = []
        for item, song in zip(items, songs):
            item.size = ctypes.sizeof(lib.Song)
            codes = song.codes
            if isinstance(codes, (str, bytes)):
                item.code = codes.encode("utf-8") if isinstance(codes, str) else codes
                item.code_size = len(item.code)
            else:
                pairs, item.pair_count = values.to_pairs(codes.pairs if isinstance(codes, Codes) else codes)
                item.pairs = ctypes.cast(pairs, POINTER(lib.Pair))
                kept.append(pairs)
            item.length_s = song.length
            item.track_id, item.codever = values.text(song.track_id), values.text(song.codever)
            item.fields, item.field_count = values.fields(song.fields)
            item.artist, item.release, item.track = map(values.text, (song.artist, song.release, song.track))
        return items, kept

    @staticmethod
    def _take_report(pointer: Any) -> Report:
        found = pointer.contents
        counts = {name: getattr(found, name) for name in lib.names_of(lib.Report)[1:10]}
        report = Report(**counts, track_ids=[values.from_text(found.track_ids[i]) for i in range(found.track_count)])
        lib.plain("report_free", pointer)
        return report

    def settle(self) -> None:
        """Brings the index up to date, and links copies, after ingests with index=False."""
        lib.call("settle", self._open())

    def edit(self, track_id: str, *, artist: Optional[str] = None, release: Optional[str] = None, track: Optional[str] = None,
             fields: Optional[Mapping[str, Optional[str]]] = None) -> bool:
        """Changes names and fields of a track; what is not given stays, and a field that is None goes.
        Whether anything has changed; an EchoprintError says by `changed` whether that was kept."""
        items, count = values.fields(fields or {})
        wanted = lib.Edit(artist=values.text(artist), release=values.text(release), track=values.text(track), fields=items,
                          field_count=count)
        changed = ctypes.c_int()
        try:
            lib.call("edit", byref(changed), self._open(), values.text(track_id), byref(wanted))
        except lib.EchoprintError as why:
            why.changed = bool(changed.value)
            raise
        return bool(changed.value)

    def delete(self, *track_ids: str, on_left: Optional[Callable[[str, lib.EchoprintError], None]] = None) -> int:
        """Deletes tracks in one transaction, and gives how many there were.

        on_left(track_id, why) is told of each that cannot be deleted, when all is done: NotFoundError,
        or BadInputError for one that came from the master that this node follows. Without it, those
        that are not there are passed over, and the first BadInputError is raised.
        """
        left: list[tuple[str, lib.EchoprintError]] = []

        def leave(_context: Any, track_id: bytes, status: int, why: bytes) -> None:
            left.append((values.from_text(track_id), lib.failure(status, why)))

        told = lib.Deletion(on_left=lib.OnLeft(leave))
        ids, count = values.strings(values.text(track_id) or b"" for track_id in track_ids)
        lib.call("delete_tracks", byref(told), self._open(), ids, count)
        for track_id, why in left:
            if on_left:
                on_left(track_id, why)
            elif isinstance(why, lib.BadInputError):
                raise why
        return int(told.deleted)

    # ---- asking ----

    def query(self, codes: Any = None, *, file: Optional[values.Path] = None, samples: Optional[values.Samples] = None,
              rule: str = "evidence", speed: float = 2, elbow: int = 10) -> Answer:
        """What a query is from: a code string, Codes or pairs; or an audio file; or samples.

        rule: "evidence", or "original" for that of 2011, to which elbow belongs.
        speed: how much faster or slower than its track the query may be, in per cent, up to 6.
        """
        options = lib.QueryOptions(rule=_one_of(_RULES, "rule", rule), speed_percent=speed if speed > 0 else -1, elbow=elbow)
        pointer = POINTER(lib.Answer)()
        out, handle = byref(pointer), self._open()
        if sum(item is not None for item in (codes, file, samples)) != 1:
            raise lib.UsageError("give either codes, a file or samples")
        if file is not None:
            lib.call("query_file", out, handle, values.path(file), byref(options))
        elif samples is not None:
            lib.call("query_samples", out, handle, *values.samples(samples), byref(options))
        elif isinstance(codes, (str, bytes)):
            raw = codes.encode("utf-8") if isinstance(codes, str) else codes
            lib.call("query_code", out, handle, raw, len(raw), byref(options))
        else:
            pairs = codes.pairs if isinstance(codes, Codes) else codes
            lib.call("query_pairs", out, handle, *values.to_pairs(pairs), byref(options))
        return _take_answer(pointer)

    def candidates(self, codes: Any, most: int = 30) -> list[Candidate]:
        """The documents with the most distinct codes of a query, at most 30: what the system of 2011
        decided on. Reads all of the database."""
        pointer = POINTER(lib.Candidates)()
        pairs = codes.pairs if isinstance(codes, Codes) else codes
        lib.call("find_candidates", byref(pointer), self._open(), *values.to_pairs(pairs), most)
        found = pointer.contents
        items = [Candidate(values.from_text(item.document_id), item.score, values.from_text(item.artist),
                           values.from_text(item.release), values.from_text(item.track), item.length_s)
                 for item in lib.items_of(lib.Candidate, found.items, found.count, found.item_size)]
        lib.plain("candidates_free", pointer)
        return items

    def listener(self) -> Listener:
        """Names the songs of a stream; for one thread at a time."""
        handle = c_void_p()
        lib.call("listen", byref(handle), self._open())
        return Listener(self, handle)

    def listen(self, pieces: Iterable[values.Samples]) -> Iterator[Play]:
        """The songs in samples that come in pieces, as they are recognised and end."""
        with self.listener() as listener:
            for samples in pieces:
                yield from listener.feed(samples)
            yield from listener.end()

    def refresh(self) -> None:
        """Looks at what others wrote; for a program that seldom asks, every minute."""
        lib.call("refresh", self._open())

    def interrupt(self) -> None:
        """Ends what takes long with StoppedError, until `resume` is called; from any thread."""
        lib.plain("interrupt", self._open())

    def resume(self) -> None:
        lib.plain("resume", self._open())

    # ---- reading ----

    def track(self, track_id: str) -> Track:
        """A track with its documents. NotFoundError."""
        pointer = POINTER(lib.Track)()
        lib.call("find_track", byref(pointer), self._open(), values.text(track_id))
        return _take_track(pointer)

    def track_json(self, track_id: str) -> dict[str, Any]:
        """What `echoprint show --json` prints of a track, or of one of its documents. NotFoundError."""
        pointer = c_void_p()
        lib.call("track_json", byref(pointer), self._open(), values.text(track_id))
        return _take_json(pointer)

    def __contains__(self, track_id: str) -> bool:
        try:
            self.track(track_id)
        except lib.NotFoundError:
            return False
        return True

    def tracks(self, words: Optional[str] = None, *, source: Optional[str] = None, after: int = 0,
               documents: bool = False) -> Iterator[Track]:
        """Tracks as they are now: all in order of their last change, or those whose artist, release,
        title, id or fields have all words, whole words first."""
        handle = c_void_p()
        options = lib.TracksOptions(source=values.text(source), after=after, documents=int(documents),
                                    words=values.text(words))
        lib.call("tracks_open", byref(handle), self._open(), byref(options))
        return self._each(_Tracks(self, handle))

    @staticmethod
    def _each(tracks: _Tracks) -> Iterator[Track]:
        with tracks:
            while track := tracks.next():
                yield track

    def state(self) -> State:
        """Counts, position and digest; takes no time."""
        found = lib.State()
        lib.call("read_state", byref(found), self._open())
        return State(found.position, found.documents, found.tracks, found.tombstones, found.links, found.conflicts,
                     values.from_text(found.digest))

    def status(self) -> dict[str, Any]:
        """What `echoprint status --json` prints."""
        pointer = c_void_p()
        lib.call("status_json", byref(pointer), self._open())
        return _take_json(pointer)

    # ---- exchange ----

    def dump(self, folder: values.Path, *, kind: str = "master", packets: bool = False, compression: str = "none",
             name: Optional[str] = None, lines: int = 0, everything: bool = False, after: int = 0, checksums: bool = False,
             dry_run: bool = False) -> Dump:
        """Writes files with all that is newer than the last dump: all of them or none."""
        options = lib.DumpOptions(folder=values.path(folder), kind=_one_of({"master": 0, "slave": 1}, "kind", kind),
                                  format=int(packets), compression=_one_of(_COMPRESSION, "compression", compression),
                                  name=values.text(name), lines=lines, all=int(everything), after=after,
                                  checksums=int(checksums), dry_run=int(dry_run))
        pointer = POINTER(lib.Dump)()
        lib.call("dump", byref(pointer), self._open(), byref(options))
        found = pointer.contents
        files = [DumpFile(os.fsdecode(item.name), item.documents, item.bytes, values.from_text(item.sha256) or None)
                 for item in lib.items_of(lib.DumpFile, found.files, found.file_count, found.file_size)]
        dump = Dump(found.documents, found.deletions, found.from_, found.to, files)
        lib.plain("dump_free", pointer)
        return dump

    def join(self, invitation: str) -> None:
        """Makes this node a slave: the line that `echoprint source add` printed on the master."""
        lib.call("join", self._open(), values.text(invitation))

    def sync(self, restart: bool = False) -> Sync:
        """Sends what is local to the master, and fetches what is new."""
        found = lib.Sync()
        lib.call("sync", byref(found), self._open(), int(restart))
        return Sync(found.contributed, found.refused, found.from_, found.to, found.documents, found.deleted, bool(found.equal),
                    found.local_only)

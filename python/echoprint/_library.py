"""libechoprint by ctypes: its structs, its functions, and its failures as exceptions.

Calls give up the interpreter's lock, so threads run side by side. For the rest of the package.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
from ctypes import CFUNCTYPE, POINTER, Structure, c_char, c_char_p, c_double, c_int, c_int16, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any, Optional

_HERE = pathlib.Path(__file__).resolve().parent


# ---- failures ----


class EchoprintError(Exception):
    """What the library failed with; the text says what would have been right."""

    status = 0
    #: Of an ingest that failed in part: the Report of what was kept; else None.
    report: Any = None
    #: Of an edit: whether it was kept in spite of the failure.
    changed = False


class OutOfMemoryError(EchoprintError, MemoryError):
    status = 1


class SystemCallError(EchoprintError, OSError):
    status = 2


class NoSpaceError(EchoprintError, OSError):
    status = 3


class NotFoundError(EchoprintError, LookupError):
    status = 4


class BadInputError(EchoprintError, ValueError):
    status = 5


class CorruptError(EchoprintError):
    status = 6


class NewerError(EchoprintError):
    status = 7


class StoppedError(EchoprintError):
    """By `Database.interrupt`."""

    status = 8


class UnreachableError(EchoprintError):
    status = 9


class DivergedError(EchoprintError):
    status = 10


class UsageError(EchoprintError, TypeError):
    status = 11


_BY_STATUS = {kind.status: kind for kind in EchoprintError.__subclasses__()}


class Error(Structure):
    _fields_ = [("status", c_int), ("text", c_char * 508)]


def names_of(kind: Any) -> list[str]:
    """The members of a struct."""
    return [member[0] for member in kind._fields_]


def failure(status: int, text: bytes) -> EchoprintError:
    """The exception of a status."""
    return _BY_STATUS.get(status, EchoprintError)(text.decode("utf-8", "replace"))


def check(status: int, error: Error) -> None:
    """Raises what a function failed with."""
    if status:
        raise failure(status, error.text)


# ---- structs, as in echoprint.h ----


class Sized(Structure):
    """A struct that begins with its size, which is set here."""

    def __init__(self, **members: Any):
        super().__init__(size=ctypes.sizeof(self), **members)


class OpenOptions(Sized):
    _fields_ = [("size", c_size_t), ("mode", c_int), ("map_size", c_uint64), ("decoder", c_char_p)]


class Pair(Structure):
    _fields_ = [("code", c_uint32), ("time", c_uint32)]


class Codes(Structure):
    _fields_ = [("size", c_size_t), ("pairs", POINTER(Pair)), ("count", c_size_t), ("length_s", c_uint32), ("decoded_s", c_double),
                ("codever", c_char_p), ("artist", c_char_p), ("release", c_char_p), ("title", c_char_p)]


class CodegenOptions(Sized):
    _fields_ = [("size", c_size_t), ("decoder", c_char_p), ("start_s", c_double), ("duration_s", c_double)]


class Field(Structure):
    _fields_ = [("key", c_char_p), ("value", c_char_p)]


class Song(Sized):
    _fields_ = [("size", c_size_t), ("track_id", c_char_p), ("code", c_char_p), ("code_size", c_size_t), ("pairs", POINTER(Pair)),
                ("pair_count", c_size_t), ("length_s", c_uint32), ("codever", c_char_p), ("artist", c_char_p), ("release", c_char_p),
                ("track", c_char_p), ("fields", POINTER(Field)), ("field_count", c_size_t)]


class Edit(Sized):
    _fields_ = [("size", c_size_t), ("artist", c_char_p), ("release", c_char_p), ("track", c_char_p), ("fields", POINTER(Field)),
                ("field_count", c_size_t)]


OnLeft = CFUNCTYPE(None, c_void_p, c_char_p, c_int, c_char_p)


class Deletion(Sized):
    _fields_ = [("size", c_size_t), ("on_left", OnLeft), ("context", c_void_p), ("deleted", c_uint64), ("position", c_uint64)]


OnReject = CFUNCTYPE(None, c_void_p, c_char_p, c_char_p, c_uint64, c_char_p)


class IngestOptions(Sized):
    _fields_ = [("size", c_size_t), ("source", c_char_p), ("dedup", c_int), ("id_from", c_int), ("strict", c_int), ("dry_run", c_int),
                ("no_index", c_int), ("import_date", c_int64), ("on_reject", OnReject), ("context", c_void_p)]


class Report(Structure):
    _fields_ = [("size", c_size_t), ("added", c_uint64), ("updated", c_uint64), ("unchanged", c_uint64), ("duplicate", c_uint64),
                ("conflict", c_uint64), ("rejected", c_uint64), ("without_codes", c_uint64), ("deleted", c_uint64),
                ("position", c_uint64), ("track_ids", POINTER(c_char_p)), ("track_count", c_size_t)]


class QueryOptions(Sized):
    _fields_ = [("size", c_size_t), ("rule", c_int), ("speed_percent", c_double), ("elbow", c_uint32)]


class Answer(Structure):
    _fields_ = [("size", c_size_t), ("match", c_int), ("type", c_int), ("score", c_int), ("message", c_char * 64),
                ("track_id", c_char_p), ("artist", c_char_p), ("release", c_char_p), ("track", c_char_p), ("length_s", c_uint32),
                ("offset_s", c_double), ("speed", c_double), ("probability", c_double), ("fields", POINTER(Field)), ("field_count", c_size_t)]


class Candidate(Structure):
    _fields_ = [("document_id", c_char_p), ("artist", c_char_p), ("release", c_char_p), ("track", c_char_p), ("length_s", c_uint32),
                ("score", c_uint32)]


class Candidates(Structure):
    _fields_ = [("size", c_size_t), ("items", c_void_p), ("count", c_size_t), ("item_size", c_size_t)]


class Play(Structure):
    _fields_ = [("size", c_size_t), ("over", c_int), ("start_s", c_double), ("end_s", c_double), ("score", c_int),
                ("track_id", c_char_p), ("artist", c_char_p), ("release", c_char_p), ("track", c_char_p)]


class Document(Structure):
    _fields_ = [("document_id", c_char_p), ("codever", c_char_p), ("codes", c_char_p), ("length", c_char_p), ("artist", c_char_p),
                ("release", c_char_p), ("track", c_char_p)]


class Track(Structure):
    _fields_ = [("size", c_size_t), ("track_id", c_char_p), ("artist", c_char_p), ("release", c_char_p), ("track", c_char_p),
                ("codever", c_char_p), ("length_s", c_uint32), ("source", c_char_p), ("import_date", c_int64), ("position", c_uint64),
                ("copy_of", c_char_p), ("document_count", c_uint32), ("documents", c_void_p), ("documents_size", c_size_t),
                ("document_size", c_size_t), ("fields", POINTER(Field)), ("field_count", c_size_t), ("confirmed", c_int)]


class TracksOptions(Sized):
    _fields_ = [("size", c_size_t), ("source", c_char_p), ("after", c_uint64), ("documents", c_int),
                ("words", c_char_p)]


class State(Sized):
    _fields_ = [("size", c_size_t), ("position", c_uint64), ("documents", c_uint64), ("tracks", c_uint64), ("tombstones", c_uint64),
                ("links", c_uint64), ("conflicts", c_uint64), ("digest", c_char * 65)]


class DumpOptions(Sized):
    _fields_ = [("size", c_size_t), ("folder", c_char_p), ("kind", c_int), ("format", c_int), ("compression", c_int),
                ("name", c_char_p), ("lines", c_uint64), ("all", c_int), ("after", c_uint64), ("checksums", c_int),
                ("dry_run", c_int)]


class DumpFile(Structure):
    _fields_ = [("name", c_char_p), ("documents", c_uint64), ("bytes", c_uint64), ("sha256", c_char_p)]


class Dump(Structure):
    _fields_ = [("size", c_size_t), ("documents", c_uint64), ("deletions", c_uint64), ("from_", c_uint64), ("to", c_uint64),
                ("files", c_void_p), ("file_count", c_size_t), ("file_size", c_size_t)]


class Sync(Sized):
    _fields_ = [("size", c_size_t), ("contributed", c_uint64), ("refused", c_uint64), ("from_", c_uint64), ("to", c_uint64),
                ("documents", c_uint64), ("deleted", c_uint64), ("equal", c_int), ("local_only", c_uint64)]


def items_of(kind: Any, address: Optional[int], count: int, stride: int) -> list[Any]:
    """The structs of an array that may have larger ones than are known here."""
    return [kind.from_address(address + i * stride) for i in range(count)] if address else []


# ---- functions ----

_STRINGS, _SAMPLES, _PAIRS = POINTER(c_char_p), POINTER(c_int16), POINTER(Pair)
# Name, types of the arguments but for the error at the end; each gives a status.
_CALLS: dict[str, list[Any]] = {
    "open": [POINTER(c_void_p), c_char_p, POINTER(OpenOptions)],
    "refresh": [c_void_p],
    "codegen_file": [POINTER(POINTER(Codes)), c_char_p, POINTER(CodegenOptions)],
    "codegen_samples": [POINTER(POINTER(Codes)), _SAMPLES, c_size_t, c_double],
    "decode": [POINTER(POINTER(Codes)), c_char_p, c_size_t],
    "encode": [POINTER(c_void_p), _PAIRS, c_size_t, c_int],
    "ingest_songs": [POINTER(POINTER(Report)), c_void_p, POINTER(Song), c_size_t, POINTER(IngestOptions)],
    "ingest_files": [POINTER(POINTER(Report)), c_void_p, _STRINGS, c_size_t, POINTER(IngestOptions)],
    "ingest_bytes": [POINTER(POINTER(Report)), c_void_p, c_char_p, c_size_t, POINTER(IngestOptions)],
    "settle": [c_void_p],
    "edit": [POINTER(c_int), c_void_p, c_char_p, POINTER(Edit)],
    "delete": [POINTER(c_uint64), c_void_p, _STRINGS, c_size_t],
    "delete_tracks": [POINTER(Deletion), c_void_p, _STRINGS, c_size_t],
    "query_code": [POINTER(POINTER(Answer)), c_void_p, c_char_p, c_size_t, POINTER(QueryOptions)],
    "query_pairs": [POINTER(POINTER(Answer)), c_void_p, _PAIRS, c_size_t, POINTER(QueryOptions)],
    "query_samples": [POINTER(POINTER(Answer)), c_void_p, _SAMPLES, c_size_t, POINTER(QueryOptions)],
    "query_file": [POINTER(POINTER(Answer)), c_void_p, c_char_p, POINTER(QueryOptions)],
    "find_candidates": [POINTER(POINTER(Candidates)), c_void_p, _PAIRS, c_size_t, c_size_t],
    "listen": [POINTER(c_void_p), c_void_p],
    "listen_feed": [c_void_p, _SAMPLES, c_size_t],
    "listen_end": [c_void_p],
    "find_track": [POINTER(POINTER(Track)), c_void_p, c_char_p],
    "track_json": [POINTER(c_void_p), c_void_p, c_char_p],
    "tracks_open": [POINTER(c_void_p), c_void_p, POINTER(TracksOptions)],
    "tracks_next": [POINTER(POINTER(Track)), c_void_p],
    "read_state": [POINTER(State), c_void_p],
    "status_json": [POINTER(c_void_p), c_void_p],
    "dump": [POINTER(POINTER(Dump)), c_void_p, POINTER(DumpOptions)],
    "join": [c_void_p, c_char_p],
    "sync": [POINTER(Sync), c_void_p, c_int],
}
# The others: what they give, and their arguments.
_OTHERS: dict[str, tuple[Any, list[Any]]] = {
    "version": (c_char_p, []), "close": (None, [c_void_p]), "interrupt": (None, [c_void_p]), "resume": (None, [c_void_p]),
    "codes_free": (None, [POINTER(Codes)]), "text_free": (None, [c_void_p]), "report_free": (None, [POINTER(Report)]),
    "answer_free": (None, [POINTER(Answer)]), "candidates_free": (None, [POINTER(Candidates)]),
    "listen_next": (POINTER(Play), [c_void_p]), "listen_close": (None, [c_void_p]), "track_free": (None, [POINTER(Track)]),
    "tracks_close": (None, [c_void_p]), "dump_free": (None, [POINTER(Dump)]),
}


def _load() -> ctypes.CDLL:
    """The library of this package, that of $ECHOPRINT_LIBRARY, or that of the system."""
    own = _HERE / "_lib" / "libechoprint.so.0"
    given = os.environ.get("ECHOPRINT_LIBRARY")
    name = given or (str(own) if own.exists() else "libechoprint.so.0")
    try:
        loaded = ctypes.CDLL(name)
    except OSError as why:
        raise ImportError(f"cannot load {name}: {why}; install libechoprint, or set ECHOPRINT_LIBRARY to its path") from why
    for call, arguments in _CALLS.items():
        function = getattr(loaded, "echoprint_" + call)
        function.argtypes, function.restype = [*arguments, POINTER(Error)], c_int
    for call, (gives, arguments) in _OTHERS.items():
        function = getattr(loaded, "echoprint_" + call)
        function.argtypes, function.restype = arguments, gives
    return loaded


_loaded = _load()


def call(name: str, *arguments: Any) -> None:
    """Calls a function that gives a status, and raises its failure."""
    check(*status_of(name, *arguments))


def status_of(name: str, *arguments: Any) -> tuple[int, Error]:
    """Calls one of which something is there in spite of a failure."""
    error = Error()
    return getattr(_loaded, "echoprint_" + name)(*arguments, ctypes.byref(error)), error


def plain(name: str, *arguments: Any) -> Any:
    """Calls one that cannot fail."""
    return getattr(_loaded, "echoprint_" + name)(*arguments)

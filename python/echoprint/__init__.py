"""Echoprint: a database of music fingerprints.

    import echoprint

    with echoprint.Database("/var/lib/echoprint") as database:
        answer = database.query(file="song.mp3")
        print(answer.track_id, answer.artist, answer.track)

docs/library.md tells more. `echoprint.fp` has the names of the fp.py of 2011.
"""

from ._library import (BadInputError, CorruptError, DivergedError, EchoprintError, NewerError, NoSpaceError, NotFoundError,
                       OutOfMemoryError, StoppedError, SystemCallError, UnreachableError, UsageError, plain as _plain)
from .codes import SAMPLE_RATE, Codes, codegen, decode, encode
from .database import (Answer, Candidate, Database, Document, Dump, DumpFile, Listener, Play, Report, Song, State, Sync, Track)

__version__: str = _plain("version").decode("ascii")

__all__ = ["SAMPLE_RATE", "Answer", "BadInputError", "Candidate", "Codes", "CorruptError", "Database", "DivergedError", "Document",
           "Dump", "DumpFile", "EchoprintError", "Listener", "NewerError", "NoSpaceError", "NotFoundError", "OutOfMemoryError",
           "Play", "Report", "Song", "State", "StoppedError", "Sync", "SystemCallError", "Track", "UnreachableError", "UsageError",
           "codegen", "decode", "encode"]

"""Fingerprints: codes of sound, and code strings."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref
from dataclasses import dataclass
from typing import Any, Optional, Union

from . import _library as lib
from . import _values as values

SAMPLE_RATE = 11025


@dataclass
class Codes:
    """A fingerprint: pairs of code and time, and what is known of the sound that they are from."""

    pairs: values.Pairs  # a numpy array of uint32 with two columns, or a list of tuples
    length: int = 0  # of the file, in seconds
    codever: str = ""
    artist: str = ""
    release: str = ""
    title: str = ""

    def __len__(self) -> int:
        return len(self.pairs)

    def plain(self) -> str:
        """As "code time code time ..."."""
        return encode(self.pairs)

    def packed(self) -> str:
        """As the code generator writes it: base64 of zlib of hex."""
        return encode(self.pairs, packed=True)


def _take(pointer: Any) -> Codes:
    codes = pointer.contents
    taken = Codes(values.from_pairs(codes.pairs, codes.count), codes.length_s, values.from_text(codes.codever),
                  values.from_text(codes.artist), values.from_text(codes.release), values.from_text(codes.title))
    lib.plain("codes_free", pointer)
    return taken


def codegen(file: Optional[values.Path] = None, *, samples: Optional[values.Samples] = None, start: float = 0,
            duration: float = 0, decoder: Optional[values.Path] = None) -> Codes:
    """The codes of an audio file, or of samples, as the code generator 4.12 computes them.

    start, duration: in seconds, of a file; 0: to its end. Of samples, start is added to the times.
    """
    pointer = POINTER(lib.Codes)()
    if (file is None) == (samples is None):
        raise lib.UsageError("give either a file or samples")
    if file is not None:
        options = lib.CodegenOptions(decoder=values.path(decoder) if decoder else None, start_s=start, duration_s=duration)
        lib.call("codegen_file", byref(pointer), values.path(file), byref(options))
    else:
        items, count = values.samples(samples)
        lib.call("codegen_samples", byref(pointer), items, count, start)
    return _take(pointer)


def decode(code: Union[str, bytes]) -> Codes:
    """Reads a code string, packed or plain."""
    raw = code.encode("utf-8") if isinstance(code, str) else bytes(code)
    pointer = POINTER(lib.Codes)()
    lib.call("decode", byref(pointer), raw, len(raw))
    return _take(pointer)


def encode(pairs: values.Pairs, packed: bool = False) -> str:
    """Writes pairs as a code string, in their order."""
    items, count = values.to_pairs(pairs)
    pointer = ctypes.c_void_p()
    lib.call("encode", byref(pointer), items, count, int(packed))
    found = ctypes.string_at(pointer.value or 0).decode("ascii")
    lib.plain("text_free", pointer)
    return found

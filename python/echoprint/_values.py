"""Between Python's values and the library's: texts, samples, pairs."""

from __future__ import annotations

import array
import ctypes
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional, Union

from . import _library as lib

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment]

# Pairs of code and time: a numpy array of uint32 with two columns, or a list of tuples.
Pairs = Any
# Mono, 11,025 a second, signed 16 bit: an array of them, or their bytes in the machine's order.
Samples = Union[bytes, bytearray, memoryview, "array.array[int]", Sequence[int], Any]
_SAMPLE_FORMATS = ("h", "<h" if sys.byteorder == "little" else ">h", "B", "b", "c")
Path = Union[str, "os.PathLike[str]"]


def text(value: Optional[str]) -> Optional[bytes]:
    if value is None:
        return None
    raw = value.encode("utf-8")
    if b"\0" in raw:
        raise lib.BadInputError("a text has a NUL character")
    return raw


def path(value: Path) -> bytes:
    return os.fsencode(value)


def from_text(value: Optional[bytes]) -> str:
    return value.decode("utf-8", "replace") if value else ""


def samples(value: Samples) -> tuple[Any, int]:
    """As an array of the library's, and their number."""
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.dtype != numpy.int16 or value.ndim != 1:
            raise lib.UsageError(f"samples are {value.dtype} with {value.ndim} dimensions, but must be int16 with one")
        value = numpy.ascontiguousarray(value).data
    if not isinstance(value, (bytes, bytearray, memoryview, array.array)):
        value = array.array("h", value)
    view = memoryview(value)
    if view.format not in _SAMPLE_FORMATS or (isinstance(value, array.array) and view.format != "h"):
        raise lib.UsageError(f"samples are of the format '{view.format}', but must be of 'h', 16 bits, or bytes")
    raw = view.cast("B")
    if raw.nbytes % 2:
        raise lib.UsageError(f"samples have {raw.nbytes} bytes, but must have an even number")
    count = raw.nbytes // 2
    if raw.readonly:
        return (ctypes.c_int16 * count).from_buffer_copy(raw), count
    return (ctypes.c_int16 * count).from_buffer(raw), count


def to_pairs(value: Pairs) -> tuple[Any, int]:
    """As an array of the library's, and their number."""
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.size and (value.ndim != 2 or value.shape[1] != 2):
            raise lib.UsageError("pairs must be an array with two columns, code and time")
        if value.size and (value.min() < 0 or value.max() >= 1 << 32):
            raise lib.BadInputError("codes and times must be from 0 to 2^32-1")
        flat = numpy.ascontiguousarray(value, dtype=numpy.uint32)
        return (lib.Pair * len(flat)).from_buffer_copy(flat.tobytes()), len(flat)
    items = list(value)
    for code, time in items:
        if not (0 <= code < 1 << 32 and 0 <= time < 1 << 32):
            raise lib.BadInputError(f"the pair ({code}, {time}) is not of numbers from 0 to 2^32-1")
    return (lib.Pair * len(items))(*(lib.Pair(int(code), int(time)) for code, time in items)), len(items)


def from_pairs(pointer: Any, count: int) -> Pairs:
    raw = ctypes.string_at(pointer, 8 * count) if count else b""
    if numpy is not None:
        return numpy.frombuffer(raw, dtype=numpy.uint32).reshape(count, 2).copy()
    flat = array.array("I", raw)
    return list(zip(flat[::2], flat[1::2]))


def fields(value: Mapping[str, Optional[str]]) -> tuple[Any, int]:
    """As an array of the library's, and their number; None removes a field."""
    items = [lib.Field(text(key), text(item or "")) for key, item in value.items()]
    return (lib.Field * len(items))(*items), len(items)


def from_fields(pointer: Any, count: int) -> dict[str, str]:
    return {from_text(pointer[i].key): from_text(pointer[i].value) for i in range(count)}


def strings(values: Iterable[bytes]) -> tuple[Any, int]:
    items = list(values)
    return (ctypes.c_char_p * len(items))(*items), len(items)

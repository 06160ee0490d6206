#!/usr/bin/env python3
"""Says what sound files are, by ctypes alone: identify.py LIBECHOPRINT.SO FOLDER FILE...

The package in python/ does the same, and all else, with less effort.
"""

import ctypes
import sys
from ctypes import POINTER, Structure, byref, c_char, c_char_p, c_double, c_int, c_size_t, c_uint32, c_void_p


class Error(Structure):
    _fields_ = [("status", c_int), ("text", c_char * 508)]


class Answer(Structure):
    _fields_ = [("size", c_size_t), ("match", c_int), ("type", c_int), ("score", c_int), ("message", c_char * 64),
                ("track_id", c_char_p), ("artist", c_char_p), ("release", c_char_p), ("track", c_char_p),
                ("length_s", c_uint32), ("offset_s", c_double), ("speed", c_double), ("probability", c_double)]


def check(status, error):
    if status:
        sys.exit(error.text.decode())


def main():
    library = ctypes.CDLL(sys.argv[1])
    library.echoprint_close.argtypes = [c_void_p]
    library.echoprint_answer_free.argtypes = [POINTER(Answer)]
    library.echoprint_query_file.argtypes = [POINTER(POINTER(Answer)), c_void_p, c_char_p, c_void_p, POINTER(Error)]
    error, db, answer = Error(), c_void_p(), POINTER(Answer)()
    check(library.echoprint_open(byref(db), sys.argv[2].encode(), None, byref(error)), error)
    for path in sys.argv[3:]:
        check(library.echoprint_query_file(byref(answer), db, path.encode(), None, byref(error)), error)
        found = answer.contents
        print(f"{path}: {found.track_id.decode()}, {found.artist.decode()} - {found.track.decode()}" if found.match
              else f"{path}: {found.message.decode()}")
        library.echoprint_answer_free(answer)
    library.echoprint_close(db)


if __name__ == "__main__":
    main()

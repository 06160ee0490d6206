"""Files of Tokyo Cabinet (.tch), written by the library itself."""

import ctypes

OPEN_AS_WRITER, CREATE, TRUNCATE = 1 << 1, 1 << 2, 1 << 3


def library():
    """The library, or None where it is not installed."""
    try:
        found = ctypes.CDLL("libtokyocabinet.so.9")
    except OSError:
        return None
    found.tchdbnew.restype = ctypes.c_void_p
    for name in ("tchdbopen", "tchdbput", "tchdbclose", "tchdbdel", "tchdbsync"):
        getattr(found, name).argtypes = {
            "tchdbopen": [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int],
            "tchdbput": [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int],
        }.get(name, [ctypes.c_void_p])
    return found


class Casket:
    """An open file, as a server has it."""

    def __init__(self, path):
        self.library = library()
        self.database = self.library.tchdbnew()
        if not self.library.tchdbopen(self.database, str(path).encode(), OPEN_AS_WRITER | CREATE | TRUNCATE):
            raise OSError(f"cannot make {path}")

    def put(self, key, value):
        if not self.library.tchdbput(self.database, key, len(key), value, len(value)):
            raise OSError("cannot put")

    def close(self):
        if not self.library.tchdbclose(self.database):
            raise OSError("cannot close")
        self.library.tchdbdel(self.database)


def make(path, values):
    casket = Casket(path)
    for key, value in values.items():
        casket.put(key, value)
    casket.close()

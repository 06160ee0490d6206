"""A folder as a recorded program left it, and as a kill or a power cut would leave it.

A file has contents, and contents that are durable: those of the last sync, and what was written
since through a descriptor that syncs by itself (LMDB's meta pages). A folder has names, and names
that are durable: those of its last sync. What a cut leaves of the rest is chosen by the caller.
"""

import hashlib
import os
import struct

CREATE, WRITE, TRUNCATE, SYNC, RENAME, LINK, UNLINK, MAKE_FOLDER, REPORT, SYNC_ALL, \
    REMOVE_FOLDER, FAILED = range(1, 13)
END = 100  # of a command; not in the record
KIND_NAMES = {
    CREATE: "create", WRITE: "write", TRUNCATE: "truncate", SYNC: "sync", RENAME: "rename",
    LINK: "link", UNLINK: "unlink", MAKE_FOLDER: "mkdir", REPORT: "report", SYNC_ALL: "sync all",
    REMOVE_FOLDER: "rmdir", FAILED: "failed", END: "end",
}
DURABLE = 1
HEADER = struct.Struct("<IIQQQIIII")

PAGE = 4096
SECTOR = 512

# Rebuilt by whoever opens the data folder next; a map that is written through memory.
IGNORED = {"lock.mdb"}


class Operation:
    def __init__(self, kind, flags=0, inode=0, offset=0, reported=0, path="", other="", data=b""):
        self.kind = kind
        self.flags = flags
        self.inode = inode
        self.offset = offset
        self.reported = reported
        self.path = path
        self.other = other
        self.data = data
        self.command = 0  # which of the commands did it
        self.target = ""  # the file's path below the root when it happened

    def copy(self, **changes):
        other = Operation.__new__(Operation)
        other.__dict__.update(self.__dict__)
        other.__dict__.update(changes)
        return other

    def __str__(self):
        durable = " durably" if self.flags & DURABLE else ""
        return f"{KIND_NAMES[self.kind]} {self.target or self.path}{durable}"


def read_trace(path):
    with open(path, "rb") as file:
        data = file.read()
    operations = []
    at = 0
    while at < len(data):
        kind, flags, inode, offset, reported, one, two, size, _ = HEADER.unpack_from(data, at)
        at += HEADER.size
        texts = [data[at:at + one].decode(), data[at + one:at + one + two].decode()]
        at += one + two
        operations.append(Operation(kind, flags, inode, offset, reported,
                                    os.path.normpath(texts[0]) if one else "",
                                    os.path.normpath(texts[1]) if two else "",
                                    data[at:at + size]))
        at += size
    return operations


def overwrite(content, offset, data):
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset:offset + len(data)] = data


def resize(content, size):
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


def torn(data):
    """The part of a write that a cut in its middle leaves."""
    half = len(data) // 2
    return data[:half // PAGE * PAGE or half // SECTOR * SECTOR]


class File:
    def __init__(self, content=b""):
        self.content = bytearray(content)
        self.base = bytes(content)  # of the last sync
        self.pending = []  # since then: (offset, data, durable), or (None, size, False)

    def write(self, offset, data, durable):
        overwrite(self.content, offset, data)
        self.pending.append((offset, data, durable))

    def truncate(self, size):
        resize(self.content, size)
        self.pending.append((None, size, False))

    def sync(self):
        self.base = bytes(self.content)
        self.pending = []

    def unsynced(self):
        return sum(1 for offset, _, durable in self.pending if not durable)

    def view(self, kept):
        """kept(i, count): "all", "none", "torn" or "zeros" for each change that is not durable."""
        if kept is KEEP_ALL:
            return bytes(self.content)
        content = bytearray(self.base)
        count = self.unsynced()
        i = 0
        for offset, data, durable in self.pending:
            how = "all" if durable else kept(i, count)
            i += not durable
            if offset is None:
                if how != "none":
                    resize(content, data)
            elif how == "all":
                overwrite(content, offset, data)
            elif how == "torn":
                overwrite(content, offset, torn(data))
            elif how == "zeros":
                overwrite(content, offset, bytes(len(data)))
        return bytes(content)


class Folder:
    def __init__(self):
        self.names = {}
        self.base = {}
        self.pending = []  # lists of (name, File or Folder or None)

    def change(self, changes):
        self.pending.append(changes)
        self.put(self.names, changes)

    @staticmethod
    def put(names, changes):
        for name, node in changes:
            if node is None:
                names.pop(name, None)
            else:
                names[name] = node

    def sync(self):
        self.base = dict(self.names)
        self.pending = []

    def view(self, kept):
        if kept is KEEP_ALL:
            return self.names
        names = dict(self.base)
        for i, changes in enumerate(self.pending):
            if kept(i, len(self.pending)) == "all":
                self.put(names, changes)
        return names


def KEEP_ALL(i, count):
    return "all"


def KEEP_NONE(i, count):
    return "none"


KEEPERS = {
    "all": KEEP_ALL,
    "none": KEEP_NONE,
    "all but the last": lambda i, count: "none" if i == count - 1 else "all",
    "all but the first": lambda i, count: "none" if i == 0 else "all",
    "all but the second": lambda i, count: "none" if i == 1 else "all",
    "only the last": lambda i, count: "all" if i == count - 1 else "none",
    "only the first": lambda i, count: "all" if i == 0 else "none",
    "the last torn": lambda i, count: "torn" if i == count - 1 else "all",
    "zeros": lambda i, count: "zeros",
    "the first zeros": lambda i, count: "zeros" if i == 0 else "all",
}

# What is left of names, and of contents: (a) killed, (b) power cut with only what was synced, (c)
# with some of the rest, (d) with names but without contents.
MODELS = [("all", data) for data in KEEPERS] + [
    ("none", "none"), ("none", "all"),
    ("all but the last", "none"), ("all but the last", "all"), ("all but the last", "zeros"),
    ("all but the first", "none"), ("all but the first", "all"), ("all but the first", "zeros"),
    ("only the last", "none"), ("only the last", "all"),
]


KILLED = ("all", "all")


def kept(names, data):
    return "killed" if (names, data) == KILLED else f"power cut (names: {names}; data: {data})"


# Names that a folder without a journal may keep: later changes without earlier ones.
REORDERED = {"all but the first", "only the last"}


class Link(bytes):
    """A second name of a file in a view: the path of the first."""

    def __new__(cls, first):
        return super().__new__(cls, b"link to " + first.encode())

    @property
    def first(self):
        return self[len(b"link to "):].decode()


class Model:
    """The tree below root."""

    def __init__(self, root):
        self.root = root
        self.tree = Folder()
        self.by_inode = {}

    def scan(self):
        """Takes what is on the disk as durable."""
        self.tree = Folder()
        for folder, folders, files in os.walk(self.root):
            node = self.find(folder)
            for name in folders:
                node.names[name] = Folder()
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    node.names[name] = File(file.read())
            node.sync()
        self.attach()

    def attach(self, place=None):
        """Learns which inodes on the disk, below place or the root, the files of the model are."""
        place = place or self.root
        self.by_inode = {os.stat(place).st_ino: self.tree}
        for folder, folders, files in os.walk(place):
            names = self.find(self.root + folder[len(place):]).names
            for name in folders + files:
                if name in names:
                    inode = os.lstat(os.path.join(folder, name)).st_ino
                    self.by_inode[inode] = names[name]

    def inside(self, path):
        return path.startswith(self.root + "/")

    def find(self, path):
        node = self.tree
        for part in os.path.relpath(path, self.root).split("/"):
            if part != ".":
                node = node.names[part]
        return node

    def parent(self, path):
        return self.find(os.path.dirname(path)), os.path.basename(path)

    def apply(self, operation):
        kind = operation.kind
        if kind in (CREATE, MAKE_FOLDER):
            if self.inside(operation.path):
                folder, name = self.parent(operation.path)
                node = File() if kind == CREATE else Folder()
                folder.change([(name, node)])
                self.by_inode[operation.inode] = node
        elif kind in (UNLINK, REMOVE_FOLDER):
            if self.inside(operation.path):
                folder, name = self.parent(operation.path)
                folder.change([(name, None)])
        elif kind in (RENAME, LINK):
            if self.inside(operation.path) and self.inside(operation.other):
                folder, name = self.parent(operation.path)
                other, other_name = self.parent(operation.other)
                node = folder.names[name]
                away = [(name, None)] if kind == RENAME else []
                if folder is other:
                    folder.change(away + [(other_name, node)])
                else:
                    other.change([(other_name, node)])
                    folder.change(away)
        elif kind == SYNC_ALL:
            for node in self.by_inode.values():
                node.sync()
        else:
            node = self.by_inode.get(operation.inode)
            if kind == SYNC and node is not None:
                node.sync()
            elif kind == WRITE and isinstance(node, File):
                node.write(operation.offset, operation.data, bool(operation.flags & DURABLE))
            elif kind == TRUNCATE and isinstance(node, File):
                node.truncate(operation.offset)

    def view(self, names="all", data="all"):
        """The tree as {path: contents, None for a folder, or Link}."""
        nodes = {}

        def add(folder, path):
            for name, node in folder.view(KEEPERS[names]).items():
                if name not in IGNORED:
                    nodes[path + name] = node
                    if isinstance(node, Folder):
                        add(node, path + name + "/")

        add(self.tree, "")
        view = {}
        firsts = {}
        for path, node in sorted(nodes.items()):
            first = firsts.setdefault(id(node), path)
            if isinstance(node, Folder):
                view[path] = None
            else:
                view[path] = node.view(KEEPERS[data]) if first == path else Link(first)
        return view


KEY_SIZE = 16


def fingerprint(view):
    sha = hashlib.blake2b(digest_size=KEY_SIZE)
    for name, content in sorted(view.items()):
        sha.update(b"%d %s %d\n" % (content is None, name.encode(), len(content or b"")))
        sha.update(content or b"")
    return sha.digest()


def annotate(operations, root, initial):
    """Gives every operation the path of its file below the root."""
    paths = dict(initial)

    def relative(path):
        return path[len(root) + 1:] if path.startswith(root + "/") else path

    for operation in operations:
        if operation.kind in (CREATE, MAKE_FOLDER):
            paths[operation.inode] = relative(operation.path)
        elif operation.kind in (RENAME, LINK):
            paths[operation.inode] = relative(operation.other)
        if operation.path:
            operation.target = relative(operation.other or operation.path)
        else:
            operation.target = paths.get(operation.inode, "")


def inodes_below(root):
    found = {os.stat(root).st_ino: "."}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            found[os.lstat(path).st_ino] = os.path.relpath(path, root)
    return found


def moved(content, name, old_root, new_root):
    """Contents for another root: the log's note of a dump holds the folder's absolute path. Both
    have the same size."""
    if content is not None and os.path.basename(name) == "data.mdb":
        return content.replace(old_root.encode(), new_root.encode())
    return content


def build(view, root, view_root):
    """Makes root hold the view, and nothing else."""
    wanted = {name for name, content in view.items() if content is None}
    for folder, folders, files in os.walk(root, topdown=False):
        for name in files:
            path = os.path.join(folder, name)
            if os.path.relpath(path, root) not in view:
                os.unlink(path)
        for name in folders:
            path = os.path.join(folder, name)
            if os.path.relpath(path, root) not in wanted:
                os.rmdir(path)
    # Sorted: a folder before what is in it, a file before its links.
    for name, content in sorted(view.items()):
        path = os.path.join(root, name)
        if content is None:
            os.makedirs(path, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        if isinstance(content, Link):
            os.link(os.path.join(root, content.first), path)
            continue
        with open(path, "wb") as file:
            file.write(moved(content, name, view_root, root))


def read_back(root):
    """The view of what is on the disk."""
    paths = {}
    for folder, folders, files in os.walk(root):
        for name in folders + [name for name in files if name not in IGNORED]:
            path = os.path.join(folder, name)
            paths[os.path.relpath(path, root)] = path
    view = {}
    firsts = {}
    for name, path in sorted(paths.items()):
        if os.path.isdir(path):
            view[name] = None
            continue
        first = firsts.setdefault(os.stat(path).st_ino, name)
        if first == name:
            with open(path, "rb") as file:
                view[name] = file.read()
        else:
            view[name] = Link(first)
    return view

"""The songs of library.json, whose files are in Debian packages, and which of them are the same
recording."""

import functools
import json
import os
import pathlib
import subprocess
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def shared(name):
    """A file of real fingerprints beside the project, as a value."""
    folder = pathlib.Path(os.environ.get("ECHOPRINT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    path = folder / name
    if not path.is_file():
        sys.exit(f"skip: there is no {path}")
    return json.loads(path.read_text())


def library():
    """The songs."""
    return shared("library.json")


@functools.cache
def recordings():
    """The ids of the same recording, by id."""
    return {track_id: frozenset(group["track_ids"]) for group in shared("related.json") for track_id in group["track_ids"]}


def related(item):
    """The ids of an item's recording, its own among them."""
    track_id = item["metadata"]["track_id"]
    return recordings().get(track_id, frozenset([track_id]))


def there(items, files):
    """Those items of which there is the file."""
    found = [item for item in items if (files / item["metadata"]["filename"]).exists()]
    if not found:
        sys.exit(f"skip: none of the files is in {files}; sound.py --fetch downloads them")
    return found


def fetch(items, files):
    """Downloads and unpacks the packages of all items that are absent."""
    packages = sorted({item["metadata"]["filename"].split("/")[0] for item in items
                       if not (files / item["metadata"]["filename"]).exists()})
    debs = files / "packages"
    debs.mkdir(parents=True, exist_ok=True)
    for package in packages:
        if not list(debs.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", "-qq", package], cwd=debs, check=True, stderr=subprocess.DEVNULL)
        deb, *_ = debs.glob(f"{package}_*.deb")
        subprocess.run(["dpkg", "-x", deb, files / package], check=True)
    # Some music is in archives, which stand in the names as folders: NAME.pk3.d/FILE.
    for item in items:
        path = files / item["metadata"]["filename"]
        archive, mark, inside = str(path).partition(".pk3.d/")
        if mark and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(zipfile.ZipFile(archive + ".pk3").read(inside))

"""Music that nobody tuned to: songs in Debian and PyPI packages that are not in library.json.

They are played or rendered to mono WAV files of 44.1 kHz, coded, and split into songs that the
database knows and strangers. Songs of one game are on both sides; the same recording is on one.
"""

import concurrent.futures
import hashlib
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import wave
import zipfile

RATE = 44100
SHORTEST_S = 45
LONGEST_S = 480
SMALLEST = 2000  # bytes of a file that is looked at, so that the pictures of a game are soon done
KNOWN_SHARE = 2 / 3

# Games whose music is in sound files or tracker modules, and such with scores (MIDI) that are played
# with the sounds of fluid-soundfont-gm.
PACKAGES = """alienblaster-data berusky2-data biniax2-data blobwars-data cube2-data endless-sky-data fb-music-high
    freedroid-data freeorion-data funnyboat glob2-data instead-data krank mazeofgalious-data mrrescue njam-data
    openarena-088-data pinball-data tecnoballz-data torcs-data warmux-data
    freedoom openttd-openmsx simutrans-data""".split()
WHEELS = ("arcade==3.3.3",)

ARCHIVES = {".pk3", ".love", ".whl"}
SCORES = {".mid", ".midi"}
SCORES_MOST = 30  # of one package
NO_MUSIC = """.png .jpg .jpeg .tga .dds .webp .bmp .txt .ttf .md3 .gif .xml .ac .py .html .so .obj .svg .json .map .pdf .gz
    .wad .bsp .icn .dll""".split()


class Song:
    """A song: `name` is PACKAGE/PATH, `sound` its samples in a file, `item` its codes."""

    def __init__(self, name, sound, item):
        self.name, self.sound, self.item = name, sound, item
        self.package = name.split("/")[0]
        self.id = item["metadata"]["track_id"]
        self.length_s = item["metadata"]["samples_decoded"] / 11025
        self.known = False
        self.same = [self.id]  # ids of the same recording


def fetch(folder):
    """Downloads and unpacks the packages that are absent."""
    debs, files = folder / "debs", folder / "files"
    debs.mkdir(parents=True, exist_ok=True)
    for package in PACKAGES:
        if not list(debs.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", "-qq", package], cwd=debs, check=True, stderr=subprocess.DEVNULL)
        if not (files / package).exists():
            subprocess.run(["dpkg", "-x", *debs.glob(f"{package}_*.deb"), files / package], check=True)
    for wheel in WHEELS:
        name = wheel.split("==")[0]
        if not (files / name).exists():
            subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", files / name, wheel], check=True)
    for package in (*PACKAGES, *(wheel.split("==")[0] for wheel in WHEELS)):
        for path in sorted((files / package).rglob("*")):
            unpack(path)


def unpack(path):
    """What an archive holds stands in the names as a folder: NAME.pk3.d/FILE."""
    if path.is_symlink() or not path.is_file():
        return
    inside = path.with_name(path.name + ".d")
    if path.suffix in ARCHIVES and not inside.exists():
        with zipfile.ZipFile(path) as archive:
            archive.extractall(inside, [name for name in archive.namelist() if pathlib.Path(name).suffix not in NO_MUSIC])
    if path.suffix == ".wad" and not inside.exists():
        inside.mkdir()
        for name, data in lumps(path.read_bytes()):
            if data.startswith(b"MThd"):
                (inside / f"{name}.mid").write_bytes(data)


def lumps(wad):
    """(name, bytes) of what a WAD file holds."""
    count, at = (int.from_bytes(wad[place:place + 4], "little") for place in (4, 8))
    for entry in (wad[at + 16 * i:at + 16 * i + 16] for i in range(count)):
        start, size = (int.from_bytes(entry[place:place + 4], "little") for place in (0, 4))
        yield entry[8:].rstrip(b"\0").decode("latin-1").lower(), wad[start:start + size]


def find(folder):
    """The files that may be music, without those that are the same to the byte."""
    seen, found = set(), []
    for package in sorted((folder / "files").iterdir()):
        if package.name not in PACKAGES and package.name not in (wheel.split("==")[0] for wheel in WHEELS):
            continue
        scores = 0
        for path in sorted(package.rglob("*")):
            suffix = path.suffix.lower()
            if path.is_symlink() or not path.is_file() or suffix in NO_MUSIC or suffix in ARCHIVES:
                continue
            if path.stat().st_size < (SMALLEST if suffix in SCORES else 30 * SMALLEST):
                continue
            digest = hashlib.sha256(path.read_bytes()).digest()
            scores += suffix in SCORES
            if digest not in seen and (suffix not in SCORES or scores <= SCORES_MOST):
                seen.add(digest)
                found.append(path)
    return found


def play(path, sound):
    """Puts the music of a file into `sound`; gives whether there is enough of it."""
    if sound.exists():
        return sound.stat().st_size > 0
    sound.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=sound.parent) as work:
        made = pathlib.Path(work) / "made.wav"
        if path.suffix.lower() in SCORES:
            played = pathlib.Path(work) / "played.wav"
            subprocess.run(["fluidsynth", "-ni", "-q", "-g", "0.6", "-r", str(RATE), "-F", played, "/usr/share/sounds/sf2/FluidR3_GM.sf2",
                            path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            path = played
        subprocess.run(["ffmpeg", "-v", "quiet", "-nostdin", "-i", path, "-map", "a:0", "-t", str(LONGEST_S), "-ac", "1", "-ar", str(RATE),
                        "-c:a", "pcm_s16le", made], check=False)
        enough = made.exists() and made.stat().st_size > 2 * RATE * SHORTEST_S
        if enough:
            made.rename(sound)
        else:
            sound.touch()
    return enough


def loudness(sound):
    """Whether it is music and not nearly silence: the share of seconds that are not."""
    with wave.open(str(sound)) as file:
        loud = count = 0
        while data := file.readframes(RATE):
            count += 1
            loud += max(memoryview(data).cast("h"), default=0) > 300
    return loud / count if count else 0


def code(program, sounds):
    """Codes of sound files as the program makes them."""
    done = subprocess.run([program, "codegen", "-s", "-q"], input="".join(f"{path}\n" for path in sounds), stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"codegen exited with {done.returncode}")
    return json.loads(done.stdout)


def songs(program, folder, seed):
    """All songs, known and strangers as the seed splits them. Their codes are kept in the folder."""
    path = folder / "songs.json"
    if path.exists():
        found = [Song(item["metadata"]["filename"], folder / "sound" / f"{item['metadata']['filename']}.wav", item)
                 for item in json.loads(path.read_text())]
    else:
        found = played(program, folder)
        path.write_text(json.dumps([song.item for song in found]))
    join_same(program, found)
    split(found, random.Random(seed))
    return found


def played(program, folder):
    """The songs of all files that hold enough music."""
    files = find(folder)
    names = [str(path.relative_to(folder / "files")) for path in files]
    sounds = [folder / "sound" / f"{name}.wav" for name in names]
    with concurrent.futures.ThreadPoolExecutor(2) as workers:
        enough = list(workers.map(play, files, sounds))
    kept = [(name, sound) for name, sound, there in zip(names, sounds, enough) if there and loudness(sound) > 0.5]
    found = []
    for number, ((name, sound), item) in enumerate(zip(kept, code(program, [sound for _, sound in kept]))):
        if not item.get("error") and item["code_count"] >= 100:
            package, path = name.split("/", 1)
            item["metadata"].update(track_id=f"TRAIR{number:013}", filename=name, artist="", release=package, title=pathlib.Path(path).stem)
            found.append(Song(name, sound, item))
    return found


def join_same(program, found):
    """Tells the songs which of them are the same recording."""
    by_id = {song.id: song for song in found}
    with tempfile.TemporaryDirectory() as folder:
        node = pathlib.Path(folder) / "node"
        subprocess.run([program, "-d", node, "-q", "ingest", "--dedup", "off", "-"], text=True, check=True, stdout=subprocess.DEVNULL,
                       input=json.dumps([song.item for song in found]))
        done = subprocess.run([program, "-d", node, "-q", "--json", "duplicates", "--check"], capture_output=True, text=True, check=True)
    for copy in json.loads(done.stdout)["copies"]:
        same = sorted({*by_id[copy["track_id"]].same, *by_id[copy["original"]].same})
        for track_id in same:
            by_id[track_id].same = same


def split(found, rng):
    """Two thirds of the songs of each package are known, the same recordings held together."""
    for package in sorted({song.package for song in found}):
        groups = sorted({tuple(song.same) for song in found if song.package == package})
        rng.shuffle(groups)
        cut = len(groups) * KNOWN_SHARE
        known = set(groups[:int(cut) + (rng.random() < cut % 1)])
        for song in found:
            if song.package == package:
                song.known = tuple(song.same) in known
    # A recording may be in two packages.
    for song in found:
        song.known = any(other.known for other in found if other.id in song.same)

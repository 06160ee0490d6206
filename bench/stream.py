"""A stream that was mixed of songs, and what was named in it."""

import json
import pathlib
import re
import resource
import subprocess
import sys

# A song's last windows may be answered after it has ended.
BEHIND_S = 20
OVER = re.compile(r"echoprint: (\S+), which began at (-?[\d.]+) s, is over at ([\d.]+) s")


class Segment:
    """A piece of the stream: a song from `from_s` on, or silence, which has no name. `ids` are what
    it may rightly be called; of an unknown song none. `speed` is how much faster it is played."""

    def __init__(self, name, ids, from_s, length_s, speed=1.0):
        self.name, self.ids, self.from_s, self.length_s, self.speed = name, frozenset(ids), from_s, length_s, speed
        self.at_s = 0
        self.names = []

    def what(self):
        return [self.name, self.from_s, self.speed]

    def start_s(self):
        """Where in the stream the song would begin."""
        return self.at_s - self.from_s / self.speed


def remember(path, segments):
    """Keeps beside a stream what is where in it."""
    places = [(segment.what(), segment.at_s, segment.length_s) for segment in segments]
    path.with_suffix(".json").write_text(json.dumps(places))


def is_there(path, segments):
    """Whether the stream of these segments is there from before; then they are told where they are
    in it."""
    places = path.with_suffix(".json")
    made = json.loads(places.read_text()) if path.exists() and places.exists() else []
    if [what for what, *_ in made] != [segment.what() for segment in segments]:
        return False
    for segment, (_, at_s, length_s) in zip(segments, made):
        segment.at_s, segment.length_s = at_s, length_s
    return True


def listen(program, node, path, log):
    """What was named, and the seconds of processors that it took. `log` gets the answers to all
    windows."""
    decoder = subprocess.Popen(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-ac", "1", "-ar", "11025", "-f", "s16le", "-"],
                               stdout=subprocess.PIPE)
    with open(log, "w", encoding="utf-8") as windows, subprocess.Popen(
            [program, "-d", node, "--json", "-v", "query", "--listen"], stdin=decoder.stdout, stdout=subprocess.PIPE, stderr=windows) as child:
        decoder.stdout.close()
        names = [json.loads(line) for line in child.stdout]
        # Only of this child: the decoder is waited for afterwards.
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        if child.wait() not in (0, 3):
            sys.exit(f"query --listen exited with {child.returncode}: {pathlib.Path(log).read_text()[-400:]}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    decoder.wait()
    tell_ends(names, pathlib.Path(log).read_text())
    return names, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def tell_ends(names, log):
    """Adds to names when they were over, `over_s`, and where they began by what was known then,
    `began_s`. Both come in the order of the stream."""
    for name, (track_id, began_s, over_s) in zip(names, OVER.findall(log)):
        if name["track_id"] == track_id:
            name.update(began_s=float(began_s), over_s=float(over_s))


def is_of(name, segment):
    """Whether a name is the song of a segment, which was playing a moment ago."""
    return name["track_id"] in segment.ids and segment.at_s <= name["heard_s"] <= segment.at_s + segment.length_s + BEHIND_S


def assign(segments, names):
    """Gives names to the segments that they are of, and returns the others, which are false."""
    false = []
    for name in names:
        owner = next((segment for segment in segments if is_of(name, segment)), None)
        (owner.names if owner else false).append(name)
    return false


def clock(seconds):
    seconds = round(seconds)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def tell(segment):
    """Prints what became of a segment."""
    what = f"{clock(segment.at_s)} {segment.length_s:4.0f} s"
    if not segment.name:
        print(f"{what}  silence")
    elif not segment.names:
        print(f"{what}  {'known, NOT NAMED' if segment.ids else 'unknown'}: {segment.name}")
    for name in segment.names:
        off = name["start_s"] - segment.start_s()
        print(f"{what}  named after {name['heard_s'] - segment.at_s:3.0f} s, score {name['score']}"
              + (f", START OFF BY {off:.1f} s" if abs(off) > 1 else "") + f": {segment.name}")


def tell_errors(named):
    """Prints how well ends and corrected beginnings are known, of segments that were named."""
    ends = sorted(segment.names[-1]["over_s"] - segment.at_s - segment.length_s for segment in named if "over_s" in segment.names[-1])
    right = sum(abs(segment.names[-1].get("began_s", 1e9) - segment.start_s()) <= 1 for segment in named)
    if ends:
        print(f"at the end: start right to a second: {right} of {len(named)}; end off by {ends[0]:.0f} to {ends[-1]:.0f} s, {ends[len(ends) // 2]:.0f} s in "
              f"the middle; off by 10 s at most: {sum(abs(end) <= 10 for end in ends)} of {len(ends)}")


def report(segments, names, length_s, cpu_s):
    false = assign(segments, names)
    for segment in segments:
        tell(segment)
    for name in false:
        print(f"{clock(name['heard_s'])} FALSE: {name}")
    known = [segment for segment in segments if segment.ids]
    named = [segment for segment in known if segment.names]
    late = sorted(segment.names[0]["heard_s"] - segment.at_s for segment in named)
    right = sum(abs(segment.names[0]["start_s"] - segment.start_s()) <= 1 for segment in named)
    unknown_s = sum(segment.length_s for segment in segments if segment.name and not segment.ids)
    silent_s = sum(segment.length_s for segment in segments if not segment.name)
    print(f"\na stream of {clock(length_s)}, of that unknown songs {clock(unknown_s)} and silence {clock(silent_s)}")
    print(f"known songs named: {len(named)} of {len(known)}; false names: {len(false)}; named more than once: "
          f"{sum(len(segment.names) > 1 for segment in named)}; start right to a second: {right} of {len(named)}")
    if late:
        print(f"late: {late[0]:.0f} s at least, {late[len(late) // 2]:.0f} s in the middle, {late[-1]:.0f} s at most")
    tell_errors(named)
    print(f"processor: {cpu_s:.1f} s, {100 * cpu_s / length_s:.2f} % of one at real time")

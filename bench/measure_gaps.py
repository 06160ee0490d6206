#!/usr/bin/env python3
"""Measures real songs for the generator of big data, and prints bench/gaps.h.

usage: measure_gaps.py [--show] FILE... > gaps.h

FILE is JSON of the code generator. Its packed strings keep the order in which codes were made:
band by band, six codes an onset, and the last onset of each band ends with five hashes of (0, 0),
which name the band. So the times of the onsets in each band can be read off. --show prints a
summary instead of the tables, to compare songs of the generator with the real ones.
"""
import argparse
import base64
import bisect
import collections
import json
import statistics
import sys
import zlib

BANDS = 8
LENGTH_MAX = 40000  # units of time: a quarter of an hour
GAP_MIN = 16
GAP_MAX = 2000
GAP_CLASSES = (24, 48, 96)  # the gap before: below the first, below the second, ...
GAP_STEPS = 128
# The time since the last onset: below the first, below the second, ...
AGE_CLASSES = (17, 18, 20, 24, 32, 48, 96)
# What the lower bands do at a time: nothing, 1 or 2 (or more) onsets one unit away, 1 to 7 at it.
STATES = 10


def code_hash(first, second, band):
    """MurmurHash2 of two differences and the band, as the code generator has it."""
    mult, mask = 0x5BD1E995, 0xFFFFFFFF
    mixed = (first | second << 16) * mult & mask
    mixed = (mixed ^ mixed >> 24) * mult & mask
    value = ((((0x9EA5FA36 ^ 5) * mult & mask) ^ mixed ^ band) * mult) & mask
    value = (value ^ value >> 13) * mult & mask
    return (value ^ value >> 15) & 0xFFFFF


LAST_OF_BAND = {code_hash(0, 0, band): band for band in range(BANDS)}


def onset_times(song):
    """Times of the onsets of each band; None where the song has no codes."""
    if not song.get("code"):
        return None
    digits = zlib.decompress(base64.urlsafe_b64decode(song["code"]))
    count = len(digits) // 10
    numbers = [int(digits[i * 5:i * 5 + 5], 16) for i in range(2 * count)]
    times, codes = numbers[:count], numbers[count:]
    bands = [[] for _ in range(BANDS)]
    band_times = []
    for i in range(0, count, 6):
        band_times.append(times[i])
        if len(set(codes[i + 1:i + 6])) == 1 and codes[i + 1] in LAST_OF_BAND:
            bands[LAST_OF_BAND[codes[i + 1]]] = band_times
            band_times = []
    if band_times:
        sys.exit("measure_gaps.py: codes that do not end as a band does")
    return bands


def quantiles(values, steps):
    """steps + 1 values that part the sorted values into equal shares."""
    values = sorted(values)
    return [values[min(len(values) - 1, i * len(values) // steps)] for i in range(steps + 1)]


def state_at(beats, time):
    """What the lower bands do at a time, as a number below STATES."""
    if beats[time]:
        return 2 + beats[time]
    return min(2, (beats[time - 1] if time else 0) + beats[time + 1])


class Hazard:
    """How often something happened, of how many times that it could have."""

    def __init__(self):
        self.chances = collections.Counter()
        self.hits = collections.Counter()

    def share(self, keys):
        """The share over some keys."""
        chances = sum(self.chances[key] for key in keys)
        return sum(self.hits[key] for key in keys) / chances if chances else 0.0


class Measure:
    """What is counted over all songs."""

    def __init__(self):
        self.lengths = []
        self.starts = []
        self.repeats = []
        self.pairs = 0
        self.gaps = [[] for _ in range(BANDS)]
        self.together = collections.Counter()
        # Where the lower bands do nothing, by class of the gap before and age; where they do
        # something, by state and class of the age. And of both, where the age is, give or take 1,
        # the gap before: by band and whether it is quiet.
        self.quiet = [[Hazard() for _ in range(len(GAP_CLASSES) + 1)] for _ in range(BANDS)]
        self.beat = [Hazard() for _ in range(BANDS)]
        self.again = Hazard()
        self.expected = collections.Counter()

    def add(self, song):
        """Counts one song."""
        bands = onset_times(song)
        if not bands or sum(map(len, bands)) < 2 * BANDS:
            return
        self.pairs += song["code_count"]
        self.lengths.append(max(times[-1] for times in bands if times))
        repeats = followed = 0
        beats = [0] * (self.lengths[-1] + 2)
        for band, times in enumerate(bands):
            self.starts += times[:1]
            events = sorted({near for time, count in enumerate(beats) if count
                             for near in (time - 1, time, time + 1) if near >= 0})
            before = 0
            for last, time in zip(times, times[1:]):
                if before:
                    self.gaps[band].append(time - last)
                    repeats += abs(time - last - before) <= 1
                    followed += 1
                    self.add_gap(band, last, time, before, beats, events)
                before = time - last
            for time in times:
                beats[time] += 1
        self.together.update(beats)
        if followed:
            self.repeats.append(repeats / followed)

    def add_gap(self, band, last, time, before, beats, events):
        """Counts the times from an onset to the next, each of which could have had it."""
        quiet = self.quiet[band][bisect.bisect_right(GAP_CLASSES, before)]
        beat = self.beat[band]
        for age in range(GAP_MIN, time - last + 1):
            quiet.chances[age] += 1
        at = bisect.bisect_left(events, last + GAP_MIN)
        loud = set()
        while at < len(events) and events[at] <= time:
            age = events[at] - last
            loud.add(age)
            quiet.chances[age] -= 1
            key = (state_at(beats, events[at]), bisect.bisect_right(AGE_CLASSES, age))
            beat.chances[key] += 1
            beat.hits[key] += events[at] == time
            at += 1
        if time - last not in loud:
            quiet.hits[time - last] += 1
        for age in range(max(GAP_MIN, before - 1), min(before + 1, time - last) + 1):
            self.again.chances[band, age in loud] += 1
            self.again.hits[band, age in loud] += age == time - last
            state = state_at(beats, last + age)
            self.expected[band, state, bisect.bisect_right(AGE_CLASSES, age)] += 1

    def quiet_hazard(self, band, gap_class, age):
        """The chance of an onset at one age, where the lower bands do nothing."""
        width = 0 if age < 64 else 2 if age < 128 else 10 if age < 250 else 200
        ages = range(max(GAP_MIN, age - width), age + width + 1)
        return self.quiet[band][gap_class].share(ages)

    def quiet_quantiles(self, band, gap_class):
        """Quantiles of the gap that there would be if the lower bands did nothing at all."""
        values = [GAP_MIN]
        left = 1.0
        hazard = 0.0
        for age in range(GAP_MIN, GAP_MAX):
            hazard = self.quiet_hazard(band, gap_class, age) if age < 400 else hazard
            left *= 1 - hazard
            while len(values) <= GAP_STEPS and 1 - left >= len(values) / GAP_STEPS:
                values.append(age)
        return values + [GAP_MAX] * (GAP_STEPS + 1 - len(values))

    def beat_hazard(self, band, state, age_class):
        """The chance of an onset in a state of the lower bands, of 65536."""
        return round(65535 * self.beat[band].share([(state, age_class)]))

    def repeat_excess(self, band):
        """The chance, of 65536, that an onset comes at the time at which the gap before would be
        repeated, beyond what would come anyway where the lower bands do nothing."""
        share = self.again.share([(band, False)])
        return max(0, round(65535 * (share - self.mean_quiet_hazard(band))))

    def mean_quiet_hazard(self, band):
        """The chance of an onset where the lower bands do nothing."""
        chances = hits = 0
        for quiet in self.quiet[band]:
            chances += sum(quiet.chances[age] for age in range(GAP_MIN, 200))
            hits += sum(quiet.hits[age] for age in range(GAP_MIN, 200))
        return hits / chances

    def repeat_factor(self, band):
        """How much likelier an onset is where it would repeat the gap before, where the lower bands
        do something: in hundredths."""
        expected = sum(count * self.beat[band].share([(state, age)])
                       for (its_band, state, age), count in self.expected.items()
                       if its_band == band and state)
        return round(100 * self.again.hits[band, True] / expected) if expected else 100


def print_array(name, comment, values, shape=""):
    """Prints a C table of 16-bit numbers."""
    print(f"\n/* {comment} */\nstatic const uint16_t {name}{shape} = {{")
    line = "\t"
    for value in values:
        piece = f"{value}, "
        if len(line) + len(piece) > 92:
            print(line.rstrip())
            line = "\t"
        line += piece
    print(line.rstrip() + "\n};")


def print_tables(measure, songs):
    """Prints gaps.h."""
    print(f"""/* gaps.h - statistics of the onsets of {songs} real songs; made by measure_gaps.py
 *
 * Times are in units of 23 ms. Quantiles part the sorted values into equal shares: a value is drawn
 * by drawing a place among them. Chances are of 65536.
 *
 * An onset comes at some age: the time since the last onset of its band. What bands below do at a
 * time is a state: 0 nothing, 1 an onset one unit away, 2 two or more of them, 2 + n onsets of n
 * bands at it.
 */
#ifndef BENCH_GAPS_H
#define BENCH_GAPS_H

#include <stdint.h>

/* clang-format off */
#define GAP_MIN {GAP_MIN}
#define GAP_MAX {GAP_MAX}
#define GAP_CLASS_COUNT {len(GAP_CLASSES) + 1}
#define GAP_STEPS {GAP_STEPS}
#define AGE_CLASS_COUNT {len(AGE_CLASSES) + 1}
#define STATE_COUNT {STATES}
#define LENGTH_STEPS 64
#define START_STEPS 16
#define REPEAT_STEPS 16
#define LENGTH_MAX {LENGTH_MAX}""")
    mean = statistics.mean(measure.repeats)
    print_array("gap_class_end", "The gaps that are in a class before the last are below this.",
                GAP_CLASSES, "[GAP_CLASS_COUNT - 1]")
    print_array("age_class_end", "The same for ages.", AGE_CLASSES, "[AGE_CLASS_COUNT - 1]")
    print_array("length_quantiles", "Time of the last onset of a song.",
                [min(time, LENGTH_MAX) for time in quantiles(measure.lengths, 64)],
                "[LENGTH_STEPS + 1]")
    print_array("start_quantiles", "Time of the first onset of a band.",
                quantiles(measure.starts, 16), "[START_STEPS + 1]")
    print_array("repeat_quantiles", "By song: how often a gap is that before, to what is usual; in "
                "hundredths.", [round(100 * r / mean) for r in quantiles(measure.repeats, 16)],
                "[REPEAT_STEPS + 1]")
    print_array("quiet_repeat", "By band: the chance that an onset repeats the gap before, give or "
                "take 1, beyond\n * what comes anyway; in state 0.",
                [measure.repeat_excess(band) for band in range(BANDS)], "[8]")
    print_array("beat_repeat", "By band: how much likelier such an onset is in other states; in "
                "hundredths.", [measure.repeat_factor(band) for band in range(BANDS)], "[8]")
    print("\n/* By band, state and class of age: the chance of an onset at one time. */")
    print("static const uint16_t beat_hazard[8][STATE_COUNT][AGE_CLASS_COUNT] = {")
    for band in range(BANDS):
        print("\t{")
        for state in range(STATES):
            row = [measure.beat_hazard(band, state, age) for age in range(len(AGE_CLASSES) + 1)]
            print("\t\t{ " + ", ".join(map(str, row)) + " },")
        print("\t},")
    print("};")
    print("\n/* By band and class of the gap before: the gap, were state 0 all along. */")
    print("static const uint16_t quiet_quantiles[8][GAP_CLASS_COUNT][GAP_STEPS + 1] = {")
    for band in range(BANDS):
        print("\t{")
        for gap_class in range(len(GAP_CLASSES) + 1):
            line = "\t\t{"
            for value in measure.quiet_quantiles(band, gap_class):
                if len(line) + len(f" {value},") > 84:
                    print(line)
                    line = "\t\t "
                line += f" {value},"
            print(line.rstrip(",") + " },")
        print("\t},")
    print("};\n/* clang-format on */\n\n#endif")


def print_summary(measure):
    """Prints what can be compared with other songs."""
    counts = {size: count for size, count in sorted(measure.together.items()) if size}
    total = sum(size * count for size, count in counts.items())
    shares = {size: round(size * count / total, 3) for size, count in counts.items()}
    print("songs", len(measure.lengths), "codes/s",
          round(measure.pairs / (sum(measure.lengths) * 0.023), 1))
    print("share of onsets by how many bands have one at that time:", shares)
    print("gap within 1 of the gap before: mean", round(statistics.mean(measure.repeats), 3),
          "quantiles", [round(r, 3) for r in quantiles(measure.repeats, 8)])
    print("lengths", quantiles(measure.lengths, 8), "starts", quantiles(measure.starts, 8))
    for band in (0, 3, 7):
        gaps = measure.gaps[band]
        print("band", band, "mean", round(statistics.mean(gaps), 1), quantiles(gaps, 12))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    measure = Measure()
    for name in options.files:
        with open(name, encoding="utf-8") as file:
            for song in json.load(file):
                measure.add(song)
    if options.show:
        print_summary(measure)
    else:
        print_tables(measure, len(measure.lengths))


if __name__ == "__main__":
    main()

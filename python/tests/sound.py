"""Music of a kind, and songs, for the tests of the package."""

import array
import json
import math
import pathlib
import random
import wave

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RATE = 11025


def songs():
    """The songs of tests/data, as the code generator wrote them."""
    return json.loads((ROOT / "tests" / "data" / "songs.json").read_text())


def music(seed, seconds):
    """Tones that begin at random and fade; the same of the same seed."""
    chance = random.Random(seed)
    samples = array.array("h", bytes(2 * seconds * RATE))
    at = 0
    while at < len(samples):
        step = 2 * math.pi * chance.uniform(100, 3000) / RATE
        for i in range(min(2500, len(samples) - at)):
            samples[at + i] = int(9000 * math.exp(-i / 1200) * math.sin(step * i))
        at += chance.randint(700, 2500)
    return samples


def write_wav(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())

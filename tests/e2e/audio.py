"""Sound for the tests: made here, and by the ffmpeg program where it is installed."""

import math
import random
import shutil
import struct
import subprocess

from common import need

RATE = 44100
FFMPEG = shutil.which("ffmpeg")


def wav(samples, rate, channels, bits=16, announced=None):
    """A WAV file; `samples` are its bytes."""
    size = len(samples) if announced is None else announced
    block = channels * bits // 8
    return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", (36 + size) & 0xffffffff, b"WAVE", b"fmt ", 16, 1, channels, rate,
                       rate * block & 0xffffffff, block & 0xffff, bits, b"data", size & 0xffffffff) + samples


def music(seconds, seed=1, rate=RATE):
    """Notes of decaying tones on two channels, as bytes of samples."""
    rng = random.Random(seed)
    out = bytearray()
    note = rate // 5
    for _ in range(int(seconds * 5)):
        pitch, other = rng.uniform(80, 2000), rng.uniform(80, 4000)
        for i in range(note):
            fade = math.exp(-6 * i / note)
            left = 9000 * fade * math.sin(6.2831853 * pitch * i / rate)
            right = 6000 * fade * math.sin(6.2831853 * other * i / rate) + rng.uniform(-300, 300)
            out += struct.pack("<hh", int(left), int(right))
    return bytes(out)


def ffmpeg(*words, data=None):
    done = subprocess.run([FFMPEG, "-v", "error", "-nostdin", "-y", *map(str, words)] if data is None else
                          [FFMPEG, "-v", "error", "-y", *map(str, words)], input=data, capture_output=True, timeout=120)
    need(done.returncode == 0, f"ffmpeg: {done.stderr.decode(errors='replace')[-300:]}")
    return done.stdout

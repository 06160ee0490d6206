#!/usr/bin/env python3
"""The relocatable archive, in roots that it was not built in: the main job, the decoder, and that all
libraries but glibc's come from the archive.

usage: tarball_test.py ARCHIVE

Ubuntu's root needs its mirror; where that cannot be reached, it is skipped.
"""

import pathlib
import re
import sys

from roots import base_of, called, demo_runs, noise_has_codes, run_checks
from common import Skip, Wrong, need, same

PLACE = "/home/anybody/with a blank"


class Unpacked:
    """The archive in a fresh root."""

    def __init__(self, test, suite, archive, **how):
        self.test, self.suite, self.archive, self.how = test, suite, archive, how
        self.root = None
        self.top = f"{PLACE}/{archive.name.removesuffix('.tar.xz')}"

    def unpack(self):
        try:
            base = base_of(self.suite, **self.how)
        except Wrong as why:
            raise Skip(f"there is no root of {self.suite}: {why}") from why
        self.root = base.copy(self.test.folder / self.suite)
        need(not self.root.path("/usr/lib/x86_64-linux-gnu/libavcodec.so").exists(), "there are libraries of ffmpeg")
        self.root.path(PLACE).mkdir(parents=True)
        called(["tar", "-xf", self.archive, "-C", self.root.path(PLACE)])
        same(self.root.run(f"{self.top}/bin/echoprint", "--version").split()[0], "echoprint", "the version's first word")

    def takes_its_own_libraries(self):
        for program in ("bin/echoprint", "libexec/echoprint/echoprint-decoder"):
            said = self.root.run("/lib64/ld-linux-x86-64.so.2", "--list", f"{self.top}/{program}")
            others = [line.split()[0] for line in said.splitlines() if PLACE not in line]
            strange = [name for name in others if not re.match(r"(/lib64/ld-linux|linux-vdso|lib(c|m|dl|pthread|rt|resolv)\.so)", name)]
            same(strange, [], f"libraries of the system that {program} takes")


def body(test):
    archive = pathlib.Path(sys.argv[1]).resolve()
    ubuntu = {"mirror": "http://archive.ubuntu.com/ubuntu", "options": ("--no-check-gpg",), "script": ("gutsy",)}
    for suite, how in (("bookworm", {}), ("trixie", {}), ("noble", ubuntu)):
        unpacked = Unpacked(test, suite, archive, **how)
        before = test.counts["ok"]
        test.check(f"{suite}: the archive runs where it is unpacked", unpacked.unpack)
        if test.counts["ok"] == before:
            continue
        test.check(f"{suite}: its libraries are its own, but for glibc's", unpacked.takes_its_own_libraries)
        test.check(f"{suite}: four nodes, equal digests, a song found", demo_runs, unpacked.root, f"{unpacked.top}/bin/echoprint")
        test.check(f"{suite}: its decoder decodes sound", noise_has_codes, unpacked.root, f"{unpacked.top}/bin/echoprint")


if __name__ == "__main__":
    run_checks(body)

#!/usr/bin/env python3
"""The source release: the same bytes in two folders, at two times and with two umasks; sums, a bill
of materials and a signature that hold, and that a changed byte breaks."""

import json
import os
import re
import shutil
import subprocess
import tarfile

from roots import PROJECT, called, run_checks
from common import Skip, need, same

ARCHIVE, BILL = "echoprint-0.1.0.tar.xz", "echoprint-0.1.0.spdx.json"


def git(*words, cwd):
    return subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, text=True).stdout


def made(test, name, umask, before=(), **environment):
    """A release that is made in a clone of its own."""
    source = test.folder / name
    called(["git", "clone", "-q", PROJECT, source])
    called([*before, "sh", "-c", f"umask {umask:o}; tools/dist.sh out"], cwd=source, env={**os.environ, **environment})
    return source / "out"


class Release:
    def __init__(self, test):
        self.test = test
        self.out = made(test, "one", 0o022, TZ="Asia/Tokyo")

    def is_reproducible(self):
        if not shutil.which("faketime"):
            raise Skip("faketime is missing")
        other = made(self.test, "another-folder", 0o077, ("faketime", "2031-07-01 12:00:00"), TZ="UTC")
        for name in (ARCHIVE, BILL, "SHA256SUMS"):
            need((self.out / name).read_bytes() == (other / name).read_bytes(), f"{name} differs")

    def has_what_is_committed(self):
        with tarfile.open(self.out / ARCHIVE) as archive:
            members = [item for item in archive if not item.isdir()]
        top = "echoprint-0.1.0/"
        same(sorted(item.name.removeprefix(top) for item in members), sorted(git("ls-files", cwd=PROJECT).split()), "files")
        same({(item.uid, item.gid, item.uname, item.gname) for item in members}, {(0, 0, "root", "root")}, "owners")
        same({item.mtime for item in members}, {int(git("log", "-1", "--format=%ct", cwd=PROJECT))}, "times")

    def configures(self):
        called(["tar", "-xf", self.out / ARCHIVE], cwd=self.test.folder)
        called(["meson", "setup", "-Dtests=disabled", "build"], cwd=self.test.folder / "echoprint-0.1.0")

    def sums_hold(self):
        called(["sha256sum", "-c", "SHA256SUMS"], cwd=self.out)

    def bill_names_the_libraries(self):
        bill = json.loads((self.out / BILL).read_text())
        same((bill["spdxVersion"], bill["dataLicense"], bill["SPDXID"]), ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"), "head")
        items = {item["name"]: item for item in bill["packages"]}
        same((items["echoprint"]["versionInfo"], items["echoprint"]["licenseDeclared"]), ("0.1.0", "Apache-2.0"), "the program")
        meson = (PROJECT / "meson.build").read_text()
        wanted = set(re.findall(r"dependency\('(lib[a-z]+)'\)", meson))
        need(len(wanted) > 8 and wanted <= set(items), f"missing: {wanted - set(items)}")
        for name in wanted:
            need(re.match(r"\d", items[name]["versionInfo"]), f"{name} has the version {items[name]['versionInfo']}")
        known = {item["SPDXID"] for item in bill["packages"]} | {"SPDXRef-DOCUMENT"}
        for relation in bill["relationships"]:
            need({relation["spdxElementId"], relation["relatedSpdxElement"]} <= known, f"{relation} names what is not there")

    def is_signed(self):
        if not shutil.which("minisign"):
            raise Skip("minisign is missing")
        key, public = self.test.folder / "secret.key", self.test.folder / "public.key"
        called(["minisign", "-G", "-W", "-s", key, "-p", public])
        out = made(self.test, "signed", 0o022, MINISIGN_KEY=str(key))
        verify = ["minisign", "-V", "-p", public, "-m", out / "SHA256SUMS"]
        called(verify)
        with open(out / "SHA256SUMS", "ab") as sums:
            sums.write(b"\n")
        need(subprocess.run(verify, capture_output=True).returncode != 0, "a changed file was accepted")


def body(test):
    release = Release(test)
    test.check("the archive has what is committed, of root and of the commit's time", release.has_what_is_committed)
    test.check("another folder, time and umask give the same bytes", release.is_reproducible)
    test.check("the unpacked archive configures", release.configures)
    test.check("the sums hold", release.sums_hold)
    test.check("the bill of materials names the libraries and their versions", release.bill_names_the_libraries)
    test.check("the signature holds, and not over a changed file", release.is_signed)


if __name__ == "__main__":
    run_checks(body)

#!/usr/bin/env python3
"""Builds the Debian packages in a fresh root of each release, and tries them in another one without
a compiler: install, the main job, the service, upgrade, remove, purge.

usage: packages_test.py [--built] [RELEASE...]    (default: bookworm trixie)

The packages stay in build/packages/RELEASE; --built takes those of the last run. Needs root,
debootstrap and a mirror. ECHOPRINT_ROOTS is the folder of roots that are kept.
DEB_BUILD_OPTIONS=nocheck builds without the tests.
"""

import json
import os
import re
import sys
import time
import urllib.request

from roots import PROJECT, base_of, building_root, called, demo_runs, free_port, noise_has_codes, put_source, run_checks
from common import Wrong, need, same

PROGRAM = "/usr/bin/echoprint"
DATA = "/var/lib/echoprint"
# The second version, which has the same files.
NEXT = "0.1.0+next"


class Release:
    """One release: the packages that are built for it, and the root in which they are tried."""

    def __init__(self, test, suite):
        self.test, self.suite = test, suite
        self.debs = PROJECT / "build/packages" / suite
        self.next = test.new_folder(f"next-{suite}")
        self.root = None
        self.port = free_port()
        self.digest = None

    def check(self, name, function):
        start = time.monotonic()
        self.test.check(f"{self.suite}: {name}", function)
        print(f"  {time.monotonic() - start:.1f} s", flush=True)

    # ---- building ----

    def build(self):
        root = building_root(self.suite)
        called(["rm", "-rf", self.debs])
        self.debs.mkdir(parents=True)
        put_source(root)
        root.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "make")
        said = root.run("make", "-C", "/source", "deb", DEB_BUILD_OPTIONS=os.environ.get("DEB_BUILD_OPTIONS", ""))
        tags = re.findall(r"^[EW]: [a-z0-9-]+(?: source)?: .*$", said, re.M)
        for deb in root.path("/source/build/deb").glob("*.deb"):
            called(["mv", deb, self.debs])
        root.run("rm", "-rf", "/source")
        tests = re.search(r"^Ok: +(\d+)", said, re.M)
        print(f"  tests at build: {tests[1] if tests else 'none'}; lintian: {tags or 'silent'}")
        same(sorted(deb.name.split("_")[0] for deb in self.debs.glob("*.deb") if "-dbgsym" not in deb.name),
             ["echoprint", "libechoprint-dev", "libechoprint0", "python3-echoprint"], "packages")

    def make_next(self):
        """The same packages under a higher version."""
        for deb in self.debs.glob("*.deb"):
            tree = self.test.folder / f"tree-{self.suite}"
            called(["dpkg-deb", "-R", deb, tree])
            control = tree / "DEBIAN/control"
            control.write_text(re.sub(r"^(Version: |Depends: .*)$", lambda line: line[0], control.read_text(), flags=re.M)
                               .replace("0.1.0", NEXT))
            called(["dpkg-deb", "--root-owner-group", "-b", tree, self.next / deb.name.replace("0.1.0", NEXT)])
            called(["rm", "-r", tree])

    # ---- installing ----

    def install(self, folder, *names):
        inside = self.root.path("/debs")
        called(["rm", "-rf", inside])
        called(["cp", "-r", folder, inside])
        debs = [f"/debs/{path.name}" for name in names for path in inside.glob(f"{name}_*.deb")]
        self.root.run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *debs)

    def first_install(self):
        self.root = base_of(self.suite).copy(self.test.folder / self.suite)
        start = time.monotonic()
        self.install(self.debs, "echoprint")
        need(not any(self.root.path(f"/usr/bin/{name}").exists() for name in ("cc", "gcc", "clang")), "there is a compiler")
        same(self.root.run(PROGRAM, "--version").split()[:2], ["echoprint", "0.1.0"], "version")
        self.start_service()
        self.answer("/healthz")
        print(f"  from `apt-get install` to a service that answers: {time.monotonic() - start:.1f} s")

    def main_job(self):
        demo_runs(self.root, PROGRAM, "/usr/share/doc/echoprint/examples")

    def decoder(self):
        noise_has_codes(self.root, PROGRAM)

    def other_packages(self):
        self.install(self.debs, "echoprint", "libechoprint0", "libechoprint-dev", "python3-echoprint")
        said = self.root.run("python3", "-c", "import echoprint, echoprint.fp; print(echoprint.__file__, echoprint.__version__)")
        same(said.split(), ["/usr/lib/python3/dist-packages/echoprint/__init__.py", "0.1.0"], "python's package")

    # ---- the service ----

    def is_managed(self):
        """What a systemd that runs is told at an upgrade and a removal."""
        scripts = {name: self.root.path(f"/var/lib/dpkg/info/echoprint.{name}").read_text() for name in ("postinst", "prerm")}
        need("deb-systemd-invoke $_dh_action 'echoprint.service'" in scripts["postinst"], "an upgrade does not start it anew")
        need("deb-systemd-invoke stop 'echoprint.service'" in scripts["prerm"], "a removal does not stop it")
        need("deb-systemd-helper enable" not in scripts["postinst"].split("was-enabled")[0], "installing enables it")

    def verify_unit(self):
        said = self.root.run("systemd-analyze", "verify", "--man=no", self.unit())
        need("echoprint" not in said, said)

    def unit(self):
        return next(line for line in self.root.run("dpkg", "-L", "echoprint").split() if line.endswith("system/echoprint.service"))

    def start_service(self):
        """As systemd would: the data folder of the service's user, and the words of ExecStart."""
        self.root.path("/etc/echoprint/echoprint.conf").write_text(f"[serve]\nlisten = 127.0.0.1:{self.port}\n")
        self.root.run("install", "-d", "-m", "700", "-o", "echoprint", "-g", "echoprint", DATA)
        unit = self.root.path(self.unit()).read_text()
        need("\nUser=echoprint\n" in unit and "DynamicUser" not in unit, "the unit does not name its user")
        words = re.search(r"^ExecStart=(.*)$", unit, re.M)[1].replace("$ECHOPRINT_SERVE", "").split()
        self.service = self.root.start(*words, user="echoprint")

    def stop_service(self):
        self.service.kill()
        self.service.wait()

    def answer(self, path, data=None, headers=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers or {})
        end = time.monotonic() + 60
        while True:
            try:
                return urllib.request.urlopen(request, timeout=30).read()
            except urllib.error.URLError:
                if self.service.poll() is not None:
                    raise Wrong(f"the service ended: {self.service.stderr.read()[-400:]}")
                need(time.monotonic() < end, "the service does not answer")
                time.sleep(0.02)

    def status(self):
        return json.loads(self.answer("/status"))

    def serve(self):
        """Songs that root ingests reach the service, and its folder stays its own."""
        self.start_service()
        same(self.answer("/healthz").strip() != b"", True, "an answer")
        self.root.run(PROGRAM, "-d", DATA, "ingest", "/usr/share/doc/echoprint/examples/songs-a.json")
        self.digest = self.status()["digest"]
        need(self.status()["tracks"] > 0, "there are no tracks")
        same(self.root.run("find", DATA, "!", "-user", "echoprint"), "", "files of others in the data folder")
        self.stop_service()

    def same_data(self):
        self.start_service()
        same(self.status()["digest"], self.digest, "digest")
        self.stop_service()

    # ---- what comes after ----

    def upgrade(self):
        self.make_next()
        self.root.run("systemctl", "enable", "echoprint")
        self.install(self.next, "echoprint", "libechoprint0", "libechoprint-dev", "python3-echoprint")
        need(NEXT in self.root.run("dpkg-query", "-W", "echoprint"), "the version is not the next")
        same(self.root.run("systemctl", "is-enabled", "echoprint").strip(), "enabled", "the service")
        self.same_data()

    def remove(self):
        self.root.run("apt-get", "remove", "-y", "-qq", "echoprint")
        need(not self.root.path(PROGRAM).exists(), "the program is still there")
        need(self.root.path("/etc/echoprint/echoprint.conf").exists(), "the settings are gone")
        self.install(self.next, "echoprint")
        self.same_data()

    def left(self):
        """Files with the program's name, and lines in /etc with it, but for the data."""
        files = self.root.run("find", "/", "-xdev", "-path", "/proc", "-prune", "-o", "-path", "/debs", "-prune", "-o", "-path", DATA,
                              "-prune", "-o", "(", "-name", "*echoprint*", ")", "-print").split()
        files += self.root.run("sh", "-c", "grep -rl echoprint /etc /var/lib/dpkg/status /var/lib/systemd 2>/dev/null || true").split()
        return sorted(files)

    def purge(self):
        said = self.root.run("apt-get", "purge", "-y", "-qq", "echoprint", "libechoprint0", "libechoprint-dev", "python3-echoprint")
        need(f"kept the data in {DATA}" in said, f"the purge does not say that the data is kept: {said[-500:]}")
        accounts = [f"/etc/{name}{end}" for name in ("group", "gshadow", "passwd", "shadow") for end in ("", "-")]
        same([name for name in self.left() if name not in accounts], [], "what is left")
        self.install(self.next, "echoprint")
        self.same_data()

    def purge_without_data(self):
        self.root.run("rm", "-r", DATA)
        self.root.run("apt-get", "purge", "-y", "-qq", "echoprint")
        same([name for name in self.left() if not name.endswith("-")], [], "what is left")
        need(not self.root.path(DATA).exists(), "the data folder is there")


def body(test):
    for suite in [word for word in sys.argv[1:] if word != "--built"] or ["bookworm", "trixie"]:
        release = Release(test, suite)
        failed = test.counts["not ok"]
        if "--built" not in sys.argv:
            release.check("builds, with its tests and lintian", release.build)
        if test.counts["not ok"] > failed:
            continue
        release.check("installs without a compiler and serves", release.first_install)
        release.check("does the demo's job: four nodes, equal digests, a song found", release.main_job)
        release.check("decodes sound", release.decoder)
        release.check("the packages for C and Python install and load", release.other_packages)
        release.check("systemd-analyze accepts the unit", release.verify_unit)
        release.check("an upgrade starts the service anew, a removal stops it", release.is_managed)
        release.check("the service runs by hand as its user", release.serve)
        release.check("an upgrade keeps data, digest and what is enabled", release.upgrade)
        release.check("removal keeps data and settings", release.remove)
        release.check("purge leaves nothing but the data, and says so", release.purge)
        release.check("purge without data leaves nothing, nor the user", release.purge_without_data)


if __name__ == "__main__":
    run_checks(body)

"""Fresh roots of Debian releases, in which packages are built and tried.

A command in a root has a namespace of its own for mounts: so nothing stays mounted when a test ends,
however it ends. Numbers of processes are those of all, because LMDB knows readers by them. There is
no systemd that runs; what it would do is done by hand.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import wave

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import common  # noqa: E402

MIRROR = os.environ.get("ECHOPRINT_MIRROR", "http://deb.debian.org/debian")
# Roots that debootstrap made stay here, as they take a minute each.
CACHE = pathlib.Path(os.environ.get("ECHOPRINT_ROOTS", "/var/tmp/echoprint-roots"))
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root",
               "DEBIAN_FRONTEND": "noninteractive"}


def called(command, seconds=3600, **kwargs):
    """The output of a command, standard error included; one that fails is what a check found."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          timeout=seconds, **kwargs)
    output = done.stdout.decode("utf-8", "replace")
    common.need(done.returncode == 0, f"`{' '.join(map(str, command))[-300:]}` exited with {done.returncode}: {output[-1500:]}")
    return output


class Root:
    """A folder with a system in it."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def path(self, inside):
        return self.folder / str(inside).lstrip("/")

    def command(self, *words, user=None):
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        return ["unshare", "--mount", f"--root={self.folder}", "--mount-proc=/proc", "--", *as_user, *map(str, words)]

    def run(self, *words, user=None, seconds=3600, **environment):
        return called(self.command(*words, user=user), seconds, env={**ENVIRONMENT, **environment})

    def start(self, *words, user=None, **environment):
        return common.start(self.command(*words, user=user), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, env={**ENVIRONMENT, **environment})

    def copy(self, folder):
        called(["cp", "-a", "--reflink=auto", self.folder, folder])
        return Root(folder)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def base_of(suite, mirror=MIRROR, options=(), script=()):
    """The smallest root of a release, from the cache; script: debootstrap's, where it knows it not."""
    folder = CACHE / f"base-{suite}"
    if not folder.exists():
        if not shutil.which("debootstrap"):
            raise common.Skip("debootstrap is missing")
        CACHE.mkdir(parents=True, exist_ok=True)
        making = CACHE / f"making-{suite}"
        shutil.rmtree(making, ignore_errors=True)
        called(["debootstrap", "--variant=minbase", *options, suite, making, mirror, *script])
        making.rename(folder)
    return Root(folder)


def building_root(suite):
    """A root with what building the packages needs, which stays in the cache too."""
    root = Root(CACHE / f"build-{suite}")
    if not root.folder.exists():
        base_of(suite).copy(root.folder)
    return root


def put_source(root, inside="/source"):
    """The project as it is here, into a root."""
    target = root.path(inside)
    shutil.rmtree(target, ignore_errors=True)

    def left_out(folder, names):
        of_project = pathlib.Path(folder) == PROJECT
        return [name for name in names if name == "__pycache__" or of_project and (name.startswith("build") or name == ".git")]

    shutil.copytree(PROJECT, target, symlinks=True, ignore=left_out)


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def demo_runs(root, program, songs="/tmp"):
    """The demo: a master and three slaves on real fingerprints, which are in the folder songs."""
    for name in ("demo.sh", "songs-a.json", "songs-b.json"):
        shutil.copy(PROJECT / "demo" / name, root.path("/tmp"))
    said = root.run("sh", "/tmp/demo.sh", program, f"{songs}/songs-a.json", f"{songs}/songs-b.json")
    common.need("All four have the state digest" in said and "It is: track id" in said, said[-500:])


def noise_has_codes(root, program):
    """Decoding 20 s of noise."""
    with wave.open(str(root.path("/tmp/noise.wav")), "wb") as sound:
        sound.setparams((1, 2, 11025, 0, "NONE", ""))
        sound.writeframes(random.Random(1).randbytes(2 * 11025 * 20))
    [song] = json.loads(root.run(program, "-q", "codegen", "/tmp/noise.wav"))
    common.need(song["code_count"] > 20, f"only {song['code_count']} codes of 20 s of noise")


def run_checks(body):
    """Calls body(test) and ends the program; roots are made under /var/tmp, where there is room."""
    if os.geteuid() != 0:
        print("skip packages: needs root for fresh roots\n0 passed, 0 failed, 1 skipped")
        sys.exit(0)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="echoprint-packages-", dir="/var/tmp"))
    test = common.Test(argparse.Namespace(program=""), folder)
    try:
        body(test)
    finally:
        common.kill_started()
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(test.summary())

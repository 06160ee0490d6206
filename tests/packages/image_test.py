#!/usr/bin/env python3
"""The image: what it is, and the master and two slaves of service/compose.yaml, started from its root.

usage: image_test.py IMAGE.tar

No container runs here: each service is started as the compose file says, by chroot with the image's
root read-only, its user, its environment and a folder for each volume. Only the address differs: all
are on this machine, so each has a port.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

from roots import PROJECT, called, free_port, run_checks
from common import Skip, Wrong, need, same, start

# Mounts of one service, then its words: the root of the image, its user, folders by their places.
ENTER = """set -e
root=$1; user=$2; shift 2
mount --bind "$root" "$root"; mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"; mount --bind /dev "$root/dev"; mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
while [ "$1" != -- ]; do mount --bind "$1" "$root$2"; shift 2; done
shift; exec chroot --userspec="$user" "$root" /bin/busybox env -i "$@"
"""


class Image:
    def __init__(self, test, path):
        self.test, self.folder = test, test.new_folder("image")
        called(["tar", "-xf", path, "-C", self.folder])
        [manifest] = json.loads((self.folder / "manifest.json").read_text())
        self.config = json.loads((self.folder / manifest["Config"]).read_text())["config"]
        self.root = test.new_folder("root")
        for layer in manifest["Layers"]:
            called(["tar", "-xpf", self.folder / layer, "-C", self.root, "--same-owner"])

    def is_unprivileged(self):
        same(self.config["User"], "10001:10001", "user")
        same(list(self.config["Volumes"]), ["/var/lib/echoprint"], "volumes")
        raised = called(["find", self.root, "-xdev", "-type", "f", "-perm", "/6000"])
        same(raised, "", "programs with rights of others")

    def has_a_health_check(self):
        same(self.config["Healthcheck"]["Test"][0], "CMD", "kind")
        for word in ("wget", "healthz"):
            need(any(word in part for part in self.config["Healthcheck"]["Test"]), f"{word} is not in it")

    def is_small(self):
        size = int(called(["du", "-sm", self.root]).split()[0])
        print(f"  {size} MB")
        need(size < 60, f"{size} MB")


class Compose:
    """The services of the compose file."""

    def __init__(self, test, image):
        try:
            import yaml
        except ImportError as why:
            raise Skip("python3-yaml is missing") from why
        self.test, self.image = test, image
        self.services = yaml.safe_load((PROJECT / "service/compose.yaml").read_text())["services"]
        self.ports = {name: free_port() for name in ("master", "one", "two")}

    def enter(self, name, *instead):
        """How a service is entered, or other words in its place."""
        service, config = self.services[name], self.image.config
        words = [*service.get("entrypoint", config["Entrypoint"]), *service["command"]]
        words = [word.replace("$$", "$").replace("master:8070", f"127.0.0.1:{self.ports['master']}") for word in instead or words]
        folders = []
        for volume in service["volumes"]:
            volume, place = volume.split(":")[:2]
            folder = self.test.folder / "volumes" / volume
            if not folder.exists():
                folder.mkdir(parents=True)
                os.chown(folder, 10001, 10001)
            folders += [str(folder), place]
        environment = dict(item.split("=", 1) for item in config["Env"]) | service.get("environment", {})
        environment |= {"ECHOPRINT_SERVE_LISTEN": f"127.0.0.1:{self.ports.get(name)}"}
        same((service["read_only"], service["cap_drop"]), (True, ["ALL"]), f"rights of {name}")
        return ["unshare", "--mount", "sh", "-c", ENTER, "enter", str(self.image.root), config["User"], *folders, "--",
                *(f"{key}={value}" for key, value in environment.items()), *words]

    def healthy(self, name):
        """By the image's own check, until it holds."""
        check = [word.replace("8070", str(self.ports[name])) for word in self.image.config["Healthcheck"]["Test"][1:]]
        end = time.monotonic() + 60
        while subprocess.run(self.enter(name, *check), capture_output=True).returncode != 0:
            process = self.running[name]
            if process.poll() is not None:
                raise Wrong(f"{name} ended: {process.stderr.read()[-600:]}")
            need(time.monotonic() < end, f"{name} does not become healthy")
            time.sleep(0.05)

    def digest(self, name):
        return called(self.enter(name, "/usr/bin/echoprint", "digest")).split()[0]

    def runs(self):
        self.running = {}
        begin = time.monotonic()
        for name in ("master", "one", "two"):
            if name == "one":
                called(self.enter("invite"))
            self.running[name] = start(self.enter(name), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            self.healthy(name)
        print(f"  all three are healthy after {time.monotonic() - begin:.1f} s")
        songs = self.test.folder / "volumes/one/songs.json"
        songs.write_bytes((PROJECT / "demo/songs-a.json").read_bytes())
        songs.chmod(0o644)
        called(self.enter("one", "/usr/bin/echoprint", "ingest", "/var/lib/echoprint/songs.json"))
        wanted = self.digest("one")
        begin = time.monotonic()
        while {self.digest("master"), self.digest("two")} != {wanted}:
            need(time.monotonic() < begin + 60, "the digests differ")
            time.sleep(0.1)
        print(f"  all digests are equal after {time.monotonic() - begin:.1f} s: {wanted}")

    def keeps_its_root(self):
        for path in ("/usr/bin/x", "/x", "/etc/x"):
            need(subprocess.run(self.enter("master", "/bin/sh", "-c", f"echo > {path}"), capture_output=True).returncode != 0,
                 f"{path} can be written")

    def is_not_healthy_when_it_is_down(self):
        check = [word.replace("8070", str(free_port())) for word in self.image.config["Healthcheck"]["Test"][1:]]
        need(subprocess.run(self.enter("master", *check), capture_output=True).returncode != 0, "the check holds without a server")


def body(test):
    image = Image(test, pathlib.Path(sys.argv[1]).resolve())
    test.check("the image has a user without rights, and one volume", image.is_unprivileged)
    test.check("the image has a health check", image.has_a_health_check)
    test.check("the image is small", image.is_small)
    compose = Compose(test, image)
    test.check("nothing but volumes can be written", compose.keeps_its_root)
    test.check("the health check fails without a server", compose.is_not_healthy_when_it_is_down)
    test.check("a master and two slaves become healthy and equal", compose.runs)


if __name__ == "__main__":
    run_checks(body)

#!/usr/bin/env python3
"""Lets Schemathesis look for requests that /v1 answers otherwise than openapi.json says.

usage: schemathesis_run.py --program PATH [--seconds N] [--seed N] [--examples N]

It makes requests of all kinds from the description, right and wrong ones, and compares each answer
with it: status, type, schema, refusals of what is not allowed. With --seconds, it goes on until the
time is over. Schemathesis (PyPI) is taken from where Python finds it, or from
the environment in $ECHOPRINT_SCHEMATHESIS, such as /var/tmp/venv; without one, nothing is done.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from common import DATA, ROOT, Skip, need, run  # noqa: E402  pylint: disable=wrong-import-position
from servers import Server, some_songs, ingest  # noqa: E402  pylint: disable=wrong-import-position


def command():
    """How Schemathesis is called."""
    folder = os.environ.get("ECHOPRINT_SCHEMATHESIS")
    if folder:
        return [str(pathlib.Path(folder) / "bin" / "schemathesis")]
    if importlib.util.find_spec("schemathesis"):
        return [sys.executable, "-m", "schemathesis.cli"]
    raise Skip("schemathesis is not installed: `pip install schemathesis` in an environment, and name it in "
               "ECHOPRINT_SCHEMATHESIS")


def look(test):
    program = command()
    node = test.node("node")
    node.run("init", "--name", "node")
    node.run("ingest", "-q", DATA / "songs.json")
    ingest(node, some_songs("TRS", 5))
    server = Server(node, "--private")
    token = node.json("token", "add", "all", "--role", "admin")["token"]
    done = subprocess.run(
        [*program, "--config-file", str(pathlib.Path(__file__).with_name("schemathesis.toml")), "run",
         str(ROOT / "src/net/api/openapi.json"), "--url", server.url, "--header", f"Authorization: Bearer {token}",
         "--seed", str(test.options.seed), "--max-examples", str(test.options.examples), "--checks", "all",
         "--continue-on-failure", "--request-timeout", "70",
         "--workers", "1",  # ast.parse of CPython 3.11 fails now and then in two threads at once
         *(["--max-time", str(test.options.seconds)] if test.options.seconds else [])],
        cwd=test.folder, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"}, check=False)
    if done.returncode:
        print("\n".join(line[:400] for line in done.stdout.splitlines()) + done.stderr[-2000:])
    need(server.process.poll() is None, f"the server ended: {server.words()[-2000:]}")
    need(done.returncode == 0, f"with the seed {test.options.seed} an answer is not as described; see above")
    print("# " + next((line.strip() for line in done.stdout.splitlines() if " generated" in line and line.strip()[0].isdigit()), "no cases"))
    node.run("verify")
    server.stop()


def body(test):
    test.check("every answer is as openapi.json says", look, test)


def add_options(parser):
    parser.add_argument("--seconds", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=15)


if __name__ == "__main__":
    run(body, add_options)

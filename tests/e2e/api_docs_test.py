#!/usr/bin/env python3
"""Runs the command lines of docs/api.md, in order, and looks at what they answer. What follows a
line there and begins with a brace is what must come."""

import json
import re
import shutil
import subprocess

import audio
from common import ROOT, Skip, need, run, same
from servers import Server, until


def blocks():
    """The commands under "Try it", each with the answer that the page shows, or None."""
    text = re.search(r"^## Try it\n(.*?)^## ", (ROOT / "docs/api.md").read_text(), re.S | re.M).group(1)
    lines = re.findall(r"^    (.*)$", text, re.M)
    commands = []
    for line in lines:
        if line.startswith("{"):
            commands[-1][1] = line
        elif commands and commands[-1][0].endswith("\\"):
            commands[-1][0] = commands[-1][0][:-1] + line
        else:
            commands.append([line, None])
    return commands


def the_page_is_true(test):
    for program in ("curl", "ffmpeg"):
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    folder = test.new_folder("docs")
    (folder / "song.wav").write_bytes(audio.wav(audio.music(40), audio.RATE, 2))
    node, server, seen = test.node("docs/node"), None, 0
    setup = []  # lines that set variables, for the shell of each command

    def shell(command):
        done = subprocess.run(["sh", "-ec", "\n".join([*setup, command])], cwd=folder, capture_output=True, timeout=60)
        need(done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr[-300:]!r}")
        return done.stdout.decode()

    for command, expected in blocks():
        command = command.replace("echoprint ", test.program + " ")
        if " serve" in command:
            server = Server(node)
        elif command.startswith("TOKEN="):
            setup.append("TOKEN=" + shell(command + "; echo $TOKEN"))
        elif re.match(r"export |\w+=", command):
            setup.append(command)
        elif not server:
            shell(command)
        else:
            seen += 1
            check(shell, command.replace("127.0.0.1:8070", f"127.0.0.1:{server.port}"), expected)
    need(seen >= 15, f"only {seen} requests were found")
    server.stop()


def check(shell, command, expected):
    answer = shell(command)
    if expected:
        same(answer, expected, f"the answer to {command}")
    for line in answer.splitlines():
        need("error" not in json.loads(line), f"{command} was answered {line!r}")
    if "/v1/identify" in command and "codes" not in command:
        until(lambda: all(one["matches"] and one["matches"][0]["track_id"] == "TRDEMO" for one in json.loads(shell(command))["results"]),
              f"the song, by {command}")


def body(test):
    test.check("the command lines of docs/api.md do what it says", the_page_is_true, test)


if __name__ == "__main__":
    run(body)

#!/usr/bin/env python3
"""Completes command lines as shells do, with the scripts that the program prints.

usage: completion_test.py --program PATH

1. bash is driven as it drives a completion: by COMP_WORDS and COMP_CWORD.
2. zsh and fish check the syntax of their scripts, and fish completes. Where one is not installed,
   it is skipped.
3. A value that a script offers is one that the program takes: the error for another value names it.
"""

import argparse
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

counts = {"ok": 0, "not ok": 0, "skip": 0}


def tell(what, name, why=""):
    counts[what] += 1
    print(f"{what} {name}{': ' + why if why else ''}")


def check(name, found, wanted):
    tell("ok" if found == wanted else "not ok", name, "" if found == wanted else f"found {found}, wanted {wanted}")


def run(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


class Bash:
    def __init__(self, script, folder):
        self.script, self.folder = script, folder

    def offers(self, *words):
        """What is offered for the last word, sorted; words are as bash splits them, `=` alone."""
        line = " ".join(map(shlex.quote, words))
        text = (f"source {shlex.quote(str(self.script))}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
                "$(complete -p echoprint | sed 's/.*-F \\([^ ]*\\).*/\\1/'); printf '%s\\n' \"${COMPREPLY[@]}\"")
        found = run("bash", "--norc", "-uc", text, cwd=self.folder)
        return sorted(found.stdout.split()) + ([found.stderr] if found.stderr else [])


def commands_of(program):
    text = run(program, "--help").stdout.partition("Commands:\n")[2].partition("\n\n")[0]
    return re.findall(r"^  ([a-z][a-z-]*)", text, re.M)


def options_of(program, command):
    return re.findall(r"^ .*?--([a-z][a-z-]*)", run(program, command, "--help").stdout.partition("\nOptions")[2], re.M)


def check_bash(program, folder):
    script = folder / "completion.bash"
    script.write_text(run(program, "completion", "bash").stdout)
    bash = Bash(script, folder)
    commands = commands_of(program)
    check("bash: all commands", bash.offers("echoprint", ""), sorted(commands + ["help", "version"]))
    check("bash: a command that begins so", bash.offers("echoprint", "mon"), ["monitor"])
    check("bash: behind an option of all commands", bash.offers("echoprint", "-d", "x", "mon"), ["monitor"])
    check("bash: commands behind help", bash.offers("echoprint", "help", "prom"), ["promote"])
    for command in commands:
        wanted = sorted({"--" + name for name in options_of(program, command)})
        found = [name for name in bash.offers("echoprint", command, "--")]
        check(f"bash: all options of {command}", sorted(set(found)), wanted)
    check("bash: values of an option", bash.offers("echoprint", "ingest", "--dedup", ""), ["exact", "match", "off"])
    check("bash: values behind =", bash.offers("echoprint", "ingest", "--dedup", "=", "m"), ["match"])
    check("bash: right behind =", bash.offers("echoprint", "ingest", "--dedup", "="), ["exact", "match", "off"])
    check("bash: a flag has no value", bash.offers("echoprint", "token", "--json", ""), ["add", "list", "remove"])
    check("bash: a link is its command", bash.offers("/usr/bin/slave_dump", "--format", ""), ["csv", "packet"])
    check("bash: files", bash.offers("echoprint", "ingest", "so"), ["some", "song.mp3"])
    check("bash: folders alone", bash.offers("echoprint", "publish", ""), ["some"])
    check("bash: folders for -o", bash.offers("echoprint", "master-dump", "-o", ""), ["some"])
    check("bash: the first argument alone has words", bash.offers("echoprint", "token", "add", ""), [])
    check("bash: ids of tracks are the user's", bash.offers("echoprint", "show", ""), [])
    check("bash: sources are the user's", bash.offers("echoprint", "master-ingest", "-s", ""), [])
    check("bash: no options behind --", bash.offers("echoprint", "delete", "--", "--"), [])


def check_others(program, folder):
    for shell, check_syntax in {"zsh": ["zsh", "-n"], "fish": ["fish", "-n"]}.items():
        script = folder / ("completion." + shell)
        script.write_text(run(program, "completion", shell).stdout)
        if not shutil.which(shell):
            tell("skip", f"{shell}: syntax", f"{shell} is not installed")
            continue
        found = run(*check_syntax, str(script))
        check(f"{shell}: syntax", (found.returncode, found.stderr), (0, ""))
    if shutil.which("fish"):
        for line, wanted in {"ingest --dedup ": ["exact", "match", "off"], "promo": ["promote"], "token ": ["add", "list", "remove"],
                             "-d x mon": ["monitor"], "help promo": ["promote"], "show mon": []}.items():
            found = run("fish", "--no-config", "-c", f"source {script}; complete -C 'echoprint {line}'", cwd=folder,
                        env=dict(os.environ, HOME=str(folder))).stdout
            check(f"fish: echoprint {line}", sorted(row.split("\t")[0] for row in found.splitlines()), wanted)
    if shutil.which("zsh"):
        text = f"autoload -Uz compinit; compinit -u -d dump; fpath=(. $fpath); cp {folder}/completion.zsh _echoprint; " \
               "autoload -Uz _echoprint && autoload +X _echoprint && print loaded"
        check("zsh: the function loads", run("zsh", "-fc", text, cwd=folder).stdout, "loaded\n")


def check_values(program, folder):
    """The choices that fish is told of, which are those of all shells, against the errors."""
    script = run(program, "completion", "fish").stdout
    needed = {"master-ingest": ["-s", "x"]}
    for command, option, words in re.findall(r"__echoprint_is ([a-z-]+)' -l ([a-z-]+) .*?-x -a '([a-z ,0-9]+)'", script):
        arguments = {"token": ["add", "x"]}.get(command, ["x"] if command not in ("plays", "master-dump", "serve", "slave-dump") else [])
        said = run(program, "-d", str(folder / "node"), command, *needed.get(command, []), f"--{option}", "?", *arguments).stderr
        listed = re.search(r"(?:must be|use|--role) (\w+(?:, \w+)*,? or \w+)\n", said)
        named = re.findall(r"\w+", listed.group(1)) if listed else [said]
        check(f"values of {command} --{option}", [word for word in named if word != "or"], words.split())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    program = str(pathlib.Path(parser.parse_args().program).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for shell in [check_bash, check_others, check_values]:
            place = folder / shell.__name__
            (place / "some").mkdir(parents=True)
            if shell is check_bash:
                (place / "song.mp3").touch()
            shell(program, place)
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped")
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())

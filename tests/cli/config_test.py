#!/usr/bin/env python3
"""Holds the example of the configuration and its page against the program, and tries which file is read.

usage: config_test.py --program PATH [--rewrite]

1. The example has each option of `serve` and `monitor` as its help has them, without those for one
   run, and the program takes each.
2. docs/configuration.md has the same keys, with their variables; --rewrite writes them there.
3. The service's file is read for the service's data folder alone. This needs a mount namespace, or
   it is skipped.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "configuration.md"
COMMANDS = ["serve", "monitor"]
ONCE = {"serve": {"new-epoch"}, "monitor": {"check-config"}, "all": {"config", "help", "version"}}
VALUES = {"ADDR:PORT": "127.0.0.1:0", "N": "7", "yes": "yes", "SECONDS": "7"}
counts = {"ok": 0, "not ok": 0, "skip": 0}


def tell(what, name, why=""):
    counts[what] += 1
    print(f"{what} {name}{': ' + why if why else ''}")


def check(name, found, wanted):
    tell("ok" if found == wanted else "not ok", name, "" if found == wanted else f"found {found}, wanted {wanted}")


def run(*command, **more):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ECHOPRINT_")}
    environment.update(more.pop("variables", {}))
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **more)


def options_of_help(program, command, head):
    text = run(program, command, "--help").stdout.partition(f"\n{head}:\n")[2].partition("\n\n")[0]
    return re.findall(r"^  (?:-\w, |    )--([a-z][a-z-]*)", text, re.M)


def keys_of(program):
    """Keys by section, from the help of both commands."""
    own = {command: options_of_help(program, command, "Options") for command in COMMANDS}
    common = set(own["serve"]) & set(own["monitor"])
    keys = {command: [name for name in names if name not in common | ONCE[command]] for command, names in own.items()}
    of_all = options_of_help(program, "serve", "Options of all commands")
    keys["all"] = [name for name in of_all if name not in ONCE["all"]] + [name for name in own["serve"] if name in common]
    return keys


def check_example(program, folder, keys):
    example = run(program, "config", "example").stdout
    sections = dict(re.findall(r"^\[(\w+)\]\n((?:#.*\n)*)", example, re.M))
    for section in keys:
        found = re.findall(r"^#([a-z][a-z-]*) = ", sections.get(section, ""), re.M)
        check(f"the example has all keys of [{section}]", sorted(found), sorted(keys[section]))
    file = folder / "one.conf"
    file.write_text(example)
    check("the example is right as it is", run(program, "config", "check", str(file)).stderr, "")
    for section, text in sections.items():
        for key, value in re.findall(r"^#([a-z][a-z-]*) = (.*)$", text, re.M):
            choice = {"events": "begun", "log-format": "json", "log-level": "debug"}.get(key)
            value = choice or VALUES.get(value, "x")
            pair = {"certificate": "key = y\n", "key": "certificate = y\n", "legacy-solr": "legacy-tyrant = y\n",
                    "legacy-tyrant": "legacy-solr = y\n"}.get(key, "")
            file.write_text(f"[{section}]\n{pair}{key} = {value}\n")
            found = run(program, "config", "check", str(file))
            line = 3 if pair else 2
            check(f"[{section}] {key} is taken", f"{key} = {value} ; {file}:{line}" in found.stdout.splitlines(), True)


def variable(section, key):
    return "_".join(["ECHOPRINT"] + ([section] if section != "all" else []) + [key]).upper().replace("-", "_")


def check_page(program, keys, rewrite):
    text = PAGE.read_text()
    for section in keys:
        rows = "".join(f"| `{key}` | `{variable(section, key)}` |\n" for key in keys[section])
        pattern = re.compile(rf"(## Keys of `\[{section}\]`\n(?:(?!## |\|).*\n)*\| key \| variable \|\n\|---\|---\|\n)((?:\|.*\n)*)")
        if rewrite:
            text = pattern.sub(lambda match: match.group(1) + rows, text)
        found = pattern.search(text)
        check(f"the page has the keys of [{section}]", found and found.group(2), rows)
    if rewrite:
        PAGE.write_text(text)
    for section in keys:
        for key in keys[section]:
            value = {"events": "ended", "log-format": "json", "log-level": "debug", "connections": "7", "per-address": "7"}.get(key, "yes")
            pair = {"certificate": "key", "key": "certificate", "legacy-solr": "legacy-tyrant", "legacy-tyrant": "legacy-solr"}.get(key)
            variables = {variable(section, name): value for name in [key, pair] if name}
            found = run(program, "config", "check", variables=variables).stdout
            check(f"{variable(section, key)} is taken", f"{key} = {value} ; {variable(section, key)}" in found.splitlines(), True)


def check_rule(program, folder):
    """In a mount namespace in which /etc and /var/lib are others."""
    inside = ["unshare", "--mount", "sh", "-ec"]
    prepare = "mount -t tmpfs none /etc; mount -t tmpfs none /var/lib; mkdir /etc/echoprint /var/lib/echoprint; " \
              "printf '[serve]\\nlisten = 127.0.0.9:9\\n' > /etc/echoprint/echoprint.conf; "
    if run(*inside, prepare).returncode:
        tell("skip", "which file is read", "this user cannot make a mount namespace")
        return

    def shown(command, **variables):
        found = run(*inside, prepare + command, cwd=folder, variables=variables)
        return (found.stdout + found.stderr).splitlines()[0]

    of_service = "# file: /etc/echoprint/echoprint.conf"
    program = f"'{program}'"
    check("for the service's folder", shown(f"{program} -d /var/lib/echoprint config check"), of_service)
    check("for the service's folder, with a slash", shown(f"{program} -d /var/lib/echoprint/ config check"), of_service)
    check("for a link to it", shown(f"ln -s /var/lib/echoprint there; {program} -d there config check"), of_service)
    check("for the folder in the environment", shown(f"{program} config check", ECHOPRINT_DATA="/var/lib/echoprint"), of_service)
    check("not for another folder", shown(f"{program} -d elsewhere config check"), "# no file")
    check("not without a folder", shown(f"{program} config check"), "# no file")
    check("a file that is named wins", shown(f"touch own.conf; {program} -d /var/lib/echoprint --config own.conf config check"),
          "# file: own.conf")
    check("nothing where there is none", shown(f"rm -r /etc/echoprint; {program} -d /var/lib/echoprint config check"), "# no file")
    check("one that is wrong is no less read",
          shown(f"echo x > /etc/echoprint/echoprint.conf; {program} -d /var/lib/echoprint serve || :"),
          "echoprint: /etc/echoprint/echoprint.conf:1: expected KEY = VALUE, [NAME] or a comment")
    check("one that cannot be read is an error",
          shown(f"rm /etc/echoprint/*; mkdir /etc/echoprint/echoprint.conf; {program} -d /var/lib/echoprint serve || :")
          .startswith("echoprint: cannot read /etc/echoprint/echoprint.conf"), True)
    check("other commands do not read it",
          shown(f"echo x > /etc/echoprint/echoprint.conf; {program} -d /var/lib/echoprint init --name n || :"),
          "node n has its data in /var/lib/echoprint")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--rewrite", action="store_true")
    given = parser.parse_args()
    program = str(pathlib.Path(given.program).resolve())
    keys = keys_of(program)
    with tempfile.TemporaryDirectory() as name:
        check_example(program, pathlib.Path(name), keys)
        check_page(program, keys, given.rewrite)
        check_rule(program, pathlib.Path(name))
    print(f"{counts['ok']} passed, {counts['not ok']} failed, {counts['skip']} skipped")
    return 1 if counts["not ok"] else 0


if __name__ == "__main__":
    sys.exit(main())

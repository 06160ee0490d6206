#!/usr/bin/env python3
"""Writes the manual: echoprint.1, and a page for each command, from one source.

usage: command_pages.py --program PATH --scdoc PATH --output FOLDER

The text of a command's page is that of man/echoprint.1.scd: its entry in COMMANDS, and the sections
that belong to it. Its name line and the options that these do not list come from its help.
tools/check_manual.py holds help and manual together.
"""

import argparse
import pathlib
import re
import shutil
import subprocess

from check_manual import MANUAL, OPTIONS_OF, Manual, commands_of_help, help_of, own_options, sections_of

SUMMARY = re.compile(r"^usage:.*?\n\n(.*?)\.\n", re.S)
OPTION_LINE = re.compile(r"^  (?:-(\w), |    )--([a-z][a-z-]*)(?: ([A-Z][A-Z:_-]*))?(?:\n? {2,})(.*)$", re.M)
END = """# SEE ALSO

*echoprint*(1) has the options of all commands, exit statuses, environment variables and files.
"""


def entries_of(section):
    """The entries of COMMANDS: (name, heading, indented text)."""
    for part in re.split(r"^(?=\*)", section, flags=re.M)[1:]:
        heading, _, body = part.partition("\n")
        yield re.match(r"\*([a-z-]+)\*", heading).group(1), heading, body


def description(section, command):
    """Synopses and texts of a command, which may have several entries."""
    found = [(heading, body) for name, heading, body in entries_of(section) if name == command]
    headings = "++\n".join("*echoprint* " + heading for heading, _ in found)
    texts = [re.sub(r"^\t", "", body, flags=re.M).strip() for _, body in found]
    return headings, "\n\n".join(texts)


def section_for(text, command):
    """A section without the options that are of other commands alone."""
    kept = []
    for part in re.split(r"^(?=\S)", text, flags=re.M):
        only = re.match(r"\*-[^\n]*\n\t\*([a-z-]+)\* only: ", part)
        if only and only.group(1) != command:
            continue
        kept.append(re.sub(r"\n\t\*[a-z-]+\* only: (\S)", lambda m: "\n\t" + m.group(1).upper(), part) if only else part)
    return "".join(kept).strip()


def escaped(text):
    return re.sub(r"([\\*_])", r"\\\1", text)


def options_from_help(text, listed):
    """The options of a help that no section lists, each as an item."""
    for letter, name, value, words in OPTION_LINE.findall(own_options(text)):
        if name not in listed:
            names = (f"*-{letter}*, " if letter else "") + f"*--{name}*" + (f" _{value}_" if value else "")
            yield f"{names}\n\t{escaped(words[0].upper() + words[1:])}."


def page(program, manual, command):
    help_text = help_of(program, command)
    sections = sections_of(manual)
    summary = SUMMARY.match(help_text).group(1).replace("\n", " ")
    synopsis, text = description(sections["COMMANDS"], command)
    parts = {"NAME": f"echoprint-{command} - {escaped(summary[0].lower() + summary[1:])}", "SYNOPSIS": synopsis, "DESCRIPTION": text}
    more = list(options_from_help(help_text, Manual(manual).listed[command]))
    own = {name: section_for(sections[name], command) for name, commands in OPTIONS_OF.items() if command in commands}
    if more:
        parts["OPTIONS"] = "\n\n".join(more)
    for name, section in own.items():
        title = "OPTIONS" if name.startswith("OPTIONS OF") else name
        parts[title] = "\n\n".join(filter(None, [parts.get(title), section]))
    body = "\n\n".join(f"# {name}\n\n{section}" for name, section in parts.items())
    elsewhere = [name for name in sections if name not in parts]
    body = re.sub(rf"\*({'|'.join(map(re.escape, elsewhere))})\*", r"*\1* in *echoprint*(1)", body)
    return f"echoprint-{command}(1)\n\n{body}\n\n{END}"


def write(scdoc, path, text):
    done = subprocess.run([scdoc], input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{path.name}: {done.stderr.strip()}")
    # The first line says to `man` that there is a table.
    path.write_text(("'\\\" t\n" if "\n.TS" in done.stdout else "") + done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ["program", "scdoc", "output"]:
        parser.add_argument("--" + name, required=True)
    given = parser.parse_args()
    program = str(pathlib.Path(given.program).resolve())
    output = pathlib.Path(given.output)
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    manual = MANUAL.read_text()
    write(given.scdoc, output / "echoprint.1", manual)
    for command in commands_of_help(help_of(program)):
        write(given.scdoc, output / f"echoprint-{command}.1", page(program, manual, command))


if __name__ == "__main__":
    main()

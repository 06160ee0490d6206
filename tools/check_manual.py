#!/usr/bin/env python3
"""Holds the help of the program against its manual.

usage: check_manual.py --program PATH [--pages FOLDER]

1. The commands of `echoprint --help` are those of the manual's section COMMANDS.
2. The options of `echoprint COMMAND --help`, their letters and the names of their values are those
   that the manual tells of the command: in its entry, or in a section of options that belongs to
   it.
3. Where the manual writes a command with an option, as `publish --new-epoch`, the command has it.
4. The old names that the program answers to are told.
5. FOLDER, which tools/command_pages.py wrote, has a page for each command, with all its options,
   and no other page but echoprint.1.
"""

import argparse
import pathlib
import re
import subprocess
import sys

MANUAL = pathlib.Path(__file__).resolve().parent.parent / "man/echoprint.1.scd"
INGESTS, DUMPS = ["ingest", "slave-ingest", "master-ingest"], ["master-dump", "slave-dump"]
# Sections whose headings are options, and the commands that have these; an item whose text begins
# with "NAME only:" is of that command alone.
OPTIONS_OF = {"OPTIONS OF THE INGEST COMMANDS": INGESTS, "OPTIONS OF THE DUMP COMMANDS": DUMPS, "SERVING": ["serve"],
              "MONITORING": ["monitor"], "MATCHING": ["query"], "SOLRCLOUD": ["solr", "query", "serve"]}
OF_ALL = "OPTIONS OF ALL COMMANDS"

HELP_COMMAND = re.compile(r"^  ([a-z][a-z-]*)  +\S", re.M)
HELP_OPTION = re.compile(r"^  (?:-(\w), |    )--([a-z][a-z-]*)(?: ([A-Z][A-Z:=_-]*))?(?:  |$)", re.M)
HELP_OLD_NAME = re.compile(r"^If run as a link named (\w+), ", re.M)
# An option as the manual writes it, in bold, with the name of its value, underlined. Two names are
# arguments.
BOLD_OPTION = re.compile(r"\*--?([a-z][a-z-]*)\*(?: _([A-Z][A-Z:=_-]*)_(?! _))?")
BOLD_CALL = re.compile(r"\*([a-z][a-z-]+) ((?:--?[a-z][a-z-]* ?)+)\*")


def help_of(program, *words):
    return subprocess.run([program, *words, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout


def commands_of_help(text):
    return HELP_COMMAND.findall(text.partition("Commands:\n")[2].partition("\n\n")[0])


def options_of_help(text):
    """Options by long name: (letter or None, value or None)."""
    return {name: (letter or None, value or None) for letter, name, value in HELP_OPTION.findall(text)}


def own_options(text):
    """What a command's help says of its own options; one of them may have the name of one that all have."""
    return text.partition("\nOptions:\n")[2].partition("\n\n")[0]


def sections_of(manual):
    parts = re.split(r"^# (.+)$", manual, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def items_of(section, begin):
    """Lines at the margin that begin so, each with the indented text behind it."""
    items = []
    for line in section.splitlines():
        if line.startswith(begin):
            items.append((line, []))
        elif line.startswith("\t") and items:
            items[-1][1].append(line.strip())
        elif line.strip():
            items.append(("", []))  # text of the section, which is of no item
    return [(heading, " ".join(body)) for heading, body in items if heading]


def written_options(text):
    """The options that a text names: their values, "" where it names none, by name or letter."""
    written = {}
    for name, value in BOLD_OPTION.findall(text):
        written.setdefault(name, set()).add(value)
    return written


class Manual:
    """What the manual says, by command."""

    def __init__(self, text):
        sections = sections_of(text)
        self.text = text
        self.entries = {}  # a command may have several
        for heading, body in items_of(sections["COMMANDS"], "*"):
            name = re.match(r"\*([a-z-]+)\*", heading).group(1)
            self.entries[name] = self.entries.get(name, "") + heading + " " + body + " "
        self.listed = {name: {} for name in self.entries}
        for section, commands in OPTIONS_OF.items():
            for heading, body in items_of(sections[section], "*-"):
                only = re.match(r"\*([a-z-]+)\* only:", body)
                for command in [only.group(1)] if only else commands:
                    self.listed[command].update(written_options(heading))
        self.of_all = {}
        for heading, _ in items_of(sections[OF_ALL], "*-"):
            self.of_all.update(written_options(heading))

    def options(self, command):
        """What the sections list for it, and what its entry names."""
        written = {name: set(values) for name, values in self.listed[command].items()}
        for name, values in written_options(self.entries[command]).items():
            written.setdefault(name, set()).update(values)
        return written


def compare(command, shown, written, of_all):
    """Differences of the options of a command's help and those that the manual writes."""
    known = set(shown) | {letter for letter, _ in shown.values() if letter} | of_all
    for name, (letter, value) in shown.items():
        if name not in written:
            yield f"{command}: --{name} is not in the manual"
            continue
        if letter and letter not in written:
            yield f"{command}: -{letter}, which is --{name}, is not in the manual"
        values = (written[name] | written.get(letter, set())) - {""}
        if values != ({value} if value else set()):
            yield f"{command}: --{name} takes {value or 'no value'}, and in the manual {' or '.join(sorted(values)) or 'none'}"
    for name in written:
        if name not in known:
            yield f"{command}: the manual has {'-' if len(name) == 1 else '--'}{name}, and the help has not"


def differences(program, manual):
    general = help_of(program)
    commands = commands_of_help(general)
    of_all = options_of_help(general)
    yield from compare("all commands", of_all, manual.of_all, set())
    names = set(of_all) | {letter for letter, _ in of_all.values() if letter}
    for command in sorted(set(commands) ^ set(manual.entries)):
        yield f"{command}: a command of the {'help' if command in commands else 'manual'} alone"
    all_names = {}
    for command in (name for name in commands if name in manual.entries):
        text = help_of(program, command)
        shown = options_of_help(own_options(text))
        all_names[command] = set(shown) | {letter for letter, _ in shown.values() if letter} | names
        yield from compare(command, shown, manual.options(command), names)
        for old in HELP_OLD_NAME.findall(text):
            if f"Old name: *{old}*" not in manual.entries[command]:
                yield f"{command}: its old name {old} is not in the manual"
    for command, words in BOLD_CALL.findall(manual.text):
        for word in words.split():
            if command in all_names and word.lstrip("-") not in all_names[command]:
                yield f"{command}: the manual writes `{command} {word}`, and the help has no {word}"


def page_differences(program, folder):
    commands = commands_of_help(help_of(program))
    wanted = {"echoprint.1"} | {f"echoprint-{command}.1" for command in commands}
    found = {path.name for path in folder.iterdir()}
    for name in sorted(wanted ^ found):
        yield f"{name}: the page is {'missing' if name in wanted else 'of no command'}"
    for command in (name for name in commands if f"echoprint-{name}.1" in found):
        text = (folder / f"echoprint-{command}.1").read_text().replace("\\", "")
        for name in options_of_help(own_options(help_of(program, command))):
            if f"--{name}" not in text:
                yield f"echoprint-{command}.1: --{name} is not on the page"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--pages", type=pathlib.Path)
    given = parser.parse_args()
    program = str(pathlib.Path(given.program).resolve())
    found = list(page_differences(program, given.pages) if given.pages else differences(program, Manual(MANUAL.read_text())))
    for line in found:
        print(f"not ok {line}")
    if not found:
        print(f"ok {'each command has its page' if given.pages else 'help and manual have the same commands and options'}")
    print(f"{0 if found else 1} passed, {len(found)} failed, 0 skipped")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

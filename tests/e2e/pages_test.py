#!/usr/bin/env python3
"""Every command line of the pages for users does what the page says (pages.py has how).

docs/api.md and docs/library.md have tests of their own, and so has the part "Restores and moves" of
docs/replication.md. What cannot be run in a test is named here, with the reason."""

from common import need, run
from pages import Music, Page
from servers import until

BUILDS = "it builds or runs tests, of which this is one"
ROOT_ONLY = "it needs root, and changes the system"
SYSTEMD = "it needs systemd and an installed service"

FOLDERS_INI = (r"\[\w+\]",)


def equal(*names):
    """A function that waits until nodes of a page hold the same."""
    def wait(page, line):
        page.settle(names)
    return wait


def readme(test, music):
    page = Page(test, "README.md", data=FOLDERS_INI,
                instead=[(r"//master:", "//127.0.0.1:"), (r"http://example.org/one.mp3", "song.mp3"), (r"https://example.org/two.m3u8", "Music/noon.flac"),
                         (r"http://example.org/stream", "recording.wav")],
                not_run={"make check": BUILDS, "make demo": "tests/meson.build runs it as a test of its own",
                         "sudo systemctl enable": SYSTEMD, "sudo echoprint -d /var/lib/echoprint ingest": SYSTEMD})
    music.write(page.folder)
    page.play()
    need(page.ran >= 10, f"only {page.ran} commands were found")


def guide(test, music):
    page = Page(test, "docs/guide.md", data=FOLDERS_INI, instead=[(r"centre\.example:", "127.0.0.1:"), (r"/home/ada/", "")],
                before={"-d oslo query": equal("centre", "paris", "oslo"), "-d centre digest": equal("centre", "paris", "oslo"),
                        "-d centre status": lambda page, line: page.in_touch("centre", 2)},
                not_run={"sudo echoprint": SYSTEMD})
    music.write(page.folder)
    page.play()
    need(page.ran >= 30, f"only {page.ran} commands were found")


def add_options(parser):
    parser.add_argument("--only", action="append", help="only pages with this in their name")


PAGES = (readme, guide)


def body(test):
    music = Music()
    for function in PAGES:
        if not test.options.only or any(word in function.__name__ for word in test.options.only):
            test.check(f"the command lines of the {function.__name__} do what it says", function, test, music)


if __name__ == "__main__":
    run(body, add_options)

#!/usr/bin/env python3
"""Every command line of the pages for users does what the page says (pages.py has how).

docs/api.md and docs/library.md have tests of their own, and so has the part "Restores and moves" of
docs/replication.md. What cannot be run in a test is named here, with the reason."""

import errno
import os
import re
import shutil

import old_servers
from common import ROOT, need, run
from legacy_import_test import real_rows
from pages import Music, Page
from servers import invite

BUILDS = "it builds or runs tests, of which this is one"
ROOT_ONLY = "it needs root, and changes the system"
SYSTEMD = "it needs systemd and an installed service"

SETTINGS = (r"\[[\w ]+\]",)  # a file of settings


def equal(*names):
    """A function that waits until nodes of a page hold the same."""
    def wait(page, line):
        page.settle(names)
    return wait


def readme(test, music):
    page = Page(test, "README.md", data=SETTINGS,
                instead=[(r"//master:", "//127.0.0.1:"), (r"http://example.org/one.mp3", "song.mp3"), (r"https://example.org/two.m3u8", "Music/noon.flac"),
                         (r"http://example.org/stream", "recording.wav")],
                not_run={"make check": BUILDS, "make demo": "tests/meson.build runs it as a test of its own",
                         "sudo systemctl enable": SYSTEMD, "sudo echoprint -d /var/lib/echoprint ingest": SYSTEMD})
    music.write(page.folder)
    page.play()
    need(page.ran >= 10, f"only {page.ran} commands were found")


def guide(test, music):
    page = Page(test, "docs/guide.md", data=SETTINGS, instead=[(r"centre\.example:", "127.0.0.1:"), (r"/home/ada/", "")],
                before={"-d oslo query": equal("centre", "paris", "oslo"), "-d centre digest": equal("centre", "paris", "oslo"),
                        "-d centre status": lambda page, line: page.in_touch("centre", 2)},
                not_run={"sudo echoprint": SYSTEMD})
    music.write(page.folder)
    page.play()
    need(page.ran >= 30, f"only {page.ran} commands were found")


def settings(test, music):
    """docs/configuration.md: its example is a file that `config check` takes, and its commands run."""
    page = Page(test, "docs/configuration.md", data=(*SETTINGS, r"\{"), instead=[(r"/etc/echoprint/echoprint\.conf\b", "echoprint.conf")])
    example = [line for block in page.others if re.match(SETTINGS[0], block[0].strip()) for line in block]
    for name in ("fullchain.pem", "privkey.pem", "streams.ini"):
        (page.folder / name).touch()
    text = "\n".join(line.strip() for line in example).replace("/etc/echoprint", str(page.folder))
    (page.folder / "echoprint.conf").write_text(text + "\n")
    page.play()
    need(page.ran >= 3, f"only {page.ran} commands were found")


def console(test, music):
    page = Page(test, "docs/console.md",
                not_run={"tools/setup_console.sh": ROOT_ONLY, "tests/console/console_test.py": "it is a test of its own, where chromium is",
                         "tests/console/pictures.py": "it makes the pictures of the page with chromium",
                         "tests/console/measure.py": "it measures a running node with chromium"})
    page.play()


def monitoring(test, music):
    page = Page(test, "docs/monitoring.md", data=(*SETTINGS, r"\d{4}-", r"\{", r"hmac\.compare_digest"),
                instead=[(r"http://127\.0\.0\.1:18077/a\.mp3|http://example.org/one\.mp3", "song.mp3")],
                before={"--config stations.ini --check-config": write_stations},
                not_run={"echoprint monitor --learn": "a stream must play for minutes before anything is learnt: tests/e2e/learn_test.py"})
    # What the stations of the page play depends on them.
    page.lines = [line._replace(printed=[]) for line in page.lines]
    music.write(page.folder)
    page.play()
    need(page.ran >= 5, f"only {page.ran} commands were found")


def write_stations(page, line):
    """The page's file of streams, with files in place of the stations, and without its webhook."""
    example = [line for block in page.others if re.match(SETTINGS[0], block[0].strip()) for line in block]
    lines = [one.strip() for one in example if "webhook" not in one]
    text = "\n".join(lines).replace("http://example.org/one.mp3", f"{page.folder}/song.mp3")
    (page.folder / "stations.ini").write_text(text.replace("https://example.org/two/master.m3u8", f"{page.folder}/Music/noon.flac") + "\n")


def legacy(test, music):
    servers = old_servers.Servers()
    servers.ingest(real_rows())
    page = Page(test, "docs/legacy.md", instead=[(r"http://127\.0\.0\.1:8502/solr/fp", servers.url), (r"127\.0\.0\.1:1978", servers.address)])
    page.play()
    servers.close()
    need(page.ran >= 4, f"only {page.ran} commands were found")


def replication(test, music):
    """The parts before and behind "Restores and moves"."""
    page = Page(test, "docs/replication.md", section=r"^### A private federation.*?(?=^### States of a slave)|^### A source has come to its limit.*?(?=^## )",
                instead=[(r"centre\.example:", "127.0.0.1:"), (r"/media/stick/", "stick/"), (r"/var/www/", "www/"),
                         (r"http://www\.example/feed/", "www/feed"), (r"http://centre:", "http://127.0.0.1:")],
                before={"serve --mirror": join_rome, "source add oslo KEY": key_of_oslo, "publish /media/stick/feed": to_the_stick,
                        "publish /var/www/feed": to_the_web, "join http://www.example/feed/ KEY": key_of_centre, "source limit paris --tracks": stop})
    page.play()
    need(page.ran >= 17, f"only {page.ran} commands were found")


def join_rome(page, line):
    """A mirror follows a master: the page takes that for granted."""
    invitation = page.node("centre").json("source", "add", "rome")["invitation"]
    page.node("rome").run("join", invitation)


def key_of_oslo(page, line):
    page.node("oslo").run("init", "--name", "oslo")
    page.key = page.node("oslo").json("status")["key"]


def to_the_stick(page, line):
    """The stick is another federation: of a master that has no server and of a slave that is new."""
    if not (page.folder / "stick").exists():
        (page.folder / "stick").mkdir()
        page.stop_all()
        for name in ("centre", "paris"):
            shutil.rmtree(page.folder / name)
            page.node(name).run("init", "--name", name)


def to_the_web(page, line):
    (page.folder / "www").mkdir()
    shutil.rmtree(page.folder / "paris")
    shutil.rmtree(page.folder / "oslo")
    centre = page.node("centre")
    centre.run("source", "remove", "paris")
    page.serve(line._replace(printed=[]), "echoprint serve")
    page.invitation = centre.json("source", "add", "paris", "--url", f"http://127.0.0.1:{page.ports[0].getsockname()[1]}/")["invitation"]


def key_of_centre(page, line):
    page.key = page.node("centre").json("status")["key"]


def operations(test, music):
    page = Page(test, "docs/operations.md", instead=[(r"/backups/", "backups/"), (r"localhost:8070/ as", "...")],
                before={"-d DATA serve": nothing, "-d DATA backup /backups": stop, "-d NEW restore": away_with_new, "restore --at": position_of_backup,
                        "serve --new-epoch": a_federation, "source remove oslo": bring_oslo},
                not_run={"ufw": ROOT_ONLY, "nft": ROOT_ONLY, "certbot": ROOT_ONLY, "systemctl": SYSTEMD, "mv /var/lib/private": SYSTEMD,
                         "rm -r /var/lib/private": SYSTEMD, "umask 077; echoprint -d /var/lib": SYSTEMD,
                         "echoprint -d /var/lib/private": SYSTEMD, "echoprint -d DATA backup - | ssh": "it needs another machine"})
    (page.folder / "backups").mkdir()
    node = page.node("DATA")
    node.run("init", "--name", "centre")
    node.run("ingest", ROOT / "demo/songs-a.json")
    page.play()
    need(page.ran >= 17, f"only {page.ran} commands were found")


def nothing(page, line):
    pass


def away_with_new(page, line):
    shutil.rmtree(page.folder / "NEW", ignore_errors=True)


def position_of_backup(page, line):
    away_with_new(page, line)
    return line._replace(command=line.command.replace("--at 20000", f"--at {page.node('DATA').json('status')['position']}"))


def a_federation(page, line):
    """The page restarts a slave: there must be one, and its master."""
    page.serve(line._replace(printed=[]), "echoprint serve")
    page.node("paris").run("join", invite(page.node("centre"), "paris", f"http://127.0.0.1:{page.ports[0].getsockname()[1]}/"))
    page.node("paris").run("sync")


def bring_oslo(page, line):
    page.node("centre").run("source", "add", "oslo", "ab" * 32)


def messages(test, _):
    """Each message of the table is one that the program has."""
    page = (ROOT / "docs/operations.md").read_text().split("## What messages mean\n")[1]
    sources = "\n".join(path.read_text() for path in sorted((ROOT / "src").rglob("*.c")))
    texts = re.sub(r'"\s*(?:EP_START_AGAIN\s*)?"', "", sources)  # a text that stands on several lines
    told = re.findall(r"^\| `(.+?)` \|", page.replace("\\`", "\0"), re.M)
    need(len(told) >= 20, f"only {len(told)} messages were found")
    for message in told:
        parts = [part.strip() for part in message.replace("\0", "`").split("...") if part.strip()]
        at = 0
        for part in parts:
            found = texts.find(part, at if part != parts[0] else 0)
            need(found >= 0 or part in SYSTEM, f"no source has the words {part!r} of `{message}`")


SYSTEM = [os.strerror(errno.ENOSPC)]


def stop(page, line):
    page.stop_all()


def add_options(parser):
    parser.add_argument("--only", action="append", help="only pages with this in their name")


PAGES = (readme, guide, settings, console, monitoring, legacy, replication, operations, messages)


def body(test):
    music = Music()
    for function in PAGES:
        if not test.options.only or any(word in function.__name__ for word in test.options.only):
            test.check(f"{function.__name__}: what the page says is so", function, test, music)


if __name__ == "__main__":
    run(body, add_options)

#!/usr/bin/env python3
"""The library beside the program: on one data folder, with a master, and in a host that is set up in
its own way. It is used by the Python package.

usage: beside_test.py --program ECHOPRINT --library LIBECHOPRINT.SO --decoder ECHOPRINT-DECODER
"""

import locale
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "python"), str(ROOT / "python" / "tests")]

from common import DATA, Skip, need, run, same  # noqa: E402
from servers import Server, invite  # noqa: E402


def check_host(test):
    """Loads the package, where that is possible."""
    loaded = subprocess.run(["ldd", test.options.library], text=True, stdout=subprocess.PIPE).stdout
    if "libasan" in loaded or "libtsan" in loaded:
        raise Skip("the library is built with a sanitizer, which must be loaded before python")
    if sys.version_info < (3, 9):
        raise Skip("python3 is older than 3.9")
    os.environ["ECHOPRINT_LIBRARY"] = str(pathlib.Path(test.options.library).resolve())
    import echoprint
    return echoprint


def processes_share_a_data_folder(test):
    echoprint = check_host(test)
    node = test.node("shared")
    node.run("ingest", DATA / "songs.json")
    with echoprint.Database(node.folder, "w") as database:
        same(database.state().digest, node.digest(), "digest")
        database.ingest(echoprint.Song("1 1 2 2", "TRHOST", artist="by the host"))
        same(node.json("show", "TRHOST")["documents"][0]["artist"], "by the host", "artist")
        same(database.track_json("TRHOST"), node.json("show", "TRHOST"), "the track in JSON")
        node.run("delete", "TRHOST")
        need("TRHOST" not in database, "the host still has what the program deleted")
        code = echoprint.decode(node_code(0)).pairs
        need(database.query(code), "the song is not found")
        node.run("delete", database.query(code).track_id)
        need(not database.query(code), "the song is found although the program deleted it")
    node.verify()


def node_code(number):
    from sound import songs
    return songs()[number]["code"]


def a_reader_says_that_the_index_is_far_behind(test):
    echoprint = check_host(test)
    node = test.node("behind")
    with echoprint.Database(node.folder, "c") as database:
        songs = [echoprint.Song(f"{i} 1", f"TR{i}") for i in range(4001)]
        database.ingest(*songs, index=False)
    with echoprint.Database(node.folder) as reader:
        try:
            reader.query(node_code(0))
            need(False, "a query is answered")
        except echoprint.SystemCallError as why:
            need("open the data folder" in str(why) and "4001 changes behind" in str(why), str(why))
    with echoprint.Database(node.folder, "w") as writer:
        need(not writer.query(node_code(0)), "something is found")
        writer.settle()
    with echoprint.Database(node.folder) as reader:
        need(not reader.query(node_code(0)), "something is found")


def a_host_joins_a_master_and_syncs(test):
    echoprint = check_host(test)
    master = test.node("centre")
    master.run("init", "--name", "centre")
    master.run("ingest", DATA / "songs.json")
    feed = test.new_folder("feed")
    master.run("publish", feed)
    server = Server(master)
    for name, url in (("paris", f"file://{feed}"), ("rome", server.url)):
        with echoprint.Database(test.folder / name, "c") as slave:
            slave.join(invite(master, name, url))
            slave.ingest(echoprint.Song("1 1 2 2", f"TR{name}"))
            # In a folder, it waits until the master publishes.
            same(slave.sync().contributed, 1 if name == "rome" else 0, f"tracks that {name} contributed")
            if name == "paris":
                master.run("publish", feed)
            report = slave.sync()
            need(report.equal and report.local_only == 0, f"{name} is not equal: {report}")
            same(slave.state().digest, master.digest(), f"digest of {name}")
            need(all(track.confirmed for track in slave.tracks()), "a track that the master has is not confirmed")
            need(slave.track(f"TR{name}").confirmed, "the own track is not confirmed")
            slave.ingest(echoprint.Song("1 1 2 3", "TRMORE"))
            need(not slave.track("TRMORE").confirmed, "a track that the master does not have is confirmed")
            slave.delete("TRMORE")
            left = []
            same(slave.delete("TRNONE", "TRESZYC1E2414C343C", f"TR{name}", on_left=lambda track, why: left.append((track, type(why)))), 1,
                 "own tracks deleted")
            same(left, [("TRNONE", echoprint.NotFoundError), ("TRESZYC1E2414C343C", echoprint.BadInputError)], "tracks that are left")
            try:
                slave.delete("TRNONE", "TRESZYC1E2414C343C")
                need(False, "a track of the master was deleted")
            except echoprint.BadInputError as why:
                need("master" in str(why), str(why))
    server.stop()
    with echoprint.Database(test.folder / "rome", "w") as slave:
        try:
            slave.sync()
            need(False, "a sync without a master succeeds")
        except echoprint.UnreachableError:
            pass


def a_host_may_ignore_its_children(test):
    echoprint = check_host(test)
    import sound
    song = pathlib.Path(test.folder) / "song.wav"
    sound.write_wav(song, sound.music(1, 15))
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with echoprint.Database(test.folder / "children", "c", decoder=test.options.decoder) as database:
            need(not database.query(file=song), "something is found")
            need(len(echoprint.codegen(song, decoder=test.options.decoder)) > 50, "there are no codes")
    finally:
        signal.signal(signal.SIGCHLD, before)


def a_host_may_write_numbers_with_a_comma(test):
    echoprint = check_host(test)
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(["localedef", "-f", "UTF-8", "-i", "de_DE", f"{folder}/de_DE.UTF-8"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) if pathlib.Path("/usr/share/i18n/locales/de_DE").exists() else None
        if made is None or made.returncode:
            raise Skip("the locale de_DE cannot be made")
        os.environ["LOCPATH"] = folder
        locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
        try:
            same(locale.localeconv()["decimal_point"], ",", "the decimal point of the host")
            with echoprint.Database(test.folder / "comma", "c") as database:
                database.ingest(DATA / "songs.json")
                same({track.codever for track in database.tracks()}, {"4.12"}, "versions")
                need(database.status()["index"], "there is no status")
        finally:
            locale.setlocale(locale.LC_ALL, "C")
            del os.environ["LOCPATH"]


def body(test):
    test.options.decoder = str(pathlib.Path(test.options.decoder).resolve())
    for check in (processes_share_a_data_folder, a_reader_says_that_the_index_is_far_behind, a_host_joins_a_master_and_syncs,
                  a_host_may_ignore_its_children, a_host_may_write_numbers_with_a_comma):
        test.check("library: " + check.__name__.replace("_", " "), check, test)


def add_options(parser):
    parser.add_argument("--library", required=True)
    parser.add_argument("--decoder", required=True)


if __name__ == "__main__":
    run(body, add_options)

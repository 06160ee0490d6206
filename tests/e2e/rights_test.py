#!/usr/bin/env python3
"""Who may change what: tracks that two sources have a part in, and rows that are kept aside."""

import os
import pathlib

from common import Skip, codegen_bytes, csv_of, need, rows_of, run, same, song
from servers import Server, joined, synced, until

PAIRS = [(1, 2), (3, 4)]


def row(track_id, codes="1 2", artist="a"):
    return (track_id, "4.12", codes, "60", artist, "", "")


def what_the_master_adds_does_not_stop_a_dump(test):
    """An id with "-" shares its track with others; the master may have one of those."""
    node = test.node("shared")
    node.run("ingest", "-", data=codegen_bytes([song("song-7", PAIRS)]))
    result = node.json("slave-ingest", "-", data=csv_of([row("song-8-0")]))
    same(result["conflict"], 1, "rows of the master in conflict")
    stream = rows_of(node.run("slave-dump", "--all", "-o", "-").stdout)
    same([found[0] for found in stream], ["song-7-0"], "rows that are dumped")
    # Accepted, they join the track.
    node.run("conflicts", "--accept", "song")
    same([found[0] for found in rows_of(node.contents())], ["song-7-0", "song-8-0"], "rows of both")
    same(node.json("status")["conflicts"], 0, "conflicts")
    node.verify()


def a_master_takes_a_track_over_only_where_that_is_accepted(test):
    node = test.node("taken")
    node.run("ingest", "-", data=codegen_bytes([song("TRA", PAIRS)]))
    before = node.contents()
    rows = csv_of([row("TRA-0", artist="another")])
    same(node.json("slave-ingest", "-", data=rows)["conflict"], 1, "rows in conflict")
    same(node.json("slave-ingest", "-", data=rows)["conflict"], 1, "rows in conflict the next time")
    same((node.contents(), node.json("status")["conflicts"]), (before, 1), "rows, and versions kept aside")
    same(node.json("status")["sources"], {"local": 1, "master": 0}, "documents by source")
    node.run("conflicts", "--accept", "TRA")
    same(node.contents(), rows, "rows that were accepted")
    same(node.json("status")["sources"], {"local": 0, "master": 1}, "documents by source then")
    # What it was before is known from then on.
    same(node.json("slave-ingest", "-", data=before)["unchanged"], 1, "rows of before")
    same(node.contents(), rows, "rows at the end")


def what_a_csv_makes_of_a_track_may_be_old(test):
    """A dump has some of a track's rows; with them it would be as it once was."""
    node = test.node("once")
    node.run("ingest", "-", data=codegen_bytes([song("TRA", [(1, 2), (3, 1400)])]))
    first = rows_of(node.contents())
    node.run("ingest", "-", data=codegen_bytes([song("TRA", [(5, 2), (3, 1400)])]))
    now = rows_of(node.contents())
    changed = [one for one, two in zip(first, now) if one != two]
    same((len(first), len(now), len(changed)), (2, 2, 1), "rows, and rows that changed")
    result = node.json("slave-ingest", "-", data=csv_of(changed))
    same((result["unchanged"], result["conflict"]), (1, 0), "unchanged rows, and rows in conflict")
    same(rows_of(node.contents()), now, "rows after an old dump of some")
    result = node.json("slave-ingest", "-", data=csv_of([row("TRA-0", "9 9")]))
    same((result["unchanged"], result["conflict"]), (0, 1), "unchanged rows, and rows in conflict, of others")


def rows_in_conflict_are_all_kept_aside(test):
    node = test.node("aside")
    node.run("master-ingest", "-s", "a", "-", data=csv_of([row("T-0"), row("T-1"), row("U-0")]))
    changed = [row("T-0", artist="b"), row("X-0"), row("T-1", artist="b")]
    result = node.json("master-ingest", "-s", "b", "-", data=csv_of(changed))
    same((result["conflict"], result["new"]), (2, 1), "rows in conflict, new rows")
    same(node.json("status")["conflicts"], 1, "versions kept aside")
    # Rows that agree are none of it, and leave what was said otherwise.
    result = node.json("master-ingest", "-s", "b", "-", data=csv_of([row("T-1")]))
    same((result["unchanged"], node.json("status")["conflicts"]), (1, 1), "rows that agree, and versions kept aside")
    # Further rows of the same source join those of before; another source's are kept beside them.
    node.run("master-ingest", "-s", "b", "-", data=csv_of([row("T-0", artist="c")]))
    node.run("master-ingest", "-s", "c", "-", data=csv_of([row("T-0", artist="d")]))
    kept = [(one["track_id"], one["source"], one["documents"]) for one in node.json("conflicts")["conflicts"]]
    same(sorted(kept), [("T", "b", 2), ("T", "c", 1)], "versions")
    # What the owner says itself is no longer in conflict.
    same(node.json("master-ingest", "-s", "a", "-", data=csv_of([row("T-0", artist="c"), changed[2]]))["updated"], 2,
         "updated rows")
    kept = [(one["source"], one["documents"]) for one in node.json("conflicts")["conflicts"]]
    same(kept, [("c", 1)], "versions that are left")
    node.verify()


def the_text_of_others_stays(test):
    node = test.node("stays")
    rows = [row("T-0"), row("T-1", "5 1300")]
    node.run("master-ingest", "-s", "a", "-", data=csv_of(rows))
    before = node.contents()
    node.run("master-ingest", "-s", "b", "-", data=csv_of([row("T-1", "6 1300"), row("T-2", "7 2600")]))
    same(node.contents(), before, "rows after another source's changes")


def the_log_has_no_secrets(test):
    """Who reads a copy of it can join as nobody."""
    node = test.node("secrets")
    invitation = node.json("source", "add", "paris")["invitation"]
    secret = bytes.fromhex(invitation.split(":")[-2])
    same(len(secret), 16, "bytes of the secret")
    log = (node.folder / "data.mdb").read_bytes()
    need(b"peer.paris" in log, "the invitation is in the log")
    need(secret not in log and secret.hex().encode() not in log, "the log has the secret of an invitation")


def modes_in(folder):
    """What is in a folder, itself included, with other modes than those of what is for its owner
    alone."""
    found = [folder, *folder.rglob("*")]
    return [f"{path} {path.stat().st_mode & 0o7777:o}" for path in found
            if path.stat().st_mode & 0o7777 != (0o700 if path.is_dir() else 0o600)]


def a_data_folder_is_its_owners_alone(test):
    """Whatever the umask: the log, locks, the index, the feed that is served, a mirror, what is on
    its way."""
    for number, umask in enumerate((0o000, 0o022, 0o077)):
        before = os.umask(umask)
        try:
            master = test.node(f"alone{number}/of/master/")
            master.run("ingest", "-", data=codegen_bytes([song("TRA", [(n, n) for n in range(50)])]))
            master.run("query", "1 1", statuses=(0, 3))
            master.run("slave-dump", "-o", test.folder)
            shared = test.folder / f"shared{number}"
            master.run("publish", shared)
            server = Server(master)
            slave = joined(test, master, f"alone{number}-slave", server.url)
            slave.run("ingest", "-", data=codegen_bytes([song("TRB", [(n + 90, n) for n in range(50)])]))
            synced(slave, master)
            mirror = Server(slave, "--mirror")
            until(lambda: (slave.folder / "mirror" / "feed.json").exists(), "a mirror")
            until(lambda: slave.digest() == master.digest(), "equal digests")
            for node in (master, slave):
                same(modes_in(node.folder), [], f"other modes under the umask {umask:o}")
            need((master.folder / "feed" / "packets").is_dir() and (master.folder / "index").is_dir(), "there is a feed and an index")
            mirror.stop()
            server.stop()
        finally:
            os.umask(before)
        # What is for others is as the umask says; so is what leads to the data folder.
        for path in [shared, *shared.rglob("*")]:
            same(path.stat().st_mode & 0o777, (0o777 if path.is_dir() else 0o666) & ~umask, f"mode of {path}")
        same((test.folder / f"alone{number}").stat().st_mode & 0o777, 0o777 & ~umask, "mode of the folder above")


def a_folder_that_others_may_enter_is_warned_of(test):
    node = test.node("open")
    node.folder.mkdir()
    node.folder.chmod(0o755)
    node.run("init")
    log = node.folder / "data.mdb"
    same(log.stat().st_mode & 0o777, 0o600, "mode of the log in a folder that was there")
    said = lambda: node.run("status").stderr
    same(said(), b"", "what is said where nothing can be read")
    log.chmod(0o644)
    need(b"other users can read the data folder" in said(), "nothing is said of a log that others may read")
    log.chmod(0o600)
    node.folder.chmod(0o777)
    need(b"other users can change the data folder" in said(), "nothing is said of a folder that others may change")
    node.folder.chmod(0o700)
    same(said(), b"", "what is said of one that is as it should be")


def root_works_in_the_name_of_the_folders_owner(test):
    """As on a service's data: what root makes there the service must be able to write."""
    if os.geteuid() != 0:
        raise Skip("needs root")
    owner = (65534, 65534)
    folder = test.new_folder("service")
    folder.chmod(0o700)
    os.chown(folder, *owner)
    node = test.node("service")
    private = test.new_folder("private")
    private.chmod(0o700)
    (private / "song.json").write_bytes(codegen_bytes([song("TRA", PAIRS)]))
    node.run("ingest", private / "song.json")
    node.run("source", "add", "paris")
    node.run("publish", folder / "feed")
    node.run("slave-dump", "-o", folder)
    made = [path for path in folder.rglob("*") if (path.stat().st_uid, path.stat().st_gid) != owner]
    same(made, [], "what root has made in its own name")
    need((folder / "index" / "lock").exists() and (folder / "key").exists(), "files of all kinds were made")


def roots_rights_are_not_the_owners(test):
    """Where the owner's links lead, and only root may write, nothing is written."""
    if os.geteuid() != 0:
        raise Skip("needs root")
    node = test.node("linked")
    node.run("init")
    for path in (node.folder, *node.folder.rglob("*")):
        os.chown(path, 65534, 65534)
    private = test.new_folder("roots")
    (private / "there").write_bytes(b"root's")
    (private / "there").chmod(0o600)
    lock = node.folder / "lock.mdb"
    for name in ("new", "there"):
        lock.unlink()
        lock.symlink_to(private / name)
        done = node.run("status", statuses=(1,))
        need(b"ermission denied" in done.stderr, f"the message is {done.stderr!r}")
    done = node.run("slave-dump", "-o", private, statuses=(1,))
    same({path.name: path.read_bytes() for path in private.iterdir()}, {"there": b"root's"}, "root's folder")


def a_dry_run_leaves_nothing(test):
    """Its node is made in /tmp, with a key. Other tests' go by themselves."""
    def folders():
        return set(pathlib.Path("/tmp").glob("echoprint-dry-run-*"))

    before = folders()
    node = test.node("dry")
    node.run("ingest", "--dry-run", "-", data=codegen_bytes([song("TRA", PAIRS)]))
    need(not node.folder.exists(), "the data folder was made")
    until(lambda: not folders() - before, "what dry runs left is gone", 20)


def body(test):
    for function in (what_the_master_adds_does_not_stop_a_dump, a_master_takes_a_track_over_only_where_that_is_accepted,
                     what_a_csv_makes_of_a_track_may_be_old, rows_in_conflict_are_all_kept_aside, the_text_of_others_stays, the_log_has_no_secrets,
                     a_data_folder_is_its_owners_alone, a_folder_that_others_may_enter_is_warned_of,
                     root_works_in_the_name_of_the_folders_owner, roots_rights_are_not_the_owners, a_dry_run_leaves_nothing):
        test.check(function.__name__.replace("_", " "), function, test)


if __name__ == "__main__":
    run(body)

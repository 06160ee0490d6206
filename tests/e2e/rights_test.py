#!/usr/bin/env python3
"""Who may change what: tracks that two sources have a part in, and rows that are kept aside."""

import os

from common import Skip, codegen_bytes, csv_of, need, rows_of, run, same, song

PAIRS = [(1, 2), (3, 4)]


def row(track_id, codes="1 2", artist="a"):
    return (track_id, "4.12", codes, "60", artist, "", "")


def what_the_master_adds_does_not_stop_a_dump(test):
    """An id with "-" shares its track with others; the master may have one of those."""
    node = test.node("shared")
    node.run("ingest", "-", data=codegen_bytes([song("song-7", PAIRS)]))
    node.run("slave-ingest", "-", data=csv_of([row("song-8-0")]))
    stream = rows_of(node.run("slave-dump", "--all", "-o", "-").stdout)
    same([found[0] for found in stream], ["song-7-0", "song-8-0"], "rows that are dumped")


def a_master_that_has_all_of_a_track_takes_it_over(test):
    node = test.node("taken")
    node.run("ingest", "-", data=codegen_bytes([song("TRA", PAIRS)]))
    node.run("slave-ingest", "-", data=csv_of([row("TRA-0", artist="another")]))
    same(node.json("status")["sources"], {"local": 0, "master": 1}, "documents by source")


def rows_in_conflict_are_all_kept_aside(test):
    node = test.node("aside")
    node.run("master-ingest", "-s", "a", "-", data=csv_of([row("T-0"), row("T-1"), row("U-0")]))
    changed = [row("T-0", artist="b"), row("X-0"), row("T-1", artist="b")]
    result = node.json("master-ingest", "-s", "b", "-", data=csv_of(changed))
    same((result["conflict"], result["new"]), (2, 1), "rows in conflict, new rows")
    same(node.json("status")["conflicts"], 1, "tracks with rows kept aside")
    # The source now agrees about one of the two documents, then about the other.
    node.run("master-ingest", "-s", "b", "-", data=csv_of([row("T-1")]))
    same(node.json("status")["conflicts"], 1, "tracks kept aside when one document agrees")
    node.run("master-ingest", "-s", "b", "-", data=csv_of([row("T-0")]))
    same(node.json("status")["conflicts"], 0, "tracks kept aside when both agree")
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


def body(test):
    for function in (what_the_master_adds_does_not_stop_a_dump, a_master_that_has_all_of_a_track_takes_it_over,
                     rows_in_conflict_are_all_kept_aside, the_text_of_others_stays, the_log_has_no_secrets,
                     root_works_in_the_name_of_the_folders_owner, roots_rights_are_not_the_owners):
        test.check(function.__name__.replace("_", " "), function, test)


if __name__ == "__main__":
    run(body)

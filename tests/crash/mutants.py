"""Mutants: the same program with a protection less, made by changing the record of what it did."""

import os

import common
import model as m

# ---- places in a record ----


def is_part(operation):
    return common.is_part_file(os.path.basename(operation.target))


def is_shard(operation):
    return operation.target.endswith(".shard")


def is_log(operation):
    return os.path.basename(operation.target) == "data.mdb"


def is_commit(operation):
    return operation.kind == m.WRITE and is_log(operation) and operation.flags & m.DURABLE


def is_rename(operation):
    return operation.kind in (m.RENAME, m.LINK)


def first(operations, wanted):
    return next(i for i, operation in enumerate(operations) if wanted(operation))


def last(operations, wanted):
    return len(operations) - 1 - first(operations[::-1], wanted)


def after_note(operations):
    rename = first(operations, is_rename)
    return last(operations[:rename], is_commit) + 1


def after_first_rename(operations):
    return first(operations, is_rename) + 1


def commit_before(operations, end):
    """The operations of the last commit before `end`: (start, end)."""
    stop = last(operations[:end], is_commit) + 1
    start = stop - 1
    while start > 0 and is_log(operations[start - 1]) and not is_commit(operations[start - 1]):
        start -= 1
    return start, stop


# ---- changes of a record ----


def without(wanted):
    return lambda operations: [operation for operation in operations if not wanted(operation)]


def sync_of(path, after=None, before=None):
    """Drops the syncs of a path below the root, behind or before the first rename."""

    def change(operations):
        rename = next((i for i, o in enumerate(operations) if is_rename(o)), len(operations))
        return [operation for i, operation in enumerate(operations)
                if not (operation.kind == m.SYNC and operation.target == path and
                        (not after or i > rename) and (not before or i < rename))]

    return change


def meta_not_durable(operations):
    return [operation.copy(flags=0) if is_commit(operation) else operation
            for operation in operations]


def nothing_durable(operations):
    return meta_not_durable(without(lambda o: o.kind == m.SYNC and is_log(o))(operations))


def moved_to(operations, start, stop, to):
    """The operations start..stop before operation `to`, which is outside of them."""
    part = operations[start:stop]
    if to < start:
        return operations[:to] + part + operations[to:start] + operations[stop:]
    return operations[:start] + operations[stop:to] + part + operations[to:]


def watermark_before_rename(operations):
    start, stop = commit_before(operations, len(operations))
    return moved_to(operations, start, stop, first(operations, is_rename))


def watermark_before_names_are_durable(operations):
    start, stop = commit_before(operations, len(operations))
    sync = last(operations[:start], lambda o: o.kind == m.SYNC and o.target == "out")
    return moved_to(operations, start, stop, sync)


def note_not_written(operations):
    """Without its meta page a commit has never been."""
    note = after_note(operations) - 1
    return operations[:note] + operations[note + 1:]


def note_after_rename(operations):
    start, stop = commit_before(operations, first(operations, is_rename))
    return moved_to(operations, start, stop, last(operations, is_rename) + 1)


def note_before_the_parts(operations):
    """The note says what is there before it is durable."""
    start, stop = commit_before(operations, first(operations, is_rename))
    sync = first(operations, lambda o: o.kind == m.SYNC and is_part(o))
    return moved_to(operations, start, stop, sync)


def under_final_names(operations):
    """Files are written under their final names at once."""
    final = {o.inode: o.other for o in operations if o.kind == m.RENAME}
    return [o.copy(path=final[o.inode]) if o.kind == m.CREATE and o.inode in final else o
            for o in operations if not is_rename(o)]


def reported_before_the_commit(operations):
    """Every command reports before its last commit of tracks; those of the index come behind."""
    changed = list(operations)
    for command in {operation.command for operation in operations}:
        here = [i for i, o in enumerate(operations) if o.command == command]
        all_of_it = max(operations[i].reported for i in here)
        index = next((i for i in here if "/index" in operations[i].target), len(operations))
        commit = [i for i in here if is_commit(operations[i]) and i < index]
        for i in here:
            if commit and i >= commit[-1] - 1:
                changed[i] = operations[i].copy(reported=all_of_it)
    return changed


def commit_before_the_pages(operations):
    """The meta page of the first commit is written before the pages it speaks of are synced."""
    commit = first(operations, is_commit)
    sync = last(operations[:commit], lambda o: o.kind == m.SYNC and is_log(o))
    return moved_to(operations, commit, commit + 1, sync)


def shards_commits(operations):
    """Where each commit that names a new shard is: (start, end)."""
    for at, operation in enumerate(operations):
        if operation.kind == m.SYNC and is_shard(operation):
            end = at + 1 + first(operations[at + 1:], is_commit) + 1
            yield commit_before(operations, end)


def manifest_before_the_shard(operations):
    """The last shard is named before it is durable."""
    start, stop = list(shards_commits(operations))[-1]
    sync = last(operations[:start], lambda o: o.kind == m.SYNC and is_shard(o))
    return moved_to(operations, start, stop, sync)


def old_shards_removed_before(operations):
    """What was merged is removed before the log names the new shard."""
    start, stop = list(shards_commits(operations))[-1]
    behind = [o for o in operations[stop:] if o.kind == m.UNLINK and is_shard(o)]
    rest = [o for o in operations[stop:] if o not in behind]
    return operations[:start] + behind + operations[start:stop] + rest


class Mutant:
    """second: what changes is the run that follows a kill, which is then cut from power."""

    def __init__(self, name, scenario, change, second=False):
        self.name = name
        self.scenario = scenario
        self.change = change
        self.second = second


MUTANTS = [Mutant(*arguments) for arguments in [
    ("fsync of the part files removed", "slave_dump",
     without(lambda o: o.kind == m.SYNC and is_part(o))),
    ("fsync of the part files removed (zstd)", "master_dump",
     without(lambda o: o.kind == m.SYNC and is_part(o))),
    ("fsync of the folder before the note removed", "slave_dump", sync_of("out", before=True)),
    ("fsync of the folder after the rename removed", "slave_dump", sync_of("out", after=True)),
    ("fdatasync of the log removed", "slave_ingest",
     without(lambda o: o.kind == m.SYNC and is_log(o))),
    ("O_DSYNC of the log's meta pages removed", "slave_ingest", meta_not_durable),
    ("log as with MDB_NOSYNC", "delete", nothing_durable),
    ("meta page before the pages are synced", "slave_ingest", commit_before_the_pages),
    ("report before the commit: ingest", "slave_ingest", reported_before_the_commit),
    ("report before the commit: delete", "delete", reported_before_the_commit),
    ("watermark before the rename", "slave_dump", watermark_before_rename),
    ("watermark before the names are durable", "slave_dump", watermark_before_names_are_durable),
    ("note not written", "slave_dump", note_not_written),
    ("note after the rename", "slave_dump", note_after_rename),
    ("note before the parts are durable", "slave_dump", note_before_the_parts),
    ("written under the final names", "second_dump", under_final_names),
    ("fsync of the rejected rows removed", "update",
     without(lambda o: o.kind == m.SYNC and o.target == "out/rejects.csv")),
    ("fsync of the data folder removed", "new_node", sync_of("deep/node")),
    ("fsync of the folder above the data folder removed", "new_node", sync_of("deep")),
    ("fdatasync of the shards removed", "slave_ingest",
     without(lambda o: o.kind == m.SYNC and is_shard(o))),
    ("fsync of the folder of the index removed", "slave_ingest",
     without(lambda o: o.kind == m.SYNC and o.target == "node/index")),
    ("shard named before it is durable", "slave_ingest", manifest_before_the_shard),
    ("shards removed before the log forgets them", "slave_ingest", old_shards_removed_before),
    ("second run: fdatasync of the shards removed", "slave_ingest",
     without(lambda o: o.kind == m.SYNC and is_shard(o)), True),
    ("second run: fsync of the folder of files removed", "slave_dump",
     without(lambda o: o.kind == m.SYNC and o.target == "out"), True),
    ("second run: fsync of the data folder removed", "new_node", sync_of("deep/node"), True),
    ("second run: fsync above the data folder removed", "new_node", sync_of("deep"), True),
    # The last commit is what is lost; that of an ingest says only how far copies were looked for.
    ("second run: O_DSYNC of the log's meta pages removed", "delete", meta_not_durable, True),
]]

#!/usr/bin/env python3
"""Mutants of the product that the world must find: one check less each.

usage: mutants.py [--histories N] [--seeds K] [--quick] [--world OPTIONS] [--folder DIR] [NAME...]

Each mutant replaces a piece of one source file in a copy of the project, which has a build folder
of its own. The histories that are kept (histories/) are replayed on it; then the world is run with
K seeds, until it fails or N histories are done. Prints for each mutant how many histories were
needed (the median over the seeds) and what failed, which kept histories fail, and how many
decisions differ from the model's (model/oracle.py). Exit status 1 where none of these finds one, or
it does not build. Without changes nothing may be found: that is run first.
"""

import argparse
import pathlib
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Mutant:
    def __init__(self, name, file, old, new, why):
        self.name = name
        self.file = file
        self.old = old
        self.new = new
        self.why = why


MUTANTS = [Mutant(*arguments) for arguments in [
    # ---- the master takes ----
    ("seal", "src/store/log_take.c",
     "	*proven = sodium_memcmp(seal.bytes, x->seal.bytes, EP_SEAL_SIZE) == 0;", "	*proven = true;",
     "a seal is the master's own"),
    ("no-seal", "src/store/log_take.c",
     "	*proven = sodium_memcmp(seal.bytes, x->seal.bytes, EP_SEAL_SIZE) == 0;", "	*proven = false;",
     "what the master published comes back"),
    ("senders-steps", "src/store/decide.c",
     "	if (!rest_is_senders(&taking, by_contents ? taking.proven : base) ||\n	    (!wholly", "	if ((!wholly",
     "steps above what is known are the sender's"),
    ("may-build", "src/store/decide.c",
     "	    (!wholly && !may_build(&taking))) {", "	    0) {",
     "only the owner builds on a live track"),
    ("owns-copy", "src/store/decide.c",
     "	if (take->link)\n		return take->owns_copy;", "	if (take->link)\n		return true;",
     "only a copy's owner links it"),
    ("born", "src/store/decide.c",
     "	        x->born < y->born && x->generation", "	        0 && x->generation",
     "a proven owner comes before who came since"),
    ("displaces-all", "src/store/decide.c",
     "	        x->born < y->born && x->generation", "	        x->generation",
     "who came first in an epoch stays"),
    ("generation", "src/store/decide.c",
     "	if (back || goes_further(taking)) {", "	if (back) {",
     "what was published of a cut line and went further stands"),
    ("equal", "src/store/decide.c",
     "	                  ? EP_TAKEN_EQUAL\n	                  : EP_TAKEN_CONFLICT;",
     "	                  ? EP_TAKEN_CONFLICT\n	                  : EP_TAKEN_CONFLICT;",
     "equal contents are no conflict"),
    ("conflict-aside", "src/store/log_take.c",
     "	case EP_TAKEN_CONFLICT:\n		return take_aside(what, counts, write, &y, &state, offer, sender, err);",
     "	case EP_TAKEN_CONFLICT:\n		*what = EP_OFFERED_CONFLICT;\n		return EP_OK;",
     "the master keeps aside what it does not take"),
    ("last-wins", "src/store/decide.c",
     "	if (back || goes_further(taking)) {", "	if (true) {",
     "the first at the master stays"),
    ("unseal", "src/store/decide.c",
     "	if (!take->proven)\n		EP_TRY(ep_history_unseal(&believed, arena, err));", "",
     "what only a seal vouches for counts for nothing without it"),
    ("overruled", "src/store/decide.c",
     "	*result = overrules(x, &taking) ?", "	*result = overrules(x, &taking) && false ?",
     "what lost a conflict before and stands again is kept aside again"),
    ("stale", "src/sync/master/inbox.c",
     "	return known ? EP_OK : note_stale(intake->log, bytes, err);", "	return EP_OK;",
     "a master that was shown that it is an older copy takes nothing"),
    ("renew-tenure", "src/store/log_take.c",
     "	take.untouched = y.there && y.entry.position <= write->known;", "	take.untouched = true;",
     "only what was not touched since gives way to what went further"),
    # ---- a slave follows ----
    ("follow-aside", "src/store/decide.c",
     "		result->aside = is_overtaken(f, x, follow, follow->old);", "		result->aside = false;",
     "what the feed overtakes on its way is kept aside"),
    ("beside-aside", "src/store/decide.c",
     "	              (own || (old && ep_history_has_also(f, &head->id)));", "	              (own || (old && false));",
     "what lost a conflict is kept aside where it was followed, after a restart"),
    ("follow-conflict-aside", "src/store/decide.c",
     "	result->aside = !equal && (pending || follow->old);", "	result->aside = false;",
     "what gives way to the feed is kept aside"),
    ("follow-keeps", "src/store/decide.c",
     "		bool keeps = pending && is_rest_by(x, base, follow->self, parties);",
     "		bool keeps = pending && base < 0;",
     "a change upon what the feed has stays, and is sent"),
    ("follow-keeps-old", "src/store/decide.c",
     "		if (keeps || (follow->old && sealed))", "		if (keeps)",
     "what a lost history confirmed stays, and is sent"),
    ("proof", "src/store/decide.c",
     "	result->proof = follow->old && x->sealed > 0;", "	result->proof = false;",
     "proof of what was is sent, for the master to judge"),
    ("foreign-link", "src/store/log_take.c",
     "	return subject.link ? EP_OK : drop_foreign_link(write, offer->id, &f.history, err);", "	return EP_OK;",
     "an own link on another's track does not stand"),
    ("absent", "src/store/log_follow_end.c",
     "		EP_TRY(ep_log_each_listed(&keys, settle_absent, write, err));", "		ep_buffer_free(&keys);",
     "what the new epoch lacks is sent"),
    ("csv-yields", "src/store/log_follow_end.c",
     "	return ep_log_each_listed(&keys, set_csv_aside, write, err);", "	return EP_OK;",
     "what came by CSV and is not in the feed goes"),
    # ---- receipts, fetching ----
    ("receipt-epoch", "src/sync/slave/contribute.c",
     "	          receipt->position >= master.position;", "	          true;",
     "a receipt that is behind what was applied counts for nothing"),
    ("receipt-other", "src/sync/slave/contribute.c",
     "	if (memcmp(&receipt.id, &sender->id, EP_HASH_SIZE) != 0)", "	if (0)",
     "a receipt is for what was sent"),
    ("wait-over", "src/sync/slave/fetch.c",
     "	EP_TRY(ep_log_wait_over(write, master->position, err));", "",
     "what the feed does not confirm is sent again"),
    ("note-seen", "src/sync/slave/fetch.c",
     "	EP_TRY(ep_fetch_note_seen(fetcher, err));", "",
     "the mark of a feed is noted before its entries are applied"),
    ("compare-marks", "src/sync/slave/fetch_history.c",
     "	if (there && memcmp(there->hash, master->seen.hash, EP_MARK_SIZE) != 0)", "	if (0)",
     "another history at what was seen is noticed"),
    ("feed-back", "src/sync/slave/fetch_history.c",
     "	if (feed->position < master->seen.position)\n		return EP_HISTORY_OLDER;", "",
     "a feed that goes back is noticed"),
    # ---- CSV ----
    ("csv-over-key", "src/store/log_register.c",
     "		local.csv = head->csv && ep_party_same(&parties, head->party, party);", "		local.csv = true;",
     "a CSV does not change what a key has made"),
    # ---- files ----
    ("replace-sync", "src/base/file.c",
     "	int failed = fsync(*fd) != 0 ? errno : 0;", "	int failed = 0;",
     "a file's bytes are durable before it gets its name"),
    ("log-sync", "src/store/log.c",
     "MDB_NOTLS | flags", "MDB_NOTLS | MDB_NOSYNC | flags",
     "what is committed is synced"),
    ("feed-packet-sync", "src/sync/master/feed_writer.c",
     "	if (fsync(fd) != 0)", "	if (0)",
     "a packet is durable before feed.json names it"),
    ("feed-packet-folder", "src/sync/master/feed_writer.c",
     "	return ep_sync_folder(folder, err);", "	return EP_OK;",
     "a packet's name is durable before feed.json has it"),
    ("mirror-sync", "src/sync/slave/mirror.c",
     "fsync(fd) != 0 || rename", "rename",
     "a mirror's packet is durable before its feed.json names it"),
    ("packet-hash", "src/sync/feed_files.c",
     "memcmp(&hash, &packet->sha256, EP_HASH_SIZE) == 0;", "1;",
     "a packet has the hash that feed.json says"),
    ("merge-range", "src/dump/dump_packets.c",
     "	if (plan)\n		plan->last = run->progress.to;\n", "",
     "a packet stands for all positions that it was asked for, also for those that changed again"),
]]


def run(arguments, **options):
    return subprocess.run(arguments, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


def copy_project(folder):
    files = run(["git", "ls-files", "-z"], cwd=ROOT).stdout.split("\0")
    for name in filter(None, files):
        there = folder / name
        there.parent.mkdir(parents=True, exist_ok=True)
        # What differs gets the time of now, so that it is built: a run that was stopped left a
        # mutant.
        if not there.is_file() or there.read_bytes() != (ROOT / name).read_bytes():
            shutil.copy(ROOT / name, there)


def build(folder):
    if not (folder / "build").is_dir():
        done = run(["meson", "setup", "build", "-Dwerror=false"], cwd=folder)
        if done.returncode:
            return done.stdout
    done = run(["nice", "ninja", "-C", "build", "tests/world/world", "tests/decide"], cwd=folder)
    return done.stdout if done.returncode else None


def histories_until(folder, seed, most, extra):
    """How many histories until one failed, and how; None where none did."""
    done = run(["nice", "build/tests/world/world", "--no-shrink", "--seed", str(seed),
                "--histories", str(most)] + extra, cwd=folder)
    count = re.search(r"^(\d+) histories of \d+ steps, (\d+) failed", done.stdout, re.M)
    if count and count.group(2) == "0":
        return None, None
    why = re.search(r"^# (.*)", done.stdout, re.M)
    return int(count.group(1)) if count else 1, why.group(1) if why else done.stdout[-200:]


def kept_that_fail(folder):
    """The names of the kept histories that fail."""
    paths = sorted((folder / "tests/world/histories").glob("*.txt"))
    return [path.stem for path in paths
            if run(["nice", "build/tests/world/world", "--replay", str(path)], cwd=folder).returncode]


def measure(folder, options):
    found = [histories_until(folder, 1000000 * (k + 1), options.histories, shlex.split(options.world)) for k in range(options.seeds)]
    counts = [count for count, _ in found if count is not None]
    why = next((why for count, why in found if count is not None), None)
    median = statistics.median(counts + [float("inf")] * (options.seeds - len(counts) or not options.seeds))
    return len(counts), median, why


def decided_otherwise(folder):
    """How many decisions differ from those of the model, of a sparse choice."""
    done = run([sys.executable, "tests/model/oracle.py", "quick", "build/tests/decide"], cwd=folder)
    counts = re.findall(r"^\d+ questions, (\d+) answers differ", done.stdout, re.M)
    return sum(map(int, counts)) if counts and done.returncode < 2 else 0


def try_mutant(folder, mutant, options):
    path = folder / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        return f"its text stands {text.count(mutant.old)} times in {mutant.file}"
    path.write_text(text.replace(mutant.old, mutant.new))
    problem = build(folder)
    if problem is None:
        kept = kept_that_fail(folder)
        differ = 0 if options.quick and kept else decided_otherwise(folder)
        skips = options.quick and (kept or differ)
        found, median, why = (0, float("inf"), "none run") if skips else measure(folder, options)
    path.write_text(text)
    if problem is not None:
        return "does not build:\n" + problem[-2000:]
    most = f"{median:.0f}" if median < float("inf") else f"more than {options.histories}"
    said = f"{most} histories ({found} of {options.seeds} seeds: {why}); {differ} decisions"
    if skips:
        said = f"{differ} decisions" if differ else "no random histories run"
    if kept:
        said += f"; 0 histories: found by kept history {', '.join(kept)}"
    if median == float("inf") and not differ and not kept:
        return f"not found: {said}"
    print(f"{mutant.name}: {said}", flush=True)
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true",
                        help="decisions only where no kept history finds one, and then random ones")
    parser.add_argument("--world", default="", help="further options of world")
    parser.add_argument("--folder", help="where the copy is, and stays (default: a temporary folder)")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    wanted = [mutant for mutant in MUTANTS if not options.names or mutant.name in options.names]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.folder or temporary)
        copy_project(folder)
        problem = build(folder)
        if problem:
            sys.exit(problem)
        kept = kept_that_fail(folder)
        if kept:
            sys.exit(f"without a mutant, kept histories fail: {', '.join(kept)}")
        found, median, why = measure(folder, options)
        if found:
            print(f"without a mutant: found by {found} of {options.seeds} seeds: {why}", flush=True)
        if median != float("inf"):
            sys.exit(f"the world fails without a mutant, after {median:.0f} histories")
        problems = 0
        for mutant in wanted:
            problem = try_mutant(folder, mutant, options)
            if problem:
                print(f"{mutant.name} ({mutant.why}): {problem}", flush=True)
                problems += 1
        print(f"{len(wanted) - problems} of {len(wanted)} mutants found")
        sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()

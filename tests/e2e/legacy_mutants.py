#!/usr/bin/env python3
"""Mutants of `legacy` that its tests must find: one protection less each.

usage: legacy_mutants.py [--folder DIR] [NAME...]

Each replaces a piece of one source file in a copy of the project; then the check that is named must
fail, which passes without it. Exit status 1 where one does not, or a mutant does not build.
"""

import argparse
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "world"))

from mutants import copy_project, run

PUSH, COMPARE, DELETE = (f"src/net/legacy/{name}.c" for name in ("legacy_push", "push_compare", "push_delete"))
IMPORT, FETCH, WALK = (f"src/net/legacy/{name}.c" for name in ("legacy_import", "old_fetch", "old_walk"))
SOLR, XML = (f"src/net/legacy/{name}.c" for name in ("old_solr", "old_xml"))

SET = """	uint64_t reached = end ? state.position : push->batch.position;
	bool unsure = push->unsure && reached < state.position;
	EP_TRY(ep_follower_set(options->log, push->follower, reached, !unsure, err));
"""
SEND = """	if (!end)
		EP_TRY(send_batch(push, err));
"""
NOTE = "	EP_TRY(ep_follower_sending(push->options->log, push->follower, err));\n"
CODES = "	EP_TRY(ep_tyrant_put(push->tyrant, push->keys, push->values, push->key_count, err));\n"

# Name, file, what is replaced, by what, the script and check that must find it.
MUTANTS = [
    ("watermark-before-all", PUSH, SEND + SET, SET + SEND, "push", "killed_before_any_request"),
    ("watermark-before-the-commit", PUSH, "		EP_TRY(ep_old_solr_commit(push->solr, err));\n		double took",
     "		EP_TRY(ep_follower_set(push->options->log, \"legacy.legacy\", push->batch.position, true, err));\n"
     "		EP_TRY(ep_old_solr_commit(push->solr, err));\n		double took", "push", "killed_before_any_request"),
    ("watermark-before-codes-go", PUSH, "	EP_TRY(ep_tyrant_out(push->tyrant, push->keys, push->key_count, err));\n",
     "	EP_TRY(ep_follower_set(push->options->log, \"legacy.legacy\", batch->position, true, err));\n"
     "	EP_TRY(ep_tyrant_out(push->tyrant, push->keys, push->key_count, err));\n", "push", "killed_before_any_request"),
    ("no-commit", PUSH, "		EP_TRY(ep_old_solr_commit(push->solr, err));\n		double took", "		double took",
     "push", "their_dump_has_what_ours_has"),
    ("documents-before-codes", PUSH, CODES + "	return add_and_commit(push, err);\n",
     "	EP_TRY(add_and_commit(push, err));\n" + CODES + "	return EP_OK;\n", "push", "killed_before_any_request"),
    ("sending-not-noted", PUSH, NOTE, "", "push", "killed_before_any_request"),
    ("noted-too-late", PUSH, NOTE + CODES, CODES + NOTE, "push", "killed_before_any_answer"),
    ("sure-too-early", PUSH, "	bool unsure = push->unsure && reached < state.position;\n", "	bool unsure = false;\n", "push",
     "a_track_that_was_sent_in_part_and_then_changed_is_sent_whole"),
    ("all-begins-without-a-word", PUSH, "	EP_TRY(ep_follower_set(options->log, push->follower, 0, !push->unsure, err));\n", "",
     "push", "a_broken_off_comparison_goes_on"),
    ("codes-go-before-documents", PUSH, "	if (deleted)\n		EP_TRY(ep_old_solr_commit(push->solr, err));\n"
     "	EP_TRY(ep_tyrant_out(push->tyrant, push->keys, push->key_count, err));\n",
     "	EP_TRY(ep_tyrant_out(push->tyrant, push->keys, push->key_count, err));\n"
     "	if (deleted)\n		EP_TRY(ep_old_solr_commit(push->solr, err));\n", "push", "killed_before_any_request"),
    ("date-of-now", PUSH, "	return stamp > push->last_dump ? stamp : push->last_dump + 1;", "	return ep_time_now() - 3;", "push",
     "a_commit_that_takes_long_does_not_hide_documents"),
    ("added-once", PUSH, "		if (ep_time_now() < push->stamp)\n			break;", "		break;", "push",
     "a_commit_that_takes_long_does_not_hide_documents"),
    ("clock", PUSH, "	return stamp > push->last_dump ? stamp : push->last_dump + 1;", "	return stamp;", "push",
     "a_clock_of_theirs_that_is_ahead_hides_nothing"),
    ("no-first-commit", PUSH, "	return ep_old_solr_commit(push->solr, err);\n}\n\n/* Pushes the next",
     "	return EP_OK;\n}\n\n/* Pushes the next", "push", "what_an_interrupted_push_has_added_is_not_taken_for_nothing"),
    ("copies", "src/net/legacy/push_batch.c", "	if (copy)\n		return EP_OK;\n", "", "push", "copies_are_not_sent"),
    ("codes-not-compared", COMPARE, "		if (!places[i].row->same)\n			continue;\n", "		continue;\n", "push",
     "what_is_there_is_not_sent_again"),
    ("delete-prefix", DELETE, "	if (!ep_text_equal(track, gone->track) ||", "	if (", "push", "deletions_are_exact"),
    ("cr", XML, "	case '\\r': /* as itself it would be read as a line feed */\n		return \"&#13;\";\n", "", "push",
     "what_they_cannot_take_is_named_and_left_out"),
    ("second-way", WALK, "	*needed = seen != walk->all;", "	*needed = false;", "import",
     "documents_that_move_during_the_walk_are_not_lost"),
    ("known-by-id", FETCH, "	    entry.import_date != first->import_date)", "	    0)", "import",
     "a_further_run_reads_no_codes_of_what_is_known"),
    ("commit-lost", IMPORT, "	enum ep_status committed = commit(import, &late);",
     "	ep_log_abort(EP_TAKE(import->write));\n	enum ep_status committed = commit(import, &late);", "import",
     "rows_come_over_byte_for_byte"),
    ("surrogates", SOLR, "} else if (utf8 && byte >= 0xf0) {", "} else if (utf8 && byte == 0xff) {", "push",
     "strange_ids_and_texts_go_over"),
]


def build(folder):
    if not (folder / "build").is_dir():
        done = run(["meson", "setup", "build", "-Dwerror=false", "-Dtests=disabled"], cwd=folder)
        if done.returncode:
            return done.stdout
    done = run(["nice", "ninja", "-C", "build", "echoprint", "echoprint-decoder"], cwd=folder)
    return done.stdout if done.returncode else None


def fails(folder, script, check):
    """Whether a check fails, and what it says."""
    done = run([sys.executable, f"tests/e2e/legacy_{script}_test.py", "--program", "build/echoprint", "--only", check],
               cwd=folder)
    return done.returncode != 0, next((line for line in done.stdout.splitlines() if line.startswith("not ok")), done.stdout[-300:])


def try_mutant(folder, file, old, new, script, check):
    """What is wrong with a mutant, and what the check said."""
    path = folder / file
    text = path.read_text()
    if text.count(old) != 1:
        return f"its text stands {text.count(old)} times in {file}", ""
    path.write_text(text.replace(old, new))
    problem = build(folder)
    failed, said = (False, "") if problem else fails(folder, script, check)
    path.write_text(text)
    if problem:
        return "does not build:\n" + problem[-2000:], ""
    return (None, said) if failed else (f"not found by {check}", "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", help="where the copy is, and stays (default: a temporary folder)")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    wanted = [mutant for mutant in MUTANTS if not options.names or mutant[0] in options.names]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.folder or temporary)
        copy_project(folder)
        problem = build(folder)
        if problem:
            sys.exit(problem)
        for script, check in sorted({mutant[4:] for mutant in wanted}):
            failed, said = fails(folder, script, check)
            if failed:
                sys.exit(f"without a mutant: {said}")
        problems = 0
        for name, *mutant in wanted:
            problem, said = try_mutant(folder, *mutant)
            print(f"{name}: {problem or said}", flush=True)
            problems += problem is not None
        print(f"{len(wanted) - problems} of {len(wanted)} mutants found")
        sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()

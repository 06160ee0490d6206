/* One open node: what it is opened on, and that its index and copies keep up with what it takes. */
#include "node/node.h"

#include "base/file.h"
#include "node/by_hand.h"
#include "node/edit.h"
#include "node/take.h"
#include "tests/node.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char folder[] = "/tmp/ep-open-XXXXXX";
static char works[256]; /* what on_work was told, once each time it changed */

static int
make_folder(void **state)
{
	(void)state;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	works[0] = '\0';
	return mkdtemp(folder) ? 0 : 1;
}

static int
remove_folder(void **state)
{
	(void)state;
	return nftw(folder, node_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
on_work(void *context, enum ep_node_work work, uint64_t position, uint64_t last)
{
	static const char *const words[] = { "rests ", "indexes ", "links " };
	size_t size = strlen(works);
	size_t had = strlen(words[work]);
	(void)context;
	assert_true(position <= last);
	if (size < had || strcmp(works + size - had, words[work]) != 0)
		snprintf(works + size, sizeof works - size, "%s", words[work]);
}

static struct ep_node *
open_node(void)
{
	struct ep_node *node;
	struct ep_node_options options = { .folder = folder,
		                           .mode = EP_LOG_MAKE,
		                           .on_work = on_work };
	needs(ep_node_open(&node, &options, NULL));
	return node;
}

/* ---- files ---- */

/* Writes a CSV file of one song; its path is for free(). */
static char *
make_file(const char *id, uint64_t song)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_CUT struct ep_cut cut = { 0 };
	EP_BUFFER struct ep_buffer text = { 0 };
	char *path = ep_path_join(folder, id);
	song_of_onsets(&pairs, song, 2000);
	needs(ep_cut_documents(&cut, &pairs, 100, NULL));
	for (size_t i = 0; i < cut.count; i++) {
		char front[64];
		snprintf(front, sizeof front, "%s-%zu,4.12,", id, i);
		needs(ep_buffer_append(&text, front, strlen(front), NULL));
		needs(ep_buffer_append(&text, cut.documents[i].at, cut.documents[i].size, NULL));
		needs(ep_buffer_append(&text, ",60,,,\n", 7, NULL));
	}
	needs(ep_replace_file(path, text.data, text.size, 0600, NULL));
	return path;
}

static int failures; /* that were told of files */

static void
on_failed(void *context, enum ep_status status, const char *text)
{
	(void)context;
	assert_true(status != EP_OK && *text);
	failures++;
}

static enum ep_status
take(struct ep_node *node, struct ep_ingest_report *report, uint64_t *position, const char **paths,
     size_t count, bool dry)
{
	struct ep_ingest_options ingest = { .source = ep_text_of("local"), .dry_run = dry };
	struct ep_take_options options = {
		.ingest = &ingest, .paths = paths, .count = count, .on_failed = on_failed
	};
	*report = (struct ep_ingest_report){ 0 };
	failures = 0;
	return ep_node_take(report, position, node, &options, NULL);
}

/* Changes of the log that are not in the index on disk. */
static uint64_t
index_tail(const struct ep_node *node)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_index_state state;
	needs(ep_log_read_begin(&read, ep_node_log(node), NULL));
	needs(ep_index_state(&state, read, NULL));
	return state.tail;
}

static uint64_t
links_of(const struct ep_node *node)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	needs(ep_log_read_begin(&read, ep_node_log(node), NULL));
	ep_log_state(&state, read);
	return state.links;
}

/* ---- opening ---- */

static void
only_who_makes_a_node_makes_its_folder(void **state)
{
	char path[64];
	struct ep_node *node = NULL;
	struct ep_node_options options = { .folder = path };
	(void)state;
	snprintf(path, sizeof path, "%s/data", folder);
	for (options.mode = EP_LOG_READ; options.mode <= EP_LOG_WRITE; options.mode++) {
		assert_int_equal(ep_node_open(&node, &options, NULL), EP_NOT_FOUND);
		assert_int_not_equal(access(path, F_OK), 0);
	}
	assert_int_equal(ep_node_open(&node, &options, NULL), EP_OK);
	assert_string_equal(ep_log_folder(ep_node_log(node)), path);
	assert_null(ep_node_index(node));
	ep_node_close(node);
}

static void
a_dry_run_on_nothing_leaves_nothing(void **state)
{
	char path[64];
	char stand_in[64];
	uint64_t position = 0;
	struct ep_node *node;
	struct ep_ingest_report report;
	struct ep_node_options options = { .folder = path, .mode = EP_LOG_WRITE, .dry = true };
	EP_FREE char *file = make_file("a", 1);
	const char *paths[] = { file };
	(void)state;
	snprintf(path, sizeof path, "%s/data", folder);
	assert_int_equal(ep_node_open(&node, &options, NULL), EP_OK);
	snprintf(stand_in, sizeof stand_in, "%s", ep_log_folder(ep_node_log(node)));
	assert_string_not_equal(stand_in, path);
	assert_int_equal(take(node, &report, &position, paths, 1, true), EP_OK);
	assert_true(report.counts.added > 0);
	assert_int_equal(position, 0);
	ep_node_close(node);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_not_equal(access(stand_in, F_OK), 0);
	/* Where there is a node, it is taken, and stays. */
	options.folder = folder;
	ep_node_close(open_node());
	assert_int_equal(ep_node_open(&node, &options, NULL), EP_OK);
	assert_string_equal(ep_log_folder(ep_node_log(node)), folder);
	ep_node_close(node);
	assert_int_equal(access(folder, F_OK), 0);
}

/* ---- taking ---- */

static void
what_was_taken_is_in_the_index_and_copies_are_linked(void **state)
{
	struct ep_ingest_report report;
	uint64_t position = 0;
	EP_FREE char *one = make_file("a", 1);
	EP_FREE char *copy = make_file("b", 1);
	const char *paths[] = { one, copy };
	struct ep_node *node = open_node();
	(void)state;
	assert_int_equal(take(node, &report, &position, paths, 2, false), EP_OK);
	assert_int_equal(index_tail(node), 0);
	assert_int_equal(links_of(node), 1);
	/* Two tracks and a link. The documents of the copy are no new ones. */
	assert_int_equal(position, 3);
	assert_true(report.duplicate > 0);
	assert_int_equal(report.counts.added, report.duplicate);
	assert_string_equal(works, "indexes rests links rests indexes rests ");
	/* Again, and nothing is new: a dry run does not look for copies. */
	assert_int_equal(take(node, &report, &position, paths, 2, true), EP_OK);
	assert_int_equal(report.duplicate, 0);
	assert_int_equal(position, 3);
	ep_node_close(node);
}

static void
a_bad_file_is_told_and_the_next_one_taken(void **state)
{
	struct ep_ingest_report report;
	uint64_t position = 0;
	EP_FREE char *one = make_file("a", 1);
	EP_FREE char *copy = make_file("b", 1);
	const char *paths[] = { "/tmp/ep-nothing/one", one, "/tmp", copy };
	struct ep_node *node = open_node();
	(void)state;
	assert_int_equal(take(node, &report, &position, paths, 4, false), EP_NOT_FOUND);
	assert_int_equal(failures, 2);
	assert_int_equal(position, 2);
	assert_true(report.counts.added > 0);
	/* After a failure nobody looks for copies; the next ingest does. */
	assert_int_equal(links_of(node), 0);
	assert_int_equal(take(node, &report, &position, paths + 1, 1, false), EP_OK);
	assert_int_equal(links_of(node), 1);
	ep_node_close(node);
}

/* ---- the index ---- */

static void
a_change_by_hand_is_in_the_index(void **state)
{
	struct ep_ingest_report report;
	uint64_t position = 0;
	EP_FREE char *one = make_file("a", 1);
	EP_FREE char *other = make_file("b", 2);
	const char *paths[] = { one, other };
	struct ep_node *node = open_node();
	(void)state;
	needs(take(node, &report, &position, paths, 2, false));
	assert_int_equal(ep_node_link(node, "b", "a", NULL), EP_OK);
	assert_int_equal(links_of(node), 1);
	assert_int_equal(index_tail(node), 0);
	assert_int_equal(ep_node_link(node, "b", "nobody", NULL), EP_NOT_FOUND);
	assert_int_equal(ep_node_release(node, "b", NULL), EP_OK);
	assert_int_equal(links_of(node), 0);
	assert_int_equal(index_tail(node), 0);
	assert_int_equal(ep_node_release(node, "b", NULL), EP_NOT_FOUND);
	ep_node_close(node);
}

/* Changes a byte in the middle of each file of the index. */
/* What was decided is kept, and is told so, though the index failed to follow. */
static void
a_change_is_told_to_be_kept_though_the_index_did_not_follow(void **state)
{
	struct ep_ingest_report report;
	uint64_t position = 0;
	atomic_bool stop = false;
	struct ep_error err;
	bool changed = false;
	EP_FREE char *one = make_file("a", 1);
	EP_FREE char *other = make_file("b", 2);
	const char *paths[] = { one, other };
	struct ep_edit edit = { .artist = ep_text_of("New") };
	struct ep_node *node;
	struct ep_node_options options = { .folder = folder, .mode = EP_LOG_MAKE, .stop = &stop };
	(void)state;
	needs(ep_node_open(&node, &options, NULL));
	needs(take(node, &report, &position, paths, 2, false));
	stop = true;
	assert_int_equal(ep_node_link(node, "b", "a", &err), EP_INTERRUPTED);
	assert_non_null(strstr(err.text, "the change is kept"));
	assert_int_equal(links_of(node), 1);
	assert_int_equal(ep_node_release(node, "b", &err), EP_INTERRUPTED);
	assert_non_null(strstr(err.text, "the change is kept"));
	assert_int_equal(links_of(node), 0);
	assert_int_equal(ep_node_edit(&changed, node, ep_text_of("a"), &edit, &err),
	                 EP_INTERRUPTED);
	assert_true(changed);
	assert_non_null(strstr(err.text, "the change is kept"));
	ep_node_close(node);
}

static int
damage_index(void)
{
	char path[320];
	int files = 0;
	snprintf(path, sizeof path, "%s/index", folder);
	DIR *open_folder = opendir(path);
	must(open_folder != NULL);
	for (struct dirent *item; (item = readdir(open_folder)) != NULL;) {
		EP_BUFFER struct ep_buffer bytes = { 0 };
		snprintf(path, sizeof path, "%s/index/%s", folder, item->d_name);
		if (ep_read_file(&bytes, path, 1 << 20, NULL) != EP_OK || bytes.size == 0)
			continue;
		bytes.data[bytes.size / 2] ^= 1;
		needs(ep_replace_file(path, bytes.data, bytes.size, 0600, NULL));
		files++;
	}
	closedir(open_folder);
	return files;
}

static void
a_damaged_index_is_found_and_made_anew(void **state)
{
	struct ep_ingest_report report;
	uint64_t position = 0;
	EP_FREE char *one = make_file("a", 1);
	const char *paths[] = { one };
	struct ep_node *node = open_node();
	(void)state;
	assert_int_equal(ep_node_check_index(node, NULL), EP_OK);
	needs(take(node, &report, &position, paths, 1, false));
	assert_int_equal(ep_node_check_index(node, NULL), EP_OK);
	assert_int_equal(damage_index(), 1);
	assert_int_equal(ep_node_check_index(node, NULL), EP_CORRUPT);
	assert_int_equal(ep_node_rebuild_index(node, NULL), EP_OK);
	assert_int_equal(ep_node_check_index(node, NULL), EP_OK);
	assert_int_equal(index_tail(node), 0);
	ep_node_close(node);
}

static void
an_index_that_is_open_stays_as_it_was_for_a_while(void **state)
{
	struct ep_ingest_report report;
	uint64_t position = 0;
	EP_FREE char *one = make_file("a", 1);
	EP_FREE char *other = make_file("b", 2);
	const char *paths[] = { one, other };
	struct ep_node *node = open_node();
	(void)state;
	needs(take(node, &report, &position, paths, 1, false));
	assert_int_equal(ep_node_open_index(node, NULL), EP_OK);
	struct ep_index *index = ep_node_index(node);
	assert_int_equal(ep_index_track_count(index), 1);
	needs(take(node, &report, &position, paths + 1, 1, false));
	assert_true(ep_index_is_old(index));
	assert_int_equal(ep_node_refresh_index(node, NULL), EP_OK);
	assert_ptr_equal(ep_node_index(node), index);
	assert_int_equal(ep_index_track_count(index), 1);
	ep_node_close(node);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_FOLDER(only_who_makes_a_node_makes_its_folder),
		IN_A_FOLDER(a_dry_run_on_nothing_leaves_nothing),
		IN_A_FOLDER(what_was_taken_is_in_the_index_and_copies_are_linked),
		IN_A_FOLDER(a_bad_file_is_told_and_the_next_one_taken),
		IN_A_FOLDER(a_change_by_hand_is_in_the_index),
		IN_A_FOLDER(a_change_is_told_to_be_kept_though_the_index_did_not_follow),
		IN_A_FOLDER(a_damaged_index_is_found_and_made_anew),
		IN_A_FOLDER(an_index_that_is_open_stays_as_it_was_for_a_while),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which copies are linked, by whom, to what; and when a link is given up. */
#include "dedup/copies.h"

#include "dedup/requests.h"
#include "index/index.h"
#include "store/verify.h"
#include "tests/one_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define TIMES 2600 /* of a song: a minute */

/* ---- songs ---- */

/* Puts song number `song`; an encoding begins so much later than the song itself. */
static void
put(const char *source, const char *id, uint64_t song, uint32_t encoding, const char *title)
{
	EP_PAIRS struct ep_pairs whole = { 0 };
	EP_PAIRS struct ep_pairs heard = { 0 };
	song_of_onsets(&whole, song, TIMES);
	excerpt(&heard, &whole, encoding, TIMES, 0, NULL);
	node_put_from(&node, source, id, &heard, title);
}

static uint64_t
watermark(void)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	uint64_t number;
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_log_number(&number, read, EP_COPIES_VALUE, NULL));
	return number;
}

/* Asks how copies are to be looked for of all behind the watermark; by role: nothing. */
static void
request(enum ep_dedup how)
{
	struct ep_log_write *write;
	if (how == EP_DEDUP_BY_ROLE)
		return;
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_dedup_request(write, watermark(), how, NULL));
	needs(ep_log_commit(&write, NULL));
}

/* Follows the log with the index, and links. */
static enum ep_status
try_link(struct ep_copies_report *report, enum ep_dedup how, const atomic_bool *stop)
{
	struct ep_index_options index = { 0 };
	struct ep_copies_options options = { .stop = stop };
	request(how);
	needs(ep_index_follow(node.log, &index, NULL));
	return ep_link_copies(report, node.log, &options, NULL);
}

static struct ep_copies_report
link_copies(enum ep_dedup how)
{
	struct ep_copies_report report;
	assert_int_equal(try_link(&report, how, NULL), EP_OK);
	return report;
}

/* Whether a track is a copy of original; of NULL, whether it is one at all. */
static bool
is_copy(const char *id, const char *original)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_entry entry;
	struct ep_link link;
	enum ep_link_state state;
	needs(ep_log_read_begin(&read, node.log, NULL));
	needs(ep_log_find(&entry, read, ep_text_of(id), NULL));
	needs(ep_log_link_state(&state, &link, read, &entry, NULL));
	return state == EP_LINK_IN_FORCE &&
	       (!original || ep_text_equal(link.original, ep_text_of(original)));
}

/* ---- how they are looked for ---- */

enum role { ALONE, HAS_FILES_OF_A_MASTER, FOLLOWS_A_MASTER, ROLES };

static void
take_role(enum role role)
{
	struct ep_follows follows = { 0 };
	struct ep_key key = { { 1 } };
	struct ep_log_write *write;
	if (role == HAS_FILES_OF_A_MASTER)
		put("master", "masters", 99, 0, "");
	if (role != FOLLOWS_A_MASTER)
		return;
	ep_follows_begin(&follows, &key);
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_log_set_follows(write, &follows, NULL));
	needs(ep_log_commit(&write, NULL));
}

/* Which of three copies are linked: with the same codes, of another source, of the same one. */
static void
role_and_option_decide_what_is_linked(void **state)
{
	static const struct {
		bool same_codes, between, match;
	} linked[] = {
		[EP_DEDUP_OFF] = { false, false, false },
		[EP_DEDUP_EXACT] = { true, false, false },
		[EP_DEDUP_BETWEEN] = { true, true, false },
		[EP_DEDUP_MATCH] = { true, true, true },
	};
	static const enum ep_dedup of_role[ROLES] = { [ALONE] = EP_DEDUP_BETWEEN,
		                                      [HAS_FILES_OF_A_MASTER] = EP_DEDUP_EXACT,
		                                      [FOLLOWS_A_MASTER] = EP_DEDUP_EXACT };
	(void)state;
	for (int role = 0; role < ROLES; role++) {
		for (enum ep_dedup how = EP_DEDUP_BY_ROLE; how <= EP_DEDUP_MATCH; how++) {
			enum ep_dedup as = how == EP_DEDUP_BY_ROLE ? of_role[role] : how;
			if (how == EP_DEDUP_BETWEEN)
				continue; /* nobody can ask for it */
			node_open(&node);
			take_role((enum role)role);
			put("local", "song", 1, 0, "");
			put("local", "same", 1, 0, "");
			put("paris", "one", 2, 0, "");
			put("local", "between", 2, 50, "");
			put("local", "two", 3, 0, "");
			put("local", "match", 3, 50, "");
			put("local", "other", 4, 0, "");
			struct ep_copies_report report = link_copies(how);
			assert_int_equal(is_copy("same", "song"), linked[as].same_codes);
			assert_int_equal(is_copy("between", "one"), linked[as].between);
			assert_int_equal(is_copy("match", "two"), linked[as].match);
			assert_int_equal(report.tracks, linked[as].same_codes + linked[as].between +
			                                        linked[as].match);
			assert_false(is_copy("other", NULL) || is_copy("song", NULL));
			node_close(&node);
		}
	}
}

static void
without_looking_the_watermark_moves_all_the_same(void **state)
{
	(void)state;
	put("local", "a", 1, 0, "");
	put("local", "b", 1, 0, "");
	assert_int_equal(link_copies(EP_DEDUP_OFF).tracks, 0);
	assert_int_equal(watermark(), 2);
	assert_int_equal(link_copies(EP_DEDUP_MATCH).tracks, 0);
	/* What is new is compared with all that was there. */
	put("local", "c", 1, 0, "");
	assert_int_equal(link_copies(EP_DEDUP_MATCH).tracks, 1);
	assert_false(is_copy("b", NULL));
	assert_true(is_copy("c", NULL));
}

static void
a_stop_links_nothing_and_keeps_the_watermark(void **state)
{
	atomic_bool stop = true;
	struct ep_copies_report report;
	(void)state;
	put("local", "a", 1, 0, "");
	put("local", "b", 1, 0, "");
	assert_int_equal(try_link(&report, EP_DEDUP_EXACT, &stop), EP_INTERRUPTED);
	assert_int_equal(watermark(), 0);
	assert_false(is_copy("b", NULL));
	/* What was asked for is remembered. */
	atomic_store(&stop, false);
	assert_int_equal(try_link(&report, EP_DEDUP_BY_ROLE, &stop), EP_OK);
	assert_true(is_copy("b", "a"));
}

/* ---- what a copy is linked to ---- */

static void
a_copy_of_a_copy_is_one_of_its_original(void **state)
{
	(void)state;
	put("local", "original", 1, 0, "");
	put("local", "copy", 1, 50, "");
	/* The same codes as the copy, found in the same run and in a later one. */
	put("local", "next", 1, 50, "");
	assert_int_equal(link_copies(EP_DEDUP_MATCH).tracks, 2);
	put("local", "last", 1, 50, "");
	assert_int_equal(link_copies(EP_DEDUP_MATCH).tracks, 1);
	assert_true(is_copy("copy", "original"));
	assert_true(is_copy("next", "original"));
	assert_true(is_copy("last", "original"));
}

static void
a_master_is_not_told_what_is_a_copy(void **state)
{
	(void)state;
	take_role(FOLLOWS_A_MASTER);
	put("master", "theirs", 1, 0, "");
	put("master", "theirs2", 1, 0, "");
	put("local", "behind", 1, 0, "");
	put("local", "before", 2, 0, "");
	put("master", "later", 2, 0, "");
	link_copies(EP_DEDUP_EXACT);
	assert_true(is_copy("behind", "theirs"));
	/* This node's is the copy, although it came first. */
	assert_true(is_copy("before", "later"));
	assert_false(is_copy("later", NULL));
	assert_false(is_copy("theirs", NULL));
}

/* ---- when a link is given up ---- */

static void
a_copy_that_becomes_another_song_is_one_again(void **state)
{
	(void)state;
	put("local", "a", 1, 0, "");
	put("local", "b", 1, 0, "");
	link_copies(EP_DEDUP_EXACT);
	assert_true(is_copy("b", "a"));
	put("local", "b", 2, 0, "");
	assert_false(is_copy("b", NULL));
	assert_int_equal(link_copies(EP_DEDUP_EXACT).tracks, 0);
	put("local", "c", 2, 0, "");
	link_copies(EP_DEDUP_EXACT);
	assert_true(is_copy("c", "b"));
}

static void
a_link_is_made_again_when_only_the_original_has_changed(void **state)
{
	(void)state;
	put("local", "a", 1, 0, "");
	put("local", "b", 1, 0, "");
	struct ep_copies_report report = link_copies(EP_DEDUP_EXACT);
	uint64_t documents = report.documents;
	assert_int_equal(report.tracks, 1);
	assert_true(documents > 1);
	/* Another title is another contents: the link is void until somebody looks again, and then
	 * no document is new. */
	put("local", "a", 1, 0, "another title");
	assert_false(is_copy("b", NULL));
	report = link_copies(EP_DEDUP_EXACT);
	assert_int_equal(report.tracks, 1);
	assert_int_equal(report.documents, 0);
	assert_int_equal(is_copy("b", NULL) + is_copy("a", NULL), 1);
	/* Of the copy itself, they are. */
	const char *copy = is_copy("b", NULL) ? "b" : "a";
	put("local", copy, 1, 0, "one more title");
	report = link_copies(EP_DEDUP_EXACT);
	assert_int_equal(report.tracks, 1);
	assert_int_equal(report.documents, documents);
}

/* The entry is then longer than before, as it says where its owner's tenure began. */
static void
a_copy_whose_original_goes_is_counted_as_it_is_stored(void **state)
{
	struct ep_verify_report report;
	struct ep_verify_options options = { 0 };
	(void)state;
	put("local", "a", 1, 0, "");
	for (unsigned i = 0; i < 128; i++) {
		char title[16];
		snprintf(title, sizeof title, "title %u", i);
		put("local", "many", 2, 0, title);
	}
	put("local", "b", 1, 0, "");
	link_copies(EP_DEDUP_EXACT);
	assert_true(is_copy("b", "a"));
	node_delete(&node, "a");
	assert_false(is_copy("b", NULL));
	assert_int_equal(ep_log_verify(&report, node.log, &options, NULL), EP_OK);
	assert_int_equal(report.problems, 0);
}

static void
what_was_released_stays_a_song_until_it_changes(void **state)
{
	struct ep_log_write *write;
	(void)state;
	put("local", "a", 1, 0, "");
	put("local", "b", 1, 0, "");
	link_copies(EP_DEDUP_EXACT);
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_log_release(write, ep_text_of("b"), 1, NULL));
	/* All of it is looked at again. */
	needs(ep_log_set_number(write, EP_COPIES_VALUE, 0, NULL));
	needs(ep_log_commit(&write, NULL));
	assert_int_equal(link_copies(EP_DEDUP_EXACT).tracks, 0);
	assert_false(is_copy("b", NULL));
	put("local", "b", 1, 0, "another title");
	assert_int_equal(link_copies(EP_DEDUP_EXACT).tracks, 1);
	assert_true(is_copy("b", "a"));
}

/* ---- a look ---- */

static char found_copies[64];

static enum ep_status
note_copy(void *context, struct ep_text copy, const struct ep_link *link, struct ep_error *err)
{
	size_t size = strlen(found_copies);
	(void)context;
	(void)err;
	snprintf(found_copies + size, sizeof found_copies - size, "%.*s=%.*s ",
	         ep_text_print_size(copy), copy.at, ep_text_print_size(link->original),
	         link->original.at);
	return EP_OK;
}

static void
a_look_tells_all_in_order_and_changes_nothing(void **state)
{
	struct ep_index_options index = { 0 };
	struct ep_copies_options options = { 0 };
	(void)state;
	put("local", "a", 1, 0, "");
	put("local", "b", 2, 0, "");
	put("local", "c", 2, 0, "");
	put("local", "d", 1, 0, "");
	needs(ep_index_follow(node.log, &index, NULL));
	found_copies[0] = '\0';
	assert_int_equal(ep_check_copies(node.log, &options, note_copy, NULL, NULL), EP_OK);
	assert_string_equal(found_copies, "c=b d=a ");
	assert_int_equal(watermark(), 0);
	assert_false(is_copy("c", NULL));
}

#define OF_A_NODE(test) cmocka_unit_test_setup_teardown(test, make_node, remove_node)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(role_and_option_decide_what_is_linked),
		OF_A_NODE(without_looking_the_watermark_moves_all_the_same),
		OF_A_NODE(a_stop_links_nothing_and_keeps_the_watermark),
		OF_A_NODE(a_copy_of_a_copy_is_one_of_its_original),
		OF_A_NODE(a_master_is_not_told_what_is_a_copy),
		OF_A_NODE(a_copy_that_becomes_another_song_is_one_again),
		OF_A_NODE(a_link_is_made_again_when_only_the_original_has_changed),
		OF_A_NODE(a_copy_whose_original_goes_is_counted_as_it_is_stored),
		OF_A_NODE(what_was_released_stays_a_song_until_it_changes),
		OF_A_NODE(a_look_tells_all_in_order_and_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

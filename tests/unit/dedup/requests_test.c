/* What was asked for with --dedup, until it is forgotten. */
#include "dedup/requests.h"

#include "store/values.h"
#include "tests/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Puts a song, for which something was asked. */
static void
put_asked(struct node *node, enum ep_dedup how)
{
	static unsigned made;
	struct ep_pairs pairs = { 0 };
	struct ep_log_state state;
	struct ep_log_write *write;
	char id[24];
	snprintf(id, sizeof id, "TR%u", made++);
	song_of_noise(&pairs, made, 100);
	needs(ep_log_write_begin(&write, node->log, NULL));
	ep_log_state(&state, ep_log_inside(write));
	ep_log_abort(write);
	node_put(node, id, &pairs, "");
	ep_pairs_free(&pairs);
	if (how == EP_DEDUP_BY_ROLE)
		return;
	needs(ep_log_write_begin(&write, node->log, NULL));
	needs(ep_dedup_request(write, state.position, how, NULL));
	needs(ep_log_commit(&write, NULL));
}

static void
forget(struct node *node, uint64_t last)
{
	struct ep_log_write *write;
	needs(ep_log_write_begin(&write, node->log, NULL));
	needs(ep_dedup_forget(write, last, NULL));
	needs(ep_log_commit(&write, NULL));
}

/* What was asked for positions 1, 2, ...: a letter each, as the names of EP_DEDUP_* begin; "-":
 * nothing. */
static void
assert_asked(struct node *node, const char *expected, size_t ranges)
{
	struct ep_log_read *read;
	struct ep_dedup_request *requests;
	size_t count;
	needs(ep_log_read_begin(&read, node->log, NULL));
	needs(ep_dedup_requests(&requests, &count, read, NULL));
	assert_int_equal(count, ranges);
	for (size_t i = 0; expected[i]; i++) {
		static const char letters[] = { [EP_DEDUP_BY_ROLE] = '-',
			                        [EP_DEDUP_OFF] = 'O',
			                        [EP_DEDUP_EXACT] = 'E',
			                        [EP_DEDUP_MATCH] = 'M' };
		assert_int_equal(letters[ep_dedup_requested(requests, count, i + 1)], expected[i]);
	}
	free(requests);
	ep_log_read_end(read);
}

static void
each_track_has_what_was_asked_for_it(void **state)
{
	struct node node;
	(void)state;
	node_open(&node);
	assert_asked(&node, "--", 0);
	put_asked(&node, EP_DEDUP_OFF);
	put_asked(&node, EP_DEDUP_OFF);
	put_asked(&node, EP_DEDUP_BY_ROLE);
	put_asked(&node, EP_DEDUP_OFF);
	put_asked(&node, EP_DEDUP_MATCH);
	put_asked(&node, EP_DEDUP_EXACT);
	assert_asked(&node, "OO-OME-", 4);
	node_close(&node);
}

static void
a_transaction_that_put_nothing_asks_for_nothing(void **state)
{
	struct node node;
	struct ep_log_write *write;
	(void)state;
	node_open(&node);
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_dedup_request(write, 0, EP_DEDUP_OFF, NULL));
	needs(ep_log_commit(&write, NULL));
	assert_asked(&node, "-", 0);
	node_close(&node);
}

static void
what_was_looked_for_is_forgotten(void **state)
{
	struct node node;
	(void)state;
	node_open(&node);
	for (int i = 0; i < 3; i++)
		put_asked(&node, EP_DEDUP_MATCH);
	put_asked(&node, EP_DEDUP_OFF);
	forget(&node, 0);
	assert_asked(&node, "MMMO", 2);
	forget(&node, 2);
	assert_asked(&node, "--MO", 2);
	forget(&node, 3);
	assert_asked(&node, "---O", 1);
	forget(&node, 9);
	assert_asked(&node, "----", 0);
	node_close(&node);
}

static void
a_damaged_value_is_refused(void **state)
{
	/* Too short; an unknown third field; an empty range. */
	static const uint8_t values[][17] = { { 1 }, { [8] = 2, [16] = 3 }, { [0] = 2, [8] = 2 } };
	static const size_t sizes[] = { 1, 17, 17 };
	struct node node;
	(void)state;
	node_open(&node);
	for (size_t i = 0; i < 3; i++) {
		struct ep_log_write *write;
		struct ep_dedup_request *requests;
		size_t count;
		needs(ep_log_write_begin(&write, node.log, NULL));
		needs(ep_log_set_value(write, EP_REQUESTS_VALUE,
		                       (struct ep_bytes){ values[i], sizes[i] }, NULL));
		assert_int_equal(ep_dedup_requests(&requests, &count, ep_log_inside(write), NULL),
		                 EP_CORRUPT);
		assert_int_equal(ep_dedup_forget(write, 1, NULL), EP_CORRUPT);
		ep_log_abort(write);
	}
	node_close(&node);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_track_has_what_was_asked_for_it),
		cmocka_unit_test(a_transaction_that_put_nothing_asks_for_nothing),
		cmocka_unit_test(what_was_looked_for_is_forgotten),
		cmocka_unit_test(a_damaged_value_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

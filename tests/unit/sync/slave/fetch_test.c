/* A slave follows a feed over a way that does harm: what it takes, refuses, and fetches again. */
#include "sync/slave/fetch.h"

#include "peer/peer.h"
#include "tests/way.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct ep_feed_request request; /* what is known of the feed between fetches */
static struct ep_sync_report report; /* of the last fetch */

static enum ep_status
fetch_with(struct ep_sync_options options, struct ep_error *err)
{
	options.name = "s";
	options.request = &request;
	report = (struct ep_sync_report){ 0 };
	return ep_fetch(&report, slave.log, &transport, &options, err);
}

/* Fetches by a new request, which knows no feed. */
static enum ep_status
fetch(struct ep_error *err)
{
	request = (struct ep_feed_request){ 0 };
	way.packets = way.again = way.feeds = 0;
	return fetch_with((struct ep_sync_options){ 0 }, err);
}

static struct ep_log_state
state_of(const struct node *node, struct ep_digest *digest, struct ep_master *of_slave)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	needs(ep_log_read_begin(&read, node->log, NULL));
	needs(ep_log_digest(digest, read, NULL));
	if (of_slave)
		needs(ep_master_load(of_slave, read, NULL));
	ep_log_state(&state, read);
	return state;
}

/* That the slave has what the master has. */
static void
check_equal(void)
{
	struct ep_digest one;
	struct ep_digest other;
	struct ep_master known;
	struct ep_log_state state = state_of(&master, &one, NULL);
	assert_int_equal(state_of(&slave, &other, &known).tracks, state.tracks);
	assert_memory_equal(&one, &other, sizeof one);
	assert_int_equal(known.position, state.position);
	assert_int_equal(report.proof, EP_PROOF_EQUAL);
}

/* That nothing of a feed has been applied. */
static void
check_nothing(void)
{
	struct ep_digest digest;
	struct ep_master known;
	assert_int_equal(state_of(&slave, &digest, &known).position, 0);
	assert_int_equal(known.position, 0);
}

/* ---- what is fetched ---- */

static void
what_is_new_is_fetched_and_no_more(void **state)
{
	(void)state;
	publish_song("a", 1);
	assert_int_equal(fetch(NULL), EP_OK);
	check_equal();
	publish_song("b", 2);
	node_delete(&master, "a");
	publish();
	assert_int_equal(fetch(NULL), EP_OK);
	check_equal();
	assert_int_equal(report.packets, 2);
	assert_int_equal(report.deleted, 1);
	assert_int_equal(report.from, 1);
	assert_int_equal(report.to, 3);
	/* It is not asked for what it has: neither again, nor where the feed is a known one. */
	assert_int_equal(fetch(NULL), EP_OK);
	assert_int_equal(way.packets, 0);
	assert_int_equal(fetch_with((struct ep_sync_options){ 0 }, NULL), EP_OK);
	assert_int_equal(way.feeds, 1);
}

static void
a_new_slave_takes_the_few_packets_that_have_all(void **state)
{
	char id[] = "a";
	(void)state;
	for (uint64_t i = 0; i < 9; i++, id[0]++)
		publish_song(id, i);
	assert_int_equal(fetch(NULL), EP_OK);
	check_equal();
	assert_int_equal(way.packets, 2);
}

static void
who_has_joined_nobody_fetches_nothing(void **state)
{
	struct ep_log_write *write;
	(void)state;
	publish_song("a", 1);
	needs(ep_log_write_begin(&write, slave.log, NULL));
	needs(ep_master_forget(write, NULL));
	needs(ep_log_commit(&write, NULL));
	assert_int_equal(fetch(NULL), EP_NOT_FOUND);
	assert_int_equal(way.feeds, 0);
}

/* ---- harm on the way ---- */

static void
a_packet_that_comes_damaged_is_fetched_again(void **state)
{
	(void)state;
	publish_song("a", 1);
	for (way.harm = HARM_FLIP; way.harm <= HARM_LONG; way.harm++) {
		way.harms = 2;
		struct ep_error err;
		assert_int_equal(fetch(&err), EP_CORRUPT);
		assert_non_null(strstr(err.text, "the feed of master at http://master/: packet "));
		assert_non_null(strstr(err.text, "damaged on the way, twice"));
		assert_int_equal(way.packets, 2);
		assert_int_equal(way.again, 1);
		/* A feed that could not be followed is not a known one. */
		assert_string_equal(request.tag, "");
		check_nothing();
	}
	way.harm = HARM_FLIP;
	way.harms = 1;
	assert_int_equal(fetch(NULL), EP_OK);
	assert_int_equal(way.again, 1);
	check_equal();
}

static void
a_packet_that_was_cut_is_gone_on_with(void **state)
{
	(void)state;
	publish_song("a", 1);
	way.harm = HARM_CUT;
	way.harms = 1;
	assert_int_equal(fetch(NULL), EP_UNREACHABLE);
	uint64_t half = report.bytes;
	assert_true(half > 0);
	check_nothing();
	assert_int_equal(fetch(NULL), EP_OK);
	assert_int_equal(way.had, half);
	assert_int_equal(way.again, 0);
	check_equal();
}

static void
another_packet_with_its_range_stands_in_for_a_damaged_one(void **state)
{
	char id[] = "a";
	EP_FEED struct ep_feed feed = { 0 };
	(void)state;
	for (uint64_t i = 0; i < 8; i++, id[0]++)
		publish_song(id, i);
	needs(ep_feed_read(&feed, ep_buffer_text(&way.feed), &keys.key, NULL));
	for (size_t i = 0; i < feed.packet_count; i++) {
		if (!feed.packets[i].merged_away)
			way.harmed_size = feed.packets[i].size;
	}
	way.harm = HARM_FLIP;
	way.harms = 100;
	assert_int_equal(fetch(NULL), EP_OK);
	check_equal();
	/* Twice the merged one, and each of the eight. */
	assert_int_equal(way.packets, 10);
}

static void
a_packet_that_has_gone_has_the_feed_read_anew(void **state)
{
	struct ep_error err;
	(void)state;
	publish_song("a", 1);
	way.harm = HARM_GONE;
	way.harms = 1;
	assert_int_equal(fetch(NULL), EP_OK);
	assert_int_equal(way.feeds, 2);
	check_equal();
	publish_song("b", 1);
	way.harms = 100;
	assert_int_equal(fetch(&err), EP_UNREACHABLE);
	assert_non_null(strstr(err.text, "missing"));
	assert_int_equal(way.feeds, 3);
}

/* ---- feeds that are not followed ---- */

static void
a_feed_that_another_has_signed_is_refused(void **state)
{
	struct ep_keys other;
	uint8_t seed[EP_SEED_SIZE] = { 1 };
	(void)state;
	publish_song("a", 1);
	way.feed.data[way.feed.size / 2] ^= 1;
	assert_int_equal(fetch(NULL), EP_CORRUPT);
	assert_string_equal(request.tag, "");
	way.feed.data[way.feed.size / 2] ^= 1;
	ep_keys_of_seed(&other, seed);
	join_key(&other.key);
	assert_int_equal(fetch(NULL), EP_CORRUPT);
	check_nothing();
}

static void
a_new_epoch_is_followed_only_when_it_is_asked_for(void **state)
{
	struct ep_error err;
	struct ep_digest digest;
	struct ep_master known;
	char folder[64];
	uint64_t epoch;
	(void)state;
	publish_song("a", 1);
	assert_int_equal(fetch(NULL), EP_OK);
	snprintf(folder, sizeof folder, "%s/feed", master.folder);
	needs(ep_feed_new_epoch(&epoch, master.log, folder, NULL));
	publish_song("b", 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fetch(&err), EP_DIVERGED);
		assert_non_null(strstr(err.text, "a new epoch (2, after 1)"));
		assert_int_equal(way.packets, 0);
		state_of(&slave, &digest, &known);
		assert_int_equal(known.position, 1);
		assert_int_equal(known.epoch.number, 1);
		/* What was seen of the old one is to be shown to the master. */
		assert_true(known.shows);
	}
	assert_int_equal(fetch_with((struct ep_sync_options){ .restart = true }, NULL), EP_OK);
	check_equal();
	state_of(&slave, &digest, &known);
	assert_int_equal(known.epoch.number, 2);
	assert_false(known.shows || known.restarting);
}

static void
an_older_feed_is_refused_and_asked_for_no_restart(void **state)
{
	struct ep_error err;
	EP_BUFFER struct ep_buffer old = { 0 };
	(void)state;
	publish_song("a", 1);
	needs(ep_buffer_append(&old, way.feed.data, way.feed.size, NULL));
	publish_song("b", 2);
	assert_int_equal(fetch(NULL), EP_OK);
	way.feed.size = 0;
	needs(ep_buffer_append(&way.feed, old.data, old.size, NULL));
	assert_int_equal(fetch(&err), EP_DIVERGED);
	assert_non_null(strstr(err.text, "the feed went back"));
	request = (struct ep_feed_request){ 0 };
	assert_int_equal(fetch_with((struct ep_sync_options){ .restart = true }, NULL),
	                 EP_DIVERGED);
	publish();
	assert_int_equal(fetch(NULL), EP_OK);
	check_equal();
}

/* The master that was joined must not count as the one whose feed is here. */
static void
a_feed_of_the_master_before_is_not_taken_for_one_of_the_new(void **state)
{
	struct ep_digest digest;
	struct ep_master known;
	struct ep_keys other;
	uint8_t seed[EP_SEED_SIZE] = { 1 };
	(void)state;
	publish_song("a", 1);
	ep_keys_of_seed(&other, seed);
	way.joins = &other.key;
	assert_int_equal(fetch(NULL), EP_DIVERGED);
	state_of(&slave, &digest, &known);
	assert_true(ep_key_equal(&known.key, &other.key));
	assert_int_equal(known.epoch.number, 0);
	assert_int_equal(known.seen.position, 0);
	assert_int_equal(way.packets, 0);
}

#define OF_NODES(test) cmocka_unit_test_setup_teardown(test, make_nodes, remove_nodes)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OF_NODES(what_is_new_is_fetched_and_no_more),
		OF_NODES(a_new_slave_takes_the_few_packets_that_have_all),
		OF_NODES(who_has_joined_nobody_fetches_nothing),
		OF_NODES(a_packet_that_comes_damaged_is_fetched_again),
		OF_NODES(a_packet_that_was_cut_is_gone_on_with),
		OF_NODES(another_packet_with_its_range_stands_in_for_a_damaged_one),
		OF_NODES(a_packet_that_has_gone_has_the_feed_read_anew),
		OF_NODES(a_feed_that_another_has_signed_is_refused),
		OF_NODES(a_new_epoch_is_followed_only_when_it_is_asked_for),
		OF_NODES(an_older_feed_is_refused_and_asked_for_no_restart),
		OF_NODES(a_feed_of_the_master_before_is_not_taken_for_one_of_the_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

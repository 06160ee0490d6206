#include "sync/feed_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Bytes that a change takes in a packet. */
#define CHANGE 400

/* Publishes once: so many changes more, and merges as the writer does. */
static void
publish(struct ep_feed *feed, uint64_t changes, uint64_t *written)
{
	struct ep_feed_packet packet = { .after = feed->position,
		                         .last = feed->position + changes,
		                         .size = changes * CHANGE };
	uint64_t after;
	uint64_t last;
	feed->position = packet.last;
	assert_int_equal(ep_feed_add(feed, &packet, NULL), EP_OK);
	*written += packet.size;
	while (ep_feed_merge_due(&after, &last, feed)) {
		packet.after = after;
		packet.last = last;
		packet.size = (last - after) * CHANGE;
		*written += packet.size;
		assert_int_equal(ep_feed_merge(feed, &packet, NULL), EP_OK);
	}
}

static uint64_t
route_bytes(const struct ep_feed *feed, uint64_t from, size_t *count)
{
	EP_FREE size_t *route = NULL;
	assert_int_equal(ep_feed_route(&route, count, feed, from, NULL), EP_OK);
	uint64_t at = from;
	uint64_t bytes = 0;
	for (size_t i = 0; i < *count; i++) {
		const struct ep_feed_packet *packet = &feed->packets[route[i]];
		assert_true(packet->after <= at && packet->last > at);
		at = packet->last;
		bytes += packet->size;
	}
	assert_int_equal(at, feed->position);
	return bytes;
}

static void
levels_grow_by_eight(void **state)
{
	(void)state;
	assert_int_equal(ep_feed_level(0), 0);
	assert_int_equal(ep_feed_level(16384), 0);
	assert_int_equal(ep_feed_level(16385), 1);
	assert_int_equal(ep_feed_level(16384 * 8), 1);
	assert_int_equal(ep_feed_level(UINT64_MAX), 15);
}

static void
a_long_feed_stays_small_and_is_followed_cheaply(void **state)
{
	(void)state;
	EP_FEED struct ep_feed feed = { 0 };
	uint64_t written = 0;
	size_t most = 0;
	for (int i = 0; i < 20000; i++) {
		publish(&feed, 1 + (uint64_t)i % 20, &written);
		most = feed.packet_count > most ? feed.packet_count : most;
	}
	uint64_t all = feed.position * CHANGE;
	size_t count;
	/* A new slave fetches all once, in few files. */
	assert_true(route_bytes(&feed, 0, &count) == all && count < 40);
	/* One that is behind fetches what it lacks, and half of that more at the most. */
	for (uint64_t behind = 1; behind < feed.position; behind = behind * 3 / 2 + 1) {
		uint64_t bytes = route_bytes(&feed, feed.position - behind, &count);
		assert_true(bytes <= behind * CHANGE * 3 / 2 + 32768);
		assert_true(count < 60);
	}
	assert_true(most < 250);
	/* Every change is written a few times. */
	assert_true(written < all * 12);
	printf("# written %.1f times, at most %zu packets listed\n", (double)written / (double)all,
	       most);
}

static void
a_slave_that_is_there_needs_nothing(void **state)
{
	(void)state;
	EP_FEED struct ep_feed feed = { 0 };
	uint64_t written = 0;
	size_t count;
	assert_int_equal(route_bytes(&feed, 0, &count), 0);
	publish(&feed, 10, &written);
	assert_int_equal(route_bytes(&feed, 10, &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(route_bytes(&feed, 5, &count), 10 * CHANGE);
}

static void
a_gap_is_said(void **state)
{
	(void)state;
	EP_FEED struct ep_feed feed = { .position = 20 };
	struct ep_feed_packet packet = { .after = 10, .last = 20, .size = 1 };
	EP_FREE size_t *route = NULL;
	size_t count;
	assert_int_equal(ep_feed_add(&feed, &packet, NULL), EP_OK);
	assert_int_equal(ep_feed_route(&route, &count, &feed, 5, NULL), EP_CORRUPT);
	assert_int_equal(ep_feed_route(&route, &count, &feed, 10, NULL), EP_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_grow_by_eight),
		cmocka_unit_test(a_long_feed_stays_small_and_is_followed_cheaply),
		cmocka_unit_test(a_slave_that_is_there_needs_nothing),
		cmocka_unit_test(a_gap_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

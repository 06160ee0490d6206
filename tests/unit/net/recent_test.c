#include "net/recent.h"

#include "base/buffer.h"
#include "base/file.h"
#include "tests/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOON INT64_C(1800000000) /* a multiple of two hours */

static char folder[] = "/tmp/echoprint-recent-XXXXXX";
static char path[64];
static struct ep_recent *recent;

static int
make_folder(void **state)
{
	(void)state;
	must(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/%s", folder, EP_RECENT_FILE);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static int
start(void **state)
{
	(void)state;
	struct ep_recent_counts none = { 0 };
	(void)unlink(path);
	needs(ep_recent_open(&recent, folder, &none, NOON, NULL));
	return 0;
}

static int
end(void **state)
{
	(void)state;
	ep_recent_close(recent);
	recent = NULL;
	return 0;
}

static void
open_again(int64_t now)
{
	struct ep_recent_counts none = { 0 };
	ep_recent_close(recent);
	needs(ep_recent_open(&recent, folder, &none, now, NULL));
}

/* The number of slots of a span, and the sum of one of their numbers. */
static size_t
slots_of(json_int_t *sum, enum ep_recent_span span, const char *name, int64_t now)
{
	json_t *json = ep_recent_json(recent, span, now);
	const json_t *slots = json_object_get(json, "slots");
	size_t count = json_array_size(slots);
	*sum = 0;
	for (size_t i = 0; i < count; i++)
		*sum += json_integer_value(json_object_get(json_array_get(slots, i), name));
	json_decref(json);
	return count;
}

static void
what_grew_is_in_all_spans_and_after_a_restart(void **state)
{
	(void)state;
	struct ep_recent_counts counts = { .position = 7, .tracks = 5, .requests = 3 };
	json_int_t sum;
	counts.queries[2] = 4;
	ep_recent_add(recent, &counts, NOON + 60);
	counts.position = 9;
	ep_recent_add(recent, &counts, NOON + 120);
	for (int turn = 0; turn < 2; turn++) {
		for (int span = 0; span < EP_RECENT_COUNT; span++) {
			assert_int_equal(
				slots_of(&sum, (enum ep_recent_span)span, "changes", NOON + 121),
				span == EP_RECENT_HOUR ? 2 : 1);
			assert_int_equal(sum, 9);
			slots_of(&sum, (enum ep_recent_span)span, "queries", NOON + 121);
			assert_int_equal(sum, 4);
		}
		open_again(NOON + 120);
	}
}

static void
what_is_older_than_the_span_is_not_told(void **state)
{
	(void)state;
	struct ep_recent_counts counts = { .requests = 1 };
	json_int_t sum;
	ep_recent_add(recent, &counts, NOON + 60);
	assert_int_equal(slots_of(&sum, EP_RECENT_HOUR, "requests", NOON + 3659), 0);
	assert_int_equal(slots_of(&sum, EP_RECENT_DAY, "requests", NOON + 3659), 1);
	assert_int_equal(slots_of(&sum, EP_RECENT_DAY, "requests", NOON + 90000), 0);
	assert_int_equal(slots_of(&sum, EP_RECENT_MONTH, "requests", NOON + 90000), 1);
	assert_int_equal(slots_of(&sum, EP_RECENT_MONTH, "requests", NOON + 2600000), 0);
	/* Its place is taken by what comes a turn later. */
	counts.requests = 3;
	ep_recent_add(recent, &counts, NOON + 3600);
	ep_recent_add(recent, &counts, NOON + 3660);
	assert_int_equal(slots_of(&sum, EP_RECENT_HOUR, "requests", NOON + 3660), 1);
	assert_int_equal(sum, 2);
}

static void
a_clock_that_is_set_back_and_numbers_that_fall_do_no_harm(void **state)
{
	(void)state;
	struct ep_recent_counts counts = { .position = 100, .requests = 5 };
	json_int_t sum;
	ep_recent_add(recent, &counts, NOON + 600); /* as after a sleep: at the end of it */
	counts.position = 3;
	ep_recent_add(recent, &counts, NOON - 600);
	ep_recent_add(recent, &counts, -5);
	ep_recent_add(recent, &counts, INT64_MAX);
	assert_int_equal(slots_of(&sum, EP_RECENT_MONTH, "changes", NOON + 600), 2);
	assert_int_equal(sum, 100);
}

/* Damaged bytes take their slot away, and no other number comes of them. */
static void
a_damaged_slot_is_empty(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer bytes = { 0 };
	struct ep_recent_counts counts = { .requests = 1 };
	json_int_t sum;
	for (int minute = 1; minute <= 60; minute++, counts.requests++)
		ep_recent_add(recent, &counts, NOON + 60 * minute);
	needs(ep_read_file(&bytes, path, 1 << 20, NULL));
	assert_int_equal(slots_of(&sum, EP_RECENT_HOUR, "requests", NOON + 3599), 60);
	for (size_t at = 32; at < 32 + 160; at++) {
		bytes.data[at] ^= 0x41;
		needs(ep_replace_file(path, bytes.data, bytes.size, 0600, NULL));
		open_again(NOON);
		assert_int_equal(slots_of(&sum, EP_RECENT_HOUR, "requests", NOON + 3599), 59);
		assert_int_equal(sum, 59);
		bytes.data[at] ^= 0x41;
	}
}

static void
a_file_of_others_becomes_an_empty_one(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer bytes = { 0 };
	json_int_t sum;
	const size_t sizes[] = { 0, 1, 31, 32, 100, 90272, 200000 };
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint8_t *noise = calloc(1, sizes[i] + 1);
		must(noise != NULL);
		for (size_t at = 0; at < sizes[i]; at++)
			noise[at] = (uint8_t)(at * 37 + i);
		needs(ep_replace_file(path, noise, sizes[i], 0600, NULL));
		free(noise);
		open_again(NOON);
		assert_int_equal(slots_of(&sum, EP_RECENT_MONTH, "requests", NOON), 0);
		needs(ep_read_file(&bytes, path, 1 << 20, NULL));
		assert_int_equal(bytes.size, 90272);
	}
}

static void
a_quantile_is_within_its_bucket(void **state)
{
	(void)state;
	uint64_t counts[EP_HISTOGRAM_BUCKETS + 1] = { 0 };
	assert_true(ep_histogram_quantile(counts, 0.5) == 0);
	counts[1] = 99;
	counts[7] = 1;
	assert_true(ep_histogram_quantile(counts, 0.5) > 0.0005);
	assert_true(ep_histogram_quantile(counts, 0.5) <= 0.001);
	assert_true(ep_histogram_quantile(counts, 0.995) > 0.05);
	counts[EP_HISTOGRAM_BUCKETS] = 1000;
	assert_true(ep_histogram_quantile(counts, 0.99) == 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_grew_is_in_all_spans_and_after_a_restart,
		                                start, end),
		cmocka_unit_test_setup_teardown(what_is_older_than_the_span_is_not_told, start,
		                                end),
		cmocka_unit_test_setup_teardown(
			a_clock_that_is_set_back_and_numbers_that_fall_do_no_harm, start, end),
		cmocka_unit_test_setup_teardown(a_damaged_slot_is_empty, start, end),
		cmocka_unit_test_setup_teardown(a_file_of_others_becomes_an_empty_one, start, end),
		cmocka_unit_test(a_quantile_is_within_its_bucket),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

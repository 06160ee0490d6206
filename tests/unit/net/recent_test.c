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
static const struct ep_recent_slaves no_slaves;

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
	json_t *json = ep_recent_json(recent, span, NULL, now);
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
	ep_recent_add(recent, &counts, &no_slaves, NOON + 60);
	counts.position = 9;
	ep_recent_add(recent, &counts, &no_slaves, NOON + 120);
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
	ep_recent_add(recent, &counts, &no_slaves, NOON + 60);
	assert_int_equal(slots_of(&sum, EP_RECENT_HOUR, "requests", NOON + 3659), 0);
	assert_int_equal(slots_of(&sum, EP_RECENT_DAY, "requests", NOON + 3659), 1);
	assert_int_equal(slots_of(&sum, EP_RECENT_DAY, "requests", NOON + 90000), 0);
	assert_int_equal(slots_of(&sum, EP_RECENT_MONTH, "requests", NOON + 90000), 1);
	assert_int_equal(slots_of(&sum, EP_RECENT_MONTH, "requests", NOON + 2600000), 0);
	/* Its place is taken by what comes a turn later. */
	counts.requests = 3;
	ep_recent_add(recent, &counts, &no_slaves, NOON + 3600);
	ep_recent_add(recent, &counts, &no_slaves, NOON + 3660);
	assert_int_equal(slots_of(&sum, EP_RECENT_HOUR, "requests", NOON + 3660), 1);
	assert_int_equal(sum, 2);
}

static void
a_clock_that_is_set_back_and_numbers_that_fall_do_no_harm(void **state)
{
	(void)state;
	struct ep_recent_counts counts = { .position = 100, .requests = 5 };
	json_int_t sum;
	ep_recent_add(recent, &counts, &no_slaves,
	              NOON + 600); /* as after a sleep: at the end of it */
	counts.position = 3;
	ep_recent_add(recent, &counts, &no_slaves, NOON - 600);
	ep_recent_add(recent, &counts, &no_slaves, -5);
	ep_recent_add(recent, &counts, &no_slaves, INT64_MAX);
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
		ep_recent_add(recent, &counts, &no_slaves, NOON + 60 * minute);
	needs(ep_read_file(&bytes, path, 1 << 20, NULL));
	assert_int_equal(slots_of(&sum, EP_RECENT_HOUR, "requests", NOON + 3599), 60);
	for (size_t at = 32; at < 32 + 400; at++) {
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
	const size_t sizes[] = { 0, 1, 31, 32, 100, 225632, 200000 };
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
		assert_int_equal(bytes.size, 225632);
	}
}

/* ---- slaves ---- */

static struct ep_recent_slave many[200];

/* Slaves 0 to count - 1, each as far behind as its number and more says. */
static struct ep_recent_slaves
slaves_behind(size_t count, uint64_t more)
{
	static char names[200][8];
	for (size_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof names[i], "s%zu", i);
		many[i] = (struct ep_recent_slave){ 1000 + i, names[i], i + more };
	}
	return (struct ep_recent_slaves){ many, count };
}

/* What is told of slaves in a span. */
static json_t *
told_of(const struct ep_recent_slaves *slaves, enum ep_recent_span span, int64_t now)
{
	json_t *json = ep_recent_json(recent, span, slaves, now);
	json_t *told = json_incref(json_object_get(json, "slaves"));
	json_decref(json);
	assert_true(json_is_array(told));
	return told;
}

static const char *
name_at(const json_t *told, size_t at)
{
	return json_string_value(json_object_get(json_array_get(told, at), "name"));
}

static json_t *
lag_at(const json_t *told, size_t at, size_t slot)
{
	return json_array_get(json_object_get(json_array_get(told, at), "lags"), slot);
}

static void
the_lag_of_each_slave_is_kept_and_after_a_restart(void **state)
{
	(void)state;
	struct ep_recent_counts counts = { 0 };
	json_int_t sum;
	struct ep_recent_slaves slaves = slaves_behind(3, 0);
	ep_recent_add(recent, &counts, &slaves, NOON + 60);
	slaves = slaves_behind(3, 5);
	ep_recent_add(recent, &counts, &slaves, NOON + 120);
	slaves = slaves_behind(3, 1);
	ep_recent_add(recent, &counts, &slaves, NOON + 121);
	for (int turn = 0; turn < 2; turn++) {
		json_t *told = told_of(&slaves, EP_RECENT_HOUR, NOON + 125);
		assert_int_equal(json_array_size(told), 3);
		assert_string_equal(name_at(told, 0), "s2");
		assert_int_equal(json_integer_value(lag_at(told, 0, 0)), 2);
		assert_int_equal(json_integer_value(lag_at(told, 0, 1)), 7);
		assert_int_equal(json_integer_value(lag_at(told, 2, 0)), 0);
		assert_true(json_is_integer(lag_at(told, 2, 0)));
		json_decref(told);
		/* The largest of a slot, not the sum and not the last. */
		slots_of(&sum, EP_RECENT_DAY, "lag", NOON + 125);
		assert_int_equal(sum, 7);
		slots_of(&sum, EP_RECENT_DAY, "behind", NOON + 125);
		assert_int_equal(sum, 3);
		slots_of(&sum, EP_RECENT_DAY, "slaves", NOON + 125);
		assert_int_equal(sum, 3);
		open_again(NOON + 121);
	}
}

static void
of_many_slaves_those_that_are_furthest_behind_are_kept(void **state)
{
	(void)state;
	struct ep_recent_counts counts = { 0 };
	json_int_t sum;
	struct ep_recent_slaves slaves = slaves_behind(200, 1);
	ep_recent_add(recent, &counts, &slaves, NOON + 60);
	for (size_t i = 0; i < 200; i++)
		many[i].lag = 0;
	ep_recent_add(recent, &counts, &slaves, NOON + 120);
	json_t *told = told_of(&slaves, EP_RECENT_HOUR, NOON + 125);
	assert_int_equal(json_array_size(told), EP_RECENT_LAGS);
	for (size_t i = 0; i < EP_RECENT_LAGS; i++) {
		assert_int_equal(json_integer_value(lag_at(told, i, 0)), 200 - i);
		assert_true(json_is_integer(lag_at(told, i, 1)));
		assert_int_equal(json_integer_value(lag_at(told, i, 1)), 0);
	}
	json_decref(told);
	slots_of(&sum, EP_RECENT_HOUR, "behind", NOON + 125);
	assert_int_equal(sum, 200);
	/* One that was not among them is not known there, and was not behind where others were not.
	 */
	struct ep_recent_slaves one = { many, 1 };
	told = told_of(&one, EP_RECENT_HOUR, NOON + 125);
	assert_true(json_is_null(lag_at(told, 0, 0)));
	assert_int_equal(json_integer_value(lag_at(told, 0, 1)), 0);
	json_decref(told);
}

static void
a_slave_that_is_not_known_any_more_is_not_told(void **state)
{
	(void)state;
	struct ep_recent_counts counts = { 0 };
	struct ep_recent_slaves slaves = slaves_behind(3, 0);
	ep_recent_add(recent, &counts, &slaves, NOON + 60);
	many[1].id = 7; /* another that came since */
	json_t *told = told_of(&slaves, EP_RECENT_HOUR, NOON + 65);
	assert_int_equal(json_array_size(told), 2);
	assert_string_equal(name_at(told, 0), "s2");
	assert_string_equal(name_at(told, 1), "s0");
	json_decref(told);
	told = told_of(&no_slaves, EP_RECENT_HOUR, NOON + 65);
	assert_int_equal(json_array_size(told), 0);
	json_decref(told);
}

/* The file of the format before this one, with all that it had. */
static void
a_file_of_format_1_is_made_anew(void **state)
{
	(void)state;
	EP_BUFFER struct ep_buffer bytes = { 0 };
	static uint8_t old[90272] = "echoprint recent 1\n";
	json_int_t sum;
	needs(ep_replace_file(path, old, sizeof old, 0600, NULL));
	open_again(NOON);
	assert_int_equal(slots_of(&sum, EP_RECENT_MONTH, "requests", NOON), 0);
	needs(ep_read_file(&bytes, path, 1 << 20, NULL));
	assert_int_equal(bytes.size, 225632);
	assert_memory_equal(bytes.data, "echoprint recent 2\n", 19);
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
		cmocka_unit_test_setup_teardown(the_lag_of_each_slave_is_kept_and_after_a_restart,
		                                start, end),
		cmocka_unit_test_setup_teardown(
			of_many_slaves_those_that_are_furthest_behind_are_kept, start, end),
		cmocka_unit_test_setup_teardown(a_slave_that_is_not_known_any_more_is_not_told,
		                                start, end),
		cmocka_unit_test_setup_teardown(a_file_of_format_1_is_made_anew, start, end),
		cmocka_unit_test(a_quantile_is_within_its_bucket),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* What two tracks have in common, by onsets that are made here. */
#include "match/common.h"

#include "tests/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LENGTH 4000u /* of a track, in units of time */

/* A number that only depends on what it is made from. */
static uint32_t
scatter(uint32_t seed)
{
	seed = (seed ^ seed >> 16) * 0x45d9f3bu;
	seed = (seed ^ seed >> 16) * 0x45d9f3bu;
	return seed ^ seed >> 16;
}

/* A track with an onset in each band every 20 units or so. Those from `from` on, up to `until`, are
 * of the seed `common`, whose time 0 is at `shift`; all others are of the track's own. */
static void
make_track(struct ep_sketch *sketch, uint32_t seed, uint32_t common, uint32_t from, uint32_t until,
           uint32_t shift)
{
	size_t count = 0;
	*sketch = (struct ep_sketch){ .has_bands = true };
	sketch->onsets = calloc(EP_ONSET_BANDS * (size_t)LENGTH, sizeof *sketch->onsets);
	must(sketch->onsets != NULL);
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++) {
		for (uint32_t time = 0; time < LENGTH; time++) {
			bool inside = time >= from && time < until;
			uint32_t place = inside ? time - shift : time;
			uint32_t from_seed = inside ? common : seed;
			if (scatter(from_seed * 7919 + place * EP_ONSET_BANDS + band) % 20 == 0)
				sketch->onsets[count++] = time;
		}
		sketch->end[band] = count;
	}
	sketch->onset_count = count;
}

static enum ep_status
find(struct ep_common_part *part, const struct ep_sketch *one, const struct ep_sketch *other,
     int64_t offset)
{
	return ep_find_common_part(part, one, other, offset, 0, LENGTH, NULL);
}

static void
assert_near(uint32_t found, uint32_t expected)
{
	if (found + 30 < expected || found > expected + 30)
		fail_msg("it is %u, expected about %u", found, expected);
}

static void
a_common_part_is_found_from_begin_to_end(void **state)
{
	(void)state;
	EP_SKETCH struct ep_sketch one;
	EP_SKETCH struct ep_sketch other;
	struct ep_common_part part;
	make_track(&one, 1, 3, 1000, 1600, 1000);
	make_track(&other, 2, 3, 2500, 3100, 2500);
	for (int64_t off = -1; off <= 1; off++) {
		needs(find(&part, &one, &other, 1500 + off));
		assert_near(part.first, 1000);
		assert_near(part.last, 1600);
		assert_true(part.coincide * 10 >= part.onsets * 9);
	}
}

static void
what_is_not_common_is_no_long_part(void **state)
{
	(void)state;
	EP_SKETCH struct ep_sketch one;
	EP_SKETCH struct ep_sketch other;
	make_track(&one, 1, 3, 1000, 1600, 1000);
	make_track(&other, 2, 3, 2500, 3100, 2500);
	for (int64_t offset = 0; offset < 1000; offset += 37) {
		struct ep_common_part part = { 0 };
		enum ep_status status = find(&part, &one, &other, offset);
		must(status == EP_OK || status == EP_NOT_FOUND);
		assert_true(part.last - part.first < 340);
	}
}

static void
a_part_ends_before_what_differs_for_seconds(void **state)
{
	(void)state;
	EP_SKETCH struct ep_sketch one;
	EP_SKETCH struct ep_sketch other;
	EP_SKETCH struct ep_sketch apart;
	struct ep_common_part part;
	/* Both have it all, but for 600 units in the middle. */
	make_track(&one, 1, 3, 500, 3000, 0);
	make_track(&other, 2, 3, 500, 1200, 0);
	make_track(&apart, 4, 3, 1800, 3000, 0);
	needs(find(&part, &one, &other, 0));
	assert_near(part.last, 1200);
	/* Of both parts, the one that is asked for. */
	needs(ep_find_common_part(&part, &one, &apart, 0, 1700, 1900, NULL));
	assert_near(part.first, 1800);
	assert_near(part.last, 3000);
	assert_int_equal(ep_find_common_part(&part, &one, &apart, 0, 3900, 3900, NULL),
	                 EP_NOT_FOUND);
}

static void
silence_is_in_no_part(void **state)
{
	(void)state;
	struct ep_common_part part;
	struct ep_sketch none = { 0 };
	uint32_t times[] = { 0, 1, 2, 3, 1000, 1001, 1002, 1003, 1004 };
	struct ep_sketch few = { .onsets = times, .onset_count = 9 };
	for (int band = 0; band < EP_ONSET_BANDS; band++)
		few.end[band] = 9;
	assert_int_equal(find(&part, &none, &few, 0), EP_NOT_FOUND);
	assert_int_equal(find(&part, &few, &none, 0), EP_NOT_FOUND);
	needs(find(&part, &few, &few, 0));
	assert_int_equal(part.first, 1000);
	assert_int_equal(part.last, 1004);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_common_part_is_found_from_begin_to_end),
		cmocka_unit_test(what_is_not_common_is_no_long_part),
		cmocka_unit_test(a_part_ends_before_what_differs_for_seconds),
		cmocka_unit_test(silence_is_in_no_part),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "monitor/unknown.h"

#include "generator/generator.h"
#include "tests/must.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define AT 1000000.0 /* when the stream began */

static struct ep_unknown unknown;
static char told[1000]; /* pieces, as begin-end of stretch, in seconds of the stream */
static double fed_s;

static int
begin(void **state)
{
	(void)state;
	told[0] = '\0';
	fed_s = 0;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	ep_unknown_free(&unknown);
	return 0;
}

static enum ep_status
on_piece(void *context, const struct ep_unknown_piece *piece, struct ep_error *err)
{
	(void)context, (void)err;
	size_t size = strlen(told);
	double begin_s = piece->at - AT;
	/* Each sample is the second of the stream that it is of. */
	assert_int_equal(piece->samples[0], (int)floor(begin_s + 0.001));
	snprintf(told + size, sizeof told - size, "%.0f-%.0f of %.0f\n", begin_s,
	         begin_s + (double)piece->count / EP_SAMPLE_RATE, piece->stretch_at - AT);
	return EP_OK;
}

static void
feed(int seconds)
{
	static int16_t samples[EP_SAMPLE_RATE];
	for (; seconds > 0; seconds--, fed_s++) {
		for (size_t i = 0; i < EP_SAMPLE_RATE; i++)
			samples[i] = (int16_t)fed_s;
		needs(ep_unknown_feed(&unknown, AT + fed_s, samples, EP_SAMPLE_RATE, on_piece, NULL,
		                      NULL));
	}
}

static void
a_long_stretch_is_pieces_that_overlap(void **state)
{
	(void)state;
	feed(EP_UNKNOWN_PIECE_S + EP_UNKNOWN_LATE_S - 1);
	assert_string_equal(told, "");
	feed(1);
	assert_string_equal(told, "0-120 of 0\n");
	feed(90);
	needs(ep_unknown_end(&unknown, AT + fed_s, on_piece, NULL, NULL));
	assert_string_equal(told, "0-120 of 0\n90-210 of 0\n180-270 of 0\n");
	assert_int_equal(unknown.count, 0);
}

static void
a_song_is_in_no_piece(void **state)
{
	(void)state;
	feed(60);
	needs(ep_unknown_end(&unknown, AT + 30, on_piece, NULL, NULL)); /* it begins */
	feed(100);
	ep_unknown_drop(&unknown, AT + 150); /* it was last heard */
	feed(40);
	needs(ep_unknown_end(&unknown, AT + 180, on_piece, NULL, NULL)); /* the next one */
	assert_string_equal(told, "0-30 of 0\n150-180 of 150\n");
}

static void
what_is_too_short_is_no_piece(void **state)
{
	(void)state;
	feed(30);
	needs(ep_unknown_end(&unknown, AT + EP_UNKNOWN_MIN_S - 1, on_piece, NULL, NULL));
	needs(ep_unknown_end(&unknown, AT, on_piece, NULL, NULL));
	assert_string_equal(told, "");
	needs(ep_unknown_end(&unknown, AT + 100, on_piece, NULL, NULL));
	assert_string_equal(told, "7-30 of 7\n");
	needs(ep_unknown_end(&unknown, AT + 100, on_piece, NULL, NULL));
	assert_string_equal(told, "7-30 of 7\n");
}

static enum ep_status
on_any_piece(void *context, const struct ep_unknown_piece *piece, struct ep_error *err)
{
	(void)context, (void)piece, (void)err;
	return EP_OK;
}

/* However the moments are rounded: a sample that stayed would give what comes next its moment. */
static void
nothing_stays_of_what_was_heard_before_a_break(void **state)
{
	(void)state;
	static const int16_t samples[2000];
	for (size_t count = 1; count <= 2000; count++) {
		double at = AT + (double)count / 7;
		double until = at + (double)count / EP_SAMPLE_RATE;
		needs(ep_unknown_feed(&unknown, at, samples, count, on_any_piece, NULL, NULL));
		needs(ep_unknown_end(&unknown, until, on_any_piece, NULL, NULL));
		assert_int_equal(unknown.count, 0);
	}
}

static void
memory_is_that_of_a_piece_and_what_is_late(void **state)
{
	(void)state;
	feed(1000);
	assert_true(unknown.capacity <=
	            (size_t)(EP_UNKNOWN_PIECE_S + EP_UNKNOWN_LATE_S + 1) * EP_SAMPLE_RATE * 5 / 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_long_stretch_is_pieces_that_overlap, begin, end),
		cmocka_unit_test_setup_teardown(a_song_is_in_no_piece, begin, end),
		cmocka_unit_test_setup_teardown(what_is_too_short_is_no_piece, begin, end),
		cmocka_unit_test_setup_teardown(nothing_stays_of_what_was_heard_before_a_break,
		                                begin, end),
		cmocka_unit_test_setup_teardown(memory_is_that_of_a_piece_and_what_is_late, begin,
		                                end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

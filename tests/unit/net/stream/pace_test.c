/* When samples were heard, and how long to wait. */
#include "net/stream/pace.h"

#include "sound/sound.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOON 1e9

static void
is_near(double found, double expected, double within)
{
	if (fabs(found - expected) > within)
		fail_msg("%f is not %f", found, expected);
}

/* Plays for so many seconds from a moment on, in pieces of a second of the clock in which `rate`
 * seconds of sound come; gives when the last piece was heard. */
static double
play(struct ep_pace *pace, double from, int seconds, double rate)
{
	double at = 0;
	for (int i = 0; i < seconds; i++)
		at = ep_pace_take(pace, (uint64_t)(EP_SOUND_RATE * rate), NOON + from + i,
		                  from + i);
	return at;
}

static void
a_burst_does_not_bend_the_moments(void **state)
{
	(void)state;
	struct ep_pace pace;
	ep_pace_begin(&pace, true, 0);
	is_near(ep_pace_take(&pace, 10 * EP_SOUND_RATE, NOON, 0), NOON, 0.001);
	is_near(ep_pace_take(&pace, EP_SOUND_RATE, NOON + 1, 1), NOON + 10, 0.001);
	is_near(ep_pace_ahead(&pace, 1), 10, 0.001);
	is_near(play(&pace, 2, 1000, 1), NOON + 11 + 999, 0.001);
}

static void
sound_that_did_not_come_has_its_time(void **state)
{
	(void)state;
	struct ep_pace pace;
	ep_pace_begin(&pace, true, 0);
	ep_pace_skip(&pace, 5);
	is_near(ep_pace_take(&pace, 10 * EP_SOUND_RATE, NOON, 0), NOON, 0.001);
	ep_pace_skip(&pace, 5);
	is_near(ep_pace_take(&pace, EP_SOUND_RATE, NOON + 1, 1), NOON + 15, 0.001);
}

static void
a_file_is_reckoned_from_its_beginning(void **state)
{
	(void)state;
	struct ep_pace pace;
	ep_pace_begin(&pace, false, NOON - 500);
	is_near(play(&pace, 0, 3000, 40), NOON - 500 + 40 * 2999, 0.001);
}

static void
clocks_that_part_are_set_right(void **state)
{
	(void)state;
	struct ep_pace pace;
	const int day = 86400;
	ep_pace_begin(&pace, true, 0);
	/* 100 millionths: 8.6 s a day. */
	is_near(play(&pace, 0, day, 1.0001), NOON + day - 1, EP_PACE_DRIFT_S + 0.5);
	ep_pace_begin(&pace, true, 0);
	is_near(play(&pace, 0, day, 0.9999), NOON + day - 1, EP_PACE_DRIFT_S + 0.5);
}

static void
a_short_break_changes_nothing(void **state)
{
	(void)state;
	struct ep_pace pace;
	ep_pace_begin(&pace, true, 0);
	play(&pace, 0, 100, 1);
	/* 20 s of nothing, and then all of it at once. */
	ep_pace_take(&pace, 20 * EP_SOUND_RATE, NOON + 120, 120);
	is_near(play(&pace, 121, 300, 1), NOON + 120 + 299, 0.1);
}

static void
waits_double_up_to_five_minutes(void **state)
{
	(void)state;
	is_near(ep_backoff_s(1, 0.5), 1, 0.001);
	is_near(ep_backoff_s(2, 0.5), 2, 0.001);
	is_near(ep_backoff_s(8, 0.5), 128, 0.001);
	is_near(ep_backoff_s(10, 0.5), 300, 0.001);
	is_near(ep_backoff_s(1000000, 0.5), 300, 0.001);
	is_near(ep_backoff_s(3, 0), 3, 0.001);
	is_near(ep_backoff_s(3, 1), 5, 0.001);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_does_not_bend_the_moments),
		cmocka_unit_test(sound_that_did_not_come_has_its_time),
		cmocka_unit_test(a_file_is_reckoned_from_its_beginning),
		cmocka_unit_test(clocks_that_part_are_set_right),
		cmocka_unit_test(a_short_break_changes_nothing),
		cmocka_unit_test(waits_double_up_to_five_minutes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

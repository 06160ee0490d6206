/* What a stream played before, in pieces that overlap: what comes of it in the log of plays. */
#include "monitor/learning.h"

#include "tests/on_air.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND ((size_t)EP_SAMPLE_RATE)
#define AT 1000000.0 /* when the stream began */

static int16_t jingles[2][12 * SECOND];
static char told[1024];

static int
start(void **state)
{
	build_studio(state);
	for (uint64_t i = 0; i < 2; i++)
		compose(jingles[i], 12 * SECOND, 100 + i);
	put_song("A", jingles[0], 12 * SECOND);
	put_song("B", jingles[1], 12 * SECOND);
	go_on_air();
	struct ep_plays_write *write;
	uint32_t number;
	needs(ep_plays_write_begin(&write, plays, NULL));
	needs(ep_plays_add_stream(&number, write, ep_text_of("radio"), ep_text_of(""), NULL));
	needs(ep_plays_commit(write, NULL));
	assert_int_equal(number, 1);
	return 0;
}

/* Both jingles, with something else before, between and after them, for so many seconds each. */
static size_t
mix(int16_t *samples, const size_t seconds[3], uint64_t seed)
{
	size_t at = 0;
	for (size_t i = 0; i < 3; i++) {
		compose(samples + at, seconds[i] * SECOND, seed + i);
		at += seconds[i] * SECOND;
		if (i < 2)
			memcpy(samples + at, jingles[i], sizeof jingles[i]);
		at += i < 2 ? 12 * SECOND : 0;
	}
	return at;
}

static void
take(struct ep_learning *learning, const int16_t *samples, size_t count, double at_s,
     double stretch_s)
{
	const struct ep_unknown_piece piece = { samples, count, AT + at_s, AT + stretch_s };
	needs(ep_learning_take(learning, ep_text_of("radio"), 1, &piece, NULL));
}

static enum ep_status
on_play(void *context, const struct ep_logged_play *play, struct ep_error *err)
{
	(void)context, (void)err;
	size_t size = strlen(told);
	snprintf(told + size, sizeof told - size, "%.*s at %.0f ", (int)play->track_id.size,
	         play->track_id.at, round(((double)play->start_ms / 1000 - AT) / 5) * 5);
	return EP_OK;
}

/* A piece ends with them, and the next one of its stretch begins with them. */
static void
two_jingles_in_the_overlap_of_pieces_are_two_plays(void **state)
{
	(void)state;
	static int16_t samples[90 * SECOND];
	const struct ep_learning_options options = { .node = open_node,
		                                     .queries = queries,
		                                     .recorder = recorder,
		                                     .on_line = on_recorder_line };
	struct ep_learning *learning;
	struct ep_plays_read *read;
	struct ep_plays_range all = { .from_ms = INT64_MIN, .to_ms = INT64_MAX };
	needs(ep_learning_open(&learning, &options, NULL));
	size_t count = mix(samples, (const size_t[]){ 20, 15, 10 }, 1);
	take(learning, samples, count, 0, 0);
	count = mix(samples, (const size_t[]){ 30, 3, 30 }, 11);
	take(learning, samples, 58 * SECOND, 1000, 1000);
	take(learning, samples + 28 * SECOND, count - 28 * SECOND, 1028, 1000);
	ep_learning_close(learning);
	must(ep_recorder_flush(recorder, 600));
	needs(ep_plays_read_begin(&read, plays, NULL));
	needs(ep_plays_each_play(read, &all, on_play, NULL, NULL));
	ep_plays_read_end(read);
	assert_string_equal(told, "A at 1030 B at 1045 ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(two_jingles_in_the_overlap_of_pieces_are_two_plays,
		                                start, go_off_air),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "match/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- which song plays ---- */

/* Hears `id` in the window that ends at end_s, as beginning at start_s; gives whether it
 * was named then. An empty id is a window without a match. */
static bool
hear(struct ep_playing *playing, double end_s, const char *id, double start_s, int score)
{
	double begin_s = end_s - EP_LISTEN_WINDOW_S;
	struct ep_answer answer = {
		.match = id[0] != '\0',
		.track_id = ep_text_of(id),
		.offset_s = begin_s - start_s,
		.score = score,
	};
	struct ep_error err;
	bool named;
	assert_int_equal(ep_playing_hear(&named, playing, begin_s, end_s, &answer, &err), EP_OK);
	return named;
}

static void
a_song_is_named_once_when_windows_agree(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	assert_false(hear(&playing, 40, "A", 25.0, 70));
	assert_false(hear(&playing, 45, "A", 25.1, 80));
	assert_true(hear(&playing, 50, "A", 24.9, 70));
	assert_int_equal(playing.now.score, 80);
	assert_true(playing.now.start_s > 25.05 && playing.now.start_s < 25.15);
	for (int end = 55; end < 300; end += 5)
		assert_false(hear(&playing, end, "A", 25.0, 90));
}

static void
strong_windows_need_only_be_two(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	assert_false(hear(&playing, 40, "A", 25, 300));
	assert_true(hear(&playing, 45, "A", 25, EP_SCORE_ACCEPTED));
}

static void
weak_windows_are_never_enough(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 20; end < 1000; end += 5)
		assert_false(hear(&playing, end, "A", 25, EP_SCORE_ACCEPTED + 9));
}

static void
windows_that_do_not_agree_name_nothing(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 20; end < 400; end += 5) {
		/* One track, but its beginning moves with the stream; then ever another. */
		assert_false(hear(&playing, end, "A", end - 30, 90));
		assert_false(hear(&playing, end, end % 2 ? "B" : "C", 0, 90));
	}
}

static void
what_is_heard_too_seldom_is_not_named(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 20; end < 400; end += 20)
		assert_false(hear(&playing, end, "A", 0, 200));
}

static void
gaps_within_a_song_are_bridged(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	assert_false(hear(&playing, 40, "A", 20, 70));
	assert_false(hear(&playing, 45, "", 0, 0));
	assert_false(hear(&playing, 50, "A", 20, 80));
	assert_false(hear(&playing, 55, "", 0, 0));
	assert_true(hear(&playing, 60, "A", 20, 80));
	/* A quiet part of minutes, and it goes on: that is no new song. */
	assert_false(hear(&playing, 200, "A", 20, 200));
	assert_false(hear(&playing, 205, "A", 20, 200));
}

static void
songs_follow_one_another(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	assert_false(hear(&playing, 20, "A", 0, 200));
	assert_true(hear(&playing, 25, "A", 0, 200));
	assert_false(hear(&playing, 30, "B", 22, 200));
	assert_true(hear(&playing, 35, "B", 22, 200));
	/* The first one again, where it would be if it had never been left. */
	assert_false(hear(&playing, 40, "A", 0, 200));
	assert_true(hear(&playing, 45, "A", 0, 200));
}

static void
a_song_that_begins_again_is_named_again(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 20; end <= 100; end += 5)
		assert_int_equal(hear(&playing, end, "A", 0, 200), end == 25);
	/* Longer than a loop looks like it. */
	for (int end = 110; end <= 120; end += 5)
		assert_false(hear(&playing, end, "A", 98, 200));
	assert_true(hear(&playing, 125, "A", 98, 200));
}

static void
a_loop_and_a_copy_are_the_song_that_plays(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	assert_false(hear(&playing, 20, "A", 0, 200));
	assert_true(hear(&playing, 25, "A", 0, 200));
	for (int end = 30; end < 200; end += 5) {
		assert_false(hear(&playing, end, "A", -16, 200));
		/* Every fourth window is where the song is, the others where it was before. */
		assert_false(hear(&playing, end, "A", end % 20 ? end / 20 * 20 : 0, 200));
		assert_false(hear(&playing, end, "COPY", 1.5, 200));
	}
}

/* ---- windows ---- */

struct told {
	double begin_s[64];
	double end_s[64];
	size_t windows;
	size_t pairs; /* of the last window */
	size_t songs;
	double start_s;
};

/* Where a window begins that ends at end_s. */
static double
begin_of(double end_s)
{
	return end_s > EP_LISTEN_WINDOW_S ? end_s - EP_LISTEN_WINDOW_S : 0;
}

/* A song that began 3 s before the stream. */
static enum ep_status
match(void *context, struct ep_answer *answer, struct ep_pairs *pairs, struct ep_error *err)
{
	(void)err;
	struct told *told = context;
	double end_s = 10 + 5 * (double)told->windows;
	told->pairs = pairs->count;
	*answer = (struct ep_answer){ .match = pairs->count > 0,
		                      .track_id = ep_text_of("A"),
		                      .score = 90,
		                      .offset_s = 3 + begin_of(end_s) };
	return EP_OK;
}

static enum ep_status
on_window(void *context, double begin_s, double end_s, const struct ep_answer *answer,
          struct ep_error *err)
{
	(void)answer;
	(void)err;
	struct told *told = context;
	assert_true(told->windows < 64);
	told->begin_s[told->windows] = begin_s;
	told->end_s[told->windows++] = end_s;
	return EP_OK;
}

static enum ep_status
on_song(void *context, const struct ep_play *play, double end_s, const struct ep_answer *answer,
        struct ep_error *err)
{
	(void)end_s;
	(void)err;
	struct told *told = context;
	assert_true(ep_text_equal(answer->track_id, ep_text_of("A")));
	told->start_s = play->start_s;
	told->songs++;
	return EP_OK;
}

/* Feeds so many samples, noise that swells and fades, in pieces of a size. */
static void
feed(struct ep_listener *listener, size_t count, size_t piece, bool silent)
{
	int16_t samples[4096] = { 0 };
	uint32_t noise = 1;
	struct ep_error err;
	for (size_t at = 0; at < count; at += piece) {
		size_t part = count - at < piece ? count - at : piece;
		for (size_t i = 0; i < part && !silent; i++) {
			noise = noise * 1664525 + 1013904223;
			samples[i] = (int16_t)((int)(noise >> 18) * (int)((at + i) % 3000) / 3000);
		}
		assert_int_equal(ep_listener_feed(listener, samples, part, &err), EP_OK);
	}
}

static void
listen(struct told *told, size_t seconds, size_t piece, bool silent)
{
	struct ep_listen_calls calls = {
		.match = match, .on_window = on_window, .on_song = on_song, .context = told
	};
	struct ep_listener *listener;
	struct ep_error err;
	assert_int_equal(ep_listener_new(&listener, &calls, &err), EP_OK);
	feed(listener, seconds * EP_SAMPLE_RATE, piece, silent);
	assert_int_equal(ep_listener_finish(listener, &err), EP_OK);
	ep_listener_free(listener);
}

static void
windows_slide_whatever_the_pieces(void **state)
{
	(void)state;
	static const size_t pieces[] = { 1, 441, 4096 };
	for (size_t i = 0; i < 3; i++) {
		struct told told = { 0 };
		listen(&told, 52, pieces[i], false);
		assert_int_equal(told.windows, 10);
		for (size_t w = 0; w < 9; w++) {
			double end_s = 10 + 5 * (double)w;
			assert_true(told.end_s[w] >= end_s && told.end_s[w] <= end_s);
			assert_true(told.begin_s[w] >= begin_of(end_s) &&
			            told.begin_s[w] <= begin_of(end_s));
		}
		/* What was left at the end. */
		assert_true(told.end_s[9] > 51.9 && told.begin_s[9] > 21.9);
		assert_int_equal(told.songs, 1);
		assert_true(told.start_s > -3.01 && told.start_s < -2.99);
	}
}

static void
a_long_silence_makes_no_window_deaf(void **state)
{
	(void)state;
	struct told told = { 0 };
	struct ep_listen_calls calls = { .match = match, .on_song = on_song, .context = &told };
	struct ep_listener *listener;
	struct ep_error err;
	assert_int_equal(ep_listener_new(&listener, &calls, &err), EP_OK);
	feed(listener, (size_t)20 * 60 * EP_SAMPLE_RATE, 4096, true);
	assert_int_equal(told.pairs, 0);
	feed(listener, (size_t)20 * EP_SAMPLE_RATE, 4096, false);
	assert_true(told.pairs > 100);
	ep_listener_free(listener);
}

static void
a_stream_that_is_short_is_asked_once(void **state)
{
	(void)state;
	struct told told = { 0 };
	listen(&told, 7, 4096, false);
	assert_int_equal(told.windows, 1);
	assert_int_equal(told.songs, 0);
	told = (struct told){ 0 };
	listen(&told, 0, 4096, false);
	assert_int_equal(told.windows, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_song_is_named_once_when_windows_agree),
		cmocka_unit_test(strong_windows_need_only_be_two),
		cmocka_unit_test(weak_windows_are_never_enough),
		cmocka_unit_test(windows_that_do_not_agree_name_nothing),
		cmocka_unit_test(what_is_heard_too_seldom_is_not_named),
		cmocka_unit_test(gaps_within_a_song_are_bridged),
		cmocka_unit_test(songs_follow_one_another),
		cmocka_unit_test(a_song_that_begins_again_is_named_again),
		cmocka_unit_test(a_loop_and_a_copy_are_the_song_that_plays),
		cmocka_unit_test(windows_slide_whatever_the_pieces),
		cmocka_unit_test(a_long_silence_makes_no_window_deaf),
		cmocka_unit_test(a_stream_that_is_short_is_asked_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

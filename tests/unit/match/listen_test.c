#include "match/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- which song plays ---- */

/* Hears the track at `position` in the window that ends at end_s, as beginning at start_s; gives
 * whether it was named then. Position 0 is a window without any candidate. */
static bool
hear(struct ep_playing *playing, double end_s, uint64_t position, double start_s, int score)
{
	double begin_s = end_s - EP_LISTEN_WINDOW_S;
	struct ep_answer answer = {
		.match = score >= EP_SCORE_ACCEPTED,
		.best_position = position,
		.best_offset_s = begin_s - start_s,
		.speed = 1,
		.score = score,
	};
	struct ep_playing_news news;
	ep_playing_hear(&news, playing, begin_s, end_s, &answer);
	if (news.named)
		assert_true(playing->now.position == position);
	return news.named;
}

static bool
is_about(double value, double other)
{
	return value > other - 0.01 && value < other + 0.01;
}

/* The beginning of a song that plays faster than its track is where it is in the stream, and its
 * speed is what is tried first. */
static void
a_song_keeps_its_speed(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	struct ep_playing_news news;
	assert_true(is_about(ep_playing_speed(&playing), 1));
	for (int end = 60; end <= 100; end += 5) {
		double begin_s = end - EP_LISTEN_WINDOW_S;
		struct ep_answer answer = { .match = true,
			                    .best_position = 1,
			                    .best_offset_s = (begin_s - 20) * 1.02,
			                    .speed = 1.02,
			                    .score = 120 };
		ep_playing_hear(&news, &playing, begin_s, end, &answer);
		assert_true(is_about(ep_playing_speed(&playing), 1.02));
	}
	assert_true(playing.now.position == 1);
	assert_int_equal(playing.now.windows, 9);
	assert_true(is_about(playing.now.start_s, 20));
}

/* Hears nothing in the window that ends at end_s; gives when the song ended that is over by that,
 * or -1. */
static double
over(struct ep_playing *playing, double end_s)
{
	struct ep_answer answer = { 0 };
	struct ep_playing_news news;
	ep_playing_hear(&news, playing, end_s - EP_LISTEN_WINDOW_S, end_s, &answer);
	return news.over ? news.over_s : -1;
}

static void
a_song_is_named_once_when_windows_agree(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	assert_false(hear(&playing, 40, 1, 25.0, 80));
	assert_false(hear(&playing, 45, 1, 25.1, 90));
	assert_true(hear(&playing, 50, 1, 25.05, 80));
	assert_int_equal(playing.now.score, 90);
	assert_true(is_about(playing.now.start_s, 25.1));
	for (int end = 55; end < 300; end += 5)
		assert_false(hear(&playing, end, 1, 25.0, 90));
}

static void
strong_windows_need_only_be_three(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	assert_false(hear(&playing, 40, 1, 25, 300));
	assert_false(hear(&playing, 45, 1, 25, 300));
	assert_true(hear(&playing, 50, 1, 25, EP_SCORE_ACCEPTED));
}

static void
windows_that_are_no_match_name_a_song_if_they_share_little_sound(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 40; end < 60; end += 5)
		assert_false(hear(&playing, end, 1, 25, EP_SCORE_ACCEPTED - 1));
	assert_true(hear(&playing, 60, 1, 25, EP_SCORE_ACCEPTED - 1));
}

/* A strict beat fits at many places: here each is heard twice, in windows 25 s apart. */
static void
two_windows_that_agree_name_nothing(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 40; end < 1000; end += 5)
		assert_false(hear(&playing, end, 1, end % 25 + 100 * (end / 50), 60));
}

static void
windows_that_overlap_are_not_enough_if_they_are_weak(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int part = 1; part < 20; part++) {
		for (int end = 0; end <= 10; end += 5)
			assert_false(hear(&playing, 100 * part + end, 1, 100 * part, 65));
	}
}

static void
windows_that_have_nothing_name_nothing(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 40; end < 1000; end += 5)
		assert_false(hear(&playing, end, 1, 25, EP_PLAYING_SCORE_MIN - 1));
}

static void
windows_that_do_not_agree_name_nothing(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 20; end < 400; end += 5) {
		/* One track, but its beginning moves with the stream; then ever another. */
		assert_false(hear(&playing, end, 1, end - 30, 90));
		assert_false(hear(&playing, end, 2 + (uint64_t)end, 0, 90));
	}
}

static void
what_is_heard_too_seldom_is_not_named(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 20; end < 1000; end += EP_PLAYING_GAP_S + 5)
		assert_false(hear(&playing, end, 1, 0, 200));
}

static void
gaps_within_a_song_are_bridged(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	assert_false(hear(&playing, 40, 1, 20, 70));
	assert_false(hear(&playing, 45, 0, 0, 0));
	assert_false(hear(&playing, 50, 1, 20, 80));
	assert_false(hear(&playing, 55, 0, 0, 0));
	assert_true(hear(&playing, 60, 1, 20, 90));
	/* A quiet part, and it goes on: that is no new song. */
	assert_false(hear(&playing, 60 + EP_PLAYING_OVER_S, 1, 20, 300));
	assert_false(hear(&playing, 65 + EP_PLAYING_OVER_S, 1, 20, 300));
}

static void
songs_follow_one_another(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 20; end <= 30; end += 5)
		assert_int_equal(hear(&playing, end, 1, 0, 200), end == 30);
	for (int end = 35; end <= 45; end += 5)
		assert_int_equal(hear(&playing, end, 2, 22, 200), end == 45);
	assert_true(playing.before.position == 1);
	/* The first one again, where it would be if it had never been left. */
	for (int end = 50; end <= 60; end += 5)
		assert_int_equal(hear(&playing, end, 1, 0, 200), end == 60);
}

static void
a_song_that_begins_again_is_named_again(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 20; end <= 100; end += 5)
		assert_int_equal(hear(&playing, end, 1, 0, 200), end == 30);
	/* Longer than a loop looks like it. */
	for (int end = 110; end <= 120; end += 5)
		assert_false(hear(&playing, end, 1, 98, 200));
	assert_true(hear(&playing, 125, 1, 98, 200));
}

static void
a_loop_is_the_song_that_plays(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 20; end <= 30; end += 5)
		assert_int_equal(hear(&playing, end, 1, 0, 200), end == 30);
	for (int end = 35; end < 200; end += 5) {
		/* Every fourth window is where the song is, the others where it was before. */
		assert_false(hear(&playing, end, 1, -16, 200));
		assert_false(hear(&playing, end, 1, end % 20 ? end / 20 * 20 : 0, 200));
	}
}

static void
a_copy_is_the_song_that_plays(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 20; end <= 30; end += 5)
		assert_int_equal(hear(&playing, end, 1, 0, 200), end == 30);
	for (int end = 35; end < 200; end += 5)
		assert_false(hear(&playing, end, 2, 1.5, 200));
}

static void
the_beginning_is_corrected_by_stronger_windows(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 40; end <= 50; end += 5)
		assert_int_equal(hear(&playing, end, 1, 12, 200), end == 50);
	for (int end = 55; end < 95; end += 5)
		assert_false(hear(&playing, end, 1, 4, 150));
	assert_true(is_about(playing.now.start_s, 4));
}

static void
a_song_is_over_when_it_is_not_heard_any_more(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 20; end <= 100; end += 5)
		hear(&playing, end, 1, 0, 200);
	for (int end = 105; end <= 100 + EP_PLAYING_OVER_S; end += 5)
		assert_true(over(&playing, end) < 0);
	assert_true(is_about(over(&playing, 105 + EP_PLAYING_OVER_S),
	                     100 - EP_LISTEN_WINDOW_S + EP_PLAYING_REST_S));
	assert_true(playing.before.position == 1);
	assert_true(playing.now.position == 0);
	assert_true(over(&playing, 110 + EP_PLAYING_OVER_S) < 0);
}

static void
a_song_is_over_when_the_next_one_begins(void **state)
{
	(void)state;
	/* From its beginning, or from its middle on, which says less. */
	static const struct {
		double start_s;
		double over_s;
	} cases[] = { { 83, 83 }, { 40, 95 - EP_LISTEN_WINDOW_S + EP_PLAYING_REST_S } };
	for (size_t i = 0; i < 2; i++) {
		EP_PLAYING struct ep_playing playing = { 0 };
		struct ep_playing_news news = { 0 };
		for (int end = 20; end <= 95; end += 5)
			hear(&playing, end, 1, 0, 200);
		for (int end = 100; end <= 110; end += 5) {
			struct ep_answer answer = { .match = true,
				                    .speed = 1,
				                    .best_position = 2,
				                    .score = 200,
				                    .best_offset_s = end - EP_LISTEN_WINDOW_S -
				                                     cases[i].start_s };
			ep_playing_hear(&news, &playing, end - EP_LISTEN_WINDOW_S, end, &answer);
		}
		assert_true(news.named && news.over);
		assert_true(is_about(news.over_s, cases[i].over_s));
	}
}

static void
a_song_is_over_with_the_stream(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	struct ep_playing_news news;
	for (int end = 20; end <= 100; end += 5)
		hear(&playing, end, 1, 0, 200);
	ep_playing_end(&news, &playing, 103);
	assert_true(news.over && !news.named && is_about(news.over_s, 103));
	ep_playing_end(&news, &playing, 103);
	assert_false(news.over);
}

/* Hears a track in windows that end at 20 to last_end_s; gives when it is over, as its length says.
 */
static double
over_by_length(double last_end_s, uint32_t length_s, double speed)
{
	EP_PLAYING struct ep_playing playing = { 0 };
	struct ep_playing_news news;
	for (double end = 20; end <= last_end_s; end += 5) {
		double begin_s = end - EP_LISTEN_WINDOW_S;
		struct ep_answer answer = { .match = true,
			                    .best_position = 1,
			                    .best_offset_s = (begin_s - 3) * speed,
			                    .speed = speed,
			                    .score = 200 };
		ep_playing_hear(&news, &playing, begin_s, end, &answer);
		if (news.named)
			playing.now.length_s = length_s;
	}
	assert_true(playing.now.position == 1);
	ep_playing_end(&news, &playing, last_end_s);
	return news.over_s;
}

static void
a_song_is_over_no_later_than_its_track(void **state)
{
	(void)state;
	/* A window agrees that has only a little of it at its beginning. */
	assert_true(is_about(over_by_length(40, 12, 1), 15));
	assert_true(is_about(over_by_length(40, 12, 1.02), 3 + 12 / 1.02));
	assert_true(is_about(over_by_length(40, 12, 0.96), 15.5));
	/* Not known; longer than what is heard; and wrong, as windows agree behind it. */
	assert_true(is_about(over_by_length(40, 0, 1), 40));
	assert_true(is_about(over_by_length(40, 200, 1), 40));
	assert_true(is_about(over_by_length(100, 12, 1), 100));
}

static void
a_corrected_beginning_keeps_the_length(void **state)
{
	(void)state;
	EP_PLAYING struct ep_playing playing = { 0 };
	for (int end = 40; end <= 50; end += 5)
		assert_int_equal(hear(&playing, end, 1, 12, 200), end == 50);
	playing.now.length_s = 60;
	for (int end = 55; end < 95; end += 5)
		assert_false(hear(&playing, end, 1, 4, 150));
	assert_true(is_about(ep_play_end(&playing.now, 90), 64));
}

/* ---- windows ---- */

struct told {
	double begin_s[64];
	double end_s[64];
	size_t windows;
	size_t pairs; /* of the last window */
	int score; /* of every window */
	uint32_t length_s; /* of the song */
	bool gone; /* the track that answers name is not there */
	size_t songs;
	double start_s;
	size_t ends;
	double over_s;
};

/* Where a window begins that ends at end_s. */
static double
begin_of(double end_s)
{
	return end_s > EP_LISTEN_WINDOW_S ? end_s - EP_LISTEN_WINDOW_S : 0;
}

/* A song that began 3 s before the stream. */
static enum ep_status
match(void *context, struct ep_answer *answer, struct ep_pairs *pairs, double speed,
      struct ep_error *err)
{
	assert_true(is_about(speed, 1));
	(void)err;
	struct told *told = context;
	double end_s = 10 + 5 * (double)told->windows;
	told->pairs = pairs->count;
	if (pairs->count == 0)
		return EP_OK;
	*answer = (struct ep_answer){ .match = told->score >= EP_SCORE_ACCEPTED,
		                      .best_position = 7,
		                      .score = told->score,
		                      .best_offset_s = 3 + begin_of(end_s),
		                      .speed = 1 };
	if (answer->match)
		answer->track_id = ep_text_of("A");
	answer->length_s = answer->match ? told->length_s : 0;
	return EP_OK;
}

static enum ep_status
name(void *context, struct ep_answer *answer, uint64_t position, struct ep_error *err)
{
	struct told *told = context;
	assert_true(!answer->match && position == 7);
	if (told->gone)
		return ep_fail(err, EP_NOT_FOUND, "it is gone");
	answer->track_id = ep_text_of("A");
	answer->length_s = told->length_s;
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
	assert_int_equal(play->track_id.size, 1);
	told->start_s = play->start_s;
	told->songs++;
	return EP_OK;
}

static enum ep_status
on_end(void *context, const struct ep_play *play, double end_s, struct ep_error *err)
{
	(void)err;
	struct told *told = context;
	assert_true(play->track_id.size == 1 && play->track_id.data[0] == 'A');
	told->over_s = end_s;
	told->ends++;
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
	struct ep_listen_calls calls = { .match = match,
		                         .name = name,
		                         .on_window = on_window,
		                         .on_song = on_song,
		                         .on_end = on_end,
		                         .context = told };
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
		struct told told = { .score = 200 };
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
		assert_int_equal(told.ends, 1);
		assert_true(told.over_s > 51.9 && told.over_s < 52.1);
	}
}

static void
a_song_without_a_match_is_named_by_its_position(void **state)
{
	(void)state;
	struct told told = { .score = EP_SCORE_ACCEPTED - 1 };
	listen(&told, 80, 4096, false);
	assert_int_equal(told.songs, 1);
	assert_int_equal(told.ends, 1);
	/* Its track was deleted meanwhile. */
	told = (struct told){ .score = EP_SCORE_ACCEPTED - 1, .gone = true };
	listen(&told, 80, 4096, false);
	assert_int_equal(told.songs, 0);
	assert_int_equal(told.ends, 0);
}

/* The song began 3 s before the stream. */
static void
the_length_of_a_song_bounds_it(void **state)
{
	(void)state;
	for (int score = EP_SCORE_ACCEPTED - 1; score <= 200; score += 151) {
		struct told told = { .score = score, .length_s = 60 };
		listen(&told, 75, 4096, false);
		assert_int_equal(told.ends, 1);
		assert_true(is_about(told.over_s, 57));
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
		cmocka_unit_test(a_song_keeps_its_speed),
		cmocka_unit_test(a_song_is_named_once_when_windows_agree),
		cmocka_unit_test(strong_windows_need_only_be_three),
		cmocka_unit_test(windows_that_are_no_match_name_a_song_if_they_share_little_sound),
		cmocka_unit_test(two_windows_that_agree_name_nothing),
		cmocka_unit_test(windows_that_overlap_are_not_enough_if_they_are_weak),
		cmocka_unit_test(windows_that_have_nothing_name_nothing),
		cmocka_unit_test(windows_that_do_not_agree_name_nothing),
		cmocka_unit_test(what_is_heard_too_seldom_is_not_named),
		cmocka_unit_test(gaps_within_a_song_are_bridged),
		cmocka_unit_test(songs_follow_one_another),
		cmocka_unit_test(a_song_that_begins_again_is_named_again),
		cmocka_unit_test(a_loop_is_the_song_that_plays),
		cmocka_unit_test(a_copy_is_the_song_that_plays),
		cmocka_unit_test(the_beginning_is_corrected_by_stronger_windows),
		cmocka_unit_test(a_song_is_over_when_it_is_not_heard_any_more),
		cmocka_unit_test(a_song_is_over_when_the_next_one_begins),
		cmocka_unit_test(a_song_is_over_with_the_stream),
		cmocka_unit_test(a_song_is_over_no_later_than_its_track),
		cmocka_unit_test(a_corrected_beginning_keeps_the_length),
		cmocka_unit_test(the_length_of_a_song_bounds_it),
		cmocka_unit_test(windows_slide_whatever_the_pieces),
		cmocka_unit_test(a_song_without_a_match_is_named_by_its_position),
		cmocka_unit_test(a_long_silence_makes_no_window_deaf),
		cmocka_unit_test(a_stream_that_is_short_is_asked_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

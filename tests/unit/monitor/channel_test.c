/* A stream that plays songs of a node: what comes of it in the log of plays. */
#include "monitor/channel.h"

#include "base/time.h"
#include "tests/on_air.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SONG_S 60
#define SONGS 2
#define PIECE (EP_SAMPLE_RATE / 2)

static int16_t songs[SONGS + 1][SONG_S * EP_SAMPLE_RATE]; /* the last one is unknown */
static struct ep_channel *channel;
static char told[2048];
static double began; /* when all begins, in seconds since 1970 */

/* ---- what the linker puts in place of others (--wrap) ---- */

static bool search_fails;
static char learnt[64]; /* the last piece for the learner, as its begin and length */
static bool learns;

/* Stands for a learner, which nobody looks into. */
static int learner;

enum ep_status __real_ep_query_service_match(struct ep_answer *, struct ep_query_service *,
                                             struct ep_arena *, struct ep_pairs *,
                                             const struct ep_match_speeds *, struct ep_error *);
enum ep_status __wrap_ep_query_service_match(struct ep_answer *, struct ep_query_service *,
                                             struct ep_arena *, struct ep_pairs *,
                                             const struct ep_match_speeds *, struct ep_error *);
bool __wrap_ep_learner_is_on(const struct ep_learner *);
enum ep_status __wrap_ep_learner_add(struct ep_learner *, struct ep_text, uint32_t,
                                     const struct ep_unknown_piece *, struct ep_error *);

enum ep_status
__wrap_ep_query_service_match(struct ep_answer *answer, struct ep_query_service *service,
                              struct ep_arena *texts, struct ep_pairs *pairs,
                              const struct ep_match_speeds *speeds, struct ep_error *err)
{
	if (search_fails)
		return ep_fail(err, EP_IO, "the index cannot be read");
	return __real_ep_query_service_match(answer, service, texts, pairs, speeds, err);
}

bool
__wrap_ep_learner_is_on(const struct ep_learner *asked)
{
	return asked && learns;
}

enum ep_status
__wrap_ep_learner_add(struct ep_learner *asked, struct ep_text stream, uint32_t number,
                      const struct ep_unknown_piece *piece, struct ep_error *err)
{
	(void)asked, (void)stream, (void)number, (void)err;
	snprintf(learnt, sizeof learnt, "%.3f for %.3f s", piece->at - began,
	         (double)piece->count / EP_SAMPLE_RATE);
	return EP_OK;
}

/* ---- set-up ---- */

static char said[512]; /* the last line about the channel */

static void
on_channel_line(void *context, const char *line)
{
	(void)context;
	snprintf(said, sizeof said, "%s", line);
}

static int
start(void **state)
{
	const size_t count = (size_t)SONG_S * EP_SAMPLE_RATE;
	build_studio(state);
	began = floor(ep_time_exact());
	for (uint64_t i = 0; i <= SONGS; i++)
		compose(songs[i], count, i + 1);
	put_song("A", songs[0], count);
	put_song("B", songs[1], count);
	go_on_air();
	return 0;
}

static int
leave(void **state)
{
	ep_channel_free(channel);
	channel = NULL;
	search_fails = learns = false;
	learnt[0] = '\0';
	return go_off_air(state);
}

/* A monitor that starts: the one before was killed when it had noted what it had heard. */
static void
open_channel(void)
{
	struct ep_stream_config config = { .name = ep_text_of("radio"), .url = "x" };
	struct ep_channel_options options = { .config = &config,
		                              .plays = plays,
		                              .queries = queries,
		                              .recorder = recorder,
		                              .learner = (void *)&learner,
		                              .on_line = on_channel_line };
	if (channel)
		needs(ep_channel_tick(channel, NULL));
	must(ep_recorder_flush(recorder, 600));
	ep_channel_free(EP_TAKE(channel));
	needs(ep_channel_new(&channel, &options, NULL));
}

/* ---- what the stream does ---- */

static void
state_is(enum ep_stream_state state, const char *why)
{
	ep_channel_calls.on_state(channel, state, why, 1);
}

/* Plays samples from began + at_s on; joined: to what was before. */
static void
hear(double at_s, const int16_t *samples, double seconds, bool joined)
{
	size_t count = (size_t)(seconds * EP_SAMPLE_RATE);
	for (size_t at = 0; at < count; at += PIECE) {
		size_t part = count - at < PIECE ? count - at : PIECE;
		needs(ep_channel_calls.on_samples(channel,
		                                  began + at_s + (double)at / EP_SAMPLE_RATE,
		                                  joined || at > 0, samples + at, part, NULL));
	}
}

/* The part of a song from a second on. */
static const int16_t *
part(int song, int from_s)
{
	return songs[song] + (ptrdiff_t)from_s * EP_SAMPLE_RATE;
}

/* ---- what the log has ---- */

static double
rounded(int64_t moment_ms)
{
	return round((double)moment_ms / 1000 - began);
}

static enum ep_status
on_play(void *context, const struct ep_logged_play *play, struct ep_error *err)
{
	(void)context, (void)err;
	size_t size = strlen(told);
	snprintf(told + size, sizeof told - size, "%.*s %.0f-%.0f+%.0f%s ",
	         (int)play->track_id.size, play->track_id.at, rounded(play->start_ms),
	         rounded(play->end_ms), round(play->offset_ms / 1000.0), play->ended ? "" : "...");
	return EP_OK;
}

static enum ep_status
on_gap(void *context, const struct ep_gap *gap, struct ep_error *err)
{
	(void)context, (void)err;
	size_t size = strlen(told);
	snprintf(told + size, sizeof told - size, "gap %.0f-%.0f%s ", rounded(gap->start_ms),
	         rounded(gap->end_ms), gap->ended ? "" : "...");
	return EP_OK;
}

/* All plays as "TRACK START-END+OFFSET", in seconds since `began`, and gaps; "..." goes on. */
static void
expect(const char *text)
{
	struct ep_plays_read *read;
	struct ep_plays_range all = { .from_ms = INT64_MIN, .to_ms = INT64_MAX };
	needs(ep_channel_tick(channel, NULL));
	must(ep_recorder_flush(recorder, 600));
	needs(ep_plays_read_begin(&read, plays, NULL));
	told[0] = '\0';
	needs(ep_plays_each_play(read, &all, on_play, NULL, NULL));
	needs(ep_plays_each_gap(read, &all, on_gap, NULL, NULL));
	ep_plays_read_end(read);
	assert_string_equal(told, text);
}

/* ---- tests ---- */

static void
songs_that_follow_one_another_are_plays(void **state)
{
	(void)state;
	open_channel();
	hear(0, songs[0], 60, false);
	expect("A 0-60+0... ");
	hear(60, songs[1], 60, true);
	expect("A 0-60+0 B 60-120+0... ");
	state_is(EP_STREAM_ENDED, "");
	expect("A 0-60+0 B 60-120+0 gap 120-120... ");
}

static void
a_play_ends_with_its_track(void **state)
{
	(void)state;
	open_channel();
	hear(0, part(0, 30), 30, false);
	hear(30, songs[SONGS], 60, true);
	expect("A 0-30+30... ");
	hear(90, songs[SONGS], 30, true);
	expect("A 0-30+30 ");
}

static void
a_song_that_was_joined_in_its_middle_begins_where_it_was_heard(void **state)
{
	(void)state;
	open_channel();
	hear(0, part(0, 20), 40, false);
	expect("A 0-40+20... ");
}

static void
a_song_whose_beginning_is_left_out_begins_after_the_song_before(void **state)
{
	(void)state;
	open_channel();
	hear(0, songs[0], 45, false);
	hear(45, part(1, 30), 30, true);
	must(ep_recorder_flush(recorder, 600));
	struct ep_plays_read *read;
	struct ep_logged_play play;
	needs(ep_plays_read_begin(&read, plays, NULL));
	needs(ep_plays_play(&play, read, 2, NULL));
	ep_plays_read_end(read);
	/* It began at 15 s, if it had been heard from its beginning on. */
	assert_true(fabs(rounded(play.start_ms) - play.offset_ms / 1000.0 - 15) < 1);
	assert_true(rounded(play.start_ms) >= 25 && rounded(play.start_ms) <= 46);
}

static void
a_play_goes_on_after_a_restart(void **state)
{
	(void)state;
	open_channel();
	hear(0, songs[0], 25, false);
	expect("A 0-25+0... ");
	open_channel();
	expect("A 0-25+0... gap 25-25... ");
	hear(30, part(0, 30), 25, false);
	expect("A 0-55+0... gap 25-30 ");
}

static void
another_play_of_the_song_is_another_play(void **state)
{
	(void)state;
	open_channel();
	hear(0, songs[0], 60, false);
	open_channel();
	hear(70, songs[0], 25, false);
	expect("A 0-60+0 A 70-95+0... gap 60-70 ");
}

static void
another_song_after_a_restart_ends_the_play(void **state)
{
	(void)state;
	open_channel();
	hear(0, songs[0], 25, false);
	open_channel();
	hear(40, songs[1], 25, false);
	expect("A 0-25+0 B 40-65+0... gap 25-40 ");
}

static void
unknown_sound_after_a_break_ends_the_play(void **state)
{
	(void)state;
	open_channel();
	hear(0, songs[0], 25, false);
	state_is(EP_STREAM_WAITING, "refused");
	expect("A 0-25+0... gap 25-25... ");
	hear(40, songs[SONGS], 55, false);
	expect("A 0-25+0... gap 25-40 ");
	hear(95, songs[SONGS], 10, true);
	expect("A 0-25+0 gap 25-40 ");
}

static void
a_play_ends_also_if_the_last_window_of_a_connection_failed(void **state)
{
	(void)state;
	struct ep_error err;
	open_channel();
	hear(0, songs[0], 27, false);
	search_fails = true;
	assert_int_equal(
		ep_channel_calls.on_samples(channel, began + 40, false, songs[SONGS], PIECE, &err),
		EP_IO);
	search_fails = false;
	hear(40, songs[SONGS], 60, false);
	expect("A 0-25+0 gap 27-40 ");
}

/* The moments of a stream are set right, by some seconds, when its clock and ours have parted. */
static void
all_that_came_before_a_break_is_a_piece(void **state)
{
	(void)state;
	open_channel();
	learns = true;
	hear(0, songs[SONGS], 20, false);
	hear(16, part(SONGS, 20), 10, true);
	hear(100, songs[SONGS], 20, false);
	assert_string_equal(learnt, "0.000 for 30.000 s");
	hear(116, part(SONGS, 20), 10, true);
	needs(ep_channel_leave(channel, NULL));
	assert_string_equal(learnt, "100.000 for 30.000 s");
}

static void
what_a_server_sends_again_is_no_gap(void **state)
{
	(void)state;
	open_channel();
	hear(0, songs[0], 30, false);
	state_is(EP_STREAM_WAITING, "reset");
	hear(20, part(0, 20), 30, false);
	expect("A 0-50+0... ");
	state_is(EP_STREAM_PLAYING, "");
	assert_string_equal(said, "stream \"radio\": it is heard again");
}

static void
a_stream_that_is_not_there_is_a_gap_from_the_start(void **state)
{
	(void)state;
	open_channel();
	state_is(EP_STREAM_CONNECTING, "");
	state_is(EP_STREAM_WAITING, "refused");
	assert_string_equal(said, "stream \"radio\": refused");
	said[0] = '\0';
	state_is(EP_STREAM_CONNECTING, "");
	state_is(EP_STREAM_WAITING, "refused");
	assert_string_equal(said, "");
	must(ep_recorder_flush(recorder, 600));
	struct ep_plays_read *read;
	struct ep_gap gap;
	needs(ep_plays_read_begin(&read, plays, NULL));
	needs(ep_plays_gap(&gap, read, 1, NULL));
	assert_false(gap.ended);
	assert_true(ep_text_equal(gap.reason, ep_text_of("refused")));
	assert_true(fabs((double)gap.start_ms / 1000 - ep_time_exact()) < 600);
	ep_plays_read_end(read);
}

static void
a_stream_that_is_retired_ends_its_play(void **state)
{
	(void)state;
	open_channel();
	hear(0, songs[0], 25, false);
	ep_channel_retire(channel);
	expect("A 0-25+0 gap 25-25... ");
}

/* The state as `status` tells it. */
static const char *
state_name(void)
{
	static char name[32];
	struct ep_streams *streams;
	needs(ep_streams_open(&streams, &ep_channel_calls, NULL));
	json_t *json = ep_channel_json(channel, streams);
	snprintf(name, sizeof name, "%s", json_string_value(json_object_get(json, "state")));
	json_decref(json);
	ep_streams_close(streams);
	return name;
}

static void
silence_is_told_from_what_is_unknown(void **state)
{
	(void)state;
	static const int16_t silence[15 * EP_SAMPLE_RATE];
	open_channel();
	assert_string_equal(state_name(), "connecting");
	state_is(EP_STREAM_PLAYING, "");
	hear(0, songs[SONGS], 20, false);
	assert_string_equal(state_name(), "unknown");
	hear(20, silence, 15, true);
	assert_string_equal(state_name(), "silence");
	hear(35, songs[0], 30, true);
	assert_string_equal(state_name(), "playing");
	state_is(EP_STREAM_WAITING, "refused");
	assert_string_equal(state_name(), "waiting");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(songs_that_follow_one_another_are_plays, start,
		                                leave),
		cmocka_unit_test_setup_teardown(a_play_ends_with_its_track, start, leave),
		cmocka_unit_test_setup_teardown(
			a_song_that_was_joined_in_its_middle_begins_where_it_was_heard, start,
			leave),
		cmocka_unit_test_setup_teardown(
			a_song_whose_beginning_is_left_out_begins_after_the_song_before, start,
			leave),
		cmocka_unit_test_setup_teardown(a_play_goes_on_after_a_restart, start, leave),
		cmocka_unit_test_setup_teardown(another_play_of_the_song_is_another_play, start,
		                                leave),
		cmocka_unit_test_setup_teardown(another_song_after_a_restart_ends_the_play, start,
		                                leave),
		cmocka_unit_test_setup_teardown(unknown_sound_after_a_break_ends_the_play, start,
		                                leave),
		cmocka_unit_test_setup_teardown(
			a_play_ends_also_if_the_last_window_of_a_connection_failed, start, leave),
		cmocka_unit_test_setup_teardown(all_that_came_before_a_break_is_a_piece, start,
		                                leave),
		cmocka_unit_test_setup_teardown(what_a_server_sends_again_is_no_gap, start, leave),
		cmocka_unit_test_setup_teardown(a_stream_that_is_not_there_is_a_gap_from_the_start,
		                                start, leave),
		cmocka_unit_test_setup_teardown(a_stream_that_is_retired_ends_its_play, start,
		                                leave),
		cmocka_unit_test_setup_teardown(silence_is_told_from_what_is_unknown, start, leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

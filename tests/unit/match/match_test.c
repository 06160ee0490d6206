#include "match/match.h"

#include "match/rule.h"
#include "tests/node.h"
#include "tests/within.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
sketch_of(struct ep_sketch *sketch, const struct ep_pairs *pairs)
{
	struct ep_sketcher *sketcher;
	needs(ep_sketcher_new(&sketcher, NULL));
	needs(ep_sketch_of_pairs(sketch, sketcher, pairs->items, pairs->count, NULL));
	ep_sketcher_free(sketcher);
}

/* ---- probes ---- */

static void
a_probe_has_each_code_with_all_its_times(void **state)
{
	static struct ep_probe probe;
	struct ep_pair items[] = { { 9, 1 }, { 5, 2 }, { 9, 4 }, { 5, 700 }, { 1, 800 } };
	struct ep_pairs pairs = { .items = items, .count = 5 };
	EP_SKETCH struct ep_sketch sketch = { 0 };
	(void)state;
	sketch_of(&sketch, &pairs);
	for (int again = 0; again < 2; again++) {
		ep_probe_fill(&probe, &sketch);
		assert_int_equal(probe.code_count, 3);
		assert_int_equal(probe.time_count, 5);
		assert_int_equal(probe.span, 801);
		assert_int_equal(probe.codes[1].code, 5);
		assert_int_equal(probe.codes[1].count, 2);
		assert_int_equal(probe.times[probe.codes[1].first + 1], 700);
		/* Nothing is known of onsets: each code whole, and without a refinement. */
		assert_int_equal(probe.whole_count, 3);
		assert_int_equal(probe.key_count, 6);
		assert_true(probe.keys[1].whole);
		assert_int_equal(probe.keys[1].first, EP_KEY_OF(5, 0));
		assert_int_equal(probe.keys[1].end, EP_KEY_OF(6, 0));
		assert_int_equal(probe.keys[1].code, 1);
		assert_int_equal(probe.keys[1].time_count, 2);
		assert_false(probe.keys[4].whole);
		assert_int_equal(probe.keys[4].end, EP_KEY_OF(5, 1));
		assert_true(probe.keys[4].gain < probe.keys[1].gain);
		assert_int_equal(ep_probe_find(&probe, 9), 2);
		assert_int_equal(ep_probe_find(&probe, 8), -1);
	}
}

static void
a_probe_takes_so_many_pairs_and_no_more(void **state)
{
	static struct ep_probe probe;
	EP_SKETCH struct ep_sketch sketch = { 0 };
	EP_PAIRS struct ep_pairs pairs = { 0 };
	(void)state;
	needs(ep_pairs_reserve(&pairs, 20000, NULL));
	for (uint32_t i = 0; i < 20000; i++)
		pairs.items[pairs.count++] = (struct ep_pair){ .code = i * 52, .time = i / 10 };
	sketch_of(&sketch, &pairs);
	ep_probe_fill(&probe, &sketch);
	assert_int_equal(probe.time_count, EP_PROBE_PAIRS_MAX);
	for (size_t i = 0; i < probe.code_count; i++)
		assert_int_equal(ep_probe_find(&probe, probe.codes[i].code), i);
}

/* ---- evidence ---- */

static void
weigh(struct ep_evidence *evidence, const struct ep_pairs *query, const struct ep_pairs *track)
{
	static struct ep_probe probe;
	EP_SKETCH struct ep_sketch one = { 0 };
	EP_SKETCH struct ep_sketch other = { 0 };
	struct ep_weigher *weigher;
	sketch_of(&one, query);
	sketch_of(&other, track);
	ep_probe_fill(&probe, &one);
	needs(ep_weigher_new(&weigher, NULL));
	for (int again = 0; again < 2; again++)
		needs(ep_weigh(evidence, weigher, &probe, &one, &other, NULL));
	ep_weigher_free(weigher);
}

static void
a_piece_lies_where_it_was_cut(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	EP_PAIRS struct ep_pairs piece = { 0 };
	struct ep_evidence evidence;
	uint64_t random = 3;
	(void)state;
	for (uint32_t from = 0; from < 3000; from += 371) {
		song_of_onsets(&song, from + 1, 6000);
		excerpt(&piece, &song, from, 1300, 0, &random);
		weigh(&evidence, &piece, &song);
		assert_within(evidence.offset + 1, from, from + 2);
		assert_true(evidence.codes > (float)piece.count / 2);
		song_of_noise(&song, from + 1, 6000);
		excerpt(&piece, &song, from, 1300, 3, &random);
		weigh(&evidence, &piece, &song);
		assert_within(evidence.offset + 1, from, from + 2);
	}
}

static void
other_songs_have_little_in_common(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	EP_PAIRS struct ep_pairs other = { 0 };
	struct ep_evidence evidence;
	(void)state;
	song_of_onsets(&song, 1, 1300);
	song_of_onsets(&other, 2, 6000);
	weigh(&evidence, &song, &other);
	assert_true(evidence.codes < 20);
	weigh(&evidence, &song, &(struct ep_pairs){ 0 });
	assert_true(evidence.codes <= 0 && evidence.onsets <= 0);
}

static void
equal_codes_count_once(void **state)
{
	EP_PAIRS struct ep_pairs metronome = { 0 };
	struct ep_evidence evidence;
	(void)state;
	needs(ep_pairs_reserve(&metronome, 300, NULL));
	for (uint32_t i = 0; i < 300; i++)
		metronome.items[metronome.count++] =
			(struct ep_pair){ .code = i % 3, .time = i * 8 };
	weigh(&evidence, &metronome, &metronome);
	assert_int_equal(evidence.codes, 3);
	assert_within(evidence.offset + 1, 0, 2);
}

/* ---- the rule ---- */

static int
score(float codes, float onsets, float second_codes, float second_onsets)
{
	return ep_rule_score(&(struct ep_comparison){
		.best = { .codes = codes, .onsets = onsets, .moments = codes / 4 },
		.second = { .codes = second_codes, .onsets = second_onsets },
		.self = { .codes = 2, .onsets = 5 },
		.elsewhere = { .codes = 3, .onsets = 5 },
		.query_codes = 700,
	});
}

static void
more_evidence_scores_higher_and_a_better_second_lower(void **state)
{
	(void)state;
	assert_int_equal(score(0, 0, 0, 0), 0);
	assert_int_equal(score(0, -100, 0, -100), 0);
	assert_true(score(300, 100, 3, 5) > EP_SCORE_ACCEPTED);
	for (float more = 1; more < 2000; more *= 2) {
		assert_true(score(2 * more, 50, 3, 5) >= score(more, 50, 3, 5));
		assert_true(score(50, 2 * more, 3, 5) >= score(50, more, 3, 5));
		assert_true(score(300, 100, 2 * more, 5) <= score(300, 100, more, 5));
		assert_true(score(300, 100, 3, 2 * more) <= score(300, 100, 3, more));
	}
}

static void
what_any_music_has_speaks_against_a_match(void **state)
{
	(void)state;
	const struct ep_comparison plain = {
		.best = { .codes = 40, .onsets = 40, .moments = 20 },
		.second = { .codes = 3, .onsets = 5 },
		.self = { .codes = 2, .onsets = 5 },
		.elsewhere = { .codes = 3, .onsets = 5 },
		.query_codes = 700,
	};
	int score = ep_rule_score(&plain);
	struct ep_comparison other = plain;
	other.elsewhere.codes = 20;
	assert_true(ep_rule_score(&other) < score);
	other = plain;
	other.self.codes = 20;
	assert_true(ep_rule_score(&other) < score);
	other = plain;
	other.query_codes = 1400;
	assert_true(ep_rule_score(&other) < score);
	other = plain;
	other.best.moments = 30;
	assert_true(ep_rule_score(&other) > score);
	/* Few moments are never enough. */
	other.best = (struct ep_evidence){ .codes = 900, .onsets = 900, .moments = 5 };
	assert_int_equal(ep_rule_score(&other), EP_SCORE_ACCEPTED - 1);
	other.best.moments = 6;
	assert_true(ep_rule_score(&other) > EP_SCORE_ACCEPTED);
}

static void
a_probability_grows_with_the_score(void **state)
{
	(void)state;
	for (int score = 0; score < 300; score++) {
		double probability = ep_rule_probability(score);
		assert_true(probability > 0 && probability <= 1);
		assert_true(ep_rule_probability(score + 1) >= probability);
	}
}

/* ---- searching and matching ---- */

#define SONGS 60

static struct ep_index *
index_of_songs(struct node *node)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	struct ep_index *index;
	node_open(node);
	for (uint32_t i = 0; i < SONGS; i++) {
		char id[16];
		snprintf(id, sizeof id, "TR%u", i);
		song_of_onsets(&pairs, i / 2 + 1, 4000); /* each song under two ids */
		node_put(node, id, &pairs, id);
	}
	needs(ep_index_open(&index, node->log, NULL));
	return index;
}

static void
every_song_is_found_and_no_other(void **state)
{
	struct node node;
	struct ep_index *index = index_of_songs(&node);
	struct ep_matcher *matcher;
	struct ep_answer answer;
	EP_PAIRS struct ep_pairs song = { 0 };
	EP_PAIRS struct ep_pairs query = { 0 };
	uint64_t random = 5;
	(void)state;
	assert_int_equal(ep_index_track_count(index), SONGS);
	needs(ep_matcher_new(&matcher, NULL));
	for (uint32_t i = 0; i < SONGS; i += 2) {
		char id[16];
		snprintf(id, sizeof id, "TR%u", i); /* of two copies that which came first */
		song_of_onsets(&song, i / 2 + 1, 4000);
		excerpt(&query, &song, 500 + i * 20, 1300, 20, &random);
		needs(ep_match(&answer, matcher, index, &query, &ep_match_speeds_default, NULL));
		assert_true(answer.match);
		assert_true(ep_text_equal(answer.track_id, ep_text_of(id)));
		assert_int_equal(answer.length_s, 60);
		assert_true(ep_text_equal(answer.track, ep_text_of(id)));
		double expected = (500 + i * 20) * 0.023;
		assert_true(answer.offset_s > expected - 0.1 && answer.offset_s < expected + 0.1);
		song_of_onsets(&song, 1000 + i, 1300);
		needs(ep_match(&answer, matcher, index, &song, &ep_match_speeds_default, NULL));
		assert_false(answer.match);
		assert_int_equal(answer.track_id.size, 0);
	}
	ep_matcher_free(matcher);
	ep_index_close(index);
	node_close(&node);
}

/* A piece of a song as it is played at a speed: onsets move, and so do all codes. */
static void
faster(struct ep_pairs *piece, const struct ep_pairs *song, uint32_t speed)
{
	EP_SKETCH struct ep_sketch sketch = { 0 };
	struct ep_onsets onsets = { 0 };
	struct ep_onset_emitter emitter = { 0 };
	sketch_of(&sketch, song);
	for (uint32_t band = 0, i = 0; band < EP_ONSET_BANDS; band++) {
		for (; i < sketch.end[band]; i++) {
			if (onsets.count == onsets.capacity)
				needs(ep_onsets_grow(&onsets, NULL));
			onsets.items[onsets.count++] =
				(struct ep_onset){ .time = sketch.onsets[i] * EP_SPEED_OWN /
				                           speed };
		}
		onsets.end[band] = onsets.count;
	}
	piece->count = 0;
	needs(ep_onset_emit(piece, &emitter, &onsets, (struct ep_window){ 0, UINT32_MAX }, NULL));
	ep_onset_emitter_done(&emitter);
	ep_onsets_free(&onsets);
}

static void
a_song_at_another_speed_is_found(void **state)
{
	struct node node;
	struct ep_index *index = index_of_songs(&node);
	struct ep_matcher *matcher;
	struct ep_answer answer;
	EP_PAIRS struct ep_pairs song = { 0 };
	EP_PAIRS struct ep_pairs query = { 0 };
	const struct ep_match_speeds none = { EP_SPEED_OWN, 0 };
	(void)state;
	needs(ep_matcher_new(&matcher, NULL));
	for (uint32_t speed = EP_SPEED_OWN - 20; speed <= EP_SPEED_OWN + 20; speed += 10) {
		double factor = (double)speed / EP_SPEED_OWN;
		const struct ep_match_speeds known = { speed, 0 };
		song_of_onsets(&song, 8, 2400);
		faster(&query, &song, speed);
		needs(ep_match(&answer, matcher, index, &query, &ep_match_speeds_default, NULL));
		assert_true(answer.match);
		assert_true(ep_text_equal(answer.track_id, ep_text_of("TR14")));
		assert_true(answer.speed > factor - 0.0051 && answer.speed < factor + 0.0051);
		assert_true(answer.offset_s > -0.3 && answer.offset_s < 0.3);
		needs(ep_match(&answer, matcher, index, &query, &known, NULL));
		assert_true(answer.match && answer.speed > factor - 1e-9 &&
		            answer.speed < factor + 1e-9);
		needs(ep_match(&answer, matcher, index, &query, &none, NULL));
		assert_true(answer.match == (speed == EP_SPEED_OWN));
		assert_true(answer.speed > 1 - 1e-9 && answer.speed < 1 + 1e-9);
	}
	ep_matcher_free(matcher);
	ep_index_close(index);
	node_close(&node);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_probe_has_each_code_with_all_its_times),
		cmocka_unit_test(a_probe_takes_so_many_pairs_and_no_more),
		cmocka_unit_test(a_piece_lies_where_it_was_cut),
		cmocka_unit_test(other_songs_have_little_in_common),
		cmocka_unit_test(equal_codes_count_once),
		cmocka_unit_test(more_evidence_scores_higher_and_a_better_second_lower),
		cmocka_unit_test(what_any_music_has_speaks_against_a_match),
		cmocka_unit_test(a_probability_grows_with_the_score),
		cmocka_unit_test(every_song_is_found_and_no_other),
		cmocka_unit_test(a_song_at_another_speed_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

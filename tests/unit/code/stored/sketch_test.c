#include "code/stored/sketch.h"
#include "index/collect.h"

#include "tests/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int
set_up(void **state)
{
	struct node *node = calloc(1, sizeof *node);
	node_open(node);
	*state = node;
	return 0;
}

static int
tear_down(void **state)
{
	node_close(*state);
	free(*state);
	return 0;
}

static void
sketch_stored(struct ep_sketch *sketch, struct node *node, const char *id)
{
	struct ep_log_read *read;
	struct ep_entry entry;
	EP_DECODED struct ep_decoded decoded = { 0 };
	assert_int_equal(ep_log_read_begin(&read, node->log, NULL), EP_OK);
	assert_int_equal(ep_log_find(&entry, read, ep_text_of(id), NULL), EP_OK);
	assert_int_equal(ep_entry_sketch(sketch, &decoded, &entry, node->coder, NULL), EP_OK);
	ep_log_read_end(read);
}

static void
sketch_sent(struct ep_sketch *sketch, const struct ep_pairs *pairs)
{
	struct ep_sketcher *sketcher;
	assert_int_equal(ep_sketcher_new(&sketcher, NULL), EP_OK);
	assert_int_equal(ep_sketch_of_pairs(sketch, sketcher, pairs->items, pairs->count, NULL),
	                 EP_OK);
	ep_sketcher_free(sketcher);
}

static int
compare_codes(const void *one, const void *other)
{
	return memcmp(one, other, sizeof(struct ep_sketch_code));
}

/* The codes of one run stand band by band, those of several by time: the set counts. */
static void
assert_same(struct ep_sketch *one, struct ep_sketch *other)
{
	qsort(one->codes, one->code_count, sizeof *one->codes, compare_codes);
	qsort(other->codes, other->code_count, sizeof *other->codes, compare_codes);
	assert_int_equal(one->code_count, other->code_count);
	assert_memory_equal(one->codes, other->codes, one->code_count * sizeof *one->codes);
	assert_int_equal(one->has_bands, other->has_bands);
	assert_int_equal(one->onset_count, other->onset_count);
	assert_memory_equal(one->onsets, other->onsets, one->onset_count * sizeof *one->onsets);
	assert_memory_equal(one->end, other->end, sizeof one->end);
}

static void
a_song_has_the_same_sketch_stored_and_sent(void **state)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_SKETCH struct ep_sketch stored = { 0 };
	EP_SKETCH struct ep_sketch sent = { 0 };
	for (uint64_t seed = 1; seed <= 12; seed++) {
		song_of_onsets(&pairs, seed, (uint32_t)seed * 900);
		node_put(*state, "TRA", &pairs, "");
		sketch_stored(&stored, *state, "TRA");
		sketch_sent(&sent, &pairs);
		assert_true(stored.has_bands);
		assert_same(&stored, &sent);
	}
}

static void
codes_without_onsets_have_the_same_sketch_stored_and_sent(void **state)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_SKETCH struct ep_sketch stored = { 0 };
	EP_SKETCH struct ep_sketch sent = { 0 };
	song_of_noise(&pairs, 5, 6000);
	node_put(*state, "TRA", &pairs, "");
	sketch_stored(&stored, *state, "TRA");
	sketch_sent(&sent, &pairs);
	assert_false(sent.has_bands);
	assert_int_equal(sent.code_count, pairs.count);
	assert_int_equal(sent.end[0], sent.onset_count);
	assert_same(&stored, &sent);
}

/* The codes of a piece are those that the whole song has there, but for its last onsets, which have
 * other followers or none. */
static void
a_piece_has_what_the_song_has_there(void **state)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_PAIRS struct ep_pairs piece = { 0 };
	EP_SKETCH struct ep_sketch whole = { 0 };
	EP_SKETCH struct ep_sketch part = { 0 };
	uint64_t random = 1;
	(void)state;
	song_of_onsets(&pairs, 7, 6000);
	sketch_sent(&whole, &pairs);
	excerpt(&piece, &pairs, 0, 2586, 0, &random);
	sketch_sent(&part, &piece);
	assert_true(part.has_bands);
	size_t common = 0;
	for (size_t i = 0; i < part.code_count; i++) {
		for (size_t j = 0; j < whole.code_count; j++)
			common += compare_codes(&part.codes[i], &whole.codes[j]) == 0;
	}
	assert_int_equal(common, part.code_count);
	assert_true(part.code_count >= piece.count * 9 / 10);
}

/* The codes of an onset stand side by side, by kind. */
static void
codes_are_refined_by_the_onsets_behind_them(void **state)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_SKETCH struct ep_sketch sketch = { 0 };
	size_t refined = 0;
	unsigned values = 0;
	bool seen[1 << EP_REFINEMENT_BITS] = { false };
	(void)state;
	song_of_onsets(&pairs, 9, 9000);
	sketch_sent(&sketch, &pairs);
	for (size_t i = 0; i < sketch.code_count; i++) {
		struct ep_sketch_code code = sketch.codes[i];
		refined += code.refined > 0;
		values += !seen[code.refined];
		seen[code.refined] = true;
		if (code.kind > 2)
			assert_int_equal(code.refined, 0);
		if (code.kind > 0)
			assert_int_equal(code.skipped, 0);
		if (code.kind == 0 && code.refined && code.skipped)
			assert_true(code.skipped > code.refined || code.skipped == 63);
		/* Both end with the same onset. */
		if (code.kind == 2 && i > 0 && sketch.codes[i - 1].kind == 1)
			assert_int_equal(code.refined, sketch.codes[i - 1].refined);
	}
	/* Three of six codes, but for the last onsets of the bands. */
	assert_true(refined > sketch.code_count / 2 - 64 && refined <= sketch.code_count / 2 + 8);
	assert_true(values > 20);
}

/* Onsets in one band, the gaps between them given in order, as pairs. */
static void
song_of_gaps(struct ep_pairs *pairs, const uint32_t *gaps, size_t count)
{
	struct ep_onsets onsets = { 0 };
	struct ep_onset_emitter emitter = { 0 };
	uint32_t time = 100;
	for (size_t i = 0; i <= count; i++) {
		if (onsets.count == onsets.capacity)
			assert_int_equal(ep_onsets_grow(&onsets, NULL), EP_OK);
		onsets.items[onsets.count++] = (struct ep_onset){ .time = time };
		time += i < count ? gaps[i] : 0;
	}
	for (int band = 0; band < EP_ONSET_BANDS; band++)
		onsets.end[band] = onsets.count;
	assert_int_equal(ep_onset_emit(pairs, &emitter, &onsets,
	                               (struct ep_window){ 0, (uint32_t)EP_TIME_MAX + 1 }, NULL),
	                 EP_OK);
	ep_onset_emitter_done(&emitter);
	ep_onsets_free(&onsets);
}

static size_t
codes_of_kind(const struct ep_sketch *sketch, unsigned kind)
{
	size_t count = 0;
	for (size_t i = 0; i < sketch->code_count; i++)
		count += sketch->codes[i].kind == kind;
	return count;
}

/* Blocks are 39.44 units long; codes of two multiples are left out, give or take one. */
static void
what_blocks_make_is_left_out(void **state)
{
	(void)state;
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_SKETCH struct ep_sketch sketch = { 0 };
	const uint32_t only_blocks[] = { 39, 40, 79, 118, 39, 395 };
	song_of_gaps(&pairs, only_blocks, 6);
	sketch_sent(&sketch, &pairs);
	assert_true(sketch.has_bands);
	assert_int_equal(sketch.code_count, 0);
	assert_int_equal(sketch.onset_count, 0);
	/* 42 is none: what it is part of stays, and what spans it and another one. */
	const uint32_t one_other[] = { 39, 40, 42, 39, 40 };
	pairs.count = 0;
	song_of_gaps(&pairs, one_other, 5);
	sketch_sent(&sketch, &pairs);
	assert_true(sketch.has_bands);
	assert_int_equal(codes_of_kind(&sketch, 0), 2); /* (40, 42) and (42, 39) */
	assert_int_equal(sketch.onset_count, 0);
	/* A gap of less than a block is no multiple. */
	const uint32_t music[] = { 20, 21, 19, 20, 21, 19 };
	pairs.count = 0;
	song_of_gaps(&pairs, music, 6);
	sketch_sent(&sketch, &pairs);
	assert_int_equal(sketch.onset_count, 7);
	assert_true(codes_of_kind(&sketch, 0) == 5);
}

/* A song that was played faster has the sketch of the song again at that speed, but for what
 * rounding loses. */
static void
a_speed_is_undone(void **state)
{
	(void)state;
	enum { COUNT = 400 };
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_SKETCH struct ep_sketch song = { 0 };
	EP_SKETCH struct ep_sketch undone = { 0 };
	struct ep_sketcher *sketcher;
	uint32_t gaps[COUNT];
	uint32_t faster[COUNT];
	uint64_t random = 3;
	double time = 0;
	for (int i = 0; i < COUNT; i++) {
		gaps[i] = EP_ONSET_GAP_MIN + 2 + random_below(&random, 60);
		faster[i] = (uint32_t)((time + gaps[i]) / 1.02) - (uint32_t)(time / 1.02);
		time += gaps[i];
	}
	song_of_gaps(&pairs, gaps, COUNT);
	sketch_sent(&song, &pairs);
	pairs.count = 0;
	song_of_gaps(&pairs, faster, COUNT);
	assert_int_equal(ep_sketcher_new(&sketcher, NULL), EP_OK);
	assert_int_equal(ep_sketch_of_pairs(&undone, sketcher, pairs.items, pairs.count, NULL),
	                 EP_OK);
	assert_int_equal(ep_sketch_at_speed(&undone, sketcher, 1000, NULL), EP_OK);
	size_t common[2] = { 0 };
	for (int fast = 0; fast < 2; fast++) {
		if (fast)
			assert_int_equal(ep_sketch_at_speed(&undone, sketcher, 1020, NULL), EP_OK);
		for (size_t i = 0; i < undone.code_count; i++) {
			for (size_t j = 0; j < song.code_count; j++)
				common[fast] += undone.codes[i].code == song.codes[j].code &&
				                undone.codes[i].time + 2 >= song.codes[j].time &&
				                undone.codes[i].time <= song.codes[j].time + 2;
		}
	}
	assert_true(common[1] > song.code_count / 6);
	assert_true(common[0] < common[1] / 4);
	ep_sketcher_free(sketcher);
}

static void
what_has_no_onsets_has_no_other_speed(void **state)
{
	(void)state;
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_SKETCH struct ep_sketch sketch = { 0 };
	struct ep_sketcher *sketcher;
	song_of_noise(&pairs, 5, 600);
	assert_int_equal(ep_sketcher_new(&sketcher, NULL), EP_OK);
	assert_int_equal(ep_sketch_at_speed(&sketch, sketcher, 1010, NULL), EP_NOT_FOUND);
	assert_int_equal(ep_sketch_of_pairs(&sketch, sketcher, pairs.items, pairs.count, NULL),
	                 EP_OK);
	assert_int_equal(ep_sketch_at_speed(&sketch, sketcher, 1010, NULL), EP_NOT_FOUND);
	ep_sketcher_free(sketcher);
}

static void
the_same_code_at_the_same_time_counts_once(void **state)
{
	(void)state;
	EP_SKETCH struct ep_sketch sketch = { 0 };
	struct ep_pair items[] = { { .code = 5, .time = 1 },
		                   { .code = 5, .time = 1 },
		                   { .code = 6, .time = 1 },
		                   { .code = 5, .time = 2 } };
	struct ep_pairs pairs = { .items = items, .count = 4 };
	sketch_sent(&sketch, &pairs);
	assert_int_equal(sketch.code_count, 3);
	assert_int_equal(sketch.onset_count, 2);
	assert_int_equal(sketch.codes[0].kind, EP_SKETCH_ANY_KIND);
}

static void
what_no_generator_makes_is_left_out(void **state)
{
	(void)state;
	EP_SKETCH struct ep_sketch sketch = { 0 };
	struct ep_pair items[] = { { .code = UINT32_MAX, .time = 1 },
		                   { .code = EP_ONSET_CODE_COUNT, .time = 1 },
		                   { .code = EP_ONSET_CODE_COUNT - 1, .time = 1 } };
	struct ep_pairs pairs = { .items = items, .count = 3 };
	sketch_sent(&sketch, &pairs);
	assert_int_equal(sketch.code_count, 1);
	sketch_sent(&sketch, &(struct ep_pairs){ 0 });
	assert_int_equal(sketch.code_count + sketch.onset_count, 0);
}

static void
times_of_days_are_left_out(void **state)
{
	EP_SKETCH struct ep_sketch sketch = { 0 };
	struct ep_pair items[] = { { .code = 1, .time = EP_SKETCH_TIME_END - 1 },
		                   { .code = 2, .time = EP_SKETCH_TIME_END } };
	struct ep_log_write *write;
	struct ep_document row = { .suffix = ep_text_of("-x"),
		                   .codever = ep_text_of("4.12"),
		                   .codes = ep_text_of("1 16777215 2 16777216 3 2147483647"),
		                   .length = ep_text_of("60") };
	struct ep_track track = { .id = ep_text_of("TRB"), .documents = &row, .count = 1 };
	struct node *node = *state;
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_put_counts counts = { 0 };
	assert_int_equal(ep_entry_put_body(&body, NULL, &track, node->coder, NULL), EP_OK);
	struct ep_put put = { .track = &track,
		              .body = ep_buffer_bytes(&body),
		              .source = EP_SOURCE_LOCAL };
	ep_track_hash(&put.hash, &track);
	assert_int_equal(ep_log_write_begin(&write, node->log, NULL), EP_OK);
	assert_int_equal(ep_log_put(write, &put, &counts, NULL), EP_OK);
	assert_int_equal(ep_log_commit(&write, NULL), EP_OK);
	sketch_stored(&sketch, node, "TRB");
	assert_int_equal(sketch.code_count, 1);
	assert_int_equal(sketch.codes[0].time, items[0].time);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_song_has_the_same_sketch_stored_and_sent),
		cmocka_unit_test(codes_without_onsets_have_the_same_sketch_stored_and_sent),
		cmocka_unit_test(a_piece_has_what_the_song_has_there),
		cmocka_unit_test(codes_are_refined_by_the_onsets_behind_them),
		cmocka_unit_test(what_blocks_make_is_left_out),
		cmocka_unit_test(a_speed_is_undone),
		cmocka_unit_test(what_has_no_onsets_has_no_other_speed),
		cmocka_unit_test(the_same_code_at_the_same_time_counts_once),
		cmocka_unit_test(what_no_generator_makes_is_left_out),
		cmocka_unit_test(times_of_days_are_left_out),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

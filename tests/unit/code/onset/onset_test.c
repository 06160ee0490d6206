/* One long file: all make their songs of onsets by the same functions, with a hash of their own. */
#include "base/bytes.h"
#include "code/onset/onset.h"
#include "code/onset/onset_model.h"
#include "code/onset_hash.h"
#include "code/stored/codes.h"
#include "tests/within.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BANDS 8
#define ONSETS_MAX 4000

static const struct ep_window whole = { 0, (uint32_t)EP_TIME_MAX + 1 };

/* What the code generator hashes, written as it is there: MurmurHash2. */
static uint32_t
murmur(uint32_t first, uint32_t second, uint32_t band)
{
	const uint32_t m = 0x5bd1e995;
	const uint8_t bytes[5] = { (uint8_t)first, (uint8_t)(first >> 8), (uint8_t)second,
		                   (uint8_t)(second >> 8), (uint8_t)band };
	uint32_t h = 0x9ea5fa36u ^ sizeof bytes;
	uint32_t k = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	             (uint32_t)bytes[3] << 24;
	k *= m;
	k ^= k >> 24;
	k *= m;
	h *= m;
	h ^= k;
	h ^= bytes[4];
	h *= m;
	h ^= h >> 13;
	h *= m;
	h ^= h >> 15;
	return h & 0xfffff;
}

static uint32_t
units(uint32_t frames)
{
	return (uint32_t)((uint64_t)frames * 1280 / 10143);
}

static void
add_pair(struct ep_pairs *pairs, uint32_t code, uint32_t time)
{
	assert_int_equal(ep_pairs_reserve(pairs, 1, NULL), EP_OK);
	pairs->items[pairs->count++] = (struct ep_pair){ code, time };
}

/* The codes of a band, as the code generator makes them of the frames of its onsets. */
static void
add_band(struct ep_pairs *pairs, const uint32_t *frames, size_t count, uint32_t band)
{
	static const uint8_t ends[6][3] = { { 1, 1, 2 }, { 1, 1, 3 }, { 2, 2, 3 },
		                            { 1, 1, 4 }, { 2, 2, 4 }, { 3, 3, 4 } };
	for (size_t i = 0; i + 2 < count; i++) {
		for (int k = 0; k < 6; k++) {
			const uint8_t *end = ends[k];
			uint32_t code = murmur(0, 0, band);
			if (i + end[2] < count)
				code = murmur(units(frames[i + end[0]] - frames[i]),
				              units(frames[i + end[2]] - frames[i + end[1]]), band);
			add_pair(pairs, code, units(frames[i]));
		}
	}
}

static uint32_t
chance(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*seed >> 33) % below);
}

/* A song with so many onsets a band, all gaps from 128 frames up to below longest. */
static void
make_song(struct ep_pairs *pairs, uint64_t seed, size_t onsets, uint32_t longest)
{
	static uint32_t frames[ONSETS_MAX];
	pairs->count = 0;
	for (uint32_t band = 0; band < BANDS; band++) {
		uint32_t frame = chance(&seed, 900);
		for (size_t i = 0; i < onsets; i++) {
			frames[i] = frame;
			/* Three uniform numbers, multiplied, for many short gaps and few long ones.
			 */
			uint64_t part = chance(&seed, 1000) * (uint64_t)chance(&seed, 1000);
			frame += 128 + (uint32_t)((longest - 128) * part / 1000000 *
			                          chance(&seed, 1000) / 1000);
		}
		add_band(pairs, frames, onsets, band);
	}
	assert_int_equal(ep_pairs_sort(pairs->items, pairs->count, NULL), EP_OK);
}

static int
make_coder(void **state)
{
	struct ep_onset_coder *coder = NULL;
	if (ep_onset_coder_new(&coder, NULL) != EP_OK)
		return -1;
	*state = coder;
	return 0;
}

static int
free_coder(void **state)
{
	ep_onset_coder_free(*state);
	return 0;
}

/* Encodes and decodes; gives the size of the coded form. */
static size_t
assert_comes_back(struct ep_onset_coder *coder, const struct ep_pair *pairs, size_t count,
                  struct ep_window window)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	EP_PAIRS struct ep_pairs again = { 0 };
	struct ep_error err = { EP_OK, "" };
	enum ep_status status = ep_onset_encode(&bytes, coder, pairs, count, window, &err);
	if (status != EP_OK)
		print_error("%s\n", err.text);
	assert_int_equal(status, EP_OK);
	assert_int_equal(
		ep_onset_decode(&again, coder, bytes.data, bytes.size, window, count, &err), EP_OK);
	assert_int_equal(again.count, count);
	if (count > 0)
		assert_memory_equal(again.items, pairs, count * sizeof *pairs);
	return bytes.size;
}

static void
assert_refused(struct ep_onset_coder *coder, const struct ep_pair *pairs, size_t count,
               struct ep_window window)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	EP_PAIRS struct ep_pairs again = { 0 };
	struct ep_error err;
	assert_int_equal(ep_buffer_append(&bytes, "as before", 9, &err), EP_OK);
	enum ep_status status = ep_onset_encode(&bytes, coder, pairs, count, window, &err);
	if (status == EP_OK) {
		/* Only decoding shows it. */
		status = ep_onset_decode(&again, coder, bytes.data + 9, bytes.size - 9, window,
		                         count, &err);
		assert_true(status == EP_CORRUPT || again.count != count ||
		            memcmp(again.items, pairs, count * sizeof *pairs) != 0);
		return;
	}
	assert_int_equal(status, EP_NOT_FOUND);
	assert_int_equal(bytes.size, 9);
}

static void
cut_and_assert_comes_back(struct ep_onset_coder *coder, const struct ep_pairs *song,
                          struct ep_window window)
{
	size_t from = 0;
	size_t end = song->count;
	while (from < end && song->items[from].time < window.first)
		from++;
	while (end > from && song->items[end - 1].time >= window.end)
		end--;
	assert_comes_back(coder, song->items + from, end - from, window);
}

static void
the_hash_is_murmur_of_five_bytes(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (int i = 0; i < 10000; i++) {
		uint32_t first = chance(&seed, 65536);
		uint32_t second = chance(&seed, 65536);
		uint32_t band = chance(&seed, BANDS);
		assert_int_equal(ep_onset_hash(first, second, band), murmur(first, second, band));
	}
}

static void
inverting_a_code_finds_its_differences(void **state)
{
	(void)state;
	static struct ep_onset_source sources[EP_ONSET_SOURCES_MAX];
	uint64_t seed = 2;
	for (int i = 0; i < 50; i++) {
		uint32_t first = chance(&seed, EP_ONSET_DELTA_END);
		uint32_t second = chance(&seed, EP_ONSET_DELTA_END);
		uint32_t band = chance(&seed, BANDS);
		uint32_t code = murmur(first, second, band);
		size_t count = ep_onset_invert(sources, code, 1u << band);
		bool found = false;
		for (size_t k = 0; k < count; k++) {
			assert_int_equal(murmur(sources[k].first, sources[k].second, band), code);
			found = found || (sources[k].first == first && sources[k].second == second);
		}
		assert_true(found);
	}
}

static void
whole_songs_come_back(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	for (uint64_t seed = 0; seed < 40; seed++) {
		make_song(&song, seed, 3 + seed * 7, seed % 2 ? 3000 : 12000);
		assert_comes_back(*state, song.items, song.count, whole);
	}
}

static void
songs_of_few_onsets_come_back(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	for (size_t onsets = 0; onsets < 8; onsets++)
		for (uint64_t seed = 0; seed < 20; seed++) {
			make_song(&song, seed, onsets, 4000);
			assert_comes_back(*state, song.items, song.count, whole);
		}
}

static void
sparse_songs_come_back(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	for (uint64_t seed = 0; seed < 20; seed++) {
		make_song(&song, seed, 40, 60000);
		assert_comes_back(*state, song.items, song.count, whole);
	}
}

static void
documents_cut_from_songs_come_back(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	for (uint64_t seed = 0; seed < 6; seed++) {
		make_song(&song, seed, 150, 3000);
		uint32_t last = song.items[song.count - 1].time;
		for (uint32_t segment = 0; segment < ep_segment_count(last); segment++)
			cut_and_assert_comes_back(*state, &song, ep_window_of(segment));
	}
}

static void
pieces_cut_anywhere_come_back(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	uint64_t seed = 9;
	make_song(&song, 77, 200, 3000);
	for (int i = 0; i < 200; i++) {
		uint32_t first = chance(&seed, 12000);
		struct ep_window window = { first, first + 1 + chance(&seed, 5000) };
		cut_and_assert_comes_back(*state, &song, window);
	}
}

static void
a_song_takes_twelve_bits_an_onset(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	make_song(&song, 5, 300, 4000);
	size_t size = assert_comes_back(*state, song.items, song.count, whole);
	/* Made of chance, so larger than a real one, which takes 8. */
	assert_true(size < BANDS * 300 * 12 / 8);
}

/* The coded form is on disk: where this fails, the version of the tables has to change. */
static void
the_coded_form_stays_the_same(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	EP_BUFFER struct ep_buffer bytes = { 0 };
	make_song(&song, 1, 60, 3000);
	assert_int_equal(ep_onset_encode(&bytes, *state, song.items, song.count, whole, NULL),
	                 EP_OK);
	uint32_t sum = 2166136261u;
	for (size_t i = 0; i < bytes.size; i++)
		sum = (sum ^ bytes.data[i]) * 16777619u;
	assert_int_equal(bytes.data[0], 0x81);
	assert_int_equal(bytes.size, 570);
	assert_int_equal(sum, 0xbc60636a);
}

static void
one_code_changed_is_refused(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	uint64_t seed = 4;
	make_song(&song, 21, 60, 3000);
	for (int i = 0; i < 100; i++) {
		struct ep_pair *pair = &song.items[chance(&seed, (uint32_t)song.count)];
		struct ep_pair before = *pair;
		pair->code = (pair->code + 1 + chance(&seed, 1000)) & 0xfffff;
		assert_refused(*state, song.items, song.count, whole);
		*pair = before;
	}
}

static void
a_code_missing_or_twice_is_refused(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	make_song(&song, 22, 60, 3000);
	assert_refused(*state, song.items + 1, song.count - 1, whole);
	assert_refused(*state, song.items, song.count - 1, whole);
	add_pair(&song, song.items[song.count - 1].code, song.items[song.count - 1].time);
	assert_refused(*state, song.items, song.count, whole);
}

static void
pairs_that_no_generator_makes_are_refused(void **state)
{
	const struct ep_pair high = { 1u << 20, 5 };
	struct ep_pair six[6];
	for (uint32_t i = 0; i < 6; i++)
		six[i] = (struct ep_pair){ 100000 + i, 7 };
	assert_refused(*state, &high, 1, whole);
	assert_refused(*state, six, 5, whole);
	assert_refused(*state, six, 6, whole);
	assert_refused(*state, six, 6, (struct ep_window){ 0, 7 });
	assert_refused(*state, six, 6, (struct ep_window){ 8, 70 });
	assert_refused(*state, six, 6, (struct ep_window){ 0, 8 });
}

static void
a_million_hostile_pairs_are_refused_at_once(void **state)
{
	const size_t count = 999996;
	struct ep_pair *pairs = calloc(count, sizeof *pairs);
	assert_non_null(pairs);
	for (size_t i = 0; i < count; i++)
		pairs[i] = (struct ep_pair){ 4711, 9 };
	assert_refused(*state, pairs, count, whole);
	for (size_t i = 0; i < count; i++)
		pairs[i].time = (uint32_t)i / 6 * 12884;
	assert_refused(*state, pairs, count, whole);
	for (size_t i = 0; i < count; i++)
		pairs[i].code = ep_onset_hash(0, 0, (uint32_t)i / 6 % 8);
	assert_refused(*state, pairs, count, whole);
	free(pairs);
}

static void
damaged_bytes_are_refused_or_harmless(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	EP_PAIRS struct ep_pairs again = { 0 };
	EP_BUFFER struct ep_buffer bytes = { 0 };
	make_song(&song, 30, 80, 3000);
	add_pair(&again, 1, 2);
	assert_int_equal(ep_onset_encode(&bytes, *state, song.items, song.count, whole, NULL),
	                 EP_OK);
	for (size_t size = 0; size < bytes.size; size++) {
		again.count = 1;
		assert_int_equal(
			ep_onset_decode(&again, *state, bytes.data, size, whole, song.count, NULL),
			EP_CORRUPT);
		assert_int_equal(again.count, 1);
	}
	for (size_t i = 0; i < bytes.size; i++) {
		again.count = 1;
		bytes.data[i] ^= (uint8_t)(1u << (i & 7));
		enum ep_status status = ep_onset_decode(&again, *state, bytes.data, bytes.size,
		                                        whole, song.count, NULL);
		assert_true(status == EP_OK || status == EP_CORRUPT);
		assert_true(again.count <= 1 + song.count);
		assert_true(status == EP_OK || again.count == 1);
		bytes.data[i] ^= (uint8_t)(1u << (i & 7));
	}
}

static void
more_pairs_than_allowed_are_refused(void **state)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	EP_PAIRS struct ep_pairs again = { 0 };
	EP_BUFFER struct ep_buffer bytes = { 0 };
	make_song(&song, 31, 80, 3000);
	assert_int_equal(ep_onset_encode(&bytes, *state, song.items, song.count, whole, NULL),
	                 EP_OK);
	for (size_t max = 0; max < song.count; max += 97)
		assert_int_equal(
			ep_onset_decode(&again, *state, bytes.data, bytes.size, whole, max, NULL),
			EP_CORRUPT);
	assert_int_equal(again.count, 0);
}

static void
another_version_is_refused(void **state)
{
	const uint8_t bytes[] = { 2, 0, 0, 0 };
	EP_PAIRS struct ep_pairs again = { 0 };
	assert_int_equal(ep_onset_decode(&again, *state, bytes, sizeof bytes, whole, 1000, NULL),
	                 EP_CORRUPT);
}

/* Makes a record as no encoder makes one: of onsets in all bands, `count` in each, every `gap`
 * times, which says that it may have onsets up to `last`. */
static void
make_record(struct ep_buffer *out, uint32_t count, uint32_t gap, uint32_t last)
{
	struct ep_onset_model *model = NULL;
	struct ep_onsets onsets = { 0 };
	uint8_t head[1 + EP_VARINT_MAX] = { 0x81 };
	for (uint32_t band = 0; band < BANDS; band++) {
		for (uint32_t i = 0; i < count; i++) {
			if (onsets.count == onsets.capacity)
				assert_int_equal(ep_onsets_grow(&onsets, NULL), EP_OK);
			onsets.items[onsets.count++] = (struct ep_onset){ .time = i * gap };
		}
		onsets.end[band] = onsets.count;
	}
	out->size = 0;
	size_t size = 1 + ep_varint_store(head + 1, last);
	assert_int_equal(ep_buffer_append(out, head, size, NULL), EP_OK);
	assert_int_equal(ep_onset_model_new(&model, &ep_onset_tables_1, NULL), EP_OK);
	assert_int_equal(ep_onset_model_encode(out, model, &onsets, whole, last, NULL), EP_OK);
	ep_onsets_free(&onsets);
	ep_onset_model_free(model);
}

static void
assert_too_much_work(struct ep_onset_coder *coder, const struct ep_buffer *bytes)
{
	EP_PAIRS struct ep_pairs again = { 0 };
	struct ep_error err = { 0 };
	assert_int_equal(
		ep_onset_decode(&again, coder, bytes->data, bytes->size, whole, 4000000, &err),
		EP_CORRUPT);
	assert_non_null(strstr(err.text, "too much work"));
	assert_int_equal(again.count, 0);
}

static void
few_bytes_that_would_be_much_work_are_refused(void **state)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	/* 25 minutes in which nothing comes, in eight bands. */
	make_record(&bytes, 1, 16, 65000);
	assert_within(bytes.size, 1, 64);
	assert_too_much_work(*state, &bytes);
}

/* What one record may cost is free once in a track. */
static void
records_that_share_work_are_refused_together(void **state)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	EP_PAIRS struct ep_pairs again = { 0 };
	struct ep_onset_work work = { 0 };
	make_record(&bytes, 1, 16, 6000);
	for (int i = 0; i < 10; i++)
		assert_int_equal(
			ep_onset_decode(&again, *state, bytes.data, bytes.size, whole, 1000, NULL),
			EP_OK);
	ep_onset_coder_share(*state, &work);
	int decoded = 0;
	while (decoded < 10 &&
	       ep_onset_decode(&again, *state, bytes.data, bytes.size, whole, 1000, NULL) == EP_OK)
		decoded++;
	ep_onset_coder_share(*state, NULL);
	assert_within(decoded, 1, 3);
	assert_within(work.spent, 1, EP_CODES_WORK_MAX(work.bytes));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_murmur_of_five_bytes),
		cmocka_unit_test(inverting_a_code_finds_its_differences),
		cmocka_unit_test(whole_songs_come_back),
		cmocka_unit_test(songs_of_few_onsets_come_back),
		cmocka_unit_test(sparse_songs_come_back),
		cmocka_unit_test(documents_cut_from_songs_come_back),
		cmocka_unit_test(pieces_cut_anywhere_come_back),
		cmocka_unit_test(a_song_takes_twelve_bits_an_onset),
		cmocka_unit_test(the_coded_form_stays_the_same),
		cmocka_unit_test(one_code_changed_is_refused),
		cmocka_unit_test(a_code_missing_or_twice_is_refused),
		cmocka_unit_test(pairs_that_no_generator_makes_are_refused),
		cmocka_unit_test(a_million_hostile_pairs_are_refused_at_once),
		cmocka_unit_test(damaged_bytes_are_refused_or_harmless),
		cmocka_unit_test(more_pairs_than_allowed_are_refused),
		cmocka_unit_test(another_version_is_refused),
		cmocka_unit_test(few_bytes_that_would_be_much_work_are_refused),
		cmocka_unit_test(records_that_share_work_are_refused_together),
	};
	return cmocka_run_group_tests(tests, make_coder, free_coder);
}

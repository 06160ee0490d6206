#include "base/bytes.h"
#include "base/hash.h"
#include "generator/generator.h"
#include "tests/within.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECONDS 60
#define COUNT ((size_t)SECONDS * EP_SAMPLE_RATE)

/* A minute of three square waves that begin and fade at times of their own, and some noise: whole
 * numbers only, so that it is the same everywhere. */
static int16_t *
make_music(void)
{
	int16_t *samples = malloc(COUNT * sizeof *samples);
	assert_non_null(samples);
	uint32_t noise = 1;
	for (uint32_t i = 0; i < COUNT; i++) {
		int32_t sum = 0;
		for (uint32_t voice = 0; voice < 3; voice++) {
			uint32_t length = 3100 + 1700 * voice;
			uint32_t note = i / length;
			uint32_t half = 5 + (note * 7 + voice * 11) % 40;
			int32_t loud = (int32_t)(9000 - 9000 * (i % length) / length);
			sum += i / half % 2 ? loud : -loud;
		}
		noise = noise * 1664525 + 1013904223;
		samples[i] = (int16_t)(sum + (int32_t)(noise >> 22) - 512);
	}
	return samples;
}

static void
generate(struct ep_pairs *pairs, const struct ep_generator_kernels *kernels, double start_s,
         const int16_t *samples, size_t count, size_t piece)
{
	EP_OWNED(ep_generator_free)
	struct ep_generator *generator = NULL;
	assert_int_equal(ep_generator_new(&generator, kernels, NULL), EP_OK);
	ep_generator_start(generator, start_s);
	for (size_t at = 0; at < count; at += piece) {
		size_t size = count - at < piece ? count - at : piece;
		assert_int_equal(ep_generator_feed(generator, samples + at, size, NULL), EP_OK);
	}
	assert_int_equal(ep_generator_samples(generator), count);
	pairs->count = 0;
	assert_int_equal(ep_generator_finish(pairs, generator, NULL), EP_OK);
}

static void
assert_same(const struct ep_pairs *one, const struct ep_pairs *other)
{
	assert_int_equal(one->count, other->count);
	if (one->count > 0)
		assert_memory_equal(one->items, other->items, one->count * sizeof *one->items);
}

/* The codes of the minute, as they were when those of 501 real files were the original's. */
static void
a_minute_of_music_gives_the_codes_that_it_gave(void **state)
{
	(void)state;
	int16_t *samples = make_music();
	EP_PAIRS struct ep_pairs pairs = { 0 };
	generate(&pairs, ep_generator_best(), 0, samples, COUNT, COUNT);
	static const struct ep_pair first[6] = { { 647713, 38 }, { 984611, 38 }, { 819279, 38 },
		                                 { 908344, 38 }, { 186963, 38 }, { 655608, 38 } };
	assert_int_equal(pairs.count, 1554);
	assert_memory_equal(pairs.items, first, sizeof first);
	struct ep_hasher hasher;
	struct ep_hash hash;
	char text[EP_HASH_TEXT];
	ep_hasher_init(&hasher);
	for (size_t i = 0; i < pairs.count; i++) {
		uint8_t bytes[8];
		ep_store32(bytes, pairs.items[i].code);
		ep_store32(bytes + 4, pairs.items[i].time);
		ep_hasher_add(&hasher, bytes, sizeof bytes);
	}
	ep_hasher_done(&hash, &hasher);
	ep_hash_print(text, &hash);
	assert_string_equal(text,
	                    "8634642359f53c78e4725391067762c8e8517d680bbb62003f19afca38ec6252");
	free(samples);
}

static void
all_instruction_sets_give_the_same_codes(void **state)
{
	(void)state;
	int16_t *samples = make_music();
	EP_PAIRS struct ep_pairs plain = { 0 };
	EP_PAIRS struct ep_pairs pairs = { 0 };
	for (size_t count = COUNT - 2; count <= COUNT; count++) {
		generate(&plain, ep_generator_kernels(0), 0, samples, count, count);
		for (size_t k = 1; ep_generator_kernels(k); k++) {
			generate(&pairs, ep_generator_kernels(k), 0, samples, count, count);
			assert_same(&pairs, &plain);
		}
	}
	free(samples);
}

static void
pieces_of_any_size_give_the_same_codes(void **state)
{
	(void)state;
	static const size_t sizes[] = { 1, 7, 1024, 9999, 10000, 10001, 33333 };
	int16_t *samples = make_music();
	EP_PAIRS struct ep_pairs whole = { 0 };
	EP_PAIRS struct ep_pairs pairs = { 0 };
	generate(&whole, ep_generator_best(), 0, samples, COUNT, COUNT);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		generate(&pairs, ep_generator_best(), 0, samples, COUNT, sizes[i]);
		assert_same(&pairs, &whole);
	}
	free(samples);
}

static void
what_is_too_short_has_no_codes(void **state)
{
	(void)state;
	static const size_t counts[] = { 0,   1,   2,    40,    41,    42,   127,
		                         128, 135, 9999, 10000, 10001, 10041 };
	int16_t *samples = make_music();
	EP_PAIRS struct ep_pairs pairs = { 0 };
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		for (size_t k = 0; ep_generator_kernels(k); k++) {
			generate(&pairs, ep_generator_kernels(k), 0, samples, counts[i], 1000);
			assert_int_equal(pairs.count, 0);
		}
	}
	free(samples);
}

static void
a_start_moves_the_times(void **state)
{
	(void)state;
	int16_t *samples = make_music();
	EP_PAIRS struct ep_pairs from_zero = { 0 };
	EP_PAIRS struct ep_pairs pairs = { 0 };
	generate(&from_zero, ep_generator_best(), 0, samples, COUNT, COUNT);
	generate(&pairs, ep_generator_best(), 23, samples, COUNT, COUNT);
	assert_int_equal(pairs.count, from_zero.count);
	for (size_t i = 0; i < pairs.count; i++) {
		assert_int_equal(pairs.items[i].code, from_zero.items[i].code);
		assert_within(pairs.items[i].time, from_zero.items[i].time + 999,
		              from_zero.items[i].time + 1001);
	}
	free(samples);
}

static void
a_generator_begins_anew(void **state)
{
	(void)state;
	int16_t *samples = make_music();
	EP_PAIRS struct ep_pairs once = { 0 };
	EP_PAIRS struct ep_pairs again = { 0 };
	EP_OWNED(ep_generator_free)
	struct ep_generator *generator = NULL;
	generate(&once, ep_generator_best(), 0, samples, COUNT, COUNT);
	assert_int_equal(ep_generator_new(&generator, ep_generator_best(), NULL), EP_OK);
	assert_int_equal(ep_generator_feed(generator, samples, 54321, NULL), EP_OK);
	ep_generator_start(generator, 0);
	assert_int_equal(ep_generator_feed(generator, samples, COUNT, NULL), EP_OK);
	assert_int_equal(ep_generator_finish(&again, generator, NULL), EP_OK);
	assert_same(&again, &once);
	free(samples);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_minute_of_music_gives_the_codes_that_it_gave),
		cmocka_unit_test(all_instruction_sets_give_the_same_codes),
		cmocka_unit_test(pieces_of_any_size_give_the_same_codes),
		cmocka_unit_test(what_is_too_short_has_no_codes),
		cmocka_unit_test(a_start_moves_the_times),
		cmocka_unit_test(a_generator_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

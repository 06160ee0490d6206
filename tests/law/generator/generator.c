/* Laws of the code generator: every instruction set gives the same bits. */
#include "generator/generator.h"
#include "tests/must.h"

#include <stdlib.h>
#include <string.h>

void law_generator(const uint8_t *bytes, size_t size);

/* Samples that are made of the bytes, so that short inputs make long sounds. */
#define SAMPLES_MAX 24000

/* Three bytes are a note: how long, how high, how loud; with noise where the last is odd. */
static size_t
play(int16_t *samples, const uint8_t *bytes, size_t size)
{
	size_t count = 0;
	uint32_t noise = 1;
	for (size_t at = 0; size - at >= 3; at += 3) {
		size_t end = count + 1 + (size_t)bytes[at] * bytes[at] / 16;
		for (; count < end && count < SAMPLES_MAX; count++) {
			noise = noise * 1664525 + 1013904223;
			int32_t loud = bytes[at + 2] * 128;
			int32_t wave = count / (1U + bytes[at + 1] % 64U) % 2 ? loud : -loud;
			wave += bytes[at + 2] % 2 ? (int32_t)(noise >> 20) % (loud + 1) / 2 : 0;
			samples[count] = (int16_t)(wave > INT16_MAX ? INT16_MAX : wave);
		}
	}
	return count;
}

static void
generate(struct ep_pairs *pairs, const struct ep_generator_kernels *kernels, const int16_t *samples,
         size_t count, size_t piece)
{
	EP_OWNED(ep_generator_free)
	struct ep_generator *generator = NULL;
	must_equal(ep_generator_new(&generator, kernels, NULL), EP_OK);
	for (size_t at = 0; at < count; at += piece) {
		size_t taken = count - at < piece ? count - at : piece;
		must_equal(ep_generator_feed(generator, samples + at, taken, NULL), EP_OK);
	}
	must_equal(ep_generator_finish(pairs, generator, NULL), EP_OK);
}

static void
codes_are_the_same(const int16_t *samples, size_t count, size_t piece)
{
	EP_PAIRS struct ep_pairs plain = { 0 };
	generate(&plain, ep_generator_kernels(0), samples, count, count + 1);
	must_equal(plain.count % 6, 0);
	for (size_t k = 1; ep_generator_kernels(k); k++) {
		EP_PAIRS struct ep_pairs pairs = { 0 };
		generate(&pairs, ep_generator_kernels(k), samples, count, piece);
		must_equal(pairs.count, plain.count);
		must(pairs.count == 0 ||
		     memcmp(pairs.items, plain.items, pairs.count * sizeof *pairs.items) == 0);
	}
}

/* The sums themselves, of which codes would show a difference only now and then. */
static void
sums_are_the_same(const int16_t *samples, size_t count)
{
	enum { ROOM = EP_WHITEN_FRONT + 4096 + EP_WHITEN_BACK };
	static struct ep_subband_factors factors;
	static float x[ROOM];
	static float y[2][ROOM];
	static float energies[2][4096 / EP_FRAME_STEP * EP_ONSET_BANDS];
	float sums[2][EP_WHITEN_LAGS];
	size_t n = count < 4096 ? count : 4096;
	for (size_t i = 0; i < n; i++)
		x[EP_WHITEN_FRONT + i] = (float)samples[i] / 32768;
	for (size_t i = 0; i < EP_FRAME_SIZE; i++)
		factors.window[i] = (float)i / 1000 - 0.07F;
	for (size_t i = 0; i < sizeof factors.re / sizeof(float); i++) {
		((float *)factors.re)[i] = (float)(i % 19) / 19;
		((float *)factors.im)[i] = (float)(i % 17) / -17;
	}
	size_t frames = n < EP_FRAME_SIZE ? 0 : (n - EP_FRAME_SIZE) / EP_FRAME_STEP + 1;
	for (size_t k = 0; ep_generator_kernels(k); k++) {
		const struct ep_generator_kernels *kernels = ep_generator_kernels(k);
		float a[EP_WHITEN_ORDER + 1];
		size_t to = k > 0;
		kernels->correlate(sums[to], x + EP_WHITEN_FRONT, n);
		for (size_t i = 0; i <= EP_WHITEN_ORDER; i++)
			a[i] = sums[0][i] / (sums[0][0] + 1);
		kernels->whiten(y[to], x + EP_WHITEN_FRONT, n, a);
		kernels->subbands(energies[to], y[to], frames, &factors);
		must(memcmp(sums[to], sums[0], (EP_WHITEN_ORDER + 1) * sizeof(float)) == 0);
		must(n <= EP_WHITEN_ORDER || memcmp(y[to] + EP_WHITEN_ORDER, y[0] + EP_WHITEN_ORDER,
		                                    (n - EP_WHITEN_ORDER) * sizeof(float)) == 0);
		must(memcmp(energies[to], energies[0], frames * EP_ONSET_BANDS * sizeof(float)) ==
		     0);
	}
}

void
law_generator(const uint8_t *bytes, size_t size)
{
	static int16_t samples[SAMPLES_MAX];
	size_t count = play(samples, bytes, size);
	sums_are_the_same(samples, count);
	codes_are_the_same(samples, count, size > 0 ? 1 + bytes[0] * 97U : 1);
}

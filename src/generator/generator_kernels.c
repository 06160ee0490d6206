#include "generator/generator_kernels.h"

#include "base/vectors.h"

#include <float.h>
#include <stdbool.h>

/* Where floats are computed with more bits than they have, codes would be others. */
_Static_assert(FLT_EVAL_METHOD == 0, "float sums must be rounded to float: compile for SSE2");

/* ---- plain C ---- */

static void
plain_correlate(float *sums, const float *x, size_t n)
{
	for (size_t k = 0; k < EP_WHITEN_LAGS; k++) {
		float sum = 0;
		for (size_t j = k; j < n; j++)
			sum += x[j] * x[j - k];
		sums[k] = sum;
	}
}

static void
plain_whiten(float *y, const float *x, size_t n, const float a[EP_WHITEN_ORDER + 1])
{
	for (size_t i = EP_WHITEN_ORDER; i < n; i++) {
		float out = x[i];
		for (size_t j = 1; j <= EP_WHITEN_ORDER; j++)
			out -= a[j] * x[i - j];
		y[i] = out;
	}
}

static void
plain_subbands(float *energies, const float *y, size_t count,
               const struct ep_subband_factors *factors)
{
	for (size_t t = 0; t < count; t++, y += EP_FRAME_STEP, energies += EP_ONSET_BANDS) {
		float folded[16];
		for (size_t i = 0; i < 16; i++) {
			folded[i] = y[i] * factors->window[i];
			for (size_t k = i + 16; k < EP_FRAME_SIZE; k += 16)
				folded[i] += y[k] * factors->window[k];
		}
		for (size_t b = 0; b < EP_ONSET_BANDS; b++) {
			float re = 0;
			float im = 0;
			for (size_t k = 0; k < 16; k++) {
				re += factors->re[k][b] * folded[k];
				im += factors->im[k][b] * folded[k];
			}
			energies[b] = re * re + im * im;
		}
	}
}

/* ---- vectors: what every processor of the architecture has, and AVX2 ---- */

#define LANES 4
#define TARGET
#define NAME(x) four_##x
#include "generator/generator_lanes.h"

static bool
always(void)
{
	return true;
}

#if defined(__x86_64__)
#define LANES 8
#define TARGET __attribute__((target("avx2")))
#define NAME(x) eight_##x
#include "generator/generator_lanes.h"
#endif

static const struct {
	struct ep_generator_kernels kernels;
	bool (*supported)(void);
} all[] = {
	{ { "plain", plain_correlate, plain_whiten, plain_subbands }, always },
	{ { "4 lanes", four_correlate, four_whiten, four_subbands }, always },
#if defined(__x86_64__)
	{ { "8 lanes", eight_correlate, eight_whiten, eight_subbands }, ep_has_avx2 },
#endif
};

const struct ep_generator_kernels *
ep_generator_kernels(size_t index)
{
	bool there = index < sizeof all / sizeof *all && all[index].supported();
	return there ? &all[index].kernels : NULL;
}

const struct ep_generator_kernels *
ep_generator_best(void)
{
	size_t index = 0;
	while (ep_generator_kernels(index + 1))
		index++;
	return ep_generator_kernels(index);
}

#include "generator/generator.h"

#include "generator/generator_onsets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Samples that are whitened with one set of coefficients. */
#define BLOCK 10000

/* Frames that are computed at a time. */
#define FRAMES 64

struct ep_generator {
	const struct ep_generator_kernels *kernels;
	struct ep_subband_factors factors;
	double start_s;
	uint64_t samples; /* fed */

	/* Whitening. A block is worked on when the sample behind it is there, or the end is known.
	 */
	float correlation[EP_WHITEN_ORDER + 1]; /* a running mean over blocks */
	float history[EP_WHITEN_ORDER]; /* samples before the block, as the original takes them */
	float block[EP_WHITEN_FRONT + BLOCK + 1 + EP_WHITEN_BACK];
	size_t filled; /* samples in the block, up to BLOCK + 1 */

	/* What is whitened and not yet all in frames. */
	float white[EP_FRAME_SIZE + EP_FRAME_STEP + BLOCK + 1 + EP_WHITEN_BACK];
	size_t white_count;

	float energies[(EP_STEP_FRAMES + FRAMES) * EP_ONSET_BANDS];
	size_t frames; /* in energies */
	struct ep_onset_detector detector;
};

/* The window of the subbands. */
static const float window[EP_FRAME_SIZE] = {
	0.000000477F,  0.000000954F,  0.000001431F,  0.000002384F,  0.000003815F,  0.000006199F,
	0.000009060F,  0.000013828F,  0.000019550F,  0.000027657F,  0.000037670F,  0.000049591F,
	0.000062943F,  0.000076771F,  0.000090599F,  0.000101566F,  -0.000108242F, -0.000106812F,
	-0.000095367F, -0.000069618F, -0.000027180F, 0.000034332F,  0.000116348F,  0.000218868F,
	0.000339031F,  0.000472546F,  0.000611782F,  0.000747204F,  0.000866413F,  0.000954151F,
	0.000994205F,  0.000971317F,  -0.000868797F, -0.000674248F, -0.000378609F, 0.000021458F,
	0.000522137F,  0.001111031F,  0.001766682F,  0.002457142F,  0.003141880F,  0.003771782F,
	0.004290581F,  0.004638195F,  0.004752159F,  0.004573822F,  0.004049301F,  0.003134727F,
	-0.001800537F, -0.000033379F, 0.002161503F,  0.004756451F,  0.007703304F,  0.010933399F,
	0.014358521F,  0.017876148F,  0.021372318F,  0.024725437F,  0.027815342F,  0.030526638F,
	0.032754898F,  0.034412861F,  0.035435200F,  0.035780907F,  -0.035435200F, -0.034412861F,
	-0.032754898F, -0.030526638F, -0.027815342F, -0.024725437F, -0.021372318F, -0.017876148F,
	-0.014358521F, -0.010933399F, -0.007703304F, -0.004756451F, -0.002161503F, 0.000033379F,
	0.001800537F,  0.003134727F,  -0.004049301F, -0.004573822F, -0.004752159F, -0.004638195F,
	-0.004290581F, -0.003771782F, -0.003141880F, -0.002457142F, -0.001766682F, -0.001111031F,
	-0.000522137F, -0.000021458F, 0.000378609F,  0.000674248F,  0.000868797F,  0.000971317F,
	-0.000994205F, -0.000954151F, -0.000866413F, -0.000747204F, -0.000611782F, -0.000472546F,
	-0.000339031F, -0.000218868F, -0.000116348F, -0.000034332F, 0.000027180F,  0.000069618F,
	0.000095367F,  0.000106812F,  0.000108242F,  0.000101566F,  -0.000090599F, -0.000076771F,
	-0.000062943F, -0.000049591F, -0.000037670F, -0.000027657F, -0.000019550F, -0.000013828F,
	-0.000009060F, -0.000006199F, -0.000003815F, -0.000002384F, -0.000001431F, -0.000000954F,
	-0.000000477F, 0.0F,
};

static void
make_factors(struct ep_subband_factors *factors)
{
	memcpy(factors->window, window, sizeof window);
	for (int b = 0; b < EP_ONSET_BANDS; b++) {
		for (int k = 0; k < 16; k++) {
			double angle = (2 * b + 1) * (k - 4) * (M_PI / 16);
			factors->re[k][b] = (float)cos(angle);
			factors->im[k][b] = (float)-sin(angle);
		}
	}
}

enum ep_status
ep_generator_new(struct ep_generator **out, const struct ep_generator_kernels *kernels,
                 struct ep_error *err)
{
	EP_OWNED(ep_generator_free)
	struct ep_generator *generator = calloc(1, sizeof *generator);
	if (!generator)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for the code generator");
	generator->kernels = kernels;
	make_factors(&generator->factors);
	EP_TRY(ep_onset_detector_init(&generator->detector, err));
	ep_generator_start(generator, 0);
	*out = EP_TAKE(generator);
	return EP_OK;
}

void
ep_generator_free(struct ep_generator *generator)
{
	if (!generator)
		return;
	ep_onset_detector_done(&generator->detector);
	free(generator);
}

void
ep_generator_start(struct ep_generator *generator, double start_s)
{
	generator->start_s = start_s;
	generator->samples = 0;
	memset(generator->correlation, 0, sizeof generator->correlation);
	generator->correlation[0] = 0.001F;
	memset(generator->history, 0, sizeof generator->history);
	generator->filled = 0;
	generator->white_count = 0;
	generator->frames = 0;
	ep_onset_detector_start(&generator->detector);
}

uint64_t
ep_generator_samples(const struct ep_generator *generator)
{
	return generator->samples;
}

/* ---- whitening ---- */

/* Levinson and Durbin: the coefficients a[1..] of the linear prediction for a correlation. */
static void
predict(float a[EP_WHITEN_ORDER + 1], const float *correlation)
{
	float energy = correlation[0];
	for (size_t i = 1; i <= EP_WHITEN_ORDER; i++) {
		float sum = 0;
		for (size_t j = 1; j < i; j++)
			sum += a[j] * correlation[i - j];
		float r = (correlation[i] - sum) / energy;
		a[i] = r;
		for (size_t j = 1; j <= i / 2; j++) {
			float u = a[j];
			float v = a[i - j];
			a[j] = u - r * v;
			a[i - j] = v - r * u;
		}
		energy = (1 - r * r) * energy;
	}
}

/* The first outputs of a block, which reach back into the history. */
static void
whiten_front(float *y, const float *x, size_t n, const float *history, const float *a)
{
	for (size_t i = 0; i < n && i < EP_WHITEN_ORDER; i++) {
		float out = x[i];
		for (size_t j = i + 1; j <= EP_WHITEN_ORDER; j++)
			out -= a[j] * history[EP_WHITEN_ORDER + i - j];
		for (size_t j = 1; j <= i; j++)
			out -= a[j] * x[i - j];
		y[i] = out;
	}
}

/* Whitens the first n samples of the block. */
static void
whiten(struct ep_generator *generator, size_t n)
{
	const float *x = generator->block + EP_WHITEN_FRONT;
	float *y = generator->white + generator->white_count;
	float sums[EP_WHITEN_LAGS];
	float a[EP_WHITEN_ORDER + 1] = { 0 };
	generator->kernels->correlate(sums, x, n);
	for (size_t k = 0; k <= EP_WHITEN_ORDER; k++)
		generator->correlation[k] += (sums[k] - generator->correlation[k]) / 8;
	predict(a, generator->correlation);
	whiten_front(y, x, n, generator->history, a);
	generator->kernels->whiten(y, x, n, a);
	/* The newest sample is not in it: the history is one sample late, as in the original. */
	if (n > EP_WHITEN_ORDER)
		memcpy(generator->history, x + n - 1 - EP_WHITEN_ORDER, sizeof generator->history);
	generator->white_count += n;
}

/* ---- frames and steps ---- */

/* Takes all steps whose frames are there. */
static enum ep_status
take_steps(struct ep_generator *generator, struct ep_error *err)
{
	size_t at = 0;
	for (; at + EP_STEP_FRAMES <= generator->frames; at += EP_STEP_HOP)
		EP_TRY(ep_onset_detector_step(&generator->detector,
		                              generator->energies + at * EP_ONSET_BANDS, err));
	generator->frames -= at;
	memmove(generator->energies, generator->energies + at * EP_ONSET_BANDS,
	        generator->frames * EP_ONSET_BANDS * sizeof *generator->energies);
	return EP_OK;
}

/* Samples that must be there for a frame: the original wants the step behind it to be begun. */
#define FRAME_NEEDS (EP_FRAME_SIZE - 1 + EP_FRAME_STEP)

/* Makes all frames that are whole. */
static enum ep_status
take_frames(struct ep_generator *generator, struct ep_error *err)
{
	size_t at = 0;
	while (at + FRAME_NEEDS <= generator->white_count) {
		size_t count = (generator->white_count - at - FRAME_NEEDS) / EP_FRAME_STEP + 1;
		if (count > FRAMES)
			count = FRAMES;
		generator->kernels->subbands(generator->energies +
		                                     generator->frames * EP_ONSET_BANDS,
		                             generator->white + at, count, &generator->factors);
		generator->frames += count;
		at += count * EP_FRAME_STEP;
		EP_TRY(take_steps(generator, err));
	}
	generator->white_count -= at;
	memmove(generator->white, generator->white + at,
	        generator->white_count * sizeof *generator->white);
	return EP_OK;
}

enum ep_status
ep_generator_feed(struct ep_generator *generator, const int16_t *samples, size_t count,
                  struct ep_error *err)
{
	if (count > EP_GENERATOR_SAMPLES_MAX - generator->samples)
		return ep_fail(err, EP_BAD_INPUT, "the audio is longer than 48 hours");
	generator->samples += count;
	while (count > 0) {
		float *x = generator->block + EP_WHITEN_FRONT;
		size_t room = BLOCK + 1 - generator->filled;
		size_t taken = count < room ? count : room;
		for (size_t i = 0; i < taken; i++)
			x[generator->filled + i] = (float)samples[i] / 32768;
		generator->filled += taken;
		samples += taken;
		count -= taken;
		if (generator->filled <= BLOCK)
			continue;
		whiten(generator, BLOCK);
		x[0] = x[BLOCK];
		generator->filled = 1;
		EP_TRY(take_frames(generator, err));
	}
	return EP_OK;
}

enum ep_status
ep_generator_finish(struct ep_pairs *out, struct ep_generator *generator, struct ep_error *err)
{
	if (generator->filled > 0) {
		whiten(generator, generator->filled - 1);
		/* The very last sample is never whitened. */
		generator->white[generator->white_count++] = 0;
		EP_TRY(take_frames(generator, err));
	}
	return ep_onset_detector_codes(out, &generator->detector, generator->start_s, err);
}

/* generator_kernels.h - the sums in which the code generator spends its time, by instruction set
 *
 * Every set gives the same bits: sums are in float, each in its own order, one lane a sum, and no
 * multiplication is fused with an addition (-ffp-contract=off). Plain C is one sum after another.
 */
#ifndef EP_GENERATOR_GENERATOR_KERNELS_H
#define EP_GENERATOR_GENERATOR_KERNELS_H

#include "code/onset_hash.h"

#include <stddef.h>

#define EP_WHITEN_ORDER 40

/* Room for the EP_WHITEN_ORDER + 1 lags in whole vectors. */
#define EP_WHITEN_LAGS 48

/* Zeros that stand before a block, and floats that may be read behind one. */
#define EP_WHITEN_FRONT EP_WHITEN_LAGS
#define EP_WHITEN_BACK 16

#define EP_FRAME_STEP 8 /* samples from frame to frame */
#define EP_FRAME_SIZE 128 /* samples of a frame */

struct ep_subband_factors {
	float window[EP_FRAME_SIZE];
	/* Of Y[k] in band b: cosines, and sines below 0. */
	float re[16][EP_ONSET_BANDS];
	float im[16][EP_ONSET_BANDS];
};

struct ep_generator_kernels {
	const char *name; /* "plain", "4 lanes", "8 lanes" */

	/* Writes to sums[k], k below EP_WHITEN_LAGS, of which those up to EP_WHITEN_ORDER count,
	 * the sum over j = k..n-1 of x[j] * x[j-k]. x[-EP_WHITEN_FRONT..0) are zeros. */
	void (*correlate)(float *sums, const float *x, size_t n);

	/* Writes to y[i], i = EP_WHITEN_ORDER..n-1, x[i] less a[j] * x[i-j] for j
	 * = 1..EP_WHITEN_ORDER. Up to EP_WHITEN_BACK floats behind both may be touched. */
	void (*whiten)(float *y, const float *x, size_t n, const float a[EP_WHITEN_ORDER + 1]);

	/* Writes to energies[EP_ONSET_BANDS * t + b] the energy of band b of each of count frames;
	 * frame t is y[EP_FRAME_STEP * t..] and EP_FRAME_SIZE long. */
	void (*subbands)(float *energies, const float *y, size_t count,
	                 const struct ep_subband_factors *factors);
};

/* The kernels of index 0, 1, ... that this processor has; NULL behind the last. The first is plain
 * C. */
const struct ep_generator_kernels *ep_generator_kernels(size_t index);

/* The fastest of them. */
const struct ep_generator_kernels *ep_generator_best(void);

#endif

/* onset_kernels.h - the arithmetic in which coding onsets spends its time, by instruction set
 *
 * Every set gives the same bits. For onset_emit.h, onset_chance.h and the laws only.
 */
#ifndef EP_CODE_ONSET_ONSET_KERNELS_H
#define EP_CODE_ONSET_ONSET_KERNELS_H

#include "code/onset/onsets.h"

#include <stddef.h>
#include <stdint.h>

/* The codes of so many onsets of a band are computed together. */
#define EP_ONSET_LANES 64

/* Times whose costs are summed up together. */
#define EP_ONSET_BLOCK 32

/* What weighs on the times of a block, four numbers each: three for the time, and one for its
 * features, of which those with the bits 0xc0 and 0x80 weigh the same. */
struct ep_onset_weights {
	const uint8_t *by_time[3]; /* EP_ONSET_BLOCK of them */
	const uint8_t *features; /* EP_ONSET_BLOCK of them */
	const uint8_t *by_feature; /* 256 of them */
};

/* The rate of a sum of four weights: 4096 / ln 2 * 2^(sum / 16 - EP_ONSET_RATE_OCTAVES), as a whole
 * number, at least 1; above these octaves EP_ONSET_RATE_MAX, where an onset is all but sure. */
#define EP_ONSET_RATE_OCTAVES 26
#define EP_ONSET_RATE_MAX 20000
uint32_t ep_onset_rate(uint32_t sum);

/* A rank is a code with its place in canonical order: the seven digits that its decimal text begins
 * with, times 8, plus the length of the text. Smaller codes may have greater ranks. */
#define EP_RANK_LENGTH_BITS 3
#define EP_RANK_LENGTH_MASK 7u

struct ep_onset_kernels {
	const char *name; /* "plain", "AVX2" */

	/* Writes to ranks[0..6)[i] the six codes of onsets[i], i below count, in canonical order.
	 *
	 * onsets  with the four followers of the last one behind it.
	 * count   up to EP_ONSET_LANES. */
	void (*emit)(uint32_t ranks[6][EP_ONSET_LANES], const struct ep_onset *onsets, size_t count,
	             uint32_t band);

	/* Turns ranks into codes. */
	void (*codes)(uint32_t *codes, const uint32_t *ranks, size_t count);

	/* Writes the digits of ranks, the first in the low byte of each; what is behind the length
	 * is not to be read. */
	void (*texts)(uint64_t *texts, const uint32_t *ranks, size_t count);

	/* Writes to costs[i], i = 0..EP_ONSET_BLOCK, the sum of the rates of the times before the
	 * i-th, at most 65,535; rates are all that ep_onset_rate gives, from 0 on. */
	void (*costs)(uint16_t costs[EP_ONSET_BLOCK + 1], const struct ep_onset_weights *weights,
	              const uint16_t rates[1024]);
};

/* The rank of a code below EP_ONSET_CODE_COUNT. */
uint32_t ep_onset_rank(uint32_t code);

/* The kernels of index 0, 1, ... that this processor has; NULL behind the last. The first is plain
 * C. */
const struct ep_onset_kernels *ep_onset_kernels(size_t index);

/* The fastest of them. */
const struct ep_onset_kernels *ep_onset_kernels_best(void);

#endif

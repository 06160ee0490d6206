/* Each kernel is plain C that compilers make vectors of; it is compiled once for what every
 * processor of the architecture has, and once for each set that more can do. */
#include "code/onset/onset_kernels.h"

#include <stdbool.h>

/* In the function that calls, with its instruction set. */
#define INLINE static inline __attribute__((always_inline))

/* ---- codes and ranks ---- */

/* All ones where value is below limit, else 0; both are below 2^31. */
INLINE uint32_t
below(uint32_t value, uint32_t limit)
{
	return 0u - ((value - limit) >> 31);
}

/* Sums of masks, without branches and tables: compilers make vectors of them. */
INLINE uint32_t
rank_of(uint32_t code)
{
	static const uint32_t limits[6] = { 1000000, 100000, 10000, 1000, 100, 10 };
	uint32_t scale = 1;
	uint32_t length = 7;
	uint32_t step = 9;
	for (int i = 0; i < 6; i++, step *= 10) {
		uint32_t shorter = below(code, limits[i]);
		scale += shorter & step;
		length += shorter;
	}
	return (code * scale << EP_RANK_LENGTH_BITS) + length;
}

/* A float holds the digits, which are below 2^24, and a multiplication for a division is less than
 * a half off. */
INLINE uint32_t
code_of(uint32_t rank)
{
	uint32_t length = rank & EP_RANK_LENGTH_MASK;
	float share = (length == 7 ? 1.0f : 0) + (length == 6 ? 1e-1f : 0) +
	              (length == 5 ? 1e-2f : 0) + (length == 4 ? 1e-3f : 0) +
	              (length == 3 ? 1e-4f : 0) + (length == 2 ? 1e-5f : 0) +
	              (length == 1 ? 1e-6f : 0);
	float digits = (float)(int32_t)(rank >> EP_RANK_LENGTH_BITS);
	return (uint32_t)(int32_t)(digits * share + 0.5f);
}

/* The four digits of a number below 10,000 as characters, the first in the low byte. Dividing by
 * 100 is (x * 10486) >> 20 for x < 10000, and by 10 is (x * 103) >> 10 for x < 100. */
INLINE uint32_t
four_digits(uint32_t value)
{
	uint32_t high = (value * 10486) >> 20;
	uint32_t twos = high | (value - 100 * high) << 16;
	high = ((twos * 103) >> 10) & 0x000f000f;
	return (high | (twos - 10 * high) << 8) + 0x30303030;
}

INLINE uint64_t
text_of(uint32_t rank)
{
	uint32_t digits = rank >> EP_RANK_LENGTH_BITS;
	uint32_t front = digits / 1000;
	return four_digits(front) | (uint64_t)four_digits((digits - front * 1000) * 10) << 32;
}

uint32_t
ep_onset_rank(uint32_t code)
{
	return rank_of(code);
}

/* ---- the kernels ---- */

/* Differences of each onset to those before it, as far as these are given. */
struct differences {
	uint32_t by[3][EP_ONSET_LANES + 5];
};

INLINE void
take_differences(struct differences *differences, const struct ep_onset *onsets, size_t count)
{
	for (int lag = 1; lag <= 3; lag++)
		for (size_t i = (size_t)lag; i < count; i++)
			differences->by[lag - 1][i] = ep_onset_difference(onsets + i, lag);
}

INLINE void
hash_all(uint32_t *restrict ranks, const uint32_t *first, const uint32_t *second, size_t count,
         uint32_t band)
{
	for (size_t i = 0; i < count; i++)
		ranks[i] = rank_of(ep_onset_hash(first[i], second[i], band));
}

INLINE void
sort_two(uint32_t *restrict one, uint32_t *restrict other, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t low = one[i] < other[i] ? one[i] : other[i];
		uint32_t high = one[i] < other[i] ? other[i] : one[i];
		one[i] = low;
		other[i] = high;
	}
}

/* Row by row, so that all is loops over onsets. */
INLINE void
emit(uint32_t ranks[6][EP_ONSET_LANES], const struct ep_onset *onsets, size_t count, uint32_t band)
{
	struct differences d;
	take_differences(&d, onsets, count + 4);
	const uint32_t *one = d.by[0];
	const uint32_t *two = d.by[1];
	const uint32_t *three = d.by[2];
	hash_all(ranks[0], one + 1, one + 2, count, band);
	hash_all(ranks[1], one + 1, two + 3, count, band);
	hash_all(ranks[2], two + 2, one + 3, count, band);
	hash_all(ranks[3], one + 1, three + 4, count, band);
	hash_all(ranks[4], two + 2, two + 4, count, band);
	hash_all(ranks[5], three + 3, one + 4, count, band);
	/* The optimal network of twelve comparisons. */
	static const uint8_t network[12][2] = { { 0, 5 }, { 1, 3 }, { 2, 4 }, { 1, 2 },
		                                { 3, 4 }, { 0, 3 }, { 2, 5 }, { 0, 1 },
		                                { 2, 3 }, { 4, 5 }, { 1, 2 }, { 3, 4 } };
	for (int i = 0; i < 12; i++)
		sort_two(ranks[network[i][0]], ranks[network[i][1]], count);
}

INLINE void
codes(uint32_t *restrict out, const uint32_t *restrict ranks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out[i] = code_of(ranks[i]);
}

INLINE void
texts(uint64_t *restrict out, const uint32_t *restrict ranks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out[i] = text_of(ranks[i]);
}

/* ---- by instruction set ---- */

#define KERNELS(TARGET, NAME)                                                                      \
	TARGET static void NAME##_emit(uint32_t ranks[6][EP_ONSET_LANES],                          \
	                               const struct ep_onset *onsets, size_t count, uint32_t band) \
	{                                                                                          \
		emit(ranks, onsets, count, band);                                                  \
	}                                                                                          \
	TARGET static void NAME##_codes(uint32_t *out, const uint32_t *ranks, size_t count)        \
	{                                                                                          \
		codes(out, ranks, count);                                                          \
	}                                                                                          \
	TARGET static void NAME##_texts(uint64_t *out, const uint32_t *ranks, size_t count)        \
	{                                                                                          \
		texts(out, ranks, count);                                                          \
	}

KERNELS(, plain)
#if defined(__x86_64__)
KERNELS(__attribute__((target("avx2"))), avx2)
#endif

static bool
always(void)
{
	return true;
}

#if defined(__x86_64__)
static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}
#endif

static const struct {
	struct ep_onset_kernels kernels;
	bool (*supported)(void);
} all[] = {
	{ { "plain", plain_emit, plain_codes, plain_texts }, always },
#if defined(__x86_64__)
	{ { "AVX2", avx2_emit, avx2_codes, avx2_texts }, has_avx2 },
#endif
};

const struct ep_onset_kernels *
ep_onset_kernels(size_t index)
{
	bool there = index < sizeof all / sizeof *all && all[index].supported();
	return there ? &all[index].kernels : NULL;
}

const struct ep_onset_kernels *
ep_onset_kernels_best(void)
{
	size_t index = 0;
	while (ep_onset_kernels(index + 1))
		index++;
	return ep_onset_kernels(index);
}

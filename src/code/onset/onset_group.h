/* onset_group.h - the codes of one time, out of which onsets take theirs
 *
 * For onset_find.h and its parts only. A code is taken by its differences of time, named by the
 * ends: a02 is that between the onset itself and its second follower.
 */
#ifndef EP_CODE_ONSET_ONSET_GROUP_H
#define EP_CODE_ONSET_ONSET_GROUP_H

#include "code/onset/onset_band.h"
#include "code/onset_hash.h"
#include "code/pairs.h"

#include <stdbool.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* No band has two onsets at one time. */
#define GROUP_MAX (6 * EP_ONSET_BANDS)
#define BLOOM_WORDS 16

/* The codes of one time that have no explanation yet. */
struct group {
	uint32_t codes[GROUP_MAX];
	size_t count;
	uint64_t left; /* bit i: codes[i] is open */
	uint64_t bloom[BLOOM_WORDS];
};

static inline void
group_fill(struct group *group, const struct ep_pair *pairs, size_t count)
{
	memset(group->bloom, 0, sizeof group->bloom);
	for (size_t i = 0; i < count; i++) {
		group->codes[i] = pairs[i].code;
		group->bloom[pairs[i].code >> 6 & (BLOOM_WORDS - 1)] |= (uint64_t)1
		                                                        << (pairs[i].code & 63);
	}
	group->count = count;
	group->left = ((uint64_t)1 << count) - 1;
}

static inline bool
group_may_have(const struct group *group, uint32_t code)
{
	return group->bloom[code >> 6 & (BLOOM_WORDS - 1)] >> (code & 63) & 1;
}

/* Which of sixteen codes equal code, as bits. Without branches: they would be mispredicted. */
static inline uint64_t
equal_of_sixteen(const uint32_t codes[16], uint32_t code)
{
#ifdef __SSE2__
	const __m128i wanted = _mm_set1_epi32((int)code);
	__m128i same[4];
	for (int i = 0; i < 4; i++) {
		__m128i four;
		memcpy(&four, codes + i * 4, sizeof four);
		same[i] = _mm_cmpeq_epi32(four, wanted);
	}
	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(same[0], same[1]),
	                                                   _mm_packs_epi32(same[2], same[3])));
#else
	uint64_t same = 0;
	for (int i = 0; i < 16; i++)
		same |= (uint64_t)(codes[i] == code) << i;
	return same;
#endif
}

/* Which of the codes in left equals code, as a bit; 0 for none. */
static inline uint64_t
group_find(const struct group *group, uint64_t left, uint32_t code)
{
	uint64_t same = 0;
	for (size_t i = 0; i < group->count; i += 16)
		same |= equal_of_sixteen(group->codes + i, code) << i;
	same &= left;
	return same & (~same + 1);
}

/* Takes the code of two differences out of *left; whether it was there. */
static inline bool
take(const struct group *group, uint64_t *left, int32_t first, int32_t second, uint32_t band)
{
	uint64_t bit =
		group_find(group, *left, ep_onset_hash((uint32_t)first, (uint32_t)second, band));
	*left &= ~bit;
	return bit != 0;
}

/* Takes code up to max times out of *left; returns how many times. */
static inline int
take_copies(const struct group *group, uint64_t *left, uint32_t code, int max)
{
	int count = 0;
	while (count < max) {
		uint64_t bit = group_find(group, *left, code);
		if (!bit)
			break;
		*left &= ~bit;
		count++;
	}
	return count;
}

/* Values of a difference that is a sum of two others, in two ways: each sum is exact or one short.
 * The second way may be UNKNOWN. */
struct range {
	int32_t low;
	int32_t high;
};

static inline struct range
range_of_sums(int32_t one, int32_t other)
{
	if (other == UNKNOWN)
		return (struct range){ one, one + 1 };
	return (struct range){ one > other ? one : other, (one < other ? one : other) + 1 };
}

/* Takes one of two codes out of *left, the first if both are there: 1 or 2, or 0 for none. Without
 * branches that depend on which. */
static inline int
take_either(const struct group *group, uint64_t *left, uint32_t one, uint32_t other)
{
	uint64_t one_bit = group_find(group, *left, one);
	uint64_t other_bit = group_find(group, *left, other);
	*left &= ~(one_bit ? one_bit : other_bit);
	return one_bit ? 1 : other_bit ? 2 : 0;
}

/* Takes the code of (first, any value of the range); gives the value. */
static inline bool
take_second(int32_t *value, const struct group *group, uint64_t *left, int32_t first,
            struct range seconds, uint32_t band)
{
	uint32_t one = ep_onset_hash((uint32_t)first, (uint32_t)seconds.low, band);
	uint32_t other = ep_onset_hash((uint32_t)first, (uint32_t)seconds.high, band);
	int which = take_either(group, left, one, other);
	*value = which == 1 ? seconds.low : seconds.high;
	return which != 0 && seconds.low <= seconds.high;
}

static inline bool
take_first(int32_t *value, const struct group *group, uint64_t *left, struct range firsts,
           int32_t second, uint32_t band)
{
	uint32_t one = ep_onset_hash((uint32_t)firsts.low, (uint32_t)second, band);
	uint32_t other = ep_onset_hash((uint32_t)firsts.high, (uint32_t)second, band);
	int which = take_either(group, left, one, other);
	*value = which == 1 ? firsts.low : firsts.high;
	return which != 0 && firsts.low <= firsts.high;
}

/* The same, where the value may be known. */
static inline bool
take_sum(int32_t *value, const struct group *group, uint64_t *left, int32_t first, int32_t known,
         struct range otherwise, uint32_t band)
{
	if (known == UNKNOWN)
		return take_second(value, group, left, first, otherwise, band);
	*value = known;
	return take(group, left, first, known, band);
}

#endif

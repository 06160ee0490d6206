#include "format/scan.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)

#include <emmintrin.h>

#define STEP 16

struct wanted {
	__m128i one, two, three;
};

static inline struct wanted
want(char one, char two, char three)
{
	return (struct wanted){ _mm_set1_epi8(one), _mm_set1_epi8(two), _mm_set1_epi8(three) };
}

static inline __m128i
hits(const char *at, const struct wanted *wanted)
{
	__m128i bytes;
	memcpy(&bytes, at, sizeof bytes);
	return _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, wanted->one),
	                                 _mm_cmpeq_epi8(bytes, wanted->two)),
	                    _mm_cmpeq_epi8(bytes, wanted->three));
}

/* The place of the first hit in STEP bytes; STEP where there is none. */
static inline size_t
first_hit(const char *at, const struct wanted *wanted)
{
	unsigned mask = (unsigned)_mm_movemask_epi8(hits(at, wanted));
	return mask ? (size_t)__builtin_ctz(mask) : STEP;
}

/* Whether there is a hit in 4 * STEP bytes. */
static inline int
any_hit(const char *at, const struct wanted *wanted)
{
	__m128i front = _mm_or_si128(hits(at, wanted), hits(at + STEP, wanted));
	__m128i back = _mm_or_si128(hits(at + 2 * STEP, wanted), hits(at + 3 * STEP, wanted));
	return _mm_movemask_epi8(_mm_or_si128(front, back)) != 0;
}

#else

/* Eight bytes at once in a word: x ^ w has a zero byte where x is w, and (v - 01..01) & ~v & 80..80
 * is not 0 exactly when v has a zero byte. */
#define STEP 8
#define ONES UINT64_C(0x0101010101010101)
#define HIGH UINT64_C(0x8080808080808080)

struct wanted {
	char one, two, three;
	uint64_t ones, twos, threes;
};

static inline struct wanted
want(char one, char two, char three)
{
	return (struct wanted){ one,
		                two,
		                three,
		                (unsigned char)one * ONES,
		                (unsigned char)two * ONES,
		                (unsigned char)three * ONES };
}

static inline uint64_t
zero_bytes(uint64_t word)
{
	return (word - ONES) & ~word & HIGH;
}

static inline uint64_t
hits(const char *at, const struct wanted *wanted)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
	return zero_bytes(word ^ wanted->ones) | zero_bytes(word ^ wanted->twos) |
	       zero_bytes(word ^ wanted->threes);
}

static inline size_t
first_hit(const char *at, const struct wanted *wanted)
{
	if (!hits(at, wanted))
		return STEP;
	size_t place = 0;
	while (at[place] != wanted->one && at[place] != wanted->two && at[place] != wanted->three)
		place++;
	return place;
}

static inline int
any_hit(const char *at, const struct wanted *wanted)
{
	return (hits(at, wanted) | hits(at + STEP, wanted) | hits(at + 2 * STEP, wanted) |
	        hits(at + 3 * STEP, wanted)) != 0;
}

#endif

const char *
ep_scan_any(const char *at, const char *end, char one, char two, char three)
{
	const struct wanted wanted = want(one, two, three);
	while (end - at >= STEP) {
		size_t place = first_hit(at, &wanted);
		if (place < STEP)
			return at + place;
		at += STEP;
		while (end - at >= 4 * STEP && !any_hit(at, &wanted))
			at += 4 * STEP;
	}
	while (at < end && *at != one && *at != two && *at != three)
		at++;
	return at;
}

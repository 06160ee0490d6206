#include "index/postings.h"

#include "base/bytes.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define WITH_BMI2 1
#else
#define WITH_BMI2 0
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))

static unsigned
low_bits(uint64_t count, uint64_t limit)
{
	unsigned low = 63u - (unsigned)__builtin_clzll(limit / count);
	return low < EP_POSTINGS_LOW_MAX ? low : EP_POSTINGS_LOW_MAX;
}

static uint64_t
lows_size(uint64_t count, unsigned low)
{
	return (count * low + 7) / 8;
}

static uint64_t
highs_size(uint64_t count, uint64_t limit, unsigned low)
{
	return (count + (limit >> low) + 1 + 7) / 8;
}

struct ep_postings
ep_postings_shape(uint64_t count, uint64_t limit)
{
	unsigned low = low_bits(count, limit);
	return (struct ep_postings){
		.size = lows_size(count, low) + highs_size(count, limit, low),
		.count = count,
		.low = low,
	};
}

static inline uint64_t
mask_of(unsigned low)
{
	return ((uint64_t)1 << low) - 1;
}

enum ep_status
ep_postings_encode(struct ep_buffer *out, const uint64_t *numbers, uint64_t count, uint64_t limit,
                   struct ep_error *err)
{
	struct ep_postings shape = ep_postings_shape(count, limit);
	unsigned low = shape.low;
	size_t size = shape.size;
	/* Eight bytes are written at a time. */
	EP_TRY(ep_buffer_reserve(out, size + 8, err));
	uint8_t *lows = out->data + out->size;
	uint8_t *highs = lows + lows_size(count, low);
	memset(lows, 0, size + 8);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = i * low;
		uint64_t word = ep_load64(lows + at / 8);
		word |= (numbers[i] & mask_of(low)) << (at % 8);
		ep_store64(lows + at / 8, word);
	}
	/* Behind the lows, as their last word may reach into the highs. */
	for (uint64_t i = 0; i < count; i++) {
		uint64_t one = (numbers[i] >> low) + i;
		highs[one / 8] |= (uint8_t)(1u << one % 8);
	}
	out->size += size;
	return EP_OK;
}

/* ---- reading ---- */

/* The bits of the highs from bit `at` on, lowest first; behind the end there are zeros. */
static inline uint64_t
highs_from(const struct ep_postings_cursor *cursor, uint64_t at)
{
	uint64_t word = ep_load64(cursor->highs + at / 8) >> at % 8;
	uint64_t left = cursor->high_end - at;
	return left < 64 ? word & mask_of((unsigned)left) : word;
}

/* How many bits highs_from gives at `at`. */
static inline unsigned
bits_from(uint64_t at)
{
	return 64 - (unsigned)(at % 8);
}

static inline uint64_t
low_at(const struct ep_postings_cursor *cursor, uint64_t i)
{
	uint64_t at = i * cursor->low;
	return ep_load64(cursor->lows + at / 8) >> at % 8 & mask_of(cursor->low);
}

/* The place of one bit of a word, of which so many lower ones are set, too. */
ALWAYS_INLINE unsigned
place_of_bit(uint64_t word, unsigned lower)
{
	for (unsigned i = 0; i < lower; i++)
		word &= word - 1;
	return (unsigned)__builtin_ctzll(word);
}

/* Moves behind so many more zeros of the highs. */
ALWAYS_INLINE void
skip_zeros(struct ep_postings_cursor *cursor, uint64_t zeros,
           unsigned (*place)(uint64_t word, unsigned lower))
{
	while (zeros && cursor->high < cursor->high_end) {
		unsigned width = bits_from(cursor->high);
		uint64_t word = ~highs_from(cursor, cursor->high);
		if (width < 64)
			word &= mask_of(width);
		unsigned here = (unsigned)__builtin_popcountll(word);
		if (here >= zeros) {
			here = (unsigned)zeros;
			width = place(word, here - 1) + 1;
		}
		cursor->high += width;
		cursor->next += width - here;
		zeros -= here;
	}
}

ALWAYS_INLINE void
seek(struct ep_postings_cursor *cursor, uint64_t least,
     unsigned (*place)(uint64_t word, unsigned lower))
{
	uint64_t zeros = cursor->high - cursor->next;
	if (least >> cursor->low > zeros)
		skip_zeros(cursor, (least >> cursor->low) - zeros, place);
	/* Of those with the same high part the lower ones are before it. */
	uint64_t low_least = least & mask_of(cursor->low);
	while (cursor->next < cursor->count && cursor->high < cursor->high_end &&
	       cursor->high - cursor->next == least >> cursor->low &&
	       (highs_from(cursor, cursor->high) & 1) && low_at(cursor, cursor->next) < low_least) {
		cursor->next++;
		cursor->high++;
	}
}

static void
seek_plain(struct ep_postings_cursor *cursor, uint64_t least)
{
	seek(cursor, least, place_of_bit);
}

#if WITH_BMI2
/* Counting and finding bits takes one instruction each, which not all processors have. */
__attribute__((target("bmi2"), always_inline)) static inline unsigned
place_of_bit_bmi2(uint64_t word, unsigned lower)
{
	return (unsigned)__builtin_ctzll(_pdep_u64((uint64_t)1 << lower, word));
}

__attribute__((target("popcnt,bmi2"))) static void
seek_bmi2(struct ep_postings_cursor *cursor, uint64_t least)
{
	seek(cursor, least, place_of_bit_bmi2);
}
#endif

void
ep_postings_seek(struct ep_postings_cursor *cursor, uint64_t least)
{
#if WITH_BMI2
	if (__builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi2")) {
		seek_bmi2(cursor, least);
		return;
	}
#endif
	seek_plain(cursor, least);
}

struct ep_postings_cursor
ep_postings_begin(const struct ep_postings *list)
{
	uint64_t lows = lows_size(list->count, list->low);
	return (struct ep_postings_cursor){
		.lows = list->bytes,
		.highs = list->bytes + lows,
		.count = list->count,
		.high_end = (list->size - lows) * 8,
		.low = list->low,
	};
}

size_t
ep_postings_read(uint64_t *numbers, size_t max, struct ep_postings_cursor *cursor, uint64_t end)
{
	size_t got = 0;
	while (got < max && cursor->next < cursor->count && cursor->high < cursor->high_end) {
		uint64_t word = highs_from(cursor, cursor->high);
		if (word == 0) {
			cursor->high += bits_from(cursor->high);
			continue;
		}
		uint64_t base = cursor->high;
		for (; word && got < max && cursor->next < cursor->count; word &= word - 1) {
			uint64_t at = base + (unsigned)__builtin_ctzll(word);
			uint64_t number =
				(at - cursor->next) << cursor->low | low_at(cursor, cursor->next);
			if (number >= end)
				return got;
			numbers[got++] = number;
			cursor->next++;
			cursor->high = at + 1;
		}
		if (word == 0 && cursor->high < base + bits_from(base))
			cursor->high = base + bits_from(base);
	}
	return got;
}

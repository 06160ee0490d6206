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

static unsigned
width_of(uint64_t number)
{
	return 64u - (unsigned)__builtin_clzll(number);
}

static unsigned
part_bits(uint64_t count, unsigned bits)
{
	unsigned most = count < EP_POSTINGS_PART ? 0 : width_of(count / EP_POSTINGS_PART) - 1;
	return most < bits ? most : bits;
}

static uint64_t
table_size(const struct ep_postings *list)
{
	return ((((uint64_t)1 << list->part_bits) - 1) * list->width + 7) / 8;
}

struct ep_postings
ep_postings_shape(uint64_t count, uint64_t unit, unsigned bits)
{
	struct ep_postings list = {
		.count = count,
		.unit = unit,
		.bits = bits,
		.part_bits = part_bits(count, bits),
		.width = width_of(count),
		.low = low_bits(count, unit << bits),
	};
	list.size = table_size(&list) + lows_size(count, list.low) +
	            highs_size(count, unit << bits, list.low);
	return list;
}

static inline uint64_t
mask_of(unsigned low)
{
	return ((uint64_t)1 << low) - 1;
}

/* Number i of those side by side of which each has so many bits, EP_POSTINGS_LOW_MAX at most. */
static inline uint64_t
packed_at(const uint8_t *bytes, uint64_t i, unsigned width)
{
	uint64_t at = i * width;
	return ep_load64(bytes + at / 8) >> at % 8 & mask_of(width);
}

/* Sets number i, which was 0. Eight bytes are written. */
static void
pack_at(uint8_t *bytes, uint64_t i, unsigned width, uint64_t number)
{
	uint64_t at = i * width;
	ep_store64(bytes + at / 8, ep_load64(bytes + at / 8) | number << (at % 8));
}

static void
fill_table(uint8_t *table, const struct ep_postings *list, const uint64_t *numbers)
{
	uint64_t part = list->unit << (list->bits - list->part_bits);
	uint64_t below = 0;
	for (uint64_t i = 1; i < (uint64_t)1 << list->part_bits; i++) {
		while (below < list->count && numbers[below] < i * part)
			below++;
		pack_at(table, i - 1, list->width, below);
	}
}

enum ep_status
ep_postings_encode(struct ep_buffer *out, const uint64_t *numbers, uint64_t count, uint64_t unit,
                   unsigned bits, struct ep_error *err)
{
	struct ep_postings list = ep_postings_shape(count, unit, bits);
	/* Eight bytes are written at a time. */
	EP_TRY(ep_buffer_reserve(out, list.size + 8, err));
	uint8_t *table = out->data + out->size;
	uint8_t *lows = table + table_size(&list);
	uint8_t *highs = lows + lows_size(count, list.low);
	memset(table, 0, list.size + 8);
	fill_table(table, &list, numbers);
	for (uint64_t i = 0; i < count; i++)
		pack_at(lows, i, list.low, numbers[i] & mask_of(list.low));
	for (uint64_t i = 0; i < count; i++) {
		uint64_t one = (numbers[i] >> list.low) + i;
		highs[one / 8] |= (uint8_t)(1u << one % 8);
	}
	out->size += list.size;
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
	return packed_at(cursor->lows, i, cursor->low);
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

/* Goes on to the first number that is not below least. */
static void
seek_least(struct ep_postings_cursor *cursor, uint64_t least)
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
	uint64_t before_highs = table_size(list) + lows_size(list->count, list->low);
	return (struct ep_postings_cursor){
		.lows = list->bytes + table_size(list),
		.highs = list->bytes + before_highs,
		.count = list->count,
		.high_end = (list->size - before_highs) * 8,
		.low = list->low,
	};
}

struct ep_postings_cursor
ep_postings_find(const struct ep_postings *list, uint64_t units)
{
	struct ep_postings_cursor cursor = ep_postings_begin(list);
	unsigned unit_bits = list->bits - list->part_bits;
	uint64_t part = units >> unit_bits;
	if (part >> list->part_bits)
		cursor.next = list->count;
	else if (part > 0)
		cursor.next = packed_at(list->bytes, part - 1, list->width);
	/* All numbers before it have their ones before the zeros that the part begins with. */
	cursor.high = (list->unit * (part << unit_bits) >> list->low) + cursor.next;
	if (units & mask_of(unit_bits))
		seek_least(&cursor, list->unit * units);
	return cursor;
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

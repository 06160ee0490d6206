#include "index/postings.h"

#include "base/bytes.h"

#include <string.h>

/* Of a list that is longer, the processor fetches the rest by itself while it is read. */
#define PREFETCH_MAX 2048
#define CACHE_LINE 64

#if defined(__x86_64__)
#include <immintrin.h>
#define WITH_AVX2 1
#else
#define WITH_AVX2 0
#endif

static unsigned
low_bits(uint32_t count, uint32_t limit)
{
	return 31u - (unsigned)__builtin_clz(limit / count);
}

static size_t
lows_size(uint32_t count, unsigned low)
{
	return ((size_t)count * low + 7) / 8;
}

static size_t
highs_size(uint32_t count, uint32_t limit, unsigned low)
{
	return ((size_t)count + (limit >> low) + 1 + 7) / 8;
}

size_t
ep_postings_size(uint32_t count, uint32_t limit)
{
	unsigned low = low_bits(count, limit);
	return lows_size(count, low) + highs_size(count, limit, low);
}

enum ep_status
ep_postings_encode(struct ep_buffer *out, const uint32_t *numbers, uint32_t count, uint32_t limit,
                   struct ep_error *err)
{
	unsigned low = low_bits(count, limit);
	size_t size = ep_postings_size(count, limit);
	/* Eight bytes are written at a time. */
	EP_TRY(ep_buffer_reserve(out, size + 8, err));
	uint8_t *lows = out->data + out->size;
	uint8_t *highs = lows + lows_size(count, low);
	memset(lows, 0, size + 8);
	for (uint32_t i = 0; i < count; i++) {
		size_t at = (size_t)i * low;
		uint64_t word = ep_load64(lows + at / 8);
		word |= (uint64_t)(numbers[i] & ((1u << low) - 1)) << (at % 8);
		ep_store64(lows + at / 8, word);
		size_t one = (size_t)(numbers[i] >> low) + i;
		highs[one / 8] |= (uint8_t)(1u << one % 8);
	}
	out->size += size;
	return EP_OK;
}

/* Writes the high parts; what is missing in damaged bytes is 0. */
static void
decode_highs(uint32_t *numbers, const uint8_t *bytes, size_t size, uint32_t count)
{
	uint32_t i = 0;
	for (size_t at = 0; at < size && i < count; at += 8) {
		uint64_t word = ep_load64(bytes + at);
		if (size - at < 8)
			word &= ((uint64_t)1 << (size - at) * 8) - 1;
		uint32_t zeros = (uint32_t)(at * 8) - i;
		for (; word && i < count; word &= word - 1, zeros--)
			numbers[i++] = zeros + (uint32_t)__builtin_ctzll(word);
	}
	for (; i < count; i++)
		numbers[i] = 0;
}

static void
add_lows(uint32_t *numbers, const uint8_t *bytes, uint32_t from, uint32_t count, unsigned low)
{
	uint32_t mask = (1u << low) - 1;
	for (uint32_t i = from; i < count; i++) {
		size_t at = (size_t)i * low;
		uint64_t word = ep_load64(bytes + at / 8) >> at % 8;
		numbers[i] = numbers[i] << low | ((uint32_t)word & mask);
	}
}

#if WITH_AVX2
/* Lows of at most so many bits stand in the four bytes from that of their first bit on. */
#define GATHER_BITS 25

/* The same for all numbers up to a multiple of eight, eight at a time; returns how many. */
__attribute__((target("avx2"))) static uint32_t
add_lows_avx2(uint32_t *numbers, const uint8_t *bytes, uint32_t count, unsigned low)
{
	const __m256i mask = _mm256_set1_epi32((int)((1u << low) - 1));
	const __m256i steps = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
	                                         _mm256_set1_epi32((int)low));
	const __m256i bytes_in = _mm256_srli_epi32(steps, 3);
	const __m256i shift = _mm256_and_si256(steps, _mm256_set1_epi32(7));
	const __m128i up = _mm_cvtsi32_si128((int)low);
	uint32_t i = 0;
	/* Eight lows are low bytes, so that each eight begin at a byte. */
	for (; i + 8 <= count; i += 8) {
		const void *at = bytes + (size_t)i / 8 * low;
		__m256i lows = _mm256_i32gather_epi32(at, bytes_in, 1);
		lows = _mm256_and_si256(_mm256_srlv_epi32(lows, shift), mask);
		void *out = numbers + i;
		__m256i highs = _mm256_sll_epi32(_mm256_loadu_si256(out), up);
		_mm256_storeu_si256(out, _mm256_or_si256(highs, lows));
	}
	return i;
}
#endif

void
ep_postings_decode(uint32_t *numbers, const uint8_t *bytes, uint32_t count, uint32_t limit)
{
	unsigned low = low_bits(count, limit);
	size_t lows = lows_size(count, low);
	uint32_t done = 0;
	decode_highs(numbers, bytes + lows, highs_size(count, limit, low), count);
#if WITH_AVX2
	if (low <= GATHER_BITS && __builtin_cpu_supports("avx2"))
		done = add_lows_avx2(numbers, bytes, count, low);
#endif
	add_lows(numbers, bytes, done, count, low);
}

void
ep_postings_prefetch(const uint8_t *bytes, uint32_t count, uint32_t limit)
{
	size_t size = ep_postings_size(count, limit);
	size_t end = size < PREFETCH_MAX ? size : PREFETCH_MAX;
	for (size_t at = 0; at < end; at += CACHE_LINE)
		__builtin_prefetch(bytes + at);
}

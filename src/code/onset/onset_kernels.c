/* Kernels are plain C that compilers make vectors of, compiled once for what every processor of the
 * architecture has, once for AVX2 and once for AVX-512. Only costs, which are looked up in tables,
 * are written for each.
 */
#include "code/onset/onset_kernels.h"

#include "base/vectors.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

/* ---- costs ---- */

/* The rates of the highest octave but those of EP_ONSET_RATE_MAX; the others are these, halved for
 * each octave. */
#define RATES                                                                                \
	5909, 6170, 6443, 6729, 7027, 7338, 7663, 8002, 8356, 8726, 9112, 9516, 9937, 10377, \
		10837, 11316

uint32_t
ep_onset_rate(uint32_t sum)
{
	static const uint32_t rates[16] = { RATES };
	uint32_t octaves = sum >> 4;
	if (octaves > EP_ONSET_RATE_OCTAVES)
		return EP_ONSET_RATE_MAX;
	uint32_t rate = rates[sum & 15] >> (EP_ONSET_RATE_OCTAVES - octaves);
	return rate < 1 ? 1 : rate;
}

static void
plain_costs(uint16_t costs[EP_ONSET_BLOCK + 1], const struct ep_onset_weights *weights,
            const uint16_t rates[1024])
{
	const uint8_t *const *by_time = weights->by_time;
	uint16_t sums[EP_ONSET_BLOCK];
	for (int i = 0; i < EP_ONSET_BLOCK; i++)
		sums[i] = (uint16_t)(by_time[0][i] + by_time[1][i] + by_time[2][i]);
	/* Four at a time, for compilers that do not unroll by themselves. */
	uint32_t cost = 0;
	for (int i = 0; i < EP_ONSET_BLOCK; i += 4)
		for (int k = i; k < i + 4; k++) {
			costs[k] = (uint16_t)(cost < UINT16_MAX ? cost : UINT16_MAX);
			cost += rates[sums[k] + weights->by_feature[weights->features[k]]];
		}
	costs[EP_ONSET_BLOCK] = (uint16_t)(cost < UINT16_MAX ? cost : UINT16_MAX);
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE static inline AVX2 __attribute__((always_inline))

AVX2_INLINE __m256i
load(const void *at)
{
	__m256i bytes;
	memcpy(&bytes, at, sizeof bytes);
	return bytes;
}

/* Row of a table of bytes, in both lanes. */
AVX2_INLINE __m256i
load_row(const uint8_t *table, int row)
{
	__m128i bytes;
	memcpy(&bytes, table + 16 * row, sizeof bytes);
	return _mm256_broadcastsi128_si256(bytes);
}

/* Of four rows of table the byte that each feature selects: bits 5 and 4 the row, the low bits the
 * place in it. */
AVX2_INLINE __m256i
weigh_quarter(const uint8_t *table, __m256i features)
{
	__m256i place = _mm256_and_si256(features, _mm256_set1_epi8(0x0f));
	__m256i bit4 = _mm256_slli_epi16(features, 3);
	__m256i bit5 = _mm256_slli_epi16(features, 2);
	__m256i rows[4];
	for (int i = 0; i < 4; i++)
		rows[i] = _mm256_shuffle_epi8(load_row(table, i), place);
	return _mm256_blendv_epi8(_mm256_blendv_epi8(rows[0], rows[1], bit4),
	                          _mm256_blendv_epi8(rows[2], rows[3], bit4), bit5);
}

AVX2_INLINE __m256i
weigh_features(const uint8_t *table, __m256i features)
{
	__m256i bit6 = _mm256_slli_epi16(features, 1);
	__m256i low = _mm256_blendv_epi8(weigh_quarter(table, features),
	                                 weigh_quarter(table + 64, features), bit6);
	return _mm256_blendv_epi8(low, weigh_quarter(table + 128, features), features);
}

/* Sixteen bytes as numbers of 16 bits. */
AVX2_INLINE __m256i
widen(const uint8_t *at)
{
	__m128i bytes;
	memcpy(&bytes, at, sizeof bytes);
	return _mm256_cvtepu8_epi16(bytes);
}

/* The low bytes of the numbers, or the high ones, as a row of a table. */
#define LOW_BYTE(number) (char)(0xff & (number))
#define HIGH_BYTE(number) (char)((number) >> 8 & 0xff)
#define BYTES(BYTE, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)                               \
	BYTE(a), BYTE(b), BYTE(c), BYTE(d), BYTE(e), BYTE(f), BYTE(g), BYTE(h), BYTE(i), BYTE(j), \
		BYTE(k), BYTE(l), BYTE(m), BYTE(n), BYTE(o), BYTE(p)
#define ROW(BYTE, ...) _mm256_broadcastsi128_si256(_mm_setr_epi8(BYTES(BYTE, __VA_ARGS__)))

/* 2^(15 - k) */
#define POWERS 32768, 16384, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1

/* Looks up numbers of 16 bits by places below 16. */
AVX2_INLINE __m256i
look_up(__m256i low_bytes, __m256i high_bytes, __m256i places)
{
	return _mm256_or_si256(
		_mm256_and_si256(_mm256_shuffle_epi8(low_bytes, places), _mm256_set1_epi16(0xff)),
		_mm256_slli_epi16(_mm256_shuffle_epi8(high_bytes, places), 8));
}

/* As ep_onset_rate, of sixteen sums. Halving so often is the high half of a product: of twice the
 * number, as the power for no halving needs 15 bits. */
AVX2_INLINE __m256i
rates_of(__m256i sums)
{
	__m256i octaves = _mm256_srli_epi16(sums, 4);
	__m256i halved = _mm256_subs_epu16(_mm256_set1_epi16(EP_ONSET_RATE_OCTAVES), octaves);
	halved = _mm256_min_epi16(halved, _mm256_set1_epi16(15));
	__m256i rate = look_up(ROW(LOW_BYTE, RATES), ROW(HIGH_BYTE, RATES),
	                       _mm256_and_si256(sums, _mm256_set1_epi16(15)));
	__m256i power = look_up(ROW(LOW_BYTE, POWERS), ROW(HIGH_BYTE, POWERS), halved);
	rate = _mm256_mulhi_epu16(_mm256_add_epi16(rate, rate), power);
	rate = _mm256_max_epi16(rate, _mm256_set1_epi16(1));
	__m256i sure = _mm256_cmpgt_epi16(octaves, _mm256_set1_epi16(EP_ONSET_RATE_OCTAVES));
	return _mm256_blendv_epi8(rate, _mm256_set1_epi16(EP_ONSET_RATE_MAX), sure);
}

/* Each number becomes the sum of all up to it. */
AVX2_INLINE __m256i
sum_up(__m256i numbers)
{
	numbers = _mm256_adds_epu16(numbers, _mm256_slli_si256(numbers, 2));
	numbers = _mm256_adds_epu16(numbers, _mm256_slli_si256(numbers, 4));
	numbers = _mm256_adds_epu16(numbers, _mm256_slli_si256(numbers, 8));
	__m256i low = _mm256_permute2x128_si256(numbers, numbers, 0x08);
	return _mm256_adds_epu16(numbers, _mm256_shuffle_epi8(low, _mm256_set1_epi16(0x0f0e)));
}

/* Computes the rates, which is faster than to look up 32 of them one by one. */
AVX2 static void
avx2_costs(uint16_t costs[EP_ONSET_BLOCK + 1], const struct ep_onset_weights *weights,
           const uint16_t rates[1024])
{
	(void)rates;
	const uint8_t *const *by_time = weights->by_time;
	__m256i of_features = weigh_features(weights->by_feature, load(weights->features));
	__m128i halves[2] = { _mm256_castsi256_si128(of_features),
		              _mm256_extracti128_si256(of_features, 1) };
	__m256i cost = _mm256_setzero_si256();
	costs[0] = 0;
	for (int i = 0; i < 2; i++) {
		__m256i sums = _mm256_add_epi16(
			_mm256_add_epi16(widen(by_time[0] + 16 * i), widen(by_time[1] + 16 * i)),
			_mm256_add_epi16(widen(by_time[2] + 16 * i),
		                         _mm256_cvtepu8_epi16(halves[i])));
		__m256i sixteen = _mm256_adds_epu16(sum_up(rates_of(sums)), cost);
		memcpy(costs + 1 + 16 * i, &sixteen, sizeof sixteen);
		cost = _mm256_shuffle_epi8(_mm256_permute2x128_si256(sixteen, sixteen, 0x11),
		                           _mm256_set1_epi16(0x0f0e));
	}
}

/* With permutations of bytes (VBMI), as processors since 2019 have them: a table of 256 bytes is
 * looked up in two, and all 32 times fit into a vector. */
#define AVX512 __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vbmi")))
#define AVX512_INLINE static inline AVX512 __attribute__((always_inline))

AVX512_INLINE __m512i
load_64(const uint8_t *at)
{
	__m512i bytes;
	memcpy(&bytes, at, sizeof bytes);
	return bytes;
}

/* Thirty-two bytes as numbers of 16 bits. */
AVX512_INLINE __m512i
widen_32(const uint8_t *at)
{
	__m256i bytes;
	memcpy(&bytes, at, sizeof bytes);
	return _mm512_cvtepu8_epi16(bytes);
}

AVX512_INLINE __m512i
weigh_features_32(const uint8_t *table, const uint8_t *features)
{
	__m256i bytes;
	memcpy(&bytes, features, sizeof bytes);
	__m512i places = _mm512_castsi256_si512(bytes);
	__m512i low = _mm512_permutex2var_epi8(load_64(table), places, load_64(table + 64));
	__m512i high = _mm512_permutex2var_epi8(load_64(table + 128), places, load_64(table + 192));
	__m512i found = _mm512_mask_blend_epi8(_mm512_movepi8_mask(places), low, high);
	return _mm512_cvtepu8_epi16(_mm512_castsi512_si256(found));
}

/* As ep_onset_rate, of 32 sums. */
AVX512_INLINE __m512i
rates_of_32(__m512i sums)
{
	static const uint16_t of_octave[16] = { RATES };
	__m256i row;
	memcpy(&row, of_octave, sizeof row);
	__m512i octaves = _mm512_srli_epi16(sums, 4);
	__m512i last = _mm512_set1_epi16(EP_ONSET_RATE_OCTAVES);
	__m512i rate = _mm512_permutexvar_epi16(_mm512_and_si512(sums, _mm512_set1_epi16(15)),
	                                        _mm512_castsi256_si512(row));
	rate = _mm512_srlv_epi16(rate, _mm512_subs_epu16(last, octaves));
	rate = _mm512_max_epu16(rate, _mm512_set1_epi16(1));
	return _mm512_mask_mov_epi16(rate, _mm512_cmpgt_epu16_mask(octaves, last),
	                             _mm512_set1_epi16(EP_ONSET_RATE_MAX));
}

/* Each number becomes the sum of all up to it: within eight, and then across. */
AVX512_INLINE __m512i
sum_up_32(__m512i numbers)
{
	__m512i none = _mm512_setzero_si512();
	numbers = _mm512_adds_epu16(numbers, _mm512_bslli_epi128(numbers, 2));
	numbers = _mm512_adds_epu16(numbers, _mm512_bslli_epi128(numbers, 4));
	numbers = _mm512_adds_epu16(numbers, _mm512_bslli_epi128(numbers, 8));
	__m512i eights = _mm512_shuffle_epi8(numbers, _mm512_set1_epi16(0x0f0e));
	eights = _mm512_alignr_epi64(eights, none, 6);
	numbers = _mm512_adds_epu16(numbers, eights);
	eights = _mm512_adds_epu16(_mm512_alignr_epi64(eights, none, 6),
	                           _mm512_alignr_epi64(eights, none, 4));
	return _mm512_adds_epu16(numbers, eights);
}

AVX512 static void
avx512_costs(uint16_t costs[EP_ONSET_BLOCK + 1], const struct ep_onset_weights *weights,
             const uint16_t rates[1024])
{
	(void)rates;
	const uint8_t *const *by_time = weights->by_time;
	__m512i sums = weigh_features_32(weights->by_feature, weights->features);
	for (int i = 0; i < 3; i++)
		sums = _mm512_add_epi16(sums, widen_32(by_time[i]));
	sums = sum_up_32(rates_of_32(sums));
	costs[0] = 0;
	memcpy(costs + 1, &sums, sizeof sums);
}
#endif

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
KERNELS(AVX2, avx2)
KERNELS(AVX512, avx512)
#endif

static bool
always(void)
{
	return true;
}

#if defined(__x86_64__)
static bool
has_avx512(void)
{
	return ep_has_avx2() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512vbmi");
}
#endif

static const struct {
	struct ep_onset_kernels kernels;
	bool (*supported)(void);
} all[] = {
	{ { "plain", plain_emit, plain_codes, plain_texts, plain_costs }, always },
#if defined(__x86_64__)
	{ { "AVX2", avx2_emit, avx2_codes, avx2_texts, avx2_costs }, ep_has_avx2 },
	{ { "AVX-512", avx512_emit, avx512_codes, avx512_texts, avx512_costs }, has_avx512 },
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

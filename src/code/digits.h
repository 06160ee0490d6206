/* digits.h - decimal numbers, eight digits at a time
 *
 * Eight characters are the bytes of one 64-bit word, the first in the low byte. A word holds a
 * number of up to seven digits and the blank behind it, which is all that the code generator
 * writes; longer numbers take a slower way.
 */
#ifndef EP_CODE_DIGITS_H
#define EP_CODE_DIGITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define EP_WORD_DIGITS 8
#define EP_WORD_LIMIT 100000000U /* ten to the power of EP_WORD_DIGITS */

/* How far behind its last digit ep_put_number may write. */
#define EP_PUT_SLACK 8

/* The eight characters at `at`. */
static inline uint64_t
ep_load_word(const char *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static inline void
ep_store_word(char *at, uint64_t word)
{
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	memcpy(at, &word, sizeof word);
}

/* How many digits value is printed with. */
static inline unsigned
ep_digit_count(uint32_t value)
{
	return 1U + (value >= 10) + (value >= 100) + (value >= 1000) + (value >= 10000) +
	       (value >= 100000) + (value >= 1000000) + (value >= 10000000) + (value >= 100000000) +
	       (value >= 1000000000);
}

/* The number whose digits are the low `digits` bytes of word (1 to 8). */
static inline uint32_t
ep_digits_value(uint64_t word, unsigned digits)
{
	word = (word ^ 0x3030303030303030U) << (8 * (EP_WORD_DIGITS - digits));
	word = word * 10 + (word >> 8);
	uint64_t high = (word & 0x000000ff000000ffU) * 0x000f424000000064U;
	uint64_t low = ((word >> 16) & 0x000000ff000000ffU) * 0x0000271000000001U;
	return (uint32_t)((high + low) >> 32);
}

/* How many digits stand before a blank at the start of word; 0 for anything else. */
static inline unsigned
ep_digits_before_blank(uint64_t word)
{
	uint64_t digits = word ^ 0x3030303030303030U;
	uint64_t others = (digits | (digits + 0x7676767676767676U)) & 0x8080808080808080U;
	if (!others)
		return 0;
	unsigned bit = (unsigned)__builtin_ctzll(others) & 56;
	return ((word >> bit) & 0xff) == ' ' ? bit / 8 : 0;
}

/* The eight digits of value, below EP_WORD_LIMIT, as numbers 0 to 9, the first in the low byte.
 *
 * The number is halved three times: into two of four digits, four of two, eight of one. Dividing by
 * 100 is (x * 10486) >> 20 for x < 10000, and by 10 is (x * 103) >> 10 for x < 100. */
static inline uint64_t
ep_spread_digits(uint32_t value)
{
	uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
	uint64_t high = ((fours * 10486) >> 20) & 0x0000007f0000007fU;
	uint64_t twos = high | (fours - 100 * high) << 16;
	high = ((twos * 103) >> 10) & 0x000f000f000f000fU;
	return high | (twos - 10 * high) << 8;
}

/* Writes value and returns the place behind it; up to EP_PUT_SLACK bytes from there may
 * be overwritten. */
static inline char *
ep_put_number(char *at, uint32_t value)
{
	const uint64_t zeros = 0x3030303030303030U;
	bool long_number = value >= EP_WORD_LIMIT;
	uint64_t digits = ep_spread_digits(long_number ? value / EP_WORD_LIMIT : value);
	/* Zeros in front are dropped, but not the last digit. */
	unsigned zero_bits = (unsigned)__builtin_ctzll(digits | (uint64_t)1 << 56) & 56;
	ep_store_word(at, (digits | zeros) >> zero_bits);
	at += EP_WORD_DIGITS - zero_bits / 8;
	if (long_number) {
		ep_store_word(at, ep_spread_digits(value % EP_WORD_LIMIT) | zeros);
		at += EP_WORD_DIGITS;
	}
	return at;
}

#endif

#include "code/codestring.h"

#include <libdeflate.h>
#include <stdint.h>
#include <string.h>

#define HEX_DIGITS 5 /* of a time or a code */
#define HEX_LIMIT 0x100000U
#define HEX_PAIR_BYTES ((size_t)2 * HEX_DIGITS)

#define ZLIB_LEVEL 6

/* Bytes that are not of an alphabet have this value; no other value has its bit. */
#define NOT_A_DIGIT 0x80

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char hex_digits[] = "0123456789abcdef";

EP_DEFINE_OWNED(struct libdeflate_compressor, libdeflate_free_compressor)
EP_DEFINE_OWNED(struct libdeflate_decompressor, libdeflate_free_decompressor)

bool
ep_codestring_is_plain(struct ep_text text)
{
	for (size_t i = 0; i < text.size; i++) {
		char c = text.at[i];
		if (c != ' ' && (c < '0' || c > '9'))
			return false;
	}
	return true;
}

/* Fills the values of all bytes: their places in digits, or NOT_A_DIGIT. */
static void
fill_values(uint8_t values[256], const char *digits)
{
	memset(values, NOT_A_DIGIT, 256);
	for (uint8_t i = 0; digits[i]; i++)
		values[(unsigned char)digits[i]] = i;
}

/* The place of the first byte that has no value; size where all have one. */
static size_t
first_without_value(const uint8_t values[256], const uint8_t *bytes, size_t size)
{
	size_t i = 0;
	while (i < size && values[bytes[i]] != NOT_A_DIGIT)
		i++;
	return i;
}

/* Takes the padding off; a text without any is as good. */
static struct ep_text
without_padding(struct ep_text text)
{
	if (text.size == 0 || text.size % 4 != 0)
		return text;
	for (int i = 0; i < 2 && text.at[text.size - 1] == '='; i++)
		text.size--;
	return text;
}

/* Decodes four characters to three bytes; *seen collects the values of the characters. */
static inline void
base64_step(uint8_t *out, const uint8_t values[256], const uint8_t *in, uint8_t *seen)
{
	uint8_t digits[4] = { values[in[0]], values[in[1]], values[in[2]], values[in[3]] };
	*seen |= digits[0] | digits[1] | digits[2] | digits[3];
	out[0] = (uint8_t)(digits[0] << 2 | digits[1] >> 4);
	out[1] = (uint8_t)(digits[1] << 4 | digits[2] >> 2);
	out[2] = (uint8_t)(digits[2] << 6 | digits[3]);
}

/* Decodes in[0..size); gives NOT_A_DIGIT or more where that is not base64. out has room for three
 * bytes for every four, or fewer at the end. */
static uint8_t
base64_bytes(uint8_t *out, const uint8_t values[256], const uint8_t *in, size_t size)
{
	uint8_t seen = 0;
	size_t whole = size / 4 * 4;
	for (size_t i = 0; i < whole; i += 4, out += 3)
		base64_step(out, values, in + i, &seen);
	uint8_t rest[4] = { 'A', 'A', 'A', 'A' };
	if (size > whole)
		memcpy(rest, in + whole, size - whole);
	base64_step(out, values, rest, &seen);
	return seen;
}

/* Appends what the base64 text stands for. */
static enum ep_status
base64_decode(struct ep_buffer *out, struct ep_text text, struct ep_error *err)
{
	uint8_t values[256];
	fill_values(values, base64_digits);
	values['+'] = values['-'];
	values['/'] = values['_'];
	text = without_padding(text);
	const uint8_t *in = (const uint8_t *)text.at;
	EP_TRY(ep_buffer_reserve(out, (text.size / 4 + 1) * 3, err));
	if (base64_bytes(out->data + out->size, values, in, text.size) >= NOT_A_DIGIT)
		return ep_fail(err, EP_BAD_INPUT, "byte %zu of the code string is not base64",
		               first_without_value(values, in, text.size) + 1);
	if (text.size % 4 == 1)
		return ep_fail(err, EP_BAD_INPUT,
		               "the code string is truncated: %zu characters are not whole groups "
		               "of base64",
		               text.size);
	out->size += text.size / 4 * 3 + (text.size % 4 ? text.size % 4 - 1 : 0);
	return EP_OK;
}

/* Appends what the zlib stream holds, at most EP_CODESTRING_UNPACKED_MAX bytes. */
static enum ep_status
inflate(struct ep_buffer *out, const struct ep_buffer *stream, struct ep_error *err)
{
	EP_OWNED(libdeflate_free_decompressor)
	struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
	if (!decompressor)
		return ep_fail(err, EP_NO_MEMORY, "out of memory to decompress a code string");
	size_t room = stream->size * 3 + 1024;
	enum libdeflate_result result = LIBDEFLATE_INSUFFICIENT_SPACE;
	for (bool last = false; result == LIBDEFLATE_INSUFFICIENT_SPACE && !last; room *= 2) {
		last = room >= EP_CODESTRING_UNPACKED_MAX;
		if (last)
			room = EP_CODESTRING_UNPACKED_MAX;
		EP_TRY(ep_buffer_reserve(out, room, err));
		size_t size;
		result = libdeflate_zlib_decompress(decompressor, stream->data, stream->size,
		                                    out->data + out->size, room, &size);
		if (result == LIBDEFLATE_SUCCESS)
			out->size += size;
	}
	if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
		return ep_fail(err, EP_BAD_INPUT,
		               "the code string decompresses to more than %zu bytes",
		               EP_CODESTRING_UNPACKED_MAX);
	if (result != LIBDEFLATE_SUCCESS)
		return ep_fail(err, EP_BAD_INPUT,
		               "the code string is not base64 of a whole zlib stream");
	return EP_OK;
}

/* The number of HEX_DIGITS digits; *seen collects the values of all digits. */
static inline uint32_t
hex_number(const uint8_t values[256], const uint8_t *digits, uint8_t *seen)
{
	uint32_t number = 0;
	for (int i = 0; i < HEX_DIGITS; i++) {
		*seen |= values[digits[i]];
		number = number << 4 | (values[digits[i]] & 0xf);
	}
	return number;
}

/* Appends the pairs of n times and n codes in hex. */
static enum ep_status
pairs_of_hex(struct ep_pairs *out, const uint8_t *hex, size_t size, struct ep_error *err)
{
	if (size % HEX_PAIR_BYTES != 0)
		return ep_fail(err, EP_BAD_INPUT,
		               "the code string decompresses to %zu bytes, which are not whole "
		               "pairs of %zu bytes",
		               size, HEX_PAIR_BYTES);
	uint8_t values[256];
	fill_values(values, hex_digits);
	for (unsigned i = 0; i < 6; i++)
		values['A' + i] = values['a' + i];
	size_t count = size / HEX_PAIR_BYTES;
	EP_TRY(ep_pairs_reserve(out, count, err));
	uint8_t seen = 0;
	struct ep_pair *items = out->items + out->count;
	const uint8_t *codes = hex + count * HEX_DIGITS;
	for (size_t i = 0; i < count; i++) {
		items[i].time = hex_number(values, hex + i * HEX_DIGITS, &seen);
		items[i].code = hex_number(values, codes + i * HEX_DIGITS, &seen);
	}
	if (seen >= NOT_A_DIGIT)
		return ep_fail(err, EP_BAD_INPUT,
		               "byte %zu of the decompressed code string is not a hex digit",
		               first_without_value(values, hex, size) + 1);
	out->count += count;
	return EP_OK;
}

enum ep_status
ep_codestring_decode(struct ep_pairs *out, struct ep_text packed, struct ep_error *err)
{
	if (ep_codestring_is_plain(packed))
		return ep_pairs_parse(out, packed, err);
	EP_BUFFER struct ep_buffer stream = { 0 };
	EP_BUFFER struct ep_buffer unpacked = { 0 };
	EP_TRY(base64_decode(&stream, packed, err));
	EP_TRY(inflate(&unpacked, &stream, err));
	if (unpacked.size == 0)
		return EP_OK;
	if (memchr(unpacked.data, ' ', unpacked.size)) {
		struct ep_text plain = ep_buffer_text(&unpacked);
		enum ep_status status = ep_pairs_parse(out, plain, err);
		if (status == EP_BAD_INPUT)
			ep_error_prefix(err, "decompressed: ");
		return status;
	}
	return pairs_of_hex(out, unpacked.data, unpacked.size, err);
}

static void
put_hex(uint8_t *at, uint32_t number)
{
	for (int i = HEX_DIGITS; i-- > 0; number >>= 4)
		at[i] = (uint8_t)hex_digits[number & 0xf];
}

static bool
fits_hex(const struct ep_pair *pairs, size_t count)
{
	uint32_t bits = 0;
	for (size_t i = 0; i < count; i++)
		bits |= pairs[i].code | pairs[i].time;
	return bits < HEX_LIMIT;
}

/* Appends what the zlib stream is to hold. */
static enum ep_status
print_unpacked(struct ep_buffer *out, const struct ep_pair *pairs, size_t count,
               struct ep_error *err)
{
	if (!fits_hex(pairs, count))
		return ep_pairs_print(out, pairs, count, err);
	EP_TRY(ep_buffer_reserve(out, count * HEX_PAIR_BYTES, err));
	uint8_t *times = out->data + out->size;
	uint8_t *codes = times + count * HEX_DIGITS;
	for (size_t i = 0; i < count; i++) {
		put_hex(times + i * HEX_DIGITS, pairs[i].time);
		put_hex(codes + i * HEX_DIGITS, pairs[i].code);
	}
	out->size += count * HEX_PAIR_BYTES;
	return EP_OK;
}

static enum ep_status
deflate(struct ep_buffer *out, const struct ep_buffer *text, struct ep_error *err)
{
	EP_OWNED(libdeflate_free_compressor)
	struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(ZLIB_LEVEL);
	if (!compressor)
		return ep_fail(err, EP_NO_MEMORY, "out of memory to compress a code string");
	size_t room = libdeflate_zlib_compress_bound(compressor, text->size);
	EP_TRY(ep_buffer_reserve(out, room, err));
	out->size += libdeflate_zlib_compress(compressor, text->data, text->size,
	                                      out->data + out->size, room);
	return EP_OK;
}

/* Appends the base64 of bytes, with padding. */
static enum ep_status
base64_encode(struct ep_buffer *out, const uint8_t *bytes, size_t size, struct ep_error *err)
{
	EP_TRY(ep_buffer_reserve(out, (size + 2) / 3 * 4, err));
	uint8_t *at = out->data + out->size;
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i < 3 ? size - i : 3;
		uint32_t three = (uint32_t)bytes[i] << 16;
		if (left > 1)
			three |= (uint32_t)bytes[i + 1] << 8;
		if (left > 2)
			three |= bytes[i + 2];
		for (unsigned k = 0; k < 4; k++) {
			bool digit = k <= left;
			*at++ = (uint8_t)(digit ? base64_digits[(three >> (18 - 6 * k)) & 63]
			                        : '=');
		}
	}
	out->size = (size_t)(at - out->data);
	return EP_OK;
}

enum ep_status
ep_codestring_encode(struct ep_buffer *out, const struct ep_pair *pairs, size_t count,
                     struct ep_error *err)
{
	if (count == 0)
		return EP_OK;
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_BUFFER struct ep_buffer stream = { 0 };
	if (count <= EP_CODESTRING_UNPACKED_MAX / HEX_PAIR_BYTES)
		EP_TRY(print_unpacked(&text, pairs, count, err));
	if (text.size == 0 || text.size > EP_CODESTRING_UNPACKED_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "%zu pairs are too many for a packed code string, which "
		               "decompresses to at most %zu bytes",
		               count, EP_CODESTRING_UNPACKED_MAX);
	EP_TRY(deflate(&stream, &text, err));
	return base64_encode(out, stream.data, stream.size, err);
}

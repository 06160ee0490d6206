#include "code/stored/packed.h"

#include "base/bytes.h"

#include <stdbool.h>
#include <string.h>

#define KIND_WIDE 1 /* codes of 32 bits */
#define KIND_BACK 2 /* times that go back */

#define CODE_BITS 20
#define CODE_MASK ((1U << CODE_BITS) - 1)

/* Two codes, and the last of an odd number. */
#define TWO_CODES_BYTES 5
#define LAST_CODE_BYTES 3
#define WIDE_CODE_BYTES 4

/* The fewest bytes that hold a pair, times two. */
#define BYTES_OF_TWO_PAIRS TWO_CODES_BYTES

/* Stores of 8 bytes reach this far behind the last code. */
#define STORE_SLACK 8

static uint8_t
kind_of(const struct ep_pair *pairs, size_t count)
{
	uint32_t codes = 0;
	uint32_t time = 0;
	bool back = false;
	for (size_t i = 0; i < count; i++) {
		codes |= pairs[i].code;
		back |= pairs[i].time < time;
		time = pairs[i].time;
	}
	return (uint8_t)((codes > CODE_MASK ? KIND_WIDE : 0) | (back ? KIND_BACK : 0));
}

static size_t
codes_size(uint8_t kind, size_t count)
{
	if (kind & KIND_WIDE)
		return count * WIDE_CODE_BYTES;
	return count / 2 * TWO_CODES_BYTES + count % 2 * LAST_CODE_BYTES;
}

/* Writes the codes and up to STORE_SLACK bytes more; returns the place behind the codes. */
static uint8_t *
put_codes(uint8_t *at, uint8_t kind, const struct ep_pair *pairs, size_t count)
{
	if (kind & KIND_WIDE) {
		for (size_t i = 0; i < count; i++, at += WIDE_CODE_BYTES)
			ep_store32(at, pairs[i].code);
		return at;
	}
	size_t i = 0;
	for (; i + 2 <= count; i += 2, at += TWO_CODES_BYTES)
		ep_store64(at, pairs[i].code | (uint64_t)pairs[i + 1].code << CODE_BITS);
	if (i < count) {
		ep_store32(at, pairs[i].code);
		at += LAST_CODE_BYTES;
	}
	return at;
}

/* The difference from one time to the next as the kind writes it. */
static uint64_t
time_step(uint8_t kind, uint32_t from, uint32_t to)
{
	if (!(kind & KIND_BACK))
		return to - from;
	return to >= from ? (uint64_t)(to - from) * 2 : (uint64_t)(from - to) * 2 - 1;
}

static enum ep_status
encode_groups(struct ep_buffer *out, uint8_t kind, const struct ep_pair *pairs, size_t count,
              struct ep_error *err)
{
	uint32_t time = 0;
	for (size_t i = 0; i < count;) {
		size_t group = ep_pairs_group(pairs + i, count - i);
		size_t room = 2 * EP_VARINT_MAX + codes_size(kind, group) + STORE_SLACK;
		EP_TRY(ep_buffer_reserve(out, room, err));
		uint8_t *at = out->data + out->size;
		at += ep_varint_store(at, time_step(kind, time, pairs[i].time));
		at += ep_varint_store(at, group);
		at = put_codes(at, kind, pairs + i, group);
		out->size = (size_t)(at - out->data);
		time = pairs[i].time;
		i += group;
	}
	return EP_OK;
}

enum ep_status
ep_packed_encode(struct ep_buffer *out, const struct ep_pair *pairs, size_t count,
                 struct ep_error *err)
{
	size_t start = out->size;
	uint8_t kind = kind_of(pairs, count);
	EP_TRY(ep_buffer_append(out, &kind, sizeof kind, err));
	enum ep_status status = encode_groups(out, kind, pairs, count, err);
	if (status != EP_OK)
		out->size = start;
	return status;
}

/* What a decoder has read so far. */
struct unpacker {
	struct ep_reader reader;
	uint8_t kind;
	bool first; /* no group yet */
	bool back; /* a time went back */
	uint32_t codes; /* all bits that were set in any code */
	uint32_t time; /* of the last group */
};

/* Reads the step to the next group's time; false where the encoder would not have written it. */
static bool
read_time(struct unpacker *unpacker)
{
	uint64_t step = ep_read_varint(&unpacker->reader);
	uint64_t time = unpacker->time;
	if (step == 0 && !unpacker->first)
		return false; /* one group with the last */
	if (step > (uint64_t)EP_TIME_MAX * 2)
		return false;
	if (!(unpacker->kind & KIND_BACK)) {
		time += step;
	} else if (step % 2 == 0) {
		time += step / 2;
	} else {
		if (step / 2 + 1 > time)
			return false;
		time -= step / 2 + 1;
		unpacker->back = true;
	}
	unpacker->first = false;
	unpacker->time = (uint32_t)time;
	return time <= EP_TIME_MAX;
}

/* Fills items[0..count) with the codes at `at`; false where unused bits are set. */
static bool
get_codes(struct unpacker *unpacker, struct ep_pair *items, const uint8_t *at, size_t count)
{
	uint32_t time = unpacker->time;
	uint32_t codes = 0;
	uint32_t rest = 0;
	size_t i = 0;
	if (unpacker->kind & KIND_WIDE) {
		for (; i < count; i++, at += WIDE_CODE_BYTES) {
			items[i] = (struct ep_pair){ .code = ep_load32(at), .time = time };
			codes |= items[i].code;
		}
	}
	for (; i + 2 <= count; i += 2, at += TWO_CODES_BYTES) {
		uint64_t two = ep_load32(at) | (uint64_t)at[4] << 32;
		items[i] = (struct ep_pair){ .code = two & CODE_MASK, .time = time };
		items[i + 1] =
			(struct ep_pair){ .code = (uint32_t)(two >> CODE_BITS), .time = time };
	}
	if (i < count) {
		rest = ep_load16(at) | (uint32_t)at[2] << 16;
		items[i] = (struct ep_pair){ .code = rest, .time = time };
	}
	unpacker->codes |= codes;
	return rest <= CODE_MASK;
}

static enum ep_status
corrupt(const struct unpacker *unpacker, size_t size, const char *what, struct ep_error *err)
{
	return ep_fail(err, EP_CORRUPT, "packed codes: %s before byte %zu of %zu", what,
	               size - ep_reader_left(&unpacker->reader), size);
}

/* Decodes group by group up to the end. */
static enum ep_status
decode_groups(struct ep_pairs *pairs, struct unpacker *unpacker, size_t size, size_t max_count,
              struct ep_error *err)
{
	size_t old_count = pairs->count;
	while (ep_reader_left(&unpacker->reader) > 0) {
		if (!read_time(unpacker))
			return corrupt(unpacker, size, "a time out of order or range", err);
		uint64_t group = ep_read_varint(&unpacker->reader);
		size_t left = ep_reader_left(&unpacker->reader);
		if (group == 0 || group > left * 2 / BYTES_OF_TWO_PAIRS)
			return corrupt(unpacker, size, "an empty or too large group of codes", err);
		if (group > max_count - (pairs->count - old_count))
			return corrupt(unpacker, size, "too many codes", err);
		size_t bytes = codes_size(unpacker->kind, (size_t)group);
		const uint8_t *codes = ep_read_bytes(&unpacker->reader, bytes);
		if (!codes)
			return corrupt(unpacker, size, "truncated codes", err);
		EP_TRY(ep_pairs_reserve(pairs, (size_t)group, err));
		struct ep_pair *items = pairs->items + pairs->count;
		if (!get_codes(unpacker, items, codes, (size_t)group))
			return corrupt(unpacker, size, "a code above 1048575", err);
		pairs->count += (size_t)group;
	}
	return EP_OK;
}

static enum ep_status
decode_all(struct ep_pairs *pairs, const uint8_t *bytes, size_t size, size_t max_count,
           struct ep_error *err)
{
	struct unpacker unpacker = { .reader = ep_reader_of(bytes, size), .first = true };
	unpacker.kind = ep_read8(&unpacker.reader);
	if (!unpacker.reader.ok || unpacker.kind > (KIND_WIDE | KIND_BACK))
		return ep_fail(err, EP_CORRUPT, "packed codes: the kind is not one of 0 to 3");
	EP_TRY(decode_groups(pairs, &unpacker, size, max_count, err));
	bool wide = unpacker.codes > CODE_MASK;
	if (wide != !!(unpacker.kind & KIND_WIDE) || unpacker.back != !!(unpacker.kind & KIND_BACK))
		return ep_fail(err, EP_CORRUPT,
		               "packed codes: kind %u, but no code or time needs it",
		               (unsigned)unpacker.kind);
	return EP_OK;
}

enum ep_status
ep_packed_decode(struct ep_pairs *pairs, const uint8_t *bytes, size_t size, size_t max_count,
                 struct ep_error *err)
{
	size_t old_count = pairs->count;
	enum ep_status status = decode_all(pairs, bytes, size, max_count, err);
	if (status != EP_OK)
		pairs->count = old_count;
	return status;
}

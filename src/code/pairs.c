#include "code/pairs.h"

#include "code/digits.h"

#include <stdlib.h>
#include <string.h>

/* "4294967295 2147483647 ", and what a store of a whole word writes behind it. */
#define PAIR_BYTES_MAX 22
#define STORE_SLACK EP_TIME_TEXT_MAX

/* Pairs that are printed between two looks at the room that is left. */
#define PRINT_BLOCK 256

enum ep_status
ep_pairs_reserve(struct ep_pairs *pairs, size_t extra, struct ep_error *err)
{
	if (extra <= pairs->capacity - pairs->count)
		return EP_OK;
	size_t capacity = 0;
	bool fits = !__builtin_add_overflow(pairs->count, extra, &capacity);
	if (capacity < pairs->capacity * 2)
		capacity = pairs->capacity * 2;
	if (capacity < 32)
		capacity = 32;
	struct ep_pair *items = NULL;
	if (fits && capacity <= PTRDIFF_MAX / sizeof *items)
		items = realloc(pairs->items, capacity * sizeof *items);
	if (!items)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu pairs of codes", capacity);
	pairs->items = items;
	pairs->capacity = capacity;
	return EP_OK;
}

void
ep_pairs_free(struct ep_pairs *pairs)
{
	free(pairs->items);
	*pairs = (struct ep_pairs){ 0 };
}

/* Parsing */

struct parser {
	const char *start;
	const char *at;
	const char *end;
};

/* Parses pairs as long as they look as the code generator's do and pairs has room. */
static void
parse_usual(struct ep_pairs *pairs, struct parser *parser)
{
	const char *at = parser->at;
	struct ep_pair *item = pairs->items + pairs->count;
	const struct ep_pair *room = pairs->items + pairs->capacity;
	/* Most times are that of the pair before: compare the text before reading the number. */
	uint64_t time_text = '0' | ' ' << 8;
	uint64_t time_mask = 0xffff;
	unsigned time_size = 2;
	uint32_t time = 0;
	while (item < room && parser->end - at >= 2 * EP_WORD_DIGITS) {
		uint64_t word = ep_load_word(at);
		unsigned digits = ep_digits_before_blank(word);
		if (!digits)
			break;
		const char *behind = at + digits + 1;
		uint64_t next = ep_load_word(behind);
		if ((next ^ time_text) & time_mask) {
			unsigned time_digits = ep_digits_before_blank(next);
			if (!time_digits)
				break;
			time = ep_digits_value(next, time_digits);
			time_size = time_digits + 1;
			time_mask = UINT64_MAX >> (8 * (EP_WORD_DIGITS - time_size));
			time_text = next & time_mask;
		}
		item->code = ep_digits_value(word, digits);
		item->time = time;
		item++;
		at = behind + time_size;
	}
	parser->at = at;
	pairs->count = (size_t)(item - pairs->items);
}

static void
skip_blanks(struct parser *parser)
{
	while (parser->at < parser->end && *parser->at == ' ')
		parser->at++;
}

/* The byte where the parser stands, counted from 1. */
static size_t
byte_number(const struct parser *parser)
{
	return (size_t)(parser->at - parser->start) + 1;
}

/* Reads a number up to max; the parser stands at its first character. */
static enum ep_status
parse_number(uint32_t *value, struct parser *parser, const char *what, uint32_t max,
             struct ep_error *err)
{
	size_t first = byte_number(parser);
	uint64_t number = 0;
	for (; parser->at < parser->end && *parser->at != ' '; parser->at++) {
		unsigned digit = (unsigned char)*parser->at - (unsigned)'0';
		if (digit > 9)
			return ep_fail(err, EP_BAD_INPUT,
			               "byte %zu of the code string is neither a digit nor a blank",
			               byte_number(parser));
		number = number * 10 + digit;
		if (number > max)
			return ep_fail(err, EP_BAD_INPUT,
			               "the %s at byte %zu of the code string is above %lu", what,
			               first, (unsigned long)max);
	}
	*value = (uint32_t)number;
	return EP_OK;
}

/* Parses any one pair; the parser stands at its first character, and behind it afterwards. */
static enum ep_status
parse_one(struct ep_pair *pair, struct parser *parser, struct ep_error *err)
{
	EP_TRY(parse_number(&pair->code, parser, "code", UINT32_MAX, err));
	skip_blanks(parser);
	if (parser->at == parser->end)
		return ep_fail(err, EP_BAD_INPUT,
		               "the code string ends at byte %zu, before the time of its last code",
		               byte_number(parser) - 1);
	EP_TRY(parse_number(&pair->time, parser, "time", EP_TIME_MAX, err));
	return EP_OK;
}

static enum ep_status
parse_all(struct ep_pairs *pairs, struct parser *parser, struct ep_error *err)
{
	for (;;) {
		skip_blanks(parser);
		if (parser->at == parser->end)
			return EP_OK;
		if (pairs->count == pairs->capacity) {
			size_t left = (size_t)(parser->end - parser->at);
			EP_TRY(ep_pairs_reserve(pairs, left / 12 + 8, err));
		}
		parse_usual(pairs, parser);
		if (pairs->count == pairs->capacity)
			continue;
		skip_blanks(parser);
		if (parser->at == parser->end)
			return EP_OK;
		EP_TRY(parse_one(&pairs->items[pairs->count], parser, err));
		pairs->count++;
	}
}

enum ep_status
ep_pairs_parse(struct ep_pairs *pairs, struct ep_text text, struct ep_error *err)
{
	if (text.size == 0)
		return EP_OK;
	struct parser parser = { text.at, text.at, text.at + text.size };
	size_t old_count = pairs->count;
	enum ep_status status = parse_all(pairs, &parser, err);
	if (status != EP_OK)
		pairs->count = old_count;
	return status;
}

/* Printing */

/* Prints pairs and the blank behind each, where there is room for PAIR_BYTES_MAX a pair and
 * STORE_SLACK more; returns the place behind the last blank. */
static char *
print_group(char *at, const struct ep_pair *pairs, size_t count)
{
	char time[EP_TIME_TEXT_MAX];
	size_t time_size = ep_put_time(time, pairs->time);
	for (size_t i = 0; i < count; i++) {
		at = ep_put_number(at, pairs[i].code);
		memcpy(at, time, sizeof time);
		at += time_size;
	}
	return at;
}

static enum ep_status
print_all(struct ep_buffer *out, const struct ep_pair *pairs, size_t count,
          struct ep_slicer *slicer, struct ep_error *err)
{
	size_t start = out->size;
	for (size_t i = 0; i < count;) {
		EP_TRY(ep_buffer_reserve(out, PRINT_BLOCK * PAIR_BYTES_MAX + STORE_SLACK, err));
		size_t block = count - i < PRINT_BLOCK ? count - i : PRINT_BLOCK;
		char *base = (char *)out->data;
		char *at = base + out->size;
		for (size_t block_end = i + block; i < block_end;) {
			ep_slicer_at(slicer, pairs[i].time, (size_t)(at - base) - start);
			size_t group = ep_pairs_group(pairs + i, block_end - i);
			at = print_group(at, pairs + i, group);
			i += group;
		}
		out->size = (size_t)(at - base);
	}
	return EP_OK;
}

enum ep_status
ep_pairs_print_slices(struct ep_buffer *out, const struct ep_pair *pairs, size_t count,
                      struct ep_slice *slices, size_t n, struct ep_error *err)
{
	size_t start = out->size;
	struct ep_slicer slicer = { .slices = slices, .count = n };
	enum ep_status status = print_all(out, pairs, count, &slicer, err);
	if (status != EP_OK) {
		out->size = start;
		return status;
	}
	ep_slicer_at(&slicer, UINT32_MAX, out->size - start);
	if (count > 0)
		out->size--; /* the last blank */
	return EP_OK;
}

enum ep_status
ep_pairs_print(struct ep_buffer *out, const struct ep_pair *pairs, size_t count,
               struct ep_error *err)
{
	return ep_pairs_print_slices(out, pairs, count, NULL, 0, err);
}

size_t
ep_pairs_print_size(const struct ep_pair *pairs, size_t count)
{
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		size += ep_digit_count(pairs[i].code) + ep_digit_count(pairs[i].time) + 2U;
	return size > 0 ? size - 1 : 0;
}

#include "catalogue/words.h"

#include <stdio.h>
#include <string.h>

static enum ep_status
say(struct ep_buffer *out, const char *string, struct ep_error *err)
{
	return ep_buffer_append(out, string, strlen(string), err);
}

/* ---- which words ---- */

/* What the tokenizer unicode61 takes for separators, beyond ASCII: in ranges, for a word that
 * consists of them alone would match nothing. Others do no harm inside of words. */
static bool
is_sign(uint32_t point)
{
	static const uint32_t ranges[][2] = {
		{ 0x0, '0' - 1 },     { '9' + 1, 'A' - 1 }, { 'Z' + 1, 'a' - 1 },
		{ 'z' + 1, 0xa9 },    { 0xab, 0xb1 },       { 0xb4, 0xb4 },
		{ 0xb6, 0xb8 },       { 0xbb, 0xbb },       { 0xbf, 0xbf },
		{ 0xd7, 0xd7 },       { 0xf7, 0xf7 },       { 0x2000, 0x206f },
		{ 0x20a0, 0x20cf },   { 0x2190, 0x245f },   { 0x2500, 0x2775 },
		{ 0x2794, 0x2bff },   { 0x3000, 0x3004 },   { 0x3008, 0x3020 },
		{ 0xfe00, 0xfe6f },   { 0xff01, 0xff0f },   { 0x1f000, 0x1f0ff },
		{ 0x1f10d, 0x1faff },
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		if (point >= ranges[i][0] && point <= ranges[i][1])
			return true;
	}
	return false;
}

/* The code point at text.at, which is UTF-8, and its bytes. */
static uint32_t
read_point(size_t *size, struct ep_text text)
{
	const unsigned char *at = (const unsigned char *)text.at;
	static const unsigned char masks[] = { 0x7f, 0x7f, 0x1f, 0x0f, 0x07 };
	*size = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	uint32_t point = at[0] & masks[*size];
	for (size_t i = 1; i < *size; i++)
		point = point << 6 | (at[i] & 0x3f);
	return point;
}

static bool
has_letters(struct ep_text word)
{
	size_t size;
	for (; word.size; word.at += size, word.size -= size) {
		if (!is_sign(read_point(&size, word)))
			return true;
	}
	return false;
}

/* Cuts the next word with letters off the front of text; false at the end. */
static bool
next_word(struct ep_text *word, struct ep_text *text)
{
	while (text->size) {
		size_t end = 0;
		while (end < text->size && text->at[end] != ' ')
			end++;
		*word = (struct ep_text){ .at = text->at, .size = end };
		end += end < text->size;
		text->at += end;
		text->size -= end;
		if (has_letters(*word))
			return true;
	}
	return false;
}

static enum ep_status
check(struct ep_text text, struct ep_error *err)
{
	if (text.size > EP_WORDS_TEXT_MAX)
		return ep_fail(err, EP_BAD_INPUT,
		               "the text to search for has %zu bytes, but may have at most %d",
		               text.size, EP_WORDS_TEXT_MAX);
	if (!ep_text_is_utf8(text))
		return ep_fail(err, EP_BAD_INPUT, "the text to search for is not UTF-8");
	size_t control = ep_text_find_control(text);
	if (control)
		return ep_fail(err, EP_BAD_INPUT,
		               "the text to search for has a control character at byte %zu",
		               control - 1);
	return EP_OK;
}

/* ---- the expression ---- */

/* A word in quotes, whose own are doubled; without its hyphens where they are not wanted. */
static enum ep_status
quote(struct ep_buffer *out, struct ep_text word, bool hyphens, bool begins, struct ep_error *err)
{
	EP_TRY(say(out, "\"", err));
	for (size_t i = 0; i < word.size; i++) {
		if (word.at[i] == '"')
			EP_TRY(say(out, "\"", err));
		if (hyphens || word.at[i] != '-')
			EP_TRY(ep_buffer_append(out, &word.at[i], 1, err));
	}
	return say(out, begins ? "\"*" : "\"", err);
}

static enum ep_status
add_word(struct ep_buffer *out, struct ep_text word, bool begins, struct ep_error *err)
{
	if (!memchr(word.at, '-', word.size))
		return quote(out, word, true, begins, err);
	EP_TRY(say(out, "(", err));
	EP_TRY(quote(out, word, true, begins, err));
	EP_TRY(say(out, " OR ", err));
	EP_TRY(quote(out, word, false, begins, err));
	return say(out, ")", err);
}

static enum ep_status
add_words(struct ep_buffer *out, struct ep_text text, bool begins, struct ep_error *err)
{
	struct ep_text word;
	EP_TRY(say(out, "(", err));
	for (size_t count = 0; next_word(&word, &text); count++) {
		if (count == EP_WORDS_MAX)
			return ep_fail(err, EP_BAD_INPUT,
			               "the text to search for may have at most %d words",
			               EP_WORDS_MAX);
		if (count)
			EP_TRY(say(out, " AND ", err));
		EP_TRY(add_word(out, word, begins, err));
	}
	return say(out, ")", err);
}

enum ep_status
ep_words_expression(struct ep_buffer *out, bool *none, struct ep_text text, bool begins,
                    uint32_t source, struct ep_error *err)
{
	struct ep_text word;
	struct ep_text rest = text;
	char number[40];
	EP_TRY(check(text, err));
	*none = !next_word(&word, &rest);
	if (*none)
		return EP_OK;
	EP_TRY(say(out, "text : (", err));
	EP_TRY(add_words(out, text, begins, err));
	if (begins) {
		EP_TRY(say(out, " NOT ", err));
		EP_TRY(add_words(out, text, false, err));
	}
	EP_TRY(say(out, ")", err));
	if (source) {
		snprintf(number, sizeof number, " AND source : \"%u\"", (unsigned)source);
		EP_TRY(say(out, number, err));
	}
	return ep_buffer_append(out, "", 1, err);
}

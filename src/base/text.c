#include "base/text.h"

#include <stdint.h>
#include <string.h>

struct ep_text
ep_text_of(const char *string)
{
	return (struct ep_text){ .at = string, .size = strlen(string) };
}

struct ep_text
ep_buffer_text(const struct ep_buffer *buffer)
{
	return ep_text_of_bytes(ep_buffer_bytes(buffer));
}

struct ep_bytes
ep_bytes_of_text(struct ep_text text)
{
	return (struct ep_bytes){ (const uint8_t *)text.at, text.size };
}

struct ep_text
ep_text_of_bytes(struct ep_bytes bytes)
{
	return (struct ep_text){ (const char *)bytes.at, bytes.size };
}

enum ep_status
ep_put_text(struct ep_buffer *out, struct ep_text text, struct ep_error *err)
{
	return ep_put_sized(out, ep_bytes_of_text(text), err);
}

struct ep_text
ep_read_text(struct ep_reader *reader)
{
	return ep_text_of_bytes(ep_read_sized(reader));
}

bool
ep_text_equal(struct ep_text one, struct ep_text other)
{
	return ep_bytes_equal(ep_bytes_of_text(one), ep_bytes_of_text(other));
}

int
ep_text_compare(struct ep_text one, struct ep_text other)
{
	size_t size = one.size < other.size ? one.size : other.size;
	int order = size ? memcmp(one.at, other.at, size) : 0;
	if (order)
		return order;
	return (one.size > other.size) - (one.size < other.size);
}

/* How many bytes follow the lead byte, and between which bounds the first of them lies. */
static int
following(uint8_t lead, uint8_t *low, uint8_t *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if (lead >= 0xe0 && lead <= 0xef) {
		if (lead == 0xe0)
			*low = 0xa0; /* shorter forms exist */
		if (lead == 0xed)
			*high = 0x9f; /* surrogates */
		return 2;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		if (lead == 0xf0)
			*low = 0x90;
		if (lead == 0xf4)
			*high = 0x8f; /* above U+10FFFF */
		return 3;
	}
	return -1;
}

bool
ep_text_is_utf8(struct ep_text text)
{
	const uint8_t *at = (const uint8_t *)text.at;
	const uint8_t *end = text.size ? at + text.size : at;
	while (at < end) {
		if (*at < 0x80) {
			at++;
			continue;
		}
		uint8_t low;
		uint8_t high;
		int more = following(*at, &low, &high);
		if (more < 0 || end - at <= more)
			return false;
		at++;
		if (*at < low || *at > high)
			return false;
		for (int i = 1; i < more; i++) {
			if (at[i] < 0x80 || at[i] > 0xbf)
				return false;
		}
		at += more;
	}
	return true;
}

size_t
ep_text_find_control(struct ep_text text)
{
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.at[i];
		/* U+0080 to U+009F begin with the byte c2. */
		bool second =
			c == 0xc2 && i + 1 < text.size && (unsigned char)text.at[i + 1] < 0xa0;
		if (c < 0x20 || c == 0x7f || second)
			return i + 1;
	}
	return 0;
}

int
ep_text_print_size(struct ep_text text)
{
	return text.size > 255 ? 255 : (int)text.size;
}

enum ep_status
ep_text_to_utf8(struct ep_buffer *out, struct ep_text text, struct ep_error *err)
{
	if (ep_text_is_utf8(text))
		return ep_buffer_append(out, text.at, text.size, err);
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.at[i];
		uint8_t two[2] = { (uint8_t)(0xc0 | c >> 6), (uint8_t)(0x80 | (c & 0x3f)) };
		EP_TRY(c < 0x80 ? ep_buffer_append(out, &c, 1, err)
		                : ep_buffer_append(out, two, 2, err));
	}
	return EP_OK;
}

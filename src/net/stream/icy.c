#include "net/stream/icy.h"

#include <string.h>

static const char title_key[] = "StreamTitle='";

void
ep_icy_begin(struct ep_icy *icy, size_t every)
{
	icy->every = every;
	icy->sound = every;
	icy->block = 0;
	icy->got = 0;
}

size_t
ep_icy_take(struct ep_icy *icy, size_t *sound, struct ep_text *block, const uint8_t *bytes,
            size_t size)
{
	*sound = 0;
	*block = (struct ep_text){ NULL, 0 };
	if (icy->every == 0) {
		*sound = size;
		return size;
	}
	if (icy->sound > 0) {
		*sound = size < icy->sound ? size : icy->sound;
		icy->sound -= *sound;
		return *sound;
	}
	if (icy->block == 0) {
		icy->block = (size_t)bytes[0] * 16;
		icy->got = 0;
		icy->sound = icy->block ? 0 : icy->every;
		return 1;
	}
	size_t taken = size < icy->block ? size : icy->block;
	memcpy(icy->text + icy->got, bytes, taken);
	icy->got += taken;
	icy->block -= taken;
	if (icy->block == 0) {
		icy->sound = icy->every;
		*block = (struct ep_text){ icy->text, strnlen(icy->text, icy->got) };
	}
	return taken;
}

/* A quote may be in a title, as in "Don't": its end is a quote and a semicolon, and the last one
 * before the next key or the end of the text. */
bool
ep_icy_title(struct ep_text *title, struct ep_text block)
{
	const size_t key = sizeof title_key - 1;
	const char *found = block.size ? memmem(block.at, block.size, title_key, key) : NULL;
	if (!found)
		return false;
	const char *at = found + key;
	size_t left = block.size - (size_t)(at - block.at);
	const char *next = left ? memmem(at, left, "';Stream", 8) : NULL;
	const char *end = next;
	if (!end && left >= 2 && memcmp(at + left - 2, "';", 2) == 0)
		end = at + left - 2;
	if (!end)
		end = left ? memrchr(at, '\'', left) : NULL;
	*title = (struct ep_text){ at, end ? (size_t)(end - at) : left };
	return true;
}

/* Laws of what servers of streams send: any bytes are read or refused; what is found lies within
 * them. */
#include "net/stream/hls.h"
#include "net/stream/icy.h"
#include "net/stream/playlist.h"
#include "tests/must.h"

#include <string.h>

void law_icy(const uint8_t *bytes, size_t size);
void law_hls(const uint8_t *bytes, size_t size);
void law_playlist(const uint8_t *bytes, size_t size);

static void
lies_within(struct ep_text part, struct ep_text whole)
{
	must(part.size == 0 ||
	     (part.at >= whole.at && part.at + part.size <= whole.at + whole.size));
}

/* The first byte says how many bytes of sound lie between two blocks, the second how many come at a
 * time: all are either sound, or size or text of a block. */
void
law_icy(const uint8_t *bytes, size_t size)
{
	static struct ep_icy icy;
	if (size < 2)
		return;
	size_t piece = bytes[1] ? bytes[1] : 1;
	size_t sound_size = 0;
	ep_icy_begin(&icy, bytes[0]);
	for (size_t at = 2; at < size;) {
		size_t sound;
		struct ep_text block;
		struct ep_text title;
		size_t rest = size - at < piece ? size - at : piece;
		size_t used = ep_icy_take(&icy, &sound, &block, bytes + at, rest);
		must(used >= 1 && used <= rest && sound <= used);
		must(block.size <= EP_ICY_BLOCK_MAX && (sound == 0 || block.size == 0));
		if (ep_icy_title(&title, block))
			lies_within(title, block);
		sound_size += sound;
		at += used;
	}
	must(bytes[0] > 0 || sound_size == size - 2);
}

static void
part_is_sane(const struct ep_hls_part *part, struct ep_text text)
{
	lies_within(part->url, text);
	must(part->from + part->size >= part->from);
}

void
law_hls(const uint8_t *bytes, size_t size)
{
	EP_HLS struct ep_hls hls = { 0 };
	struct ep_error err = { 0 };
	const struct ep_text text = { (const char *)bytes, size };
	enum ep_status status = ep_hls_read(&hls, text, &err);
	must(status == EP_OK || status == EP_BAD_INPUT);
	must(status == EP_OK || err.text[0] != '\0');
	if (status != EP_OK)
		return;
	lies_within(hls.variant, text);
	must(hls.target_s >= 1 && hls.target_s <= 86400);
	for (size_t i = 0; i < hls.count; i++) {
		const struct ep_hls_segment *segment = &hls.segments[i];
		part_is_sane(&segment->part, text);
		part_is_sane(&segment->map, text);
		must(segment->part.url.size > 0);
		must(segment->duration_s >= 0 && segment->duration_s <= 86400);
	}
	uint64_t begin = ep_hls_begin(&hls);
	must(begin >= hls.sequence && begin <= hls.sequence + hls.count);
}

void
law_playlist(const uint8_t *bytes, size_t size)
{
	const struct ep_text text = { (const char *)bytes, size };
	enum ep_playlist_kind kind = ep_playlist_kind_of(text);
	struct ep_text entry;
	size_t head = size < EP_PLAYLIST_HEAD ? size : EP_PLAYLIST_HEAD;
	(void)ep_playlist_begins((struct ep_text){ text.at, head }, "audio/x-scpls");
	for (size_t i = 0; i < 3; i++) {
		if (!ep_playlist_entry(&entry, kind, text, i))
			continue;
		lies_within(entry, text);
		must(entry.size > 0 && memchr(entry.at, '\n', entry.size) == NULL);
	}
}

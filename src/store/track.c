#include "store/track.h"

#include "base/bytes.h"
#include "code/cut.h"

#include <stdbool.h>
#include <string.h>

void
ep_id_split(struct ep_text *track, struct ep_text *suffix, struct ep_text id)
{
	const char *dash = id.size ? memchr(id.at, '-', id.size) : NULL;
	size_t size = dash && dash != id.at ? (size_t)(dash - id.at) : id.size;
	*track = (struct ep_text){ .at = id.at, .size = size };
	*suffix = (struct ep_text){ .at = id.at + size, .size = id.size - size };
}

uint32_t
ep_suffix_segment(struct ep_text suffix)
{
	if (suffix.size < 2 || suffix.size > 8 || suffix.at[0] != '-' ||
	    (suffix.at[1] == '0' && suffix.size > 2))
		return EP_NO_SEGMENT;
	uint32_t segment = 0;
	for (size_t i = 1; i < suffix.size; i++) {
		if (suffix.at[i] < '0' || suffix.at[i] > '9')
			return EP_NO_SEGMENT;
		segment = segment * 10 + (uint32_t)(suffix.at[i] - '0');
	}
	return segment < ep_segment_count(EP_TIME_MAX) ? segment : EP_NO_SEGMENT;
}

int
ep_document_compare(const struct ep_document *one, const struct ep_document *other)
{
	uint32_t first = ep_suffix_segment(one->suffix);
	uint32_t second = ep_suffix_segment(other->suffix);
	if (first != second)
		return first < second ? -1 : 1;
	return ep_text_compare(one->suffix, other->suffix);
}

bool
ep_document_equal(const struct ep_document *one, const struct ep_document *other)
{
	return ep_text_equal(one->suffix, other->suffix) &&
	       ep_text_equal(one->codever, other->codever) &&
	       ep_text_equal(one->length, other->length) &&
	       ep_text_equal(one->artist, other->artist) &&
	       ep_text_equal(one->release, other->release) &&
	       ep_text_equal(one->track, other->track) && ep_text_equal(one->codes, other->codes);
}

size_t
ep_track_text_size(const struct ep_track *track)
{
	size_t size = 0;
	for (size_t i = 0; i < track->count; i++) {
		const struct ep_document *row = &track->documents[i];
		size += row->suffix.size + row->codever.size + row->codes.size + row->length.size +
		        row->artist.size + row->release.size + row->track.size;
	}
	return size;
}

void
ep_track_hash(struct ep_hash *out, const struct ep_track *track)
{
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	ep_hasher_add_text(&hasher, ep_text_of("echoprint track 1"));
	ep_hasher_add_text(&hasher, track->id);
	for (size_t i = 0; i < track->count; i++) {
		const struct ep_document *row = &track->documents[i];
		ep_hasher_add_text(&hasher, row->suffix);
		ep_hasher_add_text(&hasher, row->codever);
		ep_hasher_add_text(&hasher, row->codes);
		ep_hasher_add_text(&hasher, row->length);
		ep_hasher_add_text(&hasher, row->artist);
		ep_hasher_add_text(&hasher, row->release);
		ep_hasher_add_text(&hasher, row->track);
	}
	ep_hasher_done(out, &hasher);
}

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

uint32_t
ep_length_seconds(struct ep_text length)
{
	uint64_t seconds = 0;
	for (size_t i = 0; i < length.size; i++) {
		if (length.at[i] < '0' || length.at[i] > '9')
			return 0;
		seconds = seconds * 10 + (uint64_t)(length.at[i] - '0');
		if (seconds > INT32_MAX)
			return 0;
	}
	return (uint32_t)seconds;
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

/* The texts of the hash that come before those of the rows, and those of a row. */
#define HEAD_TEXTS 2
#define ROW_TEXTS 7

static void
head_texts(struct ep_text texts[HEAD_TEXTS], const struct ep_track *track)
{
	texts[0] = ep_text_of("echoprint track 1");
	texts[1] = track->id;
}

static void
row_texts(struct ep_text texts[ROW_TEXTS], const struct ep_document *row)
{
	const struct ep_text all[ROW_TEXTS] = { row->suffix, row->codever, row->codes, row->length,
		                                row->artist, row->release, row->track };
	memcpy(texts, all, sizeof all);
}

void
ep_track_hash(struct ep_hash *out, const struct ep_track *track)
{
	ep_track_rows_hash(out, track);
	if (track->fields.count) {
		struct ep_hash rows = *out;
		ep_fields_hash(out, &rows, &track->fields);
	}
}

void
ep_track_rows_hash(struct ep_hash *out, const struct ep_track *track)
{
	struct ep_text texts[ROW_TEXTS];
	struct ep_hasher hasher;
	ep_hasher_init(&hasher);
	head_texts(texts, track);
	for (size_t k = 0; k < HEAD_TEXTS; k++)
		ep_hasher_add_text(&hasher, texts[k]);
	for (size_t i = 0; i < track->count; i++) {
		row_texts(texts, &track->documents[i]);
		for (size_t k = 0; k < ROW_TEXTS; k++)
			ep_hasher_add_text(&hasher, texts[k]);
	}
	ep_hasher_done(out, &hasher);
}

enum ep_status
ep_track_hash_list(struct ep_hash_list *list, struct ep_hash *hash, const struct ep_track *track,
                   struct ep_arena *arena, struct ep_error *err)
{
	size_t count = HEAD_TEXTS + ROW_TEXTS * track->count;
	struct ep_text *texts = ep_arena_alloc(arena, count * sizeof *texts);
	if (!texts)
		return ep_fail(err, EP_NO_MEMORY, "out of memory to hash %zu documents",
		               track->count);
	head_texts(texts, track);
	for (size_t i = 0; i < track->count; i++)
		row_texts(texts + HEAD_TEXTS + ROW_TEXTS * i, &track->documents[i]);
	*list = (struct ep_hash_list){ .texts = texts, .count = count, .hash = hash };
	return EP_OK;
}

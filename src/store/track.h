/* track.h - a track and its documents, as the rows of a dump say them
 *
 * The id of a document is the name of its track and a suffix: "TRABC-0" is document "-0" of the
 * track "TRABC". The part before the first "-" names the track; where nothing stands before it, or
 * there is none, the whole id does and the suffix is empty.
 */
#ifndef EP_STORE_TRACK_H
#define EP_STORE_TRACK_H

#include "base/arena.h"
#include "base/hash_many.h"
#include "base/status.h"
#include "base/text.h"
#include "store/track_fields.h"

#include <stddef.h>
#include <stdint.h>

/* What one track may hold: 64 MiB of text, which is about 33 hours of music, in 65,536 documents.
 */
#define EP_TRACK_TEXT_MAX ((size_t)64 << 20)
#define EP_TRACK_DOCUMENTS_MAX ((size_t)1 << 16)

/* One row of a dump, without its track's name. Slices are borrowed. */
struct ep_document {
	struct ep_text suffix; /* "-0", or empty */
	struct ep_text codever;
	struct ep_text codes; /* plain code string */
	struct ep_text length;
	struct ep_text artist;
	struct ep_text release;
	struct ep_text track;
};

struct ep_track {
	struct ep_text id;
	struct ep_document *documents; /* in the order of ep_document_compare, no suffix twice */
	size_t count;
	struct ep_fields fields; /* of the track, not of its rows */
};

/* Splits the id of a document. */
void ep_id_split(struct ep_text *track, struct ep_text *suffix, struct ep_text id);

/* The segment that a suffix numbers: 12 for "-12"; EP_NO_SEGMENT for all that is not "-" and a
 * whole number without leading zeros that a track can reach. */
uint32_t ep_suffix_segment(struct ep_text suffix);

/* The order of documents in their track: by segment, then those without one by their suffix's
 * bytes. Below, equal to or above 0; equal means the same suffix. */
int ep_document_compare(const struct ep_document *one, const struct ep_document *other);

/* Whether all texts are the same, suffix included. */
bool ep_document_equal(const struct ep_document *one, const struct ep_document *other);

/* The length of a row, which is a whole number of seconds; 0 where it is not. */
uint32_t ep_length_seconds(struct ep_text length);

/* Bytes of all texts of a track. */
size_t ep_track_text_size(const struct ep_track *track);

/* The hash of a track's contents: id, all rows in their order, and fields; not source, date or
 * position. docs/formats/log.md, "Contents hash". */
void ep_track_hash(struct ep_hash *out, const struct ep_track *track);

/* The hash of its id and rows alone; of a track without fields, that is the one above. */
void ep_track_rows_hash(struct ep_hash *out, const struct ep_track *track);

/* Fills list with what ep_track_rows_hash hashes, for who hashes many tracks side by side. It
 * borrows hash, where the result goes, the track's texts, and memory of the arena. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_track_hash_list(struct ep_hash_list *list, struct ep_hash *hash,
                                              const struct ep_track *track, struct ep_arena *arena,
                                              struct ep_error *err);

#endif

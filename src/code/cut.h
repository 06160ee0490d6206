/* cut.h - how a track is cut into documents
 *
 * With seg = 60 * 1000 / 23.2 and half = seg / 2 (doubles), segment i holds the pairs with
 * i * half <= time < i * half + seg, and there are floor(last time / half) + 1 segments (the
 * original's rule). So documents overlap by half, and every code stands in two of them.
 */
#ifndef EP_CODE_CUT_H
#define EP_CODE_CUT_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/text.h"
#include "code/pairs.h"

#include <stddef.h>
#include <stdint.h>

/* A segment that is not one: of a document whose id does not end in its number. */
#define EP_NO_SEGMENT UINT32_MAX

/* The segment that starts last, of those that hold EP_TIME_MAX. */
#define EP_SEGMENT_MAX 1660720

/* The times of a segment: first <= time < end. For every segment up to EP_SEGMENT_MAX. */
struct ep_window {
	uint32_t first;
	uint32_t end;
};
struct ep_window ep_window_of(uint32_t segment);

/* How many documents a track has whose last pair is at last_time, at most EP_TIME_MAX. A track
 * without pairs has none. */
uint32_t ep_segment_count(uint32_t last_time);

/* A track that has been cut. A zeroed struct has no documents; one may be used again and again. */
struct ep_cut {
	struct ep_buffer text; /* the plain code string of the whole track */
	struct ep_text *documents; /* of segments 0..count-1: slices of text, which overlap */
	size_t count;
	size_t capacity;
};

/* Sorts pairs into canonical order and cuts them into documents as the original does.
 *
 * cut        what it held before is gone, on failure too.
 * max_count  EP_BAD_INPUT where there would be more documents than this: one pair far out makes
 *            over a million, all but two of them empty.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_cut_documents(struct ep_cut *cut, struct ep_pairs *pairs,
                                            size_t max_count, struct ep_error *err);
void ep_cut_free(struct ep_cut *cut);
#define EP_CUT __attribute__((cleanup(ep_cut_free)))

#endif

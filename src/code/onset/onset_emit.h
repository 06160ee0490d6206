/* onset_emit.h - from onsets to the codes that they emit */
#ifndef EP_CODE_ONSET_ONSET_EMIT_H
#define EP_CODE_ONSET_ONSET_EMIT_H

#include "code/cut.h"
#include "code/onset/onsets.h"
#include "code/pairs.h"

/* The difference that is hashed between an onset and the lag-th before it, 1 to 3. */
static inline uint32_t
ep_onset_difference(const struct ep_onset *onset, int lag)
{
	return onset->time - onset[-lag].time - (onset->carries >> (lag - 1) & 1);
}

/* Writes the codes of an onset that name differences, in the order of the table of onset_find.h;
 * returns how many: 1, 3 or 6. The others of its six codes are H(0,0) of its band.
 *
 * onset      with its followers behind it.
 * followers  in its band, 2 or more. */
static inline size_t
ep_onset_codes(uint32_t codes[6], const struct ep_onset *onset, size_t followers, uint32_t band)
{
	uint32_t a01 = ep_onset_difference(onset + 1, 1);
	uint32_t a12 = ep_onset_difference(onset + 2, 1);
	codes[0] = ep_onset_hash(a01, a12, band);
	if (followers == 2)
		return 1;
	uint32_t a02 = ep_onset_difference(onset + 2, 2);
	uint32_t a23 = ep_onset_difference(onset + 3, 1);
	codes[1] = ep_onset_hash(a01, ep_onset_difference(onset + 3, 2), band);
	codes[2] = ep_onset_hash(a02, a23, band);
	if (followers == 3)
		return 3;
	uint32_t a03 = ep_onset_difference(onset + 3, 3);
	codes[3] = ep_onset_hash(a01, ep_onset_difference(onset + 4, 3), band);
	codes[4] = ep_onset_hash(a02, ep_onset_difference(onset + 4, 2), band);
	codes[5] = ep_onset_hash(a03, ep_onset_difference(onset + 4, 1), band);
	return 6;
}

/* How many of a band's onsets[0..count) emit, from the first on: those inside of the window with
 * two followers. */
size_t ep_onset_emitting(const struct ep_onset *onsets, size_t count, struct ep_window window);

/* Scratch memory; a zeroed struct is an empty one. */
struct ep_onset_emitter {
	uint8_t *bands; /* for each time from the first on, the set of bands with an onset there */
	size_t capacity;
};
void ep_onset_emitter_done(struct ep_onset_emitter *emitter);

/* How many pairs ep_onset_emit will append. */
size_t ep_onset_emit_count(const struct ep_onsets *onsets, struct ep_window window);

/* Appends to pairs the codes of all onsets, in canonical order.
 *
 * onsets  in each band at least EP_ONSET_GAP_MIN apart; the last time of those that emit is less
 *         than 2^30 after window.first. Memory is one byte for each unit of time up to there.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_emit(struct ep_pairs *pairs, struct ep_onset_emitter *emitter,
                                         const struct ep_onsets *onsets, struct ep_window window,
                                         struct ep_error *err);

#endif

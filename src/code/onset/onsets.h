/* onsets.h - the onsets of a fingerprint */
#ifndef EP_CODE_ONSET_ONSETS_H
#define EP_CODE_ONSET_ONSETS_H

#include "base/status.h"
#include "code/onset_hash.h"

#include <stddef.h>
#include <stdint.h>

/* The least distance of two onsets of a band. */
#define EP_ONSET_GAP_MIN 16

struct ep_onset {
	uint32_t time; /* as in pairs; behind the window it is one that fits, not the true one */
	uint32_t carries; /* bit k - 1: the carry of the difference to the k-th onset before */
};

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

/* The onsets of all bands: band b is items[end[b - 1]] up to items[end[b]], in order of time. */
struct ep_onsets {
	struct ep_onset *items;
	size_t count;
	size_t capacity;
	size_t end[EP_ONSET_BANDS];
};

/* Makes room for more onsets. EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onsets_grow(struct ep_onsets *onsets, struct ep_error *err);
void ep_onsets_free(struct ep_onsets *onsets);

#endif

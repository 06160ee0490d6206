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

/* The two differences of a code. */
struct ep_onset_delta {
	uint32_t first;
	uint32_t second;
};

/* Writes the differences of the codes of an onset that name any, in the order of the table of
 * onset_find.h; returns how many: 1, 3 or 6. The others of its six codes are H(0,0) of its band.
 *
 * onset      with its followers behind it.
 * followers  in its band, 2 or more. */
static inline size_t
ep_onset_deltas(struct ep_onset_delta deltas[6], const struct ep_onset *onset, size_t followers)
{
	uint32_t a01 = ep_onset_difference(onset + 1, 1);
	deltas[0] = (struct ep_onset_delta){ a01, ep_onset_difference(onset + 2, 1) };
	if (followers == 2)
		return 1;
	uint32_t a02 = ep_onset_difference(onset + 2, 2);
	deltas[1] = (struct ep_onset_delta){ a01, ep_onset_difference(onset + 3, 2) };
	deltas[2] = (struct ep_onset_delta){ a02, ep_onset_difference(onset + 3, 1) };
	if (followers == 3)
		return 3;
	uint32_t a03 = ep_onset_difference(onset + 3, 3);
	deltas[3] = (struct ep_onset_delta){ a01, ep_onset_difference(onset + 4, 3) };
	deltas[4] = (struct ep_onset_delta){ a02, ep_onset_difference(onset + 4, 2) };
	deltas[5] = (struct ep_onset_delta){ a03, ep_onset_difference(onset + 4, 1) };
	return 6;
}

/* Writes these codes of an onset in a band. */
static inline size_t
ep_onset_codes(uint32_t codes[6], const struct ep_onset *onset, size_t followers, uint32_t band)
{
	struct ep_onset_delta deltas[6];
	size_t count = ep_onset_deltas(deltas, onset, followers);
	for (size_t i = 0; i < count; i++)
		codes[i] = ep_onset_hash(deltas[i].first, deltas[i].second, band);
	return count;
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

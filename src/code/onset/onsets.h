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

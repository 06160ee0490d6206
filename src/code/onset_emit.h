/* onset_emit.h - from onsets to the codes that they emit */
#ifndef EP_CODE_ONSET_EMIT_H
#define EP_CODE_ONSET_EMIT_H

#include "code/onset_find.h"

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

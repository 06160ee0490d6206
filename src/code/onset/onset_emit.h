/* onset_emit.h - from onsets to the codes that they emit */
#ifndef EP_CODE_ONSET_ONSET_EMIT_H
#define EP_CODE_ONSET_ONSET_EMIT_H

#include "code/cut.h"
#include "code/onset/onsets.h"
#include "code/pairs.h"

/* How many of a band's onsets[0..count) emit, from the first on: those inside of the window with
 * two followers. */
size_t ep_onset_emitting(const struct ep_onset *onsets, size_t count, struct ep_window window);

struct ep_onset_kernels;

/* Scratch memory; a zeroed struct is an empty one. */
struct ep_onset_emitter {
	uint8_t *bands; /* for each time from the first on, the set of bands with an onset there */
	size_t capacity;
	const struct ep_onset_kernels *kernels; /* NULL: the fastest */
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

/* Appends to out what ep_pairs_print_slices would print of these codes, and cuts it into slices as
 * that does. As ep_onset_emit; and fails as ep_buffer_append does, already up to 20 KiB below the
 * limit of out, which then has its old size. */
EP_MUST_USE enum ep_status ep_onset_print_slices(struct ep_buffer *out,
                                                 struct ep_onset_emitter *emitter,
                                                 const struct ep_onsets *onsets,
                                                 struct ep_window window, struct ep_slice *slices,
                                                 size_t n, struct ep_error *err);

#endif

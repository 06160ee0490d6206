/* onset_model.h - onsets as bytes
 *
 * Times are taken in blocks of 32, and one symbol says at which time of the block the next onset of
 * the band is, or that there is none; another its carries. See docs/formats/onset.md.
 */
#ifndef EP_CODE_ONSET_ONSET_MODEL_H
#define EP_CODE_ONSET_ONSET_MODEL_H

#include "code/cut.h"
#include "code/onset/onset_chance.h"
#include "code/onset/onset_work.h"
#include "code/onset/onsets.h"

/* Appends the coded form of onsets to out, with times from first up to last.
 *
 * window  as in onset.h. In a band where times reach window.end, exactly four do.
 * EP_NOT_FOUND  two onsets are too close.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_model_encode(struct ep_buffer *out,
                                                 struct ep_onset_model *model,
                                                 const struct ep_onsets *onsets,
                                                 struct ep_window window, uint32_t last,
                                                 struct ep_error *err);

/* The units that a record of size bytes may cost which comes next. */
uint64_t ep_onset_work_left(const struct ep_onset_work *work, size_t size);

/* Replaces onsets by those that bytes[0..size) code.
 *
 * work       what the records before cost; on EP_OK this one is added.
 * max_count  EP_CORRUPT where there are more onsets.
 * EP_CORRUPT  also where it costs more than work leaves. EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_model_decode(struct ep_onsets *onsets,
                                                 struct ep_onset_work *work,
                                                 struct ep_onset_model *model, const uint8_t *bytes,
                                                 size_t size, struct ep_window window,
                                                 uint32_t last, size_t max_count,
                                                 struct ep_error *err);

#endif

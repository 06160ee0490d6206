/* onset_place.h - gives times to the onsets of a band that have none
 *
 * For onset_find.h and its parts only.
 */
#ifndef EP_CODE_ONSET_ONSET_PLACE_H
#define EP_CODE_ONSET_ONSET_PLACE_H

#include "code/cut.h"
#include "code/onset/onset_band.h"
#include "code/onset/onsets.h"

/* Appends a band to the onsets. EP_NOT_FOUND where its differences do not go with its times;
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_place_band(struct ep_onsets *onsets, const struct band *band,
                                               struct ep_window window, struct ep_error *err);

#endif

/* onset_find.h - from codes back to the onsets that emitted them
 *
 * A band is the list of its onsets: their times, and three carries each. The difference between an
 * onset and the k-th before it, as the code generator hashes it, is time - earlier time - carry,
 * with k = 1, 2, 3 and a carry of 0 or 1. Every onset with two or more followers in its band emits
 * six codes, if its time is inside of the window:
 *
 *     followers   codes, with (i,j) the difference between followers i and j, the onset being 0
 *     4 or more   H(01,12) H(01,13) H(02,23) H(01,14) H(02,24) H(03,34)
 *     3           H(01,12) H(01,13) H(02,23) and three times H(0,0)
 *     2           H(01,12) and five times H(0,0)
 */
#ifndef EP_CODE_ONSET_ONSET_FIND_H
#define EP_CODE_ONSET_ONSET_FIND_H

#include "code/cut.h"
#include "code/onset/onsets.h"
#include "code/pairs.h"

/* Scratch memory of a search; a zeroed struct is an empty one. */
struct ep_onset_finder;
EP_MUST_USE enum ep_status ep_onset_finder_new(struct ep_onset_finder **out, struct ep_error *err);
void ep_onset_finder_free(struct ep_onset_finder *finder);

/* Replaces onsets by those that emitted pairs[0..count), as far as the codes tell. What is found
 * has to be verified by emitting the codes again.
 *
 * pairs   in order of time.
 * window  what the pairs were cut to. A band that goes on behind it gets four onsets there.
 * EP_NOT_FOUND  some code has no explanation.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_find(struct ep_onsets *onsets, struct ep_onset_finder *finder,
                                         const struct ep_pair *pairs, size_t count,
                                         struct ep_window window, struct ep_error *err);

#endif

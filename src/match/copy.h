/* copy.h - whether two tracks are the same recording
 *
 * Two encodings of one recording share 8 to 71 % of their codes at one offset, different songs up
 * to 21 %; but of their onsets most coincide, in every stretch of the song, and at one offset only.
 * So a copy is told by its onsets: the share of those that coincide in the time of both, how much
 * of the longer track's length is made of stretches where enough of them do, and how many do at
 * another offset.
 */
#ifndef EP_MATCH_COPY_H
#define EP_MATCH_COPY_H

#include "match/evidence.h"

/* Songs with fewer distinct codes are nobody's copies: silence, a beep. */
#define EP_COPY_CODES_MIN 20

struct ep_alignment {
	float share; /* of the first one's onsets in the time of both, those that coincide */
	float coverage; /* of the longer one's length, the stretches that align */
	float common; /* of the shorter one's length, the same */
	float elsewhere; /* 0, or as ep_align_elsewhere says */
	int64_t offset; /* time of the other at time 0 of the first */
};

/* Lays one track on another, the first one's time t on the other's time t + offset, or one more
 * where that is better. */
void ep_align(struct ep_alignment *alignment, const struct ep_sketch *one,
              const struct ep_sketch *other, int64_t offset);

/* Sets elsewhere: of the onsets that coincide, how many do at the best other offset up to 14 s
 * away, as a share. Music of one rhythm lies on itself, and on other such music, at many offsets.
 */
void ep_align_elsewhere(struct ep_alignment *alignment, const struct ep_sketch *one,
                        const struct ep_sketch *other);

/* Whether an alignment, of which elsewhere is set, is that of two encodings of one recording, over
 * nearly its whole length. */
bool ep_alignment_is_copy(const struct ep_alignment *alignment);

/* Whether it is that of one recording as far as both go: enough to count as one song in an answer.
 */
bool ep_alignment_is_common(const struct ep_alignment *alignment);

#endif

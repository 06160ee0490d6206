/* common.h - which part of a track another track has, too
 *
 * The tracks are two recordings that may have one stretch in common: an advertisement between other
 * things. At the right offset most onsets of that stretch coincide, and few of those around it. So
 * onsets are gone through in order of time, and a sum grows by each that coincides and shrinks by
 * each that does not; a part begins where the sum has risen from 0, and ends at its maximum, before
 * it falls by EP_COMMON_DROP.
 */
#ifndef EP_MATCH_COMMON_H
#define EP_MATCH_COMMON_H

#include "code/stored/sketch.h"

/* What an onset adds and takes away: the sum grows where more than 0.42 of them coincide. By chance
 * about a quarter do, in one recording three quarters. */
#define EP_COMMON_HIT 58
#define EP_COMMON_MISS 42

/* A part ends where the sum falls by so much: some two seconds of something else. */
#define EP_COMMON_DROP 700

/* It also ends where there is no onset for so long, in units of time: 3 s. Silence is common to
 * all. */
#define EP_COMMON_PAUSE 129

struct ep_common_part {
	uint32_t first; /* time of its first onset that coincides, in the first track */
	uint32_t last; /* of the last one */
	uint32_t onsets; /* in it */
	uint32_t coincide; /* of these */
};

/* Finds the part of one that other has offset later, give or take one unit, and that overlaps with
 * the times from `from` on, up to `until`; of several the one with the largest sum.
 *
 * EP_NOT_FOUND  no onset there coincides. EP_NO_MEMORY. On failure, part is as it was. */
EP_MUST_USE enum ep_status ep_find_common_part(struct ep_common_part *part,
                                               const struct ep_sketch *one,
                                               const struct ep_sketch *other, int64_t offset,
                                               uint32_t from, uint32_t until, struct ep_error *err);

#endif

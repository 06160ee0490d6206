/* speeds.h - a query at other speeds than that of its track
 *
 * A station that plays a song one per cent faster spoils nearly all of its codes. They can be
 * restored: from the codes follow the onsets, and these are stretched and hashed again
 * (ep_sketch_at_speed). Each speed is glanced at; those at which much more is found than at the
 * others are compared.
 */
#ifndef EP_MATCH_SPEEDS_H
#define EP_MATCH_SPEEDS_H

#include "match/compare.h"

/* Speeds are in thousandths, and tried in such steps, up to this far from the track's own. */
#define EP_SPEED_STEP 5u
#define EP_SPEED_MOST 60u

/* How far from it is tried unless somebody says otherwise. */
#define EP_SPEED_USUAL 20u

/* What is used of a matcher. */
struct ep_speed_tools {
	struct ep_comparer *comparer;
	struct ep_sketcher *sketcher; /* was given the query's pairs last */
	struct ep_sketch *sketch; /* scratch */
	const struct ep_engine *engine;
	struct ep_read *read; /* to which what is read is added */
};

/* Fills verdict with that at one speed, with the score of ep_rule_score_at_speed.
 *
 * EP_NOT_FOUND  the query's onsets are not known. EP_CORRUPT, EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_speed_compare(struct ep_verdict *verdict,
                                            const struct ep_speed_tools *tools, uint32_t speed,
                                            bool quick, struct ep_error *err);

/* Fills verdict with that at the best of the other speeds, and *speed with which that is.
 *
 * most  how far from the own speed is tried, up to EP_SPEED_MOST.
 * EP_NOT_FOUND  nothing is accepted at another speed, or the query's onsets are not known.
 * EP_CORRUPT, EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_speeds_try(struct ep_verdict *verdict, uint32_t *speed,
                                         const struct ep_speed_tools *tools, uint32_t most,
                                         struct ep_error *err);

#endif

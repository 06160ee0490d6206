/* evidence.h - how well a query fits a track: what coincides at the best offset
 *
 * Two kinds of evidence. Codes: how many distinct codes both have at the offset (give or take one
 * unit of time), each counted once, because many equal ones are what a loop or a metronome has.
 * They are not weighted by their rarity: that differs between databases, and so would thresholds.
 * Onsets: how many of the query's onsets lie within one unit of an onset of the track in the same
 * band, less what chance gives; codes are lost together when one onset is, onsets are not.
 *
 * One drum stroke in all bands may give thirty common codes, and a loop has its codes at many
 * offsets. So it also counts at how many moments there are common codes, and what the track has in
 * common with the query at its next best offset.
 */
#ifndef EP_MATCH_EVIDENCE_H
#define EP_MATCH_EVIDENCE_H

#include "index/probe.h"

struct ep_evidence {
	float codes; /* distinct ones */
	float onsets; /* more than chance gives; below 0 where it is less */
	float moments; /* distinct times of the query at which there are such codes */
	int64_t offset; /* time of the track at the query's time 0, in its units */
};

/* Scratch memory of one thread. */
struct ep_weigher;
EP_MUST_USE enum ep_status ep_weigher_new(struct ep_weigher **out, struct ep_error *err);
void ep_weigher_free(struct ep_weigher *weigher);
EP_DEFINE_OWNED(struct ep_weigher, ep_weigher_free)

/* Fills evidence with that of the best offset; zeros where no code is common.
 *
 * probe, query  of the same query. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_weigh(struct ep_evidence *evidence, struct ep_weigher *weigher,
                                    const struct ep_probe *probe, const struct ep_sketch *query,
                                    const struct ep_sketch *track, struct ep_error *err);

/* Offsets nearer than this to the best one, and shifts of a query against itself below it, are not
 * looked at, in units of time. */
#define EP_SELF_SHIFT_MIN 13

/* The same of the best offset that is not near the one given, which ep_weigh found. */
EP_MUST_USE enum ep_status
ep_weigh_elsewhere(struct ep_evidence *evidence, struct ep_weigher *weigher,
                   const struct ep_probe *probe, const struct ep_sketch *query,
                   const struct ep_sketch *track, int64_t offset, struct ep_error *err);

/* The same for a query against itself, at the best shift other than none: what any music of its
 * rhythm may have in common with it. */
EP_MUST_USE enum ep_status ep_weigh_self(struct ep_evidence *evidence, struct ep_weigher *weigher,
                                         const struct ep_probe *probe,
                                         const struct ep_sketch *query, struct ep_error *err);

#endif

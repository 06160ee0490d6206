/* track_onsets.h - the onsets of a track, as JSON: to be drawn */
#ifndef EP_NODE_TRACK_ONSETS_H
#define EP_NODE_TRACK_ONSETS_H

#include "code/pairs.h"
#include "store/log.h"

#include <jansson.h>

/* {"track_id", "unit_s", "has_bands", "bands": [[time, ...], ...]}: in each of eight bands, from
 * the lowest, the times of its onsets in units of unit_s seconds, ascending. Where onsets could not
 * be recovered, has_bands is false, and the times of codes stand in the first band (sketch.h).
 *
 * EP_NOT_FOUND  there is no such track, or it has been deleted. EP_CORRUPT, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_track_onsets(json_t **json, struct ep_log *log, struct ep_text id,
                                           struct ep_error *err);

/* The same of a question, whose pairs are sorted, without an id; to be asked before ep_match, which
 * cuts them. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_query_onsets(json_t **json, struct ep_pairs *pairs,
                                           struct ep_error *err);

#endif

/* unknown.h - the sound of a stream that was not recognised, cut into pieces
 *
 *     samples -> what is not known yet -+-> a song plays: what came before it is a piece; the song
 *                                       |   itself is dropped
 *                                       '-> it is long: a piece, of which the end stays
 *
 * A song is recognised only some time after it has begun, so the newest EP_UNKNOWN_LATE_S seconds
 * are no piece before more has come.
 */
#ifndef EP_MONITOR_UNKNOWN_H
#define EP_MONITOR_UNKNOWN_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define EP_UNKNOWN_PIECE_S 120
#define EP_UNKNOWN_OVERLAP_S 30 /* of a piece and the next one of the same stretch */
#define EP_UNKNOWN_LATE_S 60

/* Less than this, in seconds, is no piece. */
#define EP_UNKNOWN_MIN_S 8

/* Zeroed: nothing was heard. */
struct ep_unknown {
	int16_t *samples;
	size_t count;
	size_t capacity;
	double at; /* when the first of them was heard, in seconds since 1970 */
	double stretch_at; /* when what came without a song or break between began */
};
void ep_unknown_free(struct ep_unknown *unknown);

/* Told a piece; its samples are valid during the call. */
struct ep_unknown_piece {
	const int16_t *samples;
	size_t count;
	double at;
	double stretch_at;
};
typedef enum ep_status ep_unknown_sink(void *context, const struct ep_unknown_piece *piece,
                                       struct ep_error *err);

/* Takes samples that follow those before, and were heard from `at` on; tells a piece where enough
 * has come. EP_NO_MEMORY, and what sink fails with. */
EP_MUST_USE enum ep_status ep_unknown_feed(struct ep_unknown *unknown, double at,
                                           const int16_t *samples, size_t count,
                                           ep_unknown_sink *sink, void *context,
                                           struct ep_error *err);

/* A song has been heard up to a moment: what came before that is dropped. */
void ep_unknown_drop(struct ep_unknown *unknown, double until);

/* What was heard up to a moment is told as a piece, and dropped: then a song begins, or nothing is
 * heard any more. What sink fails with. */
EP_MUST_USE enum ep_status ep_unknown_end(struct ep_unknown *unknown, double until,
                                          ep_unknown_sink *sink, void *context,
                                          struct ep_error *err);

#endif

/* pace.h - when the samples of a stream were heard, whether they come too fast, and when to try
 * again
 *
 * A live stream sends a burst at the start, and then as much as is heard. The moment of a sample is
 * when the connection began to play, plus the samples since. Over days, the station's clock and
 * ours part: how far the samples are ahead of our clock is looked at every minute, and where that
 * has changed by more than EP_PACE_DRIFT_S since the first minute, the moments are set right.
 *
 * Nothing here reads a clock.
 */
#ifndef EP_NET_STREAM_PACE_H
#define EP_NET_STREAM_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define EP_PACE_DRIFT_S 2.0
#define EP_PACE_WINDOW_S 60.0

/* A stream that is further ahead is not read until it no longer is. */
#define EP_PACE_AHEAD_S 30.0

struct ep_pace {
	bool live; /* moments follow the clock */
	bool begun;
	double base; /* moment of the first sample, in seconds since 1970 */
	double began; /* when it came, on a clock that only goes forward */
	uint64_t samples;
	double window_end; /* moment at which the current minute ends */
	double lead; /* how far the samples were ahead of the clock in it, at most */
	double first_lead; /* the same of the first minute; only with has_lead */
	bool has_lead;
};

/* Begins with samples that are still to come. live: of one that is heard as it is sent; else base
 * is the moment of its first sample, and stays. */
void ep_pace_begin(struct ep_pace *pace, bool live, double base);

/* Counts samples that came now; gives the moment of the first.
 *
 * now  the time, in seconds since 1970. clock  the same of a clock that only goes forward. */
double ep_pace_take(struct ep_pace *pace, uint64_t count, double now, double clock);

/* Passes over sound that did not come: what comes is so many seconds later. */
void ep_pace_skip(struct ep_pace *pace, double seconds);

/* How far the samples are ahead of the clock, in seconds. */
double ep_pace_ahead(const struct ep_pace *pace, double clock);

/* Seconds to wait after so many failures in a row, 1 or more: doubling from 1 to 300, and by
 * `random` (0 to 1) between 3/4 and 5/4 of that. */
double ep_backoff_s(unsigned failures, double random);

#endif

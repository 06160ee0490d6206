/* quiet.h - whether a stream is silent: by the energy of its samples, second by second */
#ifndef EP_MONITOR_QUIET_H
#define EP_MONITOR_QUIET_H

#include <stddef.h>
#include <stdint.h>

/* A second below this level, in dB of full scale, is silent. */
#define EP_QUIET_DB (-60)

/* Zeroed: nothing was heard yet. */
struct ep_quiet {
	double energy; /* of the second that is under way: the sum of squares */
	size_t count; /* its samples */
	double silent_s; /* for how long it has been silent, up to the last whole second */
};

/* Takes the next samples, EP_SAMPLE_RATE a second. */
void ep_quiet_feed(struct ep_quiet *quiet, const int16_t *samples, size_t count);

#endif

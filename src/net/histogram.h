/* histogram.h - how long something took, counted in buckets as Prometheus has them
 *
 * The buckets are the same for all: from half a millisecond to ten seconds.
 */
#ifndef EP_NET_HISTOGRAM_H
#define EP_NET_HISTOGRAM_H

#include "base/buffer.h"

#include <stdatomic.h>
#include <stdint.h>

#define EP_HISTOGRAM_BUCKETS 14

/* A zeroed struct is an empty one. Any thread may observe and append at any time. */
struct ep_histogram {
	atomic_uint_fast64_t counts[EP_HISTOGRAM_BUCKETS + 1]; /* the last: of what took longer */
	atomic_uint_fast64_t microseconds; /* in all */
};

/* Counts something that took so many seconds; below 0 counts as 0. */
void ep_histogram_observe(struct ep_histogram *histogram, double seconds);

/* Appends it in the text format of Prometheus, version 0.0.4, with "echoprint_" before its name.
 * What there is no memory for is not there. */
void ep_histogram_append(struct ep_buffer *out, const char *name, const char *help,
                         struct ep_histogram *histogram);

/* Which time in seconds a share of what was counted, from 0 to 1, took at most, as far as buckets
 * tell: counts are those of each bucket. 0 where nothing was counted; at most 10. */
double ep_histogram_quantile(const uint64_t counts[EP_HISTOGRAM_BUCKETS + 1], double share);

#endif

/* recent.h - how a node did in the last hour, day and month: a small ring file beside the log
 *
 * docs/formats/recent.md has its bytes. What is damaged counts as empty, and nothing waits for the
 * disk: after a crash of the machine some minutes may be missing.
 */
#ifndef EP_NET_RECENT_H
#define EP_NET_RECENT_H

#include "base/status.h"
#include "net/histogram.h"
#include "net/recent_lags.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define EP_RECENT_FILE "recent"
#define EP_RECENT_STEPS (EP_HISTOGRAM_BUCKETS + 1)

/* The spans that are kept. */
enum ep_recent_span {
	EP_RECENT_HOUR, /* by the minute */
	EP_RECENT_DAY, /* by ten minutes */
	EP_RECENT_MONTH, /* 30 days by two hours */
	EP_RECENT_COUNT
};

/* What is counted. All but tracks and documents only grow, from any start. */
struct ep_recent_counts {
	uint64_t position; /* of the log */
	uint64_t tracks; /* as they are */
	uint64_t documents;
	uint64_t requests;
	uint64_t refused;
	uint64_t failed;
	uint64_t microseconds; /* of queries */
	uint64_t queries[EP_RECENT_STEPS]; /* by what they took, as a histogram has them */
};

struct ep_recent;

/* Opens the file of a data folder, or makes it; counts are where counting begins. One process at a
 * time. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_recent_open(struct ep_recent **out, const char *folder,
                                          const struct ep_recent_counts *counts, int64_t now,
                                          struct ep_error *err);
void ep_recent_close(struct ep_recent *recent);
EP_DEFINE_OWNED(struct ep_recent, ep_recent_close)

/* Adds what was counted since the last call, and how far slaves are behind, to the moment in the
 * middle of the two: seconds since 1970. What cannot be written stays in memory. One thread at a
 * time. */
void ep_recent_add(struct ep_recent *recent, const struct ep_recent_counts *counts,
                   const struct ep_recent_slaves *slaves, int64_t now);

/* The span with this name: "hour", "day", "month"; false: there is none. */
bool ep_recent_span_of(enum ep_recent_span *span, const char *name);

/* The object of GET /v1/history, as openapi.json has it, with the lags of each of slaves unless
 * that is NULL. NULL: no memory. */
json_t *ep_recent_json(const struct ep_recent *recent, enum ep_recent_span span,
                       const struct ep_recent_slaves *slaves, int64_t now);

#endif

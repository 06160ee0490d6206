/* requests.h - what a user asked for with --dedup, remembered with the tracks that the command
 * brought until copies of them have been looked for, by whoever comes first
 *
 * A named value of the log, written in the transactions of the tracks:
 *
 *     after, 64 bits; last, 64 bits; 1 byte: 0 off, 1 exact, 2 match
 *
 * for each range of positions, ascending: those behind `after`, up to `last`.
 */
#ifndef EP_DEDUP_REQUESTS_H
#define EP_DEDUP_REQUESTS_H

#include "match/find_copy.h"
#include "store/log.h"

/* So many ranges are kept; of a further one the first is forgotten. */
#define EP_DEDUP_REQUESTS_MAX 4096

struct ep_dedup_request {
	uint64_t after;
	uint64_t last;
	enum ep_dedup how; /* EP_DEDUP_OFF, EP_DEDUP_EXACT or EP_DEDUP_MATCH */
};

/* Remembers how copies are to be looked for of all that this transaction has put behind position
 * after: as for struct ep_dedup_request. EP_CORRUPT, EP_NO_MEMORY, EP_NO_SPACE, EP_IO. */
EP_MUST_USE enum ep_status ep_dedup_request(struct ep_log_write *write, uint64_t after,
                                            enum ep_dedup how, struct ep_error *err);

/* All that is remembered, in *requests, which the caller frees. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_dedup_requests(struct ep_dedup_request **requests, size_t *count,
                                             const struct ep_log_read *read, struct ep_error *err);

/* What was asked for the track at a position; EP_DEDUP_BY_ROLE: nothing. */
enum ep_dedup ep_dedup_requested(const struct ep_dedup_request *requests, size_t count,
                                 uint64_t position);

/* Forgets what is of positions up to last. As ep_dedup_request. */
EP_MUST_USE enum ep_status ep_dedup_forget(struct ep_log_write *write, uint64_t last,
                                           struct ep_error *err);

#endif

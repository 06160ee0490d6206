/* verify.h - reads a log back and checks it against itself */
#ifndef EP_STORE_VERIFY_H
#define EP_STORE_VERIFY_H

#include "store/log.h"

#include <stdatomic.h>

struct ep_verify_report {
	uint64_t tracks;
	uint64_t documents;
	uint64_t tombstones;
	uint64_t problems;
	struct ep_codes_usage usage; /* of all tracks, by form */
};

struct ep_verify_options {
	const atomic_bool *stop; /* may be NULL */
	/* Told of every problem, in the order of positions. May be NULL. */
	void (*on_problem)(void *context, const char *problem);
	void (*on_progress)(void *context, uint64_t position, uint64_t last);
	void *context;
};

/* Decodes every track and compares it with its contents hash; compares counts, lists, positions and
 * the state digest with what the entries add up to. Whatever is found wrong is a problem, not a
 * failure. EP_INTERRUPTED, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_log_verify(struct ep_verify_report *report, struct ep_log *log,
                                         const struct ep_verify_options *options,
                                         struct ep_error *err);

#endif

/* collect.h - the entries of the log behind a position, as postings in a builder, on all cores */
#ifndef EP_INDEX_COLLECT_H
#define EP_INDEX_COLLECT_H

#include "index/builder.h"
#include "store/log.h"

struct ep_collect {
	const struct ep_log_read *read; /* to its end */
	uint64_t after; /* position */
	struct ep_builder *builder;
	/* Called when the builder is full, with the position up to which it has come; must empty
	 * it. May be NULL: then it grows. */
	enum ep_status (*on_full)(void *context, uint64_t position, struct ep_error *err);
	struct ep_log *log; /* of read: pages that large entries took are given back */
	/* Called now and then; a failure ends it. */
	enum ep_status (*on_step)(void *context, uint64_t position, struct ep_error *err);
	void *context;
};

/* Adds all puts. EP_CORRUPT, EP_IO, EP_NO_MEMORY, and what the calls fail with. */
EP_MUST_USE enum ep_status ep_collect_postings(const struct ep_collect *collect,
                                               struct ep_error *err);

/* The sketch of an entry that is a put. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_entry_sketch(struct ep_sketch *sketch, struct ep_decoded *decoded,
                                           const struct ep_entry *entry,
                                           struct ep_codes_coder *coder, struct ep_error *err);

#endif

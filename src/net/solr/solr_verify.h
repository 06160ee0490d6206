/* solr_verify.h - whether a collection holds what the log holds */
#ifndef EP_NET_SOLR_SOLR_VERIFY_H
#define EP_NET_SOLR_SOLR_VERIFY_H

#include "net/solr/collection.h"

struct ep_solr_verify_options {
	struct ep_log *log;
	struct ep_solr_options solr;
	/* Told every document that differs, and how; may be NULL. */
	void (*on_difference)(void *context, struct ep_text id, const char *how);
	/* Told how many documents have been read; may be NULL. */
	void (*on_progress)(void *context, uint64_t documents, uint64_t all);
	void *context;
};

struct ep_solr_verify_report {
	uint64_t position; /* of the log's snapshot */
	uint64_t watermark; /* of the collection */
	uint64_t documents; /* in the collection */
	uint64_t entries; /* in the log */
	uint64_t different; /* in what they hold, or not in the log */
	uint64_t missing; /* entries of the log */
	uint64_t refused; /* by Solr, so that only something that stands for them is there */
	uint64_t behind; /* that have changed in the log since; these count for nothing above */
	char digest[EP_HASH_TEXT]; /* the state digest of what is in the collection */
	char log_digest[EP_HASH_TEXT];
};

/* Reads the whole collection and holds it against one snapshot of the log, entry by entry. Equal
 * digests, no differences and nothing missing: it is a faithful copy.
 *
 * EP_NOT_FOUND  there is no such collection. EP_UNREACHABLE, EP_INTERRUPTED, EP_CORRUPT,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_solr_verify(struct ep_solr_verify_report *report,
                                          const struct ep_solr_verify_options *options,
                                          struct ep_error *err);

#endif

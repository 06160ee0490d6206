/* old_solr.h - the documents of a server of 2011, in Solr 1.4: asked for, added and deleted */
#ifndef EP_NET_LEGACY_OLD_SOLR_H
#define EP_NET_LEGACY_OLD_SOLR_H

#include "net/legacy/old_page.h"

#include <stdatomic.h>

struct ep_old_solr;

/* Opens nothing yet.
 *
 * url   of the core, as http://127.0.0.1:8502/solr/fp; /solr/fp is added where it has no path.
 * stop  as for ep_exchanger_new.
 * EP_USAGE  it is no such URL. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_old_solr_new(struct ep_old_solr **out, const char *url,
                                           const atomic_bool *stop, struct ep_error *err);
void ep_old_solr_free(struct ep_old_solr *solr);
EP_DEFINE_OWNED(struct ep_old_solr, ep_old_solr_free)

/* Each of the following fails with EP_UNREACHABLE, EP_INTERRUPTED, EP_NO_MEMORY, EP_CORRUPT (the
 * answer is not one of Solr's) or EP_IO (it refuses, with its words). */

/* What is asked for. */
struct ep_old_select {
	struct ep_text query; /* in Solr's language */
	const char *sort; /* NULL: in no order */
	uint64_t start; /* documents to pass over */
	size_t rows; /* that are wanted at most */
};

/* Asks for documents. */
EP_MUST_USE enum ep_status ep_old_solr_select(struct ep_old_page *page, struct ep_old_solr *solr,
                                              const struct ep_old_select *select,
                                              struct ep_error *err);

/* Sends XML that changes documents, which nobody sees before the commit. */
EP_MUST_USE enum ep_status ep_old_solr_update(struct ep_old_solr *solr, struct ep_text xml,
                                              struct ep_error *err);

/* Commits: when it has answered, what was sent before survives, and is seen. */
EP_MUST_USE enum ep_status ep_old_solr_commit(struct ep_old_solr *solr, struct ep_error *err);

/* Appends a text in quotes to a query, so that nothing in it is understood as more than text.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_old_query_quote(struct ep_buffer *query, struct ep_text text,
                                              struct ep_error *err);

#endif

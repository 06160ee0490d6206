/* push.h - the log into a collection: a follower of the log
 *
 *     entries behind the watermark -> documents -> batches, by several connections
 *       -> all replicas have them -> hard commit -> the collection's mark -> the log's watermark
 *
 * What is sent twice, late or out of order changes nothing: the version of a document is a position
 * of the log, and Solr keeps the highest. A killed push goes on where the watermark is.
 */
#ifndef EP_NET_SOLR_PUSH_H
#define EP_NET_SOLR_PUSH_H

#include "net/solr/collection.h"
#include "net/solr/push_batches.h"

struct ep_solr_push_report {
	char collection[EP_SOLR_REAL_MAX]; /* the one behind the alias */
	uint64_t sent; /* entries */
	uint64_t refused; /* of these, by Solr */
	uint64_t position; /* the watermark */
};

/* A push that can be repeated, so that what was sent is not sent again while a replica is away. */
struct ep_solr_push;

/* options is copied, what it points to borrowed. EP_USAGE, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_solr_push_open(struct ep_solr_push **out,
                                             const struct ep_solr_push_options *options,
                                             struct ep_error *err);
void ep_solr_push_close(struct ep_solr_push *push);
EP_DEFINE_OWNED(struct ep_solr_push, ep_solr_push_close)

/* Brings the collection up to the end of the log. report is filled, on failure too. The first time,
 * and then now and then, it also compares the collection with the log, by number and positions of
 * documents; if it lacks some, all are sent again.
 *
 * EP_NOT_FOUND  there is no such collection. EP_DIVERGED  it follows another log or epoch, or is
 * ahead of this one. EP_UNREACHABLE  Solr does not answer, or not all replicas have what was sent.
 * EP_INTERRUPTED, EP_BAD_INPUT, EP_CORRUPT, EP_IO, EP_NO_MEMORY. What it fails with: what was
 * committed stays. */
EP_MUST_USE enum ep_status ep_solr_push(struct ep_solr_push_report *report,
                                        struct ep_solr_push *push, struct ep_error *err);

#endif

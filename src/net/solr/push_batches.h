/* push_batches.h - a stretch of the log as batches of documents, sent by several connections */
#ifndef EP_NET_SOLR_PUSH_BATCHES_H
#define EP_NET_SOLR_PUSH_BATCHES_H

#include "net/solr/solr.h"
#include "store/log.h"

/* Of the whole push (push.h). */
struct ep_solr_push_options {
	struct ep_log *log; /* open for writing */
	struct ep_solr_options solr;
	unsigned connections; /* that send side by side; at least 1 */
	uint64_t replicas_min; /* the watermark moves when so many have all; 0: all of them */
	bool restart; /* fill a new collection, and give it the alias when it is complete */
	/* Told how far it is: entries sent, position of last; may be NULL. */
	void (*on_progress)(void *context, uint64_t sent, uint64_t position, uint64_t last);
	/* Told of every entry that Solr refuses, and why. From any thread. */
	void (*on_refused)(void *context, struct ep_text id, const char *why);
	/* Told what else happens, in a line. */
	void (*on_line)(void *context, const char *line);
	void *context;
};

struct ep_push_batches;

/* options is borrowed. As ep_solr_push_open. */
EP_MUST_USE enum ep_status ep_push_batches_new(struct ep_push_batches **out,
                                               const struct ep_solr_push_options *options,
                                               struct ep_error *err);
void ep_push_batches_free(struct ep_push_batches *batches);
EP_DEFINE_OWNED(struct ep_push_batches, ep_push_batches_free)

struct ep_push_batches_report {
	uint64_t replicas; /* in: that are to have each document */
	uint64_t sent; /* entries */
	uint64_t refused; /* of these, by Solr */
	bool short_of; /* fewer replicas have some of it */
	bool repeated; /* some was sent more than once, so that Solr does not say who has it */
};

/* Sends the entries behind `after`, up to `last`, to a collection. report is filled on failure too.
 * EP_UNREACHABLE  some was not sent. EP_INTERRUPTED, EP_BAD_INPUT (Solr refuses everything),
 * EP_CORRUPT, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_push_batches_send(struct ep_push_batches_report *report,
                                                struct ep_push_batches *batches, const char *real,
                                                const struct ep_log_read *read, uint64_t after,
                                                uint64_t last, struct ep_error *err);

#endif

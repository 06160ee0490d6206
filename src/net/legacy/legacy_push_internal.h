/* legacy_push_internal.h - a push on its way, which its steps share */
#ifndef EP_NET_LEGACY_LEGACY_PUSH_INTERNAL_H
#define EP_NET_LEGACY_LEGACY_PUSH_INTERNAL_H

#include "net/legacy/legacy_push.h"
#include "net/legacy/push_batch.h"
#include "node/followers.h"

struct ep_pushing {
	const struct ep_legacy_push_options *options;
	struct ep_legacy_push_report *report;
	struct ep_old_solr *solr;
	struct ep_tyrant *tyrant;
	char follower[EP_FOLLOWER_NAME_MAX + 1];
	bool unsure; /* a push broke off: up to the log's end, the servers' answers say nothing */
	struct ep_push_batch batch;
	struct ep_old_page page;
	struct ep_buffer query;
	struct ep_buffer xml;
	int64_t stamp; /* the date of the documents that were added last; 0: none were */
	int64_t last_dump; /* the time of their last dump; 0: none */
	double ahead; /* how far it was to be ahead, in seconds */
	struct ep_text *keys; /* of rows that are to be sent, and then of codes to be removed */
	struct ep_text *values;
	size_t key_count;
	size_t key_capacity;
};

/* ---- push_request.c ---- */

/* Lists a key, with a value. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_push_key(struct ep_pushing *push, struct ep_text key,
                                       struct ep_text value, struct ep_error *err);

/* Begins XML for Solr; ends it, and sends it. As ep_old_solr_update. */
EP_MUST_USE enum ep_status ep_push_begin_xml(struct ep_pushing *push, const char *begin,
                                             struct ep_error *err);
EP_MUST_USE enum ep_status ep_push_send_xml(struct ep_pushing *push, const char *end,
                                            struct ep_error *err);

/* ---- the steps ---- */

/* Asks both servers which rows of the batch they have (ep_push_row.same). Solr does not show the
 * codes that it has: where they may differ from Tokyo Tyrant's, this must not be asked. */
EP_MUST_USE enum ep_status ep_push_compare(struct ep_pushing *push, struct ep_error *err);

/* Deletes what is to go from Solr, and lists the keys of the codes. *deleted: so many documents
 * were there. */
EP_MUST_USE enum ep_status ep_push_delete(uint64_t *deleted, struct ep_pushing *push,
                                          struct ep_error *err);

#endif

/* What the parts of fetch know of each other. */
#ifndef EP_SYNC_SLAVE_FETCH_INTERNAL_H
#define EP_SYNC_SLAVE_FETCH_INTERNAL_H

#include "peer/peer.h"
#include "sync/slave/fetch.h"

struct ep_fetcher {
	struct ep_log *log;
	const struct ep_transport *transport;
	const struct ep_sync_options *options;
	struct ep_sync_report *report;
	struct ep_master master;
	struct ep_feed feed;
	struct ep_buffer text; /* of feed.json */
	char *incoming; /* folder of packets on their way */
	bool restarted; /* this call began anew */
	struct ep_mark seen; /* what had been seen before this feed */
	uint8_t seen_head[EP_HEAD_MAX];
	size_t seen_head_size;
	struct ep_sync_progress progress;
};

/* ---- fetch_history.c: what is known of the master, and whether its feed may be followed ---- */

/* Reads what is stored of the master. */
EP_MUST_USE enum ep_status ep_fetch_load_master(struct ep_fetcher *fetcher, struct ep_error *err);

/* Whether the master that is stored is still the one whose feed is followed. EP_DIVERGED  this node
 * has joined another one. */
EP_MUST_USE enum ep_status ep_fetch_check_key(const struct ep_master *now,
                                              const struct ep_key *followed, struct ep_error *err);

/* Notes beside the log that the master was reached, and which feed is followed. */
void ep_fetch_note_feed(const struct ep_fetcher *fetcher);

/* Sets what a fetch changes in what is stored; the rest may have changed meanwhile. The second does
 * so in a transaction of its own, where it is news. */
EP_MUST_USE enum ep_status ep_fetch_set_master(struct ep_log_write *write,
                                               struct ep_fetcher *fetcher, struct ep_error *err);
EP_MUST_USE enum ep_status ep_fetch_store_master(struct ep_fetcher *fetcher, struct ep_error *err);

enum ep_fetch_history {
	EP_HISTORY_SAME,
	EP_HISTORY_OLDER, /* the same, but behind what was seen */
	EP_HISTORY_OTHER
};

/* EP_DIVERGED: says how the feed's history differs from the one that was followed. */
enum ep_status ep_fetch_fail_history(const struct ep_feed *feed, const struct ep_master *master,
                                     enum ep_fetch_history history, struct ep_error *err);

/* Whether to follow the feed, or to start again from it. EP_DIVERGED: neither. */
EP_MUST_USE enum ep_status ep_fetch_check_feed(struct ep_fetcher *fetcher, struct ep_error *err);

/* Notes, before anything of it is applied, up to where the feed's history was seen. */
EP_MUST_USE enum ep_status ep_fetch_note_seen(struct ep_fetcher *fetcher, struct ep_error *err);

/* ---- fetch_packets.c ---- */

/* Says whose feed it is that is damaged, and where. */
enum ep_status ep_fetch_name_feed(const struct ep_fetcher *fetcher, enum ep_status status,
                                  struct ep_error *err);

/* Takes what is new. EP_NOT_FOUND: a packet has gone meanwhile. */
EP_MUST_USE enum ep_status ep_fetch_take_packets(struct ep_fetcher *fetcher, struct ep_error *err);

#endif

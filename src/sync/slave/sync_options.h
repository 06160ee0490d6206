/* sync_options.h - what a slave is told of its syncs, and what it tells */
#ifndef EP_SYNC_SLAVE_SYNC_OPTIONS_H
#define EP_SYNC_SLAVE_SYNC_OPTIONS_H

#include "format/contribution.h"
#include "sync/transport.h"

/* A feed that is older is warned of. */
#define EP_STALE_S 86400

struct ep_sync_progress {
	uint64_t bytes; /* fetched */
	uint64_t size; /* of all that is to be fetched */
	uint64_t documents; /* applied */
};

struct ep_sync_options {
	const char *name; /* of this node, for its packets */
	bool restart; /* start again from the feed as it is now; nothing of this node is lost */
	bool retry; /* send again what was over a limit of the master */
	int64_t patience_s; /* how long the feed may take to show what was answered, until that is
	                       sent again: its master may have lost it */
	const char *mirror; /* a folder into which the feed is copied as it is; NULL: none */
	struct ep_feed_request *request; /* what is known of feed.json, kept between calls */
	const atomic_bool *stop; /* may be NULL */
	void (*on_progress)(void *context, const struct ep_sync_progress *progress);
	void *context;
};

enum ep_proof {
	EP_PROOF_NONE, /* local changes are on their way, so that it cannot be told yet */
	EP_PROOF_EQUAL, /* this copy and the master's are the same, but for local_only tracks */
};

struct ep_sync_report {
	uint64_t contributed; /* tracks that the master has answered about */
	uint64_t outcomes[EP_OUTCOME_COUNT]; /* of these */
	uint64_t answered; /* the master's position after it */
	bool waits; /* a contribution waits in the master's folder */
	uint64_t from; /* position of the feed */
	uint64_t to;
	uint64_t packets; /* applied */
	uint64_t bytes; /* fetched */
	uint64_t documents; /* that changed something here */
	uint64_t deleted; /* tracks */
	int64_t age_s; /* of the feed, by this node's clock */
	enum ep_proof proof;
	uint64_t local_only; /* tracks that the master does not have */
};

/* What to do about it, in messages. */
#define EP_START_AGAIN                                                                         \
	"run `echoprint sync --restart` to read the feed from its beginning, keeping what is " \
	"local"

#endif

/* sync.h - a slave keeps in step with its master: contributes what is local, fetches what is new
 *
 *     contribute:  what the feed has not confirmed -> signed packet, kept in the data folder until
 *                  its receipt has come, sent again as it is until then
 *     fetch:       feed.json -> checked against the pinned key and what was seen -> the packets
 *                  with the fewest bytes -> checked against their hashes -> the log
 *
 * Both may run side by side, and be killed at any moment. docs/replication.md tells the protocol.
 */
#ifndef EP_SYNC_SLAVE_SYNC_H
#define EP_SYNC_SLAVE_SYNC_H

#include "peer/peer.h"
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
	bool waits; /* a contribution lies in the master's folder */
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

/* Contributes until nothing is left, or an answer has to be waited for.
 *
 * EP_NOT_FOUND  this node has no master. EP_BAD_INPUT  the master refuses. EP_DIVERGED  it does not
 * come to terms with what this node sends: another node has the same key.
 * EP_CORRUPT  a receipt is wrongly signed. EP_UNREACHABLE, EP_INTERRUPTED, EP_IO, EP_NO_SPACE. */
EP_MUST_USE enum ep_status ep_contribute(struct ep_sync_report *report, struct ep_log *log,
                                         const struct ep_transport *transport,
                                         const struct ep_sync_options *options,
                                         struct ep_error *err);

/* Fetches and applies what is new.
 *
 * EP_DIVERGED  the feed goes back, has another history or a new epoch, or this copy is another than
 * the master's: it has to start again, which somebody must ask for (options->restart).
 * EP_CORRUPT  wrongly signed, or damaged on the way twice. EP_NEWER; others as above. */
EP_MUST_USE enum ep_status ep_fetch(struct ep_sync_report *report, struct ep_log *log,
                                    const struct ep_transport *transport,
                                    const struct ep_sync_options *options, struct ep_error *err);

/* What to do about it, in messages. */
#define EP_START_AGAIN "`echoprint sync --restart` starts again from it, keeping what is local"

/* Compares state digests when a feed has been applied, and sets report->proof and local_only;
 * nothing, while local changes are on their way. EP_DIVERGED  this copy is not the master's.
 * EP_CORRUPT and so on. */
EP_MUST_USE enum ep_status ep_prove_equal(struct ep_sync_report *report, struct ep_log *log,
                                          const struct ep_feed *feed, struct ep_error *err);

/* Both: what is local goes first; what can be fetched is fetched, although the master refuses.
 * Where the feed's side can wait, what was just contributed is waited for, for some seconds. */
EP_MUST_USE enum ep_status ep_sync(struct ep_sync_report *report, struct ep_log *log,
                                   const struct ep_transport *master,
                                   const struct ep_transport *feed,
                                   const struct ep_sync_options *options, struct ep_error *err);

/* What the feed has not confirmed. */
struct ep_pending {
	uint64_t unsent; /* tracks and links to be sent */
	uint64_t sent; /* sent, and not in the feed yet */
	uint64_t full; /* over a limit of the master */
	uint64_t refused; /* that the master does not take */
};
EP_MUST_USE enum ep_status ep_sync_pending(struct ep_pending *pending,
                                           const struct ep_log_read *read, struct ep_error *err);

/* Whether anything of this log is not confirmed. */
EP_MUST_USE enum ep_status ep_sync_waits(bool *waits, struct ep_log *log, struct ep_error *err);

/* Whether the feed there, as far as one can be had, is of the master with this key.
 * EP_CORRUPT  it is another's, or damaged. EP_NEWER. */
EP_MUST_USE enum ep_status ep_join_check(const struct ep_transport *feed, const struct ep_key *key,
                                         struct ep_error *err);

/* Joins the master of an invitation, whose feed is fetched from a mirror (NULL: from itself): pins
 * its key, and asks to be let in where there is a secret. *waits says that the request lies in a
 * folder, to be answered there. EP_BAD_INPUT  refused. EP_CORRUPT  the answer is not the master's.
 * EP_UNREACHABLE. */
EP_MUST_USE enum ep_status ep_join_master(bool *waits, struct ep_log *log,
                                          const struct ep_transport *transport,
                                          const struct ep_invitation *invitation, bool has_secret,
                                          const char *mirror, struct ep_error *err);

/* Notes beside the log (contact.h) that the master was reached, or what went wrong. Fails
 * silently. */
void ep_sync_note(struct ep_log *log, enum ep_status status, const struct ep_error *why);

#endif

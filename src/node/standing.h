/* standing.h - how a node stands with those whom it knows: its master, its slaves
 *
 * `status`, /status and /metrics tell these facts, each in its own form.
 */
#ifndef EP_NODE_STANDING_H
#define EP_NODE_STANDING_H

#include "peer/peer.h"
#include "sync/slave/sync.h"

#include <jansson.h>

struct ep_standing {
	char key[EP_KEY_TEXT]; /* of this node; empty: it has none yet */
	uint64_t position; /* of the log */
	bool has_published; /* it could be read what was: */
	uint64_t published; /* position of the own feed; 0: never */
	bool has_master; /* it has joined one, which can be read: */
	struct ep_master master;
	struct ep_pending pending; /* what that has not confirmed */
	bool has_peers; /* its slaves could be read: */
	struct ep_peer *peers;
	size_t peer_count;
};

/* Fills standing from a snapshot and the files beside the log. What cannot be read is not there. */
void ep_standing_read(struct ep_standing *standing, const struct ep_log_read *read,
                      const char *folder);

/* Frees what a standing holds, also a zeroed one. */
void ep_standing_done(struct ep_standing *standing);

/* {"key", "published", "master": null or {...}, "peers": [...]}; NULL when it could not be read. */
json_t *ep_standing_json(const struct ep_standing *standing);

/* A moment as text, or null for 0. */
json_t *ep_moment_json(int64_t moment);

/* ---- one of those whom it knows ---- */

/* One slave as `source list --json` prints it; position: of the log. */
json_t *ep_peer_json(const struct ep_peer *peer, uint64_t position);

/* "in", "invited". */
const char *ep_peer_state(const struct ep_peer *peer);

/* The same for people; now is the time: also "silent", of one that is in, but was not heard from
 * for EP_PEER_SILENT_S seconds. It is off, syncs seldom, or has a mirror and nothing to send. */
#define EP_PEER_SILENT_S 900
const char *ep_peer_word(const struct ep_peer *peer, int64_t now);

/* Changes that a slave has not fetched, of a log at position; 0 where the log is an older copy than
 * what it has. */
uint64_t ep_peer_behind(const struct ep_peer *peer, uint64_t position);

/* Up to where the master's feed has been seen: while it is applied anew, it may be seen less far.
 */
uint64_t ep_master_seen(const struct ep_master *master);

#endif

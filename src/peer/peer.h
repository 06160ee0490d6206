/* peer.h - whom a node knows: a master its slaves, a slave its master
 *
 * Kept as named values of the log, so that they change in the transaction of what they are about:
 * "peer.NAME" of every slave that may contribute, "master" of the master.
 */
#ifndef EP_PEER_PEER_H
#define EP_PEER_PEER_H

#include "base/sign.h"
#include "base/time.h"
#include "format/contribution.h"
#include "format/feed.h"
#include "format/invitation.h"
#include "store/log.h"

#define EP_PEER_ERROR 240

/* What a slave says of its state, with its position. */
struct ep_contact_state {
	char digest[EP_HASH_TEXT]; /* empty: it does not say */
	bool mirrors; /* it passes the feed on */
};

/* A slave, as its master knows it. */
struct ep_peer {
	char name[EP_SOURCE_NAME_MAX + 1];
	bool has_key;
	struct ep_key key;
	bool invited; /* it has no key yet, and an invitation that is good for one */
	struct ep_key invitation; /* public half of the invitation's keys */
	uint64_t position; /* of this log after its last contribution; 0: none */
	uint64_t tracks_max; /* that it may own, tombstones too */
	uint64_t bytes_max; /* that these may take in the log */
	uint64_t fetched; /* position of the feed that it last said to have */
	int64_t fetched_at; /* when it said so; 0: never */
	struct ep_contact_state state; /* that it had then; it is not in the log */
	int64_t contact; /* when it was last heard of; 0: never */
	char error[EP_PEER_ERROR]; /* the last refusal; empty: none since it was accepted */
};

/* The limits of a slave where nobody has set others. */
#define EP_PEER_TRACKS_MAX ((uint64_t)10 * 1000 * 1000)
#define EP_PEER_BYTES_MAX ((uint64_t)64 << 30)

/* EP_NOT_FOUND  no such slave. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_peer_load(struct ep_peer *peer, const struct ep_log_read *read,
                                        const char *name, struct ep_error *err);
EP_MUST_USE enum ep_status ep_peer_store(struct ep_log_write *write, const struct ep_peer *peer,
                                         struct ep_error *err);
/* What comes from a slave's key is from the source of its name from now on. EP_BAD_INPUT: the key
 * is another source's. */
EP_MUST_USE enum ep_status ep_peer_name_key(struct ep_log_write *write, const struct ep_peer *peer,
                                            struct ep_error *err);
EP_MUST_USE enum ep_status ep_peer_remove(struct ep_log_write *write, const char *name,
                                          struct ep_error *err);

/* The slave that has a key. EP_NOT_FOUND. */
EP_MUST_USE enum ep_status ep_peer_of_key(struct ep_peer *peer, const struct ep_log_read *read,
                                          const struct ep_key *key, struct ep_error *err);

/* Whether a slave may be added under a name (NULL: it has one already), and admitted with a key
 * (NULL: it has none yet). Names differ in more than upper and lower case from those of all other
 * sources; no two slaves have one key, and none has the master's own. EP_BAD_INPUT  who has it. */
EP_MUST_USE enum ep_status ep_peer_check_new(const struct ep_log_read *read, const char *name,
                                             const struct ep_key *key, const struct ep_key *own,
                                             struct ep_error *err);

/* All slaves that are known, in the order in which they came; an array for free(). */
EP_MUST_USE enum ep_status ep_peers(struct ep_peer **peers, size_t *count,
                                    const struct ep_log_read *read, struct ep_error *err);

/* A master, as its slave knows it. */
struct ep_master {
	char url[EP_URL_MAX + 1];
	char mirror[EP_URL_MAX + 1]; /* where its feed is fetched; empty: from itself */
	char source[EP_SOURCE_NAME_MAX + 1]; /* as it calls this node */
	struct ep_key key; /* pinned */
	struct ep_epoch epoch; /* of the feed; number 0: nothing was fetched yet */
	uint64_t position; /* of the feed, up to which it has been applied */
	struct ep_mark seen; /* mark of the newest feed that was seen; position 0: none */
	uint8_t head[EP_HEAD_MAX]; /* head of that feed, to be shown to the master */
	size_t head_size;
	uint64_t answered; /* the master's position when it last took a contribution */
	int64_t answered_at; /* when that was */
	int64_t feed_time; /* when the feed that was applied was made */
	int64_t contact; /* when it was last reached; 0: never */
	uint64_t conflicts; /* tracks that it did not take, since the join */
	uint64_t rejected;
	bool restarting; /* a restart: this copy is being read again from the feed */
	bool shows; /* the feed has another history: the head is to be shown to the master */
	char error[EP_PEER_ERROR]; /* what went wrong last; empty: nothing since */
};

/* EP_NOT_FOUND  this node has joined no master. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_master_load(struct ep_master *master, const struct ep_log_read *read,
                                          struct ep_error *err);
/* This node follows no master any more. */
EP_MUST_USE enum ep_status ep_master_forget(struct ep_log_write *write, struct ep_error *err);
/* Whether the user of this node may delete, link or release a track: not what came from the master
 * that it follows, as this copy would then not be the master's. EP_BAD_INPUT, EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_check_own(const struct ep_log_read *read, struct ep_text track,
                                        struct ep_error *err);
EP_MUST_USE enum ep_status ep_master_store(struct ep_log_write *write,
                                           const struct ep_master *master, struct ep_error *err);

#endif

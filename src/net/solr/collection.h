/* collection.h - a collection as the copy of a log: its making, its mark, and whether all of its
 * replicas have what was sent
 *
 * The name that users give is an alias; behind it is a collection NAME-N. One that is filled anew
 * has the next N, and gets the alias when it is complete.
 */
#ifndef EP_NET_SOLR_COLLECTION_H
#define EP_NET_SOLR_COLLECTION_H

#include "net/solr/solr.h"
#include "store/log.h"

#define EP_SOLR_REAL_MAX (EP_SOLR_NAME_MAX + 24)

/* How a collection is laid out. */
struct ep_solr_shape {
	uint64_t shards;
	uint64_t replicas; /* of each shard */
};

/* Makes the configuration, and the first collection with the alias where there is none yet; *made
 * says which. A configuration that is there is brought up to date. As ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_init(bool *made, struct ep_solr *solr,
                                        const struct ep_solr_shape *shape, struct ep_error *err);

/* The collection behind the alias. EP_NOT_FOUND  there is none; as ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_find(char real[EP_SOLR_REAL_MAX], struct ep_solr *solr,
                                        struct ep_error *err);

/* How a collection is laid out. As ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_shape(struct ep_solr_shape *shape, struct ep_solr *solr,
                                         const char *real, struct ep_error *err);

/* Finds the collection that follows `real`, to be filled anew, or makes it in the same shape. As
 * ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_next(char next[EP_SOLR_REAL_MAX], struct ep_solr *solr,
                                        const char *real, struct ep_error *err);

/* Gives the alias to a collection, and deletes the one that had it. As ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_switch(struct ep_solr *solr, const char *to, const char *from,
                                          struct ep_error *err);

/* ---- the mark: whose log a collection follows, and how far ---- */

struct ep_solr_mark {
	bool any; /* false: nothing was ever sent */
	char log[64]; /* node id and epoch, as ep_solr_log_name gives them */
	uint64_t position;
};

/* Tells a log and its epoch from all others. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_solr_log_name(char name[64], const struct ep_log_read *read,
                                            struct ep_error *err);

/* Reads the mark, also one that is not committed yet. As ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_mark(struct ep_solr_mark *mark, struct ep_solr *solr,
                                        const char *real, struct ep_error *err);
EP_MUST_USE enum ep_status ep_solr_set_mark(struct ep_solr *solr, const char *real, const char *log,
                                            uint64_t position, struct ep_error *err);

/* ---- what a collection holds ---- */

/* How many documents, and the sum of their positions. */
struct ep_solr_sum {
	uint64_t count;
	double positions;
};

/* Counts all documents but the mark, as far as they are visible. As ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_sum(struct ep_solr_sum *sum, struct ep_solr *solr,
                                       const char *real, struct ep_error *err);

/* Commits, so that what was sent is durable where it is, and visible. As ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_commit(struct ep_solr *solr, const char *real,
                                          struct ep_error *err);

/* Whether all replicas of all shards are active on nodes that live, and every replica of a shard
 * has the same documents of versions above `after`; all is committed. why says what is missing. As
 * ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_agree(bool *agree, char why[256], struct ep_solr *solr,
                                         const char *real, uint64_t after, struct ep_error *err);

/* Sends JSON objects, one after the other, to /update of a collection; call->answer is Solr's, and
 * *replicas how many replicas have them, UINT64_MAX where none of them changed anything. As
 * ep_solr_call: a refusal is in call->status. */
EP_MUST_USE enum ep_status ep_solr_update(struct ep_solr_call *call, uint64_t *replicas,
                                          struct ep_solr *solr, const char *real,
                                          struct ep_text documents, struct ep_error *err);

#endif

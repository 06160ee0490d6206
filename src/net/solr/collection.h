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

/* Finds the collection that follows `real`, to be filled anew, or makes it in the same shape. One
 * that is there, but cannot be filled further by this log, is deleted first.
 *
 * log, position  of this log. As ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_next(char next[EP_SOLR_REAL_MAX], struct ep_solr *solr,
                                        const char *real, const char *log, uint64_t position,
                                        struct ep_error *err);

/* Gives the alias to a collection; deletes one. As ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_set_alias(struct ep_solr *solr, const char *real,
                                             struct ep_error *err);
EP_MUST_USE enum ep_status ep_solr_delete(struct ep_solr *solr, const char *real,
                                          struct ep_error *err);

/* ---- the mark: whose log a collection follows, and how far ---- */

#define EP_SOLR_LOG_NAME 64
#define EP_SOLR_STAMP (2 * EP_REVISION_SIZE + 1)

struct ep_solr_mark {
	bool any; /* false: nothing was ever sent */
	char log[EP_SOLR_LOG_NAME]; /* node id and epoch, as ep_solr_log_name gives them */
	uint64_t position;
	char stamp[EP_SOLR_STAMP]; /* contents of the log's entry there, in hex; empty: not known */
};

/* Tells a log and its epoch from all others. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_solr_log_name(char name[EP_SOLR_LOG_NAME],
                                            const struct ep_log_read *read, struct ep_error *err);

/* The stamp of a position: empty where the track that changed there has changed again. EP_CORRUPT.
 */
EP_MUST_USE enum ep_status ep_solr_stamp(char stamp[EP_SOLR_STAMP], const struct ep_log_read *read,
                                         uint64_t position, struct ep_error *err);

/* Reads the mark, also one that is not committed yet. As ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_mark(struct ep_solr_mark *mark, struct ep_solr *solr,
                                        const char *real, struct ep_error *err);
EP_MUST_USE enum ep_status ep_solr_set_mark(struct ep_solr *solr, const char *real,
                                            const struct ep_solr_mark *mark, struct ep_error *err);

/* ---- what a collection holds ---- */

/* How many documents, and the sums of their positions and versions. */
struct ep_solr_sum {
	uint64_t count;
	double positions;
	double versions;
};

/* Counts all documents but the mark of versions from `least` on, as far as they are visible. As
 * ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_sum(struct ep_solr_sum *sum, struct ep_solr *solr,
                                       const char *real, uint64_t least, struct ep_error *err);

/* Whether every shard of a collection answers searches. As ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_check(struct ep_solr *solr, const char *real,
                                         struct ep_error *err);

/* Commits, so that what was sent is durable where it is, and visible. As ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_commit(struct ep_solr *solr, const char *real,
                                          struct ep_error *err);

/* Whether enough replicas of every shard are active on nodes that live, and all of these have the
 * same committed documents of versions from `least` on. There are no soft commits, so what a
 * replica shows is durable there. Replicas of type PULL do not count.
 *
 * needed  replicas of each shard; 0: all. why  says what is missing. As ep_solr_ask. */
EP_MUST_USE enum ep_status ep_solr_agree(bool *agree, char why[256], struct ep_solr *solr,
                                         const char *real, uint64_t least, uint64_t needed,
                                         struct ep_error *err);

/* Sends JSON objects, one after the other, to /update of a collection; call->answer is Solr's, and
 * *replicas how many replicas have them, UINT64_MAX where Solr does not say, as when nothing
 * changed. As
 * ep_solr_call: a refusal is in call->status. */
EP_MUST_USE enum ep_status ep_solr_update(struct ep_solr_call *call, uint64_t *replicas,
                                          struct ep_solr *solr, const char *real,
                                          struct ep_text documents, struct ep_error *err);

#endif
